"""Prompts with images, and images whose files are gone."""

from base64 import b64encode
from hashlib import sha256

import pytest
from django.core.files.base import ContentFile

from labeling.clients.endpoint_settings import call_limits
from labeling.models import Completion, Image
from tests import factories, llm_server
from tests.generating import drain, endpoint, started, states
from workers.generation import GenerationWork
from workers.image_room import MOST_IMAGE_BYTES

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


def test_what_was_claimed_holds_no_image_before_its_call(server, tmp_path):
    campaign = factories.campaign()
    image = pictured(campaign, "harbour")
    at = endpoint(server, campaign.organisation)
    run = started(campaign, at, completions_per_prompt=2)
    work = GenerationWork(run.pk, at, call_limits(at.limits))
    claim, _ = work.claim(most=64, landed=0, is_idle=True).claims
    # Painted over between the claim and the call: what is sent is read for the call.
    (tmp_path / image.file.name).write_bytes(b"another picture")
    server.answer = fine
    work.call(claim)
    work.close()
    (call,) = server.calls
    sent = call["body"]["messages"][-1]["content"][0]["image_url"]["url"]
    assert sent == "data:image/png;base64," + b64encode(b"another picture").decode()


@pytest.mark.parametrize(("share", "at_once"), [(0.6, {1}), (0.3, {2, 3})])
def test_calls_with_images_wait_for_one_another_beyond_so_many_bytes(server, share, at_once):
    campaign = factories.campaign()
    for number in range(3):
        pictured(campaign, f"harbour-{number}")
    Image.objects.update(byte_count=int(share * MOST_IMAGE_BYTES))
    server.answer = llm_server.after(0.3, fine)
    at = endpoint(server, campaign.organisation)
    run = drain(started(campaign, at, completions_per_prompt=2))
    assert states(run) == {"filled": 6}
    assert server.most_in_flight in at_once
