"""What processes use: CPU, memory, and who belongs to whom, out of /proc."""

import os
from collections.abc import Iterator
from pathlib import Path

_PAGE_KB = os.sysconf("SC_PAGE_SIZE") // 1024


def descendants(root: int) -> Iterator[int]:
    """A process and all below it that live."""
    todo = [root]
    while todo:
        pid = todo.pop()
        yield pid
        # A child belongs to the thread that started it.
        for path in Path("/proc").glob(f"{pid}/task/*/children"):
            try:
                todo += map(int, path.read_text().split())
            except OSError:
                continue


def cpu_seconds(root: int) -> float:
    """CPU that a process, all below it and those it has already buried have used."""
    ticks = 0
    for pid in descendants(root):
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        # Its own, and at the root what its dead children had.
        ticks += sum(map(int, fields[11:15] if pid == root else fields[11:13]))
    return ticks / os.sysconf("SC_CLK_TCK")


def memory_mb(pid: int) -> float:
    """Resident memory of one process."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE_KB / 1024
