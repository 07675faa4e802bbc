"""Images, served as bytes that can do nothing but be looked at."""

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from labeling import access
from labeling.formats.images import SUFFIXES
from labeling.web.rendered import IMAGE_CACHE_SECONDS

# Opened as a page of its own, an image runs nothing, loads nothing and frames nothing.
POLICY = "default-src 'none'; sandbox"


@require_safe
def image(request: HttpRequest, given: str) -> HttpResponse:
    """The image that the pass in the address is for. No cookie is asked for, and none is set."""
    found = access.image_by_pass(given)
    with found.file.open("rb") as file:
        response = HttpResponse(file.read(), content_type=found.media_type)
    name = f"{found.public_id.hex}.{SUFFIXES[found.media_type]}"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    response["Content-Security-Policy"] = POLICY
    response["X-Content-Type-Options"] = "nosniff"
    # Only as long as a page may stand: who has lost their part should not keep the image.
    response["Cache-Control"] = f"private, max-age={IMAGE_CACHE_SECONDS}, immutable"
    return response
