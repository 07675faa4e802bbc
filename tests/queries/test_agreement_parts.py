"""`agreement_by` reads what was judged here: whose votes, whose sides, and what is left out."""

import numpy as np
import pytest

from labeling.models import Campaign, Comparison, Gold, Judgment, Seat
from labeling.queries.agreement_parts import agreement_parts
from labeling.queries.outcomes import outcomes
from tests import factories
from tests.judge_rows import people_say

pytestmark = pytest.mark.django_db

CRITERIA = {"criteria": [{"key": "true", "label": "True"}, {"key": "kind", "label": "Kind"}]}


@pytest.fixture
def campaign() -> Campaign:
    return factories.campaign(overlap=2, schema=CRITERIA)


def say(seat: Seat, comparison: Comparison, preference: str, **criteria: str) -> Judgment:
    people_say([seat], comparison, [preference], criteria=criteria)
    return Judgment.objects.latest("pk")


def parts(campaign: Campaign):
    read = outcomes(campaign)
    return agreement_parts(campaign, read, round_of_item=np.full(read.votes.item_count, -1))


def test_a_criterion_is_read_in_the_order_of_the_file_that_brought_it(campaign: Campaign) -> None:
    """A turned comparison's a is its file's b, on a criterion as in the preference."""
    seats = [factories.rater(campaign) for _ in range(2)]
    for k in range(6):
        comparison = factories.comparison(campaign, is_turned=k % 2 == 1)
        winner, loser = ("b", "a") if comparison.is_turned else ("a", "b")
        said = winner if k < 4 else loser
        for seat in seats:
            say(seat, comparison, said, true=said if seat == seats[0] or k else "tie")
    found = parts(campaign)
    true, kind = found["criteria"]
    assert [row["criterion"] for row in found["criteria"]] == ["true", "kind"]
    assert kind["judgment_count"] == 0 and kind["missing_count"] == 12 and kind["alpha"]["why"]
    # By hand: a a, and five items that agree, three on a and two on b.
    assert true["percent"]["value"] == pytest.approx(5 / 6)
    assert true["decisive"]["value"] == 1 and true["decisive"]["n"] == 5
    assert true["ties"]["value"] == pytest.approx(1 / 12)
    whole = found["scales"][0]["percent"]
    assert whole["value"] == 1


def test_repeats_judges_known_answers_and_what_was_withdrawn_are_no_votes(
    campaign: Campaign,
) -> None:
    seats = [factories.rater(campaign) for _ in range(2)]
    judge = factories.judge(campaign, "oak")
    first, second = (factories.comparison(campaign) for _ in range(2))
    for seat in seats:
        say(seat, first, "a", true="a")
    people_say(seats[:1], first, ["b"], criteria={"true": "b"}, is_repeat=True)
    say(judge, first, "b", true="b")
    for seat, said in zip(seats, "ab", strict=True):
        say(seat, second, said, true=said)
    Gold.objects.create(comparison=second, preference="a")
    (true, _) = parts(campaign)["criteria"]
    assert true["judgment_count"] == 2 and true["rater_count"] == 2
    assert true["percent"]["value"] == 1 and true["percent"]["n"] == 1


def test_criteria_that_only_files_brought_are_there_too(campaign: Campaign) -> None:
    seats = [factories.rater(campaign) for _ in range(2)]
    comparison = factories.comparison(campaign)
    for seat in seats:
        say(seat, comparison, "a", **{'it\'s "odd" %s {x}': "b"})
    found = parts(campaign)["criteria"]
    assert [row["criterion"] for row in found] == ["true", "kind", 'it\'s "odd" %s {x}']
    assert found[2]["percent"]["value"] == 1


def test_without_judgments_every_part_says_why() -> None:
    found = parts(factories.campaign())
    assert found["rounds"] == [] and found["why"]["rounds"] and found["why"]["criteria"]
    assert found["windows"]["why"] and found["pairs"]["why"]
    assert all(row["percent"]["why"] for row in found["scales"])
