"""Tell people, in the transaction that does what they are told of."""

from collections.abc import Iterable
from typing import Any

from labeling.models import Campaign, Membership, Notification, OrganisationMember, User
from labeling.notices import channel_of


def tell(
    users: Iterable[User], kind: str, *, key: str, campaign: Campaign | None = None, **details: Any
) -> None:
    """Add one notification for each, by the channel they chose; telling a key again does nothing.

    `key` says what it is about ("<uuid>"); `details` are ids, names within the product and counts.
    """
    told = [
        Notification(
            user=user,
            kind=kind,
            campaign=campaign,
            key=f"{kind}:{key}",
            details=details,
            channel=channel,
        )
        for user in users
        if (channel := channel_of(kind, user.notify)) != "off"
    ]
    Notification.objects.bulk_create(told, ignore_conflicts=True)


def managers_of(campaign: Campaign) -> list[User]:
    """Those who are told what a campaign's managers are told: its own, and its organisation's."""
    own = Membership.objects.filter(campaign=campaign, role__in=["owner", "manager"])
    governing = OrganisationMember.objects.filter(
        organisation=campaign.organisation_id, role__in=["owner", "manager"]
    )
    people = User.objects.filter(is_active=True)
    return list(
        people.filter(pk__in=own.values("user")) | people.filter(pk__in=governing.values("user"))
    )
