"""No byte that a rater receives says which model wrote what, what is gold, what others said."""

import base64
import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from django.contrib.staticfiles import finders
from django.http import HttpResponse
from django.test import Client

from labeling.actions.endpoints import ensure_demo_endpoint
from labeling.actions.rounds import open_waiting
from labeling.models import Campaign, Comparison, Completion, Judgment
from tests import factories
from tests.api.conftest import Caller
from tests.web.building import (
    CANARIES,
    add_gold,
    answer,
    assignment_of,
    open_campaign,
    publish,
    signed_in,
)

pytestmark = pytest.mark.django_db(transaction=True)
HTMX = {"hx-request": "true"}
JUDGED = {"side": "left", "strength": 2, "criteria": {"helpful": "left", "truthful": "tie"}}


def disguises(secret: str) -> Iterator[bytes]:
    """The secret as it is, and as it might be smuggled: encoded or hashed."""
    raw = secret.encode()
    yield raw
    yield quote(secret).encode()
    yield raw.hex().encode()
    yield secret[::-1].encode()
    for shift in range(3):
        # Base64 of the secret at any offset within a longer text.
        yield base64.b64encode(b"x" * shift + raw)[4:-4]
    for name in ("md5", "sha1", "sha256", "blake2b"):
        yield hashlib.new(name, raw).hexdigest()[:12].encode()


def everything_in(response: HttpResponse) -> bytes:
    headers = "\n".join(f"{name}: {value}" for name, value in response.items())
    return headers.encode() + str(response.cookies).encode() + response.content


def walk(seat: object, slug: str) -> Iterator[Any]:
    """Every answer of a whole working day: pages, fragments, faults, undo, skips, the end."""
    client = signed_in(seat)  # type: ignore[arg-type]
    url = f"/rate/{slug}/"
    yield client.get("/rate/")
    yield client.get(f"{url}guidelines/")
    yield client.get(f"{url}guidelines/", headers=HTMX)
    for turn in range(20):
        page = client.get(url)
        yield page
        html = page.content.decode()
        if 'name="assignment_id"' not in html:
            return
        yield client.get(url, headers=HTMX)
        yield client.post(url, answer(html, verdict=None))
        yield client.post(url, answer(html, verdict=None), headers=HTMX)
        if turn == 1:
            fields = {"assignment_id": str(assignment_of(html)), "reason": "display"}
            yield client.post(f"{url}skip/", fields)
            continue
        yield client.post(url, answer(html), headers=HTMX)
        yield client.post(url, answer(html, verdict="right:1"))
        yield client.get(f"{url}undo/")
        yield client.get(f"{url}undo/", headers=HTMX)


def walk_by_api(seat: object, campaign: Campaign) -> Iterator[Any]:
    """Every answer of the same day to a rater's own script."""
    token = factories.token(seat.rater.user, "rate", "read")  # type: ignore[attr-defined]
    call = Caller(token)
    yield call.get("campaigns/")
    yield call.get(f"campaigns/{campaign.slug}/")
    yield call.get("schema/")
    for turn in range(20):
        claimed = call.post(f"campaigns/{campaign.slug}/assignments/")
        yield claimed
        if claimed.status_code == 204:
            return
        there = f"assignments/{claimed.json()['id']}"
        yield call.post(f"{there}/heartbeat/")
        yield call.post(f"{there}/judgment/", {"side": "nobody"})
        if turn == 1:
            yield call.post(f"{there}/skip/", {"reason": "display"})
            yield call.post(f"{there}/judgment/", JUDGED)
            continue
        key = {"idempotency_key": f"turn-{turn}"}
        for body in (JUDGED, JUDGED, JUDGED | {"side": "right"}):
            yield call.post(f"{there}/judgment/", body, **key)
        yield call.post(f"{there}/judgment/", JUDGED | {"side": "right"})
        judgment = call.post(f"{there}/judgment/", JUDGED)
        yield judgment
        yield call.post(f"judgments/{judgment.json()['id']}/revise/", JUDGED | {"strength": 1})


