"""What a person was told, how much of it is new, and whose mail is due."""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.db.models import Exists, Min, OuterRef, QuerySet
from django.db.models.functions import Now

from labeling.models import Membership, Notification, OrganisationMember, User
from labeling.notices import KINDS, Channel, Kind, channel_of

SHOWN = 100
# The bell counts up to here, and then says "more".
MOST_COUNTED = 99
# A digest goes out once in so long, and a while after the first thing it has to say.
DIGEST_EVERY = timedelta(hours=24)
DIGEST_AFTER = timedelta(hours=1)
# Mail that could not go out for so long is not sent any more: it is in the product.
MAIL_WITHIN = timedelta(days=3)


@dataclass(frozen=True)
class Wish:
    """One kind, and how the person is told of it."""

    kind: str
    about: Kind
    channel: Channel


def notifications_of(user: User) -> list[Notification]:
    """The newest, read or not, with their campaigns."""
    told = Notification.objects.filter(user=user).select_related("campaign").order_by("-pk")
    return list(told[:SHOWN])


def notification_of(user: User, public_id: UUID) -> Notification | None:
    """One of the user's own."""
    told = Notification.objects.filter(user=user, public_id=public_id)
    return told.select_related("campaign").first()


def unread_count(user: User) -> int:
    """How many are new, counted up to one more than is said."""
    new = Notification.objects.filter(user=user, read_at=None).order_by()
    return new[: MOST_COUNTED + 1].count()


def wishes_of(user: User) -> list[Wish]:
    """The kinds that somebody in the user's place may be told of, and the channel of each."""
    runs = (
        OrganisationMember.objects.filter(user=user, role__in=["owner", "manager"]).exists()
        or Membership.objects.filter(user=user, role__in=["owner", "manager", "reviewer"]).exists()
    )
    rates = Membership.objects.filter(user=user, role=Membership.Role.RATER).exists()
    return [
        Wish(name, kind, channel_of(name, user.notify))
        for name, kind in KINDS.items()
        if (rates if kind.is_for_raters else runs)
    ]


def users_with_mail() -> list[int]:
    """Ids of the people whose mail is due now."""
    return list(_unmailed("mail").order_by().values_list("user", flat=True).distinct()[:500])


def users_with_digest() -> list[int]:
    """Ids of the people whose digest is due: none within a day, and something to say."""
    recent = Notification.objects.filter(
        user=OuterRef("user"), channel="digest", mailed_at__gt=Now() - DIGEST_EVERY
    )
    waiting = _unmailed("digest").filter(~Exists(recent)).order_by().values("user")
    due = waiting.annotate(first=Min("created_at")).filter(first__lte=Now() - DIGEST_AFTER)
    return list(due.values_list("user", flat=True)[:500])


def _unmailed(channel: Channel) -> QuerySet[Notification]:
    return Notification.objects.filter(
        channel=channel,
        mailed_at=None,
        read_at=None,
        created_at__gt=Now() - MAIL_WITHIN,
        user__is_active=True,
    ).exclude(user__email="")
