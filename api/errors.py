"""Every refusal as application/problem+json (RFC 9457): the one place the API words its errors."""

from typing import Any

from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.db import OperationalError
from django.http import Http404, HttpRequest, JsonResponse
from django.urls import Resolver404, resolve
from rest_framework import exceptions
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
    500: "That was our mistake",
    503: "One moment",
}


PROBLEM = "application/problem+json"


def document(
    status_code: int,
    detail: str,
    *,
    title: str | None = None,
    errors: list[dict[str, Any]] | None = None,
) -> dict[str, Any]:
    """The members of a problem."""
    return {
        "type": "about:blank",
        "title": title or TITLES.get(status_code, "Error"),
        "status": status_code,
        "detail": detail,
        "errors": errors or [],
    }


def problem(
    status_code: int,
    detail: str,
    *,
    title: str | None = None,
    errors: list[dict[str, Any]] | None = None,
    headers: dict[str, str] | None = None,
) -> Response:
    """A problem, as the answer of a view."""
    body = document(status_code, detail, title=title, errors=errors)
    return Response(body, status=status_code, headers=headers, content_type=PROBLEM)


def problem_outside_views(status_code: int, detail: str) -> JsonResponse:
    """A problem where no view of the API has the request in hand."""
    return JsonResponse(document(status_code, detail), status=status_code, content_type=PROBLEM)


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
    longer = f"{request.path_info}/"
    try:
        lacks_slash = resolve(longer).func is not unknown_route
    except Resolver404:
        lacks_slash = False
    return problem_outside_views(
        404,
        f"Addresses end in a slash: {longer}"
        if lacks_slash
        else "The API has no such address; /api/v1/schema/ lists them.",
    )


def unreadable_request() -> JsonResponse:
    """What a request is answered whose host, address or form Django refuses to go on with."""
    return problem_outside_views(
        400, "The host, the address or the form of this request cannot be used. Nothing was done."
    )


def fault_of_ours() -> JsonResponse:
    """What a request is answered that met a mistake of ours."""
    return problem_outside_views(
        500,
        "It has been logged. Look whether what you asked for was done before you ask again; a"
        " repeated Idempotency-Key does nothing twice.",
    )
