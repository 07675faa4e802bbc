"""`/endpoints/`: the LLM endpoints of an organisation. A key goes in and never comes out."""

from uuid import UUID

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiResponse, extend_schema, extend_schema_view
from rest_framework import mixins, serializers, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from api.authentication import caller
from api.base import KnownFieldsMixin, once, refuse_bound_token
from labeling import access
from labeling.actions.endpoints import (
    register_endpoint,
    remove_endpoint,
    test_endpoint,
    update_endpoint,
)
from labeling.clients.trial import Trial
from labeling.models import Endpoint


class EndpointSerializer(KnownFieldsMixin[Endpoint], serializers.ModelSerializer[Endpoint]):
    """An endpoint. Its settings are checked by the action."""

    id = serializers.UUIDField(source="public_id", read_only=True)
    kind = serializers.CharField(
        required=False,
        max_length=24,
        help_text="openai_compatible (the default), anthropic or google; demo is built in.",
    )
    base_url = serializers.CharField(
        max_length=500,
        help_text="Of an OpenAI-compatible server, up to and with /v1; of Anthropic and Google, "
        "with the version or without.",
    )
    sampling = serializers.DictField(
        required=False, help_text="Goes into each request: temperature, top_p, max_tokens, …"
    )
    limits = serializers.DictField(
        required=False,
        help_text="concurrency, requests_per_minute, tokens_per_minute, max_attempts, "
        "connect_seconds, first_token_seconds, timeout_seconds, cost_per_run.",
    )
    price = serializers.DictField(
        required=False, help_text="input_per_million, output_per_million, currency."
    )
    key = serializers.CharField(
        write_only=True,
        required=False,
        allow_blank=True,
        help_text="Kept encrypted, for this host alone, and never shown. Empty: none.",
    )
    has_key = serializers.SerializerMethodField()
    streams = serializers.BooleanField(
        required=False, help_text="Ask for answers piece by piece, and keep when each came."
    )
    is_demo = serializers.BooleanField(read_only=True)
    is_enabled = serializers.BooleanField(required=False)

    class Meta:
        model = Endpoint
        fields = [
            "id",
            "name",
            "kind",
            "is_demo",
            "base_url",
            "model",
            "sampling",
            "limits",
            "price",
            "key",
            "has_key",
            "key_hint",
            "streams",
            "is_enabled",
            "disabled_reason",
            "rests_until",
            "tested_at",
            "test_result",
            "created_at",
        ]
        read_only_fields = [
            *("key_hint", "disabled_reason", "rests_until", "tested_at", "test_result"),
            "created_at",
        ]

    def get_has_key(self, endpoint: Endpoint) -> bool:
        return endpoint.encrypted_key is not None


class TrialSerializer(serializers.Serializer[Trial]):
    """What a test said."""

    ok = serializers.BooleanField()
    kind = serializers.CharField(
        help_text="in_time, slow, no_such_model, or the kind of the error: unauthorised, "
        "rate_limited, address_refused, timed_out, unreachable, empty, …"
    )
    words = serializers.CharField(help_text="The same for people, with what to do about it.")
    latency_ms = serializers.IntegerField(allow_null=True)
    tokens_per_second = serializers.FloatField(allow_null=True)
    text = serializers.CharField(help_text="How the answer begins.")
    prompt_token_count = serializers.IntegerField(allow_null=True)
    completion_token_count = serializers.IntegerField(allow_null=True)


class ChangedEndpointSerializer(EndpointSerializer):
    """An endpoint after a change, with what the change brought with it."""

    notice = serializers.CharField(
        read_only=True, help_text="Only when the change dropped the stored key."
    )

    class Meta(EndpointSerializer.Meta):
        fields = [*EndpointSerializer.Meta.fields, "notice"]


@extend_schema_view(
    list=extend_schema(summary="LLM endpoints of your organisations"),
    retrieve=extend_schema(summary="An endpoint"),
    create=extend_schema(
        summary="Register an endpoint",
        responses={
            201: EndpointSerializer,
            400: OpenApiResponse(description="An address this server may not connect to, …"),
            409: OpenApiResponse(description="The name is taken."),
        },
    ),
    partial_update=extend_schema(
        summary="Change an endpoint",
        description="Another host in base_url drops the stored key unless a new one is sent.",
        responses=ChangedEndpointSerializer,
    ),
    destroy=extend_schema(summary="Remove an endpoint that no run has used", responses={204: None}),
)
class EndpointViewSet(
    mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[Endpoint]
):
    """For owners and managers of the organisation; to others an endpoint is unknown."""

    serializer_class = EndpointSerializer
    scopes = {"GET": ("write",), "POST": ("write",), "PATCH": ("write",), "DELETE": ("write",)}
    lookup_field = "public_id"
    lookup_url_kwarg = "id"
    filterset_fields = ("name",)

    def get_queryset(self) -> QuerySet[Endpoint]:
        if getattr(self, "swagger_fake_view", False):
            return Endpoint.objects.none()
        refuse_bound_token(self.request)
        return access.endpoints_for_manager(caller(self.request))

    def create(self, request: Request) -> Response:
        refuse_bound_token(request)
        organisation = access.organisation_for_manager(caller(request))
        body = self.get_serializer(data=request.data)
        body.is_valid(raise_exception=True)
        fields = {k: v for k, v in body.validated_data.items() if k != "is_enabled"}

        def answer() -> Response:
            made = register_endpoint(organisation=organisation, by=caller(request), **fields)
            return Response(self.get_serializer(made).data, status=201)

        return once(request, answer)

    def partial_update(self, request: Request, id: UUID) -> Response:
        before = self.get_object()
        body = self.get_serializer(before, data=request.data, partial=True)
        body.is_valid(raise_exception=True)
        changed = update_endpoint(endpoint=before, by=caller(request), **body.validated_data)
        data = dict(self.get_serializer(changed).data)
        had_key = before.encrypted_key is not None
        if had_key and changed.encrypted_key is None and "key" not in body.validated_data:
            data["notice"] = (
                f"The stored key was entered for {before.key_host} and has been dropped. "
                "Enter the key for the new host."
            )
        return Response(data)

    def destroy(self, request: Request, id: UUID) -> Response:
        remove_endpoint(endpoint=self.get_object(), by=caller(request))
        return Response(status=204)

    @extend_schema(
        summary="Ask an endpoint one short question",
        description="What comes is said in words and kept with the endpoint. Takes up to 35 s.",
        request=None,
        responses={
            200: TrialSerializer,
            429: OpenApiResponse(description="It is being tested, or was a moment ago."),
        },
    )
    @action(detail=True, methods=["post"])
    def test(self, request: Request, id: UUID) -> Response:
        trial = test_endpoint(endpoint=self.get_object(), by=caller(request))
        return Response(TrialSerializer(trial).data)
