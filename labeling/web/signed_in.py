"""Who may open a page: those who signed in. A fragment is told so in place, and input is kept."""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, cast

from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django_htmx.middleware import HtmxDetails

from labeling.models import User

P = ParamSpec("P")


class PageRequest(HttpRequest):
    """A request of someone who signed in, as the middleware has filled it."""

    user: User
    htmx: HtmxDetails


View = Callable[Concatenate[PageRequest, P], HttpResponseBase]


def signed_in(view: View[P]) -> Callable[Concatenate[HttpRequest, P], HttpResponseBase]:
    """The view for those who signed in; others are sent to sign in, and come back after it."""

    @wraps(view)
    def guarded(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        if request.user.is_authenticated:
            return view(cast(PageRequest, request), *args, **kwargs)
        if cast(PageRequest, request).htmx:
            # A redirect would put the sign-in page in the middle of this one.
            return toast(request, "labeling/toasts.html#signed_out", status=401)
        return redirect_to_login(request.get_full_path())

    return guarded


def toast(
    request: HttpRequest, template: str, context: dict[str, object] | None = None, *, status: int
) -> HttpResponse:
    """A message above the dock, in place of what was asked for: what was typed stays."""
    values = {"again": bench_of(request)} | (context or {})
    response = render(request, template, values, status=status)
    response["HX-Retarget"] = "#say"
    response["HX-Reswap"] = "innerHTML"
    return response


def bench_of(request: HttpRequest) -> str:
    """The slug of the campaign whose bench the request came from; empty for other pages."""
    match = request.resolver_match
    is_bench = match is not None and match.url_name in {"rate", "skip", "undo", "undo_one"}
    return str(match.kwargs["slug"]) if match and is_bench else ""
