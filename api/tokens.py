"""`/tokens/`: one's own API tokens."""

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import mixins, serializers, viewsets
from rest_framework.request import Request
from rest_framework.response import Response

from api.authentication import caller, token_of
from api.base import KnownFieldsMixin, once
from api.permissions import scopes_of
from labeling.actions.tokens import issue_token, revoke_token
from labeling.errors import NotAllowedError
from labeling.models import Campaign, Token
from labeling.models.tokens import SCOPES


class TokenSerializer(KnownFieldsMixin[Token], serializers.ModelSerializer[Token]):
    """A token without its text, which is shown only by the answer that issues it."""

    id = serializers.UUIDField(source="public_id", read_only=True)
    scopes = serializers.ListField(child=serializers.ChoiceField(choices=SCOPES), min_length=1)
    campaigns = serializers.SlugRelatedField(
        slug_field="slug", many=True, queryset=Campaign.objects.none(), required=False
    )

    class Meta:
        model = Token
        fields = [
            "id",
            "name",
            "prefix",
            "scopes",
            "campaigns",
            "expires_at",
            "last_used_at",
            "revoked_at",
            "created_at",
        ]
        read_only_fields = ["prefix", "last_used_at", "revoked_at", "created_at"]

    def get_fields(self) -> dict[str, Any]:
        fields = super().get_fields()
        request = self.context.get("request")
        if request is not None and request.auth is not None:
            # A campaign that is not the user's is as unknown here as everywhere.
            campaigns: Any = fields["campaigns"]
            campaigns.child_relation.queryset = Campaign.objects.visible_to(caller(request))
        return fields


class IssuedTokenSerializer(TokenSerializer):
    """With its text, once."""

    token = serializers.CharField(read_only=True)

    class Meta(TokenSerializer.Meta):
        fields = [*TokenSerializer.Meta.fields, "token"]


@extend_schema_view(
    list=extend_schema(summary="Your tokens"),
    create=extend_schema(summary="Issue a token", responses={201: IssuedTokenSerializer}),
    destroy=extend_schema(summary="Revoke a token"),
)
class TokenViewSet(mixins.ListModelMixin, viewsets.GenericViewSet[Token]):
    """The user's own tokens; nobody sees or revokes another's here."""

    serializer_class = TokenSerializer
    scopes = {"GET": ("admin",), "POST": ("admin",), "DELETE": ("admin",)}
    lookup_field = "public_id"
    lookup_url_kwarg = "id"

    def get_queryset(self) -> QuerySet[Token]:
        if getattr(self, "swagger_fake_view", False):
            return Token.objects.none()
        return Token.objects.filter(user=caller(self.request)).prefetch_related("campaigns")

    def create(self, request: Request) -> Response:
        """No scope, campaign or day beyond those of the token that asks."""
        return once(request, lambda: self._issue(request), told_once="token")

    def _issue(self, request: Request) -> Response:
        body = self.get_serializer(data=request.data)
        body.is_valid(raise_exception=True)
        wanted = body.validated_data
        if not set(wanted["scopes"]) <= scopes_of(request):
            raise NotAllowedError("A token cannot issue one that may do more than itself.")
        bound = list(token_of(request).campaigns.all())
        if bound and not set(wanted.get("campaigns", [])) <= set(bound):
            raise NotAllowedError("A token bound to campaigns can issue only for those.")
        ends = token_of(request).expires_at
        expires_at = wanted.get("expires_at") or ends
        if ends and expires_at and expires_at > ends:
            raise NotAllowedError("A token cannot issue one that outlives it.")
        token, text = issue_token(
            user=caller(request),
            by=caller(request),
            scopes=wanted["scopes"],
            name=wanted.get("name", ""),
            campaigns=wanted.get("campaigns") or bound,
            expires_at=expires_at,
        )
        data = {**TokenSerializer(token).data, "token": text}
        return Response(data, status=201)

    def destroy(self, request: Request, id: str) -> Response:
        revoke_token(token=self.get_object(), by=caller(request))
        return Response(status=204)
