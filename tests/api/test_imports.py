"""`…/imports/`: what may be sent, what is told, and who may not."""

import gzip
import json
import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client, override_settings

from labeling.models import Comparison, Import, Job, Judgment, Prompt
from tests import factories
from tests.imports.files import judgment, lines, pair
from workers.imports import run_import

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def campaign():
    return factories.campaign(state="draft")


def sender(campaign, role="manager", *scopes):
    person = factories.member(campaign, role)
    token = factories.token(person, *(scopes or ("write",)))
    return Client(headers={"authorization": f"Bearer {token}"})


def send(client, campaign, data, query="kind=judgments", content_type="application/x-ndjson", **kw):
    return client.post(
        f"/api/v1/campaigns/{campaign.slug}/imports/?{query}",
        data=data,
        content_type=content_type,
        **kw,
    )


def finished(client, answer):
    """The job as the API tells it once a worker has run it."""
    assert answer.status_code == 202, answer.content
    job = answer.json()
    run_import(Job.objects.get(public_id=job["id"]).pk)
    return client.get(f"/api/v1/jobs/{job['id']}/").json()


def test_a_body_of_lines_becomes_a_job_with_its_counts(campaign):
    client = sender(campaign)
    data = lines(judgment(1), judgment(2), judgment(1))
    answer = send(client, campaign, data)
    job = answer.json()
    assert (job["kind"], job["status"]) == ("import", "queued")
    assert job["progress"] == {"done": 0, "total": len(data)}
    job = finished(client, answer)
    assert (job["status"], job["error"]) == ("succeeded", None)
    assert job["result"] == {
        "rows": 3,
        "imported": 2,
        "duplicates": 1,
        "rejected": 0,
        "warnings": 0,
    }
    assert Judgment.objects.filter(campaign=campaign).count() == 2
    again = finished(client, send(client, campaign, data))
    assert again["result"]["imported"] == 0
    assert again["result"]["duplicates"] == 3


def test_a_form_with_a_file_is_the_same(campaign):
    client = sender(campaign)
    upload = SimpleUploadedFile("rows.jsonl.gz", gzip.compress(lines(pair(1))))
    answer = client.post(
        f"/api/v1/campaigns/{campaign.slug}/imports/?kind=comparisons", {"file": upload}
    )
    assert finished(client, answer)["result"]["imported"] == 1
    assert Import.objects.get().original_name == "rows.jsonl.gz"


@pytest.mark.parametrize(
    ("content_type", "pack"),
    [
        ("text/csv", lambda data: data),
        ("application/octet-stream", gzip.compress),
        ("application/gzip", gzip.compress),
    ],
)
def test_csv_and_compressed_bodies_are_read(campaign, content_type, pack):
    client = sender(campaign)
    data = pack(b"prompt,completion_a,completion_b,model_a\r\nP,x,y,m\r\n")
    answer = send(client, campaign, data, "kind=comparisons", content_type)
    assert finished(client, answer)["result"]["imported"] == 1


@pytest.mark.parametrize(
    ("data", "line", "field"),
    [
        (b'{"prompt": "ok"}\n{"prompt": "a\\u0000b"}\n', 2, "prompt"),
        (b'{"prompt": "ok", "x\\u0000": 1}\n', 1, "x\\u0000"),
        (b'{"prompt": "a\x00b"}\n', 1, ""),
        (b'{"prompt": "ok"}\n\n{"prompt": "\xff"}\n', 3, ""),
        (b'{"prompt": "\\ud800"}\n', 1, ""),
        (b'{"prompt": 5\n{"nope": 1}\n', 1, ""),
        ('{"prompt": "ok"}\n'.encode("utf-16"), 1, ""),
    ],
)
def test_a_broken_small_file_is_refused_at_once_by_line_and_field(campaign, data, line, field):
    answer = send(sender(campaign), campaign, data, "kind=prompts")
    assert answer.status_code == 400
    assert answer.headers["Content-Type"].startswith("application/problem+json")
    told = answer.json()["errors"][0]
    assert (told.get("line"), told["field"]) == (line, field)
    assert not Job.objects.exists()
    assert not Prompt.objects.exists()


def test_a_byte_order_mark_is_no_mistake(campaign):
    client = sender(campaign)
    answer = send(client, campaign, b"\xef\xbb\xbf" + lines({"prompt": "ok"}), "kind=prompts")
    assert finished(client, answer)["result"]["imported"] == 1


def test_the_bad_lines_of_a_large_file_are_streamed(campaign):
    client = sender(campaign)
    rows = [lines(judgment(n)) for n in range(1000)]
    rows[700] = b'{"prompt": "p", "rater": 1}\n'
    rows[20] = b"{\n"
    data = b"".join(rows)
    job = finished(client, send(client, campaign, data))
    assert job["status"] == "failed"
    assert job["result"]["rejected"] == 2
    assert [error["line"] for error in job["error"]["errors"]] == [21, 701]
    for path in (
        f"/api/v1/imports/{job['id']}/errors/",
        f"/api/v1/campaigns/{campaign.slug}/imports/{job['id']}/errors/",
    ):
        answer = client.get(path)
        assert answer.headers["Content-Type"] == "application/x-ndjson"
        told = [json.loads(line) for line in b"".join(answer.streaming_content).splitlines()]
        assert [(row["line"], row["field"]) for row in told] == [(21, ""), (701, "preference")]
        assert all(row["message"] for row in told)
    assert not Judgment.objects.exists()
    lenient = finished(client, send(client, campaign, data, "kind=judgments&mode=lenient"))
    assert (lenient["status"], lenient["result"]["imported"]) == ("succeeded", 998)


