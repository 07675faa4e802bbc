"""`python manage.py`, whichever Python a newcomer's shell happens to find."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

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


@pytest.mark.parametrize(
    "words",
    [
        ["create_token", "someone", "--scope", "read"],
        ["demo"],
        ["export", "somewhere"],
        ["import", "somewhere", "pyproject.toml"],
        ["invite", "someone"],
    ],
    ids=lambda words: words[0],
)
def test_without_a_database_a_command_says_what_to_start_and_ends_with_1(words, tmp_path):
    empty = str(tmp_path).replace("/", "%2F")
    result = subprocess.run(
        [sys.executable, "manage.py", *words],
        cwd=ROOT,
        env={
            "PATH": "/usr/bin:/bin",
            "DEBUG": "1",
            "THURSTONE_HOME": str(tmp_path),
            "DATABASE_URL": f"postgres://postgres@{empty}/none",
        },
        capture_output=True,
        text=True,
    )
    assert result.returncode == 1
    assert "manage.py up" in result.stderr
    assert "Traceback" not in result.stderr
