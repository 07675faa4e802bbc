"""Open a round of a chosen kind: choose its pairs by a rule, or take what it is about."""

import secrets
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, Final

import msgspec
from django.db import transaction
from django.db.models import Func, Max, TextField, Value
from django.db.models.functions import Cast, Coalesce, Concat, Now

from labeling import audit
from labeling.actions.ended import hold_campaign
from labeling.actions.rounds import (
    GIVEN,
    NOTHING_WAITS,
    begin_round,
    lay_round,
    lay_waiting,
    named_comparisons,
    open_qualification,
)
from labeling.errors import ConflictError, InvalidInputError, refused
from labeling.models import (
    AuditEvent,
    Campaign,
    Comparison,
    Rater,
    Report,
    Round,
    RoundItem,
    Seat,
    Source,
    User,
    candidates,
)
from labeling.models.candidates import Drawn
from labeling.models.rounds import EVALUE, STOP_MEASURE
from labeling.pairing.allocation import Allotment
from labeling.pairing.ranking import Ranking
from labeling.pairing.settings import EVEN, PairingSettings, Rule, read_pairing
from labeling.practice import DEFAULT_PASS_SHARE
from labeling.queries.round_plans import RoundPlan, choose_pairs, first_count, plan_round

# Raters that one item of a calibration can have at most, as any comparison.
MOST_RATERS = 100
MOST_ITEMS = 1000
DEFAULT_ITEMS = 20
# A second click of the same form comes within this time.
REPEAT: Final = timedelta(minutes=1)
Kind = Round.Kind
# What tells the same click from another one: what is asked for, and where a round keeps it.
_COMPARED: Mapping[str, str] = {
    "overlap": "overlap",
    "pairing": "pairing",
    "budget": "budget",
    "stop_rule": "stops_by",
}
# What belongs to which kind; what is given to another is refused by name.
_OWN: Mapping[str, frozenset[str]] = {
    Kind.PRODUCTION: frozenset(
        {"overlap", "pairing", "pairing_settings", "budget", "stop_rule", "max_overlap", "stop_at"}
        | {"anchor", "keep"}
    ),
    Kind.QUALIFICATION: frozenset({"pass_share", "comparisons"}),
    Kind.CALIBRATION: frozenset({"items"}),
    Kind.ADJUDICATION: frozenset({"items", "comparisons"}),
}


@transaction.atomic(durable=True)
def pair_and_open_round(
    *,
    campaign: Campaign,
    by: User | None,
    kind: str = Kind.PRODUCTION,
    name: str = "",
    seed: int | None = None,
    number: int | None = None,
    **asked: Any,
) -> Round:
    """Open a round of this kind and put it before its raters or reviewers.

    `number` is the one that the round is meant to get: if another was opened since, ConflictError.
    The same call again, by the same user within a minute, is the round that the first one opened.

    Production: `pairing` "given" takes the comparisons that wait; any other rule makes new ones of
    prompts' completions that nobody has paired, with its `pairing_settings`. `budget` bounds the
    judgments it asks for; `overlap`, and with the `stop_rule` "posterior" or "evalue" `max_overlap`
    and `stop_at`, say how many each gets. With `every` among the settings of a rule that learns,
    the first pairs are chosen now and others while raters work. `keep` of the last round's are
    asked again. `anchor` names the model that is held at one score. Qualification: `pass_share`,
    `comparisons`. Calibration: `items`, a sample of what waits, which every seated rater judges
    before all else. Adjudication: `comparisons`, or the `items` most contested in the newest
    report, for reviewers.
    """
    campaign = hold_campaign(campaign)
    if kind not in _OWN:
        raise refused("kind", f"Write one of {', '.join(Kind.values)}.")
    for field in asked:
        if field not in _OWN[kind]:
            owners = [one for one, fields in _OWN.items() if field in fields]
            raise refused(field, f"Only rounds of {' or '.join(owners)} have this.")
    if number is not None and (opened := _opened_as(campaign, number, by, kind, asked)):
        return opened
    if kind == Kind.QUALIFICATION:
        share = asked.get("pass_share")
        return open_qualification(
            campaign,
            by,
            name,
            DEFAULT_PASS_SHARE if share is None else share,
            asked.get("comparisons", ()),
        )
    seed = secrets.randbits(62) if seed is None else seed
    if kind == Kind.CALIBRATION:
        return _open_calibration(campaign, by, name, seed, asked.get("items", DEFAULT_ITEMS))
    if kind == Kind.ADJUDICATION:
        return _open_adjudication(campaign, by, name, seed, asked)
    return _open_production(campaign, by, name, seed, asked)


