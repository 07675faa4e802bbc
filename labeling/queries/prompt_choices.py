"""By what a run may choose among a campaign's prompts, and which models have answered them."""

from dataclasses import dataclass

from django.db import connection
from django.db.models import Count

from labeling.models import Campaign

# More than these are no help to anybody who chooses.
MOST = 40

_TAGS = """
SELECT tag, count(*) FROM labeling_prompt p, unnest(p.tags) AS t (tag)
WHERE p.campaign_id = %s AND tag <> '' GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT %s
"""


@dataclass(frozen=True)
class Choices:
    """Languages and tags with how many prompts have them, and models with completions."""

    prompt_count: int
    languages: list[tuple[str, int]]
    tags: list[tuple[str, int]]
    models: list[str]


def choices_of(campaign: Campaign) -> Choices:
    """What there is to choose from, the most frequent first."""
    prompts = campaign.prompts.order_by()
    languages = prompts.exclude(language="").values("language").annotate(count=Count("pk"))
    named = campaign.sources.exclude(model=None).order_by("model").values_list("model", flat=True)
    with connection.cursor() as cursor:
        cursor.execute(_TAGS, [campaign.pk, MOST])
        tags = [(str(tag), int(count)) for tag, count in cursor.fetchall()]
    return Choices(
        prompt_count=prompts.count(),
        languages=[
            (row["language"], row["count"])
            for row in languages.order_by("-count", "language")[:MOST]
        ],
        tags=tags,
        models=[model for model in named.distinct()[:MOST] if model],
    )
