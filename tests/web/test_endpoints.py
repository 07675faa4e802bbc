"""`/endpoints/`: registered, changed and tested on a page, and by whom not. No key comes out."""

from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from labeling.actions.endpoints import KEY_REFUSED, ensure_demo_endpoint
from labeling.models import Endpoint, GenerationSlot, Organisation, User
from tests import factories, generating, llm_server
from tests.generating import KEY, campaign_with_prompts, endpoint, started
from tests.llm_server import LlmServer, says
from tests.web.visiting import as_

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _fresh() -> None:
    cache.clear()


@pytest.fixture
def lab() -> Organisation:
    return factories.organisation("Harbour lab")


@pytest.fixture
def boss(lab: Organisation) -> User:
    return factories.user("mia", of=lab, role="manager")


@pytest.fixture
def manager(boss: User) -> Client:
    return as_(boss)


@pytest.fixture
def server(settings: Any) -> Any:
    with llm_server.running() as server:
        generating.opened(settings, server)
        yield server


def body(response: Any, status: int = 200) -> str:
    assert response.status_code == status, response.content[:2000]
    return str(response.content.decode())


def fields(server: LlmServer, **changes: Any) -> dict[str, Any]:
    """What the form sends for a small endpoint at the local server."""
    sent = {
        "name": "larch",
        "kind": "openai_compatible",
        "base_url": server.base_url,
        "model": "larch-32b",
        "key": KEY,
        "temperature": "0.7",
        "max_tokens": "64",
        "stop": "END\r\n\\n\\n",
        "sampling": '{"top_k": 40}',
        "concurrency": "3",
        "requests_per_minute": "600",
        "input_per_million": "0.3",
        "output_per_million": "1",
        "currency": "eur",
    }
    return sent | changes


def a_while_ago(one: Endpoint) -> None:
    """As if its last test were over for some time."""
    Endpoint.objects.filter(pk=one.pk).update(tested_at=timezone.now() - timedelta(minutes=2))


def test_an_endpoint_is_registered_with_every_setting_and_its_key_stays_inside(
    lab: Organisation, manager: Client, server: LlmServer
) -> None:
    answer = manager.post(reverse("endpoints"), fields(server, streams="on"))
    made = Endpoint.objects.get(organisation=lab)
    place = reverse("endpoint", args=[made.public_id])
    assert (answer.status_code, answer["Location"]) == (302, place)
    assert made.sampling == {
        "temperature": 0.7,
        "max_tokens": 64,
        "stop": ["END", "\n\n"],
        "top_k": 40,
    }
    assert made.limits == {"concurrency": 3, "requests_per_minute": 600}
    assert made.price == {
        "input_per_million": 0.3,
        "output_per_million": 1,
        "currency": "EUR",
    }
    assert made.streams is True
    for address in (place, reverse("endpoints")):
        page = body(manager.get(address))
        assert KEY not in page
        assert "larch-32b" in page
        assert f"…{KEY[-4:]}" in page
        assert "3 at once" in page
        assert "0.30 / 1.00" in page
    # What the form shows, sent again, changes nothing: no number turns into another.
    sent = fields(server, streams="on", key="")
    assert manager.post(place, sent).status_code == 302
    again = Endpoint.objects.get(pk=made.pk)
    assert (again.sampling, again.limits, again.price) == (made.sampling, made.limits, made.price)
    assert bytes(again.encrypted_key or b"") == bytes(made.encrypted_key or b"")


