"""What leaving some judgments out would change: agreement and the order of the models."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from labeling.metrics.agreement import ALPHA_ORDINAL, estimate
from labeling.metrics.estimates import Estimate
from labeling.metrics.leaderboard import leaderboard
from labeling.metrics.patterns import ItemPatterns
from labeling.metrics.votes import UNKNOWN, Votes
from labeling.models import Campaign, Judgment
from labeling.queries.outcomes import outcomes

# Beyond this many judgments a page would wait too long for it.
MOST_JUDGMENTS: Final = 300_000


@dataclass(frozen=True)
class Effect:
    """Ordinal alpha with and without, and the models whose place changes: name, before, after."""

    count: int
    alpha: Estimate | None = None
    alpha_without: Estimate | None = None
    moved: list[tuple[str, int, int | None]] = field(default_factory=list)
    why_not: str = ""


def effect_of(campaign: Campaign, judgments: Sequence[int]) -> Effect:
    """The effect of leaving these judgments out, beside what is left out already."""
    if not judgments:
        return Effect(0, why_not="There is no such judgment.")
    if Judgment.objects.filter(campaign=campaign).count() > MOST_JUDGMENTS:
        why = f"Not computed here beyond {MOST_JUDGMENTS:,} judgments; the report will show it."
        return Effect(len(judgments), why_not=why)
    read = outcomes(campaign)
    is_judge = np.array(read.is_judge, dtype=np.bool_)
    votes = read.votes
    counted = ~is_judge[votes.rater] & (read.gold[votes.item] == UNKNOWN)
    left_out = np.isin(read.judgment_keys, np.asarray(judgments, dtype=np.int64))
    with_all = votes.select(counted).first_votes()
    without = votes.select(counted & ~left_out).first_votes()
    before, after = _places(with_all), _places(without)
    return Effect(
        len(judgments),
        alpha=_alpha(with_all),
        alpha_without=_alpha(without),
        moved=[
            (model, place, after.get(model))
            for model, place in before.items()
            if after.get(model) != place
        ],
    )


def _alpha(votes: Votes) -> Estimate:
    return estimate(ItemPatterns.of(votes.answer_counts()), [ALPHA_ORDINAL])[0]


def _places(votes: Votes) -> dict[str, int]:
    rows = leaderboard(votes).rows
    return {row["model"]: place for place, row in enumerate(rows, start=1)}
