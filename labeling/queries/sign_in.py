"""How somebody's account is kept safe, and where they are signed in."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.utils import timezone

from labeling.models import User

# What a browser calls itself, as it is told apart by people; the first that fits.
_BROWSERS = (("Edg", "Edge"), ("Firefox", "Firefox"), ("Chrome", "Chrome"), ("Safari", "Safari"))
_SYSTEMS = (
    *(("iPhone", "iPhone"), ("iPad", "iPad"), ("Android", "Android"), ("Windows", "Windows")),
    *(("Mac OS", "macOS"), ("Linux", "Linux")),
)


@dataclass(frozen=True)
class SignedIn:
    """One browser that is signed in."""

    browser: str
    system: str
    address: str
    since: datetime
    is_this: bool


@dataclass(frozen=True)
class Safety:
    """What guards an account."""

    has_password: bool
    has_totp: bool
    key_count: int
    recovery_left: int | None
    sessions: list[SignedIn]

    @property
    def is_two_step(self) -> bool:
        """Whether a password alone does not let anybody in."""
        return self.has_totp or bool(self.key_count)


def safety_of(user: User, session_key: str) -> Safety:
    """What guards the user's account; `session_key` is of the browser that asks."""
    kinds: dict[str, list[Any]] = {}
    for one in Authenticator.objects.filter(user=user):
        kinds.setdefault(one.type, []).append(one)
    codes = kinds.get(Authenticator.Type.RECOVERY_CODES)
    return Safety(
        has_password=user.has_usable_password(),
        has_totp=Authenticator.Type.TOTP in kinds,
        key_count=len(kinds.get(Authenticator.Type.WEBAUTHN, [])),
        recovery_left=len(codes[0].wrap().get_unused_codes()) if codes else None,
        sessions=_sessions(user, session_key),
    )


def owns_address(user: User, email: str) -> bool:
    """Whether the address is the account's own or a confirmed one; not one that is asked for."""
    if user.email.lower() == email.lower():
        return True
    confirmed = EmailAddress.objects.filter(user=user, email=email.lower(), verified=True)
    return bool(confirmed.exists())


def is_waiting_address(user: User, email: str) -> bool:
    """Whether the user asked for this address, and has not opened its link."""
    if not email or "\0" in email or email.lower() == user.email.lower():
        return False
    asked = EmailAddress.objects.filter(user=user, email=email.lower(), verified=False)
    return bool(asked.exists())


def _sessions(user: User, session_key: str) -> list[SignedIn]:
    live = Session.objects.filter(expire_date__gt=timezone.now())
    rows = UserSession.objects.filter(user=user, session_key__in=live.values("session_key"))
    return [
        SignedIn(
            browser=_first(_BROWSERS, row.user_agent),
            system=_first(_SYSTEMS, row.user_agent),
            address="" if row.ip == "0.0.0.0" else row.ip,  # noqa: S104
            since=row.created_at,
            is_this=row.session_key == session_key,
        )
        for row in rows.order_by("-created_at")[:50]
    ]


def _first(names: tuple[tuple[str, str], ...], text: str) -> str:
    return next((name for word, name in names if word in text), "")
