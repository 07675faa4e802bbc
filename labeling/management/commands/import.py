"""`manage.py import CAMPAIGN FILE`: the same import as the API's, in the foreground."""

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from labeling.actions.imports import begin_import, run_import, sha256_of
from labeling.actions.rounds import open_waiting
from labeling.formats.importing import KINDS, LAYOUTS
from labeling.management.refusals import in_words
from labeling.models import Campaign, ImportProblem, Job


class Command(BaseCommand):
    """Import prompts, comparisons, judgments or gold from a JSONL or CSV file."""

    help = __doc__ = (
        "Import prompts, comparisons, judgments or gold from a JSONL or CSV file (.gz, .zst)."
    )

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """The parameters of the import route, and the file."""
        parser.add_argument("campaign", metavar="CAMPAIGN", help="its slug")
        parser.add_argument("file", metavar="FILE", type=Path)
        parser.add_argument("--kind", choices=KINDS, default="comparisons", help="what a row is")
        parser.add_argument("--layout", choices=LAYOUTS, default="native")
        parser.add_argument(
            "--lenient", action="store_true", help="leave bad lines out instead of refusing all"
        )
        parser.add_argument("--dry-run", action="store_true", help="count, store nothing")
        parser.add_argument("--json", action="store_true", help="one JSON object, for machines")

    @in_words()
    def handle(self, *args: Any, **options: Any) -> None:
        """Read the file and say what came of it; exit 1 when nothing was imported."""
        path: Path = options["file"]
        with path.open("rb") as file:
            job = self._import(file, path, options)
        is_done = job.status == Job.Status.SUCCEEDED
        if options["json"]:
            told = {
                "id": str(job.public_id),
                "status": job.status,
                "result": job.result,
                "error": job.error,
            }
            self.stdout.write(json.dumps(told))
        else:
            self._tell(job)
        if not is_done:
            raise CommandError((job.error or {}).get("message", f"The import was {job.status}."))

    def _import(self, file: Any, path: Path, options: dict[str, Any]) -> Job:
        campaign = Campaign.objects.filter(slug=options["campaign"]).first()
        if campaign is None:
            raise CommandError(f"There is no campaign “{options['campaign']}”.")
        size = path.stat().st_size
        job = begin_import(
            campaign=campaign,
            by=None,
            name=path.name,
            byte_count=size,
            sha256=sha256_of(file),
            kind=options["kind"],
            layout=options["layout"],
            is_lenient=options["lenient"],
            is_dry_run=options["dry_run"],
        )
        bar = _Bar(size, is_shown=sys.stderr.isatty() and not options["json"])
        try:
            job = run_import(job=job, source=file, tell=bar.show)
        finally:
            bar.clear()
        if job.status == Job.Status.SUCCEEDED:
            open_waiting(campaign=campaign, by=None)
        return job

    def _tell(self, job: Job) -> None:
        problems = ImportProblem.objects.filter(job=job).order_by("line", "pk")
        for problem in problems[:20]:
            field = f" {problem.field}:" if problem.field else ""
            self.stderr.write(f"line {problem.line}:{field} {problem.message}")
        counts = job.result or {}
        if job.status == Job.Status.SUCCEEDED:
            verb = "would be imported" if counts.get("dry_run") else "imported"
            told = [f"{counts['imported']:,} {verb}"]
            told += [f"{counts[key]:,} {words}" for key, words in _ALSO.items() if counts.get(key)]
            self.stdout.write(self.style.SUCCESS(", ".join(told)))


_ALSO = {
    "duplicates": "known before",
    "rejected": "rejected",
    "warnings": "with a warning",
}


class _Bar:
    """A progress bar on a terminal, a few times a second."""

    WIDTH = 32

    def __init__(self, total: int, *, is_shown: bool) -> None:
        self._total = total
        self._is_shown = is_shown
        self._next = 0.0
        self._begun = time.monotonic()

    def show(self, done: int) -> None:
        now = time.monotonic()
        if not self._is_shown or now < self._next:
            return
        self._next = now + 0.2
        share = min(1.0, done / self._total) if self._total else 1.0
        full = "█" * round(share * self.WIDTH)
        sys.stderr.write(f"\r{full:░<{self.WIDTH}} {share:4.0%} {now - self._begun:,.0f} s ")
        sys.stderr.flush()

    def clear(self) -> None:
        if self._is_shown:
            sys.stderr.write("\r\x1b[K")
