"""What a change of a campaign's settings would do to the work that is under way, in sentences.

Counted just now, while nothing is held: between reading this and saving, raters go on.
"""

# Put together from a constant of ours.
# ruff: noqa: S608
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal

from django.db import connection
from django.db.models import Count, QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from labeling.errors import FieldProblem
from labeling.models import Assignment, Campaign, Judgment, Rater, Round, Seat
from labeling.models.queue import JUDGED_ELSEWHERE, wanted_of
from labeling.policy import Policy, read_policy
from labeling.queries.budget import spent_of
from labeling.queries.routing import known_skills
from labeling.schemas import Presentation, Requirements, read_presentation, read_requirements
from labeling.skills import obstacles

Tone = Literal["", "warn", "bad"]


@dataclass(frozen=True)
class Effect:
    """One thing that saving would do, or would not be let do."""

    text: str
    tone: Tone = ""


# Of the open rounds that follow the campaign's overlap: what raising it would lay, and what
# lowering it would end, as labeling.models.laying does both.
_OVERLAP = f"""
SELECT count(*), coalesce(sum(greatest(wanted - standing, 0)), 0),
  coalesce(sum(least(greatest(standing - wanted, 0), free)), 0),
  count(*) FILTER (WHERE standing - free > wanted)
FROM (
  SELECT {wanted_of("%(overlap)s")} - {JUDGED_ELSEWHERE} AS wanted,
    (SELECT count(*) FROM labeling_assignment a WHERE a.comparison_id = c.id
      AND a.ordinal IS NOT NULL AND (a.outcome IS NULL OR a.outcome = 'completed')) AS standing,
    (SELECT count(*) FROM labeling_assignment a WHERE a.comparison_id = c.id
      AND a.ordinal IS NOT NULL AND a.rater_id IS NULL AND a.ended_at IS NULL) AS free
  FROM labeling_comparison c JOIN labeling_round r ON r.id = c.round_id
  WHERE r.campaign_id = %(campaign)s AND r.state = 'open' AND r.kind = 'production'
    AND r.overlap = %(before)s AND r.budget IS NULL AND r.max_overlap IS NULL) counted
"""


@dataclass(frozen=True)
class _Work:
    """What is under way: judgments wanted and free, comparisons in hand, judgments made."""

    free: int
    held: int
    judged: int


def effects_of(
    campaign: Campaign, changes: Mapping[str, Any], refused: list[FieldProblem]
) -> list[Effect]:
    """What `update_campaign(campaign, **changes)` would do; nothing where nothing would change.

    `refused` is what the action would not let through (`refused_changes`): it is said first.
    """
    changed = {name: new for name, new in changes.items() if getattr(campaign, name) != new}
    if not changed:
        return []
    work = _work(campaign)
    found = [Effect(problem.message, "bad") for problem in refused] if work.judged else []
    if "overlap" in changed:
        found += _of_overlap(campaign, changed["overlap"], work)
    if "presentation" in changed:
        found += _of_arms(campaign, read_presentation(changed["presentation"]), work)
    if "schema" in changed:
        found += _of_schema(campaign.schema, changed["schema"], work)
    if "requirements" in changed:
        found += _of_requirements(campaign, changed["requirements"], work)
    if "policy" in changed:
        found += _of_policy(campaign, changed["policy"])
    if "lease_seconds" in changed and work.held:
        found.append(
            Effect(f"{_hands(work.held)} keep the time they were given until it is renewed.")
        )
    return found


def _hands(count: int) -> str:
    return f"The {count:,} comparison{'' if count == 1 else 's'} in hand"


def _work(campaign: Campaign) -> _Work:
    unended = Assignment.objects.filter(campaign=campaign, ended_at=None)
    return _Work(
        free=Assignment.objects.filter(
            lane__campaign=campaign, rater=None, ended_at=None, ordinal__isnull=False
        ).count(),
        held=unended.filter(rater__isnull=False).count(),
        judged=campaign.judgments.filter(rater__kind="human").count(),
    )


