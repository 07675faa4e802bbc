"""The card after this one: dealt ahead, taken up once, given back; and what that costs."""

import re
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from labeling.actions.ahead import prepare_assignment
from labeling.actions.campaigns import update_campaign
from labeling.actions.claiming import claim_assignment
from labeling.actions.leases import requeue_lapsed
from labeling.actions.rating import renew_lease, skip_assignment
from labeling.errors import ConflictError, LeaseLostError
from labeling.models import Assignment, Campaign, Gold, Judgment, Seat
from labeling.queries.due import campaigns_with_lapsed_leases
from labeling.queries.queue_faults import QueueFaults
from tests import factories
from tests.web.building import add_gold, answer, assignment_of, open_campaign, publish, signed_in

pytestmark = pytest.mark.django_db(transaction=True)

HTMX = {"hx-request": "true"}


class Tab:
    """A tab of the bench with its card, as the page's script keeps it."""

    def __init__(self, client: Client, campaign: Campaign) -> None:
        self.client, self.url = client, f"/rate/{campaign.slug}/"
        self.card = client.get(self.url).content.decode()
        self.ahead = ""

    def post(self, path: str, **fields: Any) -> Any:
        return self.client.post(self.url + path, fields, headers=HTMX)

    def prepare(self) -> int:
        response = self.post("ahead/", assignment_id=str(assignment_of(self.card)))
        self.ahead = response.content.decode()
        return int(response.status_code)

    def prepared(self) -> uuid.UUID:
        return assignment_of(self.ahead)

    def submit(self, **changes: Any) -> Any:
        return self.post("", **answer(self.card, prepared=str(self.prepared()), **changes))


def lease(public_id: uuid.UUID) -> timedelta:
    until = Assignment.objects.get(public_id=public_id).leased_until
    assert until is not None
    return until - timezone.now()


def test_the_prepared_card_is_next_once_the_answer_is_stored() -> None:
    campaign = open_campaign(3)
    tab = Tab(signed_in(factories.rater(campaign)), campaign)
    assert tab.prepare() == 200
    assert tab.prepared() != assignment_of(tab.card)
    assert "<html" not in tab.ahead
    # Short while it waits; as long as any other once it is on the screen.
    assert lease(tab.prepared()) <= timedelta(seconds=180)
    told = tab.submit()
    assert told["Bench-Next"] == str(tab.prepared())
    assert Judgment.objects.count() == 1
    body = told.content.decode()
    assert "Saved" in body
    assert "1 today" in body
    assert len(told.content) < 2_000
    assert lease(tab.prepared()) > timedelta(seconds=1_700)
    # The page would put the prepared card in place; a reload shows the same one.
    assert assignment_of(tab.client.get(tab.url).content.decode()) == tab.prepared()


def test_a_reload_shows_the_card_that_was_on_the_screen_not_the_prepared_one() -> None:
    campaign = open_campaign(5)
    tab = Tab(signed_in(factories.rater(campaign)), campaign)
    for _ in range(4):
        assert tab.prepare() == 200
        assert assignment_of(tab.client.get(tab.url).content.decode()) == assignment_of(tab.card)
        tab.submit()
        tab.card = tab.ahead


def test_a_prepared_card_is_in_one_tab_only() -> None:
    campaign = open_campaign(4)
    client = signed_in(factories.rater(campaign))
    first, second = Tab(client, campaign), Tab(client, campaign)
    assert first.prepare() == 200
    # The second tab shows the same comparison, and nothing is prepared in it.
    assert second.prepare() == 204
    sent = second.client.post(second.url, answer(second.card), headers=HTMX)
    shown = assignment_of(client.get(sent["Location"], headers=HTMX).content.decode())
    assert shown == first.prepared()
    # It is on the other tab's screen now: the same answer here leads on by the ordinary way.
    again = first.submit()
    assert again.status_code == 303
    assert "Bench-Next" not in again
    assert Judgment.objects.count() == 1


