"""Credited time and counts: whatever was begun is credited, and no path drops it."""

import csv
import io
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from labeling.actions.campaigns import update_campaign
from labeling.actions.claiming import claim_assignment
from labeling.actions.judgments import withdraw_judgment
from labeling.actions.leases import requeue_lapsed
from labeling.actions.raters import reinstate_rater, suspend_rater
from labeling.actions.rating import revise_judgment, skip_assignment, submit_judgment
from labeling.actions.tokens import issue_token
from labeling.errors import ConflictError, EndedError, LeaseLostError, NotFoundError
from labeling.models import Assignment, Campaign
from labeling.policy import Policy
from labeling.queries.pay import pay_of
from tests import factories
from tests.web.building import open_campaign

pytestmark = pytest.mark.django_db
HALF_HOUR = 1_800_000


@pytest.fixture
def campaign():
    return open_campaign(3, overlap=2)


@pytest.fixture
def seat(campaign):
    return factories.rater(campaign, "ann")


def answer(active_ms, side="left"):
    return {
        "side": side,
        "strength": 1,
        "criteria": {"helpful": "left", "truthful": "left"},
        "client": {"active_ms": active_ms} if active_ms is not None else {},
    }


def judge(campaign, seat, active_ms=HALF_HOUR):
    taken = claim_assignment(rater=seat.rater, campaign=campaign)
    return submit_judgment(
        rater=seat.rater, assignment_id=taken.public_id, answer=answer(active_ms)
    ).judgment


def this_month(campaign, policy=None):
    today = timezone.now().date()
    policy = policy or Policy(pay_per_hour=20)
    return pay_of(campaign, policy, since=today.replace(day=1), until=today)


def test_time_is_paid_to_the_cent(campaign, seat):
    judge(campaign, seat, 1_800_000)
    judge(campaign, seat, 1_234_567)
    (line,) = this_month(campaign).lines
    assert (line.judged, line.credited_ms) == (2, 3_034_567)
    # 3,034,567 ms of 3,600,000 at 20: 16.8587…
    assert str(line.amount) == "16.86"


def test_what_becomes_of_the_work_takes_nothing_from_it(campaign, seat):
    first, second = judge(campaign, seat), judge(campaign, seat)
    before = this_month(campaign).total.credited_ms
    revise_judgment(rater=seat.rater, judgment_id=second.public_id, answer=answer(60_000, "right"))
    withdraw_judgment(judgment=first, by=None, reason="no good")
    suspend_rater(campaign=campaign, rater=seat.rater, by=None)
    after = this_month(campaign)
    assert after.total.credited_ms == before + 60_000
    (line,) = after.lines
    assert (line.judged, line.changed) == (2, 1)


def test_an_answer_without_its_time_is_counted_and_said(campaign, seat):
    judge(campaign, seat, None)
    (line,) = this_month(campaign).lines
    assert (line.judged, line.untimed, line.credited_ms) == (1, 1, 0)


def test_time_on_what_was_skipped_is_credited(client, campaign, seat):
    taken = claim_assignment(rater=seat.rater, campaign=campaign)
    client.force_login(seat.rater.user)
    given = {"assignment_id": taken.public_id, "reason": "unclear", "active_ms": 42_000}
    for _ in range(2):
        client.post(reverse("skip", args=[campaign.slug]), given)
    (line,) = this_month(campaign).lines
    assert (line.skipped, line.credited_ms) == (1, 42_000)


def test_time_on_what_went_to_another_is_credited_once(campaign, seat):
    taken = claim_assignment(rater=seat.rater, campaign=campaign)
    Assignment.objects.filter(pk=taken.pk).update(leased_until=timezone.now() - timedelta(1))
    # Nobody is asked any more: the campaign's slots are all judged by others.
    update_campaign(campaign=campaign, by=None, overlap=1)
    requeue_lapsed(campaign=campaign)
    other = factories.rater(campaign, "bob")
    while claim_assignment(rater=other.rater, campaign=campaign):
        judge(campaign, other)
    for _ in range(3):
        with pytest.raises((LeaseLostError, NotFoundError)):
            submit_judgment(rater=seat.rater, assignment_id=taken.public_id, answer=answer(33_000))
    lines = {line.pseudonym: line for line in this_month(campaign).lines}
    assert lines[seat.pseudonym].credited_ms == 33_000


def test_a_late_skip_is_credited_once_and_never_beside_a_judgment(client, campaign, seat):
    taken = claim_assignment(rater=seat.rater, campaign=campaign)
    # Their part ended and began again: what they held is no longer theirs to give back.
    suspend_rater(campaign=campaign, rater=seat.rater, by=None)
    reinstate_rater(campaign=campaign, rater=seat.rater, by=None)
    for _ in range(2):
        with pytest.raises((ConflictError, NotFoundError)):
            skip_assignment(
                rater=seat.rater, assignment_id=taken.public_id, reason="unclear", active_ms=21_000
            )
    assert this_month(campaign).total.credited_ms == 21_000
    judged = judge(campaign, seat, 10_000).assignment
    with pytest.raises(ConflictError):
        skip_assignment(
            rater=seat.rater, assignment_id=judged.public_id, reason="unclear", active_ms=9_000
        )
    assert this_month(campaign).total.credited_ms == 31_000


