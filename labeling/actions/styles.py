"""Count the formatting of completions that were stored before it was counted as they came."""

from itertools import count

import orjson
from django.db import connection, transaction

from labeling.models import Campaign, Completion
from labeling.rendering.style import Style, style_of_messages

BATCH = 1_000
# What one sweep takes at most: some seconds' work.
SWEEP_BATCHES = 20

# By the index of what is not counted, which is empty but for old rows.
_TAKE = """
SELECT k.id, k.messages::text
FROM labeling_completion k JOIN labeling_prompt p ON p.id = k.prompt_id
WHERE k.list_count = -1 AND k.id > %(after)s
  AND (%(campaign)s::bigint IS NULL OR p.campaign_id = %(campaign)s)
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
    # Asked first, since the statement below is more: once all is counted this is one look.
    if not Completion.objects.filter(list_count=-1).exists():
        return 0
    return _count_batches(campaign_id=campaign.pk, batch=batch, most=None)


def count_styles_anywhere(*, batch: int = BATCH, most: int = SWEEP_BATCHES) -> int:
    """Count what any campaign still has uncounted, at most so many batches; how many it were.

    Run again until there is none left: campaigns that are over get no report that would do it.
    """
    return _count_batches(campaign_id=None, batch=batch, most=most)


def _count_batches(*, campaign_id: int | None, batch: int, most: int | None) -> int:
    counted, after = 0, 0
    for _ in count() if most is None else range(most):
        taken, after = _count_batch(campaign_id=campaign_id, after=after, limit=batch)
        counted += taken
        if taken < batch:
            break
    return counted


@transaction.atomic(durable=True)
def _count_batch(*, campaign_id: int | None, after: int, limit: int) -> tuple[int, int]:
    """Count the next completions after an id; how many, and the last one's id."""
    with connection.cursor() as cursor:
        cursor.execute(_TAKE, {"campaign": campaign_id, "after": after, "limit": limit})
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
