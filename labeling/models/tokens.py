"""API tokens: shown once, stored as a hash; and the answers kept for repeated writes."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import UniqueConstraint

from labeling.models.accounts import User
from labeling.models.base import PublicModel
from labeling.models.campaigns import Campaign

SCOPES = ["read", "rate", "write", "admin"]


class Token(PublicModel):
    """The right to act for a user by API, narrowed by scope and, if set, to some campaigns."""

    user = models.ForeignKey(User, models.CASCADE, related_name="tokens")
    name = models.CharField(max_length=100, blank=True, default="")
    prefix = models.CharField(max_length=12, help_text="The first characters, to know it by.")
    digest = models.BinaryField(max_length=32, unique=True)
    scopes = ArrayField(models.CharField(max_length=8, choices=[(s, s) for s in SCOPES]))
    campaigns = models.ManyToManyField(Campaign, blank=True, related_name="+")
    # Their ids, on a token found by `joined.presented_token`.
    bound_to: list[int]
    expires_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)
    last_used_at = models.DateTimeField(null=True)


class IdempotentRequest(models.Model):
    """The answer to a write that named an Idempotency-Key, given again to whoever repeats it."""

    user = models.ForeignKey(User, models.CASCADE, related_name="+")
    key = models.CharField(max_length=255)
    fingerprint = models.BinaryField(max_length=32, help_text="sha256 of method, path and body.")
    status = models.PositiveSmallIntegerField(null=True)
    body = models.JSONField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [UniqueConstraint(fields=["user", "key"], name="idempotentrequest_once")]
