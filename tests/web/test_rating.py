"""The bench without JavaScript: judge, skip, rest, and what of it htmx is sent."""

import pytest
from django.core.cache import cache
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django import DjangoAssertNumQueries

from labeling.actions.raters import add_member
from labeling.models import Assignment, Judgment
from tests import factories
from tests.web.building import (
    SCHEMA,
    add_gold,
    answer,
    assignment_of,
    open_campaign,
    publish,
    signed_in,
)

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_rater_judges_every_comparison_and_then_rests() -> None:
    campaign = open_campaign(2)
    client = signed_in(factories.rater(campaign))
    url = f"/rate/{campaign.slug}/"
    page = client.get(url).content.decode()
    assert "<strong>answer</strong>" in page
    assert "Question" in page

    response = client.post(url, answer(page))
    assert response.status_code == 303
    assert response["Location"].startswith(f"{url}?saved=")
    second = client.get(response["Location"]).content.decode()
    assert "Saved" in second
    assert assignment_of(second) != assignment_of(page)

    done = client.post(url, answer(second, verdict="tie:0"), follow=True)
    assert "That was the last one for now" in done.content.decode()
    first, last = Judgment.objects.order_by("pk")
    assert (first.preference, first.strength) == (first.shown_left, 2)
    assert first.criteria == {"helpful": first.shown_left, "truthful": "tie"}
    assert (first.rationale, first.active_ms) == ("A is right.", 1234)
    assert (last.preference, last.strength) == ("tie", 0)


def test_both_bad_wins_over_a_verdict_and_needs_no_criteria() -> None:
    campaign = open_campaign(1)
    client = signed_in(factories.rater(campaign))
    url = f"/rate/{campaign.slug}/"
    page = client.get(url).content.decode()
    fields = answer(page, both_bad="1", criterion_helpful=None, criterion_truthful=None)
    assert client.post(url, fields).status_code == 303
    assert Judgment.objects.get().preference == "both_bad"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"verdict": None}, "Choose which response is better."),
        ({"criterion_truthful": None}, "Truthful: say which is better, or choose =."),
        ({"verdict": "left:9"}, "Select a valid choice"),
        ({"criterion_helpful": "model-one"}, "Select a valid choice"),
        ({"rationale": "x" * 20_001}, "at most 20000 characters"),
        ({"assignment_id": "1"}, None),
    ],
)
def test_an_incomplete_answer_comes_back_filled_in(
    changes: dict[str, str | None], message: str | None
) -> None:
    campaign = open_campaign(1)
    client = signed_in(factories.rater(campaign))
    url = f"/rate/{campaign.slug}/"
    page = client.get(url).content.decode()
    response = client.post(url, answer(page, **changes))
    assert not Judgment.objects.exists()
    body = response.content.decode()
    if message is None:
        assert response.status_code == 409
        assert "A is right." in body
        return
    assert response.status_code == 422
    assert message in body
    if "verdict" not in changes:
        assert 'value="left:2" data-key="2" checked' in body
    if "rationale" not in changes:
        assert ">A is right.</textarea>" in body


def test_a_required_reason_is_asked_for() -> None:
    campaign = open_campaign(
        1, schema=SCHEMA | {"rationale": "required", "min_rationale_chars": 20}
    )
    client = signed_in(factories.rater(campaign))
    url = f"/rate/{campaign.slug}/"
    page = client.get(url).content.decode()
    assert "At least 20 characters" in page
    response = client.post(url, answer(page, rationale="Too short."))
    assert response.status_code == 422
    assert "in at least 20 characters" in response.content.decode()


@pytest.mark.parametrize(
    ("schema", "values"),
    [
        ({"scale": 2, "tie": False, "both_bad": False}, ["left:1", "right:1"]),
        ({"scale": 2, "tie": True}, ["left:1", "tie:0", "right:1"]),
        ({"scale": 4, "tie": False}, ["left:2", "left:1", "right:1", "right:2"]),
        (
            {"scale": 7},
            ["left:3", "left:2", "left:1", "tie:0", "right:1", "right:2", "right:3"],
        ),
    ],
)
def test_the_scale_is_the_campaigns(schema: dict[str, object], values: list[str]) -> None:
    campaign = open_campaign(1, schema={"rationale": "off", "criteria": [], **schema})
    client = signed_in(factories.rater(campaign))
    page = client.get(f"/rate/{campaign.slug}/").content.decode()
    for key, value in enumerate(values, start=1):
        assert f'value="{value}" data-key="{key}"' in page
    assert page.count('name="verdict"') == len(values)
    assert "<textarea" not in page
    assert ('name="both_bad"' in page) == schema.get("both_bad", True)
    fields = {"assignment_id": str(assignment_of(page)), "verdict": values[0]}
    assert client.post(f"/rate/{campaign.slug}/", fields).status_code == 303


def test_a_skip_needs_a_reason_and_brings_the_next_comparison() -> None:
    campaign = open_campaign(2)
    client = signed_in(factories.rater(campaign))
    url = f"/rate/{campaign.slug}/"
    page = client.get(url).content.decode()
    fields = {"assignment_id": str(assignment_of(page))}
    assert client.post(f"{url}skip/", fields).status_code == 400
    response = client.post(f"{url}skip/", fields | {"reason": "language", "note": "Finnish"})
    assert response.status_code == 303
    after = client.get(response["Location"]).content.decode()
    assert "Skipped" in after
    assert assignment_of(after) != assignment_of(page)
    skipped = Assignment.objects.get(outcome="skipped")
    assert skipped.skip_reason == "language: Finnish"


