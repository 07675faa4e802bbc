"""Bearer tokens: `Authorization: Bearer ths_…`."""

from datetime import timedelta
from typing import Any

from django.utils import timezone
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed, NotAuthenticated
from rest_framework.request import Request

from labeling import access
from labeling.actions.tokens import digest_of, is_well_formed, note_token_use
from labeling.models import Assignment, Seat, Token, User, joined

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


def seat_of(request: Request) -> Seat | None:
    """The caller's seat, with rater and campaign, where SeatAuthentication looked for it."""
    seat: Seat | None = request.parser_context["seat"]
    return seat


def assignment_of(request: Request) -> tuple[Seat, Assignment]:
    """The assignment with its campaign, and the caller's seat, by AssignmentAuthentication.

    NotFoundError unless it is theirs or was last.
    """
    return access.own_assignment(request.parser_context["assignment"])


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
        token = self.find(request, digest_of(text))
        if token is None:
            raise AuthenticationFailed(REFUSAL)
        if token.last_used_at is None or token.last_used_at < timezone.now() - PRECISION:
            note_token_use(token=token)
        return token.user, token

    def find(self, request: Request, digest: bytes) -> Token | None:
        """The valid token with this digest, with its user and the campaigns it is bound to."""
        return joined.presented_token(digest)

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="thurstone"'


class SeatAuthentication(TokenAuthentication):
    """Also finds, in the same statement, the caller's seat in the campaign of the address."""

    def find(self, request: Request, digest: bytes) -> Token | None:
        found = access.token_and_seat(digest, request.parser_context["kwargs"]["slug"])
        if found is None:
            return None
        token, request.parser_context["seat"] = found
        return token


class AssignmentAuthentication(TokenAuthentication):
    """Also finds, in the same statement, the assignment of the address if it is the caller's."""

    def find(self, request: Request, digest: bytes) -> Token | None:
        found = access.token_and_assignment(digest, request.parser_context["kwargs"]["id"])
        if found is None:
            return None
        token, request.parser_context["assignment"] = found
        return token


class TokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """How the OpenAPI document names it."""

    target_class = TokenAuthentication
    match_subclasses = True
    name = "token"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "bearerFormat": "ths_…"}
