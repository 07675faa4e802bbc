"""The page of judges at three widths and in both themes: nobody is shut out, nothing runs over."""

import pytest
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from labeling.actions.routing import switch_on
from labeling.models import Membership, Seat
from tests import factories
from tests.browser.conftest import Enter
from tests.browser.looking import Look
from tests.judge_rows import judge_of, known_judge

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def manager(enter: Enter) -> Seat:
    """Somebody who manages a campaign, and is signed in."""
    campaign = factories.campaign(name="Harbours", state="draft", overlap=3)
    seat = factories.rater(campaign, "mia")
    assert seat.rater.user is not None
    Membership.objects.create(campaign=campaign, user=seat.rater.user, role="manager")
    enter(seat)
    return seat


def test_judges_are_for_everybody(manager: Seat, page: Page, live_server: LiveServer) -> None:
    campaign = manager.campaign
    here = f"{live_server.url}/campaigns/{campaign.slug}/judges/"
    look = Look(page)
    look.load(here, "none")
    look.at_every_width("none")
    judge, _ = known_judge(campaign)
    judge_of(campaign, "a judge with quite a long name, rubric v2", persona={"age": "60 and over"})
    look.load(here, "judged")
    page.locator("details.data summary").first.click()
    look.at_every_width("judged")
    look.widen(1440)
    # By keyboard: the slider moves in steps, and Enter works it out.
    page.locator("#cut").focus()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{here}?cut=75#route-h")
    expect(page.get_by_text("at least 75 % sure")).to_be_visible()
    # A definition opens by keyboard too, and closes.
    page.get_by_role("button", name="Consistency").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#def-cons")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#def-cons")).to_be_hidden()
    page.get_by_role("button", name="Use it").click()
    expect(page.get_by_role("heading", name="decides what it is sure of")).to_be_visible()
    assert judge.routings.get().cut == 0.75
    look.at_every_width("on")
    assert not look.faults, "\n".join(look.faults)


def test_the_switch_is_not_offered_to_whoever_may_not_use_it(
    page: Page, live_server: LiveServer, enter: Enter
) -> None:
    campaign = factories.campaign(state="draft", overlap=3)
    judge, _ = known_judge(campaign)
    switch_on(campaign=campaign, judge=judge, cut=0.75, audit_share=0.1, by=None)
    seat = factories.rater(campaign)
    assert seat.rater.user is not None
    Membership.objects.create(campaign=campaign, user=seat.rater.user, role="researcher")
    enter(seat)
    page.goto(f"{live_server.url}/campaigns/{campaign.slug}/judges/")
    expect(page.get_by_role("heading", name="decides what it is sure of")).to_be_visible()
    expect(page.get_by_role("button", name="Switch it off")).to_have_count(0)
