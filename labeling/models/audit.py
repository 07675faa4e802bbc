"""Who did what, when: rows that can only be added."""

import pgtrigger
from django.db import models

from labeling.models.accounts import User
from labeling.models.base import PublicModel
from labeling.models.campaigns import Campaign
from labeling.models.raters import Rater


class AuditEvent(PublicModel):
    """One thing done, written in the transaction that did it. Ids only: no texts, no secrets."""

    verb = models.CharField(max_length=60)
    campaign = models.ForeignKey(
        Campaign, models.PROTECT, null=True, related_name="+", db_constraint=False
    )
    user = models.ForeignKey(
        User, models.SET_NULL, null=True, related_name="+", db_constraint=False
    )
    rater = models.ForeignKey(
        Rater, models.SET_NULL, null=True, related_name="+", db_constraint=False, db_index=False
    )
    subject = models.UUIDField(null=True, help_text="Public id of what it was done to.")
    details = models.JSONField(default=dict)

    class Meta:
        indexes = [models.Index(fields=["campaign", "-id"], name="auditevent_newest")]
        triggers = [
            pgtrigger.Protect(
                name="append_only",
                operation=pgtrigger.Update | pgtrigger.Delete,
            )
        ]
