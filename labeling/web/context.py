"""What every page's template may use."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest


def product(request: HttpRequest) -> dict[str, Any]:
    """The instance's own facts: whether it is a demo."""
    return {"is_demo": settings.DEMO}