def _opened_as(
    campaign: Campaign, number: int, by: User | None, kind: str, asked: Mapping[str, Any]
) -> Round | None:
    """The round that the same click opened a moment ago; None where `number` is the next one."""
    if number == (campaign.rounds.aggregate(last=Max("number"))["last"] or 0) + 1:
        return None
    found = campaign.rounds.filter(number=number, kind=kind).first()
    compared = _COMPARED if kind == Kind.PRODUCTION else {}
    if (
        found is not None
        and all(
            getattr(found, kept) == asked[said] for said, kept in compared.items() if said in asked
        )
        and AuditEvent.objects.filter(
            verb="round.opened",
            campaign=campaign,
            subject=found.public_id,
            user=by,
            created_at__gte=Now() - REPEAT,
        ).exists()
    ):
        return found
    raise ConflictError(
        f"Round {number} is open already: it was opened after this page was shown. Nothing more was"
        " opened. Look at it, then open another one if it is still wanted."
    )


def _open_production(
    campaign: Campaign, by: User | None, name: str, seed: int, asked: Mapping[str, Any]
) -> Round:
    plan = plan_round(campaign, asked)
    pairing = asked.get("pairing") or GIVEN
    anchor = _anchor(campaign, asked.get("anchor") or "")
    last, wanted, keepable = _kept(campaign, asked.get("keep") or 0, plan)
    stored: dict[str, Any] = {}
    rule: Rule | None = None
    made: list[Allotment] = []
    if pairing == GIVEN:
        if asked.get("pairing_settings"):
            raise refused("pairing_settings", 'The pairing "given" has none: its pairs are there.')
        if not campaign.comparisons.waiting().exists():
            raise ConflictError(NOTHING_WAITS)
    else:
        rule, settings = read_pairing(pairing, asked.get("pairing_settings") or {})
        made, ranking, report = choose_pairs(
            campaign,
            rule=rule,
            settings=settings,
            count=first_count(plan, settings, kept=wanted),
            overlap=plan.overlap,
            seed=seed,
        )
        if not made and not wanted:
            raise ConflictError(
                "No two completions of a prompt are without a comparison. Generate or import"
                " completions first, or open the comparisons that wait."
            )
        stored = as_stored(rule, settings, ranking, report)
    if plan.stop_rule == EVALUE:
        stored |= {STOP_MEASURE: EVALUE}
    opened = begin_round(
        campaign,
        name=name,
        kind=Kind.PRODUCTION,
        overlap=plan.overlap,
        pairing=pairing,
        pairing_settings=stored,
        budget=plan.budget,
        # Kept as the posterior rule, whose numbers it has, with its own measure.
        stop_rule="posterior" if plan.stop_rule == EVALUE else plan.stop_rule,
        max_overlap=plan.max_overlap,
        stop_at=plan.stop_at,
        anchor=anchor,
        seed=seed,
    )
    if rule is not None:
        candidates.draw(
            campaign=campaign, round_id=opened.pk, rule=rule, wanted=drawn(made), seed=seed
        )
    kept = 0
    if last is not None and wanted:
        kept = candidates.keep(
            last_id=last.pk,
            round_id=opened.pk,
            number=opened.number,
            wanted=wanted,
            of=keepable,
            seed=seed,
        )
    laid = lay_round(campaign, opened)
    if rule is None:
        left = None if plan.count is None else max(plan.count - kept, 0)
        laid += lay_waiting(campaign, opened, limit=left)
    audit.record(
        "round.opened",
        campaign=campaign,
        by=by,
        subject=opened.public_id,
        kind=opened.kind,
        pairing=pairing,
        comparisons=opened.comparisons.count(),
        kept=kept,
        assignments=laid,
    )
    return opened


def drawn(made: Sequence[Allotment]) -> list[Drawn]:
    """The rule's shares as the database takes them."""
    return [
        Drawn(row.candidates.model_a, row.candidates.model_b, row.count, row.propensity)
        for row in made
    ]


def _kept(campaign: Campaign, keep: int, plan: RoundPlan) -> tuple[Round | None, int, int]:
    """The round whose items are asked again, how many are, and of how many."""
    if keep == 0:
        return None, 0, 0
    if keep < 0:
        raise refused("keep", "It is a number of comparisons.")
    rounds = campaign.rounds.filter(
        kind=Kind.PRODUCTION, comparisons__judgments__rater__kind=Rater.Kind.HUMAN
    )
    last = rounds.order_by("-number").first()
    keepable = candidates.keepable_count(round_id=last.pk) if last else 0
    if last is None or not keepable:
        raise refused("keep", "No earlier round has a judged comparison to ask again.")
    wanted = min(keep, keepable)
    if plan.count is not None and wanted > plan.count:
        raise refused("keep", f"The budget is enough for {plan.count} comparisons in all.")
    return last, wanted, keepable