@pytest.mark.parametrize(
    ("change", "field", "words"),
    [
        ({"name": ""}, "name", "required"),
        ({"name": "x" * 121}, "name", "120"),
        ({"model": " "}, "model", "required"),
        ({"kind": "demo"}, "kind", "demo"),
        ({"base_url": "http://169.254.169.254/latest"}, "base_url", "EGRESS_ALLOW"),
        ({"base_url": "ftp://x"}, "base_url", "https"),
        ({"key": "two words"}, "key", "printable"),
        ({"temperature": "hot"}, "temperature", "number"),
        ({"sampling": "{"}, "sampling", "JSON object"),
        ({"sampling": "[" * 100_000}, "sampling", ""),
        ({"sampling": '{"seed": 3}'}, "sampling", "field of its own"),
        ({"sampling": '{"model": "x"}'}, "model", "itself"),
        ({"concurrency": "100000"}, "concurrency", "From 1"),
        ({"timeout_seconds": "0"}, "timeout_seconds", "From 1"),
        ({"input_per_million": "-1"}, "input_per_million", "from 0"),
        ({"currency": "12"}, "currency", "letters"),
    ],
)
def test_what_cannot_be_is_said_beside_its_field_and_nothing_is_stored(
    manager: Client, server: LlmServer, change: dict[str, str], field: str, words: str
) -> None:
    page = body(manager.post(reverse("endpoints"), fields(server, **change)), 422)
    beside = page.partition(f'id="id_{field}_error"')[2].partition("</div>")[0]
    assert beside, page
    assert words in beside
    assert 'aria-invalid="true"' in page
    assert KEY not in page
    assert not Endpoint.objects.exists()
    # What was typed is there again.
    assert server.base_url in page or "base_url" in change


def test_a_name_that_is_taken_is_said_at_the_name(
    lab: Organisation, manager: Client, server: LlmServer
) -> None:
    endpoint(server, lab, "larch")
    page = body(manager.post(reverse("endpoints"), fields(server)), 422)
    assert "An endpoint of this name exists" in page.partition("id_name_error")[2]


def test_another_host_drops_the_key_and_the_page_says_so(
    lab: Organisation, manager: Client, server: LlmServer, settings: Any
) -> None:
    one = endpoint(server, lab)
    place = reverse("endpoint", args=[one.public_id])
    with llm_server.running() as other:
        settings.EGRESS_ALLOW = [server.host, other.host]
        answer = manager.post(place, fields(other, key=""), follow=True)
    assert "has been dropped" in body(answer)
    assert Endpoint.objects.get(pk=one.pk).encrypted_key is None
    manager.post(place, fields(server, key=KEY))
    assert Endpoint.objects.get(pk=one.pk).encrypted_key is not None
    manager.post(place, fields(server, key="", drop_key="on"))
    assert Endpoint.objects.get(pk=one.pk).encrypted_key is None


def test_a_test_says_what_came_with_and_without_a_script(
    lab: Organisation, manager: Client, server: LlmServer
) -> None:
    one = endpoint(server, lab)
    ask = reverse("endpoint_test", args=[one.public_id])
    answer = manager.post(ask)
    assert (answer.status_code, answer["Location"]) == (
        302,
        f"{reverse('endpoint', args=[one.public_id])}#test",
    )
    page = body(manager.get(answer["Location"]))
    assert "In time" in page
    assert len(server.calls) == 1
    assert manager.get(ask).status_code == 405
    server.answer = says({"error": {"message": "<i>no</i>"}}, 401)
    too_soon = body(manager.post(ask, headers={"hx-request": "true"}))
    assert "a moment ago" in too_soon
    assert len(server.calls) == 1
    a_while_ago(one)
    part = body(manager.post(ask, headers={"hx-request": "true"}))
    assert "<html" not in part
    assert "Key refused" in part.partition('id="rows"')[2]
    assert "refused" in part.partition('id="test"')[2]
    assert "<i>no" not in part
    assert KEY not in part
    one.refresh_from_db()
    assert one.tested_at is not None
    # Saved and tested at once, without a script.
    server.answer = llm_server.echo
    a_while_ago(one)
    place = reverse("endpoint", args=[one.public_id])
    answer = manager.post(place, fields(server, test="1"))
    assert answer["Location"] == f"{place}#test"
    assert "In time" in body(manager.get(place))


def test_out_of_use_and_in_use_again(lab: Organisation, manager: Client, server: LlmServer) -> None:
    one = endpoint(server, lab)
    use = reverse("endpoint_use", args=[one.public_id])
    place = reverse("endpoint", args=[one.public_id])
    assert "Out of use" in body(manager.post(use, {"use": "0"}, follow=True))
    one.refresh_from_db()
    assert not one.is_enabled
    page = body(manager.post(use, {"use": "1"}, follow=True))
    assert "in use again" in page
    assert "Take out of use" in page
    Endpoint.objects.filter(pk=one.pk).update(disabled_reason=KEY_REFUSED)
    assert "Key refused" in body(manager.get(place))


