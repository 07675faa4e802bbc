"""The settings of a campaign that runs: what may change, what that does, and what is refused."""

import pytest
from django.urls import reverse

from labeling.actions.campaigns import changed_since, mark_of, update_campaign
from labeling.actions.claiming import claim_assignment
from labeling.actions.rating import submit_judgment
from labeling.errors import ConflictError
from labeling.models import Assignment, AuditEvent, Campaign
from labeling.schemas import as_json, read_schema
from tests import factories
from tests.actions.test_audit_seals import behind_our_back
from tests.web.building import SCHEMA, open_campaign
from tests.web.building_forms import sent
from tests.web.visiting import as_, page

pytestmark = pytest.mark.django_db

SAID = {"side": "left", "criteria": {"helpful": "left", "truthful": "left"}}


@pytest.fixture
def running():
    """A campaign with four comparisons, one judged and one in hand."""
    campaign = open_campaign(4, overlap=2)
    seat = factories.rater(campaign)
    first = claim_assignment(rater=seat.rater, campaign=campaign)
    submit_judgment(rater=seat.rater, assignment_id=first.public_id, answer=SAID)
    claim_assignment(rater=seat.rater, campaign=campaign)
    return campaign


@pytest.fixture
def manager(running):
    return as_(factories.member(running, "manager"))


def settings_of(client, campaign):
    return page(client, "campaign_settings", campaign.slug)


def save(client, campaign, **typed):
    given = sent(settings_of(client, campaign), **typed)
    address = reverse("campaign_settings", args=[campaign.slug])
    return client.post(address, given, follow=True)


def looked_at(client, campaign, **typed):
    given = sent(settings_of(client, campaign), **typed)
    response = client.post(reverse("campaign_preview", args=[campaign.slug]), given)
    assert response.status_code == 200
    return response.content.decode()


def test_saving_what_was_not_touched_changes_nothing(running, manager):
    before = Campaign.objects.filter(pk=running.pk).values().get()
    events = AuditEvent.objects.count()
    response = save(manager, running)
    assert "Nothing was changed." in response.content.decode()
    assert Campaign.objects.filter(pk=running.pk).values().get() == before
    assert AuditEvent.objects.count() == events


def test_raising_the_overlap_says_what_it_lays_then_lays_it(running, manager):
    shown = looked_at(manager, running, overlap="3")
    assert "Raising the overlap 2 → 3 lays 4 more judgments." in shown
    assert "The 1 comparison in hand keep their arm" in shown
    assert Assignment.objects.count() == 8
    told = save(manager, running, overlap="3").content.decode()
    assert "lays 4 more judgments" in told
    assert Assignment.objects.count() == 12


def test_lowering_says_what_it_ends_and_touches_no_judgment(running, manager):
    shown = looked_at(manager, running, overlap="1")
    # Two of the eight are taken, each of another comparison: six are open, and one each is wanted
    # of the two that nobody has begun.
    assert "ends 4 open judgments" in shown
    save(manager, running, overlap="1")
    open_ = Assignment.objects.filter(rater=None, ended_at=None)
    assert open_.count() == 2
    assert running.judgments.count() == 1


def test_a_round_with_an_overlap_of_its_own_is_said_to_keep_it(running, manager):
    running.rounds.update(overlap=9)
    shown = looked_at(manager, running, overlap="3")
    assert "opened with an overlap of its own and keeps its overlap of 9" in shown
    assert "lays" not in shown
    running.rounds.update(overlap=2, budget=50)
    shown = looked_at(manager, running, overlap="3")
    assert "has a budget or a stop rule of its own and keeps its overlap of 2" in shown
    assert "lays" not in shown


def test_what_was_judged_keeps_its_scale_and_its_criteria(running, manager):
    shown = looked_at(manager, running, scale="2")
    assert "clone it to ask on another" in shown
    response = save(manager, running, scale="2")
    assert response.status_code == 422
    assert "clone it to ask on another" in response.content.decode()
    response = save(manager, running, criteria__0__label="")
    assert response.status_code == 422
    assert "has been judged and stays" in response.content.decode()
    running.refresh_from_db()
    assert running.schema == as_json(read_schema(SCHEMA)) | {"criteria": SCHEMA["criteria"]}


