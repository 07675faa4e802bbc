"""An import of 100,000 comparisons by the command a user would run: seconds, and peak memory.

Each has a prompt of about 300 characters and two answers of about 1,500, of ten models.
The same file is imported a second time, which must add
nothing, and then 100,000 judgments of those comparisons. Memory is the importing process's own.
"""

import os
import random
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

from bench.instance import ROOT, close_connections, running

ROWS = 100_000
MODELS = 10
SLUG = "bench-imports"


def main() -> dict[str, Any]:
    """Seconds, rows a second and peak memory of each import."""
    with running() as instance:
        _prepare()
        return _measure(instance.home)


def _prepare() -> None:
    from labeling.actions.campaigns import create_campaign
    from labeling.models import Organisation

    lab = Organisation.objects.create(name="Bench", slug="bench")
    create_campaign(organisation=lab, by=None, name="Bench", slug=SLUG)
    close_connections()


def _measure(home: Path) -> dict[str, Any]:
    comparisons = home / "comparisons.jsonl"
    judgments = home / "judgments.jsonl"
    _write(comparisons, _comparisons())
    _write(judgments, _judgments())
    figures = {
        "comparisons": _run(comparisons, "comparisons"),
        "comparisons_again": _run(comparisons, "comparisons"),
        "judgments": _run(judgments, "judgments"),
    }
    if figures["comparisons"]["imported"] != ROWS or figures["comparisons_again"]["imported"]:
        raise RuntimeError(f"The counts are wrong: {figures}")
    return {"rows": ROWS, **figures}


def _write(path: Path, rows: Iterator[dict[str, Any]]) -> None:
    with path.open("wb") as file:
        for row in rows:
            file.write(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE))


def _comparisons() -> Iterator[dict[str, Any]]:
    rng = random.Random(1)
    for n in range(ROWS):
        first, second = rng.sample(range(MODELS), 2)
        yield {
            "comparison_id": f"c{n}",
            "prompt": f"{n} {_text(rng, 300)}",
            "completion_a": {"text": _text(rng, 1500), "model": f"model-{first}"},
            "completion_b": {"text": _text(rng, 1500), "model": f"model-{second}"},
        }


def _judgments() -> Iterator[dict[str, Any]]:
    rng = random.Random(2)
    for n in range(ROWS):
        yield {
            "comparison_id": f"c{n}",
            "rater": f"rater-{rng.randrange(1000)}",
            "preference": rng.choice(["a", "b", "tie"]),
            "rationale": _text(rng, 60),
        }


def _text(rng: random.Random, size: int) -> str:
    """Random letters, so that storage cannot fold them to nothing."""
    return rng.randbytes(size // 2).hex()


def _run(file: Path, kind: str) -> dict[str, Any]:
    command = [sys.executable, "manage.py", "import", SLUG, str(file), "--kind", kind, "--json"]
    began = time.perf_counter()
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE)
    assert process.stdout is not None
    told = process.stdout.read()
    # wait4 gives the peak memory of this one child.
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - began
    if status:
        raise RuntimeError(f"{kind}: the import failed: {told.decode()}")
    result = orjson.loads(told)["result"]
    return {
        "seconds": round(seconds, 1),
        "rows_per_s": round(ROWS / seconds),
        "cpu_seconds": round(usage.ru_utime + usage.ru_stime, 1),
        "peak_mb": round(_kilobytes(usage) / 1024),
        "mb": round(file.stat().st_size / 1e6),
        "imported": result["imported"],
        "duplicates": result["duplicates"],
    }


def _kilobytes(usage: resource.struct_rusage) -> float:
    return usage.ru_maxrss / (1024 if sys.platform == "darwin" else 1)
