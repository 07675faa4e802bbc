"""`/jobs/{id}/`: how far long work has come, and what came of it."""

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from api.authentication import caller
from api.base import within_token
from labeling import access
from labeling.actions.jobs import cancel_job
from labeling.models import Job


class JobSerializer(serializers.ModelSerializer[Job]):
    """A job as outsiders know it."""

    id = serializers.UUIDField(source="public_id")
    progress = serializers.SerializerMethodField()
    result = serializers.DictField(allow_null=True)
    error = serializers.DictField(allow_null=True)

    class Meta:
        model = Job
        fields = [
            "id",
            "kind",
            "status",
            "progress",
            "result",
            "error",
            "created_at",
            "started_at",
            "finished_at",
        ]

    def get_progress(self, job: Job) -> dict[str, Any]:
        return {"done": job.done, "total": job.total}


class JobView(APIView):
    """One job."""

    scopes = {"GET": ("read",)}

    @extend_schema(summary="How a job is doing", responses=JobSerializer)
    def get(self, request: Request, id: UUID) -> Response:
        """Its status, progress and result."""
        job = access.job_for_reader(caller(request), id)
        within_token(request, job.campaign)
        return Response(JobSerializer(job).data)


class JobCancelView(APIView):
    """Ask a job to stop."""

    scopes = {"POST": ("write",)}

    @extend_schema(summary="Cancel a job", request=None, responses=JobSerializer)
    def post(self, request: Request, id: UUID) -> Response:
        """A waiting job ends now; a running one at its next step, with nothing half done."""
        job = access.job_for_reader(caller(request), id)
        within_token(request, job.campaign)
        access.campaign_for_manager(caller(request), job.campaign.slug)
        cancel_job(job=job, by=caller(request))
        job.refresh_from_db()
        return Response(JobSerializer(job).data)
