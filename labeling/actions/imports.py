"""Take in files: prompts, comparisons, judgments and gold, all of a file or nothing of it."""

import hashlib
import io
import logging
from collections.abc import Callable, Iterator
from typing import IO, Any
from uuid import uuid4

from django.conf import settings
from django.core.files.base import File
from django.core.files.storage import default_storage
from django.db import (
    IntegrityError,
    InterfaceError,
    OperationalError,
    connection,
    transaction,
)
from django.db.models.functions import Now

from labeling import audit, jobs
from labeling.actions.ended import refuse_archived
from labeling.actions.import_chunks import Chunk
from labeling.actions.import_images import ImageKeeper
from labeling.actions.import_tally import Tally
from labeling.actions.import_turns import wait_to_import
from labeling.actions.import_writing import ChunkWriter
from labeling.actions.jobs import TASKS
from labeling.actions.progress import JobCancelledError, Progress
from labeling.errors import (
    EndedError,
    FieldProblem,
    InvalidInputError,
    TooLargeError,
)
from labeling.formats.importing import KINDS, LAYOUTS, read_rows
from labeling.formats.reading import CountingReader, Limits, UnreadableFileError
from labeling.formats.rows import Row, RowProblem
from labeling.models import Campaign, Import, ImportProblem, Job, User
from labeling.models.import_staging import Staging

# Problems kept of a file, and told with the job itself.
MAX_PROBLEMS = 1000
TOLD_PROBLEMS = 20
TICK_ROWS = 200
ENDED = (Job.Status.SUCCEEDED, Job.Status.FAILED, Job.Status.CANCELLED)
# How often an import reads its file anew because somebody stored the same text meanwhile.
MAX_COLLISIONS = 3
# What multipart adds around a file.
ENVELOPE_BYTES = 64 * 1024

logger = logging.getLogger(__name__)


def check_import(*, kind: str, layout: str) -> None:
    """Refuse an import of an unknown kind or layout before its file is taken."""
    for name, value, choices in (("kind", kind, KINDS), ("layout", layout, LAYOUTS)):
        if value not in choices:
            message = f"{name}: write one of {', '.join(choices)}."
            raise InvalidInputError(message, problems=[FieldProblem(name, message)])


def check_file(*, file: IO[bytes], kind: str, layout: str) -> None:
    """Refuse a file that `queue_import` would not take, before anything else is done with it."""
    check_import(kind=kind, layout=layout)
    if file.seek(0, io.SEEK_END) > settings.IMPORT_MAX_BYTES:
        raise too_large()
    file.seek(0)


def too_large() -> TooLargeError:
    """The refusal of a file beyond the limit."""
    return TooLargeError(
        f"At most {settings.IMPORT_MAX_BYTES:,} bytes; split the file, or send it compressed."
    )


def max_body_bytes() -> int:
    """The size of a request that brings the largest file there may be."""
    return settings.IMPORT_MAX_BYTES + ENVELOPE_BYTES


def sha256_of(file: IO[bytes]) -> str:
    """The hash of a file that can be read again from its start, and is left there."""
    file.seek(0)
    digest = hashlib.sha256()
    while piece := file.read(1 << 20):
        digest.update(piece)
    file.seek(0)
    return digest.hexdigest()


def import_limits() -> Limits:
    """How much of a file is read at most, by the settings."""
    return Limits(line_bytes=settings.IMPORT_MAX_LINE_BYTES, file_bytes=settings.IMPORT_MAX_BYTES)


def first_problems(source: IO[bytes], *, kind: str, layout: str) -> list[RowProblem]:
    """What can be told of a small file at once, without storing anything."""
    problems: list[RowProblem] = []
    try:
        for row in read_rows(source, kind=kind, layout=layout, limits=import_limits()):
            if isinstance(row, RowProblem):
                problems.append(row)
                if len(problems) == TOLD_PROBLEMS:
                    break
    except UnreadableFileError as error:
        problems += [RowProblem(p.line or 1, p.field, p.message) for p in error.problems]
    return problems


def queue_import(
    *,
    campaign: Campaign,
    by: User | None,
    file: IO[bytes],
    name: str,
    sha256: str,
    kind: str,
    layout: str = "native",
    is_lenient: bool = False,
    is_dry_run: bool = False,
) -> Job:
    """Keep the file and queue the job that reads it. A file beyond the limit is TooLargeError."""
    check_file(file=file, kind=kind, layout=layout)
    stored = default_storage.save(f"imports/{campaign.public_id}/{uuid4().hex}", File(file))
    try:
        return _queue_stored(
            campaign=campaign,
            by=by,
            stored=stored,
            byte_count=default_storage.size(stored),
            name=name,
            sha256=sha256,
            kind=kind,
            layout=layout,
            is_lenient=is_lenient,
            is_dry_run=is_dry_run,
        )
    except BaseException:
        default_storage.delete(stored)
        raise


