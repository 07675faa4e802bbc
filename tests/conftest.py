"""What every test may ask for. The services themselves are started by tests/settings.py."""

import gc
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from django.db import ProgrammingError, connection, transaction
from django.test import TransactionTestCase

CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def pytest_configure(config: pytest.Config) -> None:
    # Playwright's own loop runs in the test's thread, and Django then suspects async code.
    os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")


def pytest_collection_finish() -> None:
    """What collecting has made stays: to look through it again and again takes 5 % of a run."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


# Before xdist reads the groups off the tests.
@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests of one browser or of one process tree stay on one worker, one after the other."""
    for item in items:
        if {"page", "browser", "context"} & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.xdist_group("browser"))
        if Path(str(item.path)).parent.name == "ops":
            item.add_marker(pytest.mark.ops)
            item.add_marker(pytest.mark.xdist_group("ops"))


# What migrations of Django's own fill, and no test writes.
KEPT = {"auth_permission", "django_content_type", "django_site"}


@pytest.fixture(scope="session", autouse=True)
def emptied_by_deleting() -> None:
    """After a test that commits, delete its few rows: TRUNCATE makes 400 files anew, slowly.

    As a user of PostgreSQL who may not pass over triggers, it is Django's flush as ever.
    """
    flush = TransactionTestCase._fixture_teardown  # type: ignore[attr-defined]

    def delete_all(case: TransactionTestCase) -> None:
        tables = connection.introspection.django_table_names(
            only_existing=True, include_views=False
        )
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                # Without triggers: judgments are immutable, and order would matter.
                cursor.execute("SET LOCAL session_replication_role = replica")
                for table in set(tables) - KEPT:
                    cursor.execute(f"DELETE FROM {connection.ops.quote_name(table)}")
        except ProgrammingError:
            flush(case)

    TransactionTestCase._fixture_teardown = delete_all  # type: ignore[attr-defined]


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    """Chromium as installed here, or as THURSTONE_CHROMIUM names it."""
    executable = os.environ.get("THURSTONE_CHROMIUM") or shutil.which("chromium")
    named = {"executable_path": executable} if executable else {}
    return {**browser_type_launch_args, **named, "args": CHROMIUM_FLAGS}


@pytest.fixture(scope="session")
def study_data() -> Path:
    """The folder of published studies, which the user has or has not; see THURSTONE_DATA."""
    folder = os.environ.get("THURSTONE_DATA", "")
    if not folder:
        pytest.skip("THURSTONE_DATA is not set: published studies are not at hand")
    return Path(folder)