def test_an_answer_after_the_end_is_credited_once(campaign, seat):
    judged = judge(campaign, seat, 10_000).assignment
    taken = claim_assignment(rater=seat.rater, campaign=campaign)
    Campaign.objects.filter(pk=campaign.pk).update(state=Campaign.State.ARCHIVED)
    for _ in range(2):
        for held in (taken, judged):
            with pytest.raises(EndedError):
                submit_judgment(
                    rater=seat.rater, assignment_id=held.public_id, answer=answer(25_000)
                )
    assert this_month(campaign).total.credited_ms == 35_000


@pytest.mark.parametrize("what", ["judgment", "skip", "page", "page skip"])
def test_what_a_pause_refuses_is_credited_once(client, campaign, seat, what):
    taken = claim_assignment(rater=seat.rater, campaign=campaign)
    suspend_rater(campaign=campaign, rater=seat.rater, by=None)
    issued = issue_token(user=seat.rater.user, by=None, scopes=["rate"])
    text = issued[1]
    client.force_login(seat.rater.user)
    for _ in range(2):
        if what.startswith("page"):
            given = {"assignment_id": taken.public_id, "reason": "unclear", "active_ms": 27_000}
            given |= {
                "verdict": "left:1",
                "criterion_helpful": "left",
                "criterion_truthful": "left",
            }
            name = "skip" if what.endswith("skip") else "rate"
            refused = client.post(reverse(name, args=[campaign.slug]), given)
        else:
            given = answer(27_000) if what == "judgment" else {"active_ms": 27_000}
            refused = client.post(
                f"/api/v1/assignments/{taken.public_id}/{what}/",
                given,
                content_type="application/json",
                headers={"Authorization": f"Bearer {text}"},
            )
        assert refused.status_code == (409 if what.startswith("page") else 403), refused.content
    assert this_month(campaign).total.credited_ms == 27_000


def test_only_the_period_counts_and_both_its_days_are_in_it(campaign, seat):
    judge(campaign, seat)
    today = timezone.now().date()
    day = timedelta(days=1)
    assert pay_of(campaign, Policy(), since=today, until=today).total.judged == 1
    assert not pay_of(campaign, Policy(), since=today - 9 * day, until=today - day).lines
    assert not pay_of(campaign, Policy(), since=today + day, until=today + 9 * day).lines


def test_the_page_and_the_file_say_the_same(client, campaign, seat):
    Campaign.objects.filter(pk=campaign.pk).update(policy={"pay_per_hour": 20, "currency": "NOK"})
    judge(campaign, seat)
    client.force_login(factories.member(campaign, "manager"))
    shown = client.get(reverse("campaign_pay", args=[campaign.slug]))
    assert b"NOK 20" in shown.content and b"10.00" in shown.content and b"30 min" in shown.content
    file = client.get(reverse("campaign_pay_file", args=[campaign.slug]))
    (row,) = csv.DictReader(io.StringIO(b"".join(file.streaming_content).decode()))
    assert (row["rater"], row["username"]) == (seat.pseudonym, "ann")
    assert (row["judgments"], row["credited_seconds"]) == ("1", "1800")
    assert (row["currency"], row["amount"]) == ("NOK", "10.00")


def test_a_period_that_runs_backwards_is_refused_in_words(client, campaign):
    client.force_login(factories.member(campaign, "manager"))
    asked = {"since": "2026-05-09", "until": "2026-05-01"}
    answer = client.get(reverse("campaign_pay", args=[campaign.slug]), asked)
    assert answer.status_code == 422 and b"ends before it begins" in answer.content
    odd = client.get(reverse("campaign_pay", args=[campaign.slug]), {"since": "9999-12-32"})
    assert odd.status_code == 422
    last = {"since": "9999-12-31", "until": "9999-12-31"}
    assert client.get(reverse("campaign_pay", args=[campaign.slug]), last).status_code == 422


@pytest.mark.parametrize("name", ["campaign_pay", "campaign_pay_file"])
@pytest.mark.parametrize(
    ("role", "status"), [("researcher", 403), ("reviewer", 403), ("rater", 404)]
)
def test_who_may_not_read_it(client, campaign, name, role, status):
    client.force_login(factories.member(campaign, role))
    assert client.get(reverse(name, args=[campaign.slug])).status_code == status


def test_the_raters_home_credits_the_same(client, campaign, seat):
    judge(campaign, seat, 60_000)
    taken = claim_assignment(rater=seat.rater, campaign=campaign)
    client.force_login(seat.rater.user)
    given = {"assignment_id": taken.public_id, "reason": "unclear", "active_ms": 120_000}
    client.post(reverse("skip", args=[campaign.slug]), given)
    home = client.get(reverse("rate_home")).context["home"]
    assert home.work.all_ms == home.work.week_ms == 180_000
    assert this_month(campaign).total.credited_ms == 180_000
