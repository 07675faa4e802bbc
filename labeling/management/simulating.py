"""A simulated campaign from beginning to end: made, judged through the queue, and looked at.

Everything goes through the product's own actions: import, rounds, claims, submissions, stopping.
"""

import json
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from django.utils import timezone

from labeling.actions.campaigns import create_campaign, update_campaign
from labeling.actions.pairing import pair_and_open_round
from labeling.actions.rounds import close_round
from labeling.actions.simulation import date_back_round, enrol_simulated_people
from labeling.management.at_work import AtWork, Worked, note_groups, seated, work_through
from labeling.management.demo.loading import SourceFile, import_file
from labeling.metrics.stopping import GOES_ON
from labeling.models import Assignment, Campaign, Comparison, Organisation, Report, User
from labeling.queries.rater_signals import chances_of_all
from labeling.schemas import read_schema
from labeling.simulation.compare import Caught, Finding, caught, findings
from labeling.simulation.expected import Expected, expected
from labeling.simulation.planted import (
    AS_WRITTEN,
    AT_ONCE,
    CRITERIA,
    Item,
    Planted,
)
from labeling.simulation.raters import TOKENS_PER_SECOND, SimulatedRater, answer
from workers.metrics import compute_report

# What raters are divided by where groups are planted.
ATTRIBUTE: Final = "panel"
Tell = Callable[[str], None]


@dataclass(frozen=True)
class Course:
    """How the judging goes: in so many rounds, by a rule of stopping, over so many days."""

    rounds: int = 1
    stop_rule: str = "fixed"
    # Of a rule that goes on where raters differ: how many judgments an item may come to.
    most_votes: int = 9
    # Judgments are dated over so many days gone by; 0: now.
    days: float = 0.0

    def asked(self) -> dict[str, Any]:
        """What the opening of a round is given for it."""
        goes_on = {"max_overlap": self.most_votes} if self.stop_rule in GOES_ON else {}
        return {"stop_rule": self.stop_rule, **goes_on}


