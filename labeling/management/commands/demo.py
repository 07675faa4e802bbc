"""`manage.py demo`: the demo's accounts and campaigns, and published studies beside them."""

import argparse
import os
import time
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from labeling.actions.demo import refuse_outside_demo, set_up_accounts
from labeling.actions.endpoints import ensure_demo_endpoint
from labeling.management.demo import campaigns, studies
from labeling.management.demo.downloads import download
from labeling.management.demo.password import demo_password
from labeling.management.refusals import in_words


class Command(BaseCommand):
    """Load what is not there yet; with --reset, load all of it anew."""

    help = __doc__ = (
        "Load the demo: accounts, a finished campaign, an open one and one of conversations. "
        "What is there already is kept."
    )

    # They load every page, which takes longer than the rest.
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Whether to begin anew, and where published studies come from."""
        parser.add_argument(
            "--reset",
            action="store_true",
            help="delete the demo's campaigns with all their judgments and load them anew",
        )
        parser.add_argument(
            "--data",
            type=Path,
            metavar="FOLDER",
            help=f"load the published studies in it, too: {studies.LLMFAO}/, {studies.HH}/ "
            "(default: THURSTONE_DATA)",
        )
        parser.add_argument(
            "--download",
            action="store_true",
            help="fetch the published studies from GitHub first (5 MB), into --data or below "
            "THURSTONE_HOME",
        )

    @in_words()
    def handle(self, *args: Any, **options: Any) -> None:
        """Load the parts in order; a study that fails is named at the end."""
        began = time.monotonic()
        refuse_outside_demo()
        folder = self._folder(options["data"], is_download=options["download"])
        password = demo_password()
        accounts = set_up_accounts(encoded_password=password.encoded)
        for manner in ("terse", "long"):
            ensure_demo_endpoint(organisation=accounts.organisation, manner=manner)
        campaigns.load(accounts, is_reset=options["reset"], say=self._say)
        failures: list[str] = []
        if folder and options["download"]:
            failures += download(folder, say=self._say)
        if folder:
            failures += studies.load(accounts, folder, is_reset=options["reset"], say=self._say)
        if failures:
            raise CommandError(
                "The demo is loaded, but not every study:\n"
                + "\n".join(f"  {line}" for line in failures)
            )
        names = "admin, manager, researcher, rater1 … rater8"
        self._say(f"accounts: {names}; password: {password.text}")
        self._say(f"the demo is loaded ({time.monotonic() - began:.1f} s)")

    def _folder(self, given: Path | None, *, is_download: bool) -> Path | None:
        folder = given or (Path(named) if (named := os.environ.get("THURSTONE_DATA")) else None)
        if is_download:
            return folder or settings.HOME / "studies"
        if folder and not folder.is_dir():
            raise CommandError(f"There is no folder {folder}: --data or THURSTONE_DATA names it.")
        return folder

    def _say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()
