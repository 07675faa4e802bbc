"""How sure the joint model is of its raters and of the leanings that all of them share."""

import numpy as np

from labeling.metrics.joint_cells import Cells, logistic
from labeling.metrics.votes import Floats


def standard_errors(
    cells: Cells,
    ability: Floats,
    leaning: Floats,
    better_a: Floats,
    length_scores: Floats,
    *,
    precisions: tuple[float, float, float],
) -> tuple[Floats, Floats]:
    """Standard errors of the abilities; of the leanings to the left and to length, and of how much
    better longer texts are, whose scores by item are `length_scores`.

    Louis (1982), Finding the observed information matrix when using the EM algorithm: a rater's
    own entry of it, or the sum of squared scores where that is less. The others' is the outer
    product of the items' scores, less what the abilities explain of it. `precisions` are those of
    the priors: of abilities, leanings, and the worth of length.
    """
    size = len(ability)
    of_raters, of_leanings, of_length = precisions
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
    information = np.clip(np.minimum(known, scored), 0, None) + of_raters

    own, cross = np.zeros((3, 3)), np.zeros((3, size))
    items: dict[int, Floats] = {}
    for k, towards in enumerate((cells.side, cells.length)):
        if towards.any():
            # An item's score, linear in its chance of a: votes for a first, votes for b second.
            fixed = cells.item_sums(towards * loss, towards * gain)
            items[k] = fixed + better_a * cells.for_a(towards * (gain - loss))
    if length_scores.any():
        items[2] = length_scores
    for k, values in items.items():
        sum_a, sum_b = cells.sums(values)
        weighted_a, weighted_b = cells.sums(values * better_a)
        mixed = both * (weighted_a - weighted_b) - loss * sum_a + gain * sum_b
        cross[k] = np.bincount(cells.rater, mixed, size)
        for other, others in items.items():
            own[k, other] = float(values @ others)
    own += np.diag([of_leanings, of_leanings, of_length])
    own -= (cross / (scored + of_raters)) @ cross.T
    return 1 / np.sqrt(information), np.sqrt(np.clip(np.diag(np.linalg.inv(own)), 0, None))