def _of_overlap(campaign: Campaign, overlap: int, work: _Work) -> Iterator[Effect]:
    before = campaign.overlap
    with connection.cursor() as cursor:
        cursor.execute(_OVERLAP, {"campaign": campaign.pk, "overlap": overlap, "before": before})
        ((comparisons, laid, ended, beyond),) = cursor.fetchall()
    if overlap > before:
        if comparisons:
            kept = f" {_hands(work.held)} keep their arm and their time." if work.held else ""
            yield Effect(
                f"Raising the overlap {before} → {overlap} lays {laid:,} more"
                f" judgment{'' if laid == 1 else 's'}.{kept}"
            )
    elif comparisons:
        more = (
            f" {beyond:,} comparison{' has' if beyond == 1 else 's have'} more already, and keep"
            f"{'s' if beyond == 1 else ''} what is there."
            if beyond
            else ""
        )
        yield Effect(
            f"Lowering the overlap {before} → {overlap} ends {ended:,} open"
            f" judgment{'' if ended == 1 else 's'}; what is in hand may be finished, and no"
            f" judgment is touched.{more}",
            "warn",
        )
    rounds = campaign.rounds.filter(state=Round.State.OPEN, kind=Round.Kind.PRODUCTION)
    for own in rounds.exclude(overlap=before, budget=None, max_overlap=None).order_by("number"):
        why = (
            "was opened with an overlap of its own"
            if own.overlap != before
            else "has a budget or a stop rule of its own"
        )
        yield Effect(f"Round {own.number} {why} and keeps its overlap of {own.overlap}.")


def _of_arms(campaign: Campaign, after: Presentation, work: _Work) -> Iterator[Effect]:
    if not work.free + work.held:
        return
    yield Effect(
        f"Arms and weights go for what is laid from now on. {work.free + work.held:,} judgments"
        " that are open or in hand keep the arm they were dealt."
    )
    before = {arm.name: arm for arm in read_presentation(campaign.presentation).arms}
    now = {arm.name: arm for arm in after.arms}
    waiting = dict(
        Assignment.objects.filter(campaign=campaign, ended_at=None, ordinal__isnull=False)
        .order_by()
        .values_list("arm")
        .annotate(Count("pk"))
    )
    for name in before.keys() - now.keys():
        if waiting.get(name):
            yield Effect(
                f"“{name}” goes, and {waiting[name]:,} judgments were dealt it: they are shown at"
                " once, under its name. Give it a weight of 0.01 instead to let it run out.",
                "warn",
            )
    for name in before.keys() & now.keys():
        one, other = before[name], now[name]
        shown = (one.mode, one.tokens_per_second, one.context, one.lock_until_shown)
        if shown != (other.mode, other.tokens_per_second, other.context, other.lock_until_shown):
            judged = campaign.judgments.filter(presentation_arm=name).count()
            if judged or waiting.get(name):
                yield Effect(
                    f"“{name}” would show texts differently: its {judged:,} judgments so far were"
                    f" made under the old way, and {waiting.get(name, 0):,} that were dealt it are"
                    " shown the new way. A new arm under another name keeps the two apart.",
                    "warn",
                )


def _of_schema(
    before: Mapping[str, Any], after: Mapping[str, Any], work: _Work
) -> Iterator[Effect]:
    old = {criterion["key"] for criterion in before.get("criteria", [])}
    added = [one["label"] for one in after["criteria"] if one["key"] not in old]
    if added and work.judged:
        yield Effect(
            f"{work.judged:,} judgments so far have no answer to “{'”, “'.join(added)}”.", "warn"
        )
    asks_more = (
        added
        or (after["rationale"] == "required" and before.get("rationale") != "required")
        or any(after[name] and not before.get(name) for name in ("steps", "absolute_quality"))
    )
    if work.held and asks_more:
        yield Effect(
            f"{_hands(work.held)} are asked the new questions as well: a rater who has answered the"
            " old ones is told what is missing.",
            "warn",
        )
    elif work.held and after != before:
        yield Effect(f"{_hands(work.held)} are answered by the new questions.")


def _of_requirements(campaign: Campaign, after: Mapping[str, Any], work: _Work) -> Iterator[Effect]:
    before = campaign.requirements
    asked = read_requirements(after)
    for name, what in (("gold_rate", "Gold"), ("repeat_rate", "Repeats")):
        if after[name] != before.get(name, 0):
            yield Effect(
                f"{what} come at {after[name]:.1%} from the next claim on; nothing that is open or"
                " in hand changes."
            )
    if asked.qualification and asked.qualification != before.get("qualification"):
        seats = Seat.objects.filter(campaign=campaign, is_active=True, rater__kind="human")
        passed = Seat.objects.filter(
            campaign__slug=asked.qualification,
            campaign__organisation=campaign.organisation_id,
            qualified_at__isnull=False,
        )
        total = seats.count()
        missing = total - seats.filter(rater__in=passed.values("rater")).count()
        if missing:
            yield Effect(
                f"{missing:,} of {total:,} raters here have not passed it: they get nothing more"
                " before they do. What they hold may be finished.",
                "warn",
            )
    old = read_requirements(before)
    yield from _of_skills(campaign, old, asked)
    yield from _of_caps(campaign, old, asked)
    if after["identity"] != before.get("identity", "show") and work.free + work.held:
        yield Effect(
            "Completions that name their model are treated the new way from the next page on; what"
            " is open already is not taken back."
        )


