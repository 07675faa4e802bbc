"""Claim a comparison, answer it, give it back, hold it longer. Nothing here names a model."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from drf_spectacular.utils import OpenApiExample, OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from api.authentication import (
    AssignmentAuthentication,
    SeatAuthentication,
    assignment_of,
    caller,
    seat_of,
)
from api.base import CampaignMixin, KnownFieldsMixin, once, stay_within_token, within_token
from api.images import images_in
from api.judgments import OwnJudgmentSerializer
from labeling import access
from labeling.actions.claiming import claim_assignment
from labeling.actions.raters import take_seat
from labeling.actions.rating import (
    Submission,
    credit_refused,
    judge_assignment,
    record_refusal,
    renew_lease,
    revise_judgment,
    skip_assignment,
)
from labeling.errors import EndedError, NotAllowedError, NotFoundError
from labeling.models import Assignment, Rater
from labeling.queries import told_answers
from labeling.queries.bench import shown


class MessagesSerializer(serializers.Serializer[Any]):
    """A conversation, or the part of it a completion is."""

    messages = serializers.ListField(child=serializers.DictField())


class AssignmentSerializer(serializers.Serializer[Any]):
    """One judgment wanted, as the rater may see it: sides as dealt, no model, no gold."""

    id = serializers.UUIDField()
    expires_at = serializers.DateTimeField()
    prompt = MessagesSerializer()
    left = MessagesSerializer()
    right = MessagesSerializer()
    presentation = serializers.DictField()
    schema = serializers.DictField()
    # By the address that stands for it in a message: where it lies, good for a day, and its size.
    images = serializers.DictField()

    def to_representation(self, instance: Assignment) -> dict[str, Any]:
        told = shown(instance)
        return told | {
            "images": images_in(told, instance.campaign, caller(self.context["request"]))
        }


class AnswerSerializer(serializers.Serializer[Any]):
    """The body of a judgment. It is checked against the campaign's schema by the action."""

    side = serializers.ChoiceField(choices=["left", "right", "tie", "both_bad"])
    strength = serializers.IntegerField(min_value=0, max_value=3, required=False)
    criteria = serializers.DictField(child=serializers.CharField(), required=False)
    steps = serializers.DictField(required=False)
    rationale = serializers.CharField(required=False)
    clauses = serializers.ListField(child=serializers.CharField(), required=False)
    quality = serializers.DictField(child=serializers.IntegerField(), required=False)
    edited = serializers.DictField(required=False)
    flags = serializers.ListField(child=serializers.CharField(), required=False)
    client = serializers.DictField(required=False)


class FeedbackSerializer(serializers.Serializer[Any]):
    """What was expected of an answer to practice, sides as its rater saw them."""

    side = serializers.ChoiceField(choices=["left", "right", "tie", "both_bad"])
    strength = serializers.IntegerField(min_value=0, max_value=3, allow_null=True)
    nearness = serializers.ChoiceField(choices=["right", "close", "other"])
    explanation = serializers.CharField(allow_blank=True)
    # Of the guidelines: its id.
    clause = serializers.CharField(allow_blank=True)


class AnsweredSerializer(OwnJudgmentSerializer):
    """The judgment; for practice also what was expected. Of gold nothing is ever told here."""

    feedback = FeedbackSerializer(read_only=True, allow_null=True)

    class Meta(OwnJudgmentSerializer.Meta):
        fields = [*OwnJudgmentSerializer.Meta.fields, "feedback"]


class SkipSerializer(KnownFieldsMixin[Any]):
    """Why it was given back."""

    reason = serializers.CharField(max_length=200, required=False, allow_blank=True, default="")
    active_ms = serializers.IntegerField(
        min_value=0,
        max_value=10**9,
        required=False,
        allow_null=True,
        default=None,
        help_text="Milliseconds of attention it took; they are credited.",
    )


class LeaseSerializer(serializers.Serializer[Any]):
    """Until when the assignment is held."""

    expires_at = serializers.DateTimeField()


class ClaimView(CampaignMixin):
    """`POST /campaigns/{slug}/assignments/`."""

    authentication_classes = [SeatAuthentication]
    scopes = {"POST": ("rate",)}

    @extend_schema(
        summary="Claim the next comparison",
        request=None,
        responses={201: AssignmentSerializer, 204: OpenApiResponse(description="Nothing is left.")},
    )
    def post(self, request: Request, slug: str) -> Response:
        """Lease the next assignment, or renew the one you hold."""
        seat = seat_of(request)
        if seat is None:
            seat = take_seat(user=caller(request), campaign=self.campaign_to_rate())
        campaign = within_token(request, seat.campaign)
        assignment = claim_assignment(rater=seat.rater, campaign=campaign)
        if assignment is None:
            return Response(status=204)
        return Response(
            AssignmentSerializer(assignment, context={"request": request}).data, status=201
        )


