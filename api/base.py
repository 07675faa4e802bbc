"""What the API's views share: the campaign, strict bodies, and the same answer to a repeat."""

import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from rest_framework import serializers
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from api.authentication import caller, token_of
from labeling import access
from labeling.actions.idempotency import begin_request, forget_request, keep_answer
from labeling.errors import (
    ConflictError,
    FieldProblem,
    InvalidInputError,
    NotAllowedError,
    NotFoundError,
)
from labeling.models import Campaign, User

T = TypeVar("T")


class KnownFieldsMixin(serializers.Serializer[T]):
    """Refuses what cannot be set: a misspelt field dropped in silence is a wish unheard."""

    def to_internal_value(self, data: Any) -> Any:
        known = [name for name, field in self.fields.items() if not field.read_only]
        if isinstance(data, Mapping) and (unknown := sorted(set(data) - set(known))):
            message = f"Not a field that can be set here; those are {', '.join(known)}."
            raise serializers.ValidationError(dict.fromkeys(unknown, message))
        return super().to_internal_value(data)


class CampaignMixin(APIView):
    """A view below `/campaigns/{slug}/`."""

    def find(self, how: Callable[[User, str], Campaign]) -> Campaign:
        """The address's campaign, by one of access's functions and within the token's limits."""
        campaign = how(caller(self.request), self.kwargs["slug"])
        return within_token(self.request, campaign)

    def campaign_to_read(self) -> Campaign:
        return self.find(access.campaign_for_reader)

    def campaign_to_manage(self) -> Campaign:
        return self.find(access.campaign_for_manager)

    def campaign_to_rate(self) -> Campaign:
        return self.find(access.campaign_for_rater)


def within_token(request: Request, campaign: Campaign) -> Campaign:
    """The campaign, unless the token is bound to others."""
    stay_within_token(request, campaign.pk)
    return campaign


def stay_within_token(request: Request, campaign_id: int) -> None:
    """Raise NotFoundError if the token is bound to other campaigns."""
    bound = token_of(request).bound_to
    if bound and campaign_id not in bound:
        raise NotFoundError(access.UNKNOWN)


def refuse_bound_token(request: Request) -> None:
    """Raise NotAllowedError if the token is bound to campaigns: this is the organisation's."""
    if token_of(request).bound_to:
        raise NotAllowedError(
            "This token is bound to campaigns; what concerns their organisation needs one that"
            " is not."
        )


def once(
    request: Request,
    answer: Callable[[], Response],
    *,
    may_run_twice: bool = False,
    content: str | None = None,
    told_once: str = "",
) -> Response:
    """`answer()`, or what it answered when the same Idempotency-Key was sent before.

    A replay carries `Idempotent-Replayed: true`. Refusals are not kept: nothing was done, so the
    key may be used again once the request is put right. `content` is told of a body that is a
    file: its hash. `told_once` names a part of the answer that is never kept: a replay
    cannot give it again and is a ConflictError that says what to revoke.
    """
    key = request.headers.get("Idempotency-Key", "")
    if not key:
        return answer()
    if len(key) > 255 or not key.isprintable():
        message = "Idempotency-Key: at most 255 printable characters."
        raise InvalidInputError(message, problems=[FieldProblem("Idempotency-Key", message)])
    if content is None:
        content = canonical(request.data)
    text = f"{request.method} {request.path}\n{content}"
    kept = begin_request(
        user=caller(request),
        key=key,
        fingerprint=hashlib.sha256(text.encode()).digest(),
        may_run_twice=may_run_twice,
    )
    body: Any = kept.body
    if kept.status is not None and told_once:
        raise ConflictError(
            f"This was answered already, and the {told_once} is told only once. If it was lost,"
            f" revoke {body['id']} and ask again under a new Idempotency-Key."
        )
    if kept.status is not None:
        return Response(body, status=kept.status, headers={"Idempotent-Replayed": "true"})
    try:
        response = answer()
    except Exception:
        forget_request(request=kept)
        raise
    body = json.loads(JSONRenderer().render(response.data)) if response.data is not None else None
    if told_once:
        del body[told_once]
    keep_answer(request=kept, status=response.status_code, body=body)
    return response


def canonical(data: Any) -> str:
    """One text for equal bodies."""
    return json.dumps(data, sort_keys=True, default=str)
