"""What managers note of raters by API: one by one, and a file of them; and routing's answers."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from labeling.models import AuditEvent, Campaign, Membership, Seat, Skill
from labeling.queries.queue_faults import QueueFaults
from tests import factories
from tests.api.conftest import Caller

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def campaign() -> Campaign:
    return factories.campaign()


@pytest.fixture
def manage(call_as: Callable[..., Caller], campaign: Campaign) -> Caller:
    return call_as(factories.member(campaign, "manager"), "write")


def send(call: Caller, campaign: Campaign, text: str, query: str = "") -> Any:
    return call.client.post(
        f"/api/v1/campaigns/{campaign.slug}/raters/import/{query}",
        text.encode(),
        content_type="text/csv",
    )


def people(campaign: Campaign, *names: str) -> None:
    for name in names:
        person = factories.user(name, of=campaign.organisation)
        person.email = f"{name}@example.org"
        person.save()


class TestRouting:
    def test_a_claim_names_every_reason(self, call_as: Any) -> None:
        campaign = factories.campaign(
            requirements={"skills": {"Maths": 0.8, "Prose": 0.5}, "languages": ["nb"]}
        )
        factories.open_comparisons(campaign, 1)
        seat = factories.rater(campaign)
        Skill.objects.create(rater=seat.rater, name="maths", level=0.6, source="granted")
        answer = call_as(seat.rater.user, "rate").post(f"campaigns/{campaign.slug}/assignments/")
        assert answer.status_code == 403
        assert answer["Content-Type"] == "application/problem+json"
        body = answer.json()
        assert body["title"] == "This campaign asks for something more"
        assert body["errors"] == [
            {
                "field": "requirements.languages",
                "message": "It needs the language nb, which is not among yours.",
            },
            {
                "field": "requirements.skills.Maths",
                "message": "It needs Maths at 0.8; yours is 0.6.",
            },
            {
                "field": "requirements.skills.Prose",
                "message": "It needs Prose at 0.5, and you have not shown it yet.",
            },
        ]

    def test_a_cap_is_told(self, call_as: Any) -> None:
        campaign = factories.campaign(requirements={"campaign_cap": 1})
        factories.open_comparisons(campaign, 2)
        call = call_as(factories.rater(campaign).rater.user, "rate")
        claim = f"campaigns/{campaign.slug}/assignments/"
        held = call.post(claim).json()
        assert call.post(f"assignments/{held['id']}/judgment/", {"side": "left"}).status_code == 201
        answer = call.post(claim)
        assert answer.status_code == 403
        assert answer.json()["title"] == "You have done your part here"


class TestOne:
    def test_what_is_sent_is_set_and_the_rest_stays(
        self, manage: Caller, campaign: Campaign
    ) -> None:
        seat = factories.rater(campaign)
        path = f"campaigns/{campaign.slug}/raters/{seat.rater.public_id}/"
        sent = {"groups": {"team": "north"}, "skills": {"Maths": 0.7}, "languages": ["en"]}
        row = manage("PATCH", path, sent).json()
        assert (row["groups"], row["languages"]) == ({"team": "north"}, ["en"])
        assert [(one["name"], one["source"], one["today"]) for one in row["skills"]] == [
            ("Maths", "granted", 0.7)
        ]
        row = manage("PATCH", path, {"skills": {"maths": None}}).json()
        assert (row["groups"], row["skills"]) == ({"team": "north"}, [])
        events = AuditEvent.objects.filter(verb="rater.changed").count()
        assert manage("PATCH", path, {"languages": ["en"]}).status_code == 200
        assert AuditEvent.objects.filter(verb="rater.changed").count() == events

    @pytest.mark.parametrize(
        ("sent", "field"),
        [
            ({"skills": {"Maths": 2}}, "skills.Maths"),
            ({"languages": ["English"]}, "languages"),
            ({"groups": {"": "x"}}, "groups."),
            ({"qualified_at": "2026-01-01"}, "qualified_at"),
            ({"external_id": "taken"}, "external_id"),
        ],
    )
    def test_what_cannot_be_set_is_refused_and_nothing_is(
        self, manage: Caller, campaign: Campaign, sent: Any, field: str
    ) -> None:
        other = factories.rater(campaign)
        Seat.objects.filter(pk=other.pk).update(external_id="taken")
        seat = factories.rater(campaign)
        path = f"campaigns/{campaign.slug}/raters/{seat.rater.public_id}/"
        answer = manage("PATCH", path, {"groups": {"team": "a"}, **sent})
        assert answer.status_code == 400, answer.content
        assert answer.json()["errors"][0]["field"] == field
        seat.refresh_from_db()
        assert seat.groups == {}

    def test_who_may_not(self, call_as: Any, campaign: Campaign) -> None:
        seat = factories.rater(campaign)
        path = f"campaigns/{campaign.slug}/raters/{seat.rater.public_id}/"
        for person, status in (
            (factories.member(campaign, "researcher"), 403),
            (seat.rater.user, 404),
            (factories.member(factories.campaign(), "manager"), 404),
        ):
            assert call_as(person, "write")("PATCH", path, {"groups": {}}).status_code == status
            call = call_as(person, "write")
            assert send(call, campaign, "username\nada\n").status_code == status


class TestFile:
    def test_a_file_lets_people_in_and_notes_what_it_says(
        self, manage: Caller, campaign: Campaign
    ) -> None:
        factories.open_comparisons(campaign, 1)
        people(campaign, "ada", "bo")
        text = (
            "username,email,external_id,languages,groups.team,skills.Maths\n"
            'ada,,A1,"en, nb-NO",north,0.9\n'
            ",BO@example.org,A2,,south,\n"
        )
        dry = send(manage, campaign, text, "?dry_run=1").json()
        assert dry == {"rows": 2, "added": 2, "changed": 0, "unchanged": 0, "is_dry_run": True}
        assert not Membership.objects.filter(role="rater").exists()
        done = send(manage, campaign, text).json()
        assert done == {"rows": 2, "added": 2, "changed": 0, "unchanged": 0, "is_dry_run": False}
        seats = {seat.external_id: seat for seat in Seat.objects.select_related("rater__user")}
        assert seats["A1"].rater.languages == ["en", "nb-NO"]
        assert seats["A2"].groups == {"team": "south"}
        skill = Skill.objects.get()
        assert (skill.name, skill.level, skill.source) == ("Maths", 0.9, "imported")
        # Each has a place in the lane that stands already.
        assert not QueueFaults.of(campaign)
        again = send(manage, campaign, text).json()
        assert (again["added"], again["changed"], again["unchanged"]) == (0, 0, 2)
        other = send(manage, campaign, text.replace("north", "west")).json()
        assert (other["changed"], other["unchanged"]) == (1, 1)

    def test_one_bad_line_and_nothing_is_done(self, manage: Caller, campaign: Campaign) -> None:
        people(campaign, "ada", "bo")
        factories.user("eve", of=factories.organisation())
        text = (
            "username,external_id,languages,skills.Maths\n"
            "ada,A1,en,0.5\n"
            "eve,A2,,\n"
            "bo,A1,,\n"
            "bo,A3,English,\n"
            "bo,A4,,much\n"
            "bo,A5\n"
        )
        answer = send(manage, campaign, text)
        assert answer.status_code == 400
        assert [(one["line"], one["field"]) for one in answer.json()["errors"]] == [
            (6, "skills.Maths"),
            (7, "file"),
        ]
        kept = "".join(line + "\n" for line in text.splitlines()[:5])
        answer = send(manage, campaign, kept)
        assert [(one["line"], one["field"]) for one in answer.json()["errors"]] == [
            (3, "username"),
            (4, "external_id"),
            (5, "languages"),
        ]
        assert not Membership.objects.filter(role="rater").exists()
        assert not Seat.objects.exists()

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("", "names neither"),
            ("name\nada\n", "names neither"),
            ("username,username\na,b\n", "twice"),
            ("username,admin\na,b\n", "Not a column"),
            ("username\n\x00\n", "NUL"),
        ],
    )
    def test_a_file_that_cannot_be_read_says_why(
        self, manage: Caller, campaign: Campaign, text: str, said: str
    ) -> None:
        answer = send(manage, campaign, text)
        assert answer.status_code == 400
        assert said in answer.content.decode()

    def test_a_name_and_an_address_must_be_of_one_person(
        self, manage: Caller, campaign: Campaign
    ) -> None:
        people(campaign, "ada", "bo")
        answer = send(manage, campaign, "username,email\nada,bo@example.org\n")
        assert answer.status_code == 400
        assert "No one person" in answer.json()["errors"][0]["message"]


def test_the_list_sends_as_many_statements_for_many_raters(
    call_as: Any, campaign: Campaign
) -> None:
    call = call_as(factories.member(campaign, "researcher"), "read")
    counts = []
    for more in (1, 9):
        for _ in range(more):
            seat = factories.rater(campaign)
            Skill.objects.create(rater=seat.rater, name="Maths", level=1, source="granted")
        with CaptureQueriesContext(connection) as seen:
            assert call.get(f"campaigns/{campaign.slug}/raters/").status_code == 200
        counts.append(len(seen))
    assert counts[0] >= counts[1]
