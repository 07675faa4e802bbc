"""Send mail after what it tells of is stored; a mail server that is away undoes nothing."""

import logging
from collections.abc import Sequence
from smtplib import SMTPException

from django.conf import settings
from django.core.mail import EmailMessage, get_connection

logger = logging.getLogger(__name__)


def send_mail(messages: Sequence[EmailMessage]) -> bool:
    """Whether all went out, over one connection."""
    if not settings.SENDS_MAIL or not messages:
        return False
    try:
        return get_connection().send_messages(messages) == len(messages)
    except (SMTPException, OSError) as error:
        # Neither the address nor the text: a link in a log lets its reader in.
        logger.warning("mail was not sent: %s", type(error).__name__)
        return False
