"""The rounds of a campaign as a line of stages, each with what was done in it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from django.db import connection
from django.db.models import Count, Max

from labeling.models import (
    Adjudication,
    Campaign,
    Comparison,
    GenerationRun,
    Job,
    Round,
    RoundItem,
    Snapshot,
    Source,
    TrainedModel,
)

# Rounds shown at once, the newest first.
SHOWN = 20
# How a rule of choosing pairs is called on the page.
RULE_WORDS = {
    "given": "as they came",
    "all": "all pairs alike",
    "baseline": "against {baseline}",
    "adjacent": "neighbours in rank",
    "random": "at random",
    "uncertain": "uncertain first",
    "topk": "the top {k}",
}
# Slots of open rounds: what is open is counted from its own side, in lanes.
_OPEN = """
SELECT c.round_id, count(*) FROM labeling_lane l
JOIN labeling_assignment a ON a.lane_id = l.id AND a.rater_id IS NULL AND a.ended_at IS NULL
JOIN labeling_comparison c ON c.id = a.comparison_id
WHERE l.campaign_id = %(campaign)s AND a.ordinal IS NOT NULL AND c.round_id = ANY(%(rounds)s)
GROUP BY 1
"""
_HELD = """
SELECT c.round_id, count(*) FROM labeling_assignment a
JOIN labeling_comparison c ON c.id = a.comparison_id
WHERE a.campaign_id = %(campaign)s AND a.rater_id IS NOT NULL AND a.ended_at IS NULL
  AND a.ordinal IS NOT NULL AND c.round_id = ANY(%(rounds)s)
GROUP BY 1
"""
# First judgments of people; of a round with a million this takes a part of a second.
_DONE = """
SELECT c.round_id, count(*) FROM labeling_comparison c
JOIN labeling_judgment j ON j.comparison_id = c.id JOIN labeling_rater r ON r.id = j.rater_id
WHERE c.round_id = ANY(%(rounds)s) AND j.supersedes_id IS NULL AND NOT j.is_repeat
  AND r.kind = 'human'