def test_what_is_prepared_goes_back_when_the_page_goes_away() -> None:
    campaign = open_campaign(2)
    tab = Tab(signed_in(factories.rater(campaign)), campaign)
    tab.prepare()
    asked = str(assignment_of(tab.card))
    gone = tab.post("leave/", assignment_id=asked, prepared=str(tab.prepared()))
    assert gone.status_code == 204
    other = factories.rater(campaign)
    taken = claim_assignment(rater=other.rater, campaign=campaign)
    assert taken is not None
    assert taken.public_id == tab.prepared()
    # What is on the screen stays, and so does what another tab took up.
    tab.post("leave/", assignment_id=asked, prepared=asked)
    assert lease(assignment_of(tab.card)) > timedelta(seconds=1_700)
    assert tab.submit().status_code == 303
    assert not QueueFaults.of(campaign)


def test_a_rater_who_is_there_keeps_both_leases_and_learns_what_is_lost() -> None:
    campaign = open_campaign(2)
    tab = Tab(signed_in(factories.rater(campaign)), campaign)
    tab.prepare()
    shown, prepared = assignment_of(tab.card), tab.prepared()
    Assignment.objects.filter(public_id__in=[shown, prepared]).update(
        leased_until=timezone.now() + timedelta(seconds=2)
    )
    fields = {"assignment_id": str(shown), "prepared": str(prepared)}
    assert tab.post("hold/", **fields).json() == {"shown": True, "prepared": True}
    assert lease(shown) > timedelta(seconds=1_700)
    assert timedelta(seconds=100) < lease(prepared) <= timedelta(seconds=180)
    other = factories.rater(campaign)
    Assignment.objects.filter(public_id=prepared).update(rater=other.rater)
    assert tab.post("hold/", **fields).json() == {"shown": True, "prepared": False}
    assert tab.submit().status_code == 303


def test_a_paused_campaign_takes_the_answer_and_shows_no_prepared_card() -> None:
    campaign = open_campaign(2)
    tab = Tab(signed_in(factories.rater(campaign)), campaign)
    tab.prepare()
    update_campaign(campaign=campaign, by=None, state="paused")
    sent = tab.submit()
    assert sent.status_code == 303
    page = tab.client.get(sent["Location"], headers=HTMX).content.decode()
    assert "This campaign is paused" in page
    assert "Saved" in page
    assert Judgment.objects.count() == 1


def test_nothing_is_prepared_beyond_the_day_s_cap() -> None:
    campaign = open_campaign(3, requirements={"daily_cap": 2})
    tab = Tab(signed_in(factories.rater(campaign)), campaign)
    assert tab.prepare() == 200
    tab.submit()
    tab.card = tab.ahead
    assert tab.prepare() == 204


def test_a_skip_leads_on_to_the_prepared_card_too() -> None:
    campaign = open_campaign(3)
    tab = Tab(signed_in(factories.rater(campaign)), campaign)
    tab.prepare()
    told = tab.post(
        "skip/",
        assignment_id=str(assignment_of(tab.card)),
        reason="unclear",
        prepared=str(tab.prepared()),
    )
    assert told["Bench-Next"] == str(tab.prepared())
    assert "Skipped" in told.content.decode()
    # Nothing was judged, so there is nothing to undo.
    assert "data-undoable" not in told.content.decode()


def test_what_is_prepared_of_another_rater_is_never_taken_up_or_given_back() -> None:
    campaign = open_campaign(6)
    one, two = (Tab(signed_in(factories.rater(campaign)), campaign) for _ in range(2))
    one.prepare()
    two.prepare()
    stolen = two.post("", **answer(two.card, prepared=str(one.prepared())))
    assert stolen.status_code == 303
    two.post("leave/", assignment_id=str(assignment_of(two.card)), prepared=str(one.prepared()))
    assert one.submit()["Bench-Next"] == str(one.prepared())


def without_ids(html: str) -> str:
    html = re.sub(r'csrfmiddlewaretoken" value="\w+"', "", html)
    return re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "UUID", html)


def test_gold_is_dealt_ahead_like_the_rest_and_looks_like_it() -> None:
    """BL-09: prepared gold differs in its texts alone, and so does the reply to its answer."""
    campaign = open_campaign(1, requirements={"gold_rate": 1})
    for _ in range(3):
        add_gold(campaign)
    plain = open_campaign(3, of=campaign.organisation, name=campaign.name)
    golden = Tab(signed_in(factories.rater(campaign)), campaign)
    usual = Tab(signed_in(factories.rater(plain)), plain)
    assert [golden.prepare(), usual.prepare()] == [200, 200]
    dealt = Assignment.objects.get(public_id=golden.prepared())
    assert dealt.ordinal is None
    assert abs(lease(dealt.public_id) - lease(usual.prepared())) < timedelta(seconds=2)
    replies = [one.submit() for one in (golden, usual)]
    told = [without_ids(r.content.decode()).replace(plain.slug, campaign.slug) for r in replies]
    assert told[0] == told[1]
    assert sorted(replies[0].headers) == sorted(replies[1].headers)


