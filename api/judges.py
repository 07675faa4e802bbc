"""`…/judges/`: LLM judges, which rate as raters of their own kind."""

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
from labeling.actions.judge_settings import MAX_RUBRIC_CHARS, MAX_SAMPLES
from labeling.actions.judges import (
    ask_judge,
    change_judge,
    create_judge,
    pause_judge,
    resume_judge,
    retire_judge,
)
from labeling.errors import FieldProblem, InvalidInputError
from labeling.models import Judge, Round
from labeling.queries.judge_progress import JudgeProgress, judge_progress


class JudgeSettingsSerializer(KnownFieldsMixin[Any]):
    """A judge as it is to be. The action checks each value."""

    name = serializers.CharField(max_length=120)
    endpoint = serializers.CharField(max_length=200, help_text="Its name or id.")
    rubric = serializers.CharField(
        required=False,
        allow_blank=True,
        max_length=MAX_RUBRIC_CHARS,
        help_text="Words of its own, beside the campaign's guidelines or in place of them.",
    )
    follows_guidelines = serializers.BooleanField(
        required=False, help_text="It is told the newest version of the campaign's guidelines."
    )
    persona = serializers.DictField(
        child=serializers.CharField(max_length=100),
        required=False,
        help_text='Groups of people as whom it judges: {"age": "60 and over"}.',
    )
    sampling = serializers.DictField(
        required=False, help_text="Goes into each request, over the endpoint's own."
    )
    both_orders = serializers.BooleanField(
        required=False, help_text="Each comparison is asked both ways round."
    )
    samples = serializers.IntegerField(
        required=False, min_value=1, max_value=MAX_SAMPLES, help_text="Calls in each order."
    )
    share = serializers.FloatField(
        required=False, help_text="Of the comparisons, drawn by lot; known answers come on top."
    )
    budget_calls = serializers.IntegerField(required=False, allow_null=True, min_value=1)
    budget_cost = serializers.DecimalField(
        required=False, allow_null=True, max_digits=14, decimal_places=6
    )


class AskSerializer(KnownFieldsMixin[Any]):
    """What to have judged."""

    round = serializers.IntegerField(
        required=False, allow_null=True, help_text="Its number. Without one: the whole campaign."
    )
    again = serializers.BooleanField(
        required=False,
        default=False,
        help_text="Also what it judged under other guidelines or settings.",
    )


class JudgeEndpointSerializer(serializers.Serializer[Any]):
    """The endpoint that answers."""

    id = serializers.UUIDField(source="public_id")
    name = serializers.CharField()
    model = serializers.CharField()
    is_demo = serializers.BooleanField()
    is_enabled = serializers.BooleanField()


class JudgeProgressSerializer(serializers.Serializer[Any]):
    """Calls by state, and what they came to."""

    done = serializers.IntegerField(help_text="Calls that need no more work.")
    total = serializers.IntegerField()
    counts = serializers.DictField(child=serializers.IntegerField())
    comparisons = serializers.IntegerField(help_text="Judged, each once.")
    inconsistent = serializers.IntegerField(help_text="Of them: judged otherwise in each order.")
    cap_problem = serializers.CharField(
        help_text="Why `budget_cost` cannot be kept now, so that it is asked nothing; else empty."
    )


class JudgeProblemSerializer(serializers.Serializer[Any]):
    """What went wrong, by kind."""

    kind = serializers.CharField()
    count = serializers.IntegerField()
    message = serializers.CharField()
    is_retried = serializers.BooleanField()
    next_try_at = serializers.DateTimeField(allow_null=True)


class JudgeSerializer(serializers.ModelSerializer[Judge]):
    """A judge with how far it has come."""

    id = serializers.UUIDField(source="public_id")
    endpoint = JudgeEndpointSerializer()
    rater = serializers.SerializerMethodField(help_text="The pseudonym that exports know it by.")
    persona = serializers.DictField(child=serializers.CharField())
    sampling = serializers.DictField()
    progress = serializers.SerializerMethodField()
    problems = serializers.SerializerMethodField()

    class Meta:
        model = Judge
        fields = [
            "id",
            "name",
            "state",
            "endpoint",
            "rater",
            "rubric",
            "follows_guidelines",
            "persona",
            "sampling",
            "both_orders",
            "samples",
            "share",
            "budget_calls",
            "budget_cost",
            "call_count",
            "cost",
            "progress",
            "problems",
            "created_at",
        ]

    def get_rater(self, judge: Judge) -> str:
        return self._of(judge).pseudonym

    @extend_schema_field(JudgeProgressSerializer)
    def get_progress(self, judge: Judge) -> Any:
        return JudgeProgressSerializer(self._of(judge)).data

    @extend_schema_field(JudgeProblemSerializer(many=True))
    def get_problems(self, judge: Judge) -> Any:
        return JudgeProblemSerializer(self._of(judge).problems, many=True).data

    def _of(self, judge: Judge) -> JudgeProgress:
        progress: JudgeProgress = self.context["progress"][judge.pk]
        return progress


