"""The report's `rankings`: the leaderboard's votes, with what is known of their items."""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from django.db import connection
from psycopg import sql

from labeling.metrics.rankings import rankings
from labeling.metrics.slices import Part
from labeling.metrics.votes import UNKNOWN, Ints
from labeling.models import Campaign
from labeling.queries.columns import copied_columns
from labeling.queries.item_styles import ItemStyles
from labeling.queries.outcomes import Outcomes

# Tags and languages that are looked at, those of the most prompts; fewer are shown.
MOST_VALUES: Final = 40
NO_LANGUAGES: Final = "The prompts name fewer than two languages."
NO_TAGS: Final = "The prompts have no tags."
NO_ROUNDS: Final = "People have judged in fewer than two rounds."
_LANGUAGES = """
SELECT language FROM labeling_prompt WHERE campaign_id = %s AND language <> ''
GROUP BY language ORDER BY count(*) DESC, language LIMIT %s
"""
_TAGS = """
SELECT tag FROM labeling_prompt, unnest(tags) tag WHERE campaign_id = %s
GROUP BY tag ORDER BY count(*) DESC, tag LIMIT %s
"""
# A row for each comparison of a prompt with one of the values, and the value's place among them.
_COPY_LANGUAGES = sql.SQL(
    """
    COPY (
      SELECT c.id, v.place::int4
      FROM unnest({values}::text[]) WITH ORDINALITY v(value, place)
      JOIN labeling_prompt p ON p.campaign_id = {campaign} AND p.language = v.value
      JOIN labeling_comparison c ON c.prompt_id = p.id AND c.campaign_id = {campaign}
    ) TO STDOUT (FORMAT binary)
    """
)
_COPY_TAGS = sql.SQL(
    """
    COPY (
      SELECT c.id, v.place::int4
      FROM labeling_prompt p
      CROSS JOIN LATERAL (SELECT DISTINCT tag FROM unnest(p.tags) tag) t
      JOIN unnest({values}::text[]) WITH ORDINALITY v(value, place) ON v.value = t.tag
      JOIN labeling_comparison c ON c.prompt_id = p.id AND c.campaign_id = {campaign}
      WHERE p.campaign_id = {campaign}
    ) TO STDOUT (FORMAT binary)
    """
)


def ranking_parts(
    campaign: Campaign, read: Outcomes, *, round_of_item: Ints, styles: ItemStyles
) -> dict[str, Any]:
    """The ranking beyond the leaderboard, of the same votes: people's first on open items.

    `round_of_item` is each item's round by number, or -1; `styles` are those of the items.
    """
    votes = read.votes
    is_judge = np.asarray(read.is_judge, dtype=np.bool_)
    if len(votes):
        is_open = ~is_judge[votes.rater] & (read.gold[votes.item] == UNKNOWN)
        votes = votes.select(is_open).first_votes()
    keys = votes.item_keys
    languages = _values(campaign, _LANGUAGES)
    tags = _values(campaign, _TAGS)
    parts = {
        "tag": _parts(campaign, _COPY_TAGS, tags, keys),
        "language": (
            _parts(campaign, _COPY_LANGUAGES, languages, keys) if len(languages) > 1 else []
        ),
        "round": _rounds(round_of_item),
    }
    section = rankings(votes, features=_features(styles), parts=parts)
    for kind, why in (("tag", NO_TAGS), ("language", NO_LANGUAGES), ("round", NO_ROUNDS)):
        if not section["parts"][kind]["rows"]:
            section["parts"][kind]["why"] = why
    return section


def _features(styles: ItemStyles) -> dict[str, tuple[Ints, Ints]]:
    return {
        "length": (styles.length_a, styles.length_b),
        "headers": (styles.headers_a, styles.headers_b),
        "bold": (styles.bold_a, styles.bold_b),
        "lists": (styles.lists_a, styles.lists_b),
    }


def _values(campaign: Campaign, statement: str) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(statement, [campaign.pk, MOST_VALUES])
        return [value for (value,) in cursor.fetchall()]


def _parts(
    campaign: Campaign, statement: sql.SQL, values: Sequence[str], item_keys: Ints
) -> list[Part]:
    """The voted items of each value."""
    if not values or not len(item_keys):
        return []
    columns = copied_columns(
        statement.format(values=sql.Literal(list(values)), campaign=sql.Literal(campaign.pk)),
        {"comparison": "int8", "place": "int4"},
    )
    place = np.minimum(np.searchsorted(item_keys, columns["comparison"]), len(item_keys) - 1)
    found = item_keys[place] == columns["comparison"]
    item, value = place[found], columns["place"][found] - 1
    order = np.argsort(value, kind="stable")
    ends = np.searchsorted(value[order], np.arange(len(values) + 1))
    return [
        Part(name, item[order[ends[k] : ends[k + 1]]])
        for k, name in enumerate(values)
        if ends[k + 1] > ends[k]
    ]


def _rounds(round_of_item: Ints) -> list[Part]:
    numbers = np.unique(round_of_item[round_of_item != UNKNOWN])
    if len(numbers) < 2:
        return []
    return [Part(str(int(one)), np.flatnonzero(round_of_item == one)) for one in numbers]
