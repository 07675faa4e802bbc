"""Files sent through the page: how much is taken, and what of it cannot be stored."""

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from labeling.actions.imports import run_import
from labeling.actions.jobs import start_job
from labeling.models import Job, User
from tests import factories

pytestmark = pytest.mark.django_db(transaction=True)


def as_(person: User) -> Client:
    client = Client()
    client.force_login(person)
    return client


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
