"""`…/export/`: the judgments as they stand, in a layout and under a rule, streamed."""

from typing import Any

from django.http.response import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.exceptions import ValidationError
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request

from api.base import CampaignMixin
from labeling.formats.export_choice import (
    EDITS,
    EXCLUDED,
    GOLD,
    HISTORY,
    RATERS,
    ExportChoice,
    choose,
)
from labeling.formats.export_rows import RULES, TIES
from labeling.formats.layouts import LAYOUTS
from labeling.models import Campaign
from labeling.queries.export_downloads import export_response


class LinesRenderer(JSONRenderer):
    """Lets a caller ask for what an export is; refusals are JSON all the same."""

    media_type = "application/x-ndjson"


def _words(name: str, words: Any, description: str) -> OpenApiParameter:
    return OpenApiParameter(name, str, enum=list(words), description=description)


class ExportView(CampaignMixin):
    """The live export: one object a line, one database snapshot, whatever the size."""

    scopes = {"GET": ("read",)}
    renderer_classes = [LinesRenderer, JSONRenderer]

    @extend_schema(
        summary="Judgments as a file",
        description=(
            "Streams JSON lines of one moment; see docs/EXPORTS.md. What was chosen, defaults"
            " included, is repeated in the headers `X-Thurstone-Layout`, `-Rule`, `-Ties`,"
            " `-Raters`, `-Gold`, `-History`, `-Edits` and `-Excluded`. A stream cut short ends"
            " without its last chunk, so that every HTTP client reports an error."
        ),
        parameters=[
            _words("layout", LAYOUTS, "Default native."),
            _words("rule", RULES, "A row per judgment (default) or per comparison."),
            _words("ties", TIES, "Default keep for native, else drop."),
            _words("raters", RATERS, "Default all for native with each, else human."),
            _words("gold", GOLD, "Comparisons of known answer. Default keep for native."),
            _words("history", HISTORY, "1: superseded judgments too, native with each only."),
            _words("edits", EDITS, "Pairs of a rater's edit over its original, in trl and hh."),
            _words("excluded", EXCLUDED, "What decisions about a rater's work leave out."),
        ],
        responses={
            (200, "application/x-ndjson"): OpenApiTypes.STR,
            400: OpenApiResponse(description="A word this export does not know."),
            404: OpenApiResponse(description="No such campaign, or not yours to read."),
            503: OpenApiResponse(description="Other exports are running: see Retry-After."),
        },
    )
    def get(self, request: Request, slug: str) -> HttpResponseBase:
        """The file. A write that makes no headway for a minute ends it."""
        return export_response(request, *self._asked(request))

    @extend_schema(exclude=True)
    def head(self, request: Request, slug: str) -> HttpResponseBase:
        """The headers of the file, without the work."""
        return export_response(request, *self._asked(request))

    def _asked(self, request: Request) -> tuple[Campaign, ExportChoice]:
        campaign = self.campaign_to_read()
        asked = request.query_params
        if twice := [name for name, values in asked.lists() if len(values) > 1]:
            raise ValidationError({name: "Given more than once." for name in twice})
        return campaign, choose(asked.dict())
