"""`manage.py up`; manage.py itself goes straight to the supervisor, without loading Django."""

import argparse
import sys

from django.core.management.base import BaseCommand

from config import supervisor


class Command(BaseCommand):
    """Run web, worker and scheduler, and PostgreSQL and Valkey unless their addresses are set."""

    help = __doc__ = (
        "Run Thurstone in the foreground as one process tree: web, worker and scheduler, with "
        "embedded PostgreSQL and Valkey unless DATABASE_URL and REDIS_URL are set."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """The supervisor's options."""
        supervisor.add_arguments(parser)

    def run_from_argv(self, argv: list[str]) -> None:
        """Become the supervisor."""
        sys.exit(supervisor.main(argv[2:]))