def _of_skills(campaign: Campaign, old: Requirements, asked: Requirements) -> Iterator[Effect]:
    """Whom new skills, levels and languages shut out who are let in now."""
    if (asked.skills, asked.languages) == (old.skills, old.languages):
        return
    raters = list(_who_rate(campaign))
    known = known_skills([rater.pk for rater in raters])
    now = timezone.now()
    shut = sum(
        bool(obstacles(asked, known[rater.pk], rater.languages, now))
        and not obstacles(old, known[rater.pk], rater.languages, now)
        for rater in raters
    )
    if shut:
        yield Effect(
            f"{shut:,} of {len(raters):,} raters here lack{'s' if shut == 1 else ''} a skill or a"
            " language that is asked for: they get nothing more before they have it. What they"
            " hold may be finished.",
            "warn",
        )


def _of_caps(campaign: Campaign, old: Requirements, asked: Requirements) -> Iterator[Effect]:
    """Who has done as much as a lower cap gives them."""
    done = Assignment.objects.filter(
        campaign=campaign, outcome=Assignment.Outcome.COMPLETED, rater__in=_who_rate(campaign)
    ).exclude(comparison__round__kind=Round.Kind.QUALIFICATION)
    midnight = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
    for cap, was, judged, when in (
        (asked.daily_cap, old.daily_cap, done.filter(ended_at__gte=midnight), "today"),
        (asked.campaign_cap, old.campaign_cap, done, "in all"),
    ):
        if cap is None or (was is not None and cap >= was):
            continue
        counted = judged.order_by().values("rater").annotate(n=Count("pk")).filter(n__gte=cap)
        reached = (counted if was is None else counted.filter(n__lt=was)).count()
        if reached:
            yield Effect(
                f"{reached:,} rater{' has' if reached == 1 else 's have'} judged {cap:,} or more"
                f" {when}: they get nothing more{' today' if when == 'today' else ' here'}. What"
                " they hold may be finished.",
                "warn",
            )


def _who_rate(campaign: Campaign) -> QuerySet[Rater]:
    """People who sign in and whose part in the campaign is not paused."""
    return Rater.objects.filter(
        seats__campaign=campaign, seats__is_active=True, kind="human", user__isnull=False
    )


def _of_rule(policy: Policy, before: Policy) -> Iterator[Effect]:
    rule = policy.pause_rule
    if rule == before.pause_rule:
        return
    if rule is None:
        yield Effect(
            "No rule pauses anybody from now on. Who is paused stays so until a manager decides."
        )
        return
    yield Effect(
        f"Whoever judges {rule.in_a_row} in a row in less than {rule.seconds:g} seconds each is"
        " paused without a person being asked, and a case is opened. Only judgments from now on"
        " count.",
        "warn",
    )


def _of_telemetry(campaign: Campaign, policy: Policy, before: Policy) -> Iterator[Effect]:
    days, was = policy.telemetry_days, before.telemetry_days
    if days is None or (was is not None and days >= was):
        return
    old = Judgment.objects.filter(campaign=campaign, created_at__lt=Now() - timedelta(days=days))
    if count := old.exclude(client={}).count():
        yield Effect(
            f"What pages measured of {count:,} judgment{'' if count == 1 else 's'} is older than"
            f" {days} days: all but the time taken is forgotten at the next sweep, for good.",
            "warn",
        )


def _of_policy(campaign: Campaign, after: Mapping[str, Any]) -> Iterator[Effect]:
    policy, before = read_policy(after), read_policy(campaign.policy)
    yield from _of_rule(policy, before)
    yield from _of_telemetry(campaign, policy, before)
    if policy.budget is None or after["budget"] == campaign.policy.get("budget"):
        return
    spent = spent_of(campaign)
    if policy.budget <= spent:
        yield Effect(
            f"{spent:,} judgments have been asked for: with a budget of {policy.budget:,} nothing"
            " more is handed out. What is in hand may be finished.",
            "warn",
        )
    else:
        yield Effect(
            f"{spent:,} of {policy.budget:,} judgments have been asked for;"
            f" {policy.budget - spent:,} may still be handed out."
        )
