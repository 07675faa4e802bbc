"""An import as a job: all or nothing, told line by line, stopped, killed, and taken up again."""

import io
import os
import signal
import subprocess
import sys
import threading
import time
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.core.files.storage import default_storage
from django.db import connection
from django.db.models.functions import Now

from labeling.actions import import_chunks, import_writing
from labeling.actions.imports import begin_import, queue_import, run_import
from labeling.actions.jobs import cancel_job, start_job
from labeling.actions.progress import Progress
from labeling.formats import importing
from labeling.models import (
    AuditEvent,
    Campaign,
    Import,
    ImportProblem,
    Job,
    Judgment,
    Prompt,
)
from tests import factories
from tests.concurrency.test_kills import database_url
from tests.imports.files import (
    TABLES,
    counts,
    import_file,
    lines,
    many,
    pair,
    stored,
)
from workers.imports import open_arrivals, sweep_uploads
from workers.imports import run_import as run_import_task

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def campaign():
    return factories.campaign(state="draft")


def test_an_uploaded_file_is_read_by_the_worker_and_then_deleted(campaign):
    data = many(3)
    job = queue_import(
        campaign=campaign,
        by=None,
        file=io.BytesIO(data),
        name="three.jsonl",
        sha256="0" * 64,
        kind="judgments",
    )
    name = Import.objects.get(job=job).file.name
    assert default_storage.exists(name)
    assert (job.status, job.kind, job.total) == ("queued", "import", len(data))
    run_import_task(job.pk)
    job.refresh_from_db()
    assert (job.status, counts(job)) == ("succeeded", (3, 3, 0, 0))
    assert not default_storage.exists(name)
    # A bell may ring twice: the job is over.
    run_import_task(job.pk)
    assert Judgment.objects.count() == 3
    verbs = AuditEvent.objects.filter(subject=job.public_id).values_list("verb", flat=True)
    assert sorted(verbs) == ["import.ended", "import.queued"]


def queued(campaign: Campaign) -> Job:
    """An import whose file waits for a worker."""
    return queue_import(
        campaign=campaign,
        by=None,
        file=io.BytesIO(many(1)),
        name="one.jsonl",
        sha256="0" * 64,
        kind="judgments",
    )


def test_the_files_of_imports_that_no_worker_ended_do_not_stay(campaign):
    """Cancelled before it began, and parked after its last worker died; what waits is kept."""
    cancelled, parked, waits = (queued(campaign) for _ in range(3))
    names = [Import.objects.get(job=job).file.name for job in (cancelled, parked, waits)]
    cancel_job(job=cancelled, by=factories.user())
    Job.objects.filter(pk=parked.pk).update(
        status="running", attempts=3, beat_at=Now() - timedelta(minutes=2)
    )
    assert start_job(job_id=parked.pk) is None
    parked.refresh_from_db()
    assert parked.status == "failed"
    # The cause, and what to do next.
    assert "nothing was imported. Split the file" in parked.error["message"]
    run_import_task(cancelled.pk)
    sweep_uploads()
    assert [default_storage.exists(name) for name in names] == [False, False, True]
    files = Import.objects.order_by("pk").values_list("file", flat=True)
    assert list(files) == ["", "", names[2]]
    sweep_uploads()
    run_import_task(waits.pk)
    waits.refresh_from_db()
    assert waits.status == "succeeded"
    assert not default_storage.exists(names[2])


def test_what_comes_to_an_active_campaign_is_put_before_raters(campaign):
    active = factories.campaign(state="active", overlap=2)
    for one in (active, campaign):
        job = queue_import(
            campaign=one,
            by=None,
            file=io.BytesIO(lines(pair(1), pair(2))),
            name="",
            sha256="",
            kind="comparisons",
        )
        run_import_task(job.pk)
    assert active.assignments.count() == 4
    assert campaign.assignments.count() == 0


def test_what_a_worker_did_not_live_to_open_the_sweep_opens():
    active = factories.campaign(state="active", overlap=2)
    import_file(active, lines(pair(1)), "comparisons")
    assert active.assignments.count() == 0
    open_arrivals()
    assert active.assignments.count() == 2


def test_a_cancelled_import_leaves_nothing(campaign, monkeypatch):
    monkeypatch.setattr(Progress, "INTERVAL_SECONDS", 0.0)
    monkeypatch.setattr(import_chunks, "CHUNK_ROWS", 20)
    owner = factories.user()
    data = many(200)
    job = begin_import(
        campaign=campaign,
        by=owner,
        name="",
        byte_count=len(data),
        sha256="",
        kind="judgments",
        layout="native",
        is_lenient=False,
        is_dry_run=False,
    )
    asked = []

    def cancel_half_way(done: int) -> None:
        if done and not asked:
            asked.append(done)
            # As the API does it: from another connection, while the import's own is in its work.
            thread = threading.Thread(target=_cancel, args=(job.pk, owner))
            thread.start()
            thread.join()

    job = run_import(job=job, source=io.BytesIO(data), tell=cancel_half_way)
    assert asked
    assert job.status == "cancelled"
    assert stored() == [0] * len(TABLES)


def _cancel(job_id: int, by: object) -> None:
    try:
        cancel_job(job=Job.objects.get(pk=job_id), by=by)  # type: ignore[arg-type]
    finally:
        connection.close()


