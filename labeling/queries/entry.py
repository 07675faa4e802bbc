"""Entry links of a campaign and what became of them; and a participant's own study."""

from django.db.models import Count, Q, QuerySet

from labeling.models import Campaign, EntryLink, EntryVisit, Rater, User

# How accounts that an entry link makes are called; such an account has no password.
PARTICIPANT = "participant-"


def links_of(campaign: Campaign) -> QuerySet[EntryLink]:
    """The links, newest first, with `visit_count` and `finished_count`."""
    return (
        EntryLink.objects.filter(campaign=campaign)
        .annotate(
            visit_count=Count("visits"),
            finished_count=Count("visits", filter=Q(visits__finished_at__isnull=False)),
        )
        .order_by("-pk")
    )


def visit_in(rater: Rater, campaign: Campaign) -> EntryVisit | None:
    """The rater's newest visit to the campaign as a participant, with its link."""
    visits = EntryVisit.objects.filter(rater=rater, link__campaign=campaign)
    return visits.select_related("link__campaign", "rater").order_by("-pk").first()


def visits_of(user: User) -> QuerySet[EntryVisit]:
    """The user's visits as a participant, newest first."""
    visits = EntryVisit.objects.filter(rater__user=user).select_related("link__campaign")
    return visits.order_by("-pk")


def finished_visits(user: User) -> list[EntryVisit]:
    """The studies the user has finished; asks nothing for one who cannot be a participant."""
    if not user.username.startswith(PARTICIPANT):
        return []
    return list(visits_of(user).filter(finished_at__isnull=False))
