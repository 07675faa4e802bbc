"""How far items differ in which model they suit: the effects' standard deviation, from votes.

Two votes that chose a side on one item agree more often than two votes on different items between
the same models. By how much is the variance of the items' chances, and that of the logistic normal
model's effects; docs/METRICS.md, Planning.
"""

from typing import Final

import numpy as np

from labeling.metrics.estimates import Z95, Estimate
from labeling.metrics.patterns import collapse
from labeling.metrics.power import sd_of_correlation
from labeling.metrics.votes import ANSWER_A, ANSWER_B, Floats, Ints, Votes

UNIT: Final = "items"
FEWEST_ITEMS: Final = 30
GROUPS: Final = 40
INTERVAL: Final = "jackknife of 40 groups of items"
_SEED: Final = 1927
TOO_FEW: Final = (
    "It takes 30 items of named models on which two raters chose a side, and two items of a pair of"
    " models."
)


def item_effects(votes: Votes) -> Estimate:
    """The standard deviation, in logits, of items' effects on which of two models is preferred."""
    rows, times = _patterns(votes)
    count = int(times[rows[:, 1] + rows[:, 2] >= 2].sum()) if len(rows) else 0
    if count < FEWEST_ITEMS:
        return Estimate.undefined(TOO_FEW, unit=UNIT, n=count)
    _, pair = np.unique(rows[:, 0], return_inverse=True)
    pair = pair.reshape(-1)
    wins, games = rows[:, 1].astype(np.float64), (rows[:, 1] + rows[:, 2]).astype(np.float64)
    found_whole = _correlation(pair, wins, games, times.astype(np.float64))
    if found_whole is None:
        return Estimate.undefined(TOO_FEW, unit=UNIT, n=count)
    whole, spread = found_whole
    # Items fall into groups by lot: of each pattern, as many as there are.
    random = np.random.default_rng(_SEED)
    left_out = random.multinomial(times, np.full(GROUPS, 1 / GROUPS)).T
    found = [_correlation(pair, wins, games, (times - out).astype(np.float64)) for out in left_out]
    known = np.array([one[0] for one in found if one is not None])
    # A win rate as far from a half as those of the pairs of models are on the whole.
    rate = 0.5 + float(np.sqrt(max(0.25 - spread, 0.0)))
    value = sd_of_correlation(whole, rate)
    if len(known) < 2:
        return Estimate(value, None, None, count, UNIT, note="Too few items for an interval.")
    error = float(np.sqrt((len(known) - 1) / len(known) * ((known - known.mean()) ** 2).sum()))
    return Estimate(
        value,
        sd_of_correlation(whole - Z95 * error, rate),
        sd_of_correlation(whole + Z95 * error, rate),
        count,
        UNIT,
        INTERVAL,
    )


def _patterns(votes: Votes) -> tuple[Ints, Ints]:
    """Distinct rows of pair of models, votes for the lower one and for the higher one."""
    counts = votes.answer_counts()
    a, b = votes.item_model_a.astype(np.int64), votes.item_model_b.astype(np.int64)
    for_a, for_b = counts[:, ANSWER_A], counts[:, ANSWER_B]
    used = (a >= 0) & (b >= 0) & (a != b) & (for_a + for_b > 0)
    a, b, for_a, for_b = a[used], b[used], for_a[used], for_b[used]
    turned = a > b
    key = np.minimum(a, b) * max(len(votes.models), 1) + np.maximum(a, b)
    return collapse(
        np.stack([key, np.where(turned, for_b, for_a), np.where(turned, for_a, for_b)], axis=1)
    )


def _correlation(
    pair: Ints, wins: Floats, games: Floats, times: Floats
) -> tuple[float, float] | None:
    """Var(p_i) over P(1 − P), pooled over pairs of models by pairs of votes; and P(1 − P).

    E p_i² is the share of two votes on one item that are both wins, P² that of votes on two
    items: both are U-statistics (Hoeffding 1948), so neither leans, however few items a pair has.
    """
    size = int(pair.max()) + 1
    within = np.bincount(pair, times * games * (games - 1), size)
    both = np.bincount(pair, times * wins * (wins - 1), size)
    n, w = np.bincount(pair, times * games, size), np.bincount(pair, times * wins, size)
    across = n**2 - np.bincount(pair, times * games**2, size)
    won = w**2 - np.bincount(pair, times * wins**2, size)
    usable = (within > 0) & (across > 0)
    if not usable.any():
        return None
    within, both, across, won = within[usable], both[usable], across[usable], won[usable]
    share, square = w[usable] / n[usable], won / across
    covariance = float((both - within * square).sum())
    spread = float((within * (share - square)).sum())
    return (covariance / spread, spread / float(within.sum())) if spread > 0 else None