@transaction.atomic(durable=True)
def _queue_stored(
    *, campaign: Campaign, by: User | None, stored: str, name: str, **fields: Any
) -> Job:
    job = _create(campaign=campaign, by=by, stored=stored, name=name, **fields)
    jobs.enqueue(TASKS["import"], job.pk)
    return job


@transaction.atomic(durable=True)
def begin_import(*, campaign: Campaign, by: User | None, name: str, **fields: Any) -> Job:
    """A running job for a file that the caller reads itself (the command does)."""
    check_import(kind=fields["kind"], layout=fields["layout"])
    job = _create(campaign=campaign, by=by, stored="", name=name, **fields)
    Job.objects.filter(pk=job.pk).update(
        status=Job.Status.RUNNING, attempts=1, started_at=Now(), beat_at=Now()
    )
    job.refresh_from_db()
    return job


def _create(*, campaign: Campaign, by: User | None, stored: str, name: str, **fields: Any) -> Job:
    refuse_archived(campaign)
    job = Job.objects.create(
        campaign=campaign, kind="import", created_by=by, total=fields["byte_count"]
    )
    Import.objects.create(job=job, file=stored, original_name=name[:255], **fields)
    audit.record(
        "import.queued",
        campaign=campaign,
        by=by,
        subject=job.public_id,
        kind=fields["kind"],
        layout=fields["layout"],
        sha256=fields["sha256"],
    )
    return job


class _UndoneError(Exception):
    """Leaves the transaction without a trace: a dry run, or a strict import with bad lines."""


def run_import(
    *, job: Job, source: IO[bytes] | None = None, tell: Callable[[int], None] | None = None
) -> Job:
    """Read the file of a job that `start_job` took, and end the job. `tell` hears the bytes read.

    All of it is one transaction, the job's success included: after a crash there is everything
    or nothing. Strict: one bad line and nothing is stored. Lenient: the good lines are stored.
    """
    imported = job.imported_file
    tally = Tally(max_problems=MAX_PROBLEMS)
    try:
        _read_file(job, source, tell, tally)
    except _UndoneError:
        _end_undone(job=job, tally=tally, is_dry_run=imported.is_dry_run)
    except JobCancelledError:
        _end_cancelled(job=job)
    except UnreadableFileError as error:
        for problem in error.problems:
            tally.reject(RowProblem(problem.line or 1, problem.field, problem.message))
        _end_failed(job=job, tally=tally, message=error.message)
    except EndedError as error:
        _end_failed(job=job, tally=tally, message=error.message)
    except FileNotFoundError:
        _end_failed(job=job, tally=tally, message="The uploaded file is gone; send it again.")
    except (OperationalError, InterfaceError):
        # The database went away: the job is silent now, and a sweep has it run again.
        raise
    except Exception:
        logger.exception("import %s failed", job.public_id)
        message = "The import failed by a fault of ours; nothing was imported. It has been logged."
        _end_failed(job=job, tally=tally, message=message)
    job.refresh_from_db()
    forget_uploads(job=job)
    return job


def _read_file(
    job: Job, source: IO[bytes] | None, tell: Callable[[int], None] | None, tally: Tally
) -> None:
    stored = job.imported_file.file
    if source is None and not stored:
        raise UnreadableFileError("The command that was reading the file has stopped.")
    with (
        source or stored.open("rb") as file,
        Progress(job_id=job.pk, attempt=job.attempts, tell=tell) as progress,
    ):
        for _ in range(MAX_COLLISIONS):
            try:
                _import_rows(job, file, tally, progress)
                return
            except IntegrityError:
                # Somebody stored the same text at the same moment (generation does). It is there
                # now, so a second reading finds it.
                logger.warning("import %s met another writer; it reads again", job.public_id)
                file.seek(0)
                tally.forget()
        _import_rows(job, file, tally, progress)


def forget_uploads(*, job: Job | None = None) -> int:
    """Delete the files of imports that have ended, of one job or of all; how many were deleted.

    Their rows are in the database, or will never be. A job that was cancelled before a worker
    took it, or whose workers all died, ends without coming past here: a sweep does it for those.
    """
    ended = Import.objects.filter(job__status__in=ENDED).exclude(file="")
    if job is not None:
        ended = ended.filter(job=job)
    forgotten = 0
    for imported in ended.only("pk", "file").iterator():
        # The file first: should we die between the two, the next sweep finds the row again.
        imported.file.storage.delete(imported.file.name or "")
        forgotten += Import.objects.filter(pk=imported.pk).update(file="")
    return forgotten