def test_words_of_a_criterion_may_change_and_its_key_stays(running, manager):
    save(manager, running, criteria__0__label="Useful")
    running.refresh_from_db()
    assert running.schema["criteria"][0]["key"] == "helpful"
    assert running.schema["criteria"][0]["label"] == "Useful"


def test_a_new_criterion_says_who_has_no_answer_to_it(running, manager):
    shown = looked_at(manager, running, criteria__2__label="Kind")
    assert "1 judgments so far have no answer to “Kind”" in shown
    assert "are asked the new questions as well" in shown
    save(manager, running, criteria__2__label="Kind")
    running.refresh_from_db()
    assert [one["key"] for one in running.schema["criteria"]] == ["helpful", "truthful", "kind"]


def test_new_arms_leave_what_was_dealt_as_it_is(running, manager):
    typed = {"arms__0__name": "slow", "arms__0__mode": "paced", "arms__0__tokens_per_second": "9"}
    shown = looked_at(manager, running, **typed)
    assert "7 judgments that are open or in hand keep the arm they were dealt" in shown
    save(manager, running, **typed)
    assert set(Assignment.objects.values_list("arm", flat=True)) == {"instant"}
    running.refresh_from_db()
    assert running.presentation["arms"][0]["name"] == "slow"


def test_rules_that_stop_raters_or_forget_say_so_before_they_are_saved(running, manager):
    """One of the two people here has judged, and neither has a skill or a language."""
    factories.rater(running)
    shown = looked_at(manager, running, pause_rule="on", pause_in_a_row="5", pause_seconds="8")
    assert "Whoever judges 5 in a row in less than 8 seconds each is paused" in shown
    assert "Only judgments from now on count." in shown
    for typed in ({"languages": "en"}, {"skills__0__name": "law", "skills__0__level": "80"}):
        assert "2 of 2 raters here lack a skill or a language" in looked_at(
            manager, running, **typed
        )
    assert "1 rater has judged 1 or more today" in looked_at(manager, running, daily_cap="1")
    assert "1 rater has judged 1 or more in all" in looked_at(manager, running, campaign_cap="1")
    assert "or more" not in looked_at(manager, running, daily_cap="2", campaign_cap="2")
    behind_our_back("UPDATE labeling_judgment SET client = '{\"script\": true}'")
    assert "forgotten" not in looked_at(manager, running, telemetry_days="7")
    behind_our_back("UPDATE labeling_judgment SET created_at = now() - interval '8 days'")
    assert "of 1 judgment is older than 7 days" in looked_at(manager, running, telemetry_days="7")
    save(manager, running, pause_rule="on", languages="en", daily_cap="1", telemetry_days="7")
    shown = looked_at(manager, running, pause_rule=None)
    assert "No rule pauses anybody from now on." in shown
    for told in ("raters here lack", "judged 1 or more", "older than 7 days"):
        assert told not in shown


def test_a_budget_that_is_spent_says_so_on_the_page(running, manager):
    shown = looked_at(manager, running, budget="2")
    assert "nothing more is handed out" in shown
    save(manager, running, budget="2")
    shown = settings_of(manager, running)
    assert "The comparisons that are here want 8 judgments, and the budget ends at 2" in shown


def test_two_who_change_the_settings_at_once_do_not_undo_one_another(running, manager):
    given = sent(settings_of(manager, running), name="Mine")
    save(manager, running, overlap="3")
    address = reverse("campaign_settings", args=[running.slug])
    response = manager.post(address, given)
    assert response.status_code == 422
    assert "Somebody else has changed these settings" in response.content.decode()
    running.refresh_from_db()
    assert running.overlap == 3
    assert running.name != "Mine"
    # What the other changed is told, what was typed is kept, and with both seen it can be saved.
    shown = response.content.decode()
    assert "Changed by somebody else" in shown
    assert "<li>Overlap: " in shown
    assert shown.count("<li>Overlap: ") == 1
    assert "<li>Budget: " not in shown
    again = sent(shown)
    assert (again["name"], again["overlap"]) == ("Mine", "2")
    assert manager.post(address, again | {"overlap": "3"}).status_code == 302
    running.refresh_from_db()
    assert (running.name, running.overlap) == ("Mine", 3)


