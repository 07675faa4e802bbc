"""What becomes of notifications: read, chosen, and sent by mail at most once."""

import logging
from collections.abc import Callable, Mapping, Sequence

from django.db import transaction
from django.db.models.functions import Now

from labeling import audit
from labeling.errors import FieldProblem, InvalidInputError
from labeling.models import Notification, User
from labeling.notices import CHANNELS, KINDS, Channel, channel_of

logger = logging.getLogger(__name__)


@transaction.atomic(durable=True)
def read_notifications(*, user: User, only: Notification | None = None) -> int:
    """Mark all of the user's as read, or one; how many were new. Safe to repeat."""
    new = Notification.objects.filter(user=user, read_at=None)
    if only is not None:
        new = new.filter(pk=only.pk)
    return new.update(read_at=Now())


@transaction.atomic(durable=True)
def choose_notifications(*, user: User, wanted: Mapping[str, str]) -> None:
    """Keep how the user wants to be told of each kind that is named; the others stay."""
    problems = [
        FieldProblem(kind, "Choose off, app, mail or digest.")
        for kind, channel in wanted.items()
        if kind not in KINDS or channel not in CHANNELS
    ]
    if problems:
        raise InvalidInputError(problems[0].message, problems=problems)
    held = User.objects.select_for_update(no_key=True).get(pk=user.pk)
    held.notify = {**held.notify, **wanted}
    held.save(update_fields=["notify"])


@transaction.atomic(durable=True)
def stop_mail(*, user: User) -> None:
    """Tell the user of nothing by mail any more; in the product everything is as before."""
    held = User.objects.select_for_update(no_key=True).get(pk=user.pk)
    by_mail = [k for k in KINDS if channel_of(k, held.notify) in {"mail", "digest"}]
    held.notify = {**held.notify, **dict.fromkeys(by_mail, "app")}
    held.save(update_fields=["notify"])
    Notification.objects.filter(user=user, channel__in=["mail", "digest"], mailed_at=None).update(
        channel="app"
    )
    audit.record("person.mail_stopped", by=held, subject=held.public_id)


def mail_notifications(
    *,
    user_id: int,
    channel: Channel,
    send: Callable[[User, Sequence[Notification]], None],
) -> int:
    """Send what waits for the user in one mail; how many notifications were in it.

    They are taken before the mail goes out, so two schedulers send one; if `send` fails, whatever
    the fault, they wait for the next try, and the mail of others goes on. If the process dies in
    between they are in the product alone.
    """
    user, taken = _take(user_id, channel)
    if not taken:
        return 0
    try:
        send(user, taken)
    except Exception as error:
        # The server's words, and those of a fault in what was to be sent, may quote what is theirs.
        logger.warning("mail to user %s failed: %s", user.public_id, type(error).__name__)
        _give_back([one.pk for one in taken])
        return 0
    return len(taken)


@transaction.atomic(durable=True)
def _take(user_id: int, channel: Channel) -> tuple[User, list[Notification]]:
    user = User.objects.get(pk=user_id)
    waiting = Notification.objects.filter(
        user=user, channel=channel, mailed_at=None, read_at=None
    ).select_related("campaign")
    taken = list(waiting.select_for_update(of=("self",), skip_locked=True).order_by("pk")[:100])
    Notification.objects.filter(pk__in=[one.pk for one in taken]).update(mailed_at=Now())
    return user, taken


@transaction.atomic(durable=True)
def _give_back(taken: Sequence[int]) -> None:
    Notification.objects.filter(pk__in=taken).update(mailed_at=None)