def test_the_demo_endpoint_can_only_be_taken_out_of_use(
    lab: Organisation, manager: Client, server: LlmServer
) -> None:
    demo = ensure_demo_endpoint(organisation=lab)
    place = reverse("endpoint", args=[demo.public_id])
    page = body(manager.get(place))
    assert "makes its answers up" in page
    assert "id_base_url" not in page
    manager.post(place, fields(server))
    demo.refresh_from_db()
    assert (demo.name, demo.kind) == ("demo", "demo")
    manager.post(reverse("endpoint_use", args=[demo.public_id]), {"use": "0"})
    demo.refresh_from_db()
    assert not demo.is_enabled


def test_only_one_that_no_run_used_is_removed(
    lab: Organisation, manager: Client, server: LlmServer
) -> None:
    unused, used = endpoint(server, lab, "unused"), endpoint(server, lab, "used")
    started(campaign_with_prompts(1, of=lab), used, completions_per_prompt=2)
    gone = manager.post(reverse("endpoint_remove", args=[unused.public_id]), follow=True)
    assert "unused is gone" in body(gone)
    kept = manager.post(reverse("endpoint_remove", args=[used.public_id]), follow=True)
    assert "so it stays" in body(kept)
    assert list(Endpoint.objects.values_list("name", flat=True)) == ["used"]


def test_rows_say_how_the_last_day_went(
    lab: Organisation, manager: Client, server: LlmServer
) -> None:
    one = endpoint(server, lab)
    run = started(campaign_with_prompts(2, of=lab), one, completions_per_prompt=2)
    slots = GenerationSlot.objects.filter(run=run)
    assert slots.count() == 4
    first = slots.earliest("pk")
    completion = factories.completion(first.prompt, "Yes.")
    slots.filter(pk=first.pk).update(
        state="filled", completion=completion, latency_ms=6800, finished_at=timezone.now()
    )
    slots.exclude(pk=first.pk).update(
        state="failed",
        error_kind="server_error",
        error="It <b>fell</b> over.",
        finished_at=timezone.now() - timedelta(hours=3),
    )
    rows = body(manager.get(reverse("endpoints"), headers={"hx-request": "true"}))
    assert "<html" not in rows
    assert "6.8 s" in rows
    assert "25 % of 4 calls in the last day succeeded" in rows
    assert "It &lt;b&gt;fell&lt;/b&gt; over." in rows
    assert rows.count("<rect") == 2


def test_who_may_not(lab: Organisation, server: LlmServer) -> None:
    one = endpoint(server, lab, "zq-larch")
    campaign = factories.campaign(of=lab)
    addresses = [reverse("endpoints"), reverse("endpoint", args=[one.public_id])]
    for verb in ("test", "use", "remove"):
        addresses.append(reverse(f"endpoint_{verb}", args=[one.public_id]))
    people = [
        factories.user(of=lab),
        factories.member(campaign, "researcher"),
        factories.member(campaign, "manager"),
        factories.rater(campaign).rater.user,
    ]
    for person in people:
        assert person is not None
        for address in addresses:
            for answer in (as_(person).get(address), as_(person).post(address, {"use": "0"})):
                assert answer.status_code in {404, 405}, (person, address)
                assert "zq-larch" not in answer.content.decode()
        assert "LLM endpoints" not in as_(person).get("/account/").content.decode()
    stranger = as_(factories.user(of=factories.organisation(), role="owner"))
    assert "LLM endpoints" in body(stranger.get("/account/"))
    assert "zq-larch" not in body(stranger.get(addresses[0]))
    for address in addresses[1:]:
        for answer in (stranger.get(address), stranger.post(address, {"use": "0"})):
            assert answer.status_code in {404, 405}
    assert stranger.get(f"{addresses[0]}?of={lab.slug}").status_code == 404
    assert Client().get(addresses[0]).status_code == 302
    one.refresh_from_db()
    assert one.is_enabled
    assert not server.calls


def test_the_list_costs_the_same_however_long(
    lab: Organisation, manager: Client, server: LlmServer, django_assert_max_num_queries: Any
) -> None:
    for number in range(6):
        endpoint(server, lab, f"larch-{number}")
    with django_assert_max_num_queries(12):
        body(manager.get(reverse("endpoints")))
