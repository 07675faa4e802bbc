"""The report through the real worker function, from judgments made by the real actions."""

import threading
import time
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connection
from django.db.models.functions import Now
from django.test.utils import CaptureQueriesContext

from labeling.actions.jobs import finish_job, queue_job, start_job
from labeling.actions.progress import Progress
from labeling.actions.rating import revise_judgment
from labeling.actions.reports import KEPT, record_report, turn_to_report
from labeling.metrics.report import METHOD_VERSION
from labeling.models import Campaign, Gold, Job, Judgment, Report, Seat, Withdrawal
from labeling.queries.due import campaigns_to_report
from labeling.queries.outcomes import outcomes
from tests import factories
from tests.judging import judged
from workers.metrics import refresh_report, run_report

pytestmark = pytest.mark.django_db


def newest(campaign: Campaign) -> Report:
    return campaign.reports.latest()


ANSWERS = {
    "ann": ["a", "a", "a", "a", "b"],
    "bob": ["a", "a", "a", "b", "b"],
    "cat": ["a", "a", "b", "tie", "b"],
}


def test_a_campaign_of_known_judgments_gives_the_numbers_worked_out_by_hand():
    campaign = factories.campaign(overlap=3)
    judged(campaign, ANSWERS)
    refresh_report(campaign.pk)
    report = newest(campaign)
    body = report.body
    # Pairs of raters that agree: 3, 3, 1, 0 and 3 of 3 each.
    assert body["agreement"]["percent_agreement"]["value"] == pytest.approx(10 / 15)
    assert body["agreement"]["percent_agreement"]["n"] == 15
    assert body["agreement"]["krippendorff_alpha_nominal"]["value"] == pytest.approx(
        alpha_nominal(ANSWERS)
    )
    assert (body["judgment_count"], body["rater_count"], body["comparison_count"]) == (15, 3, 5)
    assert report.event_count == 15
    assert report.judgment_count == 15
    first, second = body["leaderboard"]
    # model-one won 9 and lost 5, with one tie: the odds of a two-model fit are 9.5 to 5.5.
    assert (first["model"], second["model"]) == ("model-one", "model-two")
    assert (first["wins"], first["losses"], first["ties"]) == (9, 5, 1)
    gap = first["elo"] - second["elo"]
    assert 10 ** (gap / 400) == pytest.approx(9.5 / 5.5)
    assert body["win_matrix"]["cells"][0][1]["value"] == pytest.approx(9.5 / 15)
    rows = {row["rater"]: row for row in body["raters"]}
    seats = {seat.pseudonym for seat in Seat.objects.filter(campaign=campaign)}
    assert set(rows) == seats
    assert {row["median_active_ms"] for row in rows.values()} == {4000}
    # The last point of the curve is the number itself.
    curve = body["over_time"]["krippendorff_alpha_ordinal"]
    assert curve[-1]["value"] == body["agreement"]["krippendorff_alpha_ordinal"]["value"]
    assert sum(count for _, count in body["over_time"]["by_day"]) == 15
    assert body["over_time"]["collected"][-1][1] == 15
    assert body["over_time"]["undated_count"] == 0


def alpha_nominal(answers: dict[str, list[str]]) -> float:
    """Alpha from its definition, pair by pair, with none of the product's code."""
    units = list(zip(*answers.values(), strict=True))
    values = [value for unit in units for value in unit]
    observed = sum(
        sum(x != y for i, x in enumerate(unit) for j, y in enumerate(unit) if i != j)
        / (len(unit) - 1)
        for unit in units
    ) / len(values)
    expected = sum(x != y for i, x in enumerate(values) for j, y in enumerate(values) if i != j) / (
        len(values) * (len(values) - 1)
    )
    return float(1 - observed / expected)


def test_only_standing_judgments_count():
    campaign = factories.campaign(overlap=2)
    judged(campaign, {"ann": ["a", "a"], "bob": ["b", "a"]})
    of_bob = Judgment.objects.filter(rater__user__username="bob").order_by("pk")
    changed = of_bob.get(preference="b")
    assert changed.assignment is not None
    revise_judgment(
        rater=changed.rater,
        judgment_id=changed.public_id,
        answer={"side": changed.assignment.side("a")},
    )
    refresh_report(campaign.pk)
    assert newest(campaign).body["agreement"]["percent_agreement"]["value"] == 1
    assert newest(campaign).event_count == 5
    gone = Judgment.objects.filter(rater__user__username="ann").first()
    assert gone is not None
    Withdrawal.objects.create(judgment=gone, reason="a slip")
    refresh_report(campaign.pk)
    assert newest(campaign).event_count == 6
    assert newest(campaign).judgment_count == 3
    assert newest(campaign).body["agreement"]["percent_agreement"]["n"] == 1


