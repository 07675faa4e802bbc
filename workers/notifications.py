"""Mail: what somebody wants at once, and what they want once a day."""

from collections.abc import Sequence

from celery import shared_task

from labeling.actions.notifications import mail_notifications
from labeling.mails import notifications_mail
from labeling.models import Notification, User
from labeling.queries.notifications import users_with_digest, users_with_mail


@shared_task(expires=30)
def send_mail() -> None:
    """One mail to each who wants to know at once."""
    for user_id in users_with_mail():
        mail_notifications(user_id=user_id, channel="mail", send=_send)


@shared_task(expires=600)
def send_digests() -> None:
    """The daily mail, to each for whom it is due."""
    for user_id in users_with_digest():
        mail_notifications(user_id=user_id, channel="digest", send=_send)


def _send(user: User, told: Sequence[Notification]) -> None:
    notifications_mail(user, told).send()
