"""How a completion came to be: the slots of generation it filled, and what providers sent."""

from typing import Any
from uuid import UUID

from django.db.models import Exists, OuterRef, Prefetch
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.generics import get_object_or_404
from rest_framework.request import Request
from rest_framework.response import Response

from api.base import CampaignMixin
from labeling.models import Completion, GenerationSlot, RawAnswer
from labeling.queries.raw_answers import raw_answers


def filled_slots() -> "Prefetch[Any]":
    """The slots that completions filled, with their runs: one query for a page of them."""
    kept = Exists(RawAnswer.objects.filter(slot=OuterRef("pk")))
    slots = GenerationSlot.objects.select_related("run", "endpoint").annotate(has_raw=kept)
    return Prefetch("slots", slots.order_by("pk"))


class FilledSlotSerializer(serializers.ModelSerializer[GenerationSlot]):
    """One call that brought the text: what was asked, what answered, and what it took.

    `provenance` has `request` (model, sampling, system text), the server's `kind` and `host`, the
    `model` and `response_id` as answered, `finish_reason` and the `attempt`. Costs are in the
    endpoint's currency at the price when the run began; null where no price or no token count was
    told.
    """

    generation = serializers.UUIDField(source="run.public_id")
    endpoint = serializers.UUIDField(source="endpoint.public_id")
    provenance = serializers.DictField()
    has_raw = serializers.BooleanField(help_text="…/raw/ has the provider's answer as it came.")

    class Meta:
        model = GenerationSlot
        fields = [
            "generation",
            "endpoint",
            "sample",
            "provenance",
            "input_tokens",
            "output_tokens",
            "latency_ms",
            "first_token_ms",
            "cost",
            "left_out",
            "finished_at",
            "has_raw",
        ]


class KeptAnswerSerializer(serializers.Serializer[Any]):
    """A provider's answer, its key taken out. `is_exact` is false where it was no UTF-8."""

    generation = serializers.UUIDField()
    sample = serializers.IntegerField()
    body = serializers.CharField()
    is_exact = serializers.BooleanField()
    created_at = serializers.DateTimeField()


class RawAnswersSerializer(serializers.Serializer[Any]):
    """All that was kept of one completion, at most 20."""

    results = KeptAnswerSerializer(many=True)


class RawMixin(CampaignMixin):
    """Adds what was kept of a completion's making."""

    @extend_schema(summary="The providers' answers as they came", responses=RawAnswersSerializer)
    @action(detail=True, methods=["get"], pagination_class=None, filterset_class=None)
    def raw(self, request: Request, slug: str, id: UUID) -> Response:
        """Empty where the run did not keep them (`keeps_raw`)."""
        completions = Completion.objects.filter(prompt__campaign=self.campaign_to_read())
        kept = raw_answers(get_object_or_404(completions, public_id=id))
        return Response(RawAnswersSerializer({"results": kept}).data)
