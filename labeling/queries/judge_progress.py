"""How far judges have come: calls by state, verdicts, and what went wrong by kind."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from django.db.models import Count, Max, Min, Q

from labeling.models import Campaign, Judge, JudgeCall, JudgeVerdict, Seat
from labeling.queries.judge_caps import cap_problems, has_used_budget

STATES = ("waiting", "leased", "answered", "failed", "cancelled")


@dataclass(frozen=True)
class JudgeProblem:
    """What went wrong in some calls, and whether they are made again by themselves."""

    kind: str
    count: int
    message: str
    is_retried: bool
    next_try_at: datetime | None


@dataclass
class JudgeProgress:
    """A judge in numbers. `done` are calls that need no more work, answered or not."""

    pseudonym: str = ""
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(STATES, 0))
    comparisons: int = 0
    inconsistent: int = 0
    problems: list[JudgeProblem] = field(default_factory=list)
    # Why its cap on cost cannot be kept now, so that it is asked nothing; "" if it can.
    cap_problem: str = ""

    @property
    def total(self) -> int:
        """Calls that were asked for and not taken back."""
        return sum(self.counts.values()) - self.counts["cancelled"]

    @property
    def done(self) -> int:
        return self.counts["answered"] + self.counts["failed"]


def judge_progress(judges: Iterable[Judge]) -> dict[int, JudgeProgress]:
    """The progress of each judge, by its id, in few queries however many there are."""
    listed = list(judges)
    ids = [judge.pk for judge in listed]
    progress = {pk: JudgeProgress() for pk in ids}
    raters = {judge.rater_id: judge.pk for judge in listed}
    seats = Seat.objects.filter(rater__in=raters, campaign__in={j.campaign_id for j in listed})
    for rater, pseudonym in seats.values_list("rater_id", "pseudonym"):
        progress[raters[rater]].pseudonym = pseudonym
    for row in (
        JudgeCall.objects.filter(judge__in=ids)
        .order_by("judge_id", "state", "error_kind")
        .values("judge_id", "state", "error_kind")
        .annotate(count=Count("pk"), message=Max("error"), next_try_at=Min("not_before"))
    ):
        one = progress[row["judge_id"]]
        one.counts[row["state"]] += row["count"]
        if row["error_kind"] and row["state"] in ("waiting", "failed"):
            one.problems.append(
                JudgeProblem(
                    row["error_kind"],
                    row["count"],
                    row["message"],
                    row["state"] == "waiting",
                    row["next_try_at"],
                )
            )
    for judge_id, comparisons, inconsistent in (
        JudgeVerdict.objects.filter(judge__in=ids, judgment__superseded_by=None)
        .order_by()
        .values_list("judge_id")
        .annotate(
            comparisons=Count("comparison", distinct=True),
            inconsistent=Count("pk", filter=Q(is_consistent=False)),
        )
    ):
        progress[judge_id].comparisons = comparisons
        progress[judge_id].inconsistent = inconsistent
    for judge_id, problem in cap_problems(listed).items():
        progress[judge_id].cap_problem = problem
    return progress


def judges_of(campaign: Campaign) -> list[Judge]:
    """The campaign's judges, the newest first, those that are retired last."""
    judges = campaign.judges.select_related("campaign", "endpoint", "rater").order_by("-pk")
    return sorted(judges, key=lambda one: one.state == Judge.State.RETIRED)


def may_be_resumed(judge: Judge, progress: JudgeProgress) -> bool:
    """The judge is paused, or stands at a budget that it has not used up and that can be kept."""
    if judge.state == Judge.State.BUDGET:
        return not progress.cap_problem and not has_used_budget(judge)
    return judge.state == Judge.State.PAUSED
