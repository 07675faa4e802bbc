"""What the sign-in's own apps say happened, handed on to the audit."""

from typing import Any

from allauth.account.signals import password_changed, password_set, user_logged_in
from allauth.mfa.signals import (
    authentication_failed,
    authenticator_added,
    authenticator_removed,
    authenticator_reset,
)
from django.contrib.auth.signals import user_login_failed
from django.db.models import Q
from django.dispatch import receiver

from labeling.actions.sign_ins import (
    note_failed_sign_in,
    note_new_password,
    note_second_step,
    note_sign_in,
)
from labeling.models import User


@receiver(user_logged_in)
def came_in(user: User, **_: Any) -> None:
    """Somebody is signed in, all steps done."""
    note_sign_in(person=user)


@receiver(user_login_failed)
def failed(credentials: dict[str, Any], **_: Any) -> None:
    """A password was wrong; an account that does not exist is nobody's, and no name is kept."""
    named = Q()
    for field in ("username", "email"):
        given = credentials.get(field)
        if isinstance(given, str) and given and "\0" not in given:
            named |= Q(**{f"{field}__iexact": given})
    if named and (person := User.objects.filter(named).order_by("pk").first()) is not None:
        note_failed_sign_in(person=person, step="password")


@receiver(authentication_failed)
def failed_at_second_step(user: User, **_: Any) -> None:
    """A code was wrong."""
    note_failed_sign_in(person=user, step="code")


@receiver([password_changed, password_set])
def chose_password(user: User, **_: Any) -> None:
    """A password was chosen; one that was forgotten is noted where it is reset."""
    note_new_password(person=user)


@receiver(authenticator_added)
def added_factor(user: User, authenticator: Any, **_: Any) -> None:
    """A second factor was added."""
    note_second_step(person=user, factor=authenticator.type, change="added")


@receiver(authenticator_removed)
def removed_factor(user: User, authenticator: Any, **_: Any) -> None:
    """A second factor was removed."""
    note_second_step(person=user, factor=authenticator.type, change="removed")


@receiver(authenticator_reset)
def renewed_factor(user: User, authenticator: Any, **_: Any) -> None:
    """Recovery codes were made anew."""
    note_second_step(person=user, factor=authenticator.type, change="renewed")
