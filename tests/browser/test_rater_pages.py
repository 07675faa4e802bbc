"""The pool of a campaign, one rater of it, one's own profile and the way in of a participant, for
everybody: at each width, in both themes; and a participant's way from the panel and back.
"""

from datetime import timedelta

from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from labeling.actions.entry import make_entry_link
from labeling.actions.profiles import change_profile, give_demographics
from labeling.actions.raters import add_member, suspend_rater
from labeling.actions.skills import grant_skill
from labeling.models import Campaign, EntryVisit, Judgment, Membership, Seat, Skill
from tests import factories
from tests.browser.conftest import Enter
from tests.browser.looking import Look
from tests.judging import judged
from tests.web.building import SCHEMA, open_campaign

NAMES = ("Finch", "Wren", "Plover", "Siskin", "Knot", "Dunlin", "Avocet")


def pool(campaign: Campaign) -> None:
    """Raters of every kind, with skills, languages and words about themselves."""
    Campaign.objects.filter(pk=campaign.pk).update(
        requirements={"skills": {"Maths": 0.7, "Careful writing": 0.5}, "languages": ["en", "nb"]}
    )
    for number, name in enumerate(NAMES):
        seat = factories.rater(campaign, name)
        user = seat.rater.user
        assert user is not None
        spoken = ["en", "nb"] if number % 2 else ["en"]
        change_profile(user=user, languages=spoken, skills=["Prose"])
        give_demographics(user=user, answers={"age": "18_29" if number < 5 else "30_44"})
        level = 0.6 + number * 0.05
        grant_skill(campaign=campaign, rater=seat.rater, name="Maths", level=level, by=None)
    suspend_rater(campaign=campaign, rater=seat.rater, by=None)
    invited = factories.user("Curlew", of=campaign.organisation)
    add_member(campaign=campaign, user=invited, role="rater", by=None)
    make_entry_link(
        campaign=campaign,
        kind="prolific",
        name="First wave",
        wanted=20,
        completion_code="C0DE-77",
        max_participants=60,
        expires_at=timezone.now() + timedelta(days=9),
        by=None,
    )


def test_the_pool_and_one_of_it(live_server: LiveServer, enter: Enter, troubles: list[str]) -> None:
    campaign = factories.campaign(
        name="Harbours", schema=SCHEMA | {"criteria": []}, overlap=2, policy={"gold_bar": 0.9}
    )
    manager = factories.rater(campaign, "Marit Dahl")
    assert manager.rater.user is not None
    Membership.objects.create(campaign=campaign, user=manager.rater.user, role="manager")
    pool(campaign)
    judged(campaign, {"ann": ["a", "b", "tie"] * 4, "bob": ["a", "a", "b"] * 4})
    page = enter(manager)
    look = Look(page)
    url = live_server.url + reverse("campaign_raters", args=[campaign.slug])
    look.load(url, "raters")
    look.at_every_width("raters")
    look.widen(1440)
    # Narrowed in place, and the address says so.
    page.get_by_label("Status").select_option("paused")
    page.get_by_role("button", name="Filter").click()
    expect(page.locator("#people tbody tr")).to_have_count(1)
    expect(page.locator("#people")).to_contain_text("Avocet")
    assert "status=paused" in page.url
    page.get_by_role("link", name="Avocet").click()
    expect(page.locator("#known-h")).to_be_visible()
    look.at_every_width("rater")
    look.widen(1440)
    page.get_by_label("Skill", exact=True).fill("Tables")
    page.get_by_role("button", name="Give", exact=True).click()
    expect(page.locator("main")).to_contain_text("Tables")
    assert Skill.objects.filter(name="Tables", source="granted").count() == 1
    # A file with a bad line says which, and nothing is done.
    page.goto(url)
    page.locator("#raters-file").set_input_files(
        {"name": "r.csv", "mimeType": "text/csv", "buffer": b"username,skills.Maths\nWren,2\n"}
    )
    page.get_by_role("button", name="Import").click()
    expect(page.locator("#import-problems")).to_contain_text("A level is a number from 0 to 1.")
    look.at_every_width("raters-refused")
    assert not look.faults, "\n".join(look.faults)
    assert not [one for one in troubles if "422" not in one]