def test_a_dry_run_counts_and_stores_nothing(campaign):
    client = sender(campaign)
    answer = send(client, campaign, lines(pair(1), pair(2)), "kind=comparisons&dry_run=1")
    job = finished(client, answer)
    assert (job["status"], job["result"]["imported"]) == ("succeeded", 2)
    assert not Comparison.objects.exists()


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("", "kind"),
        ("kind=completions", "kind"),
        ("kind=prompts&layout=xml", "layout"),
        ("kind=prompts&mode=maybe", "mode"),
        ("kind=prompts&dry_run=2", "dry_run"),
    ],
)
def test_a_parameter_that_is_none_is_named(campaign, query, field):
    answer = send(sender(campaign), campaign, lines({"prompt": "p"}), query)
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == field


def test_an_empty_body_and_a_form_without_a_file_are_refused(campaign):
    client = sender(campaign)
    assert send(client, campaign, b"").status_code == 400
    path = f"/api/v1/campaigns/{campaign.slug}/imports/?kind=prompts"
    assert client.post(path, {"file": "not a file"}).status_code == 400
    assert client.post(path, {}).status_code == 400
    assert send(client, campaign, b"<x/>", content_type="application/xml").status_code == 415


def test_a_file_sent_as_the_body_has_no_name(campaign):
    answer = send(sender(campaign), campaign, lines(pair(1)), "kind=comparisons")
    assert answer.status_code == 202
    assert Import.objects.get().original_name == ""
    browser = Client()
    browser.force_login(factories.member(campaign, "manager"))
    shown = browser.get(f"/campaigns/{campaign.slug}/imports/").content.decode()
    assert re.search(r'<a href="[^"]+">a file</a>', shown)


@pytest.mark.parametrize("content_type", ["application/x-ndjson", "text/csv"])
def test_a_body_in_chunks_is_told_how_to_send_it(campaign, content_type):
    # As the server hands it on: without a length, and so without a byte that Django would read.
    client = sender(campaign)
    headers = {"transfer-encoding": "chunked"}
    answer = send(client, campaign, b"", "kind=prompts", content_type, headers=headers)
    assert answer.status_code == 411
    assert answer["Content-Type"] == "application/problem+json"
    assert "--data-binary" in answer.json()["detail"]
    assert not Job.objects.exists()


@override_settings(IMPORT_MAX_BYTES=1000)
def test_more_than_the_limit_is_refused_before_it_is_read(campaign):
    client = sender(campaign)
    answer = send(client, campaign, b" " * 100_000, "kind=prompts")
    assert answer.status_code == 413
    upload = SimpleUploadedFile("x.jsonl", b" " * 2000)
    path = f"/api/v1/campaigns/{campaign.slug}/imports/?kind=prompts"
    assert client.post(path, {"file": upload}).status_code == 413
    assert not Job.objects.exists()


def test_a_repeated_request_with_its_key_is_one_job(campaign):
    client = sender(campaign)
    data = lines(judgment(1))
    first, second = (
        send(client, campaign, data, headers={"Idempotency-Key": "k"}) for _ in range(2)
    )
    assert first.json()["id"] == second.json()["id"]
    assert second.headers["Idempotent-Replayed"] == "true"
    other = send(client, campaign, lines(judgment(2)), headers={"Idempotency-Key": "k"})
    assert other.status_code == 422
    assert Job.objects.count() == 1


def test_only_those_who_manage_the_campaign_may_import(campaign):
    data = lines(judgment(1))
    for role in ("researcher", "reviewer"):
        assert send(sender(campaign, role), campaign, data).status_code == 403
    assert send(sender(campaign, "rater"), campaign, data).status_code == 404
    assert send(sender(campaign, "manager", "read"), campaign, data).status_code == 403
    stranger = sender(factories.campaign())
    unknown = send(stranger, campaign, data)
    assert unknown.status_code == 404
    assert send(Client(), campaign, data).status_code == 401
    assert not Job.objects.exists()


def test_what_was_wrong_with_a_file_is_told_to_the_campaigns_readers_only(campaign):
    job = finished(sender(campaign), send(sender(campaign), campaign, lines(judgment(1))))
    path = f"/api/v1/imports/{job['id']}/errors/"
    assert sender(campaign, "researcher", "read").get(path).status_code == 200
    assert sender(campaign, "rater", "read").get(path).status_code == 404
    other = factories.campaign()
    assert sender(other, "manager", "read").get(path).status_code == 404
    mine = sender(campaign, "researcher", "read")
    assert (
        mine.get(f"/api/v1/campaigns/{other.slug}/imports/{job['id']}/errors/").status_code == 404
    )
