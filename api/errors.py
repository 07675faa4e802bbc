"""Every refusal as application/problem+json (RFC 9457): the one place the API words its errors."""

from typing import Any

from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.db import OperationalError
from django.http import Http404, HttpRequest, JsonResponse
from rest_framework import exceptions, status
from rest_framework.response import Response

from labeling.errors import LabelingError

TITLES = {
    400: "Some of what was sent cannot be used",
    401: "Who are you?",
    403: "Not allowed",
    404: "Not found",
    405: "This address does not take this method",
    406: "This address does not answer in that form",
    409: "Conflict",
    413: "Too large",
    415: "This address does not read this content type",
    429: "Too many requests",
    503: "One moment",
}


def problem(
    status_code: int,
    detail: str,
    *,
    title: str | None = None,
    errors: list[dict[str, Any]] | None = None,
    headers: dict[str, str] | None = None,
) -> Response:
    """A problem document."""
    body = {
        "type": "about:blank",
        "title": title or TITLES.get(status_code, "Error"),
        "status": status_code,
        "detail": detail,
        "errors": errors or [],
    }
    return Response(
        body, status=status_code, headers=headers, content_type="application/problem+json"
    )


def problem_response(error: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's exception handler: the error as a problem, or None for what is our own fault."""
    match error:
        case LabelingError():
            fields = [
                {"field": p.field, "message": p.message}
                | ({"line": p.line} if p.line is not None else {})
                for p in error.problems
            ]
            seconds = getattr(error, "retry_after_seconds", None)
            return problem(
                error.status,
                error.message,
                title=error.title,
                errors=fields,
                headers={"Retry-After": str(seconds)} if seconds else None,
            )
        case Http404():
            return problem(404, "There is nothing here, or it is not yours.")
        case PermissionDenied():
            return problem(403, "Not allowed.")
        case RequestDataTooBig():
            return problem(413, "The request is larger than this address takes.")
        case OperationalError():
            return problem(
                503,
                "The database is away. Nothing was stored; repeat the request.",
                headers={"Retry-After": "5"},
            )
        case exceptions.ValidationError():
            flat = list(_flat(error.detail))
            return problem(400, flat[0]["message"] if flat else "Invalid.", errors=flat)
        case exceptions.APIException():
            headers = {}
            if wait := getattr(error, "wait", None):
                headers["Retry-After"] = str(int(wait) + 1)
            if header := getattr(error, "auth_header", None):
                headers["WWW-Authenticate"] = header
            return problem(error.status_code, str(error.detail), headers=headers)
    return None


def _flat(detail: Any, path: str = "") -> Any:
    if isinstance(detail, dict):
        for key, value in detail.items():
            yield from _flat(value, f"{path}.{key}" if path else str(key))
    elif isinstance(detail, list):
        for value in detail:
            yield from _flat(value, path)
    else:
        yield {"field": path or "body", "message": str(detail)}


def unknown_route(request: HttpRequest, **_: Any) -> JsonResponse:
    """What any address answers that the API does not have."""
    return JsonResponse(
        {
            "type": "about:blank",
            "title": TITLES[404],
            "status": status.HTTP_404_NOT_FOUND,
            "detail": "The API has no such address; /api/v1/schema/ lists them.",
            "errors": [],
        },
        status=404,
        content_type="application/problem+json",
    )
