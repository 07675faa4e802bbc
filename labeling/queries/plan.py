"""What a campaign comes to as it is set up: judgments, hours, money, what they can tell apart."""

from dataclasses import dataclass
from statistics import median

from labeling.metrics.planning import (
    SECONDS_A_QUESTION,
    SECONDS_TO_CHOOSE,
    WORDS_A_MINUTE,
    seconds_to_judge,
    win_rate_told_apart,
)
from labeling.models import Campaign, Comparison
from labeling.queries.readiness import Setup

# Judgments whose time is looked at, and how few are too few to count on.
MEASURED = 500
FEW = 20
# Comparisons whose length is looked at, and what is assumed where there is none.
READ = 200
ASSUMED_WORDS = 400
# Of English text, spaces included: what a length in characters comes to in words.
CHARACTERS_A_WORD = 6
# Comparisons assumed for a new campaign that says nothing.
PLANNED = 500


@dataclass(frozen=True)
class Plan:
    """The numbers of a plan, and how the time of one judgment was come by."""

    comparisons: int
    is_planned: bool
    overlap: int
    judgments: int
    budget: int | None
    seconds: float
    seconds_from: str
    hours: float
    cost: float | None
    currency: str
    model_count: int
    # The win rate that can be told from 50 %: for one pair of models, and for all pairs alike.
    one_pair: float | None
    each_pair: float | None

    @property
    def is_cut(self) -> bool:
        """Whether the budget ends before all is judged."""
        return self.budget is not None and self.budget < self.comparisons * self.overlap


def plan_of(setup: Setup, *, campaign: Campaign | None = None, planned: int | None = None) -> Plan:
    """The plan of these settings: for the comparisons that are there, else for `planned`."""
    found = 0
    if campaign is not None:
        found = Comparison.objects.filter(campaign=campaign, gold=None).count()
    comparisons = found or planned or PLANNED
    judgments = comparisons * setup.overlap
    budget = setup.policy.budget
    if budget is not None:
        judgments = min(judgments, budget)
    seconds, how = _seconds(setup, campaign)
    hours = judgments * seconds / 3600
    pay = setup.policy.pay_per_hour
    models = 0
    if campaign is not None:
        models = campaign.sources.exclude(model=None).values("model").distinct().count()
    pairs = models * (models - 1) // 2
    return Plan(
        comparisons=comparisons,
        is_planned=not found,
        overlap=setup.overlap,
        judgments=judgments,
        budget=budget,
        seconds=seconds,
        seconds_from=how,
        hours=hours,
        cost=None if pay is None else hours * pay,
        currency=setup.policy.currency,
        model_count=models,
        one_pair=win_rate_told_apart(judgments),
        each_pair=win_rate_told_apart(judgments / pairs) if pairs > 1 else None,
    )


def _seconds(setup: Setup, campaign: Campaign | None) -> tuple[float, str]:
    """How long a judgment takes, and how that is known."""
    schema = setup.schema
    questions = (
        len(schema.criteria)
        + 2 * schema.absolute_quality
        + (schema.rationale == "required")
        + schema.clauses
    )
    words, what = float(ASSUMED_WORDS), f"{ASSUMED_WORDS} words assumed"
    if campaign is not None:
        taken = list(
            campaign.judgments.filter(active_ms__gt=0, rater__kind="human")
            .order_by("-pk")
            .values_list("active_ms", flat=True)[:MEASURED]
        )
        if len(taken) >= FEW:
            return median(
                map(int, filter(None, taken))
            ) / 1000, f"the median of the last {len(taken)} judgments here"
        lengths = list(
            campaign.comparisons.order_by("pk").values_list(
                "completion_a__char_count", "completion_b__char_count"
            )[:READ]
        )
        if total := sum(a + b for a, b in lengths):
            words = total / len(lengths) / CHARACTERS_A_WORD
            what = f"{words:,.0f} words of both responses, the mean of {len(lengths)} comparisons"
    how = (
        f"an estimate: {what} at {WORDS_A_MINUTE} a minute, {SECONDS_TO_CHOOSE} s to choose and"
        f" {SECONDS_A_QUESTION} s for each of {questions} further questions"
    )
    return seconds_to_judge(words, questions), how
