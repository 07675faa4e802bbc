"""Count the formatting of completions that were stored before it was counted as they came."""

import orjson
from django.db import connection, transaction

from labeling.models import Campaign
from labeling.rendering.style import Style, style_of_messages

BATCH = 1_000

# By the index of what is not counted, which is empty but for old rows.
_TAKE = """
SELECT k.id, k.messages::text
FROM labeling_completion k JOIN labeling_prompt p ON p.id = k.prompt_id
WHERE k.list_count = -1 AND p.campaign_id = %(campaign)s AND k.id > %(after)s
ORDER BY k.id LIMIT %(limit)s FOR NO KEY UPDATE OF k SKIP LOCKED
"""
_KEEP = """
UPDATE labeling_completion k
SET header_count = v.headers, bold_count = v.bold, list_count = v.lists
FROM unnest(%(ids)s::bigint[], %(headers)s::int[], %(bold)s::int[], %(lists)s::int[])
  AS v (id, headers, bold, lists)
WHERE k.id = v.id
"""


def count_styles(*, campaign: Campaign, batch: int = BATCH) -> int:
    """Count what the campaign still has uncounted; how many completions that were.

    A short transaction for each batch, passing over rows that another holds: nobody waits, and
    what is passed over is counted the next time.
    """
    counted, after = 0, 0
    while True:
        taken, after = _count_batch(campaign=campaign, after=after, limit=batch)
        counted += taken
        if taken < batch:
            return counted


@transaction.atomic(durable=True)
def _count_batch(*, campaign: Campaign, after: int, limit: int) -> tuple[int, int]:
    """Count the next completions after an id; how many, and the last one's id."""
    with connection.cursor() as cursor:
        cursor.execute(_TAKE, {"campaign": campaign.pk, "after": after, "limit": limit})
        rows = cursor.fetchall()
        if not rows:
            return 0, after
        # Without a text there is nothing to count, and nothing to look at again.
        styles = [
            Style() if text is None else style_of_messages(orjson.loads(text)) for _, text in rows
        ]
        cursor.execute(
            _KEEP,
            {
                "ids": [pk for pk, _ in rows],
                "headers": [style.headers for style in styles],
                "bold": [style.bold for style in styles],
                "lists": [style.lists for style in styles],
            },
        )
    return len(rows), rows[-1][0]
