"""`manage.py import`: the API's import in the foreground, and what it says."""

import io
import json

import pytest
from django.core.management import CommandError, call_command

from labeling.models import Comparison, Job, Judgment
from tests import factories
from tests.imports.files import judgment, lines, pair

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def campaign():
    return factories.campaign(slug="small", state="draft")


def run(*arguments: str) -> tuple[str, str]:
    """What it writes to standard output and error."""
    out, err = io.StringIO(), io.StringIO()
    call_command("import", *arguments, stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


def test_a_file_is_imported_and_its_counts_told(campaign, tmp_path):
    file = tmp_path / "rows.jsonl"
    file.write_bytes(lines(judgment(1), judgment(2), judgment(1)))
    out, err = run("small", str(file), "--kind", "judgments")
    assert out.strip() == "2 imported, 1 known before"
    assert err == ""
    assert Judgment.objects.filter(campaign=campaign).count() == 2
    job = Job.objects.get()
    assert (job.status, job.imported_file.original_name) == ("succeeded", "rows.jsonl")
    assert len(job.imported_file.sha256) == 64


def test_json_is_one_object(campaign, tmp_path):
    file = tmp_path / "rows.jsonl"
    file.write_bytes(lines(pair(1)))
    told = json.loads(run("small", str(file), "--json")[0])
    assert told["status"] == "succeeded"
    assert told["result"]["imported"] == 1


def test_bad_lines_are_named_and_the_command_fails(campaign, tmp_path, capsys):
    file = tmp_path / "rows.jsonl"
    file.write_bytes(lines(pair(1)) + b'{"prompt": 5}\n')
    err = io.StringIO()
    with pytest.raises(CommandError, match="nothing was"):
        call_command("import", "small", str(file), stdout=io.StringIO(), stderr=err)
    assert "line 2: completion_a:" in err.getvalue()
    assert not Comparison.objects.exists()
    out, err_text = run("small", str(file), "--lenient")
    assert out.strip() == "1 imported, 1 rejected"
    assert "line 2" in err_text


def test_a_dry_run_says_what_would_be(campaign, tmp_path):
    file = tmp_path / "rows.jsonl"
    file.write_bytes(lines(pair(1)))
    assert run("small", str(file), "--dry-run")[0].strip() == "1 would be imported"
    assert not Comparison.objects.exists()


def test_in_an_active_campaign_what_came_is_put_before_raters(tmp_path):
    active = factories.campaign(slug="active", state="active", overlap=2)
    file = tmp_path / "rows.jsonl"
    file.write_bytes(lines(pair(1)))
    run("active", str(file))
    assert active.assignments.count() == 2


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("nowhere", "x"), "No such file"),
        (("small", "--kind", "none"), "invalid choice"),
        (("small", "x", "--layout", "none"), "invalid choice"),
    ],
)
def test_a_mistake_is_named(campaign, arguments, said):
    with pytest.raises(CommandError, match=said):
        run(*arguments)


def test_an_unknown_campaign_is_named(tmp_path):
    file = tmp_path / "rows.jsonl"
    file.write_bytes(b"")
    with pytest.raises(CommandError, match="no campaign"):
        run("nowhere", str(file))
