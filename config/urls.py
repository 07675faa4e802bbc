"""Where requests go: pages, the API, and what watches the server."""

from django.urls import include, path

from labeling.web import health

urlpatterns = [
    path("api/v1/", include("api.urls")),
    path("healthz/live", health.live, name="live"),
    path("healthz/ready", health.ready, name="ready"),
    path("metrics", health.metrics, name="metrics"),
    path("api/docs/", include("api.docs_urls")),
    path("", include("labeling.web.urls")),
]
