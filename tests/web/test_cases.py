"""The page of a case: what it shows, what it does, who may not; and the rater's own page."""

import uuid
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.db.models.functions import Now
from django.test import Client

from labeling.actions.cases import decide, open_case, write_entry
from labeling.actions.claiming import claim_assignment
from labeling.actions.gold import keep_gold
from labeling.actions.rating import revise_judgment, submit_judgment
from labeling.models import (
    Campaign,
    Case,
    CaseEntry,
    Exclusion,
    Gold,
    Judgment,
    Notification,
    Seat,
    User,
)
from labeling.queries.rater_signals import evidence_of
from tests import factories

pytestmark = pytest.mark.django_db(transaction=True)

REASON = "A is clearer, better structured and more complete than the other one is, I think"


def judge(campaign: Campaign, seat: Seat, *, active_ms: int, rationale: str = "", **client) -> None:
    while (claimed := claim_assignment(rater=seat.rater, campaign=campaign)) is not None:
        submit_judgment(
            rater=seat.rater,
            assignment_id=claimed.public_id,
            answer={
                "side": "left",
                "rationale": rationale,
                "client": {"active_ms": active_ms, "script": True, **client},
            },
        )


@pytest.fixture
def judged() -> tuple[Campaign, Seat]:
    """Six comparisons judged by a hasty rater and two others, in reading time all but the first."""
    campaign = factories.campaign(
        slug="cases", overlap=3, policy={"pause_rule": {"in_a_row": 9, "seconds": 15}}
    )
    factories.open_comparisons(campaign, 6)
    hasty = factories.rater(campaign)
    judge(
        campaign,
        hasty,
        active_ms=900,
        rationale=REASON,
        keystrokes=3,
        pastes=[{"into": "rationale", "chars": 80}],
        copies=[{"from": "prompt", "chars": 40}],
        return_count=1,
    )
    for _ in range(2):
        judge(campaign, factories.rater(campaign), active_ms=40_000, keystrokes=200)
    return campaign, hasty


def visit(person: User | None) -> Client:
    client = Client()
    if person is not None:
        client.force_login(person)
    return client


def path_of(seat: Seat) -> str:
    return f"/campaigns/{seat.campaign.slug}/raters/{seat.rater.public_id}/case/"


def test_the_evidence_is_read_from_the_judgments(judged):
    campaign, hasty = judged
    found = evidence_of(campaign, hasty.rater)
    assert found is not None
    by_key = {one.key: one for one in found.signals}
    assert (by_key["fast"].hits, by_key["fast"].n) == (6, 6)
    assert by_key["fast"].weight == "strong"
    assert by_key["left"].n == 6
    assert (by_key["pasted"].hits, by_key["typed"].hits, by_key["alike"].hits) == (6, 6, 6)
    assert (by_key["copied"].hits, by_key["returned"].hits) == (6, 6)
    assert by_key["agreement"].n > 0
    assert found.other_raters == 2
    assert found.own_speed is not None
    assert found.own_speed[0] == 1
    assert all(one.is_own for one in found.nearest)
    assert found.nearest[0].text == REASON
    assert evidence_of(campaign, factories.rater(campaign).rater) is None


def test_a_manager_reads_the_evidence_opens_a_case_and_decides(judged):
    campaign, hasty = judged
    manager = visit(factories.member(campaign, "manager"))
    page = manager.get(path_of(hasty)).content.decode()
    assert "Faster than reading" in page
    assert "100 %" in page
    assert "A rater is paused after 9 judgments in a row that took less than 15 seconds" in page
    assert "Record the decision" not in page
    answer = manager.post(path_of(hasty), {"do": "open", "text": "Can we talk?"})
    assert answer.status_code == 302
    page = manager.get(path_of(hasty)).content.decode()
    assert "Can we talk?" in page
    assert "6 judgments under reading time" in page
    effect = manager.get(f"{path_of(hasty)}effect/?action=exclude_round:1").content.decode()
    assert "without these 6" in effect
    refused = manager.post(path_of(hasty), {"do": "decide", "action": "pause", "note": ""})
    assert refused.status_code == 422
    assert "say why in the note" in refused.content.decode()
    manager.post(
        path_of(hasty), {"do": "decide", "action": "exclude_flagged", "note": "Under 2 s."}
    )
    assert Exclusion.objects.get().judgments.count() == 6
    page = manager.get(path_of(hasty)).content.decode()
    assert "Under 2 s." in page
    undo = {"do": "undo", "exclusion": Exclusion.objects.get().public_id, "text": "Explained."}
    manager.post(path_of(hasty), undo)
    assert Exclusion.objects.get().undone_at is not None


