"""Several answers of one judge about one comparison, as one verdict.

The rule, and why:

* **Each order by itself.** Of several samples in one order, what most of them say is the order's
  answer; of equally many, what they say with more confidence; else a tie. More samples in one order
  than in the other would otherwise let a preference for a place decide.
* **A winner wins in both orders or not at all.** Where the two orders differ in who wins, what was
  seen is the judge's leaning to a place and not a difference of the responses, so the verdict is a
  tie, marked inconsistent (the conservative rule of Zheng et al., "Judging LLM-as-a-Judge with
  MT-Bench and Chatbot Arena", 2023, section 3.4). Two orders that name no winner agree, even where
  one says tie and the other both bad: then it is a tie, and both bad only where both say so.
* **Strength** is the lower median of the answers that name the winner: never more than the half of
  them said.
* **Confidence** is the mean over all answers of the probability that each gives to the verdict:
  what it says of itself where it agrees, what is left of it where it names the other side, and one
  half where it names no winner; never below one half, and one half where the orders differ.
* **Criteria** by the same rule, each for itself.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean, median_low

from labeling.judging.verdicts import Verdict

_NO_WINNER = frozenset({"tie", "both_bad"})


@dataclass(frozen=True)
class Answered:
    """One answer in terms of the comparison: a and b, and which of them stood on the left."""

    shown_left: str
    preference: str
    strength: int
    confidence: float | None = None
    criteria: Mapping[str, str] = field(default_factory=dict)
    rationale: str = ""


@dataclass(frozen=True)
class Combined:
    """What the answers come to. `is_consistent` is None where one order alone was asked."""

    preference: str
    strength: int
    is_consistent: bool | None
    confidence: float
    criteria: Mapping[str, str]
    rationale: str


def as_stored(said: str, shown_left: str) -> str:
    """A side as the comparison names it: the one place where a judge's sides are turned."""
    if said not in ("left", "right"):
        return said
    return "a" if (said == "left") == (shown_left == "a") else "b"


def answered(verdict: Verdict, shown_left: str) -> Answered:
    """The verdict in terms of the comparison."""
    return Answered(
        shown_left=shown_left,
        preference=as_stored(verdict.preference, shown_left),
        strength=verdict.strength,
        confidence=verdict.confidence,
        criteria={key: as_stored(said, shown_left) for key, said in verdict.criteria.items()},
        rationale=verdict.rationale,
    )


def combine(answers: Sequence[Answered]) -> Combined:
    """One verdict of one or more answers."""
    if not answers:
        raise ValueError("There is nothing to combine.")
    said = [(one.shown_left, one.preference, _sure(one)) for one in answers]
    preference, is_consistent = _together(said)
    agreeing = [one for one in answers if one.preference == preference]
    keys = sorted(set().union(*(one.criteria for one in answers)))
    return Combined(
        preference=preference,
        strength=0 if preference in _NO_WINNER else median_low(o.strength or 1 for o in agreeing),
        is_consistent=is_consistent,
        confidence=_confidence(answers, preference) if is_consistent is not False else 0.5,
        criteria={
            key: _together(
                [
                    (one.shown_left, one.criteria[key], _sure(one))
                    for one in answers
                    if key in one.criteria
                ]
            )[0]
            for key in keys
        },
        rationale=_rationale(answers, agreeing, is_consistent),
    )


def _together(said: Sequence[tuple[str, str, float]]) -> tuple[str, bool | None]:
    """What was said in all, and whether the two orders agree."""
    by_order = [
        _most([(what, sure) for order, what, sure in said if order == side])
        for side in sorted({order for order, _, _ in said})
    ]
    first, last = by_order[0], by_order[-1]
    if len(by_order) == 1:
        return first, None
    if first == last:
        return first, True
    return "tie", _NO_WINNER.issuperset(by_order)


def _most(said: Sequence[tuple[str, float]]) -> str:
    counts = Counter(what for what, _ in said)
    sure: dict[str, float] = defaultdict(float)
    for what, weight in said:
        sure[what] += weight
    # Sums of the same numbers in another order may differ in their last digit.
    ranks = {what: (count, round(sure[what], 9)) for what, count in counts.items()}
    best = [what for what, rank in ranks.items() if rank == max(ranks.values())]
    return best[0] if len(best) == 1 else "tie"


def _sure(one: Answered) -> float:
    return 1.0 if one.confidence is None else one.confidence


def _confidence(answers: Sequence[Answered], preference: str) -> float:
    mean = fmean(_probability(one, preference) for one in answers)
    return min(1.0, max(0.5, mean))


def _probability(one: Answered, preference: str) -> float:
    """What an answer gives to the verdict."""
    is_tie, says_tie = preference in _NO_WINNER, one.preference in _NO_WINNER
    if one.preference == preference or (is_tie and says_tie):
        return _sure(one)
    return 0.5 if says_tie else 1 - _sure(one)


def _rationale(
    answers: Sequence[Answered], agreeing: Sequence[Answered], is_consistent: bool | None
) -> str:
    """The reasons of the surest answer that says the same; of orders that differ, those of both.

    Reasons speak of left and right, so where both orders were asked it is said which was meant.
    """
    if is_consistent is False:
        chosen = [
            max((o for o in answers if o.shown_left == side), key=_sure) for side in ("a", "b")
        ]
    else:
        chosen = [max(agreeing or answers, key=_sure)]
    if is_consistent is None:
        return chosen[0].rationale
    return "\n\n".join(f"[{one.shown_left.upper()} on the left] {one.rationale}" for one in chosen)
