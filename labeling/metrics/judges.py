"""LLM judges beside people: how far each can be trusted, on the items that both answered.

A row of a report for each judge. What people are is never touched here: their votes are read, and
what comes out is about the judge. docs/METRICS.md has every definition with its source.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from labeling.metrics import judge_biases
from labeling.metrics.agreement import estimate
from labeling.metrics.estimates import Estimate, proportion
from labeling.metrics.judge_agreement import FIGURES, personas
from labeling.metrics.judge_calibration import calibrate
from labeling.metrics.judge_routing import expectations
from labeling.metrics.patterns import ItemPatterns
from labeling.metrics.raters import CREDIT, credit_against_majority, median_times
from labeling.metrics.votes import ANSWER_A, ANSWER_B, UNKNOWN, Ints, Votes

_NO_PEOPLE: Final = "No person voted on this judge's items."
_NO_SIDE: Final = "On no item did both the judge and the people's majority choose a side."
_NO_SIDES: Final = "No vote that chose a side has its sides recorded."
_NO_COST: Final = "What its calls cost is not known: its endpoint names no price."
_NO_CALLS: Final = (
    "Its judgments were made elsewhere, so what its calls said and cost is not known."
)


@dataclass(frozen=True, eq=False, slots=True)
class JudgeFacts:
    """What is known of a judge that was asked here, beside its votes."""

    name: str = ""
    judge_id: str = ""
    model: str = ""
    # {"age": "60 and over"}: it was asked to judge as somebody of these groups would.
    persona: Mapping[str, str] = field(default_factory=dict)
    # How sure it was of its verdict, by the item's key.
    confidence: Mapping[int, float] = field(default_factory=dict)
    # A row for each answered call: the item's key, the side that stood first, the answer.
    calls: Ints = field(default_factory=lambda: np.zeros((0, 3), dtype=np.int64))
    # What all its calls cost, those that failed among them; None where no price is known.
    cost: float | None = None
    currency: str = ""
    # Verdicts those calls came to, on known answers too.
    verdict_count: int = 0
    # Of the question it is asked now, and the items that say how right it is under it: what it
    # judged otherwise asked is another judge's, and of what a routing handed on people got the
    # hard ones alone. None: every item.
    rubric_key: str = ""
    weighed: frozenset[int] | None = None


@dataclass(frozen=True, eq=False, slots=True)
class JudgeContext:
    """Judges by their index among the voters, the voters' groups, and the campaign's terms."""

    facts: Mapping[int, JudgeFacts] = field(default_factory=dict)
    groups: Sequence[Mapping[str, Any]] = ()
    smallest_group: int = 5
    # How many people are asked about an item, and what one judgment of a person costs.
    panel: int = 3
    person_cost: float | None = None


def judge_rows(
    judged: Votes, people: Votes, context: JudgeContext | None = None
) -> list[dict[str, Any]]:
    """A row for each judge with votes, most votes first; a judge's first vote on an item counts.

    `agreement`: share of items answered like the people's mode (a tied mode counts 1/(number of
    modes)). `agreement_decisive`: the same where judge and people each chose a side. `one_person`
    is the yardstick on the same items, and `advantage` what the judge is better by than it. All are
    of the items that `JudgeFacts.weighed` has; `judgment_count` is of all.
    """
    context = context or JudgeContext()
    size = len(judged.raters)
    given = np.bincount(judged.rater, minlength=size)
    judged = _weighed(judged, context)
    first = judged.first_votes()
    credit, counted = credit_against_majority(first, people)
    hits = np.bincount(first.rater, credit, size) / CREDIT
    hits_n = np.bincount(first.rater[counted], minlength=size)

    counts = people.answer_counts()
    sides = counts[first.item][:, [ANSWER_A, ANSWER_B]]
    both = first.is_decisive & (sides[:, 0] != sides[:, 1])
    majority = np.where(sides[:, 0] > sides[:, 1], ANSWER_A, ANSWER_B)
    same = np.bincount(first.rater[both], (first.answer == majority)[both], size)
    same_n = np.bincount(first.rater[both], minlength=size)

    sided = first.select(first.is_decisive & (first.shown_left != UNKNOWN))
    left = np.bincount(sided.rater, sided.preference == sided.shown_left, size)
    left_n = np.bincount(sided.rater, minlength=size)
    times = median_times(judged)
    rows = [
        {
            "rater": judged.raters[k],
            "judgment_count": int(given[k]),
            "agreement": proportion(
                float(hits[k]), int(hits_n[k]), unit="items", why=_NO_PEOPLE
            ).as_json(),
            "agreement_decisive": proportion(
                float(same[k]), int(same_n[k]), unit="items", why=_NO_SIDE
            ).as_json(),
            "left_share": proportion(
                float(left[k]), int(left_n[k]), unit="decisive votes", why=_NO_SIDES
            ).as_json(),
            "median_active_ms": None if np.isnan(times[k]) else float(times[k]),
            **_beside_people(int(k), first.select(first.rater == k), people, counts, context),
        }
        for k in np.flatnonzero(given)
    ]
    return sorted(rows, key=lambda row: (-row["judgment_count"], row["rater"]))


def _weighed(judged: Votes, context: JudgeContext) -> Votes:
    kept = np.ones(len(judged), np.bool_)
    for judge, facts in context.facts.items():
        if facts.weighed is not None:
            counts = np.isin(judged.item_keys[judged.item], list(facts.weighed))
            kept &= (judged.rater != judge) | counts
    return judged.select(kept)


def _beside_people(
    judge: int, own: Votes, people: Votes, counts: Ints, context: JudgeContext
) -> dict[str, Any]:
    """What needs the judge's items one by one; `own` are its first votes."""
    facts = context.facts.get(judge)
    known = facts or JudgeFacts()
    answer = np.eye(3, dtype=np.int64)[own.answer]
    together = np.concatenate([answer, counts[own.item]], axis=1)
    patterns = ItemPatterns.of(together)
    found = estimate(patterns, FIGURES.values())
    figures = {name: one.as_json() for name, one in zip(FIGURES, found, strict=True)}
    sure = np.array(
        [known.confidence.get(int(key), np.nan) for key in own.item_keys[own.item]],
        dtype=np.float64,
    )
    calibration = calibrate(sure, own.answer, counts[own.item])
    worth = expectations(
        own.answer, counts[own.item], calibration.expected, panel=max(context.panel, 1)
    )
    per_judgment = _cost(facts, len(own))
    return {
        "name": known.name,
        "judge": known.judge_id,
        "model": known.model,
        "rubric_key": known.rubric_key,
        "persona": dict(known.persona),
        **figures,
        "consistency": judge_biases.consistency(known.calls).as_json(),
        "first_lean": judge_biases.first_lean(known.calls).as_json(),
        "length_lean": judge_biases.length_lean(own, counts).as_json(),
        "own_model_lean": judge_biases.own_model_lean(own, counts, known.model).as_json(),
        "personas": personas(
            own, people, known.persona, context.groups, least=context.smallest_group
        ),
        "calibration": calibration.as_json(),
        "routing": worth.as_json(),
        "cost": per_judgment.as_json() | {"currency": known.currency},
        "equal_accuracy": worth.in_people.as_json()
        | _costs_at_equal(worth.in_people, per_judgment, context.person_cost),
    }


def _cost(facts: JudgeFacts | None, verdicts: int) -> Estimate:
    """What one verdict cost: all its calls, both orders, samples and failures, by verdicts."""
    unit = "judgments"
    if facts is None or not verdicts:
        return Estimate.undefined(_NO_CALLS, unit=unit)
    verdicts = max(facts.verdict_count, verdicts)
    if facts.cost is None:
        return Estimate.undefined(_NO_COST, unit=unit, n=verdicts)
    each = facts.cost / verdicts
    return Estimate(each, each, each, verdicts, unit, "counted, not estimated")


def _costs_at_equal(
    people: Estimate, judge: Estimate, person_cost: float | None
) -> dict[str, float | None]:
    """What an item costs by judge, and by as many people as are right as often."""
    value: float | None = None
    if people.value is not None and person_cost is not None:
        value = people.value * person_cost
    return {"judge_cost": judge.value, "people_cost": value, "person_cost": person_cost}
