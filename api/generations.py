"""`…/generations/`: have completions made for a campaign's prompts, and pair them into a round."""

from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from drf_spectacular.utils import (
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
from api.base import CampaignMixin, KnownFieldsMixin, once
from api.jobs import JobSerializer
from labeling.actions.generation import (
    MAX_PER_PROMPT,
    PAIRINGS,
    cancel_generation,
    pause_generation,
    resume_generation,
    retry_failed,
    start_generation,
)
from labeling.models import GenerationRun
from labeling.queries.generation import RunProgress, progress_of


class StartSerializer(KnownFieldsMixin[Any]):
    """What to ask for."""

    endpoints = serializers.ListField(
        child=serializers.CharField(max_length=200),
        help_text="Names or ids. The first is the baseline.",
    )
    completions_per_prompt = serializers.IntegerField(
        min_value=1, max_value=MAX_PER_PROMPT, default=1, help_text="Of each endpoint."
    )
    pairing = serializers.ChoiceField(choices=PAIRINGS, default="all")


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
    """One endpoint's share. `model` and `sampling` are those the run was started with."""

    id = serializers.UUIDField(source="endpoint.endpoint.public_id")
    name = serializers.CharField(source="endpoint.name")
    model = serializers.CharField(source="endpoint.model")
    sampling = serializers.DictField(source="endpoint.sampling")
    is_demo = serializers.BooleanField(source="endpoint.endpoint.is_demo")
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


@extend_schema_view(
    list=extend_schema(summary="Runs of a campaign, with their progress"),
    retrieve=extend_schema(summary="A run"),
)
class GenerationViewSet(
    CampaignMixin,
    mixins.ListModelMixin,
    mixins.RetrieveModelMixin,
    viewsets.GenericViewSet[GenerationRun],
):
    """Runs that fill prompts with completions."""

    serializer_class = GenerationSerializer
    scopes = {"GET": ("read",), "POST": ("write",)}
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

    def retrieve(self, request: Request, slug: str, id: UUID) -> Response:
        return Response(self._told([self.get_object()])[0])

    @extend_schema(
        summary="Generate completions",
        request=StartSerializer,
        responses={
            202: GenerationJobSerializer,
            409: OpenApiResponse(description="Another run is under way, or there is no prompt."),
        },
    )
    def create(self, request: Request, slug: str) -> Response:
        """Only what no earlier run has filled is asked for."""
        campaign = self.campaign_to_manage()
        body = StartSerializer(data=request.data)
        body.is_valid(raise_exception=True)

        def answer() -> Response:
            run = start_generation(campaign=campaign, by=caller(request), **body.validated_data)
            return _accepted(run)

        return once(request, answer)

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

    def _moved(self, move: Callable[..., GenerationRun]) -> Response:
        self.campaign_to_manage()
        run = move(run=self.get_object(), by=caller(self.request))
        return Response(self._told([run])[0])

    def _told(self, runs: Sequence[GenerationRun]) -> Any:
        context = {**self.get_serializer_context(), "progress": progress_of(runs)}
        return GenerationSerializer(runs, many=True, context=context).data


def _accepted(run: GenerationRun) -> Response:
    return Response(GenerationJobSerializer(run.job, context={"run": run}).data, status=202)