@transaction.atomic(durable=True)
def _import_rows(job: Job, file: IO[bytes], tally: Tally, progress: Progress) -> None:
    campaign, imported = job.campaign, job.imported_file
    wait_to_import(campaign, progress)
    refuse_archived(campaign)
    counted = CountingReader(file)
    with ImageKeeper(campaign) as images, connection.cursor() as cursor:
        staging = Staging(cursor, campaign.pk)
        writer = ChunkWriter(staging=staging, campaign=campaign, tally=tally, images=images)
        rows = read_rows(
            io.BufferedReader(counted, 1 << 18),
            kind=imported.kind,
            layout=imported.layout,
            limits=import_limits(),
        )
        for number, chunk in enumerate(_chunks(rows, tally, counted, progress), 1):
            writer.store(chunk)
            staging.check()
            if number.bit_count() == 1:  # after the first, second, fourth, eighth … chunk
                staging.analyze()
            progress.tick(counted.byte_count)
        tally.problems.sort(key=lambda problem: problem.line)
        if imported.is_dry_run or (tally.rejected and not imported.is_lenient):
            raise _UndoneError
        progress.tick(counted.byte_count, at_once=True)
        refuse_archived(campaign)  # It may have been archived while we read.
        _keep_problems(job, tally)
        if not _end(job, Job.Status.SUCCEEDED, result=tally.as_result()):
            raise JobCancelledError


def _chunks(
    rows: Iterator[Row | RowProblem], tally: Tally, counted: CountingReader, progress: Progress
) -> Iterator[Chunk]:
    chunk = Chunk()
    for number, row in enumerate(rows):
        if number % TICK_ROWS == 0:
            progress.tick(counted.byte_count)
        if isinstance(row, RowProblem):
            tally.reject(row)
            continue
        chunk.add(row)
        if chunk.is_full:
            yield chunk
            chunk = Chunk()
    if chunk.rows:
        yield chunk


def _keep_problems(job: Job, tally: Tally) -> None:
    ImportProblem.objects.filter(job=job).delete()
    ImportProblem.objects.bulk_create(
        ImportProblem(job=job, line=p.line, field=p.field[:200], message=p.message)
        for p in tally.problems
    )


def _end(
    job: Job,
    status: str,
    *,
    result: dict[str, Any] | None = None,
    error: dict[str, Any] | None = None,
) -> bool:
    """End the job; False, and nothing changed, if another worker has taken it."""
    ended = Job.objects.filter(pk=job.pk, attempts=job.attempts, status=Job.Status.RUNNING).update(
        status=status, result=result, error=error, finished_at=Now(), beat_at=Now()
    )
    if ended:
        audit.record(
            "import.ended",
            campaign=job.campaign,
            by=job.created_by,
            subject=job.public_id,
            status=status,
            **(result or {}),
        )
    return bool(ended)


@transaction.atomic(durable=True)
def _end_undone(*, job: Job, tally: Tally, is_dry_run: bool) -> None:
    if is_dry_run and (not tally.rejected or job.imported_file.is_lenient):
        if _end(job, Job.Status.SUCCEEDED, result={**tally.as_result(), "dry_run": True}):
            _keep_problems(job, tally)
        return
    message = (
        f"{tally.rejected:,} of {tally.rows:,} rows cannot be imported, so nothing was. Put them "
        "right, or import again and leave such lines out (mode=lenient)."
    )
    # What a strict import with bad lines imported is nothing.
    result = {**tally.as_result(), "imported": 0, "duplicates": 0}
    if _end(job, Job.Status.FAILED, result=result, error=_error(message, tally)):
        _keep_problems(job, tally)


@transaction.atomic(durable=True)
def _end_failed(*, job: Job, tally: Tally, message: str) -> None:
    tally.imported = tally.duplicates = 0
    if _end(job, Job.Status.FAILED, result=tally.as_result(), error=_error(message, tally)):
        _keep_problems(job, tally)


@transaction.atomic(durable=True)
def _end_cancelled(*, job: Job) -> None:
    # Where another worker has taken the job, it is that one's to end.
    stopped = Job.objects.filter(
        pk=job.pk, attempts=job.attempts, status=Job.Status.RUNNING, is_cancel_requested=True
    ).update(status=Job.Status.CANCELLED, finished_at=Now())
    if stopped:
        audit.record("import.stopped", campaign=job.campaign, subject=job.public_id)


def _error(message: str, tally: Tally) -> dict[str, Any]:
    return {
        "message": message,
        "errors": [
            {"line": p.line, "field": p.field, "message": p.message}
            for p in tally.problems[:TOLD_PROBLEMS]
        ],
    }
