"""`/api/docs/`: the OpenAPI document as a page that works under our content policy."""

from django.urls import path
from drf_spectacular.views import SpectacularSwaggerSplitView

app_name = "api-docs"
urlpatterns = [
    path("", SpectacularSwaggerSplitView.as_view(url_name="api:schema"), name="docs"),
]
