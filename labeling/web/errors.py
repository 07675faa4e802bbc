"""Refusals as pages: one place turns a LabelingError into a status, a sentence and what to do."""

from collections.abc import Callable
from dataclasses import dataclass

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import Resolver404, resolve

from labeling.actions.imports import max_body_bytes
from labeling.errors import LabelingError, TooLargeError
from labeling.web.messages import in_their_language
from labeling.web.signed_in import bench_of, toast

# What the rater typed is shown again, so that it can be taken along.
KEPT_FIELDS = ("rationale", "note")


@dataclass(frozen=True)
class Refusal:
    """What a page says of an error, in the reader's language."""

    status: int
    title: str
    message: str

    @classmethod
    def of(cls, error: LabelingError) -> "Refusal":
        """The error's own words, translated."""
        return cls(error.status, in_their_language(error.title), in_their_language(error.message))


class LabelingErrorMiddleware:
    """Answers a LabelingError that a page's view let through. The API has its own handler."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        # Before anything reads the body, the check of its token included.
        if (limit := _exceeded(request)) is not None:
            return self._answer(
                request, TooLargeError(f"At most {limit:,} bytes can be sent here.")
            )
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        if not isinstance(error, LabelingError):
            return None
        response = self._answer(request, error)
        if retry_after := getattr(error, "retry_after_seconds", None):
            response["Retry-After"] = str(retry_after)
        return response

    def _answer(self, request: HttpRequest, error: LabelingError) -> HttpResponse:
        context: dict[str, object] = {"error": Refusal.of(error)}
        if getattr(request, "htmx", False):
            # The page stays, with everything typed on it.
            return toast(request, "labeling/toasts.html#refusal", context, status=error.status)
        if not isinstance(error, TooLargeError):
            context["kept"] = [
                text for name in KEPT_FIELDS if (text := request.POST.get(name, "").strip())
            ]
        if request.method == "POST":
            context["again"] = bench_of(request)
        template = "404.html" if error.status == 404 else "labeling/refusal.html"
        return render(request, template, context, status=error.status)


def _exceeded(request: HttpRequest) -> int | None:
    """The limit that an announced body exceeds; only those signed in may send a whole file.

    The API looks after its own. A body without a length is read as an empty one.
    """
    announced = str(request.META.get("CONTENT_LENGTH") or "0")
    length = int(announced) if announced.isdigit() else 0
    limit: int = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    if length <= limit or request.path.startswith("/api/"):
        return None
    if _takes_files(request) and request.user.is_authenticated:
        limit = max_body_bytes()
    return limit if length > limit else None


def _takes_files(request: HttpRequest) -> bool:
    try:
        return resolve(request.path_info).url_name == "campaign_imports"
    except Resolver404:
        return False
