"""`…/rounds/`: list, open, read and close batches of comparisons."""

from uuid import UUID

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import mixins, serializers, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from api.authentication import caller
from api.base import CampaignMixin, KnownFieldsMixin, once
from labeling.actions.rounds import close_round, open_round
from labeling.models import Round


class RoundSerializer(KnownFieldsMixin[Round], serializers.ModelSerializer[Round]):
    """A round as outsiders know it."""

    id = serializers.UUIDField(source="public_id", read_only=True)
    overlap = serializers.IntegerField(min_value=1, max_value=100, required=False)
    comparisons = serializers.ListField(
        child=serializers.CharField(max_length=200),
        max_length=1000,
        required=False,
        write_only=True,
        help_text="Of a qualification: ids of comparisons with a known answer; all unless said.",
    )

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
            "created_at",
            "closed_at",
        ]
        read_only_fields = ["number", "state", "pairing", "created_at", "closed_at"]


@extend_schema_view(
    list=extend_schema(summary="Rounds of a campaign"),
    retrieve=extend_schema(summary="A round"),
    create=extend_schema(summary="Open all waiting comparisons as a round"),
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
        return self.campaign_to_read().rounds.all()

    def create(self, request: Request, slug: str) -> Response:
        campaign = self.campaign_to_manage()
        body = self.get_serializer(data=request.data)
        body.is_valid(raise_exception=True)

        def answer() -> Response:
            opened = open_round(campaign=campaign, by=caller(request), **body.validated_data)
            return Response(self.get_serializer(opened).data, status=201)

        return once(request, answer)

    @extend_schema(summary="Close a round", request=None, responses=RoundSerializer)
    @action(detail=True, methods=["post"])
    def close(self, request: Request, slug: str, id: UUID) -> Response:
        """What is open ends; live leases may finish."""
        self.campaign_to_manage()
        closed = close_round(round_=self.get_object(), by=caller(request))
        return Response(self.get_serializer(closed).data)
