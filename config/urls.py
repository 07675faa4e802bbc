"""Where requests go: pages, the API, and what watches the server."""

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import include, path
from django.views import defaults

from api.errors import fault_of_ours, unreadable_request
from labeling.web import health
from labeling.web.pages_only import API

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


def handler500(request: HttpRequest) -> HttpResponseBase:
    """A problem below the API, a page elsewhere."""
    return fault_of_ours() if request.path_info.startswith(API) else defaults.server_error(request)
