"""Quality by the clock: a campaign's stated rule, and known answers that may be wrong."""

from celery import shared_task

from labeling.actions.cases import pause_by_rule
from labeling.actions.gold import tell_of_suspect_gold
from labeling.queries.cases import raters_to_pause
from labeling.queries.gold import campaigns_with_gold, suspect_gold


@shared_task(expires=15)
def pause_by_rules() -> None:
    """Pause whom a campaign's policy says to pause, each with a case and a word."""
    for one in raters_to_pause():
        pause_by_rule(campaign=one.campaign, rater=one.rater)


@shared_task(expires=600)
def doubt_gold() -> None:
    """Tell managers of known answers that careful raters miss. It retires none."""
    for campaign in campaigns_with_gold():
        if suspects := suspect_gold(campaign):
            tell_of_suspect_gold(suspects=suspects)
