"""`/campaigns/`: list, start, read and change campaigns."""

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiResponse, extend_schema, extend_schema_view
from rest_framework import mixins, serializers, viewsets
from rest_framework.request import Request
from rest_framework.response import Response

from api.authentication import caller, token_of
from api.base import KnownFieldsMixin, once, refuse_bound_token, within_token
from api.permissions import scopes_of
from labeling import access
from labeling.actions.campaigns import create_campaign, update_campaign
from labeling.models import Campaign

FIELDS = [
    "name",
    "slug",
    "description",
    "state",
    "overlap",
    "lease_seconds",
    "schema",
    "presentation",
    "requirements",
    "policy",
    "attribution",
    "is_simulated",
    "created_at",
]


class CampaignSerializer(KnownFieldsMixin[Campaign], serializers.ModelSerializer[Campaign]):
    """A campaign's public fields. The four settings are checked by the action."""

    schema = serializers.DictField(required=False, help_text="What raters are asked.")
    presentation = serializers.DictField(required=False, help_text="How completions are shown.")
    requirements = serializers.DictField(required=False, help_text="Who may rate.")
    policy = serializers.DictField(required=False, help_text="Quality, pay, privacy, budget.")
    overlap = serializers.IntegerField(min_value=1, max_value=100, required=False)
    lease_seconds = serializers.IntegerField(min_value=1, max_value=7 * 24 * 3600, required=False)
    slug = serializers.SlugField(max_length=80, required=False)

    class Meta:
        model = Campaign
        fields = FIELDS
        read_only_fields = ["is_simulated", "created_at"]

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if self.instance is not None and "slug" in attrs and attrs["slug"] != self.instance.slug:
            raise serializers.ValidationError({"slug": "A campaign keeps its slug."})
        return attrs


@extend_schema_view(
    list=extend_schema(summary="Campaigns you have a part in"),
    retrieve=extend_schema(summary="One campaign"),
    create=extend_schema(
        summary="Start a campaign",
        responses={201: CampaignSerializer, 409: OpenApiResponse(description="The slug is taken.")},
    ),
    partial_update=extend_schema(summary="Change a campaign"),
)
class CampaignViewSet(
    mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[Campaign]
):
    """Labeling efforts. A token with scope `rate` alone sees those its user rates in."""

    serializer_class = CampaignSerializer
    scopes = {"GET": ("read", "rate"), "POST": ("write",), "PATCH": ("write",)}
    lookup_field = "slug"
    lookup_value_regex = "[-a-zA-Z0-9_]+"
    filterset_fields = ("state",)

    def get_queryset(self) -> QuerySet[Campaign]:
        if getattr(self, "swagger_fake_view", False):
            return Campaign.objects.none()
        user = caller(self.request)
        campaigns = Campaign.objects.visible_to(user)
        if "read" not in scopes_of(self.request):
            campaigns = Campaign.objects.with_role(user, access.Role.RATER)
        if bound := token_of(self.request).bound_to:
            campaigns = campaigns.filter(pk__in=bound)
        return campaigns

    def create(self, request: Request) -> Response:
        refuse_bound_token(request)

        def answer() -> Response:
            organisation = access.organisation_for_manager(caller(request))
            serializer = self.get_serializer(data=request.data)
            serializer.is_valid(raise_exception=True)
            campaign = create_campaign(
                organisation=organisation,
                by=caller(request),
                **serializer.validated_data,
            )
            return Response(self.get_serializer(campaign).data, status=201)

        return once(request, answer)

    def partial_update(self, request: Request, slug: str) -> Response:
        campaign = within_token(request, access.campaign_for_manager(caller(request), slug))
        serializer = self.get_serializer(campaign, data=request.data, partial=True)
        serializer.is_valid(raise_exception=True)
        changes = {k: v for k, v in serializer.validated_data.items() if k != "slug"}
        campaign = update_campaign(campaign=campaign, by=caller(request), **changes)
        return Response(self.get_serializer(campaign).data)
