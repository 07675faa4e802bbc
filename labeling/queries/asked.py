"""How many judgments a campaign has asked for, against a budget."""

from labeling.models import Assignment, Campaign
from labeling.queries.budget import spent_of


def judgments_asked(campaign: Campaign) -> int:
    """What its budget has spent, and the slots of its rounds that are open."""
    free = Assignment.objects.filter(
        campaign=campaign, rater=None, ended_at=None, ordinal__isnull=False
    )
    return spent_of(campaign) + free.count()
