"""The server does not start on a setting that would hurt, and says which one and why."""

import os
import secrets
import subprocess
import sys
from typing import Any

import pytest

from tests.architecture.source import ROOT

SAFE = {
    "SECRET_KEY": secrets.token_urlsafe(50),
    "DATABASE_URL": "postgres://thurstone:k3y-of-our-own@db.example.org/thurstone",
    "REDIS_URL": "redis://cache.example.org/0",
    "ALLOWED_HOSTS": "label.example.org",
    "BASE_URL": "https://label.example.org",
}
CHECK = ("manage.py", "check")
GUNICORN = ("-m", "gunicorn", "--check-config", "-c", "python:config.web", "config.wsgi")
CELERY = ("-m", "celery", "-A", "workers.app", "report")
DATABASE = "DATABASE_URL carries a default password"
KEY = "SECRET_KEY is missing, short or an example"
HOSTS = "ALLOWED_HOSTS must name"


def start(command: tuple[str, ...], home: Any, **changes: str | None) -> tuple[int, str]:
    """The exit status of a process with these settings, and what it said."""
    own = {"PATH": os.environ["PATH"], "THURSTONE_HOME": str(home)}
    settings = {name: value for name, value in (SAFE | changes).items() if value is not None}
    done = subprocess.run(
        [sys.executable, *command],
        cwd=ROOT,
        env=own | settings,
        capture_output=True,
        text=True,
        timeout=120,
    )
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("command", [CHECK, GUNICORN, CELERY], ids=["manage", "web", "worker"])
def test_safe_settings_start_and_a_missing_key_stops_every_process(tmp_path, command):
    status, said = start(command, tmp_path)
    assert (status, "Refusing" in said) == (0, False), said
    status, said = start(command, tmp_path, SECRET_KEY=None)
    assert status != 0
    assert "Refusing to start with DEBUG=0" in said
    assert KEY in said


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"SECRET_KEY": ""}, [KEY]),
        ({"SECRET_KEY": "too-short"}, [KEY]),
        ({"SECRET_KEY": "x" * 60}, [KEY]),
        ({"SECRET_KEY": "django-insecure-" + secrets.token_urlsafe(50)}, [KEY]),
        ({"SECRET_KEY": "please-change-me-" + secrets.token_urlsafe(50)}, [KEY]),
        ({"DATABASE_URL": "postgres://postgres:postgres@db/t"}, [DATABASE]),
        ({"DATABASE_URL": "postgres://someone:someone@db/t"}, [DATABASE]),
        ({"DATABASE_URL": "postgres://thurstone:choose-one@db/t"}, [DATABASE]),
        ({"DATABASE_URL": "postgres://thurstone:Pass%77ord@db/t"}, [DATABASE]),
        ({"ALLOWED_HOSTS": "*"}, [HOSTS]),
        ({"SECRET_KEY": "", "ALLOWED_HOSTS": "a.example,*"}, [KEY, HOSTS]),
        ({"DEBUG": "1"}, ["DEBUG=1", "label.example.org"]),
        ({"DEBUG": "1", "ALLOWED_HOSTS": "localhost"}, ["DEBUG=1", "label.example.org"]),
        ({"DEBUG": "1", "BASE_URL": "http://localhost", "ALLOWED_HOSTS": "*"}, ["DEBUG=1"]),
    ],
    ids=lambda value: "+".join(value) if isinstance(value, dict) else None,
)
def test_an_unsafe_setting_is_refused_and_named(tmp_path, changes, says):
    status, said = start(CHECK, tmp_path, **changes)
    assert status == 1
    assert "Refusing to start" in said
    assert all(words in said for words in says), said
    assert "Traceback" not in said
    # What is wrong is named, not shown: logs are read by many.
    assert not [v for v in changes.values() if len(v) > 15 and v in said]


def test_debug_is_for_this_machine(tmp_path):
    local = {"ALLOWED_HOSTS": "localhost,127.0.0.1", "BASE_URL": "http://127.0.0.1:8000"}
    status, said = start(CHECK, tmp_path, DEBUG="1", SECRET_KEY=None, **local)
    assert status == 0, said


def test_the_example_settings_as_they_lie_there_are_refused(tmp_path):
    """A copied .env.example without what it asks for starts nothing."""
    lines = (ROOT / ".env.example").read_text().splitlines()
    example = dict(line.split("=", 1) for line in lines if "=" in line and line[0] != "#")
    password = example.pop("POSTGRES_PASSWORD")
    example["DATABASE_URL"] = f"postgres://thurstone:{password}@postgres:5432/thurstone"
    status, said = start(CHECK, tmp_path, **example)
    assert status == 1
    assert KEY in said
    assert DATABASE in said
