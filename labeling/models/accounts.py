"""People who sign in, and the organisations they belong to."""

import uuid
from typing import ClassVar, Self

from django.contrib.auth.models import AbstractUser, UserManager
from django.db import models
from django.db.models import Q, UniqueConstraint

from labeling.models.base import PublicModel


class User(AbstractUser):
    """One who signs in. What they may do hangs on memberships, not on this row."""

    public_id = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    # Simulated people exist only in the demo and are marked wherever they are shown.
    is_simulated = models.BooleanField(default=False)
    # Empty: what the browser asks for.
    language = models.CharField(max_length=10, blank=True, default="", db_default="")
    # How they like the bench: a BenchSettings as JSON; what is left out has its default.
    bench = models.JSONField(default=dict, db_default={})
    # What they want to be told of, and how: {kind: "off" | "app" | "mail" | "digest"}.
    notify = models.JSONField(default=dict, db_default={})

    objects: ClassVar[UserManager[Self]] = UserManager()

    @property
    def label(self) -> str:
        """The name to show: full name, else the sign-in name."""
        return self.get_full_name() or self.username


class Organisation(PublicModel):
    """The wall: what belongs to another organisation does not exist for you."""

    name = models.CharField(max_length=200)
    slug = models.SlugField(unique=True)
    members = models.ManyToManyField(
        User, through="OrganisationMember", related_name="organisations"
    )

    def __str__(self) -> str:
        return self.slug


class OrganisationMember(models.Model):
    """A person's place in an organisation. Owners and managers may start campaigns in it."""

    class Role(models.TextChoices):
        OWNER = "owner"
        MANAGER = "manager"
        MEMBER = "member"

    organisation = models.ForeignKey(Organisation, models.CASCADE, related_name="memberships")
    user = models.ForeignKey(User, models.CASCADE, related_name="organisation_memberships")
    role = models.CharField(max_length=16, choices=Role.choices, default=Role.MEMBER)

    class Meta:
        constraints = [
            UniqueConstraint(fields=["organisation", "user"], name="organisationmember_once"),
            models.CheckConstraint(
                condition=Q(role__in=["owner", "manager", "member"]),
                name="organisationmember_known_role",
            ),
        ]
