"""Refusals as pages: one place turns a LabelingError into a status, a sentence and what to do."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render

from labeling.errors import LabelingError
from labeling.web.signed_in import bench_of, toast

# What the rater typed is shown again, so that it can be taken along.
KEPT_FIELDS = ("rationale", "note")


class LabelingErrorMiddleware:
    """Answers a LabelingError that a page's view let through. The API has its own handler."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        if not isinstance(error, LabelingError):
            return None
        response = self._answer(request, error)
        if retry_after := getattr(error, "retry_after_seconds", None):
            response["Retry-After"] = str(retry_after)
        return response

    def _answer(self, request: HttpRequest, error: LabelingError) -> HttpResponse:
        context: dict[str, object] = {"error": error}
        if getattr(request, "htmx", False):
            # The page stays, with everything typed on it.
            return toast(request, "labeling/toasts.html#refusal", context, status=error.status)
        context["kept"] = [
            text for name in KEPT_FIELDS if (text := request.POST.get(name, "").strip())
        ]
        if request.method == "POST":
            context["again"] = bench_of(request)
        template = "404.html" if error.status == 404 else "labeling/refusal.html"
        return render(request, template, context, status=error.status)
