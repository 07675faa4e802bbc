"""Undo on the bench: the last judgment again, and who may change it until when."""

import pytest

from labeling.actions.campaigns import update_campaign
from labeling.actions.judgments import withdraw_judgment
from labeling.actions.raters import add_member, suspend_rater
from labeling.models import Judgment
from tests import factories
from tests.web.building import answer, assignment_of, open_campaign, signed_in

pytestmark = pytest.mark.django_db(transaction=True)


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


def test_what_a_manager_withdrew_is_not_offered_nor_what_it_was_put_over() -> None:
    campaign = open_campaign(2)
    seat = factories.rater(campaign)
    client = signed_in(seat)
    url = f"/rate/{campaign.slug}/"
    client.post(url, answer(client.get(url).content.decode(), verdict="left:2"))
    first = Judgment.objects.get()
    page = client.get(f"{url}undo/").content.decode()
    changed = answer(page, verdict="right:3", judgment_id=str(first.public_id))
    client.post(f"{url}undo/", changed)
    revised = Judgment.objects.standing().get()
    assert 'id="undo" hidden' not in client.get(url).content.decode()
    withdraw_judgment(judgment=revised, by=None, reason="Not theirs.")
    assert 'id="undo" hidden' in client.get(url).content.decode()
    assert client.get(f"{url}undo/").status_code == 409
    for judgment in (first, revised):
        assert client.get(f"{url}undo/{judgment.public_id}/").status_code == 404


def test_the_bench_of_one_campaign_takes_nothing_of_another() -> None:
    here, there = open_campaign(2), open_campaign(2)
    seat = factories.rater(there)
    assert seat.rater.user is not None
    here.organisation = there.organisation
    here.save()
    add_member(campaign=here, user=seat.rater.user, role="rater", by=None)
    client = signed_in(seat)
    other, own = f"/rate/{here.slug}/", f"/rate/{there.slug}/"
    page = client.get(own).content.decode()
    assert client.post(other, answer(page)).status_code == 404
    skipped = {"assignment_id": assignment_of(page), "reason": "unclear"}
    assert client.post(f"{other}skip/", skipped).status_code == 404
    assert not Judgment.objects.exists()
    assert client.post(own, answer(page, verdict="left:2")).status_code == 303
    judgment = Judgment.objects.get()
    changed = answer(page, verdict="right:1", judgment_id=str(judgment.public_id))
    assert client.post(f"{other}undo/", changed).status_code == 404
    assert Judgment.objects.get() == judgment
    assert client.post(f"{own}undo/", changed).status_code == 303
