"""`…/generations/`: have completions made for a campaign's prompts, and pair them into a round."""

from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import (
    OpenApiParameter,
    OpenApiResponse,
    extend_schema,
    extend_schema_field,
    extend_schema_view,
)
from rest_framework import mixins, serializers, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from api.authentication import caller
from api.base import CampaignMixin, once
from api.generation_bodies import (
    BudgetSerializer,
    EstimateSerializer,
    FiguresSerializer,
    StartSerializer,
)
from api.jobs import JobSerializer
from labeling.actions.generation import (
    cancel_generation,
    change_budget,
    pause_generation,
    pause_variant,
    resume_generation,
    resume_variant,
    retry_failed,
    start_generation,
)
from labeling.errors import InvalidInputError
from labeling.models import GenerationRun
from labeling.queries.generation import RunProgress, progress_of
from labeling.queries.generation_estimates import estimate_generation
from labeling.queries.generation_figures import figures_of


class GenerationJobSerializer(JobSerializer):
    """The job, and the run it tells of."""

    generation = serializers.SerializerMethodField()

    class Meta(JobSerializer.Meta):
        fields = [*JobSerializer.Meta.fields, "generation"]

    def get_generation(self, job: Any) -> str:
        return str(self.context["run"].public_id)


class ProgressSerializer(serializers.Serializer[Any]):
    """Slots that need no more work, of all."""

    done = serializers.IntegerField()
    total = serializers.IntegerField()


class EndpointProgressSerializer(serializers.Serializer[Any]):
    """One model's share, as the run was started with it. `position` 0 is the baseline."""

    id = serializers.UUIDField(source="endpoint.endpoint.public_id")
    position = serializers.IntegerField(source="endpoint.position")
    name = serializers.CharField(source="endpoint.name")
    model = serializers.CharField(source="endpoint.model")
    kind = serializers.CharField(source="endpoint.kind")
    host = serializers.CharField(source="endpoint.host", help_text="host:port of its server.")
    sampling = serializers.DictField(source="endpoint.sampling")
    system = serializers.CharField(source="endpoint.system")
    is_demo = serializers.BooleanField(source="endpoint.endpoint.is_demo")
    is_paused = serializers.BooleanField(source="endpoint.is_paused")
    counts = serializers.DictField(child=serializers.IntegerField())


class ProblemSerializer(serializers.Serializer[Any]):
    """What went wrong, by endpoint and kind."""

    endpoint = serializers.CharField()
    kind = serializers.CharField()
    count = serializers.IntegerField()
    message = serializers.CharField()
    is_retried = serializers.BooleanField()
    next_try_at = serializers.DateTimeField(allow_null=True)


class GenerationSerializer(serializers.ModelSerializer[GenerationRun]):
    """A run with its progress."""

    id = serializers.UUIDField(source="public_id")
    job = serializers.UUIDField(source="job.public_id")
    round = serializers.IntegerField(source="round.number", default=None, allow_null=True)
    against = serializers.ListField(child=serializers.CharField())
    prompt_filter = serializers.DictField()
    filters = serializers.DictField(child=serializers.CharField())
    progress = serializers.SerializerMethodField()
    endpoints = serializers.SerializerMethodField()
    problems = serializers.SerializerMethodField()

    class Meta:
        model = GenerationRun
        fields = [
            "id",
            "job",
            "state",
            "completions_per_prompt",
            "pairing",
            "prompt_filter",
            "filters",
            "against",
            "keeps_raw",
            "budget_calls",
            "budget_cost",
            "call_count",
            "cost",
            "input_tokens",
            "output_tokens",
            "progress",
            "endpoints",
            "problems",
            "round",
            "created_at",
            "finished_at",
        ]

    @extend_schema_field(ProgressSerializer)
    def get_progress(self, run: GenerationRun) -> Any:
        return ProgressSerializer(self._of(run)).data

    @extend_schema_field(EndpointProgressSerializer(many=True))
    def get_endpoints(self, run: GenerationRun) -> Any:
        return EndpointProgressSerializer(self._of(run).endpoints, many=True).data

    @extend_schema_field(ProblemSerializer(many=True))
    def get_problems(self, run: GenerationRun) -> Any:
        return ProblemSerializer(self._of(run).problems, many=True).data

    def _of(self, run: GenerationRun) -> RunProgress:
        progress: RunProgress = self.context["progress"][run.pk]
        return progress


class WatchedSerializer(GenerationSerializer):
    """One run, with its speed, its cost by model and what its filters left out."""

    figures = serializers.SerializerMethodField()

    class Meta(GenerationSerializer.Meta):
        fields = [*GenerationSerializer.Meta.fields, "figures"]

    @extend_schema_field(FiguresSerializer)
    def get_figures(self, run: GenerationRun) -> Any:
        return FiguresSerializer.told(figures_of(run), self._of(run))


