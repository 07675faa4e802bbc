"""Prompts with images, and images whose files are gone."""

from hashlib import sha256

import pytest
from django.core.files.base import ContentFile

from labeling.models import Completion, Image
from tests import factories, llm_server
from tests.generating import drain, endpoint, started, states

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _folder(settings, tmp_path):
    settings.MEDIA_ROOT = str(tmp_path)


def pictured(campaign, name):
    """A prompt that shows an image of that name."""
    digest = sha256(name.encode()).digest()
    image = Image.objects.create(
        campaign=campaign,
        source_hash=digest,
        file=ContentFile(b"a picture of " + name.encode(), name=f"{name}.png"),
        media_type="image/png",
        byte_count=20,
        width=2,
        height=2,
    )
    content = [
        {"type": "image_url", "image_url": {"url": f"image:sha256-{digest.hex()}"}},
        {"type": "text", "text": f"What is in {name}?"},
    ]
    factories.prompt(campaign, messages=[{"role": "user", "content": content}])
    return image


def fine(handler, body):
    text = body["messages"][-1]["content"][-1]["text"]
    handler.send_json(llm_server.completion(f"{text} Number {len(handler.server.calls)}."))


@pytest.mark.parametrize("trouble", ["gone", "a_folder"])
def test_an_image_that_cannot_be_read_fails_its_own_slots_and_no_others(server, trouble, tmp_path):
    campaign = factories.campaign()
    pictured(campaign, "harbour")
    lost = pictured(campaign, "lighthouse")
    pictured(campaign, "tide")
    path = tmp_path / lost.file.name
    path.unlink()
    if trouble == "a_folder":
        path.mkdir()
    server.answer = fine
    run = drain(
        started(campaign, endpoint(server, campaign.organisation), completions_per_prompt=2)
    )
    assert (run.state, states(run)) == ("finished", {"filled": 4, "failed": 2})
    failed = run.slots.filter(state="failed")
    assert {slot.error_kind for slot in failed} == {"refused"}
    assert {slot.error for slot in failed} == {
        "An image of the prompt is no longer kept here, or its file cannot be read."
    }
    assert Completion.objects.filter(prompt__campaign=campaign).count() == 4
