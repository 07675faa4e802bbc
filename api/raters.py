"""`…/raters/`: who rates in a campaign; let a person in, pause a seat."""

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import mixins, serializers, viewsets
from rest_framework.decorators import action
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from api.authentication import caller
from api.base import CampaignMixin, KnownFieldsMixin, once
from api.imports import CsvBody
from labeling import access
from labeling.actions.qualification import qualify_rater
from labeling.actions.rater_settings import change_rater, import_raters
from labeling.actions.raters import (
    add_member,
    reinstate_rater,
    suspend_rater,
    take_seat,
)
from labeling.errors import FieldProblem, InvalidInputError
from labeling.formats.raters import MOST_BYTES, read_raters
from labeling.models import Membership, Rater, Skill
from labeling.queries.seats import seated_raters
from labeling.skills import Known, level_on

# Problems of a file that one answer tells.
MOST_PROBLEMS = 100


class SkillSerializer(serializers.ModelSerializer[Skill]):
    """One way in which a skill is known; `today` is its level now, 0 for what the rater says."""

    today = serializers.SerializerMethodField()

    class Meta:
        model = Skill
        fields = ["name", "source", "level", "today", "earned_at"]

    def get_today(self, skill: Skill) -> float:
        known = Known(skill.name, skill.level, skill.source, skill.earned_at)
        return round(level_on(known, timezone.now()), 4)


class SeatSerializer(serializers.ModelSerializer[Rater]):
    """A rater in this campaign, under their pseudonym; a person's name for its managers alone."""

    id = serializers.UUIDField(source="public_id")
    rater = serializers.CharField(source="pseudonym")
    name = serializers.SerializerMethodField()
    groups = serializers.DictField()
    is_active = serializers.BooleanField(source="may_claim")
    qualified_at = serializers.DateTimeField(allow_null=True)
    judgment_count = serializers.IntegerField()
    skills = SkillSerializer(many=True)

    class Meta:
        model = Rater
        fields = [
            "id",
            "rater",
            "name",
            "kind",
            "is_simulated",
            "is_active",
            "qualified_at",
            "groups",
            "languages",
            "skills",
            "judgment_count",
        ]

    def get_name(self, rater: Rater) -> str | None:
        if rater.user is None or not self.context.get("shows_names", True):
            return None
        return rater.user.label


class ChangeSerializer(KnownFieldsMixin[Any]):
    """What a manager notes of a rater; what is left out stays."""

    groups = serializers.DictField(child=serializers.CharField(max_length=100), required=False)
    external_id = serializers.CharField(max_length=200, required=False, allow_blank=True)
    languages = serializers.ListField(child=serializers.CharField(max_length=35), required=False)
    # A level given by a manager; null takes it away.
    skills = serializers.DictField(
        child=serializers.FloatField(min_value=0, max_value=1, allow_null=True), required=False
    )


class RatersImportedSerializer(serializers.Serializer[Any]):
    """What came of a file of raters."""

    rows = serializers.IntegerField()
    added = serializers.IntegerField()
    changed = serializers.IntegerField()
    unchanged = serializers.IntegerField()
    is_dry_run = serializers.BooleanField()


class NewRaterSerializer(KnownFieldsMixin[Any]):
    """A person of the campaign's organisation."""

    username = serializers.CharField(max_length=150)


