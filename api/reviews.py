"""`…/reviews/`: what reviewers decided of comparisons, and a decision more."""

from contextlib import suppress
from typing import Any, ClassVar
from uuid import UUID

from django.db.models import Q, QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import mixins, serializers, viewsets
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from api.authentication import caller
from api.base import CampaignMixin, KnownFieldsMixin, once
from labeling import access
from labeling.actions.adjudications import MAX_NOTE, MOST_MORE, adjudicate, leave_out, send_back
from labeling.errors import NotFoundError
from labeling.models import Adjudication, Campaign, Comparison

# Which fields belong to which outcome, beside those that all have.
FIELDS = {
    "decided": {"preference", "strength", "criteria", "tells_raters", "makes_gold"},
    "sent_back": {"more"},
    "left_out": set[str](),
}


class ReviewSerializer(KnownFieldsMixin[Adjudication], serializers.ModelSerializer[Adjudication]):
    """One decision about a comparison, beside its judgments. The latest one stands."""

    id = serializers.UUIDField(source="public_id", read_only=True)
    comparison = serializers.CharField(
        max_length=200, help_text="Its `comparison_id`, or its public id."
    )
    outcome = serializers.ChoiceField(choices=Adjudication.Outcome.values, default="decided")
    preference = serializers.ChoiceField(choices=["a", "b", "tie", "both_bad"], required=False)
    strength = serializers.IntegerField(min_value=0, max_value=3, required=False, allow_null=True)
    criteria = serializers.DictField(
        child=serializers.ChoiceField(choices=["a", "b", "tie"]),
        required=False,
        help_text="Of the campaign's criteria. Left out: those of the decision before stay.",
    )
    note = serializers.CharField(max_length=MAX_NOTE, required=False, allow_blank=True)
    more = serializers.IntegerField(min_value=1, max_value=MOST_MORE, required=False)
    tells_raters = serializers.BooleanField(required=False)
    makes_gold = serializers.BooleanField(required=False, write_only=True)
    supersedes = serializers.UUIDField(
        required=False,
        allow_null=True,
        help_text="The decision you have seen; null where there was none. Another one is a 409.",
    )

    class Meta:
        model = Adjudication
        fields = [
            "id",
            "comparison",
            "outcome",
            "preference",
            "strength",
            "criteria",
            "note",
            "more",
            "tells_raters",
            "makes_gold",
            "supersedes",
            "created_at",
        ]
        read_only_fields = ["created_at"]
        # What stands already is the action's to look at, under the comparison's lock.
        validators: ClassVar[list[Any]] = []

    def to_representation(self, instance: Adjudication) -> dict[str, Any]:
        comparison = instance.comparison
        return {
            "id": instance.public_id,
            "comparison": comparison.external_id or comparison.public_id,
            "outcome": instance.outcome,
            "preference": instance.preference or None,
            "strength": instance.strength,
            "criteria": instance.criteria,
            "note": instance.note,
            "more": instance.more,
            "tells_raters": instance.tells_raters,
            "supersedes": instance.supersedes.public_id if instance.supersedes else None,
            "created_at": instance.created_at,
        }

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        everywhere = {"comparison", "outcome", "note", "supersedes"}
        if odd := set(attrs) - everywhere - FIELDS[attrs["outcome"]]:
            message = f"Has no place where the outcome is {attrs['outcome']}."
            raise ValidationError(dict.fromkeys(sorted(odd), message))
        wanted = {"decided": "preference", "sent_back": "more"}.get(attrs["outcome"])
        if wanted and wanted not in attrs:
            raise ValidationError({wanted: "This field is required."})
        return attrs


@extend_schema_view(
    list=extend_schema(
        summary="Reviewers' decisions",
        parameters=[
            OpenApiParameter("history", bool, description="1: with superseded ones too."),
        ],
    ),
    create=extend_schema(summary="Decide, send back or leave out a comparison"),
)
class ReviewViewSet(CampaignMixin, mixins.ListModelMixin, viewsets.GenericViewSet[Adjudication]):
    """The decisions that stand; with `history=1` all of them."""

    serializer_class = ReviewSerializer
    scopes = {"GET": ("read",), "POST": ("write",)}
    filterset_fields = ("outcome",)
    extra_parameters = ("history",)

    def get_queryset(self) -> QuerySet[Adjudication]:
        if getattr(self, "swagger_fake_view", False):
            return Adjudication.objects.none()
        history = self.request.query_params.get("history", "0")
        if history not in {"0", "1"}:
            raise ValidationError({"history": "0 or 1."})
        rows = self.cursor_rows().select_related("comparison", "supersedes")
        return rows if history == "1" else rows.filter(superseded_by=None)

    def cursor_rows(self) -> QuerySet[Adjudication]:
        """One that was superseded between two pages still says where the next begins."""
        return Adjudication.objects.filter(campaign=self.campaign_to_read())

    def create(self, request: Request, slug: str) -> Response:
        campaign = self.find(access.campaign_for_reviewer)
        body = self.get_serializer(data=request.data)
        body.is_valid(raise_exception=True)
        given = dict(body.validated_data)
        verb: Any = {"decided": adjudicate, "sent_back": send_back, "left_out": leave_out}[
            given.pop("outcome")
        ]
        given.setdefault("note", "")

        def answer() -> Response:
            comparison = _named(campaign, given["comparison"])
            made = verb(by=caller(request), **{**given, "comparison": comparison})
            return Response(self.get_serializer(made).data, status=201)

        return once(request, answer)


def _named(campaign: Campaign, name: str) -> Comparison:
    """The campaign's comparison of this id, the caller's own or ours."""
    named = Q(external_id=name)
    with suppress(ValueError):  # Then it is the caller's own.
        named |= Q(public_id=UUID(name))
    found = Comparison.objects.select_related("campaign").filter(named, campaign=campaign).first()
    if found is None:
        raise NotFoundError("There is no such comparison in this campaign.")
    return found
