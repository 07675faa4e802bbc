"""What a decision leaves out of exports and the report, while it is in force; of nothing else."""

import json
from collections.abc import Iterable

import pytest
from django.db import connection
from django.db.models.functions import Now

from labeling.actions.adjudications import leave_out
from labeling.formats.export_choice import choose
from labeling.metrics.report import METHOD_VERSION
from labeling.models import Campaign, ExcludedJudgment, Exclusion, Judgment, Rater, Report
from labeling.queries import export_rows
from labeling.queries.due import campaigns_to_report
from labeling.queries.export_rows import open_export
from tests import factories
from tests.queries.export_campaign import small_campaign
from workers.metrics import refresh_report

pytestmark = pytest.mark.django_db(transaction=True)

CHOICES = (
    (),
    (("raters", "human"),),
    (("raters", "judge"),),
    (("gold", "drop"),),
    (("history", "1"),),
)


def excluded(campaign: Campaign, rows: Iterable[Judgment], **fields: object) -> Exclusion:
    rows = list(rows)
    made = Exclusion.objects.create(
        campaign=campaign, rater=rows[0].rater, reason="Too fast.", **fields
    )
    ExcludedJudgment.objects.bulk_create(
        ExcludedJudgment(exclusion=made, judgment=row) for row in rows
    )
    return made


def of(pseudonym: str) -> Rater:
    return Rater.objects.get(seats__pseudonym=pseudonym)


def lines(campaign: Campaign, **asked: str):
    export = open_export(campaign, choose(asked))
    written = [json.loads(line) for line in b"".join(export).splitlines()]
    return written, export.counts


def test_an_export_leaves_out_what_is_excluded_and_says_how_many():
    campaign = small_campaign()
    before, _ = lines(campaign)
    excluded(campaign, Judgment.objects.filter(rater=of("r-bob")))
    after, counts = lines(campaign)
    assert after == [row for row in before if row["rater"] != "r-bob"]
    # Bob's superseded judgment does not count among those that stand.
    assert counts["excluded"] == len(before) - len(after) == 2
    everything, counts = lines(campaign, excluded="include")
    assert everything == before
    assert "excluded" not in counts
    history, _ = lines(campaign, history="1")
    assert "r-bob" not in {row["rater"] for row in history}


def test_the_count_is_of_what_was_asked_for_and_has_left_out_comparisons():
    campaign = small_campaign()
    whole = {words: len(lines(campaign, **dict(words))[0]) for words in CHOICES}
    excluded(campaign, Judgment.objects.filter(rater=of("r-bob")))
    leave_out(
        comparison=Judgment.objects.filter(rater__kind="judge").first().comparison,
        by=factories.member(campaign, "reviewer"),
        note="Broken prompt.",
    )
    for words in CHOICES:
        left, counts = lines(campaign, **dict(words))
        assert counts["excluded"] == whole[words] - len(left) > 0, words


def test_a_majority_is_of_those_that_are_left():
    campaign = small_campaign()
    sky = {row["comparison_id"]: row["preference"] for row in lines(campaign, rule="majority")[0]}
    excluded(campaign, Judgment.objects.exclude(rater=of("r-cat")).filter(rater__kind="human"))
    left = {row["comparison_id"]: row["preference"] for row in lines(campaign, rule="majority")[0]}
    assert set(left) < set(sky)
    assert set(left.values()) == {"tie"}


def test_all_of_a_raters_work_counts_until_a_second_manager_agrees_and_again_once_undone():
    campaign = small_campaign()
    before, _ = lines(campaign)
    made = excluded(campaign, Judgment.objects.filter(rater=of("r-bob")), needs_second=True)
    assert lines(campaign)[0] == before
    Exclusion.objects.filter(pk=made.pk).update(agreed_at=Now())
    assert len(lines(campaign)[0]) < len(before)
    Exclusion.objects.filter(pk=made.pk).update(undone_at=Now())
    assert lines(campaign)[0] == before


def test_another_campaigns_exports_are_asked_nothing_more():
    campaign = small_campaign()
    asked: list[str] = []
    statement = export_rows._statement

    plain = statement(choose({}), leaves_out=False, is_reviewed=False).as_string(
        connection.connection
    )
    assert "excludedjudgment" not in plain
    assert "excludedjudgment" in statement(
        choose({}), leaves_out=True, is_reviewed=False
    ).as_string(connection.connection)
    assert not asked
    assert not open_export(campaign, choose({}))._leaves_out


def test_leaving_out_is_a_probe_for_each_row():
    campaign = small_campaign()
    excluded(campaign, Judgment.objects.filter(rater=of("r-bob")))
    export = open_export(campaign, choose({}))
    text = export_rows._statement(choose({}), leaves_out=True, is_reviewed=False).as_string(
        export._connection
    )
    query = text.removeprefix("COPY (").removesuffix(") TO STDOUT (FORMAT binary)")
    values = {"campaign": campaign.pk, "start": 0, "end": 10**9, "is_reviewed": False}
    plan = export._connection.execute(f"EXPLAIN {query}", values).fetchall()
    export.close()
    told = "\n".join(row[0] for row in plan)
    assert "Index" in told[told.index("SubPlan") :]
    assert "Seq Scan on labeling_excludedjudgment" not in told


def test_the_report_leaves_them_out_says_how_many_and_is_made_anew():
    campaign = small_campaign()
    refresh_report(campaign.pk)
    first = Report.objects.latest("pk")
    assert first.body["counts"]["excluded_judgments"] == 0
    assert campaigns_to_report(method_version=METHOD_VERSION, campaign_id=campaign.pk) == []
    made = excluded(campaign, Judgment.objects.filter(rater=of("r-bob")))
    refresh_report(campaign.pk)
    second = Report.objects.latest("pk")
    assert second.body["judgment_count"] == first.body["judgment_count"] - 2
    assert second.body["counts"]["excluded_judgments"] == 2
    assert "r-bob" not in {row["rater"] for row in second.body["raters"]}
    Exclusion.objects.filter(pk=made.pk).update(undone_at=Now())
    refresh_report(campaign.pk)
    third = Report.objects.latest("pk")
    assert third.body["judgment_count"] == first.body["judgment_count"]
    assert campaigns_to_report(method_version=METHOD_VERSION, campaign_id=campaign.pk) == []
