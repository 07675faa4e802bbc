"""What raters see of conversations, tools and sources, and what they never see: the marks."""

import re

import pytest
from django.test import Client
from django.urls import reverse

from labeling.actions.rounds import open_waiting
from labeling.models import Campaign, Comparison, Completion, Seat
from tests import factories
from tests.imports.files import import_rows
from tests.rendering.test_steps import trajectory
from tests.web.building import answer, open_campaign, signed_in

pytestmark = pytest.mark.django_db(transaction=True)


def campaign_with(a: object, b: object, **fields: object) -> tuple[Campaign, Seat]:
    """One open comparison of these completions, as a file brought them."""
    campaign = open_campaign(0, **fields)
    row = {"prompt": "Is it warm in Oslo?", "completion_a": a, "completion_b": b}
    job = import_rows(campaign, row, kind="comparisons")
    assert job.status == "succeeded", job.error
    open_waiting(campaign=campaign, by=None)
    return campaign, factories.rater(campaign)


def bench(seat: Seat, campaign: Campaign) -> str:
    """The page, without the marks of words in which the sides differ."""
    response = signed_in(seat).get(f"/rate/{campaign.slug}/")
    assert response.status_code == 200
    return re.sub(r"</?mark[^<>]*>", "", response.content.decode())


def sides(html: str) -> dict[str, str]:
    return {
        name: re.search(rf'<article class="response {name}".*?</article>', html, re.DOTALL)[0]  # type: ignore[index]
        for name in ("a", "b")
    }


def context(html: str) -> str:
    return html[html.index('<section class="prompt"') : html.index('<div class="pair"')]


def test_two_trajectories_that_differ_only_in_a_call_look_different_on_the_bench() -> None:
    campaign, seat = campaign_with(
        {"messages": trajectory("weather", '{"city": "Oslo"}'), "model": "north"},
        {"messages": trajectory("search", '{"q": "warm"}'), "model": "south"},
    )
    html = bench(seat, campaign)
    shown = sides(html)
    assert ("weather" in shown["a"]) != ("weather" in shown["b"])
    assert ("search" in shown["a"]) != ("search" in shown["b"])
    assert "(empty)" not in html
    reader = Client()
    reader.force_login(factories.member(campaign, "manager"))
    comparison = Comparison.objects.get()
    path = reverse("campaign_comparison", args=[campaign.slug, comparison.public_id])
    told = reader.get(path).content.decode()
    assert "weather" in told
    assert "search" in told


def test_turns_that_both_begin_with_are_shown_once_above_them() -> None:
    start = trajectory("weather", '{"city": "Oslo"}')[:2]
    campaign, seat = campaign_with(
        {"messages": [*start, {"role": "assistant", "content": "Yes, 19 °C."}], "model": "north"},
        {"messages": [*start, {"role": "assistant", "content": "No idea."}], "model": "south"},
    )
    html = bench(seat, campaign)
    assert html.count('aria-label="Both responses, turn 1, Tool call weather"') == 1
    assert "Both responses begin with this" in context(html)
    assert "Tool call weather" in context(html)
    shown = sides(html)
    assert not any("weather" in side for side in shown.values())
    assert {("Yes, 19" in side, "No idea" in side) for side in shown.values()} == {
        (True, False),
        (False, True),
    }


def test_one_that_ends_where_the_other_goes_on_keeps_a_turn_of_its_own() -> None:
    start = trajectory("weather", "{}")
    campaign, seat = campaign_with(
        {"messages": start, "model": "north"},
        {"messages": [*start, {"role": "assistant", "content": "And dry."}], "model": "south"},
    )
    html = bench(seat, campaign)
    shown = sides(html)
    assert all("It is warm." in side for side in shown.values())
    assert sum("And dry." in side for side in shown.values()) == 1
    assert "Tool call weather" in context(html)


def test_completions_that_share_nothing_have_nothing_above_them() -> None:
    campaign, seat = campaign_with({"text": "A", "model": "n"}, {"text": "B", "model": "s"})
    assert "Both responses begin with this" not in bench(seat, campaign)


