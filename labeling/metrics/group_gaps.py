"""Where groups of raters differ about models, and what rules of adding them up make of it."""

from typing import Any, Final

import numpy as np

from labeling.metrics.bradley_terry import ELO_PER_LOGIT
from labeling.metrics.estimates import Z95, Estimate
from labeling.metrics.group_boards import INTERVAL, GroupBoards, diagonal, elo_of, variance
from labeling.metrics.tails import q_values, t_quantile, t_two_sided
from labeling.metrics.votes import Floats, Ints

FOUND: Final = 0.05  # the false discovery rate at which a difference is called a finding
FEW_BOARDS: Final = "Fewer than two groups have strengths for the same models by data alone."
RULES: Final = ("pooled", "balanced", "maximin")


def gap_rows(boards: GroupBoards) -> list[dict[str, Any]]:
    """For each model all groups judged, where its place differs most between two of them.

    Strengths are taken from the mean of the models that all compared groups judged. The interval
    and the chance allow for the pair having been picked (Bonferroni over pairs of groups); `q` for
    there being many models (Benjamini and Hochberg 1995).
    """
    if not boards.is_comparable:
        return []
    common, compared = boards.common, boards.compared
    centre = _centring(common, len(boards.names))
    pairs = [(g, h) for k, g in enumerate(compared) for h in compared[k + 1 :]]
    gaps = np.zeros((len(pairs), len(common)))
    errors, chances, reaches = gaps.copy(), gaps.copy(), gaps.copy()
    for row, (g, h) in enumerate(pairs):
        one, other = boards.boards[g], boards.boards[h]
        gaps[row] = (centre @ (one.strength - other.strength))[common]
        errors[row] = np.sqrt(variance(boards, {g: centre, h: -centre})[common])
        df = _freedom(one.rater_count, other.rater_count)
        reaches[row] = t_quantile(0.05 / len(pairs), df)
        far = np.divide(
            np.abs(gaps[row]),
            errors[row],
            out=np.full(len(common), np.inf),
            where=errors[row] > 0,
        )
        far[gaps[row] == 0] = 0
        chances[row] = [min(1.0, len(pairs) * t_two_sided(float(t), df)) for t in far]
    # Shown is the surest pair of groups, of equally sure ones the widest: the widest of all may be
    # that with the fewest raters, and its gap none.
    surest = np.lexsort((-np.abs(gaps), chances), axis=0)[0]
    least = chances.min(axis=0)
    found = q_values(least)
    rows = []
    for k in range(len(common)):
        row = int(surest[k])
        g, h = pairs[row]
        if gaps[row, k] < 0:
            g, h = h, g
        gap, reach = abs(float(gaps[row, k])), float(errors[row, k] * reaches[row, k])
        estimate = Estimate(
            value=gap * ELO_PER_LOGIT,
            low=(gap - reach) * ELO_PER_LOGIT,
            high=(gap + reach) * ELO_PER_LOGIT,
            n=boards.boards[g].rater_count + boards.boards[h].rater_count,
            unit="raters",
            interval=f"{INTERVAL}, Bonferroni over {len(pairs)} pairs of groups",
        )
        rows.append(
            {
                "model": boards.names[int(common[k])],
                "gap": estimate.as_json(),
                "higher_in": boards.grouping.names[g],
                "lower_in": boards.grouping.names[h],
                "chance": float(least[k]),
                "q": float(found[k]),
                "is_found": bool(found[k] < FOUND),
            }
        )
    return sorted(rows, key=lambda row: (row["q"], -row["gap"]["value"], row["model"]))


def _freedom(one: int, other: int) -> float:
    """The degrees of freedom of a difference of two groups of raters of like spread.

    Welch (1947), The generalization of Student's problem, with variances as one over the raters.
    """
    one, other = max(one, 2), max(other, 2)
    spread = 1 / one + 1 / other
    return spread**2 / (1 / (one**2 * (one - 1)) + 1 / (other**2 * (other - 1)))


def rule_rows(boards: GroupBoards) -> list[dict[str, Any]]:
    """Each model under three rules, the leaderboard's best first: docs/METRICS.md has them.

    *Pooled*: all judgments alike, whoever gave them. *Balanced*: the mean of the groups'
    strengths. *Maximin*: the strength in the group where it is lowest, between the lowest limits
    that hold for all groups at once.
    """
    if not boards.is_comparable:
        return []
    common, compared = boards.common, boards.compared
    size = len(boards.names)
    centre = _centring(common, size)
    pooled, spread = _pooled(boards, common)
    share = 1 / len(compared)
    by_group = np.stack([(centre @ boards.boards[g].strength)[common] for g in compared])
    df = max(min(boards.boards[g].rater_count for g in compared) - 1, 1)
    balanced = by_group.mean(axis=0)
    error = np.sqrt(variance(boards, {g: centre * share for g in compared})[common])
    reach = t_quantile(0.05, df) * error
    at_once = np.stack(
        [
            t_quantile(0.05 / len(compared), max(boards.boards[g].rater_count - 1, 1))
            * np.sqrt(variance(boards, {g: centre})[common])
            for g in compared
        ]
    )
    worst = by_group.argmin(axis=0)
    values = {
        "pooled": (pooled, pooled - spread, pooled + spread),
        "balanced": (balanced, balanced - reach, balanced + reach),
        "maximin": (
            by_group.min(axis=0),
            (by_group - at_once).min(axis=0),
            (by_group + at_once).min(axis=0),
        ),
    }
    names = [boards.names[int(model)] for model in common]
    ranks = {rule: _ranks(values[rule][0], names) for rule in RULES}
    rows = []
    for k, name in enumerate(names):
        row: dict[str, Any] = {"model": name}
        for rule in RULES:
            value, low, high = (float(part[k]) for part in values[rule])
            row[rule] = {
                "elo": elo_of(value),
                "low": elo_of(low),
                "high": elo_of(high),
                "rank": ranks[rule][k],
            }
        row["worst_in"] = boards.grouping.names[compared[int(worst[k])]]
        rows.append(row)
    return sorted(rows, key=lambda row: int(row["pooled"]["rank"]))


def _pooled(boards: GroupBoards, common: Ints) -> tuple[Floats, Floats]:
    """The leaderboard's strengths about the mean of the common models, and half their intervals."""
    place = np.searchsorted(boards.whole_models, common)
    count = len(boards.whole_models)
    centre = np.eye(count)
    centre[:, place] -= 1 / len(common)
    strength = (centre @ boards.whole.strength)[place]
    error = diagonal(centre, boards.whole.covariance, centre)[place]
    return strength, Z95 * np.sqrt(np.clip(error, 0, None))


def _centring(common: Ints, size: int) -> Floats:
    """What takes strengths to distances from the mean of the common models."""
    centre = np.eye(size)
    centre[:, common] -= 1 / len(common)
    return centre


def _ranks(values: Floats, names: list[str]) -> list[int]:
    order = sorted(range(len(names)), key=lambda k: (-round(float(values[k]), 9), names[k]))
    return [order.index(k) + 1 for k in range(len(names))]
