"""`…/prompts/`, `…/completions/` and `…/comparisons/`: what there is to judge."""

from typing import Any

from django.db.models import Q, QuerySet
from django.forms import IntegerField
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import mixins, serializers, viewsets

from api.base import CampaignMixin
from api.completions import PushMixin
from api.provenance import FilledSlotSerializer, RawMixin, filled_slots
from labeling.models import Comparison, Completion, Prompt


class WholeNumberFilter(filters.NumberFilter):  # type: ignore[misc]
    """A number without a fraction, which would be cut off unseen."""

    field_class = IntegerField


class CompletionFilters(filters.FilterSet):  # type: ignore[misc]
    """By prompt and model."""

    prompt = filters.UUIDFilter("prompt__public_id")
    model = filters.CharFilter("source__model")


class ComparisonFilters(filters.FilterSet):  # type: ignore[misc]
    """By round and prompt, and by a model on either side."""

    round = WholeNumberFilter("round__number")
    prompt = filters.UUIDFilter("prompt__public_id")
    model = filters.CharFilter(method="of_model")

    def of_model(self, rows: QuerySet[Comparison], name: str, model: str) -> QuerySet[Comparison]:
        a, b = Q(completion_a__source__model=model), Q(completion_b__source__model=model)
        return rows.filter(a | b)


class PromptSerializer(serializers.ModelSerializer[Prompt]):
    """A prompt as it came in."""

    id = serializers.UUIDField(source="public_id")
    prompt_id = serializers.CharField(source="external_id", allow_null=True)
    messages = serializers.ListField(child=serializers.DictField())
    tags = serializers.ListField(child=serializers.CharField())

    class Meta:
        model = Prompt
        fields = ["id", "prompt_id", "messages", "tags", "metadata", "language", "created_at"]


class CompletionSerializer(serializers.ModelSerializer[Completion]):
    """A completion with the model and settings it came from, and the calls that brought it."""

    id = serializers.UUIDField(source="public_id")
    prompt = serializers.UUIDField(source="prompt.public_id")
    model = serializers.CharField(source="source.model", allow_null=True)
    params = serializers.DictField(source="source.params")
    messages = serializers.ListField(child=serializers.DictField(), allow_null=True)
    generated = FilledSlotSerializer(source="slots", many=True)

    class Meta:
        model = Completion
        fields = [
            "id",
            "prompt",
            "messages",
            "model",
            "params",
            "finish_reason",
            "marks",
            "generated",
            "created_at",
        ]


class ComparisonSerializer(serializers.ModelSerializer[Comparison]):
    """A pair, with its models: for managers and researchers, never for raters."""

    id = serializers.UUIDField(source="public_id")
    comparison_id = serializers.CharField(source="external_id", allow_null=True)
    round = serializers.IntegerField(source="round.number", default=None, allow_null=True)
    prompt = serializers.UUIDField(source="prompt.public_id")
    completion_a = serializers.UUIDField(source="completion_a.public_id")
    completion_b = serializers.UUIDField(source="completion_b.public_id")
    model_a = serializers.CharField(source="completion_a.source.model", allow_null=True)
    model_b = serializers.CharField(source="completion_b.source.model", allow_null=True)
    is_gold = serializers.SerializerMethodField()

    class Meta:
        model = Comparison
        fields = [
            "id",
            "comparison_id",
            "round",
            "prompt",
            "completion_a",
            "completion_b",
            "model_a",
            "model_b",
            "is_gold",
            "selection_policy",
            "propensity",
            "created_at",
        ]

    def get_is_gold(self, comparison: Comparison) -> bool:
        return hasattr(comparison, "gold")

    def to_representation(self, comparison: Comparison) -> Any:
        """With a and b as the file that brought it named them, as judgments and exports have."""
        shown = super().to_representation(comparison)
        if comparison.is_turned:
            for name in ("completion", "model"):
                a, b = f"{name}_a", f"{name}_b"
                shown[a], shown[b] = shown[b], shown[a]
        return shown


class _ReadViewSet(
    CampaignMixin,
    mixins.ListModelMixin,
    mixins.RetrieveModelMixin,
    viewsets.GenericViewSet[Any],
):
    """List and read one kind of a campaign's rows."""

    scopes = {"GET": ("read",)}
    lookup_field = "public_id"
    lookup_url_kwarg = "id"

    def rows(self) -> QuerySet[Any]:
        raise NotImplementedError

    def get_queryset(self) -> QuerySet[Any]:
        if getattr(self, "swagger_fake_view", False):
            return self.rows().none()
        return self.rows().filter(**{self.campaign_path: self.campaign_to_read()})

    campaign_path = "campaign"


@extend_schema_view(
    list=extend_schema(summary="Prompts of a campaign"), retrieve=extend_schema(summary="A prompt")
)
class PromptViewSet(_ReadViewSet):
    serializer_class = PromptSerializer
    filterset_fields = ("language",)

    def rows(self) -> QuerySet[Prompt]:
        return Prompt.objects.all()


@extend_schema_view(
    list=extend_schema(summary="Completions of a campaign"),
    retrieve=extend_schema(summary="A completion"),
)
class CompletionViewSet(PushMixin, RawMixin, _ReadViewSet):
    scopes = {"GET": ("read",), "POST": ("write",)}
    serializer_class = CompletionSerializer
    filterset_class = CompletionFilters
    campaign_path = "prompt__campaign"

    def rows(self) -> QuerySet[Completion]:
        return Completion.objects.select_related("prompt", "source").prefetch_related(
            filled_slots()
        )


@extend_schema_view(
    list=extend_schema(summary="Comparisons of a campaign"),
    retrieve=extend_schema(summary="A comparison"),
)
class ComparisonViewSet(_ReadViewSet):
    serializer_class = ComparisonSerializer
    filterset_class = ComparisonFilters

    def rows(self) -> QuerySet[Comparison]:
        return Comparison.objects.select_related(
            "round", "prompt", "completion_a__source", "completion_b__source", "gold"
        )