def _anchor(campaign: Campaign, name: str) -> str:
    if name and not Source.objects.filter(campaign=campaign, model=name).exists():
        raise refused("anchor", f"No completion of this campaign is by {name}.")
    return name


def as_stored(
    rule: Rule, settings: PairingSettings, ranking: Ranking, report: Report | None
) -> dict[str, Any]:
    """What the rule was given, so that its choice can be made again."""
    given: dict[str, Any] = msgspec.to_builtins(settings)
    for field, owner in (("baseline", "baseline"), ("k", "topk")):
        if rule != owner:
            del given[field]
    if rule in EVEN:
        return {}
    if settings.every is None:
        del given["every"]
    return given | {
        "report": str(report.public_id) if report else None,
        "strengths": {
            name: round(float(value), 6)
            for name, value in zip(ranking.models, ranking.strength, strict=True)
        },
    }


def _open_calibration(
    campaign: Campaign, by: User | None, name: str, seed: int, items: int
) -> Round:
    _check_items(items)
    raters = Seat.objects.filter(campaign=campaign, is_active=True, rater__kind="human").count()
    if not raters:
        raise ConflictError(
            "Nobody has a seat in this campaign yet, so there is none to calibrate."
        )
    if not (waiting := campaign.comparisons.waiting().count()):
        raise ConflictError(NOTHING_WAITS)
    opened = begin_round(
        campaign, name=name, kind=Kind.CALIBRATION, overlap=min(raters, MOST_RATERS), seed=seed
    )
    # A random sample that the seed alone gives again.
    key = Concat(Cast("public_id", TextField()), Value(":calibration"))
    dealt = Func(key, Value(seed), function="hashtextextended")
    sample = campaign.comparisons.waiting().order_by(dealt, "pk").values("pk")[:items]
    taken = Comparison.objects.filter(pk__in=list(sample.values_list("pk", flat=True)))
    # The chance of this draw, on top of the one by which the comparison was chosen before.
    chance = Value(min(items / waiting, 1.0)) * Coalesce("propensity", 1.0)
    count = taken.update(round=opened, selection_policy=Kind.CALIBRATION, propensity=chance)
    laid = lay_round(campaign, opened)
    audit.record(
        "round.opened",
        campaign=campaign,
        by=by,
        subject=opened.public_id,
        kind=opened.kind,
        comparisons=count,
        assignments=laid,
    )
    return opened


def _open_adjudication(
    campaign: Campaign, by: User | None, name: str, seed: int, asked: Mapping[str, Any]
) -> Round:
    judged = campaign.comparisons.filter(judgments__rater__kind="human", gold=None).distinct()
    named: Sequence[str] = asked.get("comparisons") or ()
    if named:
        if "items" in asked:
            raise InvalidInputError("Name the comparisons, or say how many: not both.")
        found = named_comparisons(judged, named, "with a judgment")
        keys = list(found.order_by("pk").values_list("pk", flat=True))
    else:
        items = asked.get("items", DEFAULT_ITEMS)
        _check_items(items)
        report = campaign.reports.order_by("-computed_at").first()
        contested = report.body["contested"][:items] if report else []
        ids = [row["comparison_id"] for row in contested]
        keys = list(judged.filter(public_id__in=ids).order_by("pk").values_list("pk", flat=True))
    waiting = RoundItem.objects.filter(round__campaign=campaign, round__state=Round.State.OPEN)
    taken = set(waiting.values_list("comparison_id", flat=True))
    if not (keys := [key for key in keys if key not in taken]):
        raise ConflictError(
            "There is nothing to adjudicate: no comparison is contested in the newest report, or"
            " all that are wait for reviewers already."
        )
    opened = begin_round(campaign, name=name, kind=Kind.ADJUDICATION, overlap=1, seed=seed)
    RoundItem.objects.bulk_create(RoundItem(round=opened, comparison_id=key) for key in keys)
    audit.record(
        "round.opened",
        campaign=campaign,
        by=by,
        subject=opened.public_id,
        kind=opened.kind,
        items=len(keys),
    )
    return opened


def _check_items(items: int) -> None:
    if not 1 <= items <= MOST_ITEMS:
        raise refused("items", f"It goes from 1 to {MOST_ITEMS}.")
