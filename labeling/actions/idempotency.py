"""Remember what a write with an Idempotency-Key was answered, so that a repeat gets the same."""

from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models.functions import Now

from labeling.errors import LabelingError
from labeling.models import IdempotentRequest, User

# A key whose first request never finished (the server died) may be taken over after this.
ABANDONED = timedelta(seconds=60)
# How long an answer can be had again, and how many are forgotten by one transaction.
KEPT = timedelta(days=7)
BATCH = 5000


class KeyReusedError(LabelingError):
    """The key was used for another request."""

    status = 422
    title = "Idempotency-Key was used for something else"


class StillRunningError(LabelingError):
    """The first request with this key has not finished."""

    status = 409
    title = "The first request with this key is still running"
    retry_after_seconds = 1


@transaction.atomic(durable=True)
def begin_request(
    *, user: User, key: str, fingerprint: bytes, may_run_twice: bool
) -> IdempotentRequest:
    """The key's row: with a status if the request was answered before, without if it is to run.

    `may_run_twice`: the action itself is safe to repeat, so a twin that is still running is no
    reason to refuse.
    """
    row, is_new = IdempotentRequest.objects.get_or_create(
        user=user, key=key, defaults={"fingerprint": fingerprint}
    )
    if bytes(row.fingerprint) != fingerprint:
        raise KeyReusedError(
            "This Idempotency-Key was sent with another request. Use a new key for a new request."
        )
    if is_new or row.status is not None or may_run_twice:
        return row
    taken = IdempotentRequest.objects.filter(
        pk=row.pk, status=None, created_at__lt=Now() - ABANDONED
    ).update(created_at=Now())
    if not taken:
        raise StillRunningError("Repeat it in a moment to get its answer.")
    return row


@transaction.atomic(durable=True)
def keep_answer(*, request: IdempotentRequest, status: int, body: Any) -> None:
    """Keep the answer; the first one stands."""
    IdempotentRequest.objects.filter(pk=request.pk, status=None).update(status=status, body=body)


@transaction.atomic(durable=True)
def forget_request(*, request: IdempotentRequest) -> None:
    """The request was refused and nothing was done: the key is free again."""
    IdempotentRequest.objects.filter(pk=request.pk, status=None).delete()


@transaction.atomic(durable=True)
def forget_old_requests() -> int:
    """Forget up to BATCH answers that were given longer ago than they are KEPT; how many."""
    old = IdempotentRequest.objects.filter(created_at__lt=Now() - KEPT).values("pk")[:BATCH]
    forgotten, _ = IdempotentRequest.objects.filter(pk__in=old).delete()
    return forgotten