def test_a_job_that_another_worker_took_is_not_finished_twice(campaign):
    data = many(5)
    job = begin_import(
        campaign=campaign,
        by=None,
        name="",
        byte_count=len(data),
        sha256="",
        kind="judgments",
        layout="native",
        is_lenient=False,
        is_dry_run=False,
    )
    # The worker fell silent, and another has begun: ours must not store or report anything.
    Job.objects.filter(pk=job.pk).update(attempts=2)
    assert run_import(job=job, source=io.BytesIO(data)).status == "running"
    # Nor what was wrong with its file: that is the other's to find.
    job.attempts = 1
    assert run_import(job=job, source=io.BytesIO(b"\xff\xfe")).status == "running"
    job.attempts = 1
    assert run_import(job=job, source=io.BytesIO(b"{}\n")).status == "running"
    assert stored() == [0] * len(TABLES)
    assert not ImportProblem.objects.exists()
    verbs = AuditEvent.objects.filter(subject=job.public_id).values_list("verb", flat=True)
    assert list(verbs) == ["import.queued"]


def test_an_import_does_not_wait_for_one_into_another_campaign(campaign):
    """Each tells the planner of its tables, and PostgreSQL keeps that lock to the commit."""
    other = connection.copy()
    try:
        with other.cursor() as cursor, connection.cursor() as own:
            cursor.execute("BEGIN")
            for table in TABLES:
                cursor.execute(f"ANALYZE {table._meta.db_table}")
            own.execute("SET lock_timeout = '2s'")
            assert import_file(campaign, many(5)).status == "succeeded"
            own.execute("RESET lock_timeout")
    finally:
        other.close()


def test_imports_into_one_campaign_take_turns_and_count_each_row_once(campaign):
    data = many(400)
    results: list[Job] = []

    def one() -> None:
        try:
            results.append(import_file(campaign, data))
        finally:
            connection.close()

    threads = [threading.Thread(target=one) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(counts(job)[1] for job in results) == [0, 0, 400]
    assert Judgment.objects.count() == 400


SCRIPT = """
import sys, django
django.setup()
from labeling.actions import import_chunks
from workers.imports import run_import
import_chunks.CHUNK_ROWS = 200
run_import(int(sys.argv[1]))
"""


@pytest.mark.slow
def test_killing_the_worker_midway_gives_nothing_and_the_next_one_everything(campaign):
    data = many(20_000)
    job = queue_import(
        campaign=campaign,
        by=None,
        file=io.BytesIO(data),
        name="",
        sha256="",
        kind="judgments",
    )
    worker = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(job.pk)],
        cwd=Path(settings.BASE_DIR),
        env=os.environ
        | {
            "DATABASE_URL": database_url(),
            "THURSTONE_TESTS": "running",
            "DJANGO_SETTINGS_MODULE": "tests.settings",
        },
    )
    try:
        deadline = time.monotonic() + 60
        while not Job.objects.filter(pk=job.pk, done__gt=0, status="running").exists():
            assert worker.poll() is None, "the worker ended before it could be killed"
            assert time.monotonic() < deadline
            time.sleep(0.05)
    finally:
        worker.send_signal(signal.SIGKILL)
        worker.wait(10)
    assert stored() == [0] * len(TABLES)
    job.refresh_from_db()
    assert job.status == "running"
    # Nobody takes a job whose worker may be alive; a silent one is taken.
    assert start_job(job_id=job.pk) is None
    Job.objects.filter(pk=job.pk).update(beat_at=Now() - timedelta(minutes=5))
    run_import_task(job.pk)
    job.refresh_from_db()
    assert (job.status, counts(job)) == ("succeeded", (20_000, 20_000, 0, 0))
    assert not ImportProblem.objects.exists()


def test_a_text_that_somebody_stores_at_the_same_moment_is_found_at_the_second_reading(
    campaign, monkeypatch
):
    read_rows = importing.read_rows
    stored_meanwhile = []

    def with_another_writer(*args, **kwargs):
        yield from read_rows(*args, **kwargs)
        if not stored_meanwhile:
            thread = threading.Thread(target=_store_the_same, args=(campaign, stored_meanwhile))
            thread.start()
            thread.join()

    monkeypatch.setattr("labeling.actions.imports.read_rows", with_another_writer)
    monkeypatch.setattr(import_chunks, "CHUNK_ROWS", 1000)
    job = import_file(campaign, lines({"prompt": "the same"}), "prompts")
    assert (job.status, counts(job)) == ("succeeded", (1, 0, 1, 0))
    assert Prompt.objects.filter(campaign=campaign).count() == 1


def _store_the_same(campaign: object, told: list[int]) -> None:
    from labeling.formats.rows import prompt_row, user_message

    try:
        row = prompt_row(line=1, external_id=None, messages=user_message("the same"))
        prompt = Prompt.objects.create(
            campaign=campaign,  # type: ignore[misc]
            messages=user_message("the same"),
            content_hash=row.content_hash,
        )
        told.append(prompt.pk)
    finally:
        connection.close()


def test_a_fault_of_ours_ends_the_job_with_words_and_nothing_stored(campaign, monkeypatch):
    def broken(*args: object, **kwargs: object) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr(import_writing.ChunkWriter, "_store_judgments", broken)
    job = import_file(campaign, many(3))
    assert job.status == "failed"
    assert "fault of ours" in job.error["message"]
    assert "secret" not in str(job.error)
    assert stored() == [0] * len(TABLES)
