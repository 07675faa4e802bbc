"""What is right and what is left out is the same wherever it is counted."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.models.functions import Now

from labeling.actions.adjudications import leave_out
from labeling.actions.claiming import claim_assignment
from labeling.actions.pairing import pair_and_open_round
from labeling.actions.rating import submit_judgment
from labeling.actions.rounds import open_round
from labeling.models import (
    Assignment,
    Campaign,
    Comparison,
    ExcludedJudgment,
    Exclusion,
    Gold,
    Judgment,
    Seat,
)
from labeling.models.candidates import keepable_count
from labeling.models.practice_dealing import standings
from labeling.queries import clause_agreement, gold, gold_skills
from labeling.queries.home import home_of
from labeling.queries.pool import pool_of
from labeling.queries.review import Filter, contested, gold_shares
from labeling.queries.told_answers import told_answer
from tests import factories
from tests.judging import judged
from workers.rounds import settle_all

pytestmark = pytest.mark.django_db(transaction=True)


def answer(campaign: Campaign, seat: Seat, preference: str) -> Judgment:
    claimed = claim_assignment(rater=seat.rater, campaign=campaign)
    assert claimed is not None
    said = {"side": claimed.side(preference)}
    return submit_judgment(rater=seat.rater, assignment_id=claimed.public_id, answer=said).judgment


def exclude(*judgments: Judgment) -> Exclusion:
    first = judgments[0]
    made = Exclusion.objects.create(campaign=first.campaign, rater=first.rater, reason="Fast.")
    ExcludedJudgment.objects.bulk_create(
        ExcludedJudgment(exclusion=made, judgment=one) for one in judgments
    )
    return made


@pytest.mark.parametrize(("said", "known"), [("tie", "both_bad"), ("both_bad", "tie")])
def test_a_tie_and_both_bad_are_one_answer(said: str, known: str) -> None:
    campaign = factories.campaign(slug="taught", requirements={"qualification": "taught"})
    Gold.objects.create(comparison=factories.comparison(campaign), preference=known)
    open_round(campaign=campaign, by=None, kind="qualification")
    seat = factories.rater(campaign)
    judgment = answer(campaign, seat, said)
    (standing,) = standings(rater_ids=[seat.rater_id], campaign_ids=[campaign.pk])
    assert standing.right == 1
    assert told_answer(seat.rater, campaign, judgment.public_id).nearness == "right"
    # And on known answers among the rest.
    other = factories.campaign(requirements={"gold_rate": 1.0})
    items = [factories.comparison(other) for _ in range(10)]
    Gold.objects.bulk_create(Gold(comparison=one, preference=known) for one in items)
    factories.open_comparisons(other, 1)
    rater = factories.rater(other)
    for _ in items:
        answer(other, rater, said)
    shares = gold_shares(other, [rater.rater_id])
    assert shares[rater.rater_id].value == 1
    (row,) = pool_of(other).rows
    assert (row.gold.value, row.gold.n) == (1, 10)


def test_what_is_left_out_stops_no_item_and_is_not_kept() -> None:
    campaign = factories.campaign(state="draft", overlap=3)
    item = factories.comparison(campaign)
    opened = pair_and_open_round(campaign=campaign, by=None, stop_rule="curtailed")
    Campaign.objects.filter(pk=campaign.pk).update(state="active")
    campaign.refresh_from_db()
    judgments = [answer(campaign, factories.rater(campaign), "a") for _ in range(2)]
    wanted = Assignment.objects.filter(comparison=item, rater=None, ended_at=None)
    made = exclude(judgments[0])
    settle_all()
    assert wanted.count() == 1
    exclude(judgments[1])
    assert keepable_count(round_id=opened.pk) == 0
    Exclusion.objects.update(undone_at=Now())
    assert keepable_count(round_id=opened.pk) == 1
    leave_out(comparison=item, by=factories.member(campaign, "reviewer"), note="Broken.")
    assert keepable_count(round_id=opened.pk) == 0
    settle_all()
    assert wanted.count() == 1
    assert made.judgments.count() == 1


def test_what_is_left_out_makes_nothing_contested() -> None:
    campaign = factories.campaign(overlap=2)
    split, _ = judged(campaign, {"one": ["a", "b"], "two": ["b", "b"]})
    assert [one.id for one in contested(campaign, Filter())] == [split.pk]
    exclude(Judgment.objects.get(comparison=split, rater__user__username="one"))
    assert contested(campaign, Filter()) == []


def test_what_is_left_out_counts_for_no_known_answer_and_no_clause() -> None:
    campaign = factories.campaign(requirements={"gold_rate": 1.0})
    items = [factories.comparison(campaign) for _ in range(11)]
    Gold.objects.bulk_create(Gold(comparison=one, preference="a") for one in items)
    factories.open_comparisons(campaign, 1)
    seat = factories.rater(campaign)
    judgments = [answer(campaign, seat, "a") for _ in items]
    values: dict[str, Any] = {
        "campaign": campaign.pk,
        "campaigns": [campaign.pk],
        "most": 100,
        "since": "-infinity",
        "midnight": "infinity",
    }

    def counted() -> tuple[int, int, int]:
        with connection.cursor() as cursor:
            cursor.execute(gold._ANSWERS, values)
            answers = len(cursor.fetchall())
            cursor.execute(gold_skills._RESULTS, values)
            ((*_, skilled, _last),) = cursor.fetchall()
        shares = gold_shares(campaign, [seat.rater_id])
        return answers, skilled, shares[seat.rater_id].n if shares else 0

    assert counted() == (11, 11, 11)
    exclude(judgments[0])
    assert counted() == (10, 10, 10)
    reviewer = factories.member(campaign, "reviewer")
    leave_out(comparison=judgments[1].comparison, by=reviewer, note="Broken.")
    assert counted() == (9, 9, 0)


def test_no_clause_is_cited_by_what_is_left_out() -> None:
    campaign = factories.campaign()
    (item,) = factories.open_comparisons(campaign, 1)
    seat = factories.rater(campaign)
    judgment = Judgment.objects.create(
        campaign=campaign,
        comparison=item,
        rater=seat.rater,
        preference="a",
        clauses=["T1"],
        judged_at=Now(),
    )
    with connection.cursor() as cursor:
        cursor.execute(clause_agreement._ROWS, [campaign.pk])
        assert cursor.fetchall() == [(item.pk, seat.pseudonym, "T1")]
        exclude(judgment)
        cursor.execute(clause_agreement._ROWS, [campaign.pk])
        assert cursor.fetchall() == []


def test_a_spent_budget_leaves_no_repeats() -> None:
    campaign = factories.campaign(policy={"budget": 1}, requirements={"repeat_rate": 1.0})
    factories.open_comparisons(campaign, 1)
    seat = factories.rater(campaign)
    assert seat.rater.user is not None
    answer(campaign, seat, "a")
    done = Assignment.objects.filter(outcome="completed")
    done.update(ended_at=Now() - timedelta(days=1))
    (mine,) = home_of(seat.rater.user).campaigns
    assert mine.reason == "nothing_left"
    assert Comparison.objects.count() == 1
