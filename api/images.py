"""`…/images/`, and the images in what a rater is sent: where they lie, and their size."""

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.db.models import QuerySet
from django.urls import reverse
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import mixins, serializers, viewsets

from api.authentication import caller
from api.base import CampaignMixin
from labeling import access
from labeling.models import Campaign, Image, User
from labeling.queries.images import kept_images, named_images, reference_to


class ImageSerializer(serializers.ModelSerializer[Image]):
    """An image: what stands for it in messages, and where it lies for the caller, for a day."""

    reference = serializers.SerializerMethodField()
    url = serializers.SerializerMethodField()

    class Meta:
        model = Image
        fields = ["reference", "url", "media_type", "byte_count", "width", "height", "created_at"]

    def get_reference(self, image: Image) -> str:
        return reference_to(image)

    def get_url(self, image: Image) -> str:
        return _address(image, caller(self.context["request"]))


@extend_schema_view(list=extend_schema(summary="Images of a campaign"))
class ImageViewSet(CampaignMixin, mixins.ListModelMixin, viewsets.GenericViewSet[Any]):
    """The images that a campaign's messages name."""

    scopes = {"GET": ("read",)}
    serializer_class = ImageSerializer

    def get_queryset(self) -> QuerySet[Image]:
        if getattr(self, "swagger_fake_view", False):
            return Image.objects.none()
        return Image.objects.filter(campaign=self.campaign_to_read())


def images_in(told: Mapping[str, Any], campaign: Campaign, user: User) -> dict[str, Any]:
    """The images that an assignment's messages name, by the reference that stands there."""
    named = [
        name
        for part in ("prompt", "left", "right")
        for name in named_images(told[part]["messages"])
    ]
    return {
        reference_to(image): {
            "url": _address(image, user),
            "width": image.width,
            "height": image.height,
        }
        for image in kept_images(campaign, named).values()
    }


def _address(image: Image, user: User) -> str:
    return settings.BASE_URL + reverse("image", args=[access.image_pass(image, user)])
