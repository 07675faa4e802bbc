"""`python manage.py`, whichever Python a newcomer's shell happens to find."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def manage(python: str, *words: str) -> "subprocess.CompletedProcess[str]":
    """Run it with a Python that sees no packages but its own."""
    command = [python, "-S", str(ROOT / "manage.py"), *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, cwd="/")


def test_another_python_hands_over_to_the_one_with_the_packages():
    assert sys.executable == str(ROOT / ".venv" / "bin" / "python")
    done = manage(os.path.realpath(sys.executable), "version")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("5.2")


def test_missing_packages_are_told_with_what_to_do():
    done = manage(sys.executable, "version")
    assert done.returncode == 1
    assert "make demo" in done.stderr
    assert "Traceback" not in done.stderr
