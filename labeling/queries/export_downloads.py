"""An export on its way out of a web process, for the API and for the pages."""

import threading
from collections.abc import Iterator

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase

from labeling.errors import BusyError
from labeling.formats.export_choice import ExportChoice
from labeling.models import Campaign
from labeling.queries.export_rows import Export, open_export

# An export keeps a thread of the web process for as long as its reader takes. Half of a process's
# threads (by default) stay free for raters, however many exports are asked for.
EXPORTS_AT_ONCE = 2
# A reader who takes not one piece in this time is gone, or means harm.
WRITE_SECONDS = 60
LINES = "application/x-ndjson"

_slots = threading.BoundedSemaphore(EXPORTS_AT_ONCE)


class ExportsBusyError(BusyError):
    """As many exports are running as may run side by side."""

    retry_after_seconds = 15


class Download:
    """An export that gives back its place among those running when it is closed."""

    def __init__(self, campaign: Campaign, choice: ExportChoice) -> None:
        if not _slots.acquire(blocking=False):
            raise ExportsBusyError("Other exports are running. Please try again in a moment.")
        self._is_open = True
        self._export: Export | None = None
        try:
            self._export = open_export(campaign, choice)
        except BaseException:
            self.close()
            raise

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._export or ())

    def close(self) -> None:
        """Safe to repeat, as servers do."""
        if self._is_open:
            self._is_open = False
            if self._export is not None:
                self._export.close()
            _slots.release()


def export_response(
    request: HttpRequest, campaign: Campaign, choice: ExportChoice
) -> HttpResponseBase:
    """The file as it streams, or to HEAD its headers alone. A write that makes no headway for a
    minute ends it.
    """
    headers = download_headers(campaign, choice)
    if request.method == "HEAD":
        return HttpResponse(content_type=LINES, headers=headers)
    if (socket := request.META.get("gunicorn.socket")) is not None:
        socket.settimeout(WRITE_SECONDS)
    return StreamingHttpResponse(Download(campaign, choice), content_type=LINES, headers=headers)


def download_headers(campaign: Campaign, choice: ExportChoice) -> dict[str, str]:
    """The file's name, and what was chosen with every default spelled out."""
    simulated = "-simulated" if campaign.is_simulated else ""
    name = f"{campaign.slug}{simulated}-{choice.layout}-{choice.rule}.jsonl"
    stated = {f"X-Thurstone-{key.title()}": word for key, word in choice.words().items()}
    return {
        "Content-Disposition": f'attachment; filename="{name}"',
        "Cache-Control": "no-store",
        "X-Thurstone-Simulated": "1" if campaign.is_simulated else "0",
        **stated,
    }
