"""Agreement of the parts of a campaign beside one another, each with its intervals.

Every part is a selection of votes, and its figures are those of `labeling.metrics.agreement` on
these alone. Votes come with one for each rater and item (`Votes.first_votes`).
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from labeling.metrics import agreement
from labeling.metrics.agreement import Statistic
from labeling.metrics.cohen import MIN_SHARED, Scale, cohen_kappa, kappas
from labeling.metrics.estimates import Z95, Estimate, proportion
from labeling.metrics.groups import Grouping
from labeling.metrics.patterns import ItemPatterns, collapse
from labeling.metrics.votes import ANSWER_TIE, UNKNOWN, Floats, Ints, Votes

DAY: Final = 24 * 3600
WEEK: Final = 7 * DAY
# Windows are days where so many hold all votes, else weeks, else spans of four weeks.
MOST_WINDOWS: Final = 53
# The first Monday of the Unix epoch.
_MONDAY: Final = 4 * DAY
# Pairs of raters that are listed from either end.
LISTED_PAIRS: Final = 50

NO_VOTES: Final = "Nobody judged this yet."
NO_STRENGTH: Final = "How strong a preference is was not recorded."
UNDATED: Final = "The judgments were imported without times."
NO_ROUNDS: Final = "No round of people's work has judgments."
NO_CRITERIA: Final = "No criterion was judged apart from the overall preference."
NO_GROUPS: Final = "Raters are in no groups."
_ONE_ANSWER: Final = "Both gave one and the same answer throughout."


def _ties(counts: Floats) -> Floats:
    n = counts.sum(axis=1)
    return np.stack([counts[:, ANSWER_TIE], n, n > 0], axis=1).astype(np.float64)


def _ratio(totals: Floats) -> Floats:
    ratio: Floats = totals[..., 0] / totals[..., 1]
    return ratio


TIE_SHARE: Final = Statistic(
    _ties, _ratio, lambda t: float(t[1]), "votes", NO_VOTES, is_proportion=True
)
_OF_PARTS: Final = {
    "alpha": agreement.ALPHA_ORDINAL,
    "percent": agreement.PERCENT_POOLED,
    "decisive": agreement.PERCENT_DECISIVE,
    "ties": TIE_SHARE,
}


def part(votes: Votes) -> dict[str, Any]:
    """The figures of some votes: ordinal alpha, percent agreement with and without ties, ties."""
    return _part(votes.answer_counts()) | {"rater_count": _raters(votes.rater)}


def _raters(rater: Ints) -> int:
    return int(np.count_nonzero(np.bincount(rater)))


def _part(counts: Ints) -> dict[str, Any]:
    per_item = counts.sum(axis=1)
    found = agreement.estimate(ItemPatterns.of(counts), _OF_PARTS.values())
    return {
        "judgment_count": int(per_item.sum()),
        "item_count": int(np.count_nonzero(per_item)),
        "item_count_two_raters": int(np.count_nonzero(per_item >= 2)),
        **{name: one.as_json() for name, one in zip(_OF_PARTS, found, strict=True)},
    }


def by_round(votes: Votes, round_of_item: Ints) -> list[dict[str, Any]]:
    """A row for each round with votes, by its number; items of no round (-1) are in none."""
    counts = votes.answer_counts()
    rows = []
    for number in np.unique(round_of_item[counts.any(axis=1)]):
        if number >= 0:
            here = round_of_item == number
            rows.append(
                {"round": int(number)}
                | _part(counts[here])
                | {"rater_count": _raters(votes.rater[here[votes.item]])}
            )
    return rows


def by_criterion(votes: Votes, answers: Mapping[str, Ints]) -> list[dict[str, Any]]:
    """A row for each criterion, in the order given.

    `answers` has for each vote what it says of the criterion (0 for a, 1 for a tie, 2 for b), or
    -1 where it says nothing: such votes are absent there, and `missing_count` says how many.
    """
    rows = []
    for name, answer in answers.items():
        said = answer != UNKNOWN
        cells = votes.item[said].astype(np.int64) * 3 + answer[said]
        counts = np.bincount(cells, minlength=votes.item_count * 3).reshape(-1, 3)
        rows.append(
            {"criterion": name, "missing_count": int(np.count_nonzero(~said))}
            | _part(counts)
            | {"rater_count": _raters(votes.rater[said])}
        )
    return rows


def by_group(votes: Votes, groupings: Sequence[Grouping]) -> list[dict[str, Any]]:
    """For each attribute that raters are told apart by, the agreement within each group shown.

    Within a group, votes of its raters alone are compared. Groups too small to be shown are in no
    row, nor can they be told from the others: `labeling.metrics.groups` sees to that.
    """
    rows = []
    for one in groupings:
        place = one.of_rater[votes.rater] if len(votes) else np.zeros(0, np.int64)
        shown = enumerate(one.names) if one.is_comparable else ()
        rows.append(
            {
                "attribute": one.name,
                "kind": one.kind,
                "why": one.why,
                "is_withheld": one.is_withheld,
                "groups": [{"group": name} | part(votes.select(place == k)) for k, name in shown],
            }
        )
    return rows


def by_window(votes: Votes, judged_at: Ints) -> dict[str, Any]:
    """A row for each day, week or four weeks: items by the moment of their first vote.

    An item stays in the window it began in, so that a row changes only while its own items are
    still judged. Weeks begin on Monday, UTC. Items with a vote at no known moment (-1) are left
    out: `undated_count` of them.
    """
    began = np.full(votes.item_count, np.iinfo(np.int64).max, dtype=np.int64)
    np.minimum.at(began, votes.item, judged_at.astype(np.int64))
    has_votes = np.zeros(votes.item_count, dtype=np.bool_)
    has_votes[votes.item] = True
    dated = has_votes & (began >= 0)
    undated = int(np.count_nonzero(has_votes & ~dated))
    empty: dict[str, Any] = {"seconds": None, "undated_count": undated, "rows": []}
    if not dated.any():
        return empty | {"why": UNDATED if undated else NO_VOTES}
    span, window = WEEK, np.zeros(0, np.int64)
    for span in (DAY, WEEK, 4 * WEEK):
        window = np.where(dated, (began - _MONDAY) // span, np.iinfo(np.int64).min)
        begins = np.unique(window[dated])
        if len(begins) <= MOST_WINDOWS:
            break
    counts = votes.answer_counts()
    rows = []
    for begin in begins[-MOST_WINDOWS:]:
        here = window == begin
        rows.append(
            {"from": int(begin) * span + _MONDAY, "until": int(begin + 1) * span + _MONDAY}
            | _part(counts[here])
            | {"rater_count": _raters(votes.rater[here[votes.item]])}
        )
    return {"seconds": span, "undated_count": undated, "rows": rows, "why": ""}


def by_pair(votes: Votes) -> dict[str, Any]:
    """Raters two by two, on the items both judged: those least and most alike by kappa.

    Pairs share 20 items or more. A pair's interval of kappa is 1.96 standard errors (Fleiss, Cohen
    and Everitt 1969), of its percent Wilson's; no allowance is made for looking at many pairs.
    """
    found = cohen_kappa(votes)
    order = np.lexsort((found.agreeing / np.maximum(found.shared, 1), found.kappa))
    rows = [_pair(votes, found, int(k)) for k in _ends(order)]
    low = min((len(order) + 1) // 2, LISTED_PAIRS)
    return {
        "count": len(order),
        "min_shared": MIN_SHARED,
        "mean": found.mean.as_json(),
        "lowest": rows[:low],
        "highest": rows[low:],
        "why": "" if len(order) else found.mean.why,
    }


def _ends(order: Ints) -> Ints:
    if len(order) <= 2 * LISTED_PAIRS:
        return order
    return np.concatenate([order[:LISTED_PAIRS], order[-LISTED_PAIRS:]])


def _pair(votes: Votes, found: Any, k: int) -> dict[str, Any]:
    shared, value, reach = int(found.shared[k]), float(found.kappa[k]), Z95 * float(found.error[k])
    kappa = (
        Estimate.undefined(_ONE_ANSWER, unit="items", n=shared)
        if np.isnan(value)
        else Estimate(
            value,
            max(value - reach, -1.0),
            min(value + reach, 1.0),
            shared,
            "items",
            "normal, Fleiss, Cohen and Everitt",
        )
    )
    percent = proportion(float(found.agreeing[k]), shared, unit="items", why=NO_VOTES)
    return {
        "raters": [votes.raters[int(found.first[k])], votes.raters[int(found.second[k])]],
        "shared": shared,
        "kappa": kappa.as_json(),
        "percent": percent.as_json(),
    }


# A vote's code: its score from -3 to +3 as 0 to 6, then a and b of unknown strength.
_CODES: Final = 9
_UNKNOWN_A: Final = 7
_UNKNOWN_B: Final = 8
# Each scale: the category of every code, or -1 for what it leaves out; and the categories' values.
_SCALES: Final[dict[int, tuple[tuple[int, ...], tuple[int, ...]]]] = {
    2: ((0, 0, 0, -1, 1, 1, 1, 0, 1), (-1, 1)),
    4: ((0, 0, 1, -1, 2, 3, 3, -1, -1), (-2, -1, 1, 2)),
    7: ((0, 1, 2, 3, 4, 5, 6, -1, -1), (-3, -2, -1, 0, 1, 2, 3)),
}


def by_scale(votes: Votes, *, asked: int = 7) -> list[dict[str, Any]]:
    """Agreement on the scales of 2, 4 and 7 steps, each collapsed from what raters said.

    Two steps: the side, ties left out. Four: slightly or more, ties left out. Seven: everything
    from A much better to B much better. `asked` is the scale that raters have: a finer one than it
    and than any answer shows cannot be had. `dropped_count` votes have no place on the scale.
    """
    sided = votes.is_decisive
    strength = np.clip(votes.strength.astype(np.int64), UNKNOWN, 3)
    side = votes.answer.astype(np.int64) - 1
    code = np.where(sided, side * np.maximum(strength, 1), 0) + 3
    code = np.where(sided & (strength < 0), np.where(side < 0, _UNKNOWN_A, _UNKNOWN_B), code)
    strongest = int(strength[sided].max(initial=UNKNOWN))
    finest = max(asked, 7 if strongest > 2 else 4 if strongest > 1 else 2)
    table = np.bincount(votes.item.astype(np.int64) * _CODES + code, minlength=votes.item_count * 9)
    # A million items are a few hundred patterns, of which each scale makes fewer still.
    table, times = collapse(table.reshape(-1, _CODES))
    scales = []
    for of_code, values in _SCALES.values():
        value = np.array(values, dtype=np.float64)
        squared = (value[:, None] - value[None, :]) ** 2
        scales.append(Scale(np.array(of_code), squared / squared.max()))
    means = [found.mean for found in kappas(votes, code, scales)]
    rows = []
    for (steps, (of_code, values)), mean in zip(_SCALES.items(), means, strict=True):
        place = np.array(of_code)
        counts = np.stack([table[:, place == k].sum(axis=1) for k in range(len(values))], axis=1)
        percent, alpha = agreement.estimate(
            ItemPatterns.of(counts, times),
            [agreement.PERCENT_POOLED, agreement.alpha_interval(values)],
        )
        figures = {"percent": percent, "kappa_quadratic": mean, "alpha_interval": alpha}
        why = ""
        if steps > finest:
            why = f"Raters were asked on a scale of {finest} steps."
        elif steps > 2 and sided.any() and strongest < 0:
            why = NO_STRENGTH
        if why:
            figures = {
                name: Estimate.undefined(why, unit=one.unit) for name, one in figures.items()
            }
        rows.append(
            {"steps": steps, "dropped_count": len(votes) - int(counts.sum(axis=1) @ times)}
            | {name: one.as_json() for name, one in figures.items()}
        )
    return rows
