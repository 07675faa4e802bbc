"""The bench without JavaScript: judge, correct, undo, skip, and what happens when it is late."""

import uuid
from datetime import timedelta

import pytest
from django.core.cache import cache
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from labeling.actions.campaigns import update_campaign
from labeling.actions.raters import add_member, suspend_rater
from labeling.models import Assignment, AuditEvent, Judgment
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


def test_undo_shows_the_judgment_again_and_saving_puts_a_new_one_over_it() -> None:
    campaign = open_campaign(2)
    client = signed_in(factories.rater(campaign))
    url = f"/rate/{campaign.slug}/"
    page = client.get(url).content.decode()
    client.post(url, answer(page))
    undo = client.get(f"{url}undo/").content.decode()
    assert assignment_of(undo) == assignment_of(page)
    assert 'value="left:2" data-key="2" checked' in undo
    assert ">A is right.</textarea>" in undo
    first = Judgment.objects.get()
    changed = answer(undo, verdict="right:3", rationale="B.", judgment_id=str(first.public_id))
    response = client.post(f"{url}undo/", changed)
    assert response.status_code == 303
    assert "Saved" in client.get(response["Location"]).content.decode()
    standing = Judgment.objects.standing().get()
    assert standing.supersedes == first
    assert standing.preference != first.preference
    assert standing.rationale == "B."
    # Pressed twice: still one change.
    assert client.post(f"{url}undo/", changed).status_code == 303
    assert Judgment.objects.count() == 2


def test_undo_ends_with_its_window() -> None:
    campaign = open_campaign(1)
    campaign.revise_seconds = 0
    campaign.save()
    client = signed_in(factories.rater(campaign))
    url = f"/rate/{campaign.slug}/"
    client.post(url, answer(client.get(url).content.decode()))
    response = client.get(f"{url}undo/")
    assert response.status_code == 409
    assert "nothing to undo" in response.content.decode()


@pytest.mark.parametrize(("what", "status"), [("archived", 409), ("paused", 403)])
def test_nothing_is_changed_after_the_campaign_or_ones_part_in_it_ended(
    what: str, status: int
) -> None:
    campaign = open_campaign(1)
    seat = factories.rater(campaign)
    client = signed_in(seat)
    url = f"/rate/{campaign.slug}/"
    page = client.get(url).content.decode()
    client.post(url, answer(page, verdict="left:2"))
    judgment = Judgment.objects.get()
    if what == "archived":
        update_campaign(campaign=campaign, by=None, state="archived")
    else:
        suspend_rater(campaign=campaign, rater=seat.rater, by=None)
    changed = answer(page, judgment_id=str(judgment.public_id), verdict="right:1")
    assert client.post(f"{url}undo/", changed).status_code == status
    assert Judgment.objects.get() == judgment


def test_nobody_changes_the_judgment_of_another() -> None:
    campaign = open_campaign(2, overlap=2)
    one, two = (signed_in(factories.rater(campaign)) for _ in range(2))
    url = f"/rate/{campaign.slug}/"
    one.post(url, answer(one.get(url).content.decode()))
    judgment = Judgment.objects.get()
    page = two.get(url).content.decode()
    fields = answer(page, judgment_id=str(judgment.public_id), verdict="right:1")
    assert two.post(f"{url}undo/", fields).status_code == 404
    assert Judgment.objects.get() == judgment


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


def test_going_back_and_sending_another_answer_says_what_is_stored() -> None:
    campaign = open_campaign(2)
    client = signed_in(factories.rater(campaign))
    url = f"/rate/{campaign.slug}/"
    page = client.get(url).content.decode()
    client.post(url, answer(page))
    assert client.post(url, answer(page)).status_code == 303
    response = client.post(url, answer(page, verdict="right:1", rationale="Changed my mind."))
    assert response.status_code == 409
    body = response.content.decode()
    assert "already judged" in body
    assert "Changed my mind." in body
    assert Judgment.objects.count() == 1


def test_a_lost_lease_keeps_the_typed_text_on_the_page() -> None:
    campaign = open_campaign(1)
    one, two = (factories.rater(campaign) for _ in range(2))
    slow, quick = signed_in(one), signed_in(two)
    url = f"/rate/{campaign.slug}/"
    page = slow.get(url).content.decode()
    Assignment.objects.filter(rater=one.rater).update(
        leased_until=timezone.now() - timedelta(minutes=1)
    )
    quick.post(url, answer(quick.get(url).content.decode()))
    response = slow.post(url, answer(page, rationale="A long thought."))
    assert response.status_code == 409
    assert "A long thought." in response.content.decode()
    with_script = slow.post(url, answer(page), headers={"hx-request": "true"})
    assert with_script.status_code == 409
    assert with_script["HX-Retarget"] == "#say"
    assert "<html" not in with_script.content.decode()
    assert Judgment.objects.count() == 1