class AskedSerializer(JudgeSerializer):
    """A judge that was asked, and for how much."""

    asked = serializers.SerializerMethodField()

    class Meta(JudgeSerializer.Meta):
        fields = [*JudgeSerializer.Meta.fields, "asked"]

    def get_asked(self, judge: Judge) -> dict[str, int]:
        calls, comparisons = self.context["asked"]
        return {"calls": calls, "comparisons": comparisons}


@extend_schema_view(
    list=extend_schema(summary="LLM judges of a campaign, with their progress and cost"),
    retrieve=extend_schema(summary="A judge"),
)
class JudgeViewSet(
    CampaignMixin,
    mixins.ListModelMixin,
    mixins.RetrieveModelMixin,
    viewsets.GenericViewSet[Judge],
):
    """For whoever may read the campaign; managers change it. Raters are told of no judge."""

    serializer_class = JudgeSerializer
    scopes = {"GET": ("read",), "POST": ("write",), "PATCH": ("write",)}
    lookup_field = "public_id"
    lookup_url_kwarg = "id"
    filterset_fields = ("state",)

    def get_queryset(self) -> QuerySet[Judge]:
        if getattr(self, "swagger_fake_view", False):
            return Judge.objects.none()
        return self.campaign_to_read().judges.select_related("campaign", "endpoint", "rater")

    def list(self, request: Request, slug: str) -> Response:
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        return self.get_paginated_response(self._told(page or []))

    def retrieve(self, request: Request, slug: str, id: UUID) -> Response:
        return Response(self._told([self.get_object()])[0])

    @extend_schema(
        summary="Make a judge",
        request=JudgeSettingsSerializer,
        responses={201: JudgeSerializer, 409: OpenApiResponse(description="The name is taken.")},
    )
    def create(self, request: Request, slug: str) -> Response:
        """It rates nothing until it is asked."""
        campaign = self.campaign_to_manage()
        body = JudgeSettingsSerializer(data=request.data)
        body.is_valid(raise_exception=True)

        def answer() -> Response:
            made = create_judge(campaign=campaign, by=caller(request), **body.validated_data)
            return Response(self._told([made])[0], status=201)

        return once(request, answer)

    @extend_schema(
        summary="Change a judge", request=JudgeSettingsSerializer, responses=JudgeSerializer
    )
    def partial_update(self, request: Request, slug: str, id: UUID) -> Response:
        """What is still to be asked is asked as the judge is then; its judgments stay."""
        self.campaign_to_manage()
        body = JudgeSettingsSerializer(data=request.data, partial=True)
        body.is_valid(raise_exception=True)
        judge = change_judge(judge=self.get_object(), by=caller(request), **body.validated_data)
        return Response(self._told([judge])[0])

    @extend_schema(
        summary="Have it rate",
        request=AskSerializer,
        responses={202: AskedSerializer, 409: OpenApiResponse(description="It is retired.")},
    )
    @action(detail=True, methods=["post"])
    def ask(self, request: Request, slug: str, id: UUID) -> Response:
        """Its share of a round's comparisons, or of the campaign's, that it did not judge yet."""
        campaign = self.campaign_to_manage()
        judge = self.get_object()
        body = AskSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        round_ = None
        if (number := body.validated_data.get("round")) is not None:
            round_ = Round.objects.filter(campaign=campaign, number=number).first()
            if round_ is None:
                message = "This campaign has no such round."
                raise InvalidInputError(message, problems=[FieldProblem("round", message)])

        def answer() -> Response:
            asked = ask_judge(
                judge=judge, by=caller(request), round_=round_, again=body.validated_data["again"]
            )
            judge.refresh_from_db()
            context = {"progress": judge_progress([judge]), "asked": asked}
            return Response(AskedSerializer(judge, context=context).data, status=202)

        return once(request, answer)

    @extend_schema(summary="Pause a judge", request=None, responses=JudgeSerializer)
    @action(detail=True, methods=["post"])
    def pause(self, request: Request, slug: str, id: UUID) -> Response:
        """No more calls are made; those under way are stored."""
        return self._moved(pause_judge)

    @extend_schema(summary="Resume a paused judge", request=None, responses=JudgeSerializer)
    @action(detail=True, methods=["post"])
    def resume(self, request: Request, slug: str, id: UUID) -> Response:
        """Goes on where it was paused, or where its cap can be kept again."""
        return self._moved(resume_judge)

    @extend_schema(summary="Retire a judge", request=None, responses=JudgeSerializer)
    @action(detail=True, methods=["post"])
    def retire(self, request: Request, slug: str, id: UUID) -> Response:
        """What it judged stays; it is asked nothing more."""
        return self._moved(retire_judge)

    def _moved(self, move: Callable[..., Judge]) -> Response:
        self.campaign_to_manage()
        judge = move(judge=self.get_object(), by=caller(self.request))
        return Response(self._told([judge])[0])

    def _told(self, judges: Sequence[Judge]) -> Any:
        context = {**self.get_serializer_context(), "progress": judge_progress(judges)}
        return JudgeSerializer(judges, many=True, context=context).data
