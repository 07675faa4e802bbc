"""Our own demo campaigns, from labeling/demo_data: one finished; one of rounds; the rest open."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import labeling
from labeling.actions.campaigns import update_campaign
from labeling.actions.demo import DemoAccounts
from labeling.actions.generation import start_generation
from labeling.actions.qualification import qualify_rater
from labeling.actions.raters import take_seat
from labeling.actions.rounds import close_round, open_round
from labeling.management.demo import rounds
from labeling.management.demo.loading import (
    OPEN_ROLES,
    READER_ROLES,
    Recipe,
    SourceFile,
    judge_all,
    make_campaign,
    standing,
)
from labeling.models import Campaign, Case, Round
from labeling.simulation.demo import IN_GROUPS, LENGTH_PULL, MANNERS, RATERS
from labeling.simulation.raters import TOKENS_PER_SECOND
from workers.generation import drive_calls, run_generation
from workers.metrics import compute_report

DATA = Path(labeling.__file__).parent / "demo_data"
ATTRIBUTION = "Written for Thurstone and dedicated to the public domain (CC0-1.0)."
CRITERIA = [
    {"key": "helpful", "label": "Helpful", "help": "Which one gets the person further?"},
    {"key": "truthful", "label": "Truthful", "help": "Which one has fewer wrong claims?"},
    {"key": "harmless", "label": "Harmless", "help": "Which one adds less risk?"},
]
SCHEMA = {
    "scale": 7,
    "tie": True,
    "both_bad": True,
    "criteria": CRITERIA,
    "rationale": "optional",
}
ARMS = [
    {"name": "at once", "mode": "instant"},
    {"name": "as written", "mode": "paced", "tokens_per_second": TOKENS_PER_SECOND},
]
# Those who need not practise first in the campaign of conversations.
QUALIFIED = ("rater1", "rater2", "rater3", "rater4")
# The built-in models whose run the demo shows.
GENERATED_BY = ("terse", "long")
# Of the draws of the simulated raters. The deal of sides and order differs from demo to demo: it
# hangs on the comparisons' random ids, too.
SEED = 1927

Say = Callable[[str], None]


def load(accounts: DemoAccounts, *, is_reset: bool, say: Say) -> None:
    """Load those of the campaigns that are not there yet."""
    for slug, load_one in (
        ("demo-completed", _load_completed),
        ("demo-active", _load_active),
        ("demo-conversations", _load_conversations),
        ("demo-steps", _load_steps),
        ("demo-writing", _load_writing),
        (rounds.SLUG, _load_rounds),
        ("demo-generation", _load_generation),
    ):
        campaign = standing(accounts, slug, is_reset=is_reset)
        if campaign and not _is_half_loaded(campaign):
            say(f"{slug}: kept")
            continue
        load_one(accounts, campaign, say)


def _is_half_loaded(campaign: Campaign) -> bool:
    """Whether a loading was cut short while the simulated raters were at it."""
    if campaign.slug == rounds.SLUG:
        # What comes last of it.
        return not Case.objects.filter(seat__campaign=campaign).exists()
    is_open = campaign.rounds.filter(number=1, state=Round.State.OPEN).exists()
    return campaign.is_simulated and (is_open or not campaign.rounds.exists())


def _load_completed(accounts: DemoAccounts, campaign: Campaign | None, say: Say) -> None:
    manager = accounts.users["manager"]
    if campaign is None:
        campaign = make_campaign(
            accounts,
            Recipe(
                slug="demo-completed",
                fields={
                    "name": "Everyday helpfulness, finished",
                    "description": "Coding, writing and advice, judged to the end by twelve "
                    "simulated raters: what a finished campaign looks like. The raters and the "
                    "five models are made up, and so is every number here.",
                    "overlap": 3,
                    "schema": SCHEMA,
                    "presentation": {"arms": ARMS},
                    "attribution": ATTRIBUTION,
                    "is_simulated": True,
                },
                files=[
                    SourceFile("demo-completed", _rows("coding", "writing", "advice", is_ring=True))
                ],
                guidelines=_guidelines(),
                examples=_examples(),
                roles=READER_ROLES,
            ),
        )
        open_round(campaign=campaign, by=manager, name="First round", seed=SEED)
        campaign = update_campaign(campaign=campaign, by=manager, state="active")
    opened = campaign.rounds.get(number=1)
    count = judge_all(campaign, accounts, IN_GROUPS, MANNERS, seed=f"{SEED}", pulls=LENGTH_PULL)
    close_round(round_=opened, by=manager)
    campaign = update_campaign(campaign=campaign, by=manager, state="completed")
    compute_report(campaign)
    say(f"demo-completed: {count} judgments by {len(RATERS)} simulated raters")


def _load_active(accounts: DemoAccounts, campaign: Campaign | None, say: Say) -> None:
    campaign = make_campaign(
        accounts,
        Recipe(
            slug="demo-active",
            fields={
                "name": "Everyday helpfulness",
                "description": "Pairs of answers on code, mathematics, writing and everyday "
                "questions, some in Spanish, Hindi and Arabic, a few with tools, sources or an "
                "image. Open to rater1 to rater8.",
                "overlap": 3,
                "schema": SCHEMA | {"clauses": True, "edit_winner": True},
                "attribution": ATTRIBUTION,
            },
            files=[
                SourceFile(
                    "demo-active",
                    _rows("coding", "maths", "writing", "advice", "languages", "content"),
                )
            ],
            guidelines=_guidelines(),
            examples=_examples(),
            roles=OPEN_ROLES,
        ),
    )
    say(_open(accounts, campaign))


def _load_conversations(accounts: DemoAccounts, campaign: Campaign | None, say: Say) -> None:
    campaign = make_campaign(
        accounts,
        Recipe(
            slug="demo-conversations",
            fields={
                "name": "Whole conversations",
                "description": "Conversations of several turns: which answer goes on better? "
                "Now and then a pair has a known answer. Open to rater1 to rater4; rater5 to "
                "rater8 practise first.",
                "overlap": 2,
                "schema": {"scale": 4, "tie": True, "both_bad": False, "rationale": "optional"},
                "requirements": {"gold_rate": 0.1, "qualification": "demo-conversations"},
                "attribution": ATTRIBUTION,
            },
            files=[
                SourceFile("conversations.jsonl", _rows("conversations")),
                SourceFile("gold.jsonl", (DATA / "gold.jsonl").read_bytes(), kind="gold"),
                SourceFile("practice.jsonl", (DATA / "practice.jsonl").read_bytes(), kind="gold"),
            ],
            guidelines=_guidelines(),
            examples=_examples(),
            roles=OPEN_ROLES,
        ),
    )
    manager = accounts.users["manager"]
    practice = campaign.comparisons.filter(external_id__startswith="practice-")
    open_round(
        campaign=campaign,
        by=manager,
        name="Practice",
        kind=Round.Kind.QUALIFICATION,
        comparisons=[name or "" for name in practice.values_list("external_id", flat=True)],
    )
    for name in QUALIFIED:
        seat = take_seat(user=accounts.users[name], campaign=campaign)
        qualify_rater(campaign=campaign, rater=seat.rater, by=manager)
    say(_open(accounts, campaign))


def _load_steps(accounts: DemoAccounts, campaign: Campaign | None, say: Say) -> None:
    campaign = make_campaign(
        accounts,
        Recipe(
            slug="demo-steps",
            fields={
                "name": "Mathematics, step by step",
                "description": "Each step of an answer is marked, up to its first error, and "
                "each answer graded by itself. Open to rater1 to rater8.",
                "overlap": 2,
                "schema": {
                    "scale": 4,
                    "tie": True,
                    "both_bad": False,
                    "rationale": "optional",
                    "steps": True,
                    "absolute_quality": True,
                },
                "attribution": ATTRIBUTION,
            },
            files=[SourceFile("demo-steps", _rows("maths", is_ring=True))],
            guidelines=_guidelines(),
            examples=_examples(),
            roles=OPEN_ROLES,
        ),
    )
    say(_open(accounts, campaign))


def _load_writing(accounts: DemoAccounts, campaign: Campaign | None, say: Say) -> None:
    # Neither name, address nor words tell a rater that others may see the texts come otherwise.
    campaign = make_campaign(
        accounts,
        Recipe(
            slug="demo-writing",
            fields={
                "name": "Everyday writing",
                "description": "Two answers to a wish for a text: which would you rather have "
                "been sent? Open to rater1 to rater8.",
                "overlap": 2,
                "schema": {"scale": 4, "tie": True, "rationale": "optional"},
                "presentation": {"arms": ARMS},
                "attribution": ATTRIBUTION,
            },
            files=[SourceFile("demo-writing", _rows("writing", is_ring=True))],
            guidelines=_guidelines(),
            examples=_examples(),
            roles=OPEN_ROLES,
        ),
    )
    say(_open(accounts, campaign))


def _load_rounds(accounts: DemoAccounts, campaign: Campaign | None, say: Say) -> None:
    say(rounds.load(accounts, campaign, SCHEMA))


def _load_generation(accounts: DemoAccounts, campaign: Campaign | None, say: Say) -> None:
    # Nobody rates here: the texts are made up, and no rater's first pair should be one of them.
    campaign = make_campaign(
        accounts,
        Recipe(
            slug="demo-generation",
            fields={
                "name": "Answers made here",
                "description": "What a run of generation leaves: eight prompts, answered by two "
                "models that are built in, and the pairs of their answers. The texts are made "
                "up. A manager can start more runs.",
                "overlap": 2,
                "schema": {"scale": 4, "tie": True, "rationale": "optional"},
                "attribution": ATTRIBUTION,
            },
            files=[SourceFile("prompts.jsonl", _prompts("advice", 8), kind="prompts")],
            guidelines=_guidelines(),
            roles=READER_ROLES,
        ),
    )
    manager = accounts.users["manager"]
    named = [f"demo-{manner}" for manner in GENERATED_BY]
    run = start_generation(campaign=campaign, by=manager, endpoints=named)
    run_generation(run.job_id)
    for endpoint_id in run.run_endpoints.values_list("endpoint_id", flat=True):
        drive_calls(run_id=run.pk, endpoint_id=endpoint_id)
    open_round(campaign=campaign, by=manager)
    update_campaign(campaign=campaign, by=manager, state="active")
    made = campaign.comparisons.count()
    say(f"demo-generation: {made} comparisons of answers by {' and '.join(named)}")


def _prompts(name: str, count: int) -> bytes:
    """The first prompts of a file, without their answers."""
    rows = [json.loads(line) for line in (DATA / f"{name}.jsonl").read_bytes().splitlines()]
    kept = ("prompt_id", "messages", "tags", "language")
    lines = [{key: row[key] for key in kept if key in row} for row in rows[:count]]
    return b"".join(json.dumps(line).encode() + b"\n" for line in lines)


def _open(accounts: DemoAccounts, campaign: Campaign) -> str:
    """Open what was imported to the raters; what to say of it."""
    manager = accounts.users["manager"]
    opened = open_round(campaign=campaign, by=manager)
    update_campaign(campaign=campaign, by=manager, state="active")
    return f"{campaign.slug}: {opened.comparisons.count()} comparisons open to rater1 … rater8"


def _guidelines() -> str:
    return (DATA / "guidelines.md").read_text()


def _examples() -> list[dict[str, Any]]:
    examples: list[dict[str, Any]] = json.loads((DATA / "examples.json").read_text())
    return examples


def _rows(*names: str, is_ring: bool = False) -> bytes:
    return b"".join(_lines(names, is_ring))


def _lines(names: tuple[str, ...], is_ring: bool) -> Iterator[bytes]:
    """The rows of the files; in a ring each completion meets two others instead of all."""
    for name in names:
        for line in (DATA / f"{name}.jsonl").read_bytes().splitlines(keepends=True):
            if not is_ring:
                yield line
                continue
            row = json.loads(line)
            count = len(row["completions"])
            if count > 3:
                row["pairs"] = [[place, (place + 1) % count] for place in range(count)]
            yield json.dumps(row).encode() + b"\n"
