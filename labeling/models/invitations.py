"""Ways in: a link for one person and one role, and a link for the participants of a study."""

from django.db import models
from django.db.models import CheckConstraint, F, Q, UniqueConstraint
from django.utils import timezone

from labeling.models.accounts import Organisation, User
from labeling.models.base import PublicModel
from labeling.models.campaigns import Campaign
from labeling.models.raters import Rater


class Invitation(PublicModel):
    """The right of one address to take one role, once. Only a hash of its link is kept."""

    organisation = models.ForeignKey(Organisation, models.CASCADE, related_name="invitations")
    # Null: a place in the organisation and no part in a campaign yet.
    campaign = models.ForeignKey(Campaign, models.CASCADE, null=True, related_name="invitations")
    email = models.EmailField()
    # Of the campaign, or without one of the organisation.
    role = models.CharField(max_length=16)
    digest = models.BinaryField(max_length=32, unique=True)
    invited_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    expires_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True)
    accepted_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            CheckConstraint(
                condition=Q(campaign=None, role__in=["owner", "manager", "member"])
                | Q(
                    campaign__isnull=False,
                    role__in=["owner", "manager", "researcher", "reviewer", "rater"],
                ),
                name="invitation_known_role",
            ),
            CheckConstraint(
                condition=Q(accepted_at=None) | Q(revoked_at=None), name="invitation_ends_one_way"
            ),
        ]
        indexes = [models.Index(fields=["organisation", "-id"], name="invitation_newest")]

    @property
    def has_run_out(self) -> bool:
        """Whether its time is over; a new link gives it time again."""
        return self.expires_at <= timezone.now()


class EntryLink(PublicModel):
    """A link by which the participants of a study come in as raters, each by their own id."""

    class Kind(models.TextChoices):
        PROLIFIC = "prolific", "Prolific"
        MTURK = "mturk", "Mechanical Turk"
        OTHER = "other", "Another panel"

    campaign = models.ForeignKey(Campaign, models.CASCADE, related_name="entry_links")
    kind = models.CharField(max_length=8, choices=Kind.choices)
    name = models.CharField(max_length=100)
    # In the address that the panel is given; managers see it again, so it is no hash.
    code = models.CharField(max_length=43, unique=True)
    completion_code = models.CharField(max_length=100, blank=True, default="")
    completion_url = models.URLField(max_length=500, blank=True, default="")
    wanted = models.PositiveIntegerField(
        help_text="Judgments of a participant until they are done."
    )
    max_participants = models.PositiveIntegerField(null=True)
    expires_at = models.DateTimeField(null=True)
    closed_at = models.DateTimeField(null=True)
    created_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")

    class Meta:
        constraints = [
            CheckConstraint(condition=Q(wanted__gt=0), name="entrylink_wants_some"),
            CheckConstraint(
                condition=Q(kind__in=["prolific", "mturk", "other"]), name="entrylink_known_kind"
            ),
        ]


class EntryVisit(PublicModel):
    """One participant of an entry link: the panel's ids, and the rater they are here."""

    link = models.ForeignKey(EntryLink, models.CASCADE, related_name="visits")
    rater = models.ForeignKey(Rater, models.CASCADE, related_name="visits")
    participant_id = models.CharField(max_length=100)
    study_id = models.CharField(max_length=100, blank=True, default="")
    session_id = models.CharField(max_length=100, blank=True, default="")
    finished_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            UniqueConstraint(fields=["link", "participant_id"], name="entryvisit_once"),
            CheckConstraint(
                condition=Q(finished_at=None) | Q(finished_at__gte=F("created_at")),
                name="entryvisit_finishes_after",
            ),
        ]
