"""Issue and revoke API tokens. The text of a token is seen once, by the one who asked for it."""

import hashlib
import secrets
import zlib
from collections.abc import Sequence
from datetime import datetime

from django.db import transaction
from django.db.models.functions import Now

from labeling import audit
from labeling.errors import FieldProblem, InvalidInputError, NotAllowedError
from labeling.models import Campaign, EntryVisit, Token, User
from labeling.models.tokens import SCOPES

PREFIX = "ths_"


def digest_of(text: str) -> bytes:
    """What is stored of a token. Its 240 random bits need no slow hash."""
    return hashlib.sha256(text.encode()).digest()


def is_well_formed(text: str) -> bool:
    """Whether the checksum fits: a typing error is told apart without the database."""
    body, check = text[:-8], text[-8:]
    return text.startswith(PREFIX) and f"{zlib.crc32(body.encode()):08x}" == check


@transaction.atomic(durable=True)
def issue_token(
    *,
    user: User,
    scopes: Sequence[str],
    by: User | None,
    name: str = "",
    campaigns: Sequence[Campaign] = (),
    expires_at: datetime | None = None,
) -> tuple[Token, str]:
    """The stored token, and its text, which cannot be had again."""
    if not scopes or (unknown := sorted(set(scopes) - set(SCOPES))):
        message = (
            f"Scopes are {', '.join(SCOPES)}; these are not: {', '.join(unknown)}"
            if scopes
            else (f"Name at least one scope: {', '.join(SCOPES)}.")
        )
        raise InvalidInputError(message, problems=[FieldProblem("scopes", message)])
    if EntryVisit.objects.filter(rater__user=user).exists():
        raise NotAllowedError("Participants of a study take part in a browser, without tokens.")
    body = PREFIX + secrets.token_hex(30)
    text = f"{body}{zlib.crc32(body.encode()):08x}"
    token = Token.objects.create(
        user=user,
        name=name,
        prefix=text[:12],
        digest=digest_of(text),
        scopes=sorted(set(scopes)),
        expires_at=expires_at,
    )
    token.campaigns.set(campaigns)
    audit.record("token.issued", by=by or user, subject=token.public_id, scopes=token.scopes)
    return token, text


@transaction.atomic(durable=True)
def revoke_token(*, token: Token, by: User) -> None:
    """End the token; the next request that bears it is refused. Safe to repeat."""
    revoked = Token.objects.filter(pk=token.pk, revoked_at=None).update(revoked_at=Now())
    if revoked:
        audit.record("token.revoked", by=by, subject=token.public_id)


@transaction.atomic(durable=True)
def note_token_use(*, token: Token) -> None:
    """Note that the token was used now."""
    Token.objects.filter(pk=token.pk).update(last_used_at=Now())
