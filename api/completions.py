"""`POST …/completions/`: completions pushed from training code, a batch at a time."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from api.authentication import caller
from api.base import CampaignMixin, KnownFieldsMixin, once
from labeling.actions.pushes import MAX_ROWS, PAIRINGS, Pushed, push_completions
from labeling.formats.filters import DEFAULTS, DROP, KEEP, MARK


class PushSerializer(KnownFieldsMixin[Any]):
    """A batch. Each row: a prompt by `prompt_id`, `id` or its messages, and a `completion`."""

    completions = serializers.ListField(
        child=serializers.JSONField(), min_length=1, max_length=MAX_ROWS
    )
    model = serializers.CharField(
        required=False,
        max_length=500,
        help_text="The checkpoint that wrote the rows that do not name one.",
    )
    params = serializers.DictField(required=False, help_text="Its sampling settings.")
    pairing = serializers.ChoiceField(choices=PAIRINGS, default="all")
    against = serializers.ListField(
        child=serializers.CharField(max_length=500),
        required=False,
        help_text="Models whose completions are there: paired with the new ones.",
    )
    filters = serializers.DictField(
        child=serializers.ChoiceField(choices=(KEEP, MARK, DROP)),
        required=False,
        help_text="What is done about each finding, as by a run: keep, mark, or drop (make no "
        f"pairs). {', '.join(f'{name}: {usual}' for name, usual in DEFAULTS.items())}.",
    )


class FieldErrorSerializer(serializers.Serializer[Any]):
    """What is wrong with one field."""

    field = serializers.CharField()
    message = serializers.CharField()


class PushedRowSerializer(serializers.Serializer[Any]):
    """What became of a row: created, duplicate or refused."""

    status = serializers.CharField()
    id = serializers.UUIDField(source="completion", allow_null=True)
    prompt = serializers.UUIDField(allow_null=True)
    # Taken for a field by the class's maker, whatever a serializer's own is.
    errors = FieldErrorSerializer(many=True)  # type: ignore[assignment]
    left_out = serializers.CharField(
        help_text="The filter for which it makes no pairs; empty if it may make some."
    )
    marks = serializers.ListField(child=serializers.CharField())
    unpaired = serializers.DictField(
        child=serializers.IntegerField(),
        help_text="With how many others it is not paired, by the filter.",
    )


class PushedSerializer(serializers.Serializer[Any]):
    """What became of a batch; its rows in the order in which they were sent."""

    created = serializers.IntegerField()
    duplicates = serializers.IntegerField()
    refused = serializers.IntegerField()
    left_out = serializers.IntegerField(help_text="Rows that make no pairs.")
    comparisons = serializers.IntegerField()
    results = PushedRowSerializer(many=True)


class PushMixin(CampaignMixin):
    """Adds the push to the list of completions."""

    @extend_schema(
        summary="Push completions from training code",
        request=PushSerializer,
        responses={200: PushedSerializer},
    )
    def create(self, request: Request, slug: str) -> Response:
        """Up to 500 at once; a row sent again is a duplicate. What can be compared is before raters
        of an active campaign within a minute.
        """
        campaign = self.campaign_to_manage()
        body = PushSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        wishes = dict(body.validated_data)
        rows = wishes.pop("completions")

        def answer() -> Response:
            push = push_completions(campaign=campaign, by=caller(request), rows=rows, **wishes)
            told = {
                "created": _count(push.rows, "created"),
                "duplicates": _count(push.rows, "duplicate"),
                "refused": _count(push.rows, "refused"),
                "left_out": sum(bool(row.left_out) for row in push.rows),
                "comparisons": push.comparisons,
                "results": push.rows,
            }
            return Response(PushedSerializer(told).data)

        return once(request, answer)


def _count(rows: list[Pushed], status: str) -> int:
    return sum(row.status == status for row in rows)