def note_refusal(request: Request, subject: UUID, error: Exception) -> None:
    """Leave a trace of a known caller's attempt at what is not their own, or is over."""
    if isinstance(error, NotFoundError | EndedError):
        record_refusal(user=caller(request), subject=subject)


class OwnAssignmentView(APIView):
    """A view of one assignment, which exists only for the rater who holds or held it."""

    authentication_classes = [AssignmentAuthentication]
    scopes = {"POST": ("rate",)}

    def find(self) -> tuple[Rater, Assignment]:
        try:
            seat, assignment = assignment_of(self.request)
        except NotAllowedError:
            self.credit()
            raise
        stay_within_token(self.request, seat.campaign_id)
        return seat.rater, assignment

    def credit(self) -> None:
        """Keep the time that a rater who was paused meanwhile says they worked."""
        seat, _ = self.request.parser_context["assignment"]
        stay_within_token(self.request, seat.campaign_id)
        sent = self.request.data if isinstance(self.request.data, Mapping) else {}
        client = sent.get("client")
        said = client.get("active_ms") if isinstance(client, Mapping) else sent.get("active_ms")
        user = caller(self.request)
        credit_refused(user=user, assignment_id=self.kwargs["id"], active_ms=said)

    def handle_exception(self, exc: Exception) -> Response:
        note_refusal(self.request, self.kwargs["id"], exc)
        return super().handle_exception(exc)


class JudgmentView(OwnAssignmentView):
    """`POST /assignments/{id}/judgment/`."""

    @extend_schema(
        summary="Answer a comparison",
        request=AnswerSerializer,
        responses={
            200: AnsweredSerializer,
            201: AnsweredSerializer,
            409: OpenApiResponse(description="Another answer stands, or the lease was lost."),
        },
        examples=[
            OpenApiExample(
                "left, slightly",
                value={"side": "left", "strength": 1, "rationale": "It answers what was asked."},
                request_only=True,
            )
        ],
    )
    def post(self, request: Request, id: UUID) -> Response:
        """Complete the assignment. The answer that stands, sent again, is 200 with it."""

        def answer() -> Response:
            rater, assignment = self.find()
            done = judge_assignment(rater=rater, assignment=assignment, answer=request.data)
            data = {
                **OwnJudgmentSerializer(done.judgment).data,
                "feedback": _feedback(rater, assignment, done) if done.is_practice else None,
            }
            return Response(data, status=201 if done.is_new else 200)

        return once(request, answer, may_run_twice=True)


def _feedback(rater: Rater, assignment: Assignment, done: Submission) -> dict[str, Any] | None:
    """None too where the known answer was taken away meanwhile."""
    try:
        told = told_answers.told_answer(rater, assignment.campaign, done.judgment.public_id)
    except NotFoundError:
        return None
    return {
        "side": told.expected,
        "strength": told.expected_strength,
        "nearness": told.nearness,
        "explanation": told.explanation,
        "clause": told.clause,
    }


class SkipView(OwnAssignmentView):
    """`POST /assignments/{id}/skip/`."""

    @extend_schema(summary="Give a comparison back", request=SkipSerializer, responses={204: None})
    def post(self, request: Request, id: UUID) -> Response:
        """Give it back for good: you do not meet it again."""
        rater, _ = self.find()
        body = SkipSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        skip_assignment(rater=rater, assignment_id=id, **body.validated_data)
        return Response(status=204)


class HeartbeatView(OwnAssignmentView):
    """`POST /assignments/{id}/heartbeat/`."""

    @extend_schema(summary="Hold a comparison longer", request=None, responses=LeaseSerializer)
    def post(self, request: Request, id: UUID) -> Response:
        """Extend the lease."""
        rater, _ = self.find()
        until = renew_lease(rater=rater, assignment_id=id)
        return Response(LeaseSerializer({"expires_at": until}).data)


class ReviseView(APIView):
    """`POST /judgments/{id}/revise/`."""

    scopes = {"POST": ("rate",)}

    def handle_exception(self, exc: Exception) -> Response:
        note_refusal(self.request, self.kwargs["id"], exc)
        return super().handle_exception(exc)

    @extend_schema(
        summary="Change a judgment of yours",
        request=AnswerSerializer,
        responses={200: OwnJudgmentSerializer, 201: OwnJudgmentSerializer},
    )
    def post(self, request: Request, id: UUID) -> Response:
        """Supersede it, within the campaign's time for undoing."""
        seat = access.seat_of_judgment(caller(request), id)
        stay_within_token(request, seat.campaign_id)

        def answer() -> Response:
            done = revise_judgment(rater=seat.rater, judgment_id=id, answer=request.data)
            data = OwnJudgmentSerializer(done.judgment).data
            return Response(data, status=201 if done.is_new else 200)

        return once(request, answer, may_run_twice=True)
