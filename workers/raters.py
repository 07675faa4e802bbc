"""What is known of raters, kept up by the clock."""

from celery import shared_task

from labeling.actions.skills import refresh_gold_skills
from labeling.queries.gold_skills import organisations_naming_skills


@shared_task(expires=600)
def refresh_skills() -> None:
    """Bring the skills that raters earned on known answers up to yesterday, everywhere."""
    for organisation in organisations_naming_skills():
        refresh_gold_skills(organisation=organisation)
