"""A labeling effort: what is asked, of how many raters, shown how; and who may do what in it."""

from typing import Self

from django.db import models
from django.db.models import CheckConstraint, Exists, OuterRef, Q, UniqueConstraint

from labeling.models.accounts import Organisation, OrganisationMember, User
from labeling.models.base import PublicModel


class CampaignQuerySet(models.QuerySet["Campaign"]):
    def visible_to(self, user: User) -> Self:
        """Campaigns the user has a part in, or whose organisation they own or manage."""
        member = Membership.objects.filter(campaign=OuterRef("pk"), user=user)
        governs = OrganisationMember.objects.filter(
            organisation=OuterRef("organisation"), user=user, role__in=["owner", "manager"]
        )
        return self.filter(Exists(member) | Exists(governs))

    def with_role(self, user: User, *roles: str) -> Self:
        """Campaigns in which the user holds one of `roles`; an organisation's owners hold all
        but rater.
        """
        member = Membership.objects.filter(campaign=OuterRef("pk"), user=user, role__in=roles)
        governs = OrganisationMember.objects.filter(
            organisation=OuterRef("organisation"), user=user, role__in=["owner", "manager"]
        )
        held = Q(Exists(member))
        if set(roles) - {Membership.Role.RATER}:
            held |= Q(Exists(governs))
        return self.filter(held)


class Campaign(PublicModel):
    """One labeling effort."""

    class State(models.TextChoices):
        DRAFT = "draft"
        ACTIVE = "active"
        PAUSED = "paused"
        COMPLETED = "completed"
        ARCHIVED = "archived"

    organisation = models.ForeignKey(Organisation, models.PROTECT, related_name="campaigns")
    slug = models.SlugField(max_length=80, unique=True)
    name = models.CharField(max_length=200)
    description = models.TextField(blank=True, default="")
    state = models.CharField(max_length=16, choices=State.choices, default=State.DRAFT)
    overlap = models.PositiveSmallIntegerField(
        default=3, help_text="Judgments wanted of a comparison."
    )
    lease_seconds = models.PositiveIntegerField(default=1800)
    revise_seconds = models.PositiveIntegerField(
        default=600,
        help_text="How long a rater may undo a judgment; it is superseded, never edited.",
    )
    # Three settings, as validated by labeling.schemas before they are stored.
    schema = models.JSONField(default=dict)
    presentation = models.JSONField(default=dict)
    requirements = models.JSONField(default=dict)
    # How quality, pay and privacy are dealt with: a labeling.policy.Policy as JSON.
    policy = models.JSONField(default=dict, db_default={})
    cloned_from = models.ForeignKey("self", models.SET_NULL, null=True, related_name="+")
    attribution = models.TextField(
        blank=True, default="", help_text="Whose data this is, and its licence."
    )
    is_simulated = models.BooleanField(
        default=False, help_text="Judged by simulated raters; said wherever its numbers are shown."
    )
    pseudonym_key = models.CharField(
        max_length=64,
        editable=False,
        help_text="So that pseudonyms cannot be linked across campaigns.",
    )
    created_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")

    objects = CampaignQuerySet.as_manager()

    class Meta:
        constraints = [
            CheckConstraint(
                condition=Q(state__in=["draft", "active", "paused", "completed", "archived"]),
                name="campaign_known_state",
            ),
            CheckConstraint(condition=Q(overlap__range=(1, 100)), name="campaign_overlap_bounded"),
            CheckConstraint(
                condition=Q(lease_seconds__range=(1, 7 * 24 * 3600)), name="campaign_lease_bounded"
            ),
        ]

    def __str__(self) -> str:
        return self.slug


class Membership(models.Model):
    """A person's role in a campaign. One may hold several: a manager may also rate."""

    class Role(models.TextChoices):
        OWNER = "owner"
        MANAGER = "manager"
        RESEARCHER = "researcher"
        REVIEWER = "reviewer"
        RATER = "rater"

    campaign = models.ForeignKey(Campaign, models.CASCADE, related_name="memberships")
    user = models.ForeignKey(User, models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=16, choices=Role.choices)

    class Meta:
        constraints = [
            UniqueConstraint(fields=["campaign", "user", "role"], name="membership_once"),
            CheckConstraint(
                condition=Q(role__in=["owner", "manager", "researcher", "reviewer", "rater"]),
                name="membership_known_role",
            ),
        ]