def test_a_second_click_of_save_is_no_conflict(running, manager):
    given = sent(settings_of(manager, running), name="Mine", budget="900")
    address = reverse("campaign_settings", args=[running.slug])
    for _ in range(2):
        assert manager.post(address, given).status_code == 302
    assert AuditEvent.objects.filter(verb="campaign.updated").count() == 1


def test_the_mark_is_looked_at_under_the_lock(running):
    was = mark_of(running)
    update_campaign(campaign=running, by=None, policy={"budget": 900})
    running.refresh_from_db()
    assert changed_since(running, was) == {"policy.budget": 900}
    with pytest.raises(ConflictError, match="Somebody else"):
        update_campaign(campaign=running, by=None, was=was, name="Mine")
    assert update_campaign(campaign=running, by=None, was=mark_of(running), name="Mine")


def test_a_reader_sees_the_settings_and_changes_none(running):
    researcher = as_(factories.member(running, "researcher"))
    shown = settings_of(researcher, running)
    assert "disabled" in shown
    assert "Danger zone" not in shown
    for name in ("campaign_settings", "campaign_preview", "campaign_end"):
        response = researcher.post(reverse(name, args=[running.slug]), {"name": "X"})
        assert response.status_code == 403, name
    rater = as_(factories.rater(running).rater.user)
    for name in ("campaign_settings", "campaign_preview", "campaign_end"):
        assert rater.post(reverse(name, args=[running.slug]), {}).status_code == 404
    running.refresh_from_db()
    assert running.name != "X"


def test_a_clone_is_offered_to_who_may_start_a_campaign_there(running, manager):
    assert "start=clone:" not in settings_of(manager, running)
    governor = factories.user(of=running.organisation, role="manager")
    assert f"start=clone:{running.slug}" in settings_of(as_(governor), running)


def test_no_name_of_a_campaign_that_the_reader_may_not_read_is_told(running):
    for slug in ("zq-hidden", "zq-asked"):
        factories.campaign(slug=slug, name=f"Name of {slug}", of=running.organisation)
    running.requirements = {**running.requirements, "qualification": "zq-asked"}
    running.save()
    shown = settings_of(as_(factories.member(running, "reviewer")), running)
    assert "zq-hidden" not in shown
    assert "Name of" not in shown
    # What is stored is told by the settings themselves, and stays as it is.
    assert '<option value="zq-asked" selected>zq-asked</option>' in shown
    manager = as_(factories.member(running, "manager"))
    assert "Nothing was changed." in save(manager, running).content.decode()
    governor = as_(factories.user(of=running.organisation, role="owner"))
    assert "Name of zq-hidden" in settings_of(governor, running)


def test_the_danger_zone_completes_archives_and_refuses(running, manager):
    address = reverse("campaign_end", args=[running.slug])
    manager.post(address, {"do": "complete"})
    running.refresh_from_db()
    assert running.state == "completed"
    shown = manager.post(address, {"do": "archive", "sure": "wrong"}, follow=True)
    assert f"Type {running.slug} to archive" in shown.content.decode()
    manager.post(address, {"do": "delete", "sure": running.slug})
    assert Campaign.objects.filter(pk=running.pk).exists()
    manager.post(address, {"do": "archive", "sure": running.slug})
    running.refresh_from_db()
    assert running.state == "archived"
    response = save(manager, running, overlap="7")
    assert response.status_code == 422
    assert "archived" in response.content.decode()
    assert save(manager, running, name="Its last name").status_code == 200


def test_a_draft_is_deleted_by_typing_its_address():
    owner = factories.user(of=factories.organisation(), role="owner")
    draft = factories.campaign(state="draft", by=owner, of=owner.organisations.get())
    factories.comparison(draft)
    client = as_(owner)
    assert "Delete the draft" in settings_of(client, draft)
    response = client.post(
        reverse("campaign_end", args=[draft.slug]), {"do": "delete", "sure": draft.slug}
    )
    assert response["Location"] == reverse("campaigns")
    assert not Campaign.objects.filter(pk=draft.pk).exists()
