"""`manage.py export`: the same export as the API's, to a file or to standard output."""

import argparse
import contextlib
import hashlib
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from django.core.management.base import BaseCommand, CommandError

from labeling.formats.export_choice import EDITS, GOLD, RATERS, choose
from labeling.formats.export_rows import RULES, TIES
from labeling.formats.layouts import LAYOUTS
from labeling.management.refusals import in_words
from labeling.models import Campaign
from labeling.queries.export_rows import open_export


class Command(BaseCommand):
    """Write a campaign's judgments, as they stand at this moment, as JSON lines."""

    help = __doc__ = "Write a campaign's judgments, as they stand at this moment, as JSON lines."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """The parameters of the export route, and where to write."""
        parser.add_argument("campaign", metavar="CAMPAIGN", help="its slug")
        parser.add_argument("--layout", help=f"{', '.join(LAYOUTS)}; default native")
        parser.add_argument("--rule", help=f"{', '.join(RULES)}; default each")
        parser.add_argument("--ties", help=f"{', '.join(TIES)}; default keep for native, else drop")
        parser.add_argument(
            "--raters", help=f"{', '.join(RATERS)}; default all for native with each, else human"
        )
        parser.add_argument("--gold", help=f"{', '.join(GOLD)}; default keep for native, else drop")
        parser.add_argument(
            "--history", action="store_const", const="1", help="superseded judgments too"
        )
        parser.add_argument(
            "--edits", help=f"{', '.join(EDITS)}: the pairs (edited, original); default drop"
        )
        parser.add_argument(
            "--output", type=Path, metavar="FILE", help="default: standard output; whole or absent"
        )
        parser.add_argument(
            "--json", action="store_true", help="tell what was written as JSON, on standard error"
        )

    @in_words()
    def handle(self, *args: Any, **options: Any) -> None:
        """Write the file and say what is in it and what is not."""
        names = ("layout", "rule", "ties", "raters", "gold", "history", "edits")
        asked = {name: options[name] for name in names if options[name] is not None}
        campaign = Campaign.objects.filter(slug=options["campaign"]).first()
        if campaign is None:
            raise CommandError(f"There is no campaign “{options['campaign']}”.")
        digest, size = hashlib.sha256(), 0
        try:
            choice = choose(asked)
            progress = _Progress(sys.stderr.isatty() and not options["json"])
            with contextlib.closing(open_export(campaign, choice)) as export:
                with _whole_or_absent(options["output"]) as file:
                    for piece in export:
                        file.write(piece)
                        digest.update(piece)
                        size += len(piece)
                        progress.show(export.counts["judgments"])
                progress.clear()
        except OSError as error:
            if options["output"] is None:
                # The interpreter must not flush into the closed pipe or the full disk at its end.
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            if isinstance(error, BrokenPipeError):
                raise CommandError("The reader went away before the end.") from None
            where = options["output"] or "standard output"
            raise CommandError(f"{where}: {error.strerror}") from error
        counts = dict(export.counts)
        if options["json"]:
            told = {**choice.words(), **counts, "bytes": size, "sha256": digest.hexdigest()}
            self.stderr.write(json.dumps(told), self.style.SUCCESS)
            return
        left_out = [f"{counts[key]} {what}" for key, what in _LEFT_OUT.items() if counts.get(key)]
        self.stderr.write(
            f"{counts['lines']} lines of {counts['judgments']} judgments"
            + (f"; left out: {', '.join(left_out)}" if left_out else ""),
            self.style.SUCCESS,
        )


_LEFT_OUT = {
    "ties_left_out": "as ties",
    "without_text": "without text",
    "without_edit": "without edit",
    "excluded": "by a decision about a rater's work or a comparison",
}


class _Progress:
    """A count on a terminal, a few times a second."""

    def __init__(self, is_shown: bool) -> None:
        self._is_shown = is_shown
        self._next = 0.0

    def show(self, count: int) -> None:
        if self._is_shown and time.monotonic() >= self._next:
            self._next = time.monotonic() + 0.2
            sys.stderr.write(f"\r{count:,} judgments ")
            sys.stderr.flush()

    def clear(self) -> None:
        if self._is_shown:
            sys.stderr.write("\r\x1b[K")


@contextlib.contextmanager
def _whole_or_absent(path: Path | None) -> Iterator[BinaryIO]:
    """The file to write: standard output, or one that takes its name when it is complete."""
    if path is None:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    if path.exists() and not path.is_file():
        # A pipe or a device: there is nothing to put in its place.
        with path.open("wb") as file:
            yield file
        return
    try:
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    except OSError as error:
        raise CommandError(f"{path}: {error.strerror}") from error
    draft = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