def test_gold_and_judges_stand_apart():
    campaign = factories.campaign(overlap=2)
    comparisons = judged(campaign, {"ann": ["a", "b"], "bob": ["b", "b"]})
    Gold.objects.create(comparison=comparisons[0], preference="a")
    judge = factories.judge(campaign, "a judge")
    Judgment.objects.create(
        campaign=campaign, comparison=comparisons[1], rater=judge.rater, preference="a"
    )
    refresh_report(campaign.pk)
    body = newest(campaign).body
    assert body["agreement"]["percent_agreement"]["n"] == 1
    assert body["agreement"]["percent_agreement"]["value"] == 1
    assert (body["gold"]["value"], body["gold"]["n"]) == (0.5, 2)
    assert (body["judgment_count"], body["judge_judgment_count"]) == (4, 1)
    assert [row["rater"] for row in body["judges"]] == [judge.pseudonym]
    assert sum(count for _, count in body["over_time"]["by_day"]) == 2


def test_a_campaign_without_judgments_has_a_report_that_says_so():
    campaign = factories.campaign()
    factories.open_comparisons(campaign, 1)
    refresh_report(campaign.pk)
    report = newest(campaign)
    assert (report.event_count, report.through_judgment) == (0, None)
    assert report.body["agreement"]["percent_agreement"]["value"] is None
    assert report.body["agreement"]["percent_agreement"]["why"]
    assert report.body["over_time"]["by_day"] == []


def test_a_report_names_its_last_judgment_and_is_made_once():
    campaign = factories.campaign()
    judged(campaign, {"ann": ["a", "b"]})
    assert campaigns_to_report(method_version=METHOD_VERSION) == [campaign.pk]
    refresh_report(campaign.pk)
    last = Judgment.objects.order_by("pk").last()
    assert last is not None
    assert newest(campaign).through_judgment == last.public_id
    assert newest(campaign).body["through_judgment"] == str(last.public_id)
    assert campaigns_to_report(method_version=METHOD_VERSION) == []
    refresh_report(campaign.pk)
    assert campaign.reports.count() == 1
    assert campaigns_to_report(method_version="another", campaign_id=campaign.pk) == [campaign.pk]


def test_a_costly_report_rests_before_the_next():
    campaign = factories.campaign(overlap=1)
    judged(campaign, {"ann": ["a"]})
    refresh_report(campaign.pk)
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE labeling_report SET event_count = 0, through_judgment = NULL,"
            " computed_at = created_at - interval '1 hour'"
        )
    assert campaigns_to_report(method_version=METHOD_VERSION) == []
    # Asked for by name it does not rest.
    assert campaigns_to_report(method_version=METHOD_VERSION, campaign_id=campaign.pk)


def test_a_quiet_campaign_is_not_counted_again_until_something_points_to_news():
    campaign = factories.campaign()
    (row,) = judged(campaign, {"ann": ["a"]})
    refresh_report(campaign.pk)

    def lags() -> bool:
        due = campaigns_to_report(method_version=METHOD_VERSION, campaign_id=campaign.pk)
        return due == [campaign.pk]

    with connection.cursor() as cursor:
        # As if the report were old, and one judgment had been committed late under a lower id.
        cursor.execute(
            "UPDATE labeling_report SET event_count = 0, computed_at = now() - interval '1 hour'"
        )
    assert not lags()
    queued = queue_job(campaign=campaign, kind="import", by=None)
    job = start_job(job_id=queued.pk)
    assert job is not None
    finish_job(job=job, status="succeeded")
    assert lags()
    job.delete()
    assert not lags()
    Withdrawal.objects.create(judgment=row.judgments.get(), reason="a slip")
    assert lags()


