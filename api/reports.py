"""`…/report/`: the campaign's numbers."""

from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from api.authentication import caller
from api.base import CampaignMixin, once
from api.jobs import JobSerializer
from labeling.actions.jobs import queue_job
from labeling.errors import NotFoundError


class ReportView(CampaignMixin):
    """The newest report, and the wish for a new one."""

    scopes = {"GET": ("read",), "POST": ("write",)}

    @extend_schema(
        summary="The newest report",
        responses={
            200: {"type": "object", "additionalProperties": True},
            404: OpenApiResponse(description="None has been computed yet."),
        },
    )
    def get(self, request: Request, slug: str) -> Response:
        """Agreement, leaderboard, win matrix, bias, raters, judges: see docs/METRICS.md."""
        report = self.campaign_to_read().reports.order_by("-computed_at").first()
        if report is None:
            raise NotFoundError("No report yet: POST here to have one computed.")
        return Response(report.body)

    @extend_schema(summary="Recompute the report", request=None, responses={202: JobSerializer})
    def post(self, request: Request, slug: str) -> Response:
        """A job that computes it from all standing judgments."""
        campaign = self.campaign_to_read()

        def answer() -> Response:
            job = queue_job(campaign=campaign, kind="report", by=caller(request))
            return Response(JobSerializer(job).data, status=202)

        return once(request, answer)