@pytest.mark.parametrize("by_api", [False, True], ids=["pages", "api"])
def test_no_canary_in_any_byte_of_a_whole_run(by_api: bool) -> None:
    campaign = open_campaign(4, overlap=2, requirements={"gold_rate": 1})
    endpoint = ensure_demo_endpoint(organisation=campaign.organisation)
    endpoint.base_url, endpoint.model = "https://zq-canary-host/v1", "zq-canary-one"
    endpoint.price = {"output": 1, "note": "zq-canary-note"}
    endpoint.save()
    add_gold(campaign)
    publish(campaign)
    other = signed_in(factories.rater(campaign, "zq-canary-rater"))
    url = f"/rate/{campaign.slug}/"
    html = other.get(url).content.decode()
    other.post(url, answer(html, rationale="zq-canary-rater says so"))
    me = factories.rater(campaign)
    responses = list(walk_by_api(me, campaign) if by_api else walk(me, campaign.slug))
    assert len(responses) > 25
    assert by_api or b"That was the last one" in responses[-1].content
    # One of what was judged was gold.
    assert Judgment.objects.filter(rater=me.rater, comparison__gold__isnull=False).exists()
    for response in responses:
        content = everything_in(response)
        for canary in CANARIES:
            for disguise in disguises(canary):
                assert disguise not in content
    for name in ("bench.js", "site.js", "thurstone.css", "favicon.svg"):
        path = finders.find(f"labeling/{name}")
        assert path is not None
        assert b"canary" not in Path(path).read_bytes()


def test_no_public_id_of_a_completion_a_comparison_or_a_prompt_is_sent() -> None:
    campaign = open_campaign(3)
    ids = []
    for comparison in Comparison.objects.select_related("prompt", "completion_a", "completion_b"):
        for thing in (
            comparison,
            comparison.prompt,
            comparison.completion_a,
            comparison.completion_b,
        ):
            ids += [str(thing.public_id), thing.public_id.hex]
    for response in walk(factories.rater(campaign), campaign.slug):
        content = everything_in(response).decode()
        assert not any(id_ in content for id_ in ids)


def test_gold_looks_like_any_other_comparison() -> None:
    campaign = open_campaign(1, requirements={"gold_rate": 1})
    plain = signed_in(factories.rater(campaign))
    url = f"/rate/{campaign.slug}/"

    def shape(html: str) -> list[str]:
        """The page without what differs between any two comparisons: ids, tokens, texts."""
        return [
            line.split("value=")[0]
            for line in html.splitlines()
            if "prose" not in line and "answer" not in line and "Gold" not in line
            and "ask small" not in line and "own-words" not in line
        ]  # fmt: skip

    ordinary = plain.get(url).content.decode()
    saved_ordinary = plain.post(url, answer(ordinary))
    add_gold(campaign)
    gold = signed_in(factories.rater(campaign))
    page = gold.get(url).content.decode()
    saved_gold = gold.post(url, answer(page))
    assert Judgment.objects.filter(comparison__gold__isnull=False).count() == 1
    assert shape(page) == shape(ordinary)
    assert dict(saved_gold.items()).keys() == dict(saved_ordinary.items()).keys()
    assert saved_gold.status_code == saved_ordinary.status_code


def test_what_others_judged_is_on_no_page_of_the_bench() -> None:
    campaign = open_campaign(1, overlap=3)
    url = f"/rate/{campaign.slug}/"
    quiet = factories.rater(campaign)
    html = signed_in(quiet).get(url).content.decode()
    for _ in range(2):
        client = signed_in(factories.rater(campaign))
        client.post(url, answer(client.get(url).content.decode(), rationale="Loud opinion"))
    after = signed_in(quiet).get(url).content.decode()
    lines = [
        [line for line in page.splitlines() if "csrfmiddlewaretoken" not in line]
        for page in (html, after)
    ]
    # Byte for byte what it was before the others judged it.
    assert lines[0] == lines[1]


def test_a_message_that_names_its_speaker_does_not_name_the_model() -> None:
    campaign = factories.campaign()
    spoken = {"role": "assistant", "name": "canary-model", "content": "Hello."}
    comparison = factories.comparison(
        campaign,
        prompt=factories.prompt(campaign, messages=[{**spoken, "content": "Hi."}]),
    )
    found = {"role": "tool", "name": "search", "content": "Found."}
    Completion.objects.filter(
        pk__in=[comparison.completion_a_id, comparison.completion_b_id]
    ).update(messages=[spoken, found, spoken])
    open_waiting(campaign=campaign, by=None)
    seat = factories.rater(campaign)
    assert seat.rater.user is not None
    script = Client(headers={"authorization": f"Bearer {factories.token(seat.rater.user, 'rate')}"})
    told = script.post(f"/api/v1/campaigns/{campaign.slug}/assignments/").content.decode()
    assert "Hello." in told
    assert '"name":"search"' in told
    assert "canary-model" not in told
    assert "canary-model" not in signed_in(seat).get(f"/rate/{campaign.slug}/").content.decode()
