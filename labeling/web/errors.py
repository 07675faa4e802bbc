"""Refusals as pages: one place turns a LabelingError into a status and a sentence."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render

from labeling.errors import LabelingError


class LabelingErrorMiddleware:
    """Answers a LabelingError that a page's view let through. The API has its own handler."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        if not isinstance(error, LabelingError):
            return None
        template = "404.html" if error.status == 404 else "labeling/refusal.html"
        response = render(request, template, {"error": error}, status=error.status)
        if retry_after := getattr(error, "retry_after_seconds", None):
            response["Retry-After"] = str(retry_after)
        return response
