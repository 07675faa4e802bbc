"""`…/rounds/`: list, open, read, close and freeze rounds, and name the models trained on them."""

from typing import Any
from uuid import UUID

from django.db.models import Prefetch, QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import mixins, serializers, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from api.authentication import caller
from api.base import CampaignMixin, KnownFieldsMixin, once
from api.jobs import JobSerializer
from labeling.actions.pairing import MOST_ITEMS, pair_and_open_round
from labeling.actions.rounds import GIVEN, close_round
from labeling.actions.snapshots import freeze_round
from labeling.actions.trained_models import register_model
from labeling.metrics.stopping import STOP_RULES
from labeling.models import Round, TrainedModel
from labeling.models.rounds import STOP_MEASURE
from labeling.pairing.settings import RULES

# How many of the comparisons named, or models registered, one request may speak of.
MOST_NAMED = 1000


class TrainedModelSerializer(
    KnownFieldsMixin[TrainedModel], serializers.ModelSerializer[TrainedModel]
):
    """A model that was trained on a round's judgments."""

    id = serializers.UUIDField(source="public_id", read_only=True)
    name = serializers.CharField(max_length=200)
    base = serializers.CharField(max_length=200, required=False, allow_blank=True)
    note = serializers.CharField(max_length=2000, required=False, allow_blank=True)
    dataset = serializers.SerializerMethodField(help_text="Number of the frozen data set, if any.")

    class Meta:
        model = TrainedModel
        fields = ["id", "name", "base", "note", "dataset", "created_at"]
        read_only_fields = ["created_at"]
        # The action says what a name that is taken means.
        validators: list[Any] = []

    def get_dataset(self, made: TrainedModel) -> int | None:
        return made.snapshot.number if made.snapshot else None


class RoundSerializer(KnownFieldsMixin[Round], serializers.ModelSerializer[Round]):
    """A round as outsiders know it."""

    id = serializers.UUIDField(source="public_id", read_only=True)
    overlap = serializers.IntegerField(min_value=1, max_value=100, required=False)
    comparisons = serializers.ListField(
        child=serializers.CharField(max_length=200),
        max_length=MOST_NAMED,
        required=False,
        write_only=True,
        help_text="Of a qualification: ids of comparisons with a known answer, all unless said. Of"
        " an adjudication: those that reviewers are to decide.",
    )
    pairing = serializers.ChoiceField(
        choices=[GIVEN, *RULES],
        required=False,
        help_text='"given" opens the comparisons that wait; a rule makes new ones.',
    )
    pairing_settings = serializers.JSONField(
        required=False,
        help_text="uniform_share, baseline (a model), k or every, as the rule needs.",
    )
    budget = serializers.IntegerField(
        min_value=1, max_value=2_000_000_000, required=False, allow_null=True
    )
    stop_rule = serializers.ChoiceField(choices=STOP_RULES, required=False)
    max_overlap = serializers.IntegerField(
        min_value=1, max_value=100, required=False, allow_null=True
    )
    stop_at = serializers.FloatField(required=False, allow_null=True)
    anchor = serializers.CharField(max_length=500, required=False, allow_blank=True)
    seed = serializers.IntegerField(
        min_value=0, max_value=2**62 - 1, required=False, write_only=True
    )
    keep = serializers.IntegerField(
        min_value=0,
        max_value=1_000_000,
        required=False,
        write_only=True,
        help_text="How many judged comparisons of the last round are asked again.",
    )
    items = serializers.IntegerField(
        min_value=1,
        max_value=MOST_ITEMS,
        required=False,
        write_only=True,
        help_text="Of a calibration: the size of its sample. Of an adjudication: how many of the"
        " most contested.",
    )
    models = TrainedModelSerializer(source="trained_models", many=True, read_only=True)

    class Meta:
        model = Round
        fields = [
            "id",
            "number",
            "name",
            "kind",
            "state",
            "overlap",
            "pass_share",
            "comparisons",
            "pairing",
            "pairing_settings",
            "budget",
            "stop_rule",
            "max_overlap",
            "stop_at",
            "anchor",
            "seed",
            "keep",
            "items",
            "models",
            "created_at",
            "closed_at",
        ]
        read_only_fields = ["number", "state", "created_at", "closed_at"]

    def to_representation(self, instance: Round) -> dict[str, Any]:
        """The rule it stops by as it was asked for, not as it is kept."""
        shown: dict[str, Any] = super().to_representation(instance)
        settings = {k: v for k, v in instance.pairing_settings.items() if k != STOP_MEASURE}
        return shown | {"stop_rule": instance.stops_by, "pairing_settings": settings}


@extend_schema_view(
    list=extend_schema(summary="Rounds of a campaign"),
    retrieve=extend_schema(summary="A round"),
    create=extend_schema(summary="Open a round: choose its pairs, or open what waits"),
)
class RoundViewSet(
    CampaignMixin,
    mixins.ListModelMixin,
    mixins.RetrieveModelMixin,
    viewsets.GenericViewSet[Round],
):
    """Batches of comparisons."""

    serializer_class = RoundSerializer
    scopes = {"GET": ("read",), "POST": ("write",)}
    lookup_field = "public_id"
    lookup_url_kwarg = "id"
    filterset_fields = ("state", "kind")

    def get_queryset(self) -> QuerySet[Round]:
        if getattr(self, "swagger_fake_view", False):
            return Round.objects.none()
        models = TrainedModel.objects.select_related("snapshot").order_by("pk")
        return self.campaign_to_read().rounds.prefetch_related(Prefetch("trained_models", models))

    def create(self, request: Request, slug: str) -> Response:
        campaign = self.campaign_to_manage()
        body = self.get_serializer(data=request.data)
        body.is_valid(raise_exception=True)

        def answer() -> Response:
            opened = pair_and_open_round(
                campaign=campaign, by=caller(request), **body.validated_data
            )
            return Response(self.get_serializer(opened).data, status=201)

        return once(request, answer)

    @extend_schema(summary="Close a round", request=None, responses=RoundSerializer)
    @action(detail=True, methods=["post"])
    def close(self, request: Request, slug: str, id: UUID) -> Response:
        """What is open ends; live leases may finish."""
        self.campaign_to_manage()
        closed = close_round(round_=self.get_object(), by=caller(request))
        return Response(self.get_serializer(closed).data)

    @extend_schema(summary="Freeze a closed round", request=None, responses={202: JobSerializer})
    @action(detail=True, methods=["post"])
    def freeze(self, request: Request, slug: str, id: UUID) -> Response:
        """A job makes a numbered data set of what stands; its result has number and hash."""
        campaign = self.campaign_to_manage()
        job = freeze_round(campaign=campaign, round_=self.get_object(), by=caller(request))
        return Response(JobSerializer(job).data, status=202)

    @extend_schema(
        summary="Register a model trained on a round",
        request=TrainedModelSerializer,
        responses={201: TrainedModelSerializer},
    )
    @action(detail=True, methods=["post"])
    def models(self, request: Request, slug: str, id: UUID) -> Response:
        """The name its completions will carry, and the model it came from."""
        campaign = self.campaign_to_manage()
        round_ = self.get_object()
        body = TrainedModelSerializer(data=request.data)
        body.is_valid(raise_exception=True)

        def answer() -> Response:
            made = register_model(
                campaign=campaign, round_=round_, by=caller(request), **body.validated_data
            )
            return Response(TrainedModelSerializer(made).data, status=201)

        return once(request, answer)
