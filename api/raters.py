"""`…/raters/`: who rates in a campaign; let a person in, pause a seat."""

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import mixins, serializers, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from api.authentication import caller
from api.base import CampaignMixin, KnownFieldsMixin, once
from labeling import access
from labeling.actions.qualification import qualify_rater
from labeling.actions.raters import (
    add_member,
    reinstate_rater,
    suspend_rater,
    take_seat,
)
from labeling.models import Membership, Rater
from labeling.queries.seats import seated_raters


class SeatSerializer(serializers.ModelSerializer[Rater]):
    """A rater in this campaign, under their pseudonym; the name only where it is a person's."""

    id = serializers.UUIDField(source="public_id")
    rater = serializers.CharField(source="pseudonym")
    name = serializers.CharField(source="user.label", default=None, allow_null=True)
    groups = serializers.DictField()
    is_active = serializers.BooleanField(source="may_claim")
    qualified_at = serializers.DateTimeField(allow_null=True)
    judgment_count = serializers.IntegerField()

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
            "judgment_count",
        ]


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
    scopes = {"GET": ("read",), "POST": ("write",)}
    lookup_field = "public_id"
    lookup_url_kwarg = "id"
    filterset_fields = ("kind",)

    def get_queryset(self) -> QuerySet[Rater]:
        if getattr(self, "swagger_fake_view", False):
            return Rater.objects.none()
        return seated_raters(self.campaign_to_read())

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
