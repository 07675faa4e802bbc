"""The activity page: what was done, by whom, when and from where; filtered, paged and as a file."""

import csv
import html
import io
import re

import pytest
from django.urls import reverse
from django.utils import timezone

from labeling import audit
from labeling.actions.campaigns import update_campaign
from labeling.actions.claiming import claim_assignment
from labeling.actions.rating import submit_judgment
from labeling.models import AuditEvent
from tests import factories
from tests.web.building import open_campaign

pytestmark = pytest.mark.django_db


@pytest.fixture
def campaign():
    return open_campaign(2, overlap=2)


@pytest.fixture
def manager(campaign):
    return factories.member(campaign, "manager", "mia")


def page(client, campaign, **asked):
    return client.get(reverse("campaign_activity", args=[campaign.slug]), asked)


def judge(campaign, seat):
    taken = claim_assignment(rater=seat.rater, campaign=campaign)
    said = {"side": "left", "criteria": {"helpful": "left", "truthful": "left"}, "strength": 1}
    submit_judgment(rater=seat.rater, assignment_id=taken.public_id, answer=said)


def test_it_shows_all_but_judging_unless_judging_is_asked_for(client, campaign, manager):
    judge(campaign, factories.rater(campaign, "ann"))
    client.force_login(manager)
    shown = page(client, campaign).content.decode()
    assert "opened more comparisons" in shown and "judged a comparison" not in shown
    judging = page(client, campaign, what="judging").content.decode()
    assert "judged a comparison" in judging and "opened more comparisons" not in judging
    everything = page(client, campaign, what="all").content.decode()
    assert "judged a comparison" in everything and "opened more comparisons" in everything


def test_it_names_people_and_gives_raters_their_pseudonym(client, campaign, manager):
    seat = factories.rater(campaign, "ann-zq-name")
    judge(campaign, seat)
    update_campaign(campaign=campaign, by=manager, overlap=3)
    client.force_login(manager)
    shown = page(client, campaign, what="all").content.decode()
    assert seat.pseudonym in shown and "ann-zq-name" not in shown
    assert "mia" in shown


@pytest.mark.parametrize(
    ("asked", "is_found"),
    [
        ({"words": "overlap"}, True),
        ({"q": "overlap"}, True),
        ({"q": "zq-nothing"}, False),
        ({"what": "raters"}, False),
        ({"what": "settings"}, True),
        ({"who": "thurstone"}, False),
        ({"since": "2999-01-01"}, False),
        ({"until": "2001-01-01"}, False),
        ({"since": "2001-01-01", "until": "2999-01-01"}, True),
    ],
)
def test_filters_choose(client, campaign, manager, asked, is_found):
    update_campaign(campaign=campaign, by=manager, overlap=3)
    client.force_login(manager)
    found = page(client, campaign, **asked).content.decode()
    assert ("changed how many judgments are wanted" in found) is is_found


def test_a_person_and_a_subject_are_found(client, campaign, manager):
    other = factories.member(campaign, "manager", "ola")
    update_campaign(campaign=campaign, by=other, overlap=3)
    update_campaign(campaign=campaign, by=manager, name="Another")
    client.force_login(manager)
    by_ola = page(client, campaign, who=str(other.public_id)).content.decode()
    assert "wanted" in by_ola and "changed the campaign" not in by_ola
    subject = page(client, campaign, q=str(campaign.public_id)).content.decode()
    assert "changed the campaign" in subject


def test_what_cannot_be_read_is_said(client, campaign, manager):
    client.force_login(manager)
    answer = page(client, campaign, since="yesterday")
    assert answer.status_code == 422 and b"Enter a valid date" in answer.content
    assert page(client, campaign, what="secrets").status_code == 422
    assert page(client, campaign, until="9999-12-31").status_code == 422
    assert page(client, campaign, after="no-uuid").status_code == 404


