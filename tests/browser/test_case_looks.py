"""The pages of a case are for everybody: manager's and rater's, at every width, in both themes."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from labeling.actions.cases import decide, open_case, write_entry
from labeling.actions.claiming import claim_assignment
from labeling.actions.rating import submit_judgment
from labeling.models import Campaign, Case, Gold, Seat
from labeling.queries.gold import suspect_gold
from tests import factories
from tests.browser.test_campaign_looks import look, manager  # noqa: F401
from workers.quality import pause_by_rules

pytestmark = pytest.mark.django_db(transaction=True)
REASON = "A is clearer, better structured and more complete than the other answer is, I think"


def judge(campaign: Campaign, seat: Seat, *, active_ms: int, count: int, reason: str = "") -> None:
    for number in range(count):
        claimed = claim_assignment(rater=seat.rater, campaign=campaign)
        assert claimed is not None
        client = {
            "active_ms": active_ms + 4000 * (number % 7),
            "script": True,
            "keystrokes": 3,
            "pastes": [{"into": "rationale", "chars": 80}] if reason else [],
        }
        is_gold = claimed.ordinal is None
        better = "a" if is_gold or claimed.comparison_id % 3 else "b"
        side = claimed.side(better) if active_ms > 10_000 else "left"
        answer = {"side": side, "strength": 2, "rationale": reason, "client": client}
        submit_judgment(rater=seat.rater, assignment_id=claimed.public_id, answer=answer)


@pytest.fixture
def case(manager: Seat) -> Case:  # noqa: F811
    """A hasty rater whom the stated rule paused, beside careful ones, and some words."""
    campaign = manager.campaign
    Campaign.objects.filter(pk=campaign.pk).update(
        policy={"pause_rule": {"in_a_row": 9, "seconds": 60}}, overlap=5
    )
    campaign.refresh_from_db()
    long = "A long answer about harbours and tides. " * 20
    for _ in range(12):
        factories.comparison(campaign, long + "Yes.", long * 2)
    factories.open_comparisons(campaign, 0)
    hasty = factories.rater(campaign)
    judge(campaign, hasty, active_ms=1200, count=12, reason=REASON)
    pause_by_rules()
    for _ in range(3):
        judge(campaign, factories.rater(campaign), active_ms=70_000, count=12)
    found = Case.objects.get()
    assert manager.rater.user is not None
    assert hasty.rater.user is not None
    write_entry(case=found, kind="reply", text="Sorry, I was in a hurry.", by=hasty.rater.user)
    write_entry(case=found, kind="note", text="Looks plausible.", by=manager.rater.user)
    return found


def test_the_case_is_for_everybody_to_read(
    look: Callable[..., None],  # noqa: F811
    manager: Seat,  # noqa: F811
    case: Case,
) -> None:
    seat = case.seat
    assert manager.rater.user is not None
    decide(case=case, action="exclude_flagged", note="Too fast.", by=manager.rater.user)
    look(f"/campaigns/{seat.campaign.slug}/raters/{seat.rater.public_id}/case/", "case")


def test_choosing_an_action_shows_what_it_changes(
    page: Page, live_server: LiveServer, case: Case
) -> None:
    seat = case.seat
    path = f"/campaigns/{seat.campaign.slug}/raters/{seat.rater.public_id}/case/"
    page.goto(f"{live_server.url}{path}")
    page.get_by_label("all 12 of round 1").check()
    expect(page.locator("#effect")).to_contain_text("without these 12")
    page.get_by_role("button", name="Faster than reading").click()
    expect(page.locator("#def-fast")).to_be_visible()
    page.keyboard.press("Escape")
    page.get_by_label("Resume").check()
    page.get_by_label("Note for the audit log").fill("Thank you for being open.")
    page.get_by_role("button", name="Record the decision").click()
    expect(page.get_by_text("Recorded. The rater can read your note.")).to_be_visible()
    case.refresh_from_db()
    assert case.state == "closed"


def test_the_raters_own_page_is_for_everybody_to_read(
    look: Callable[..., None],  # noqa: F811
    manager: Seat,  # noqa: F811
) -> None:
    # Who is signed in manages and rates: here they are the rater.
    campaign = manager.campaign
    factories.open_comparisons(campaign, 6)
    judge(campaign, manager, active_ms=1500, count=6, reason=REASON)
    judge(campaign, factories.rater(campaign), active_ms=40_000, count=6)
    other = factories.member(campaign, "manager")
    found = open_case(campaign=campaign, rater=manager.rater, by=other, text="Can we talk?")
    look(f"/rate/cases/{found.public_id}/", "rate-case")
    look("/rate/", "home-with-a-case")


def test_doubted_gold_is_for_everybody_to_read(
    look: Callable[..., None],  # noqa: F811
    manager: Seat,  # noqa: F811
) -> None:
    campaign = manager.campaign
    Campaign.objects.filter(pk=campaign.pk).update(requirements={"gold_rate": 1.0})
    campaign.refresh_from_db()
    factories.open_comparisons(campaign, 1)
    for number in range(7):
        Gold.objects.create(
            comparison=factories.comparison(campaign, external_id=f"g{number}"),
            preference="a" if number else "b",
            explanation="Because of the tides.",
        )
    for _ in range(5):
        judge(campaign, factories.rater(campaign), active_ms=30_000, count=7)
    assert len(suspect_gold(campaign)) == 1
    look(f"/campaigns/{campaign.slug}/gold/", "gold")