def test_a_second_manager_agrees_on_the_page(judged):
    campaign, hasty = judged
    first, second = (factories.member(campaign, "manager") for _ in range(2))
    case = open_case(campaign=campaign, rater=hasty.rater, by=first, text="All of it?")
    decide(case=case, action="exclude_all", note="Everything.", by=first)
    exclusion = Exclusion.objects.get()
    own = visit(first)
    assert "Waits for a second manager" in own.get(path_of(hasty)).content.decode()
    agree = {"do": "agree", "exclusion": exclusion.public_id}
    assert own.post(path_of(hasty), agree).status_code == 422
    assert visit(second).post(path_of(hasty), agree).status_code == 302
    exclusion.refresh_from_db()
    assert exclusion.agreed_by == second


@pytest.mark.parametrize(
    ("role", "status"), [("researcher", 403), ("reviewer", 403), ("rater", 404), ("", 404)]
)
def test_who_may_not_read_a_case(judged, role, status):
    campaign, hasty = judged
    person = factories.member(campaign, role) if role else factories.user()
    client = visit(person)
    for path in (path_of(hasty), f"{path_of(hasty)}effect/"):
        assert client.get(path).status_code == status
    assert client.post(path_of(hasty), {"do": "open", "text": "Hello"}).status_code == status
    assert not Case.objects.exists()


def test_a_rater_of_another_campaign_has_no_case_here(judged):
    campaign, _ = judged
    elsewhere = factories.rater(factories.campaign(of=campaign.organisation))
    manager = visit(factories.member(campaign, "manager"))
    path = f"/campaigns/{campaign.slug}/raters/{elsewhere.rater.public_id}/case/"
    assert manager.get(path).status_code == 404


def test_the_rater_reads_their_own_figures_and_no_other_words_and_replies(judged):
    campaign, hasty = judged
    manager = factories.member(campaign, "manager")
    other = factories.rater(campaign)
    case = open_case(campaign=campaign, rater=hasty.rater, by=manager, text="Can we talk?")
    write_entry(case=case, kind="note", text="zq-secret-note", by=manager)
    client = visit(hasty.rater.user)
    path = f"/rate/cases/{case.public_id}/"
    page = client.get(path).content.decode()
    assert "Can we talk?" in page
    assert "zq-secret-note" not in page
    assert manager.username not in page
    assert path in client.get("/rate/").content.decode()
    assert client.post(path, {"text": " "}).status_code == 422
    assert client.post(path, {"text": "I was in a hurry."}).status_code == 302
    assert CaseEntry.objects.get(kind="reply").by == hasty.rater.user
    assert "I was in a hurry." in client.get(path).content.decode()
    told = Notification.objects.get(user=hasty.rater.user)
    assert client.get(f"/notifications/{told.public_id}/").headers["Location"] == path
    for stranger in (other.rater.user, manager):
        assert visit(stranger).get(path).status_code == 404
        assert visit(stranger).post(path, {"text": "Hi"}).status_code == 404
    assert client.get(f"/rate/cases/{uuid.uuid4()}/").status_code == 404