def test_figures_say_what_they_were_and_words_stay_out_of_the_log(client, campaign, manager):
    update_campaign(
        campaign=campaign,
        by=manager,
        overlap=3,
        lease_seconds=1234,
        description="zq-secret-words",
        policy={"pay_per_hour": 18.5, "smallest_group": 7},
    )
    client.force_login(manager)
    shown = page(client, campaign)
    entries = {entry.event.verb: dict(entry.facts) for entry in shown.context["page"].entries}
    told = entries["campaign.updated"]["changed"]
    assert "lease_seconds 1800 → 1234" in told
    assert "policy.pay_per_hour none → 18.5" in told and "policy.smallest_group 5 → 7" in told
    assert entries["campaign.overlap_changed"]["changed"] == "overlap 2 → 3"
    assert "zq-secret-words" not in str([*AuditEvent.objects.values()])


def test_pages_follow_one_another_without_a_gap(client, campaign, manager):
    for number in range(130):
        audit.record("campaign.updated", campaign=campaign, by=manager, number=number)
    client.force_login(manager)
    seen, after = [], ""
    for _ in range(10):
        answer = page(client, campaign, what="settings", **({"after": after} if after else {}))
        found = answer.context["page"]
        seen += [entry.event.pk for entry in found.entries]
        if found.older is None:
            break
        after = str(found.older)
    assert len(seen) == len(set(seen)) == found.count
    assert seen == sorted(seen, reverse=True)


def test_a_page_costs_the_same_for_few_and_many(
    client, campaign, manager, django_assert_max_num_queries
):
    for number in range(200):
        audit.record("campaign.updated", campaign=campaign, by=manager, number=number)
    client.force_login(manager)
    with django_assert_max_num_queries(14):
        page(client, campaign)


def test_the_file_holds_every_entry_and_no_formula(client, campaign, manager):
    audit.record("campaign.updated", campaign=campaign, by=manager, word="=1+1")
    manager.first_name = "=cmd|'/c calc'!A0"
    manager.save()
    client.force_login(manager)
    answer = client.get(reverse("campaign_activity_file", args=[campaign.slug]), {"what": "all"})
    assert "attachment" in answer["Content-Disposition"]
    rows = [*csv.DictReader(io.StringIO(b"".join(answer.streaming_content).decode()))]
    assert len(rows) == AuditEvent.objects.filter(campaign=campaign).count()
    assert all(not row["who"].startswith("=") for row in rows)
    mine = [row for row in rows if row["did"] == "campaign.updated"]
    assert mine[0]["at"].startswith(str(timezone.now().date().year))
    assert mine[0]["details"] == "word: =1+1"


def test_the_file_and_the_page_agree_without_a_filter(client, campaign, manager):
    judge(campaign, factories.rater(campaign, "ann"))
    client.force_login(manager)
    shown = page(client, campaign).context["page"]
    answer = client.get(reverse("campaign_activity_file", args=[campaign.slug]))
    rows = [*csv.DictReader(io.StringIO(b"".join(answer.streaming_content).decode()))]
    assert [row["did"] for row in rows] == [entry.event.verb for entry in shown.entries]
    assert "judgment.submitted" not in {row["did"] for row in rows}


def test_the_file_follows_the_filter_when_only_the_log_is_drawn_again(client, campaign, manager):
    update_campaign(campaign=campaign, by=manager, overlap=3)
    client.force_login(manager)
    url = reverse("campaign_activity", args=[campaign.slug])
    part = client.get(url, {"what": "raters"}, headers={"hx-request": "true"}).content.decode()
    (found,) = re.findall(r'href="([^"]*csv/[^"]*)"', part)
    rows = b"".join(client.get(html.unescape(found)).streaming_content).decode()
    assert "what=raters" in found and "overlap" not in rows


@pytest.mark.parametrize("name", ["campaign_activity", "campaign_activity_file"])
@pytest.mark.parametrize(
    ("role", "status"), [("researcher", 403), ("reviewer", 403), ("rater", 404)]
)
def test_who_may_not_read_it(client, campaign, name, role, status):
    client.force_login(factories.member(campaign, role))
    assert client.get(reverse(name, args=[campaign.slug])).status_code == status


def test_another_campaigns_entries_do_not_show(client, campaign, manager):
    other = factories.campaign()
    audit.record("campaign.updated", campaign=other, zq="zq-elsewhere")
    client.force_login(manager)
    assert "zq-elsewhere" not in page(client, campaign, what="all").content.decode()
    named = str(AuditEvent.objects.filter(campaign=other).latest("pk").public_id)
    assert page(client, campaign, after=named).context["page"].entries == []
