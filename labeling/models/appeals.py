"""A rater's word against a known answer, and what came of it."""

from django.db import models
from django.db.models import CheckConstraint, Q

from labeling.models.accounts import User
from labeling.models.base import PublicModel
from labeling.models.judgments import Judgment


class Appeal(PublicModel):
    """One judgment of gold that its rater thinks was marked wrongly, with their reason."""

    class State(models.TextChoices):
        WAITING = "waiting"
        UPHELD = "upheld"
        DECLINED = "declined"

    judgment = models.OneToOneField(Judgment, models.PROTECT, related_name="appeal")
    reason = models.TextField()
    state = models.CharField(max_length=8, choices=State.choices, default=State.WAITING)
    answer = models.TextField(blank=True, default="")
    decided_at = models.DateTimeField(null=True)
    decided_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")

    class Meta:
        constraints = [
            CheckConstraint(
                condition=Q(state="waiting", decided_at=None)
                | Q(state__in=["upheld", "declined"], decided_at__isnull=False),
                name="appeal_decided_has_time",
            ),
        ]
