"""How many judgments a campaign has asked for, against a budget."""

from labeling.models import Assignment, Campaign, Judgment


def judgments_asked(campaign: Campaign) -> int:
    """First judgments made here, gold and repeats included, and the slots that are open or held."""
    made = Judgment.objects.filter(campaign=campaign, supersedes=None, assignment__isnull=False)
    unended = Assignment.objects.filter(campaign=campaign, ended_at=None)
    return made.count() + unended.count()
