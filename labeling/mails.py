"""What is told, in the reader's language: a notification's sentence, and the mail of several."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.mail import EmailMessage
from django.core.signing import BadSignature, Signer
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_noop as _

from labeling.models import Notification, User
from labeling.notices import KINDS, fill

# The titles and sentences of labeling.notices that raters read, so that they are extracted.
FOR_RATERS = (
    _("An appeal of mine is decided"),
    _("Your appeal was {decision}. {answer}"),
    _("Word about my work"),
    _("There is a message about your judgments for you to read."),
    _("I earned a skill"),
    _("You now have the skill {skill}."),
    _("A reviewer's word on what I judged"),
    _(
        "A reviewer explained a comparison that you judged. You can read it once your judgment can"
        " no longer be changed."
    ),
)
DECISIONS = {"upheld": _("upheld"), "declined": _("declined")}
_SIGNER = Signer(salt="mail-off")


def words_of(told: Notification) -> str:
    """The sentence of a notification. What only managers are told stays English."""
    if told.kind not in KINDS:
        return told.kind
    details: dict[str, Any] = dict(told.details)
    if (decision := details.get("decision")) in DECISIONS:
        details["decision"] = gettext(DECISIONS[decision])
    return fill(gettext(KINDS[told.kind].sentence), details)


def notifications_mail(user: User, told: Sequence[Notification]) -> EmailMessage:
    """One mail that tells the user all of it, with the way to stop such mail in foot and header.

    Plain text: a mail program that reads it fetches nothing.
    """
    with translation.override(user.language or settings.LANGUAGE_CODE):
        off = settings.BASE_URL + reverse("mail_off", args=[_SIGNER.sign(user.public_id.hex)])
        context = {
            "user": user,
            "told": [(one, words_of(one)) for one in told],
            "home": settings.BASE_URL + reverse("notifications"),
            "settings": settings.BASE_URL + reverse("notification_settings"),
            "off": off,
        }
        count = len(told)
        subject = ngettext("%(n)s thing to know", "%(n)s things to know", count) % {"n": count}
        if count == 1:
            # Words may hold line breaks, which a subject may not.
            subject = " ".join(words_of(told[0]).split())[:120]
        body = render_to_string("mail/notifications.txt", context)
    return EmailMessage(
        subject=f"Thurstone: {subject}",
        body=body,
        to=[user.email],
        headers={
            "List-Unsubscribe": f"<{off}>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
            "Auto-Submitted": "auto-generated",
        },
    )


def user_of_mail_off(given: str) -> User | None:
    """Whom the link in the foot of a mail is about; None for one that we did not sign."""
    try:
        public_id = UUID(hex=_SIGNER.unsign(given))
    except (BadSignature, ValueError):
        return None
    return User.objects.filter(public_id=public_id).first()