def test_what_is_not_ones_own_is_not_found_and_the_attempt_is_noted() -> None:
    """Another rater's assignment, one of another campaign, and an unknown one look alike."""
    campaign, elsewhere = open_campaign(3, overlap=2), open_campaign(1)
    one, two, away = (factories.rater(c) for c in (campaign, campaign, elsewhere))
    url = f"/rate/{campaign.slug}/"
    theirs = assignment_of(signed_in(two).get(url).content.decode())
    foreign = assignment_of(signed_in(away).get(f"/rate/{elsewhere.slug}/").content.decode())
    client = signed_in(one)
    mine = client.get(url).content.decode()
    bodies = set()
    for target in (theirs, foreign, uuid.uuid4()):
        fields = answer(mine, assignment_id=str(target))
        skipped = {"assignment_id": str(target), "reason": "unclear"}
        for headers in ({}, {"hx-request": "true"}):
            for path, sent in ((url, fields), (f"{url}skip/", skipped)):
                response = client.post(path, sent, headers=headers)
                assert response.status_code == 404
                bodies.add((bool(headers), response.content))
        changed = client.post(f"{url}undo/", fields | {"judgment_id": str(target)})
        assert changed.status_code == 404
        attempts = AuditEvent.objects.filter(verb="judgment.refused", subject=target)
        assert [event.user for event in attempts] == [one.rater.user] * 5
    assert len({body for is_htmx, body in bodies if is_htmx}) == 1
    assert not Judgment.objects.exists()
    assert not Assignment.objects.exclude(outcome=None).exists()


def test_an_ended_campaign_refuses_what_was_held_and_notes_it() -> None:
    campaign = open_campaign(1)
    client = signed_in(factories.rater(campaign))
    url = f"/rate/{campaign.slug}/"
    html = client.get(url).content.decode()
    campaign.state = "archived"
    campaign.save()
    assert client.post(url, answer(html)).status_code == 409
    assert not Judgment.objects.exists()
    assert AuditEvent.objects.filter(verb="judgment.refused").count() == 1


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


def test_what_only_the_server_may_say_is_ignored_in_the_form() -> None:
    campaign = open_campaign(1)
    seat = factories.rater(campaign)
    client = signed_in(seat)
    url = f"/rate/{campaign.slug}/"
    page = client.get(url).content.decode()
    stray = {
        "model": "zq-canary-two",
        "left_model": "x",
        "swapped": "1",
        "completion_id": "1",
        "winner_model": "x",
        "rater": "999",
        "completed_by": "999",
        "created_at": "2001-01-01",
        "lead_time": "1",
        "ip": "1.2.3.4",
        "campaign": "999",
        "is_repeat": "1",
        "preference": "b",
    }
    client.post(url, answer(page) | stray)
    judgment = Judgment.objects.get()
    assert judgment.rater == seat.rater
    assert judgment.campaign == campaign
    assert judgment.preference == judgment.shown_left
    assert judgment.judged_at > timezone.now() - timedelta(minutes=1)
    assert not judgment.is_repeat
    assert set(judgment.client) == {"page", "shown_as", "active_ms"}


def test_who_has_no_part_in_the_campaign_finds_nothing() -> None:
    campaign = open_campaign(1)
    publish(campaign)
    stranger = signed_in(factories.rater(open_campaign(1)))
    manager = signed_in(factories.rater(open_campaign(1)))
    manager.force_login(factories.member(campaign, "manager"))
    for path in ("", "undo/", "guidelines/"):
        for client in (stranger, manager):
            assert client.get(f"/rate/{campaign.slug}/{path}").status_code == 404
        assert stranger.get(f"/rate/no-such-campaign/{path}").status_code == 404
    assert stranger.post(f"/rate/{campaign.slug}/skip/").status_code == 404


def test_who_is_not_signed_in_is_sent_to_sign_in_and_comes_back() -> None:
    campaign = open_campaign(1)
    client = signed_in(factories.rater(campaign))
    client.logout()
    url = f"/rate/{campaign.slug}/"
    assert client.get(url)["Location"] == f"/login/?next={url}"
    fragment = client.post(url, {}, headers={"hx-request": "true"})
    assert fragment.status_code == 401
    assert "kept on this device" in fragment.content.decode()


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
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    campaign = open_campaign(1)
    seat = factories.rater(campaign)
    user = seat.rater.user
    assert user is not None
    for _ in range(6):
        other = open_campaign(1, of=campaign.organisation)
        add_member(campaign=other, user=user, role="rater", by=None)
    client = signed_in(seat)
    with django_assert_max_num_queries(7):
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
    assert "Where you left off" in home
    assert '<dd class="num">3 min</dd>' in home