@extend_schema_view(
    list=extend_schema(summary="Runs of a campaign, with their progress"),
)
class GenerationViewSet(
    CampaignMixin,
    mixins.ListModelMixin,
    mixins.RetrieveModelMixin,
    viewsets.GenericViewSet[GenerationRun],
):
    """Runs that fill prompts with completions."""

    serializer_class = GenerationSerializer
    scopes = {"GET": ("read",), "POST": ("write",), "PATCH": ("write",)}
    lookup_field = "public_id"
    lookup_url_kwarg = "id"
    filterset_fields = ("state",)

    def get_queryset(self) -> QuerySet[GenerationRun]:
        if getattr(self, "swagger_fake_view", False):
            return GenerationRun.objects.none()
        return self.campaign_to_read().generation_runs.select_related("job", "round")

    def list(self, request: Request, slug: str) -> Response:
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        return self.get_paginated_response(self._told(page or []))

    @extend_schema(summary="A run", responses=WatchedSerializer)
    def retrieve(self, request: Request, slug: str, id: UUID) -> Response:
        run = self.get_object()
        context = {**self.get_serializer_context(), "progress": progress_of([run])}
        return Response(WatchedSerializer(run, context=context).data)

    @extend_schema(
        summary="Generate completions, or say what it would take",
        parameters=[
            OpenApiParameter(
                "dry_run",
                OpenApiTypes.STR,
                enum=["0", "1"],
                default="0",
                description="Start nothing; answer with an estimate.",
            )
        ],
        request=StartSerializer,
        responses={
            200: EstimateSerializer,
            202: GenerationJobSerializer,
            409: OpenApiResponse(description="Another run is under way, or there is no prompt."),
        },
    )
    def create(self, request: Request, slug: str) -> Response:
        """Only what no earlier run has filled is asked for."""
        campaign = self.campaign_to_manage()
        dry_run = request.query_params.get("dry_run", "0")
        if dry_run not in ("0", "1"):
            raise InvalidInputError("dry_run: write 0 or 1.")
        body = StartSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        wishes = body.validated_data
        if dry_run == "1":
            return Response(EstimateSerializer(estimate_generation(campaign, **wishes)).data)

        def answer() -> Response:
            return _accepted(start_generation(campaign=campaign, by=caller(request), **wishes))

        return once(request, answer)

    @extend_schema(
        summary="Change a run's budget", request=BudgetSerializer, responses=GenerationSerializer
    )
    def partial_update(self, request: Request, slug: str, id: UUID) -> Response:
        """A run that stands at its budget goes on once that is raised; null takes a cap away."""
        self.campaign_to_manage()
        body = BudgetSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        run = change_budget(run=self.get_object(), by=caller(request), **body.validated_data)
        return Response(self._told([run])[0])

    @extend_schema(summary="Pause a run", request=None, responses=GenerationSerializer)
    @action(detail=True, methods=["post"])
    def pause(self, request: Request, slug: str, id: UUID) -> Response:
        """No more calls are started; those under way are stored."""
        return self._moved(pause_generation)

    @extend_schema(summary="Resume a paused run", request=None, responses=GenerationSerializer)
    @action(detail=True, methods=["post"])
    def resume(self, request: Request, slug: str, id: UUID) -> Response:
        """Goes on where it was paused."""
        return self._moved(resume_generation)

    @extend_schema(summary="Pause one model of a run", request=None, responses=GenerationSerializer)
    @action(detail=True, methods=["post"], url_path=r"models/(?P<number>\d{1,4})/pause")
    def pause_model(self, request: Request, slug: str, id: UUID, number: str) -> Response:
        """By its position; the others go on."""
        return self._moved(pause_variant, position=int(number))

    @extend_schema(
        summary="Resume one model of a run", request=None, responses=GenerationSerializer
    )
    @action(detail=True, methods=["post"], url_path=r"models/(?P<number>\d{1,4})/resume")
    def resume_model(self, request: Request, slug: str, id: UUID, number: str) -> Response:
        """By its position."""
        return self._moved(resume_variant, position=int(number))

    @extend_schema(summary="Cancel a run", request=None, responses=GenerationSerializer)
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, slug: str, id: UUID) -> Response:
        """What came stays; what is under way is dropped."""
        return self._moved(cancel_generation)

    @extend_schema(
        summary="Ask again for what failed",
        request=None,
        responses={202: GenerationJobSerializer},
    )
    @action(detail=True, methods=["post"])
    def retry(self, request: Request, slug: str, id: UUID) -> Response:
        """A finished run goes on under a new job."""
        self.campaign_to_manage()
        run = self.get_object()
        return once(request, lambda: _accepted(retry_failed(run=run, by=caller(request))))

    def _moved(self, move: Callable[..., GenerationRun], **about: int) -> Response:
        self.campaign_to_manage()
        run = move(run=self.get_object(), by=caller(self.request), **about)
        return Response(self._told([run])[0])

    def _told(self, runs: Sequence[GenerationRun]) -> Any:
        context = {**self.get_serializer_context(), "progress": progress_of(runs)}
        return GenerationSerializer(runs, many=True, context=context).data


def _accepted(run: GenerationRun) -> Response:
    return Response(GenerationJobSerializer(run.job, context={"run": run}).data, status=202)