@pytest.mark.parametrize("gold_rate", [0, 1])
def test_what_was_given_back_or_lapsed_is_answered_alike_for_gold_and_the_rest(
    gold_rate: int,
) -> None:
    """BL-09: nothing that a script can ask tells which of the two a prepared card was."""
    campaign = open_campaign(4, requirements={"gold_rate": gold_rate})
    for _ in range(4):
        add_gold(campaign)
    tab = Tab(signed_in(factories.rater(campaign)), campaign)
    assert tab.prepare() == 200
    asked, prepared = str(assignment_of(tab.card)), tab.prepared()
    assert (Assignment.objects.get(public_id=prepared).ordinal is None) == bool(gold_rate)
    Assignment.objects.filter(public_id=prepared).update(
        leased_until=timezone.now() - timedelta(seconds=1)
    )
    held = tab.post("hold/", assignment_id=asked, prepared=str(prepared)).json()
    assert held == {"shown": True, "prepared": False}
    tab.post("leave/", assignment_id=asked, prepared=str(prepared))
    late = tab.post("", **answer(tab.ahead))
    assert late.status_code == 404
    assert not Judgment.objects.exists()
    assert not QueueFaults.of(campaign)


def test_prepared_gold_that_is_given_back_may_come_again() -> None:
    campaign = open_campaign(1, requirements={"gold_rate": 1})
    for _ in range(3):
        add_gold(campaign)
    tab = Tab(signed_in(factories.rater(campaign)), campaign)
    tab.prepare()
    tab.post("leave/", assignment_id=str(assignment_of(tab.card)), prepared=str(tab.prepared()))
    given_back = tab.prepared()
    left = Assignment.objects.get(public_id=given_back)
    assert (left.rater, left.lapsed_from, left.ended_at) == (None, None, None)
    # After what is fresh, as a slot at the tail; and with its id and sides, as a slot.
    met = []
    for _ in range(2):
        assert tab.prepare() == 200
        met.append(tab.prepared())
        tab.submit()
        tab.card = tab.ahead
    assert met[0] != given_back
    assert met[1] == given_back
    assert Assignment.objects.get(public_id=given_back).a_on_left == left.a_on_left


@pytest.mark.parametrize("gold_rate", [0, 1])
def test_a_prepared_lease_that_lapsed_holds_up_nothing_whatever_it_was(gold_rate: int) -> None:
    """BL-09: after a sweep another card is prepared, for gold as for a slot."""
    campaign = open_campaign(4, requirements={"gold_rate": gold_rate})
    for _ in range(4 * gold_rate):
        add_gold(campaign)
    tab = Tab(signed_in(factories.rater(campaign)), campaign)
    assert tab.prepare() == 200
    lapsed = tab.prepared()
    assert (Assignment.objects.get(public_id=lapsed).ordinal is None) == bool(gold_rate)
    Assignment.objects.filter(public_id=lapsed).update(
        leased_until=timezone.now() - timedelta(seconds=1)
    )
    # Until the sweep it is held, whatever it is.
    assert tab.prepare() == 204
    assert campaign in campaigns_with_lapsed_leases()
    assert requeue_lapsed(campaign=campaign) == 1
    assert campaign not in campaigns_with_lapsed_leases()
    assert tab.prepare() == 200
    assert tab.prepared() != lapsed
    assert not QueueFaults.of(campaign)


