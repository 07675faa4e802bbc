"""What every page's template may use."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from labeling.access import may_start_campaigns
from labeling.models import User
from labeling.queries.notifications import unread_count
from labeling.queries.rating import reads_a_campaign
from labeling.web.preferences import preferences_of

THEMES = ("light", "dark")


def product(request: HttpRequest) -> dict[str, Any]:
    """The instance's own facts and the visitor's looks; what costs a query is asked where used."""
    governs = SimpleLazyObject(lambda: _governs(request))
    return {
        "is_demo": settings.DEMO,
        "theme": theme_of(request),
        "preferences": SimpleLazyObject(lambda: preferences_of(request)),
        "governs": governs,
        "reads_data": SimpleLazyObject(lambda: bool(governs) or _reads_data(request)),
        "unread_count": SimpleLazyObject(lambda: _unread_count(request)),
    }


def theme_of(request: HttpRequest) -> str:
    """The theme this browser keeps; empty for what its system has."""
    theme = request.COOKIES.get("theme", "")
    return theme if theme in THEMES else ""


def _unread_count(request: HttpRequest) -> int:
    user = getattr(request, "user", None)
    return unread_count(user) if isinstance(user, User) and user.is_authenticated else 0


def _governs(request: HttpRequest) -> bool:
    user = getattr(request, "user", None)
    return isinstance(user, User) and user.is_authenticated and may_start_campaigns(user)


def _reads_data(request: HttpRequest) -> bool:
    user = getattr(request, "user", None)
    return isinstance(user, User) and user.is_authenticated and reads_a_campaign(user)