def test_the_raters_own_figures_are_of_judgments_up_to_yesterday(judged):
    campaign, hasty = judged
    manager = factories.member(campaign, "manager")
    case = open_case(campaign=campaign, rater=hasty.rater, by=manager, text="Can we talk?")
    client, path = visit(hasty.rater.user), f"/rate/cases/{case.public_id}/"
    # All was judged today: it is on the manager's page, and not yet on the rater's.
    assert "6 of 6" in visit(manager).get(path_of(hasty)).content.decode()
    assert "Nothing is counted yet." in client.get(path).content.decode()
    with transaction.atomic(), connection.cursor() as cursor:
        # Judgments are never edited; they are made older here.
        cursor.execute("SET LOCAL session_replication_role = replica")
        Judgment.objects.update(created_at=Now() - timedelta(days=1))
    Campaign.objects.update(revise_seconds=200_000)
    before = client.get(path).content.decode()
    assert "6 of 6" in before
    assert "up to yesterday" in before
    # Neither a known answer met today nor one revised today moves what was said before.
    first = Judgment.objects.filter(rater=hasty.rater).earliest("pk")
    Gold.objects.create(comparison=first.comparison, preference=first.preference)
    known = client.get(path).content.decode().split("<tbody>")[1]
    for answer in ({"side": "right"}, {"side": "left"}):
        revise_judgment(rater=hasty.rater, judgment_id=first.public_id, answer=answer)
        assert client.get(path).content.decode().split("<tbody>")[1] == known
    decide(case=case, action="resume", note="Thank you.", by=manager)
    (met,) = factories.open_comparisons(campaign, 1)
    Gold.objects.create(comparison=met, preference="a")
    judge(campaign, hasty, active_ms=30_000)
    assert Judgment.objects.filter(rater=hasty.rater, comparison=met).exists()
    assert client.get(path).content.decode().split("<tbody>")[1] == known


def test_doubted_gold_is_listed_told_of_kept_and_retired_by_a_person():
    from workers.quality import doubt_gold

    campaign = factories.campaign(slug="doubt", requirements={"gold_rate": 1.0})
    factories.open_comparisons(campaign, 1)
    for number in range(7):
        Gold.objects.create(
            comparison=factories.comparison(campaign, external_id=f"g{number}"), preference="a"
        )
    wrong = Gold.objects.get(comparison__external_id="g0")
    for _ in range(6):
        seat = factories.rater(campaign)
        for _ in range(7):
            claimed = claim_assignment(rater=seat.rater, campaign=campaign)
            assert claimed is not None
            said = "b" if claimed.comparison_id == wrong.comparison_id else "a"
            answer = {"side": claimed.side(said)}
            submit_judgment(rater=seat.rater, assignment_id=claimed.public_id, answer=answer)
    person = factories.member(campaign, "manager")
    manager, reader = visit(person), visit(factories.member(campaign, "researcher"))
    doubt_gold()
    doubt_gold()
    told = Notification.objects.filter(user=person, kind="gold.suspect")
    assert told.count() == 1
    # Kept when it had three answers, it is doubted anew with six, and told anew.
    keep_gold(comparison=wrong.comparison, by=person, n=3)
    doubt_gold()
    doubt_gold()
    assert told.count() == 2
    wrong.refresh_from_db()
    assert wrong.retired_at is None
    page = reader.get("/campaigns/doubt/gold/").content.decode()
    assert "0 of 6" in page
    assert "Retire</button>" not in page
    path = f"/campaigns/doubt/gold/{wrong.comparison.public_id}/"
    assert reader.post(path, {"do": "retire", "why": "Wrong."}).status_code == 403
    manager.post(path, {"do": "keep"})
    assert "0 of 6" not in manager.get("/campaigns/doubt/gold/").content.decode()
    manager.post(path, {"do": "retire", "why": ""})
    wrong.refresh_from_db()
    assert wrong.retired_at is None
    manager.post(path, {"do": "retire", "why": "It is wrong."})
    wrong.refresh_from_db()
    assert wrong.retired_why == "It is wrong."
    manager.post(path, {"do": "restore"})
    wrong.refresh_from_db()
    assert wrong.retired_at is None
