"""Images in what a rater is sent: where they lie, and their size."""

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.urls import reverse

from labeling import access
from labeling.models import Campaign, User
from labeling.queries.images import kept_images, named_images


def images_in(told: Mapping[str, Any], campaign: Campaign, user: User) -> dict[str, Any]:
    """The images that an assignment's messages name, by the address that stands there for each."""
    named = [
        name
        for part in ("prompt", "left", "right")
        for name in named_images(told[part]["messages"])
    ]
    return {
        f"image:sha256-{name}": {
            "url": settings.BASE_URL + reverse("image", args=[access.image_pass(image, user)]),
            "width": image.width,
            "height": image.height,
        }
        for name, image in kept_images(campaign, named).items()
    }
