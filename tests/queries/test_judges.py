"""What the report is told of judges, and that people's figures know nothing of them."""

import pytest

from labeling.actions.judgments import withdraw_judgment
from labeling.models import Seat
from labeling.queries.judges import expected_of, judge_context
from labeling.queries.outcomes import outcomes
from tests import factories
from tests.judge_rows import judge_of, known_judge, people_say, says
from workers.metrics import refresh_report

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_report_has_the_judge_beside_people_and_people_as_they_were() -> None:
    campaign = factories.campaign(state="draft", policy={"pay_per_hour": 24, "currency": "EUR"})
    seats = [factories.rater(campaign) for _ in range(3)]
    made = [factories.comparison(campaign) for _ in range(12)]
    for k, comparison in enumerate(made):
        people_say(seats, comparison, ("a", "a", "ab"[k % 2]), active_ms=60_000)
    refresh_report(campaign.pk)
    before = campaign.reports.latest("computed_at").body
    assert before["judges"] == []
    judge = judge_of(campaign)
    for k, comparison in enumerate(made):
        says(judge, comparison, "b" if k < 3 else "a", 0.8, orders=("a", "ab"[k < 3]))
    judge.cost = 6
    judge.save()
    refresh_report(campaign.pk)
    body = campaign.reports.latest("computed_at").body
    (row,) = body["judges"]
    assert (row["name"], row["model"], row["judge"]) == (
        "spruce",
        "spruce-70b",
        str(judge.public_id),
    )
    assert row["agreement"]["value"] == 9 / 12
    assert row["consistency"]["value"] == 9 / 12 and row["consistency"]["n"] == 12
    assert row["cost"]["value"] == 0.5 and row["cost"]["currency"] == "EUR"
    # A minute at 24 an hour.
    assert row["equal_accuracy"]["person_cost"] == pytest.approx(0.4)
    assert row["calibration"]["bins"][3]["n"] == 12
    for name in ("agreement", "leaderboard", "win_matrix", "bias", "raters", "contested", "gold"):
        assert body[name] == before[name], name
    assert body["judgment_count"] == before["judgment_count"] == 36


def test_groups_come_from_seats_and_small_ones_are_withheld() -> None:
    campaign = factories.campaign(state="draft")
    seats = [factories.rater(campaign) for _ in range(6)]
    Seat.objects.filter(pk__in=[seat.pk for seat in seats[:3]]).update(groups={"age": "old"})
    Seat.objects.filter(pk__in=[seat.pk for seat in seats[3:]]).update(groups={"age": "young"})
    judge = judge_of(campaign, persona={"age": "old"})
    comparison = factories.comparison(campaign)
    people_say(seats, comparison, ("a", "a", "a", "b", "b", "b"))
    says(judge, comparison, "a")
    refresh_report(campaign.pk)
    (row,) = campaign.reports.latest("computed_at").body["judges"]
    (persona,) = row["personas"]
    assert persona["is_withheld"] and persona["with_group"]["value"] is None


def test_what_was_withdrawn_weighs_nothing() -> None:
    campaign = factories.campaign(state="draft")
    judge = judge_of(campaign)
    kept, gone = (factories.comparison(campaign) for _ in range(2))
    people_say([factories.rater(campaign)], kept, ("a",))
    says(judge, kept, "a")
    verdict = says(judge, gone, "b", orders=("a", "b"))
    withdraw_judgment(judgment=verdict.judgment, reason="wrong", by=None)
    read = outcomes(campaign)
    (facts,) = judge_context(
        campaign, read.votes, is_judge=read.is_judge, rater_keys=read.rater_keys
    ).facts.values()
    assert list(facts.confidence) == [kept.pk] and facts.verdict_count == 1
    assert {int(row[0]) for row in facts.calls} == {kept.pk}


def test_without_a_judge_nothing_is_read(django_assert_num_queries: object) -> None:
    campaign = factories.campaign(state="draft")
    people_say([factories.rater(campaign)], factories.comparison(campaign), ("a",))
    read = outcomes(campaign)
    with django_assert_num_queries(0):  # type: ignore[operator]
        found = judge_context(
            campaign, read.votes, is_judge=read.is_judge, rater_keys=read.rater_keys
        )
    assert not found.facts


def test_what_a_routing_would_cost() -> None:
    campaign = factories.campaign(
        state="draft", overlap=3, policy={"pay_per_hour": 12, "currency": "EUR"}
    )
    judge, _ = known_judge(campaign)
    expected = expected_of(campaign, judge, cut=0.75, audit_share=0.1)
    assert expected is not None
    # Half a minute at 12 an hour is a tenth, three people each; the judge took 1.2 for 120.
    alone, mixed = expected["cost"]["people_alone"], expected["cost"]["with_judge"]
    assert alone == pytest.approx(1000 * 3 * 0.1)
    share = expected["share"]["value"]
    assert mixed == pytest.approx(1000 * 0.01 + alone * (1 - share * 0.9))
