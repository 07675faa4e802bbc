"""Who did what, when: rows that can only be added."""

import pgtrigger
from django.db import models
from django.db.models.functions import Now

from labeling.models.accounts import User
from labeling.models.base import PublicModel, TransactionIdField
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
    via = models.CharField(max_length=8, blank=True, default="", db_default="")
    address = models.GenericIPAddressField(
        null=True, help_text="Of the client; not of raters' work."
    )
    # Null in rows that are older than this column; they are sealed first.
    xid = TransactionIdField(null=True)  # type: ignore[misc]

    class Meta:
        indexes = [
            models.Index(fields=["campaign", "-id"], name="auditevent_newest"),
            models.Index(fields=["xid"], name="auditevent_xid"),
            # Work that was begun and not answered: it is credited from here.
            models.Index(
                fields=["rater", "created_at"],
                condition=models.Q(verb__in=["assignment.skipped", "assignment.lost"]),
                name="auditevent_begun",
            ),
        ]
        triggers = [
            pgtrigger.Protect(name="never_removed", operation=pgtrigger.Delete),
            # An address may be forgotten, which the seals do not cover; nothing else ever changes.
            pgtrigger.Protect(
                name="never_edited",
                operation=pgtrigger.Update,
                condition=pgtrigger.Condition(
                    "NEW.address IS NOT NULL OR (to_jsonb(OLD) - 'address')"
                    " IS DISTINCT FROM (to_jsonb(NEW) - 'address')"
                ),
            ),
        ]


class AuditSeal(models.Model):
    """A digest of all events up to a transaction, and of the seal before: an edit would show.

    Events are sealed in windows of transaction ids below the oldest that still runs, so nothing
    that commits late falls between two seals and no insert waits for another. A database that is
    restored from a dump goes on in a cluster that counts transactions anew: a chapter begins.
    """

    number = models.PositiveIntegerField(unique=True)
    chapter = models.PositiveSmallIntegerField(default=0, db_default=0)
    cluster = models.BigIntegerField(null=True, help_text="PostgreSQL's identifier of the system.")
    last_id = models.BigIntegerField(
        null=True, help_text="The greatest id of an event under a seal of the chapter, so far."
    )
    through_xid = models.DecimalField(max_digits=20, decimal_places=0)
    event_count = models.PositiveBigIntegerField(help_text="Of this window.")
    digest = models.BinaryField(max_length=32)
    sealed_at = models.DateTimeField(db_default=Now())

    class Meta:
        indexes = [models.Index(fields=["chapter", "-number"], name="auditseal_chapter")]
        triggers = [
            pgtrigger.Protect(
                name="seal_append_only", operation=pgtrigger.Update | pgtrigger.Delete
            )
        ]