GROUP BY 1
"""


@dataclass(frozen=True)
class Stage:
    """One step of a round: how far it is ("ok", "now", "warn" or "") and what there is to say."""

    name: str
    state: str
    says: str


@dataclass(frozen=True)
class RoundLine:
    """A round on the timeline."""

    round: Round
    stages: list[Stage]
    figures: Mapping[str, Any] | None
    comparisons: int = 0
    done: int = 0
    wanted: int = 0
    snapshot: Snapshot | None = None
    is_freezing: bool = False
    models: list[TrainedModel] = field(default_factory=list)

    @property
    def may_freeze(self) -> bool:
        """Whether there is something that a freeze would take."""
        takes = self.round.kind in {Round.Kind.PRODUCTION, Round.Kind.CALIBRATION}
        return takes and self.round.state == Round.State.CLOSED and self.done > 0

    @property
    def may_train(self) -> bool:
        """Whether a model may be said to come from it."""
        return self.round.kind == Round.Kind.PRODUCTION and self.done > 0


def round_lines(campaign: Campaign, body: Mapping[str, Any] | None) -> list[RoundLine]:
    """The newest rounds first, in a number of statements that does not grow with them."""
    rounds = list(campaign.rounds.order_by("-number")[:SHOWN])
    keys = [one.pk for one in rounds]
    comparisons = dict(
        Comparison.objects.filter(round__in=keys)
        .order_by()
        .values_list("round")
        .annotate(n=Count("pk"))
    )
    open_, held, done = (_counts(sql, campaign, keys) for sql in (_OPEN, _HELD, _DONE))
    items = dict(
        RoundItem.objects.filter(round__in=keys)
        .order_by()
        .values_list("round")
        .annotate(n=Count("pk"))
    )
    decided = dict(
        Adjudication.objects.filter(round__in=keys)
        .order_by()
        .values_list("round")
        .annotate(n=Count("comparison", distinct=True))
    )
    generated = {run.round_id: run for run in _runs(keys)}
    snapshots: dict[int, Snapshot] = {}
    for frozen in campaign.snapshots.filter(frozen_at__isnull=False).order_by("number"):
        if isinstance(number := frozen.filters.get("round"), int):
            snapshots[number] = frozen
    freezing = {
        job.parameters.get("round")
        for job in campaign.jobs.filter(
            kind="snapshot", status__in=[Job.Status.QUEUED, Job.Status.RUNNING]
        )
    }
    trained: dict[int, list[TrainedModel]] = {}
    for made in TrainedModel.objects.filter(round__in=keys).order_by("pk"):
        trained.setdefault(made.round_id, []).append(made)
    figures = {row["number"]: row for row in (body or {}).get("rounds", [])}
    last = campaign.rounds.filter(kind=Round.Kind.PRODUCTION).aggregate(n=Max("number"))["n"]
    lines = []
    for one in rounds:
        judged = done.get(one.pk, 0)
        counts = (judged, judged + open_.get(one.pk, 0) + held.get(one.pk, 0))
        if one.kind == Round.Kind.ADJUDICATION:
            counts = (decided.get(one.pk, 0), items.get(one.pk, 0))
        line = RoundLine(
            round=one,
            stages=[],
            figures=figures.get(one.number),
            comparisons=items.get(one.pk, 0) or comparisons.get(one.pk, 0),
            done=counts[0],
            wanted=counts[1],
            snapshot=snapshots.get(one.number),
            is_freezing=one.number in freezing,
            models=trained.get(one.pk, []),
        )
        lines.append(_staged(line, generated.get(one.pk), last or 0))
    return lines


def models_to_anchor(campaign: Campaign) -> list[str]:
    """Names of the models whose completions the campaign has, for a choice of one."""
    names = Source.objects.filter(campaign=campaign, model__isnull=False)
    found = names.order_by("model").values_list("model", flat=True).distinct()
    return [name for name in found if name]


def anchor_of(campaign: Campaign) -> str:
    """The anchor that the newest round naming one names."""
    named = campaign.rounds.exclude(anchor="").order_by("-number")
    return named.values_list("anchor", flat=True).first() or ""


def rule_words(round_: Round) -> str:
    """How the round chose its pairs."""
    words = RULE_WORDS.get(round_.pairing, round_.pairing)
    return words.format_map({"baseline": "a baseline", "k": "few"} | round_.pairing_settings)


def _staged(line: RoundLine, run: GenerationRun | None, last: int) -> RoundLine:
    """The line with its stages."""
    one = line.round
    is_open = one.state == Round.State.OPEN
    pairs = f"{line.comparisons:,}"
    if one.kind == Round.Kind.ADJUDICATION:
        stages = [
            Stage("Choose", "ok", f"{pairs} contested"),
            Stage("Decide", "now" if is_open else "ok", f"{line.done:,} of {line.wanted:,}"),
        ]
    elif one.kind == Round.Kind.QUALIFICATION:
        share = f"{one.pass_share or 0:.0%}".replace("%", " %")
        stages = [
            Stage("Choose", "ok", f"{pairs} with a known answer"),
            Stage("Qualify", "now" if is_open else "ok", f"{share} right to pass"),
        ]
    else:
        is_whole = line.wanted > 0 and line.done >= line.wanted
        collecting = "now" if is_open and not is_whole else "ok"
        collect = Stage("Collect", collecting, f"{line.done:,} of {line.wanted:,} judgments")
        if one.kind == Round.Kind.CALIBRATION:
            sample = Stage("Sample", "ok", f"{pairs}, each judged by {one.overlap}")
            stages = [sample, collect, _frozen(line, is_whole=is_whole)]
        else:
            stages = [
                Stage("Generate", "ok", _made(run)),
                Stage("Pair", "ok", f"{pairs}, {rule_words(one)}"),
                collect,
                _frozen(line, is_whole=is_whole),
                Stage("Train", *_trained(line)),
                Stage(
                    "Next", *(("ok", f"round {one.number + 1}") if one.number < last else ("", ""))
                ),
            ]
    return replace(line, stages=stages)


def _frozen(line: RoundLine, *, is_whole: bool) -> Stage:
    if line.snapshot:
        count = line.snapshot.manifest.get("judgments", 0)
        return Stage("Freeze", "ok", f"data set {line.snapshot.number}, {count:,} judgments")
    if line.is_freezing:
        return Stage("Freeze", "now", "under way")
    if line.round.state == Round.State.CLOSED:
        return Stage("Freeze", "now" if line.done else "", "not yet" if line.done else "")
    return Stage("Freeze", "warn" if is_whole else "", "close it first" if is_whole else "")


def _trained(line: RoundLine) -> tuple[str, str]:
    if line.models:
        return "ok", ", ".join(made.name for made in line.models)
    return ("now", "no model registered") if line.snapshot else ("", "")


def _made(run: GenerationRun | None) -> str:
    if run is None:
        return "completions were imported"
    count = (run.job.result or {}).get("completions")
    return "by this campaign’s endpoints" if count is None else f"{count:,} completions"


def _runs(keys: list[int]) -> list[GenerationRun]:
    return list(GenerationRun.objects.filter(round__in=keys).select_related("job").order_by("pk"))


def _counts(sql: str, campaign: Campaign, rounds: list[int]) -> dict[int, int]:
    with connection.cursor() as cursor:
        cursor.execute(sql, {"campaign": campaign.pk, "rounds": rounds})
        return {int(pk): int(count) for pk, count in cursor.fetchall()}