def test_recording_is_idempotent_and_keeps_the_newest():
    campaign = factories.campaign()
    read = outcomes(campaign)

    def record(event_count: int) -> Report:
        return record_report(
            campaign=campaign,
            event_count=event_count,
            judgment_count=event_count,
            through_judgment=None,
            method_version="1",
            body={},
            computed_at=outcomes(campaign).read_at,
        )

    assert record(1).pk == record(1).pk
    for event_count in range(2, KEPT + 5):
        record(event_count)
    counts = set(campaign.reports.values_list("event_count", flat=True))
    assert counts == set(range(5, KEPT + 5))
    assert read.event_count == 0


def test_a_job_recomputes_and_says_which_report():
    campaign = factories.campaign()
    judged(campaign, {"ann": ["a"]})
    job = queue_job(campaign=campaign, kind="report", by=None)
    run_report(job.pk)
    run_report(job.pk)
    job.refresh_from_db()
    assert job.status == "succeeded"
    assert job.result == {"report": str(newest(campaign).public_id), "judgment_count": 1}
    assert job.attempts == 1


@pytest.mark.django_db(transaction=True)
def test_a_report_that_takes_long_keeps_its_job(monkeypatch):
    """It waits for its turn, or computes, longer than a worker may be silent: nobody takes over."""
    monkeypatch.setattr(Progress, "PULSE_SECONDS", 0.1)
    campaign = factories.campaign()
    judged(campaign, {"ann": ["a"]})
    job = queue_job(campaign=campaign, kind="report", by=None)

    def work() -> None:
        try:
            run_report(job.pk)
        finally:
            connection.close()

    worker = threading.Thread(target=work)
    with turn_to_report(campaign_id=campaign.pk, wait=True):
        worker.start()
        wait_for(lambda: Job.objects.filter(pk=job.pk, attempts=1).exists())
        long_ago = Now() - timedelta(minutes=2)
        Job.objects.filter(pk=job.pk).update(beat_at=long_ago)
        wait_for(lambda: Job.objects.filter(pk=job.pk, beat_at__gt=long_ago).exists())
        assert start_job(job_id=job.pk) is None
    worker.join()
    job.refresh_from_db()
    assert (job.status, job.attempts) == ("succeeded", 1)


def wait_for(is_so: Callable[[], bool]) -> None:
    give_up_at = time.monotonic() + 20
    while not is_so():
        assert time.monotonic() < give_up_at
        time.sleep(0.05)


def test_a_second_click_gets_the_job_that_waits():
    campaign = factories.campaign()
    first = queue_job(campaign=campaign, kind="report", by=None)
    assert queue_job(campaign=campaign, kind="report", by=None) == first
    assert queue_job(campaign=factories.campaign(), kind="report", by=None) != first
    start_job(job_id=first.pk)
    assert queue_job(campaign=campaign, kind="report", by=None) != first


def test_a_worker_that_was_given_up_ends_nobody_elses_job():
    queued = queue_job(campaign=factories.campaign(), kind="report", by=None)
    lost = start_job(job_id=queued.pk)
    assert lost is not None
    Job.objects.filter(pk=queued.pk).update(beat_at=queued.created_at - timedelta(minutes=2))
    taken = start_job(job_id=queued.pk)
    assert taken is not None
    assert taken.attempts == 2
    finish_job(job=lost, status="failed")
    queued.refresh_from_db()
    assert queued.status == "running"
    finish_job(job=taken, status="succeeded")
    queued.refresh_from_db()
    assert queued.status == "succeeded"


@pytest.mark.django_db(transaction=True)
def test_no_two_workers_compute_one_campaign_at_once():
    campaign = factories.campaign()
    judged(campaign, {"ann": ["a"]})
    seen: list[bool] = []

    def other() -> None:
        with turn_to_report(campaign_id=campaign.pk, wait=False) as is_ours:
            seen.append(is_ours)
        refresh_report(campaign.pk)
        connection.close()

    with turn_to_report(campaign_id=campaign.pk, wait=False) as is_ours:
        assert is_ours
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
    assert seen == [False]
    assert not campaign.reports.exists()
    refresh_report(campaign.pk)
    assert campaign.reports.count() == 1


def test_the_number_of_queries_does_not_grow_with_judgments():
    def cost(size: int) -> int:
        campaign = factories.campaign(overlap=2)
        names = [f"r{size}-{k}" for k in range(2)]
        judged(campaign, {names[0]: ["a"] * size, names[1]: ["b"] * size})
        with CaptureQueriesContext(connection) as caught:
            refresh_report(campaign.pk)
        return len(caught)

    assert cost(2) == cost(12) <= 48
