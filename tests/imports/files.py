"""Rows as files, and their import as a worker or the command does it."""

import io
import json
from typing import Any

from labeling.actions.imports import begin_import, run_import
from labeling.models import (
    Campaign,
    Comparison,
    Completion,
    Job,
    Judgment,
    Prompt,
    Seat,
    Source,
)

TABLES = (Prompt, Source, Completion, Comparison, Judgment, Seat)


def lines(*rows: Any) -> bytes:
    """One JSON object a line."""
    return b"".join(json.dumps(row, ensure_ascii=False).encode() + b"\n" for row in rows)


def import_file(
    campaign: Campaign, data: bytes, kind: str = "judgments", layout: str = "native", **flags: bool
) -> Job:
    """The ended job of an import of these bytes."""
    job = begin_import(
        campaign=campaign,
        by=None,
        name="rows.jsonl",
        byte_count=len(data),
        sha256="",
        kind=kind,
        layout=layout,
        is_lenient=flags.get("lenient", False),
        is_dry_run=flags.get("dry_run", False),
    )
    return run_import(job=job, source=io.BytesIO(data))


def import_rows(
    campaign: Campaign,
    *rows: Any,
    kind: str = "judgments",
    lenient: bool = False,
    dry_run: bool = False,
) -> Job:
    """The ended job of an import of these rows."""
    return import_file(campaign, lines(*rows), kind, lenient=lenient, dry_run=dry_run)


def counts(job: Job) -> tuple[int, int, int, int]:
    """rows, imported, duplicates, rejected."""
    result = job.result or {}
    return result["rows"], result["imported"], result["duplicates"], result["rejected"]


def problems(job: Job) -> list[tuple[int, str]]:
    """Line and field of every problem kept."""
    return list(job.problems.order_by("line", "pk").values_list("line", "field"))


def pair(n: int = 0, **changes: Any) -> dict[str, Any]:
    """A comparison row of two models."""
    return {
        "prompt": f"Prompt {n}",
        "completion_a": {"text": f"First {n}", "model": "north"},
        "completion_b": {"text": f"Second {n}", "model": "south"},
        **changes,
    }


def judgment(n: int = 0, **changes: Any) -> dict[str, Any]:
    """A judgment row."""
    return {**pair(n), "rater": "r1", "preference": "a", **changes}


def turned(row: dict[str, Any]) -> dict[str, Any]:
    """The same row with its sides named the other way round."""
    other = {"a": "b", "b": "a"}
    result = {
        **row,
        "completion_a": row["completion_b"],
        "completion_b": row["completion_a"],
    }
    for key in ("preference", "shown_left"):
        if key in row:
            result[key] = other.get(row[key], row[key])
    return result


def stored() -> list[int]:
    """How many rows each table holds."""
    return [table.objects.count() for table in TABLES]


def many(count: int, **broken: bytes) -> bytes:
    """A file of judgments; `broken`: line numbers (as l7) with other bytes."""
    rows = [lines(judgment(n)) for n in range(count)]
    for name, data in broken.items():
        rows[int(name.removeprefix("l")) - 1] = data
    return b"".join(rows)
