"""`demo-rounds`: two rounds around a training run, with everything a manager meets in between."""

import json
from pathlib import Path
from typing import Any

import labeling
from labeling.actions.adjudications import adjudicate
from labeling.actions.campaigns import update_campaign
from labeling.actions.cases import open_case
from labeling.actions.demo import DemoAccounts
from labeling.actions.guidelines import publish_guidelines
from labeling.actions.pairing import pair_and_open_round
from labeling.actions.rounds import close_round
from labeling.actions.snapshots import freeze_round
from labeling.actions.trained_models import register_model
from labeling.management.demo.loading import (
    OPEN_ROLES,
    Recipe,
    SourceFile,
    import_file,
    judge_all,
    make_campaign,
)
from labeling.models import Campaign, Case, Comparison, Round, Seat
from labeling.simulation.demo import MANNERS, RATERS
from workers.metrics import compute_report
from workers.snapshots import run_freeze

SLUG = "demo-rounds"
DATA = Path(labeling.__file__).parent / "demo_data"
# It comes out of training on what the first round said of the others.
TRAINED = "larch-large"
ANCHOR = "rowan-plain"
PROMPTS = 14
SECOND = 110
# The clause that stands for a criterion.
CITES = {"truthful": "T1", "helpful": "H1", "harmless": "S1"}
# One who hardly reads is among them, so that there is a case to look into.
PEOPLE = (*RATERS[:5], RATERS[11])
CHANGED = (
    "Check numbers, names, code and each step of a proof.",
    "Check numbers, names, code and each step of a proof. A claim that nobody could check counts"
    " as wrong where the person would act on it.",
)


def load(accounts: DemoAccounts, campaign: Campaign | None, schema: dict[str, Any]) -> str:
    """Load it, or go on where a loading was cut short; what to say of it."""
    if campaign is None:
        campaign = _make(accounts, schema)
    manager = accounts.users["manager"]
    first = campaign.rounds.filter(number=1).first()
    if first is None:
        first = pair_and_open_round(
            campaign=campaign, by=manager, name="Before training", anchor=ANCHOR, seed=1
        )
        campaign = update_campaign(campaign=campaign, by=manager, state="active")
    count = judge_all(campaign, accounts, PEOPLE, MANNERS, seed="rounds-1", cites=CITES)
    if first.state == Round.State.OPEN:
        _train(campaign, first, accounts)
        import_file(campaign, SourceFile("with-the-trained-model.jsonl", _rows(TRAINED)))
    second = campaign.rounds.filter(number=2).first()
    if second is None:
        pair_and_open_round(
            campaign=campaign,
            by=manager,
            name="With the trained model",
            anchor=ANCHOR,
            keep=4,
            seed=2,
        )
    # Some of the second round is left to people.
    count += judge_all(
        campaign, accounts, PEOPLE, MANNERS, seed="rounds-2", most=SECOND, cites=CITES
    )
    compute_report(campaign)
    _review(campaign, accounts)
    return f"{SLUG}: {count} judgments in two rounds by {len(PEOPLE)} simulated raters"


def _make(accounts: DemoAccounts, schema: dict[str, Any]) -> Campaign:
    return make_campaign(
        accounts,
        Recipe(
            slug=SLUG,
            fields={
                "name": "A model in training",
                "description": "Four models are compared, one more is trained on what was said,"
                " and the next round sets it against them. Judged by simulated raters, with known"
                " answers and hidden repeats among the rest: what a manager's week looks like.",
                "overlap": 3,
                "schema": schema | {"clauses": True},
                "requirements": {"gold_rate": 0.1, "repeat_rate": 0.1},
                "policy": {"pay_per_hour": 18, "currency": "EUR", "agreement_floor": 0.2},
                "attribution": "Written for Thurstone and dedicated to the public domain"
                " (CC0-1.0).",
                "is_simulated": True,
            },
            files=[
                SourceFile("prompts.jsonl", _rows()),
                SourceFile("gold.jsonl", (DATA / "gold.jsonl").read_bytes(), kind="gold"),
            ],
            guidelines=_guidelines(),
            examples=json.loads((DATA / "examples.json").read_text()),
            roles=OPEN_ROLES,
        ),
    )


def _train(campaign: Campaign, first: Round, accounts: DemoAccounts) -> None:
    """Close and freeze the round, sharpen a clause, and name the model that came of it."""
    manager = accounts.users["manager"]
    close_round(round_=first, by=manager)
    run_freeze(freeze_round(campaign=campaign, round_=first, by=manager).pk)
    publish_guidelines(
        campaign=campaign,
        body=_guidelines().replace(*CHANGED),
        by=manager,
        change_note="T1: what nobody could check counts as wrong.",
        examples=json.loads((DATA / "examples.json").read_text()),
        asks_rereading=False,
    )
    register_model(campaign=campaign, round_=first, name=TRAINED, by=manager, base="alder-tuned")


def _review(campaign: Campaign, accounts: DemoAccounts) -> None:
    """Decide the most contested comparison, and ask about the rater who hardly reads."""
    manager = accounts.users["manager"]
    report = campaign.reports.latest()
    if not campaign.adjudications.exists() and (contested := report.body["contested"]):
        split = Comparison.objects.get(campaign=campaign, public_id=contested[0]["comparison_id"])
        adjudicate(
            comparison=split,
            by=manager,
            preference="tie",
            note="Both meet the need; what is left is taste, so T1 and H1 do not decide it.",
        )
    hasty = Seat.objects.get(campaign=campaign, rater__user__username=PEOPLE[-1].name)
    if not Case.objects.filter(seat__campaign=campaign).exists():
        open_case(
            campaign=campaign,
            rater=hasty.rater,
            by=manager,
            text="Several of your judgments came faster than both answers can be read, and some"
            " known answers were missed. Is something on the page in your way?",
        )


def _guidelines() -> str:
    return (DATA / "guidelines.md").read_text()


def _rows(model: str = "") -> bytes:
    """Prompts with the pairs of a round: of each two neighbours among the models that were there
    before training, or of `model` with each of them.
    """
    lines: list[bytes] = []
    for name in ("coding", "writing", "advice"):
        for line in (DATA / f"{name}.jsonl").read_bytes().splitlines():
            row = json.loads(line)
            models = [one["model"] for one in row["completions"]]
            old = [place for place, one in enumerate(models) if one != TRAINED]
            if len(old) < 3 or TRAINED not in models:
                continue
            row["pairs"] = (
                [[models.index(model), place] for place in old]
                if model
                else [[place, old[(at + 1) % len(old)]] for at, place in enumerate(old)]
            )
            lines.append(json.dumps(row).encode())
    return b"\n".join(lines[:: len(lines) // PROMPTS][:PROMPTS])
