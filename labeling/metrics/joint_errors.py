"""How sure the joint model is of its raters and of the leanings that all of them share."""

import numpy as np

from labeling.metrics.joint_cells import Cells, logistic
from labeling.metrics.votes import Floats


def standard_errors(
    cells: Cells,
    ability: Floats,
    leaning: Floats,
    better_a: Floats,
    *,
    rater_sd: float,
    leaning_sd: float,
) -> tuple[Floats, Floats]:
    """Standard errors of the abilities, and of the leanings to the left and to length.

    Louis (1982), Finding the observed information matrix when using the EM algorithm: a rater's
    own entry of it, or the sum of squared scores where that is less. The leanings' is the outer
    product of the items' scores, less what the abilities explain of it.
    """
    size = len(ability)
    n = cells.n_a + cells.n_b
    shift = cells.side * leaning[0] + cells.length * leaning[1]
    right, wrong = logistic(shift + ability[cells.rater]), logistic(shift - ability[cells.rater])
    # A vote's score by the ability is `gain` if it named the better one, else -`loss`.
    gain, loss = 1 - right, 1 - wrong
    both = gain + loss
    for_a, for_b = cells.sums(better_a)
    squares_a, squares_b = cells.sums(better_a**2)
    # Of the chance that a vote named the better one: its sum and its squares' over the cell.
    agree = for_a + cells.n_b - for_b
    agree_squares = squares_a + cells.n_b - 2 * for_b + squares_b
    seen = agree * right * gain + (n - agree) * wrong * loss - (agree - agree_squares) * both**2
    squares = both**2 * agree_squares - 2 * loss * both * agree + loss**2 * n
    known = np.bincount(cells.rater, seen, size)
    scored = np.bincount(cells.rater, squares, size)
    # The two would be equal were the model true: the smaller one is the safer.
    information = np.clip(np.minimum(known, scored), 0, None) + rater_sd**-2

    own, cross = np.zeros((2, 2)), np.zeros((2, size))
    items: dict[int, Floats] = {}
    for k, towards in enumerate((cells.side, cells.length)):
        if not towards.any():
            continue
        # An item's score, linear in its chance of a: votes for a first, votes for b second.
        fixed = cells.item_sums(towards * loss, towards * gain)
        items[k] = fixed + better_a * cells.for_a(towards * (gain - loss))
        sum_a, sum_b = cells.sums(items[k])
        weighted_a, weighted_b = cells.sums(items[k] * better_a)
        mixed = both * (weighted_a - weighted_b) - loss * sum_a + gain * sum_b
        cross[k] = np.bincount(cells.rater, mixed, size)
    for k, one in items.items():
        for other, values in items.items():
            own[k, other] = float(one @ values)
    own += np.eye(2) / leaning_sd**2
    own -= (cross / (scored + rater_sd**-2)) @ cross.T
    return 1 / np.sqrt(information), np.sqrt(np.clip(np.diag(np.linalg.inv(own)), 0, None))