def test_sources_stand_under_the_answer_and_are_linked_without_being_fetched() -> None:
    source = {"title": "Oslo", "url": "https://example.org/oslo", "text": "19 °C in July."}
    content = [{"type": "text", "text": "Warm [1]."}, {"type": "sources", "sources": [source]}]
    campaign, seat = campaign_with(
        {"messages": [{"role": "assistant", "content": content}], "model": "north"},
        {"text": "Cold.", "model": "south"},
    )
    html = bench(seat, campaign)
    assert (
        'href="https://example.org/oslo" target="_blank" rel="noopener noreferrer nofollow"' in html
    )
    assert "19 °C in July.</blockquote>" in html


def test_hidden_characters_are_marked_where_they_stand_by_side() -> None:
    campaign, seat = campaign_with(
        {"text": "admin\u202egpj.exe", "model": "north"}, {"text": "plain", "model": "south"}
    )
    shown = sides(bench(seat, campaign))
    (hiding,) = (name for name, side in shown.items() if 'data-c="RLO"' in side)
    assert f'id="reveal-{hiding}"' in shown[hiding]
    (other,) = {"a", "b"} - {hiding}
    assert "reveal-" not in shown[other]
    # The checkbox is no part of the answer.
    assert not re.search(r'<input[^>]*class="reveal"[^>]*name=', shown[hiding])


NAMED = "I am Claude, made by Anthropic.\u200b It is warm."


def marked_campaign(policy: str | None = None) -> tuple[Campaign, Seat]:
    fields = {"requirements": {"identity": policy}} if policy else {}
    return campaign_with({"text": NAMED, "model": "n"}, {"text": "Warm.", "model": "s"}, **fields)


def test_marks_are_told_to_managers_and_exports_and_never_to_raters() -> None:
    campaign, seat = marked_campaign()
    stored = Completion.objects.get(messages__0__content=NAMED)
    assert stored.marks == ["identifies_itself", "names_vendor", "hidden_characters"]
    client = signed_in(seat)
    html = client.get(f"/rate/{campaign.slug}/").content.decode()
    assert "I am Claude" in html
    for word in ("hidden_characters", "names_vendor", "Says which model it is"):
        assert word not in html
    assert client.post(f"/rate/{campaign.slug}/", answer(html)).status_code == 303
    manager = Client()
    manager.force_login(factories.member(campaign, "manager"))
    comparison = Comparison.objects.get()
    path = reverse("campaign_comparison", args=[campaign.slug, comparison.public_id])
    assert "Says which model it is" in manager.get(path).content.decode()
    token = factories.token(factories.member(campaign, "researcher"), "read")
    script = Client(headers={"authorization": f"Bearer {token}"})
    export = script.get(f"/api/v1/campaigns/{campaign.slug}/export/?layout=native")
    line = b"".join(export.streaming_content).decode()  # type: ignore[attr-defined]
    assert '"marks_a":["identifies_itself","names_vendor","hidden_characters"]' in line
    assert '"marks_b":[]' in line
    assert "I am Claude, made by Anthropic." in line
    (listed,) = script.get(f"/api/v1/campaigns/{campaign.slug}/judgments/").json()["results"]
    assert listed["marks_a"] == stored.marks


def test_a_campaign_may_blot_out_the_names_and_the_text_stays_as_it_came() -> None:
    campaign, seat = marked_campaign("mask")
    html = bench(seat, campaign)
    assert "I am ▮▮▮, made by ▮▮▮." in html
    assert "Claude" not in html
    assert seat.rater.user is not None
    script = Client(headers={"authorization": f"Bearer {factories.token(seat.rater.user, 'rate')}"})
    told = script.post(f"/api/v1/campaigns/{campaign.slug}/assignments/").content.decode()
    assert "▮▮▮" in told
    assert "Claude" not in told
    assert Completion.objects.filter(messages__0__content=NAMED).exists()


def test_a_campaign_may_leave_such_comparisons_out_of_its_rounds() -> None:
    campaign, seat = marked_campaign("exclude")
    assert Comparison.objects.get().round is None
    assert "That was the last one" in bench(seat, campaign) or "nothing" in bench(seat, campaign)
    row = {"prompt": "Cold?", "completion_a": "Yes", "completion_b": "No"}
    import_rows(campaign, row, kind="comparisons")
    open_waiting(campaign=campaign, by=None)
    assert Comparison.objects.exclude(round=None).count() == 1
