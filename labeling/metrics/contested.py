"""The items on which raters differ most."""

from dataclasses import dataclass

import numpy as np

from labeling.metrics.votes import UNKNOWN, Votes


@dataclass(frozen=True, slots=True)
class ContestedItem:
    """An item's votes, the share of its pairs of votes that agree, and its place in the list.

    `disagreement` is the variance of the answers on -1, 0, +1 after one further vote at their
    mean, so that a split of many counts for more than a split of two.
    """

    item: int
    model_a: str | None
    model_b: str | None
    counts: dict[str, int]
    agreement: float
    disagreement: float


def contested_items(votes: Votes, *, limit: int = 20) -> list[ContestedItem]:
    """Up to `limit` items with two votes or more that are not all alike, most contested first."""
    counts = votes.answer_counts()
    by_preference = votes.preference_counts()
    n = counts.sum(axis=1)
    safe = np.maximum(n, 1)
    mean = (counts[:, 2] - counts[:, 0]) / safe
    variance = (counts[:, 2] + counts[:, 0]) / safe - mean**2
    disagreement = np.where(n >= 2, variance * n / (n + 1), 0.0)
    disagreement[counts.max(axis=1, initial=0) == n] = 0.0
    # A rounded key, so that equal splits are not ordered by their last digit.
    order = np.lexsort((votes.item_keys, -n, -np.round(disagreement, 12)))[:limit]

    def name(model: int) -> str | None:
        return None if model == UNKNOWN else votes.models[model]

    return [
        ContestedItem(
            item=int(k),
            model_a=name(int(votes.item_model_a[k])),
            model_b=name(int(votes.item_model_b[k])),
            counts=dict(
                zip(("a", "b", "tie", "both_bad"), map(int, by_preference[k]), strict=True)
            ),
            agreement=float((counts[k] * (counts[k] - 1)).sum() / (n[k] * (n[k] - 1))),
            disagreement=float(disagreement[k]),
        )
        for k in order
        if disagreement[k] > 0
    ]
