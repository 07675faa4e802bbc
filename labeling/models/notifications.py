"""What a person is told of: in the product, and by mail if they like."""

from django.db import models
from django.db.models import Q, UniqueConstraint

from labeling.models.accounts import User
from labeling.models.base import PublicModel
from labeling.models.campaigns import Campaign


class Notification(PublicModel):
    """One thing that one person is told, once."""

    user = models.ForeignKey(User, models.CASCADE, related_name="notifications")
    kind = models.CharField(max_length=40)
    campaign = models.ForeignKey(Campaign, models.CASCADE, null=True, related_name="+")
    # What it is about, so that telling it again is harmless: "round.finished:<uuid>".
    key = models.CharField(max_length=160)
    # Ids, names and counts that its sentence needs; labeling.notices writes the sentence.
    details = models.JSONField(default=dict)
    read_at = models.DateTimeField(null=True)
    # How they wanted it then: app, mail or digest; and when the mail left.
    channel = models.CharField(max_length=8)
    mailed_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [UniqueConstraint(fields=["user", "key"], name="notification_once")]
        indexes = [
            models.Index(fields=["user", "-id"], name="notification_newest"),
            models.Index(
                fields=["channel", "id"],
                condition=Q(mailed_at=None, channel__in=["mail", "digest"]),
                name="notification_to_mail",
            ),
        ]
