"""Where requests go: pages, the API, and what watches the server."""

import sys

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.template import loader
from django.urls import include, path
from django.views import defaults

from api.errors import fault_of_ours, unreadable_request
from labeling.web import health
from labeling.web.pages_only import API
from labeling.web.sign_in import too_many

urlpatterns = [
    path("api/v1/", include("api.urls")),
    path("healthz/live", health.live, name="live"),
    path("healthz/ready", health.ready, name="ready"),
    path("metrics", health.metrics, name="metrics"),
    path("api/docs/", include("api.docs_urls")),
    path("", include("labeling.web.urls")),
]


def handler400(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    """A problem below the API, a page elsewhere."""
    if request.path_info.startswith(API):
        return unreadable_request()
    return defaults.bad_request(request, exception)


def handler429(request: HttpRequest) -> HttpResponseBase:
    """What django-allauth answers to what was asked too often."""
    return too_many(request)


def handler500(request: HttpRequest) -> HttpResponseBase:
    """A problem below the API, a page elsewhere: 503 while the database is away."""
    if request.path_info.startswith(API):
        return fault_of_ours()
    if isinstance(sys.exc_info()[1], OperationalError | InterfaceError):
        # Nothing was stored. The bench sends an answer again by itself; a person comes back.
        page = loader.get_template("503.html").render()
        return HttpResponse(page, status=503, headers={"Retry-After": "5"})
    return defaults.server_error(request)
