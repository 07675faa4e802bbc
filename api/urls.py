"""Where API requests go."""

from django.urls import URLPattern, URLResolver, include, path, re_path
from drf_spectacular.views import SpectacularAPIView
from rest_framework.routers import SimpleRouter

from api.assignments import ClaimView, HeartbeatView, JudgmentView, ReviseView, SkipView
from api.campaigns import CampaignViewSet
from api.endpoints import EndpointViewSet
from api.errors import unknown_route
from api.exports import ExportView
from api.generations import GenerationViewSet
from api.guidelines import GuidelineViewSet
from api.images import ImageViewSet
from api.imports import ImportProblemsView, ImportView
from api.jobs import JobCancelView, JobView
from api.judges import JudgeViewSet
from api.judgments import JudgmentViewSet
from api.prompts import ComparisonViewSet, CompletionViewSet, PromptViewSet
from api.raters import RaterViewSet
from api.reports import ReportView
from api.reviews import ReviewViewSet
from api.rounds import RoundViewSet
from api.tokens import TokenViewSet

app_name = "api"

router = SimpleRouter()
router.register("campaigns", CampaignViewSet, "campaign")
router.register("endpoints", EndpointViewSet, "endpoint")
router.register("tokens", TokenViewSet, "token")

below = SimpleRouter()
below.register("prompts", PromptViewSet, "prompt")
below.register("completions", CompletionViewSet, "completion")
below.register("comparisons", ComparisonViewSet, "comparison")
below.register("images", ImageViewSet, "image")
below.register("raters", RaterViewSet, "rater")
below.register("rounds", RoundViewSet, "round")
below.register("generations", GenerationViewSet, "generation")
below.register("judges", JudgeViewSet, "judge")
below.register("guidelines", GuidelineViewSet, "guideline")
below.register("reviews", ReviewViewSet, "review")
below.register("judgments", JudgmentViewSet, "judgment")

campaign_urlpatterns: list[URLPattern | URLResolver] = [
    path("assignments/", ClaimView.as_view(), name="claim"),
    path("imports/", ImportView.as_view(), name="import"),
    path("imports/<uuid:id>/errors/", ImportProblemsView.as_view(), name="campaign-import-errors"),
    path("export/", ExportView.as_view(), name="export"),
    path("report/", ReportView.as_view(), name="report"),
    path("", include(below.urls)),
]

urlpatterns = [
    path("imports/<uuid:id>/errors/", ImportProblemsView.as_view(), name="import-errors"),
    path("schema/", SpectacularAPIView.as_view(), name="schema"),
    path("jobs/<uuid:id>/", JobView.as_view(), name="job"),
    path("jobs/<uuid:id>/cancel/", JobCancelView.as_view(), name="job-cancel"),
    path("assignments/<uuid:id>/judgment/", JudgmentView.as_view(), name="judge"),
    path("assignments/<uuid:id>/skip/", SkipView.as_view(), name="skip"),
    path("assignments/<uuid:id>/heartbeat/", HeartbeatView.as_view(), name="heartbeat"),
    path("judgments/<uuid:id>/revise/", ReviseView.as_view(), name="revise"),
    path("campaigns/<slug:slug>/", include(campaign_urlpatterns)),
    path("", include(router.urls)),
    re_path(r"^.*$", unknown_route),
]
