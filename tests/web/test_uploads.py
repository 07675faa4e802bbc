"""Files sent through the page: what is told of them, how much is taken, what cannot be stored."""

import json
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from labeling.actions.imports import max_body_bytes, run_import
from labeling.actions.jobs import start_job
from labeling.models import Campaign, Job, User
from tests import factories
from tests.web.visiting import as_, page

pytestmark = pytest.mark.django_db(transaction=True)

GOOD = {"prompt": "Why?", "completions": [{"text": "x", "model": "m"}, {"text": "y", "model": "n"}]}


@pytest.fixture
def campaign() -> Campaign:
    return factories.campaign()


@pytest.fixture
def manager(campaign: Campaign) -> User:
    return factories.member(campaign, "manager")


def upload(rows: list[dict[str, Any]]) -> SimpleUploadedFile:
    return SimpleUploadedFile("pairs.jsonl", "\n".join(map(json.dumps, rows)).encode())


class Unread:
    """A body that nobody may read."""

    def read(self, *_: Any) -> bytes:
        raise AssertionError("the body was read")

    readline = read


@pytest.mark.parametrize("path", ["/campaigns/{slug}/imports/", "/login/", "/no/such/page/"])
def test_more_than_the_limit_is_refused_before_it_is_read(path, settings):
    """Two gigabytes on their way: only the import page takes more than a form, and not so much."""
    settings.IMPORT_MAX_BYTES = 1_000_000_000
    campaign = factories.campaign()
    manager = factories.member(campaign, "manager")
    url = path.format(slug=campaign.slug)
    length = {"CONTENT_LENGTH": str(2 * 1024**3), "wsgi.input": Unread()}
    for client in (as_(manager), Client()):
        for headers in ({}, {"hx-request": "true"}):
            response = client.generic(
                "POST",
                url,
                content_type="multipart/form-data; boundary=x",
                headers=headers,
                **length,
            )
            assert response.status_code == 413
            assert "bytes can be sent here" in response.content.decode()
            assert "default-src 'none'" in response["Content-Security-Policy"]
    # What the import page takes of those signed in, it does not take of anybody.
    length["CONTENT_LENGTH"] = "100000000"
    response = Client().generic(
        "POST", url, content_type="multipart/form-data; boundary=x", **length
    )
    assert response.status_code == 413
    assert not Job.objects.exists()


@pytest.mark.parametrize(
    ("data", "line", "says"),
    [
        (b'{"prompt": "a\\u0000b"}\n', 1, "U+0000"),
        (b'{"prompt": "ok"}\n{"x\\u0000": 1}\n', 2, "U+0000"),
        (b'{"prompt": "ok"}\n{"prompt": "a\x00b"}\n', 2, "NUL"),
        (b'{"prompt": "\xff"}\n', 1, "UTF-8"),
        (b'{"prompt": "\\ud800"}\n', 1, "surrogate"),
        ('{"prompt": "ok"}\n'.encode("utf-16"), 1, "UTF-16"),
    ],
)
def test_what_cannot_be_stored_is_told_by_line_on_the_page(data, line, says, settings, tmp_path):
    settings.MEDIA_ROOT = str(tmp_path)
    campaign = factories.campaign()
    client = as_(factories.member(campaign, "manager"))
    # A name no file should have: it is shown as text, and no file is called so.
    file = SimpleUploadedFile("<img src=x>.jsonl", data)
    sent = {"file": file, "kind": "prompts", "layout": "native"}
    response = client.post(reverse("campaign_imports", args=[campaign.slug]), sent)
    assert response.status_code == 302
    taken = start_job(job_id=Job.objects.get().pk)
    assert taken is not None
    run_import(job=taken)
    shown = client.get(response["Location"]).content.decode()
    assert f'<td class="num">{line}</td>' in shown
    assert says in shown
    assert "<img src=x" not in shown
    assert campaign.prompts.count() == 0


def test_a_file_is_uploaded_and_its_lines_told(settings, tmp_path):
    settings.MEDIA_ROOT = str(tmp_path)
    campaign = factories.campaign()
    client = as_(factories.member(campaign, "manager"))
    url = reverse("campaign_imports", args=[campaign.slug])
    rows = [GOOD, {"prompt": 3, "completions": []}]
    response = client.post(
        url,
        {"file": upload(rows), "kind": "comparisons", "layout": "native", "lenient": "on"},
    )
    assert response.status_code == 302
    job = Job.objects.get(campaign=campaign, kind="import")
    waiting = client.get(response["Location"]).content.decode()
    assert 'hx-trigger="every 1s"' in waiting
    taken = start_job(job_id=job.pk)
    assert taken is not None
    run_import(job=taken)
    done = client.get(response["Location"], headers={"HX-Request": "true"}).content.decode()
    assert "<html" not in done
    assert "hx-trigger" not in done
    assert "1 imported" in done
    assert "1 left out" in done
    assert '<td class="num">2</td>' in done
    assert "pairs.jsonl" in client.get(url).content.decode()
    assert "Why?" in page(client, "campaign_prompts", campaign.slug)
    foreign = factories.campaign()
    stranger = as_(factories.member(foreign, "manager"))
    assert stranger.get(response["Location"]).status_code == 404
    crossed = reverse("campaign_import", args=[foreign.slug, job.public_id])
    assert stranger.get(crossed).status_code == 404


def test_an_upload_beyond_the_limit_is_refused_and_not_kept(settings, tmp_path):
    settings.MEDIA_ROOT, settings.IMPORT_MAX_BYTES = str(tmp_path), 10
    campaign = factories.campaign()
    client = as_(factories.member(campaign, "manager"))
    fields = {"file": upload([GOOD]), "kind": "comparisons", "layout": "native"}
    response = client.post(reverse("campaign_imports", args=[campaign.slug]), fields)
    assert response.status_code == 413
    assert "At most 10 bytes" in response.content.decode()
    assert not Job.objects.exists()
    assert not list(tmp_path.iterdir())


def test_an_upload_without_a_file_says_so(campaign, manager):
    url = reverse("campaign_imports", args=[campaign.slug])
    response = as_(manager).post(url, {"kind": "comparisons", "layout": "native"})
    assert response.status_code == 422
    assert "required" in response.content.decode()
    assert not Job.objects.exists()


def test_page_and_api_take_bodies_of_one_size(settings):
    """What multipart adds is allowed for on top of the largest file, by both doors alike."""
    settings.IMPORT_MAX_BYTES = settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1000
    campaign = factories.campaign()
    manager = factories.member(campaign, "manager")
    bearer = Client(headers={"authorization": f"Bearer {factories.token(manager, 'write')}"})
    most = max_body_bytes()
    assert most > 1000
    for client, url in (
        (as_(manager), f"/campaigns/{campaign.slug}/imports/"),
        (bearer, f"/api/v1/campaigns/{campaign.slug}/imports/?kind=prompts"),
    ):
        for size, is_refused in ((most, False), (most + 1, True)):
            body, kind = b"x" * size, "multipart/form-data; boundary=x"
            response = client.generic("POST", url, body, content_type=kind)
            assert (response.status_code == 413) is is_refused, (url, size)