@dataclass(frozen=True)
class Simulated:
    """A campaign that was simulated, and what its report found of what was planted."""

    campaign: Campaign
    planted: Planted
    report: Report
    limit: Expected
    findings: list[Finding]
    caught: list[Caught]
    # How rarely a careful rater would be so far out, by the name of each rater.
    chances: dict[str, float]
    judgments: int
    skips: int
    seconds: float

    def truth(self) -> dict[str, Any]:
        """All that was planted and what became of it, as plain values."""
        names = self.campaign.seats.values_list("rater__user__username", "pseudonym")
        return {
            "campaign": self.campaign.slug,
            "is_simulated": True,
            "made_at": timezone.now().isoformat(),
            "method_version": self.report.method_version,
            "judgments": self.judgments,
            "skips": self.skips,
            "pseudonyms": dict(names),
            "findings": [one.as_json() for one in self.findings],
            "caught": [one.as_json() for one in self.caught],
            "chances": self.chances,
            **self.planted.truth(),
        }

    def write(self, path: Path) -> None:
        """Keep the truth beside the campaign, as JSON."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(self.truth(), indent=1) + "\n")


def simulate(
    planted: Planted,
    *,
    organisation: Organisation,
    slug: str,
    name: str = "",
    by: User | None = None,
    course: Course | None = None,
    tell: Tell = lambda line: None,
) -> Simulated:
    """Make the campaign, let its raters judge it to the end, and hold its report against the truth.

    ConflictError where the slug is taken.
    """
    course = course or Course()
    began = timezone.now()
    campaign = _make(planted, organisation=organisation, slug=slug, name=name, by=by)
    at_work = _crowd(campaign, planted)
    tell(f"{len(planted.open_items):,} comparisons, {len(at_work)} raters")
    worked = [*_rounds(campaign, planted, at_work, course=course, by=by, tell=tell)]
    campaign = update_campaign(campaign=campaign, by=by, state="completed")
    report = compute_report(campaign)
    chances = _chances(campaign, at_work)
    limit = expected(planted, _votes_of(report, campaign, at_work))
    return Simulated(
        campaign=campaign,
        planted=planted,
        report=report,
        limit=limit,
        findings=findings(planted, limit, report.body),
        caught=caught(_by_kind(at_work, chances)),
        chances=chances,
        judgments=sum(one.judgments for one in worked),
        skips=sum(one.skips for one in worked),
        seconds=(timezone.now() - began).total_seconds(),
    )


def _make(
    planted: Planted, *, organisation: Organisation, slug: str, name: str, by: User | None
) -> Campaign:
    wishes = planted.wishes
    criteria = [{"key": key, "label": key.capitalize()} for key in CRITERIA]
    campaign = create_campaign(
        organisation=organisation,
        by=by,
        slug=slug,
        name=name or f"Simulated: {slug}",
        description="Made-up answers judged by raters who do not exist. What the numbers should"
        " come to was planted; every number here is for learning and testing alone.",
        overlap=wishes.votes,
        schema={
            "scale": 7 if wishes.tie_width else 4,
            "tie": bool(wishes.tie_width),
            "both_bad": False,
            "rationale": "off",
            "criteria": [] if wishes.first_criterion is None else criteria,
        },
        presentation={"arms": _arms(planted)},
        requirements={"gold_rate": wishes.gold_rate, "repeat_rate": wishes.repeat_rate},
        attribution="Made up by Thurstone's simulator.",
        is_simulated=True,
    )
    if wishes.gold_rate:
        import_file(campaign, SourceFile("gold.jsonl", planted.rows(is_gold=True), kind="gold"))
    return campaign


def _arms(planted: Planted) -> list[dict[str, Any]]:
    if not planted.arms:
        return []
    return [
        {"name": AT_ONCE, "mode": "instant"},
        {"name": AS_WRITTEN, "mode": "paced", "tokens_per_second": TOKENS_PER_SECOND},
    ]


def _crowd(campaign: Campaign, planted: Planted) -> list[AtWork]:
    people = enrol_simulated_people(
        organisation=campaign.organisation, names=[rater.name for rater in planted.raters]
    )
    at_work = seated(campaign, people, planted.raters)
    note_groups(campaign, at_work, ATTRIBUTE)
    return at_work


def _rounds(
    campaign: Campaign,
    planted: Planted,
    at_work: Sequence[AtWork],
    *,
    course: Course,
    by: User | None,
    tell: Tell,
) -> Iterator[Worked]:
    lines = planted.rows(is_gold=False).splitlines(keepends=True)
    size = -(-len(lines) // course.rounds)
    draw = random.Random(f"judge {planted.wishes.seed}")
    clock = _Clock(planted, course)
    for number, start in enumerate(range(0, len(lines), size), 1):
        # Paused, or a worker would open what arrives.
        if campaign.state == Campaign.State.ACTIVE:
            campaign = update_campaign(campaign=campaign, by=by, state="paused")
        rows = b"".join(lines[start : start + size])
        import_file(campaign, SourceFile(f"round-{number}.jsonl", rows))
        opened = pair_and_open_round(
            campaign=campaign,
            by=by,
            name=f"Round {number}",
            seed=planted.wishes.seed * 1000 + number,
            **course.asked(),
        )
        if course.days:
            date_back_round(round_=opened, at=clock.now())
        campaign = update_campaign(campaign=campaign, by=by, state="active")
        worked = work_through(
            campaign,
            at_work,
            _speaker(campaign, planted),
            draw=draw,
            moment=clock.tick if course.days else None,
            round_=opened,
        )
        close_round(round_=opened, by=by)
        tell(f"round {number}: {worked.judgments:,} judgments, {worked.skips:,} given back")
        yield worked


class _Clock:
    """Moments of judgments, evenly over the days gone by; the last one is about now."""

    def __init__(self, planted: Planted, course: Course) -> None:
        wishes = planted.wishes
        count = len(planted.open_items) * wishes.votes
        self._wanted = count * (1 + wishes.gold_rate + wishes.repeat_rate) + 1
        self._span = timedelta(days=course.days)
        self._end = timezone.now()
        self._given = 0

    def now(self) -> datetime:
        """The moment that has come."""
        return self._end - self._span * (1 - min(1.0, self._given / self._wanted))

    def tick(self, _number: int) -> datetime:
        """The moment of the next judgment."""
        self._given += 1
        return self.now()


def _speaker(
    campaign: Campaign, planted: Planted
) -> Callable[[Assignment, SimulatedRater, random.Random], dict[str, Any]]:
    """What raters say of the campaign's comparisons as they are now."""
    schema = read_schema(campaign.schema)
    by_key = {item.key: item for item in planted.items}
    rows = Comparison.objects.filter(campaign=campaign, external_id__in=by_key)
    known: dict[int, tuple[Item, bool]] = {
        pk: (by_key[key or ""], is_turned)
        for pk, key, is_turned in rows.values_list("pk", "external_id", "is_turned")
    }
    sides = {key: planted.sides(item) for key, item in by_key.items()}

    def say(assignment: Assignment, habits: SimulatedRater, draw: random.Random) -> dict[str, Any]:
        item, is_turned = known[assignment.comparison_id]
        # The item's own a stands on the left where the comparison's does, unless it is turned.
        a_on_left = assignment.a_on_left is not is_turned
        a, b = sides[item.key]
        left, right = (a, b) if a_on_left else (b, a)
        scene = planted.scene(item, a_on_left=a_on_left, arm=assignment.arm)
        said = answer(habits, left, right, schema, draw, scene=scene)
        is_paced = assignment.arm == AS_WRITTEN
        said["client"]["shown_as"] = "paced" if is_paced else "instant"
        return said

    return say


def _chances(campaign: Campaign, at_work: Sequence[AtWork]) -> dict[str, float]:
    """How rarely a careful rater would be so far out, by the name of each with judgments."""
    found = chances_of_all(campaign)
    return {one.habits.name: found[one.rater.pk] for one in at_work if one.rater.pk in found}


def _by_kind(at_work: Sequence[AtWork], chances: dict[str, float]) -> dict[str, list[float]]:
    kinds: dict[str, list[float]] = {}
    for one in at_work:
        if one.habits.name in chances:
            kinds.setdefault(one.habits.kind, []).append(chances[one.habits.name])
    return kinds


def _votes_of(report: Report, campaign: Campaign, at_work: Sequence[AtWork]) -> dict[str, float]:
    """How many judgments each rater gave, by name: what the limit is weighed with."""
    pseudonyms = dict(campaign.seats.values_list("rater_id", "pseudonym"))
    given = {row["rater"]: row["judgment_count"] for row in report.body["raters"]}
    return {one.habits.name: given.get(pseudonyms[one.rater.pk], 0) for one in at_work}