def test_a_reload_and_a_second_tab_show_the_same_comparison() -> None:
    campaign = open_campaign(3)
    client = signed_in(factories.rater(campaign))
    pages = [client.get(f"/rate/{campaign.slug}/").content.decode() for _ in range(3)]
    assert len({assignment_of(page) for page in pages}) == 1


def test_every_accepted_form_leads_on_with_a_303() -> None:
    """So that Back and Reload show a page and never send a form again."""
    campaign = open_campaign(3)
    client = signed_in(factories.rater(campaign))
    url = f"/rate/{campaign.slug}/"
    html = client.get(url).content.decode()
    fields = answer(html)
    for _ in range(2):
        # The second is the form sent again after Back.
        sent = client.post(url, fields)
        assert (sent.status_code, sent["Location"].partition("?")[0]) == (303, url)
    revision = client.get(f"{url}undo/").content.decode()
    judgment = Judgment.objects.get()
    assert str(judgment.public_id) in revision
    changed = fields | {"verdict": "right:1", "judgment_id": str(judgment.public_id)}
    for _ in range(2):
        sent = client.post(f"{url}undo/", changed)
        assert (sent.status_code, sent["Location"].partition("?")[0]) == (303, url)
    assert Judgment.objects.count() == 2
    assert Judgment.objects.standing().count() == 1
    skipped = {"assignment_id": str(assignment_of(client.get(url).content.decode()))}
    for _ in range(2):
        sent = client.post(f"{url}skip/", skipped | {"reason": "unclear"})
        assert (sent.status_code, sent["Location"].partition("?")[0]) == (303, url)
    assert Assignment.objects.filter(outcome="skipped").count() == 1


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ("paused", "This campaign is paused"),
        ("completed", "This campaign is complete"),
        ("draft", "This campaign has not begun"),
    ],
)
def test_a_campaign_that_does_not_run_says_so(state: str, words: str) -> None:
    campaign = open_campaign(1)
    client = signed_in(factories.rater(campaign))
    campaign.state = state
    campaign.save()
    page = client.get(f"/rate/{campaign.slug}/")
    assert page.status_code == 200
    assert words in page.content.decode()


def test_htmx_gets_the_card_alone() -> None:
    campaign = open_campaign(2)
    client = signed_in(factories.rater(campaign))
    url = f"/rate/{campaign.slug}/"
    page = client.get(url).content.decode()
    htmx = {"hx-request": "true"}
    card = client.post(url, answer(page), headers=htmx, follow=True).content.decode()
    assert card.lstrip().startswith('<span id="progress"')
    assert '<main id="task"' in card
    assert "<html" not in card
    fault = client.post(url, answer(card, verdict=None), headers=htmx)
    assert fault.status_code == 422
    assert fault["HX-Retarget"] == "#say"
    assert 'data-fault="verdict"' in fault.content.decode()


@pytest.mark.parametrize("gold_rate", [0, 0.5])
def test_showing_and_submitting_take_at_most_eight_statements(
    gold_rate: float, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    campaign = open_campaign(4, requirements={"gold_rate": gold_rate})
    add_gold(campaign)
    publish(campaign)
    client = signed_in(factories.rater(campaign))
    url = f"/rate/{campaign.slug}/"
    page = client.get(url).content.decode()
    for _ in range(2):
        with django_assert_max_num_queries(8):
            response = client.post(url, answer(page))
        assert response.status_code == 303
        with django_assert_max_num_queries(8):
            page = client.get(response["Location"]).content.decode()
        # A reload finds the lease that is held.
        with django_assert_max_num_queries(8):
            client.get(url)


def test_home_takes_the_same_statements_for_one_campaign_and_for_many(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    campaign = open_campaign(1)
    seat = factories.rater(campaign)
    user = seat.rater.user
    assert user is not None
    client = signed_in(seat)
    client.get("/rate/")
    with CaptureQueriesContext(connection) as for_one:
        client.get("/rate/")
    assert len(for_one) <= 16
    for _ in range(6):
        other = open_campaign(1, of=campaign.organisation)
        add_member(campaign=other, user=user, role="rater", by=None)
    with django_assert_num_queries(len(for_one)):
        page = client.get("/rate/").content.decode()
    assert page.count(">Start</a>") == 7


def test_the_same_text_is_rendered_once_and_a_lost_cache_changes_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    campaign = open_campaign(1)
    client = signed_in(factories.rater(campaign))
    url = f"/rate/{campaign.slug}/"
    first = client.get(url).content.decode()
    cached = client.get(url).content.decode()
    cache.clear()
    again = client.get(url).content.decode()

    def without_token(html: str) -> str:
        return "\n".join(line for line in html.splitlines() if "csrfmiddlewaretoken" not in line)

    assert without_token(first) == without_token(cached) == without_token(again)


def test_the_guidelines_are_a_page_and_the_inside_of_a_drawer() -> None:
    campaign = open_campaign(1)
    client = signed_in(factories.rater(campaign))
    url = f"/rate/{campaign.slug}/guidelines/"
    assert "no written guidelines yet" in client.get(url).content.decode()
    publish(campaign)
    assert "Be <em>fair</em>." in client.get(url).content.decode()
    part = client.get(url, headers={"hx-request": "true"}).content.decode()
    assert "Be <em>fair</em>." in part
    assert "<html" not in part


def test_the_day_is_summed_up_at_home_and_at_the_end() -> None:
    campaign = open_campaign(2)
    client = signed_in(factories.rater(campaign))
    url = f"/rate/{campaign.slug}/"
    for _ in range(2):
        client.post(url, answer(client.get(url).content.decode(), active_ms="90000"))
    assert '<dd class="value">2</dd>' in client.get(url).content.decode()
    home = client.get("/rate/").content.decode()
    assert "Nothing left" in home
    assert '<dd class="num">3 min</dd>' in home
