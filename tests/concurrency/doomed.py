"""A worker process of its own on the test's database, which works until it is killed."""

import os
import subprocess
import sys
from pathlib import Path

from django.db import connection

ROOT = Path(__file__).resolve().parents[2]
_BEGIN = """
import sys
import django
django.setup()
from django.db import connections
connections.databases["default"]["NAME"] = sys.argv[1]
from django.conf import settings
settings.EGRESS_ALLOW = [sys.argv[2]]
import {module}
print("up", flush=True)
while True:
    {module}.{task}(*map(int, sys.argv[3:]))
"""


def doomed_worker(server, task, *ids):
    """The process, up: it runs the task (its dotted name) with these ids over and over."""
    module, _, name = task.rpartition(".")
    process = subprocess.Popen(
        [
            *(sys.executable, "-c", _BEGIN.format(module=module, task=name)),
            *(connection.settings_dict["NAME"], server.host, *map(str, ids)),
        ],
        cwd=ROOT,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings"},
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stdout.readline().strip() == b"up"
    return process
