"""Scores of several rounds on one scale: an anchor that is in all of them is held at one value."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from labeling.metrics.bradley_terry import ELO_CENTRE, ELO_PER_LOGIT
from labeling.metrics.estimates import Z95, Estimate

INTERVAL: Final = "sandwich, clustered by item, of the difference to the anchor"
OF_DIFFERENCE: Final = "sandwich, clustered by item, of the difference"
_TOO_MANY: Final = "With so many models the intervals of differences are not kept."
NO_ANCHOR: Final = (
    "No round names an anchor, so the scores of two rounds cannot be compared: what is 1000 in one"
    " need not be in another."
)


@dataclass(frozen=True, slots=True)
class Score:
    """A model in a round on the common scale; without a value, why."""

    model: str
    elo: float | None
    low: float | None
    high: float | None
    why: str = ""


@dataclass(frozen=True, slots=True)
class RoundScores:
    """A round's models, best first, or why none of them has a score."""

    number: int
    scores: tuple[Score, ...]
    why: str = ""


@dataclass(frozen=True, slots=True)
class OneScale:
    """Rounds on the scale on which the anchor has one value."""

    anchor: str
    value: float | None
    rounds: tuple[RoundScores, ...]
    why: str = ""


@dataclass(frozen=True, slots=True)
class Change:
    """How much better a model is than the one it was trained from, in Elo points."""

    new: str
    base: str
    points: Estimate
    win_rate: float | None
    how: str


def one_scale(rows: Sequence[Mapping[str, Any]], anchor: str) -> OneScale:
    """The rounds' scores with the anchor's Elo of the first round that has one, in all of them.

    `rows` are those of `round_rows`. Limits are those of the difference to the anchor, so the
    anchor has none. A round without the anchor, and a model that the round's judgments do not
    connect with it, have no score, and say why.
    """
    if not anchor:
        return OneScale("", None, tuple(_unscaled(row, NO_ANCHOR) for row in rows), NO_ANCHOR)
    value = next(
        (
            ELO_CENTRE + ELO_PER_LOGIT * part["strength"][part["models"].index(anchor)]
            for row in rows
            if (part := _part_of(row, anchor)) and part["strength"]
        ),
        None,
    )
    if value is None:
        why = f"No round has judgments that compare {anchor}, the anchor, with another model."
        return OneScale(anchor, None, tuple(_unscaled(row, why) for row in rows), why)
    return OneScale(anchor, value, tuple(_scaled(row, anchor, value) for row in rows))


def change(rows: Sequence[Mapping[str, Any]], *, new: str, base: str, anchor: str) -> Change:
    """The difference of a model and the one it came from: within the newest round that connects
    both, else across rounds by way of the anchor.
    """
    for row in reversed(rows):
        part = _part_of(row, new)
        if part and part["strength"] and base in part["models"]:
            gap, variance = _gap(part, new, base)
            how = f"in round {row['number']}, which compares both"
            points = _points(gap, variance, int(part["item_count"]))
            return Change(new, base, points, _chance(gap), how)
    if anchor:
        one, other = (_newest_with(rows, model, anchor) for model in (new, base))
        if one and other:
            (gap, first, count, at), (less, second, more, before) = one, other
            both = None if first is None or second is None else first + second
            how = f"round {at} against round {before}, by way of {anchor}"
            points = _points(gap - less, both, count + more)
            return Change(new, base, points, _chance(gap - less), how)
    why = f"No round connects {new} with {base}"
    why += f", and no two rounds do by way of {anchor}." if anchor else ", and there is no anchor."
    return Change(new, base, Estimate.undefined(why, unit="items"), None, "")


def _scaled(row: Mapping[str, Any], anchor: str, value: float) -> RoundScores:
    own = _part_of(row, anchor)
    if own is None:
        return _unscaled(row, f"{anchor} is in no judged comparison of this round.")
    if not own["strength"]:
        return _unscaled(
            row,
            f"{anchor} has won all its comparisons of this round or none, so it connects nothing.",
        )
    scores = []
    for part in row["scores"]:
        for model in part["models"]:
            if part is not own:
                why = f"The round's judgments do not connect it with {anchor}."
                scores.append(Score(model, None, None, None, why))
                continue
            gap, variance = _gap(own, model, anchor)
            elo = value + ELO_PER_LOGIT * gap
            if model == anchor:
                scores.append(Score(model, value, None, None))
            elif variance is None:
                scores.append(Score(model, elo, None, None, _TOO_MANY))
            else:
                reach = Z95 * ELO_PER_LOGIT * math.sqrt(variance)
                scores.append(Score(model, elo, elo - reach, elo + reach))
    scores.sort(key=lambda score: (score.elo is None, -(score.elo or 0), score.model))
    return RoundScores(row["number"], tuple(scores))


def _unscaled(row: Mapping[str, Any], why: str) -> RoundScores:
    models = sorted(model for part in row["scores"] for model in part["models"])
    if not models:
        why = "No judgment of this round is between two different known models."
    return RoundScores(
        row["number"], tuple(Score(model, None, None, None, why) for model in models), why
    )


def _part_of(row: Mapping[str, Any], model: str) -> Mapping[str, Any] | None:
    return next((part for part in row["scores"] if model in part["models"]), None)


def _gap(part: Mapping[str, Any], one: str, other: str) -> tuple[float, float | None]:
    """The difference of two strengths, and its variance where the covariance was kept."""
    i, j = part["models"].index(one), part["models"].index(other)
    gap = part["strength"][i] - part["strength"][j]
    if part["covariance"] is None:
        return gap, None
    c = part["covariance"]
    return gap, max(c[i][i] + c[j][j] - 2 * c[i][j], 0.0)


def _newest_with(
    rows: Sequence[Mapping[str, Any]], model: str, anchor: str
) -> tuple[float, float | None, int, int] | None:
    for row in reversed(rows):
        part = _part_of(row, model)
        if part and part["strength"] and anchor in part["models"]:
            gap, variance = _gap(part, model, anchor)
            return gap, variance, int(part["item_count"]), int(row["number"])
    return None


def _points(gap: float, variance: float | None, items: int) -> Estimate:
    """A difference of strengths in Elo points, with its interval where the variance is known."""
    points = ELO_PER_LOGIT * gap
    if variance is None:
        return Estimate(points, None, None, items, "items", note=_TOO_MANY)
    reach = Z95 * ELO_PER_LOGIT * math.sqrt(variance)
    return Estimate(points, points - reach, points + reach, items, "items", OF_DIFFERENCE)


def _chance(gap: float) -> float:
    return 1 / (1 + math.exp(-gap))