@extend_schema_view(
    list=extend_schema(summary="Raters of a campaign"),
    retrieve=extend_schema(summary="A rater of a campaign"),
    create=extend_schema(
        summary="Give a person the role of rater",
        request=NewRaterSerializer,
        responses={201: SeatSerializer},
    ),
)
class RaterViewSet(
    CampaignMixin,
    mixins.ListModelMixin,
    mixins.RetrieveModelMixin,
    viewsets.GenericViewSet[Rater],
):
    """People, judges and imported raters with a seat in the campaign."""

    serializer_class = SeatSerializer
    scopes = {"GET": ("read",), "POST": ("write",), "PATCH": ("write",)}
    lookup_field = "public_id"
    lookup_url_kwarg = "id"
    filterset_fields = ("kind",)

    def get_queryset(self) -> QuerySet[Rater]:
        if getattr(self, "swagger_fake_view", False):
            return Rater.objects.none()
        self._campaign = self.campaign_to_read()
        return seated_raters(self._campaign).prefetch_related("skills")

    def get_serializer_context(self) -> dict[str, Any]:
        context = dict(super().get_serializer_context())
        if (campaign := getattr(self, "_campaign", None)) is not None:
            context["shows_names"] = access.may_manage(caller(self.request), campaign)
        return context

    def create(self, request: Request, slug: str) -> Response:
        campaign = self.campaign_to_manage()
        body = NewRaterSerializer(data=request.data)
        body.is_valid(raise_exception=True)

        def answer() -> Response:
            person = access.person_of(campaign, body.validated_data["username"])
            add_member(
                campaign=campaign, user=person, role=Membership.Role.RATER, by=caller(request)
            )
            seat = take_seat(user=person, campaign=campaign)
            rater = seated_raters(campaign).get(pk=seat.rater.pk)
            return Response(SeatSerializer(rater).data, status=201)

        return once(request, answer, may_run_twice=True)

    @extend_schema(
        summary="Set groups, skills, languages or an id of a rater",
        request=ChangeSerializer,
        responses=SeatSerializer,
    )
    def partial_update(self, request: Request, slug: str, id: UUID) -> Response:
        """`groups` replaces all groups; a skill of null is taken away."""
        campaign = self.campaign_to_manage()
        body = ChangeSerializer(data=request.data)
        rater = self.get_object()
        body.is_valid(raise_exception=True)
        change_rater(campaign=campaign, rater=rater, by=caller(request), **body.validated_data)
        return Response(SeatSerializer(self.get_object()).data)

    @extend_schema(
        summary="Let raters in from a CSV file",
        parameters=[OpenApiParameter("dry_run", enum=["0", "1"], default="0")],
        request={
            "text/csv": OpenApiTypes.BINARY,
            "multipart/form-data": {
                "type": "object",
                "properties": {"file": {"type": "string", "format": "binary"}},
                "required": ["file"],
            },
        },
        responses={200: RatersImportedSerializer},
    )
    @action(
        detail=False, methods=["post"], url_path="import", parser_classes=[CsvBody, MultiPartParser]
    )
    def import_file(self, request: Request, slug: str) -> Response:
        """All lines or none; the same file again changes nothing. Problems name their line."""
        campaign = self.campaign_to_manage()
        is_dry_run = _is_dry_run(request)
        body: Any = request.data
        file = body.get("file")
        data = file.read(MOST_BYTES + 1) if file is not None else b""
        rows, problems = read_raters(data)
        done = None
        if not problems:
            done = import_raters(
                campaign=campaign, rows=rows, by=caller(request), is_dry_run=is_dry_run
            )
            problems = done.problems
        if problems or done is None:
            raise InvalidInputError(
                f"Nothing was imported. {problems[0].message}", problems=problems[:MOST_PROBLEMS]
            )
        counts = {name: getattr(done, name) for name in ("rows", "added", "changed", "unchanged")}
        return Response(counts | {"is_dry_run": is_dry_run})

    @extend_schema(summary="Pause a rater", request=None, responses=SeatSerializer)
    @action(detail=True, methods=["post"])
    def suspend(self, request: Request, slug: str, id: UUID) -> Response:
        """End their claims; what they hold goes back to the queue."""
        campaign = self.campaign_to_manage()
        rater = self.get_object()
        suspend_rater(campaign=campaign, rater=rater, by=caller(request))
        return Response(SeatSerializer(self.get_object()).data)

    @extend_schema(summary="Let a paused rater go on", request=None, responses=SeatSerializer)
    @action(detail=True, methods=["post"])
    def reinstate(self, request: Request, slug: str, id: UUID) -> Response:
        """They may claim again."""
        campaign = self.campaign_to_manage()
        rater = self.get_object()
        reinstate_rater(campaign=campaign, rater=rater, by=caller(request))
        return Response(SeatSerializer(self.get_object()).data)

    @extend_schema(
        summary="Let a rater in without the qualification", request=None, responses=SeatSerializer
    )
    @action(detail=True, methods=["post"])
    def qualify(self, request: Request, slug: str, id: UUID) -> Response:
        """They count as qualified from now on, whatever they answered in practice."""
        campaign = self.campaign_to_manage()
        rater = self.get_object()
        qualify_rater(campaign=campaign, rater=rater, by=caller(request))
        return Response(SeatSerializer(self.get_object()).data)


def _is_dry_run(request: Request) -> bool:
    asked = request.query_params.get("dry_run", "0")
    if asked not in {"0", "1", "false", "true"}:
        message = "dry_run is 0 or 1."
        raise InvalidInputError(message, problems=[FieldProblem("dry_run", message)])
    return asked in {"1", "true"}
