"""`manage.py export`: the API's file, whole or absent, and what it tells about it."""

import hashlib
import io
import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import orjson
import pytest
from django.core.management import CommandError, call_command

from labeling.formats.export_choice import choose
from labeling.queries.export_rows import open_export
from tests.architecture.source import ROOT
from tests.concurrency.test_kills import database_url
from tests.queries.export_campaign import small_campaign

pytestmark = pytest.mark.django_db(transaction=True)


def run(*arguments: str) -> str:
    told = io.StringIO()
    call_command("export", *arguments, stderr=told)
    return told.getvalue()


def test_the_file_is_the_export_and_json_tells_its_hash_and_counts(tmp_path):
    campaign = small_campaign()
    file = tmp_path / "pairs.jsonl"
    told = json.loads(run("small", "--layout", "trl", "--output", str(file), "--json"))
    data = file.read_bytes()
    assert data == b"".join(open_export(campaign, choose({"layout": "trl"})))
    assert told == {
        "layout": "trl",
        "rule": "each",
        "ties": "drop",
        "raters": "human",
        "gold": "drop",
        "history": "0",
        "edits": "drop",
        "excluded": "leave_out",
        "judgments": 4,
        "lines": 3,
        "ties_left_out": 1,
        "without_text": 0,
        "bytes": len(data),
        "sha256": hashlib.sha256(data).hexdigest(),
    }


def test_people_are_told_what_was_left_out(tmp_path):
    small_campaign()
    told = run("small", "--layout", "hh", "--output", str(tmp_path / "x"))
    assert told.strip() == "3 lines of 4 judgments; left out: 1 as ties"


def test_history_and_the_other_parameters_are_the_routes(tmp_path):
    small_campaign()
    file = tmp_path / "all.jsonl"
    run("small", "--history", "--raters", "human", "--gold", "drop", "--output", str(file))
    assert [orjson.loads(line)["judgment_id"] for line in file.read_bytes().splitlines()][:3] == [
        "j1",
        "j2",
        "j3",
    ]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("nowhere",), "no campaign"),
        (("small", "--layout", "xml"), "native, trl, hh"),
        (("small", "--rule", "soft"), "not available in this version"),
        (("small", "--output", "/nowhere/at/all/x.jsonl"), "No such file"),
    ],
)
def test_a_mistake_is_named(arguments, said):
    small_campaign()
    with pytest.raises(CommandError, match=said):
        run(*arguments)


def test_a_refused_export_leaves_the_old_file_and_no_draft(tmp_path):
    small_campaign()
    file = tmp_path / "pairs.jsonl"
    file.write_text("old")
    with pytest.raises(CommandError):
        run("small", "--ties", "?", "--output", str(file))
    assert file.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["pairs.jsonl"]


def test_standard_output_is_the_file_alone(capfdbinary):
    small_campaign()
    call_command("export", "small")
    told = capfdbinary.readouterr()
    assert [orjson.loads(line)["campaign"] for line in told.out.splitlines()] == ["small"] * 7
    assert b"7 lines of 7 judgments" in told.err


def test_a_pipe_is_written_into_not_replaced(tmp_path):
    small_campaign()
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_bytes()))
    reader.start()
    run("small", "--output", str(pipe))
    reader.join(10)
    assert len(read[0].splitlines()) == 7
    assert pipe.is_fifo()


@pytest.mark.parametrize("output", [["--output", "/dev/full"], []])
def test_a_full_disk_is_named(output, tmp_path):
    small_campaign()
    with Path("/dev/full").open("wb") as full:
        result = subprocess.run(
            [sys.executable, "manage.py", "export", "small", *output],
            cwd=ROOT,
            env={"PATH": os.environ["PATH"], "DEBUG": "1", "DATABASE_URL": database_url()}
            | {"THURSTONE_HOME": str(tmp_path)},
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
        )
    assert result.returncode == 1
    assert "No space left on device" in result.stderr
    assert "Traceback" not in result.stderr
