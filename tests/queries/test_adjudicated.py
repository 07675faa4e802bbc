"""A reviewer's word in exports, records and the report: beside the raters', never over them."""

from typing import Any

import orjson
import pytest
from django.test import Client
from django.urls import reverse

from labeling.actions.adjudications import adjudicate, leave_out
from labeling.formats.export_choice import choose
from labeling.metrics.report import METHOD_VERSION
from labeling.models import Campaign, Comparison, Judgment, User
from labeling.queries.adjudicated import told_decisions
from labeling.queries.due import campaigns_to_report
from labeling.queries.export_rows import open_export
from labeling.queries.judgment_records import record_of, records
from labeling.queries.outcomes import outcomes
from tests import factories
from tests.imports.files import import_file, lines
from tests.judging import judged
from workers.metrics import compute_report

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def campaign() -> Campaign:
    return factories.campaign(overlap=2, schema={"scale": 7, "rationale": "optional"})


@pytest.fixture
def items(campaign: Campaign) -> list[Comparison]:
    return judged(campaign, {"one": ["a", "b"], "two": ["b", "b"]})


@pytest.fixture
def reviewer(campaign: Campaign) -> User:
    return factories.member(campaign, "reviewer")


def exported(campaign: Campaign, **asked: str) -> list[dict[str, Any]]:
    return [
        orjson.loads(line) for line in b"".join(open_export(campaign, choose(asked))).splitlines()
    ]


def test_it_stands_beside_each_judgment_and_changes_none(
    campaign: Campaign, items: list[Comparison], reviewer: User
) -> None:
    before = exported(campaign)
    assert {row["adjudication"] for row in before} == {None}
    first = adjudicate(comparison=items[0], by=reviewer, preference="b", strength=1)
    made = adjudicate(
        comparison=items[0],
        by=reviewer,
        preference="a",
        strength=2,
        note="Format.",
        supersedes=first.public_id,
    )
    after = exported(campaign)
    stripped = [row | {"adjudication": None} for row in after]
    assert stripped == before
    word = next(row["adjudication"] for row in after if row["adjudication"])
    own = str(items[0].public_id)
    assert [row["comparison_id"] == own for row in after] == [
        row["adjudication"] == word for row in after
    ]
    assert word == {
        "outcome": "decided",
        "preference": "a",
        "strength": 2,
        "note": "Format.",
        "at": f"{made.created_at:%Y-%m-%dT%H:%M:%S.%fZ}",
    }
    # A record of the API says the same, whatever their order.
    told = [record_of(one)["adjudication"] for one in records(campaign).order_by("pk")]
    assert told == [row["adjudication"] for row in after]
    majority = {row["comparison_id"]: row for row in exported(campaign, rule="majority")}
    assert majority[own]["preference"] == "tie"
    assert majority[own]["adjudication"] == word


def test_it_is_turned_with_a_comparison_whose_file_called_b_its_a(
    campaign: Campaign, items: list[Comparison], reviewer: User
) -> None:
    Comparison.objects.filter(pk=items[0].pk).update(is_turned=True)
    adjudicate(comparison=items[0], by=reviewer, preference="a", strength=2)
    row = next(row for row in exported(campaign) if row["adjudication"])
    assert row["adjudication"]["preference"] == "b"
    told = next(r for one in records(campaign) if (r := record_of(one))["adjudication"])
    word = told["adjudication"]
    assert (orjson.loads(word) if isinstance(word, bytes) else word)["preference"] == "b"


def test_what_is_left_out_is_in_no_file_nor_report_unless_asked_for(
    campaign: Campaign, items: list[Comparison], reviewer: User
) -> None:
    compute_report(campaign)
    made = leave_out(comparison=items[0], by=reviewer, note="Broken prompt.")
    assert {row["comparison_id"] for row in exported(campaign)} == {str(items[1].public_id)}
    assert len(exported(campaign, excluded="include")) == 4
    assert len(exported(campaign, rule="majority")) == 1
    assert outcomes(campaign).votes.item_keys.tolist() == [items[1].pk]
    assert campaigns_to_report(method_version=METHOD_VERSION, campaign_id=campaign.pk)
    compute_report(campaign)
    assert not campaigns_to_report(method_version=METHOD_VERSION, campaign_id=campaign.pk)
    # A later decision takes it in again.
    adjudicate(comparison=items[0], by=reviewer, preference="tie", supersedes=made.public_id)
    assert len(exported(campaign)) == 4
    assert campaigns_to_report(method_version=METHOD_VERSION, campaign_id=campaign.pk)


def test_a_file_with_reviewers_words_comes_back_in(
    campaign: Campaign, items: list[Comparison], reviewer: User
) -> None:
    adjudicate(comparison=items[0], by=reviewer, preference="a", strength=2, note="Format.")
    rows = exported(campaign)
    other = factories.campaign()
    import_file(other, lines(*rows), "judgments")
    again = exported(other)
    kept = ("judgment_id", "preference", "strength", "rationale", "completion_a", "prompt")
    assert [{key: row[key] for key in kept} for row in again] == [
        {key: row[key] for key in kept} for row in rows
    ]


def test_raters_read_it_only_where_allowed_and_their_judgment_is_final(
    campaign: Campaign, items: list[Comparison], reviewer: User
) -> None:
    one = campaign.seats.get(rater__user__username="one")
    quiet = adjudicate(comparison=items[1], by=reviewer, preference="b", strength=1, note="Quiet.")
    adjudicate(
        comparison=items[0],
        by=reviewer,
        preference="b",
        strength=1,
        note="Format decides.",
        tells_raters=True,
    )
    # While they may still change it, it is theirs alone.
    assert told_decisions(one.rater, campaign) == []
    Campaign.objects.filter(pk=campaign.pk).update(revise_seconds=0)
    campaign.refresh_from_db()
    (told,) = told_decisions(one.rater, campaign)
    judgment = Judgment.objects.get(rater=one.rater, comparison=items[0])
    assert judgment.assignment is not None
    assert told.yours == (judgment.assignment.side("a"), judgment.strength)
    assert told.decided == (judgment.assignment.side("b"), 1)
    client = Client()
    assert one.rater.user is not None
    client.force_login(one.rater.user)
    page = client.get(reverse("rate_answers", args=[campaign.slug])).content.decode()
    assert "Format decides." in page
    assert "Quiet." not in page
    assert quiet.note == "Quiet."
    stranger = factories.rater(campaign)
    assert told_decisions(stranger.rater, campaign) == []


def test_records_cost_the_same_for_few_and_many(
    campaign: Campaign, items: list[Comparison], reviewer: User, django_assert_num_queries: Any
) -> None:
    adjudicate(comparison=items[0], by=reviewer, preference="a", strength=2)
    with django_assert_num_queries(2):
        assert len([record_of(one) for one in records(campaign)]) == 4
