"""What `up` writes to the terminal: one log of all processes, then the table of what to try."""

import contextlib
import json
import sys
from pathlib import Path

_NAMES = ("up", "postgres", "valkey", "migrate", "static", "demo", "web", "worker")
_WIDTH = max(len(name) for name in _NAMES)
DEMO_ACCOUNTS = (
    ("admin", "everything"),
    ("manager", "campaigns, rounds, dashboard"),
    ("researcher", "datasets, reports, API tokens"),
    ("rater1 … rater8", "compare and judge"),
)


def say(name: str, line: str) -> None:
    """Write one line of the log, with the name of its process before it."""
    # A closed terminal or pipe is no reason to fail: the processes are what matters.
    with contextlib.suppress(OSError, ValueError):
        sys.stdout.write(f"{name:<{_WIDTH}} | {line}\n")
        sys.stdout.flush()


def print_welcome(url: str, home: Path, *, seconds: float) -> None:
    """Print where to go, as whom, and what to try first."""
    lines = [f"Thurstone is ready at {url}  ({seconds:.1f} s; Ctrl-C stops everything)", ""]
    password = demo_password(home)
    if password:
        lines += [f"  {'account':<16} {'password':<22} for"]
        lines += [f"  {name:<16} {password:<22} {what}" for name, what in DEMO_ACCOUNTS]
        lines += [
            "",
            f"  1. Judge       {url}/rate/         as rater1: 1 to 7 and Enter are enough",
            f"  2. Watch       {url}/campaigns/    as manager, in another browser profile",
            f"  3. Export      {url}/api/docs/     as researcher; a token from:",
            "                 python manage.py create_token researcher --scope read",
            "",
            "  These accounts exist for the demo only; the server listens on this machine alone.",
        ]
    else:
        lines += ["  `python manage.py help` lists what can be run beside it."]
    lines += [f"  Data: {home}"]
    with contextlib.suppress(OSError, ValueError):
        rule = "─" * max(len(line) for line in lines)
        sys.stdout.write("\n".join(["", rule, *lines, rule, ""]) + "\n")
        sys.stdout.flush()


def demo_password(home: Path) -> str:
    """The demo accounts' password, or nothing where no demo was loaded."""
    try:
        return str(json.loads((home / "demo.json").read_text()).get("password", ""))
    except (OSError, ValueError, AttributeError):
        return ""
