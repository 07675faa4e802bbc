"""Which form an answer takes: JSON, for nearly everybody without looking further."""

from collections.abc import Iterable
from typing import Any

from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

ANYTHING = frozenset({"", "*/*", "application/json"})


class PlainNegotiation(DefaultContentNegotiation):
    """The first renderer for whoever takes anything or JSON; REST framework's choice for others."""

    def select_renderer(
        self,
        request: Request,
        renderers: Iterable[BaseRenderer],
        format_suffix: str | None = None,
    ) -> tuple[BaseRenderer, Any]:
        first = next(iter(renderers))
        if request.META.get("HTTP_ACCEPT", "") in ANYTHING and first.media_type in ANYTHING:
            return first, first.media_type
        chosen: tuple[BaseRenderer, Any] = super().select_renderer(
            request, renderers, format_suffix
        )
        return chosen
