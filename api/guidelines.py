"""`…/guidelines/`: versions of the written guidelines."""

import difflib

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import mixins, serializers, viewsets
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from api.authentication import caller
from api.base import CampaignMixin, KnownFieldsMixin, once
from labeling.actions.guidelines import publish_guidelines
from labeling.errors import NotFoundError
from labeling.models import GuidelineVersion


class GuidelineSerializer(
    KnownFieldsMixin[GuidelineVersion], serializers.ModelSerializer[GuidelineVersion]
):
    """One published version."""

    # An empty one is refused by the action, which says what to do.
    body = serializers.CharField(allow_blank=True)
    clauses = serializers.ListField(child=serializers.DictField(), read_only=True)
    examples = serializers.ListField(child=serializers.DictField(), required=False)
    asks_rereading = serializers.BooleanField(required=False)
    asks_requalification = serializers.BooleanField(required=False)
    renamed = serializers.DictField(
        child=serializers.CharField(max_length=6),
        required=False,
        write_only=True,
        help_text="What a clause that is gone has become: its id stays as a former one.",
    )
    confirmed = serializers.BooleanField(
        required=False,
        write_only=True,
        help_text="Publish though judgments or known answers cite a clause that is gone.",
    )

    class Meta:
        model = GuidelineVersion
        fields = [
            "number",
            "body",
            "clauses",
            "examples",
            "asks_rereading",
            "asks_requalification",
            "renamed",
            "confirmed",
            "change_note",
            "published_at",
        ]
        read_only_fields = ["number", "clauses", "published_at"]


class DiffSerializer(serializers.Serializer[str]):
    """A unified diff of two versions."""

    diff = serializers.CharField()


@extend_schema_view(
    list=extend_schema(summary="Published versions"),
    retrieve=extend_schema(summary="A version"),
    create=extend_schema(summary="Publish the next version"),
)
class GuidelineViewSet(
    CampaignMixin,
    mixins.ListModelMixin,
    mixins.RetrieveModelMixin,
    viewsets.GenericViewSet[GuidelineVersion],
):
    """Guidelines by their number."""

    serializer_class = GuidelineSerializer
    scopes = {"GET": ("read",), "POST": ("write",)}
    lookup_field = "number"
    extra_parameters = ("from", "to")

    def get_queryset(self) -> QuerySet[GuidelineVersion]:
        if getattr(self, "swagger_fake_view", False):
            return GuidelineVersion.objects.none()
        return self.campaign_to_read().guidelines.filter(number__isnull=False)

    def create(self, request: Request, slug: str) -> Response:
        campaign = self.campaign_to_manage()
        body = self.get_serializer(data=request.data)
        body.is_valid(raise_exception=True)

        def answer() -> Response:
            made = publish_guidelines(campaign=campaign, by=caller(request), **body.validated_data)
            return Response(self.get_serializer(made).data, status=201)

        return once(request, answer)

    @extend_schema(
        summary="What changed between two versions",
        parameters=[OpenApiParameter("from", int), OpenApiParameter("to", int)],
        responses=DiffSerializer,
        filters=False,
    )
    @action(detail=False, pagination_class=None)
    def diff(self, request: Request, slug: str) -> Response:
        """Line by line, as a unified diff."""
        versions = self.get_queryset()
        old, new = (self._version(versions, name) for name in ("from", "to"))
        lines = difflib.unified_diff(
            old.body.splitlines(),
            new.body.splitlines(),
            f"version {old.number}",
            f"version {new.number}",
            lineterm="",
        )
        return Response({"diff": "\n".join(lines)})

    def _version(self, versions: QuerySet[GuidelineVersion], parameter: str) -> GuidelineVersion:
        text = self.request.query_params.get(parameter, "")
        if not (text.isascii() and text.isdigit() and len(text) < 9):
            raise ValidationError({parameter: "The number of a version."})
        version = versions.filter(number=int(text)).first()
        if version is None:
            raise NotFoundError(f"There is no version {text} of these guidelines.")
        return version
