"""`…/imports/`: send a file in; read what of it could not be used."""

import tempfile
from collections.abc import Iterator, Mapping
from typing import IO, Any
from uuid import UUID

import orjson
from django.conf import settings
from django.http import StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.parsers import BaseParser, MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from api.authentication import caller
from api.base import CampaignMixin, once, within_token
from api.jobs import JobSerializer
from labeling import access
from labeling.actions.imports import (
    check_import,
    first_problems,
    max_body_bytes,
    queue_import,
    sha256_of,
    too_large,
)
from labeling.errors import FieldProblem, InvalidInputError, LabelingError, NotFoundError
from labeling.formats.importing import KINDS, LAYOUTS
from labeling.models import ImportProblem

# A file this small is read while the caller waits, so that a mistake is told at once.
READ_AT_ONCE_BYTES = 64 * 1024
MODES = ("strict", "lenient")


class LengthRequiredError(LabelingError):
    """The body comes in chunks; how much there is would be known only at its end."""

    status = 411
    title = "Send the file with its length"


class _FileBody(BaseParser):
    """A request whose body is the file. Compressed ones are known by their first bytes."""

    def parse(
        self,
        stream: IO[bytes],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        return {"file": stream}


class NdjsonBody(_FileBody):
    media_type = "application/x-ndjson"


class CsvBody(_FileBody):
    media_type = "text/csv"


class GzipBody(_FileBody):
    media_type = "application/gzip"


class ZstandardBody(_FileBody):
    media_type = "application/zstd"


class BinaryBody(_FileBody):
    media_type = "application/octet-stream"


PARAMETERS = [
    OpenApiParameter("kind", enum=KINDS, required=True, description="What a row is."),
    OpenApiParameter("layout", enum=LAYOUTS, default="native"),
    OpenApiParameter(
        "mode",
        enum=MODES,
        default="strict",
        description="strict: a bad line and nothing is imported; lenient: it is left out.",
    ),
    OpenApiParameter("dry_run", enum=["0", "1"], default="0", description="Count, store nothing."),
]


class ImportView(CampaignMixin):
    """Prompts, comparisons, judgments or gold, as a file."""

    scopes = {"POST": ("write",)}
    parser_classes = [MultiPartParser, NdjsonBody, CsvBody, GzipBody, ZstandardBody, BinaryBody]

    @extend_schema(
        summary="Import a file",
        parameters=PARAMETERS,
        request={
            "multipart/form-data": {
                "type": "object",
                "properties": {"file": {"type": "string", "format": "binary"}},
                "required": ["file"],
            },
            "application/x-ndjson": OpenApiTypes.BINARY,
            "text/csv": OpenApiTypes.BINARY,
        },
        responses={
            202: JobSerializer,
            400: OpenApiResponse(
                description="A parameter, or lines of a small file, told at once."
            ),
            411: OpenApiResponse(description="A body in chunks, without a length."),
            413: OpenApiResponse(description="The file is larger than this server takes."),
        },
    )
    def post(self, request: Request, slug: str) -> Response:
        """JSONL or CSV, plain, .gz or .zst; a job reads it and names every line it cannot use."""
        campaign = self.campaign_to_manage()
        kind = _parameter(request, "kind", KINDS)
        layout = _parameter(request, "layout", LAYOUTS, "native")
        is_lenient = _parameter(request, "mode", MODES, "strict") == "lenient"
        is_dry_run = _parameter(request, "dry_run", ("0", "1", "false", "true"), "0") in (
            "1",
            "true",
        )
        check_import(kind=kind, layout=layout)
        file, name = _received(request)
        with file:
            sha256 = sha256_of(file)
            size = file.seek(0, 2)
            file.seek(0)
            if not size:
                message = "The file is empty."
                raise InvalidInputError(message, problems=[FieldProblem("file", message)])
            if size <= READ_AT_ONCE_BYTES and not is_lenient:
                _refuse_bad_lines(file, kind, layout)

            def answer() -> Response:
                job = queue_import(
                    campaign=campaign,
                    by=caller(request),
                    file=file,
                    name=name,
                    sha256=sha256,
                    kind=kind,
                    layout=layout,
                    is_lenient=is_lenient,
                    is_dry_run=is_dry_run,
                )
                return Response(JobSerializer(job).data, status=202)

            return once(request, answer, content=f"{request.META['QUERY_STRING']}\n{sha256}")


def _parameter(
    request: Request, name: str, choices: tuple[str, ...], default: str | None = None
) -> str:
    value = request.query_params.get(name, default)
    if value not in choices:
        message = f"{name}: write one of {', '.join(choices)}."
        raise InvalidInputError(message, problems=[FieldProblem(name, message)])
    return value


def _refuse_bad_lines(file: IO[bytes], kind: str, layout: str) -> None:
    problems = first_problems(file, kind=kind, layout=layout)
    file.seek(0)
    if problems:
        first = problems[0]
        field = f", {first.field}" if first.field else ""
        raise InvalidInputError(
            f"Nothing was imported. Line {first.line}{field}: {first.message}",
            problems=[FieldProblem(p.field, p.message, p.line) for p in problems],
        )


def _received(request: Request) -> tuple[IO[bytes], str]:
    """The file sent, on disk, and its name; a body that is the file has none.

    Its announced length is looked at before a byte is read.
    """
    if "HTTP_TRANSFER_ENCODING" in request.META:
        raise LengthRequiredError(
            "A body in chunks is not read. Send the file with its length:"
            ' curl --data-binary @FILE, or as the form field "file": curl -F file=@FILE.'
        )
    announced = str(request.META.get("CONTENT_LENGTH") or "0")
    if not announced.isdigit() or int(announced) > max_body_bytes():
        raise too_large()
    sent = request.data.get("file") if isinstance(request.data, dict) else None
    if sent is None or isinstance(sent, str):
        message = 'Send the file as the form field "file", or as the body itself.'
        raise InvalidInputError(message, problems=[FieldProblem("file", message)])
    if hasattr(sent, "temporary_file_path"):
        if sent.size > settings.IMPORT_MAX_BYTES:
            raise too_large()
        return sent, sent.name or ""
    spool = tempfile.TemporaryFile(dir=settings.FILE_UPLOAD_TEMP_DIR)  # noqa: SIM115 (returned)
    try:
        while piece := sent.read(1 << 20):
            spool.write(piece)
    except BaseException:
        spool.close()
        raise
    spool.seek(0)
    return spool, ""


class ImportProblemsView(APIView):
    """What was wrong with a file."""

    scopes = {"GET": ("read",)}

    @extend_schema(
        summary="The lines an import could not use",
        responses={
            (200, "application/x-ndjson"): {
                "type": "object",
                "properties": {
                    "line": {"type": "integer"},
                    "field": {"type": "string"},
                    "message": {"type": "string"},
                },
            }
        },
    )
    def get(self, request: Request, id: UUID, slug: str | None = None) -> StreamingHttpResponse:
        """One object a line, in the order of the file; the first thousand."""
        job = access.job_for_reader(caller(request), id)
        campaign = within_token(request, job.campaign)
        if job.kind != "import" or slug not in (None, campaign.slug):
            raise NotFoundError("There is no such import, or you have no part in its campaign.")
        rows = ImportProblem.objects.filter(job=job).order_by("line", "pk")
        return StreamingHttpResponse(
            _problem_lines(rows.values_list("line", "field", "message").iterator(500)),
            content_type="application/x-ndjson",
        )


def _problem_lines(rows: Iterator[tuple[int, str, str]]) -> Iterator[bytes]:
    for line, field, message in rows:
        yield orjson.dumps(
            {"line": line, "field": field, "message": message}, option=orjson.OPT_APPEND_NEWLINE
        )
