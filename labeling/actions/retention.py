"""What is forgotten in time, and only that; each sweep says in the audit how much it took."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.db.models.functions import Now

from labeling import audit
from labeling.models import AuditEvent, Campaign, Invitation, Judgment, Notification
from labeling.policy import read_policy

# How long each is kept, in days; docs/OPERATIONS.md says it to those who run an instance.
ADDRESSES = 90
NOTIFICATIONS = 180
INVITATIONS = 90
BATCH = 5_000


def forget_what_is_old() -> dict[str, int]:
    """Forget what its time is over for; how many rows of each. Safe to run twice at once."""
    return {
        "addresses": _sweep(
            "audit.addresses_forgotten",
            AuditEvent.objects.filter(
                address__isnull=False, created_at__lt=Now() - timedelta(days=ADDRESSES)
            ),
            lambda rows: rows.update(address=None),
        ),
        "notifications": _sweep(
            "person.notifications_forgotten",
            Notification.objects.filter(created_at__lt=Now() - timedelta(days=NOTIFICATIONS)),
            lambda rows: rows.delete()[0],
        ),
        "invitations": _sweep(
            "invitation.forgotten",
            # One that was accepted stays: it shows whose the account's address is.
            Invitation.objects.filter(
                accepted_at=None, expires_at__lt=Now() - timedelta(days=INVITATIONS)
            ),
            lambda rows: rows.delete()[0],
        ),
        "sessions": _sweep(
            "sign_in.sessions_forgotten",
            Session.objects.filter(expire_date__lt=Now()),
            lambda rows: rows.delete()[0],
        ),
        "places": _sweep(
            "sign_in.places_forgotten",
            # An hour, so that one that begins just now has both its rows.
            UserSession.objects.filter(
                ~Exists(Session.objects.filter(session_key=OuterRef("session_key"))),
                last_seen_at__lt=Now() - timedelta(hours=1),
            ),
            lambda rows: rows.delete()[0],
        ),
    }


def forget_telemetry(*, campaign: Campaign, older_than_days: int) -> int:
    """Reduce what pages measured, of judgments so old, to the time taken; how many were reduced.

    The judgment, its `active_ms` included, stays as it is.
    """
    old = Judgment.objects.filter(
        campaign=campaign, created_at__lt=Now() - timedelta(days=older_than_days)
    ).exclude(client={})
    return _sweep(
        "campaign.telemetry_forgotten", old, lambda rows: rows.update(client={}), campaign
    )


def forget_telemetry_by_policy() -> int:
    """`forget_telemetry` in every campaign whose policy names a time."""
    return sum(
        forget_telemetry(campaign=campaign, older_than_days=days)
        for campaign in Campaign.objects.exclude(policy={}).order_by("pk")
        if (days := read_policy(campaign.policy).telemetry_days) is not None
    )


def _sweep(
    verb: str,
    rows: QuerySet[Any],
    forget: Callable[[QuerySet[Any]], int],
    campaign: Campaign | None = None,
) -> int:
    """Forget the rows in batches, each a transaction of its own, so that nobody waits for long."""
    total = 0
    while count := _forget_batch(verb, rows, forget, campaign):
        total += count
    return total


@transaction.atomic(durable=True)
def _forget_batch(
    verb: str,
    rows: QuerySet[Any],
    forget: Callable[[QuerySet[Any]], int],
    campaign: Campaign | None,
) -> int:
    found = rows.select_for_update(skip_locked=True).values_list("pk", flat=True)[:BATCH]
    if not (keys := list(found)):
        return 0
    count = forget(rows.model._default_manager.filter(pk__in=keys))
    if count:
        audit.record(verb, campaign=campaign, rows=count)
    return count
