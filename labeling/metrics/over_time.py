"""How votes came in and how agreement settled: a few dozen points, whatever the number of votes."""

from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike

from labeling.metrics import agreement
from labeling.metrics.patterns import ItemPatterns
from labeling.metrics.votes import UNKNOWN, Ints, Votes

HOUR: Final = 3600
DAY: Final = 24 * HOUR
# How many points a curve has at most, and how many votes its first point wants.
POINTS: Final = 24
CURVE: Final = 60
_FEWEST_VOTES: Final = 30


def agreement_over_time(
    votes: Votes, judged_at: Ints, *, judges: ArrayLike, gold: ArrayLike, points: int = POINTS
) -> list[dict[str, Any]]:
    """Ordinal alpha of all people's votes up to each of some moments, the last one being now.

    The votes are in the order of `judged_at` (seconds), those without a moment (-1) first. The
    moments are evenly spaced in time, so that a curve of them shows when agreement changed;
    moments without a new vote are left out.
    """
    counts = _people(votes, judges, gold)
    votes, judged_at = votes.select(counts), judged_at[counts]
    dated = judged_at[judged_at >= 0]
    if len(dated) == 0:
        return []
    moments = np.linspace(dated[0], dated[-1], points + 1)[1:]
    ends = np.searchsorted(judged_at, moments, side="right")
    ends[-1] = len(votes)
    rows = []
    for end in np.unique(ends[ends >= min(_FEWEST_VOTES, len(votes))]):
        seen = votes.select(np.arange(end)).first_votes()
        alpha = agreement.estimate(
            ItemPatterns.of(seen.answer_counts()), [agreement.ALPHA_ORDINAL]
        )[0]
        if alpha.value is not None:
            rows.append({"at": int(judged_at[end - 1]), **alpha.as_json()})
    return rows


def collected(
    votes: Votes, judged_at: Ints, *, judges: ArrayLike, gold: ArrayLike, days: int = 400
) -> dict[str, Any]:
    """People's votes by day, by hour, and as a curve: pairs of a moment and a number of votes.

    A day or hour is named by its beginning: the newest `days` days with votes, the hours of the
    last 48 before the newest vote. The curve has all votes up to each of some moments, from the
    first to the last. `undated_count` votes have no moment (-1): they were there before.
    """
    times = judged_at[_people(votes, judges, gold)]
    undated = int(np.searchsorted(times, 0))
    dated = times[undated:]
    recent = dated[dated > dated[-1] - 48 * HOUR] if len(dated) else dated
    return {
        "by_day": _counted(dated, DAY)[-days:],
        "by_hour": _counted(recent, HOUR),
        "collected": _curve(times, undated),
        "undated_count": undated,
    }


def _people(votes: Votes, judges: ArrayLike, gold: ArrayLike) -> Ints:
    """The rows of people's votes on items whose answer is not known."""
    is_judge = np.asarray(judges, dtype=np.bool_)
    known = np.asarray(gold) != UNKNOWN
    if len(votes) == 0:
        return np.zeros(0, dtype=np.int64)
    return np.flatnonzero(~is_judge[votes.rater] & ~known[votes.item])


def _curve(times: Ints, undated: int) -> list[list[int]]:
    """Where the first dated vote came, then how many were there at up to CURVE later moments."""
    if undated == len(times):
        return []
    first, last = int(times[undated]), int(times[-1])
    moments = np.unique(np.linspace(first, last, CURVE).astype(np.int64))
    totals = np.searchsorted(times, moments, side="right")
    rows = [[int(at), int(total)] for at, total in zip(moments, totals, strict=True)]
    return [[first, undated], *rows]


def _counted(times: Ints, span: int) -> list[list[int]]:
    begins, counts = np.unique(times // span, return_counts=True)
    return [[int(begin) * span, int(count)] for begin, count in zip(begins, counts, strict=True)]