@pytest.mark.parametrize("gold_rate", [0, 1])
def test_what_was_shown_and_lapsed_is_the_rater_s_as_a_slot_is(gold_rate: int) -> None:
    """BL-09: renewing, skipping, answering late and reloading say the same of both."""
    campaign = open_campaign(4, requirements={"gold_rate": gold_rate})
    for _ in range(4 * gold_rate):
        add_gold(campaign)
    seat = factories.rater(campaign)
    tab = Tab(signed_in(seat), campaign)
    shown = assignment_of(tab.card)
    assert (Assignment.objects.get(public_id=shown).ordinal is None) == bool(gold_rate)
    Assignment.objects.filter(public_id=shown).update(
        leased_until=timezone.now() - timedelta(seconds=1)
    )
    requeue_lapsed(campaign=campaign)
    with pytest.raises(LeaseLostError):
        renew_lease(rater=seat.rater, assignment_id=shown)
    with pytest.raises(ConflictError):
        skip_assignment(rater=seat.rater, assignment_id=shown, reason="")
    held = tab.post("hold/", assignment_id=str(shown)).json()
    assert held == {"shown": False, "prepared": False}
    assert tab.prepare() == 204
    # A late answer is taken while nobody else has it.
    assert tab.client.post(tab.url, answer(tab.card), headers=HTMX).status_code == 303
    assert Judgment.objects.get().assignment == Assignment.objects.get(public_id=shown)
    assert assignment_of(tab.client.get(tab.url).content.decode()) != shown
    assert not QueueFaults.of(campaign)


def test_gold_that_lapsed_passes_on_and_its_late_answer_is_refused_like_a_slot_s() -> None:
    campaign = open_campaign(1, requirements={"gold_rate": 1})
    add_gold(campaign)
    one, two = (Tab(signed_in(factories.rater(campaign)), campaign) for _ in range(2))
    gold = [assignment_of(tab.card) for tab in (one, two)]
    Assignment.objects.filter(public_id=gold[0]).update(
        leased_until=timezone.now() - timedelta(seconds=1)
    )
    requeue_lapsed(campaign=campaign)
    third = Tab(signed_in(factories.rater(campaign)), campaign)
    assert assignment_of(third.card) == gold[0]
    late = one.client.post(one.url, answer(one.card), headers=HTMX)
    assert late.status_code in {404, 409}
    assert not Judgment.objects.exists()
    assert third.client.post(third.url, answer(third.card), headers=HTMX).status_code == 303


def test_a_gold_comparison_with_slots_of_its_own_keeps_them_apart_from_what_lapsed() -> None:
    """What lapsed stands where no claim looks, even when a slot of its comparison is reopened."""
    campaign = open_campaign(1, requirements={"gold_rate": 1})
    Gold.objects.create(comparison=campaign.comparisons.get(), preference="a")
    one, two = (factories.rater(campaign).rater for _ in range(2))
    gold = claim_assignment(rater=one, campaign=campaign)
    campaign = update_campaign(campaign=campaign, by=None, requirements={"gold_rate": 0})
    slot = claim_assignment(rater=two, campaign=campaign)
    assert gold is not None
    assert slot is not None
    assert (gold.ordinal, slot.ordinal) == (None, 1)
    Assignment.objects.update(leased_until=timezone.now() - timedelta(seconds=1))
    assert requeue_lapsed(campaign=campaign) == 2
    gold.refresh_from_db()
    assert (gold.position, gold.rater, gold.lapsed_from) == (0, None, one)
    again = claim_assignment(rater=one, campaign=campaign)
    assert again is not None
    assert again.pk == slot.pk
    assert not QueueFaults.of(campaign)


@pytest.mark.parametrize("gold_rate", [0, 0.5])
def test_preparing_and_submitting_take_at_most_eight_statements(
    gold_rate: float, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    campaign = open_campaign(5, requirements={"gold_rate": gold_rate})
    add_gold(campaign)
    publish(campaign)
    tab = Tab(signed_in(factories.rater(campaign)), campaign)
    for _ in range(3):
        with django_assert_max_num_queries(8):
            assert tab.prepare() == 200
        with django_assert_max_num_queries(8):
            tab.submit()
        tab.card = tab.ahead


def test_two_pages_that_prepare_at_once_get_one_card_together() -> None:
    campaign = open_campaign(4)
    seat: Seat = factories.rater(campaign)
    shown = claim_assignment(rater=seat.rater, campaign=campaign)
    assert shown is not None
    got = [
        prepare_assignment(rater=seat.rater, campaign=campaign, beside=shown.public_id)
        for _ in range(3)
    ]
    assert [one is not None for one in got] == [True, False, False]
    assert Assignment.objects.filter(rater=seat.rater, ended_at=None).count() == 2