def test_an_empty_pool(live_server: LiveServer, enter: Enter) -> None:
    campaign = factories.campaign(state="draft")
    manager = factories.rater(factories.campaign(of=campaign.organisation), "mia")
    assert manager.rater.user is not None
    Membership.objects.create(campaign=campaign, user=manager.rater.user, role="manager")
    look = Look(enter(manager))
    look.load(live_server.url + reverse("campaign_raters", args=[campaign.slug]), "no-raters")
    look.at_every_width("no-raters")
    assert not look.faults, "\n".join(look.faults)


def test_a_profile(live_server: LiveServer, enter: Enter) -> None:
    campaign = factories.campaign(
        name="Harbours", requirements={"skills": {"Maths": 0.8}, "languages": ["nb"]}
    )
    seat = factories.rater(campaign, "Ines Vega")
    Skill.objects.create(rater=seat.rater, name="Maths", level=0.76, source="qualification")
    page = enter(seat)
    look = Look(page)
    look.load(live_server.url + reverse("rate", args=[campaign.slug]), "unsuited")
    expect(page.locator("main")).to_contain_text("It needs Maths at 0.8; yours is 0.7")
    look.at_every_width("unsuited")
    look.widen(1440)
    page.get_by_role("link", name="Your profile").click()
    expect(page.locator("#say-h")).to_be_visible()
    look.at_every_width("profile")
    look.widen(1440)
    page.get_by_label("Norsk").check()
    page.locator("#say").get_by_role("button", name="Save").click()
    expect(page.get_by_label("Norsk")).to_be_checked()
    page.locator("#about").get_by_role("button", name="Save").click()
    expect(page.locator("#consent-error")).to_be_visible()
    look.at_every_width("profile-refused")
    assert not look.faults, "\n".join(look.faults)


def test_a_participant_comes_judges_and_goes_back_with_the_code(
    live_server: LiveServer, page: Page
) -> None:
    campaign = open_campaign(3, schema=SCHEMA | {"criteria": []}, description="Two answers.")
    link = make_entry_link(
        campaign=campaign,
        kind="prolific",
        name="First wave",
        wanted=2,
        completion_code="C0DE-77",
        completion_url="https://app.prolific.com/submissions/complete?cc=C0DE-77",
        by=None,
    )
    look = Look(page)
    door = live_server.url + reverse("enter", args=[link.code])
    look.load(f"{door}?PROLIFIC_PID=", "enter-refused")
    expect(page.get_by_role("alert")).to_contain_text("come here from its page")
    look.at_every_width("enter-refused")
    look.load(f"{door}?PROLIFIC_PID=5f3c9a&STUDY_ID=s1&SESSION_ID=t1", "enter")
    look.at_every_width("enter")
    look.widen(1440)
    assert not EntryVisit.objects.exists()
    page.get_by_role("button", name="Start").click()
    for number in range(2):
        expect(page.locator("form.work")).to_be_visible()
        page.keyboard.press("1")
        page.keyboard.press("Enter")
        if number == 0:
            expect(page.locator("#progress")).to_contain_text("2 of 2")
    expect(page.locator("#task h1")).to_have_text("You have finished this study")
    expect(page.locator(".secret")).to_have_text("C0DE-77")
    expect(page.get_by_role("link", name="Back to the panel")).to_be_visible()
    look.at_every_width("study-done")
    assert Judgment.objects.count() == 2
    assert EntryVisit.objects.get().finished_at is not None
    assert Seat.objects.count() == 1
    assert not look.faults, "\n".join(look.faults)
