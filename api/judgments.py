"""`…/judgments/`: what raters decided, in the canonical record."""

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import mixins, serializers, viewsets
from rest_framework.exceptions import ValidationError

from api.base import CampaignMixin
from labeling.models import Judgment
from labeling.queries.judgment_records import record_of, records


class OwnJudgmentSerializer(serializers.ModelSerializer[Judgment]):
    """What a rater is told of their own judgment: what they said, as they saw it."""

    id = serializers.UUIDField(source="public_id")
    side = serializers.SerializerMethodField()

    class Meta:
        model = Judgment
        fields = ["id", "side", "strength", "rationale", "created_at"]

    def to_representation(self, instance: Judgment) -> dict[str, Any]:
        return {
            "id": instance.public_id,
            "side": self.get_side(instance),
            "strength": instance.strength,
            "rationale": instance.rationale,
            "created_at": instance.created_at,
        }

    def get_side(self, judgment: Judgment) -> str:
        assignment = judgment.assignment
        return assignment.side(judgment.preference) if assignment else judgment.preference


class RecordSerializer(serializers.BaseSerializer[Judgment]):
    """The canonical record: docs/EXPORTS.md names its keys."""

    def to_representation(self, judgment: Judgment) -> dict[str, Any]:
        return record_of(judgment)


@extend_schema_view(
    list=extend_schema(
        summary="Judgments of a campaign",
        parameters=[
            OpenApiParameter("history", bool, description="1: with superseded ones too."),
        ],
        responses={200: {"type": "object", "additionalProperties": True}},
    )
)
class JudgmentViewSet(CampaignMixin, mixins.ListModelMixin, viewsets.GenericViewSet[Judgment]):
    """Standing judgments, for those who may read the campaign's data."""

    serializer_class = RecordSerializer
    scopes = {"GET": ("read",)}
    filterset_fields = ("preference",)
    extra_parameters = ("history",)

    def get_queryset(self) -> QuerySet[Judgment]:
        if getattr(self, "swagger_fake_view", False):
            return Judgment.objects.none()
        history = self.request.query_params.get("history", "0")
        if history not in {"0", "1"}:
            raise ValidationError({"history": "0 or 1."})
        return records(self.campaign_to_read(), with_history=history == "1")

    def cursor_rows(self) -> QuerySet[Judgment]:
        """One that was superseded between two pages still says where the next begins."""
        return self.campaign_to_read().judgments.all()
