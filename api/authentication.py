"""Bearer tokens: `Authorization: Bearer ths_…`."""

from datetime import timedelta
from typing import Any

from django.utils import timezone
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed, NotAuthenticated
from rest_framework.request import Request

from labeling.actions.tokens import digest_of, is_well_formed, note_token_use
from labeling.models import Token, User, joined

# `last_used_at` is for people who look for unused tokens: a minute's precision is enough.
PRECISION = timedelta(minutes=1)
REFUSAL = "This token is unknown, expired or revoked. Issue a new one under Account › Tokens."


def caller(request: Request) -> User:
    """The user of the request's token. Permissions have seen to it that there is one."""
    if not isinstance(request.user, User):
        raise NotAuthenticated
    return request.user


def token_of(request: Request) -> Token:
    """The request's token."""
    if not isinstance(request.auth, Token):
        raise NotAuthenticated
    return request.auth


class TokenAuthentication(BaseAuthentication):
    """The token's user, with the token as `request.auth`."""

    def authenticate(self, request: Request) -> tuple[User, Token] | None:
        words = get_authorization_header(request).split()
        if not words or words[0].lower() != b"bearer":
            return None
        if len(words) != 2:
            raise AuthenticationFailed("Send one token: Authorization: Bearer ths_…")
        text = words[1].decode("latin-1")
        if not is_well_formed(text):
            raise AuthenticationFailed("This is not a whole token: its checksum does not fit.")
        token = joined.presented_token(digest_of(text))
        if token is None:
            raise AuthenticationFailed(REFUSAL)
        if token.last_used_at is None or token.last_used_at < timezone.now() - PRECISION:
            note_token_use(token=token)
        return token.user, token

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="thurstone"'


class TokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """How the OpenAPI document names it."""

    target_class = TokenAuthentication
    name = "token"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "bearerFormat": "ths_…"}
