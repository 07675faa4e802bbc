"""How long and how formatted the two answers of each item are, in the votes' own order."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from psycopg import sql

from labeling.metrics.votes import UNKNOWN, Ints
from labeling.models import Campaign
from labeling.queries.columns import copied_columns

# a and b as in the votes (labeling.queries.outcomes). What is not known, a text or its counts that
# were not made yet, is -1.
_COPY = sql.SQL(
    """
    COPY (
      SELECT c.id,
        CASE WHEN a.messages IS NULL THEN -1 ELSE a.char_count END::int4,
        CASE WHEN b.messages IS NULL THEN -1 ELSE b.char_count END::int4,
        CASE WHEN a.messages IS NULL THEN -1 ELSE a.header_count END::int4,
        CASE WHEN b.messages IS NULL THEN -1 ELSE b.header_count END::int4,
        CASE WHEN a.messages IS NULL THEN -1 ELSE a.bold_count END::int4,
        CASE WHEN b.messages IS NULL THEN -1 ELSE b.bold_count END::int4,
        CASE WHEN a.messages IS NULL THEN -1 ELSE a.list_count END::int4,
        CASE WHEN b.messages IS NULL THEN -1 ELSE b.list_count END::int4
      FROM labeling_comparison c
      JOIN labeling_completion a
        ON a.id = CASE WHEN c.is_turned THEN c.completion_b_id ELSE c.completion_a_id END
      JOIN labeling_completion b
        ON b.id = CASE WHEN c.is_turned THEN c.completion_a_id ELSE c.completion_b_id END
      WHERE c.campaign_id = {campaign}
    ) TO STDOUT (FORMAT binary)
    """
)
_NAMES = (
    "length_a",
    "length_b",
    "headers_a",
    "headers_b",
    "bold_a",
    "bold_b",
    "lists_a",
    "lists_b",
)
_TYPES = {"comparison": "int8", **dict.fromkeys(_NAMES, "int4")}


@dataclass(frozen=True, eq=False)
class ItemStyles:
    """Characters, headings, bold passages and list items of each item's a and b; -1 is unknown."""

    length_a: Ints
    length_b: Ints
    headers_a: Ints
    headers_b: Ints
    bold_a: Ints
    bold_b: Ints
    lists_a: Ints
    lists_b: Ints

    @classmethod
    def unknown(cls, count: int) -> Self:
        """Of items of which nothing is known."""
        return cls(**{name: np.full(count, UNKNOWN, np.int32) for name in _NAMES})


def item_styles(campaign: Campaign, item_keys: Ints) -> ItemStyles:
    """The styles of these comparisons, `item_keys` in ascending order as those of votes are."""
    columns = copied_columns(_COPY.format(campaign=sql.Literal(campaign.pk)), _TYPES)
    if not len(item_keys):
        return ItemStyles.unknown(0)
    place = np.searchsorted(item_keys, columns["comparison"])
    place[place == len(item_keys)] = 0
    found = item_keys[place] == columns["comparison"]
    styles = ItemStyles.unknown(len(item_keys))
    for name in _NAMES:
        getattr(styles, name)[place[found]] = columns[name][found]
    return styles
