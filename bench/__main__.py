"""Run the benchmarks, write what each measured into bench/results/, and print a table.

A benchmark is a module here with `main() -> dict`: names to numbers, or to a nested dict. Each runs
in a process of its own, so that none measures another's memory or warm caches.
"""

import argparse
import json
import multiprocessing
import os
import platform
import sys
import time
import traceback
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

# As the workers compute (config.settings): each benchmark's process inherits it.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
FOLDER = Path(__file__).parent
Figures = dict[str, Any]


def names() -> list[str]:
    """Every benchmark, in the order of the alphabet."""
    return sorted(
        path.stem
        for path in FOLDER.glob("*.py")
        if not path.stem.startswith("_") and "\ndef main(" in path.read_text()
    )


def measure(name: str) -> Figures:
    """The figures of one benchmark, from a fresh process."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    # By its module's name: a spawned process cannot find what the `-m` program itself holds.
    target = import_module("bench.__main__")._run
    process = context.Process(target=target, args=(name, theirs))
    began = time.perf_counter()
    process.start()
    theirs.close()
    try:
        outcome: Figures = ours.recv()
    except EOFError:
        outcome = {"error": "ended without figures"}
    process.join()
    return {
        "benchmark": name,
        "measured_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "machine": {
            "cores": len(os.sched_getaffinity(0))
            if hasattr(os, "sched_getaffinity")
            else os.cpu_count(),
            "load_before": os.getloadavg()[0],
            "python": platform.python_version(),
            "system": f"{platform.system()} {platform.machine()}",
        },
        "seconds": round(time.perf_counter() - began, 1),
        **outcome,
    }


def _run(name: str, pipe: Any) -> None:
    try:
        pipe.send({"figures": import_module(f"bench.{name}").main()})
    except Exception:
        pipe.send({"error": traceback.format_exc()})


def rows(figures: Figures, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Nested figures as lines of a table."""
    for key, value in figures.items():
        name = f"{prefix}{key}"
        if isinstance(value, dict):
            yield from rows(value, f"{name}.")
        elif isinstance(value, float):
            yield name, f"{value:,.4g}" if abs(value) < 1000 else f"{value:,.0f}"
        else:
            yield name, str(value)


def main(arguments: list[str] | None = None) -> int:
    """Measure what was asked for; 1 if one of them failed."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("names", nargs="*", help=f"default: all of {', '.join(names())}")
    chosen = parser.parse_args(arguments).names or names()
    if unknown := set(chosen) - set(names()):
        parser.error(f"no such benchmark: {', '.join(sorted(unknown))}")
    (FOLDER / "results").mkdir(exist_ok=True)
    failed = 0
    for name in chosen:
        print(f"\n{name} …", flush=True)
        result = measure(name)
        if "error" in result:
            failed = 1
            print(result["error"], file=sys.stderr)
            continue
        # A run that failed leaves the last good figures where they are.
        text = json.dumps(result, indent=1, default=str) + "\n"
        (FOLDER / "results" / f"{name}.json").write_text(text)
        table = list(rows(result["figures"]))
        width = max((len(key) for key, _ in table), default=0)
        for key, value in table:
            print(f"  {key:<{width}}  {value}")
    return failed


if __name__ == "__main__":
    sys.exit(main())
