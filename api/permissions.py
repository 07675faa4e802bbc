"""What a token's scopes allow; what its user may see is decided in labeling.access."""

from typing import Any

from rest_framework.exceptions import NotAuthenticated
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from api.authentication import token_of

# What each scope includes beside itself.
INCLUDES = {
    "read": {"read"},
    "rate": {"rate"},
    "write": {"read", "write"},
    "admin": {"read", "rate", "write", "admin"},
}


def scopes_of(request: Request) -> set[str]:
    """Every scope the request's token has, included ones too."""
    return set().union(*(INCLUDES[scope] for scope in token_of(request).scopes))


class HasScope(BasePermission):
    """A view names its scopes by method: `scopes = {"GET": ("read", "rate"), "POST": ("write",)}`.

    One of those named is enough. A view that names none is a mistake and lets nobody in.
    """

    message = "This token lacks the scope for this."

    def has_permission(self, request: Request, view: Any) -> bool:
        if request.auth is None:
            raise NotAuthenticated("Send a token: Authorization: Bearer ths_…")
        method = "GET" if request.method in {"HEAD", "OPTIONS"} else str(request.method)
        wanted = getattr(view, "scopes", {}).get(method, ())
        self.message = f"This needs a token with the scope {' or '.join(wanted) or 'none has'}."
        return bool(scopes_of(request) & set(wanted))
