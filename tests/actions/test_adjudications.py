"""Reviewers' decisions: immutable, one after the other, and the queue keeps its promises."""

import threading

import pytest
from django.db import DatabaseError, connection, transaction
from django.db.models.functions import Now

from labeling.actions.adjudications import adjudicate, ask_again, leave_out, send_back
from labeling.actions.campaigns import update_campaign
from labeling.actions.claiming import claim_assignment
from labeling.actions.guidelines import publish_guidelines
from labeling.actions.rating import submit_judgment
from labeling.actions.rounds import close_round
from labeling.errors import ConflictError, EndedError, InvalidInputError
from labeling.mails import words_of
from labeling.models import (
    Adjudication,
    Assignment,
    AuditEvent,
    Campaign,
    Comparison,
    Gold,
    Judgment,
    Notification,
    Round,
    RoundItem,
    User,
)
from labeling.queries.queue_faults import QueueFaults
from labeling.queries.review import Filter, contested
from labeling.queries.stale import stale_count, stale_judgments, stale_rule
from tests import factories
from tests.judging import judged

pytestmark = pytest.mark.django_db(transaction=True)

SCHEMA = {"scale": 7, "rationale": "optional"}


@pytest.fixture
def campaign() -> Campaign:
    return factories.campaign(overlap=2, schema=SCHEMA)


@pytest.fixture
def split(campaign: Campaign) -> Comparison:
    """A comparison on which two raters differ."""
    (comparison,) = judged(campaign, {"one": ["a"], "two": ["b"]})
    return comparison


@pytest.fixture
def reviewer(campaign: Campaign) -> User:
    return factories.member(campaign, "reviewer")


def still(campaign: Campaign) -> list[tuple[int, str]]:
    return list(Judgment.objects.filter(campaign=campaign).values_list("pk", "preference"))


def test_a_decision_stands_beside_the_judgments_and_is_never_edited(
    campaign: Campaign, split: Comparison, reviewer: User
) -> None:
    before = still(campaign)
    made = adjudicate(comparison=split, by=reviewer, preference="a", strength=1, note="Why.")
    assert (made.outcome, made.preference, made.strength) == ("decided", "a", 1)
    assert still(campaign) == before
    made.note = "Another."
    with pytest.raises(DatabaseError), transaction.atomic():
        made.save()
    event = AuditEvent.objects.get(verb="review.decided")
    assert (event.user, event.subject) == (reviewer, split.public_id)
    assert "Why." not in str(event.details)


def test_a_later_decision_supersedes_and_the_same_again_is_the_first(
    split: Comparison, reviewer: User
) -> None:
    first = adjudicate(comparison=split, by=reviewer, preference="a", strength=1)
    again = adjudicate(comparison=split, by=reviewer, preference="a", strength=1)
    assert again == first
    later = adjudicate(
        comparison=split, by=reviewer, preference="both_bad", supersedes=first.public_id
    )
    assert later.supersedes == first
    assert later.strength == 0
    assert list(Adjudication.objects.standing().filter(comparison=split)) == [later]


def test_of_two_reviewers_at_once_one_decides_and_the_other_is_told(
    campaign: Campaign, split: Comparison, reviewer: User
) -> None:
    other = factories.member(campaign, "reviewer")
    barrier = threading.Barrier(2)
    outcomes: list[str] = []

    def decide(by: User, preference: str) -> None:
        try:
            barrier.wait()
            adjudicate(comparison=split, by=by, preference=preference, strength=2)
            outcomes.append("decided")
        except ConflictError:
            outcomes.append("told")
        finally:
            connection.close()

    threads = [
        threading.Thread(target=decide, args=pair) for pair in ((reviewer, "a"), (other, "b"))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["decided", "told"]
    assert Adjudication.objects.filter(comparison=split).count() == 1


@pytest.mark.parametrize(
    ("answer", "field"),
    [
        ({"preference": "left"}, "preference"),
        ({"preference": "a", "strength": 4}, "strength"),
        ({"preference": "tie", "strength": 2}, "strength"),
        ({"preference": "a", "note": "x" * 2001}, "note"),
        ({"preference": "a", "tells_raters": True}, "note"),
        ({"preference": "a", "tells_raters": True, "makes_gold": True, "note": "."}, "makes_gold"),
    ],
)
def test_what_does_not_fit_is_refused_at_its_field(
    split: Comparison, reviewer: User, answer: dict[str, object], field: str
) -> None:
    with pytest.raises(InvalidInputError) as caught:
        adjudicate(comparison=split, by=reviewer, **answer)  # type: ignore[arg-type]
    assert caught.value.problems[0].field == field


@pytest.mark.parametrize(
    ("answer", "field"),
    [
        ({"preference": "tie"}, "preference"),
        ({"preference": "both_bad"}, "preference"),
        ({"preference": "b", "strength": 3}, "strength"),
        ({"preference": "a", "criteria": {"unasked": "a"}}, "criteria.unasked"),
        ({"preference": "a", "criteria": {"truth": "a"}}, "criteria.truth"),
    ],
)
def test_nothing_is_decided_that_the_campaign_does_not_ask(
    answer: dict[str, object], field: str
) -> None:
    asked = {"scale": 4, "tie": False, "both_bad": False}
    comparison = factories.comparison(factories.campaign(schema=asked))
    reviewer = factories.member(comparison.campaign, "reviewer")
    with pytest.raises(InvalidInputError) as caught:
        adjudicate(comparison=comparison, by=reviewer, **answer)  # type: ignore[arg-type]
    assert caught.value.problems[0].field == field
    assert not Adjudication.objects.exists()


def test_raters_are_told_only_where_the_reviewer_allows_it(
    campaign: Campaign, split: Comparison, reviewer: User
) -> None:
    first = adjudicate(comparison=split, by=reviewer, preference="a", strength=1, note="Quiet.")
    assert not Notification.objects.filter(kind="comparison.decided").exists()
    adjudicate(
        comparison=split,
        by=reviewer,
        preference="a",
        strength=2,
        note="A follows the format.",
        tells_raters=True,
        supersedes=first.public_id,
    )
    told = Notification.objects.filter(kind="comparison.decided")
    assert {one.user.username for one in told} == {"one", "two"}
    assert {one.channel for one in told} == {"digest"}
    # What was decided is read where it is told, once the judgment is final.
    assert all("format" not in str(one.details) + words_of(one) for one in told)


def test_only_those_are_told_of_it_who_will_read_it(
    campaign: Campaign, split: Comparison, reviewer: User
) -> None:
    # It had a known answer: what is said of it is told there, and nowhere else.
    Gold.objects.create(comparison=split, preference="a", retired_at=Now())
    adjudicate(
        comparison=split, by=reviewer, preference="a", strength=2, note="Why.", tells_raters=True
    )
    assert not Notification.objects.filter(kind="comparison.decided").exists()


def test_what_is_made_gold_is_a_known_answer_and_told_to_nobody(
    split: Comparison, reviewer: User
) -> None:
    first = adjudicate(
        comparison=split, by=reviewer, preference="b", strength=3, note="Clear.", makes_gold=True
    )
    gold = Gold.objects.get(comparison=split)
    assert (gold.preference, gold.strength, gold.explanation) == ("b", 3, "Clear.")
    assert not Notification.objects.filter(kind="comparison.decided").exists()
    for wrong, refusal in (
        ({"makes_gold": True}, ConflictError),
        ({"tells_raters": True, "note": "Why."}, InvalidInputError),
    ):
        with pytest.raises(refusal):
            adjudicate(
                comparison=split,
                by=reviewer,
                preference="a",
                supersedes=first.public_id,
                **wrong,
            )
    assert Adjudication.objects.filter(comparison=split).count() == 1


def test_sent_back_it_goes_to_more_raters_and_never_to_one_too_many(
    campaign: Campaign, split: Comparison, reviewer: User
) -> None:
    extra = [factories.rater(campaign, name) for name in ("three", "four", "five")]
    send_back(comparison=split, by=reviewer, more=2, note="Read § 3.1.")
    assert not QueueFaults.of(campaign), QueueFaults.of(campaign)
    # The second click of the same reviewer lays nothing more.
    send_back(comparison=split, by=reviewer, more=2, note="Read § 3.1.")
    assert Assignment.objects.filter(comparison=split, ended_at=None).count() == 2
    for seat in extra:
        held = claim_assignment(rater=seat.rater, campaign=campaign)
        if held is not None:
            submit_judgment(rater=seat.rater, assignment_id=held.public_id, answer={"side": "left"})
    assert Judgment.objects.filter(comparison=split).count() == 4
    assert not QueueFaults.of(campaign), QueueFaults.of(campaign)


def test_the_extra_stays_when_the_overlap_is_raised_and_lowered(
    campaign: Campaign, split: Comparison, reviewer: User
) -> None:
    for name in ("three", "four", "five", "six"):
        factories.rater(campaign, name)
    send_back(comparison=split, by=reviewer, more=1)
    update_campaign(campaign=campaign, by=None, overlap=4)
    assert not QueueFaults.of(campaign), QueueFaults.of(campaign)
    assert Assignment.objects.filter(comparison=split, ended_at=None).count() == 3
    update_campaign(campaign=campaign, by=None, overlap=2)
    assert not QueueFaults.of(campaign), QueueFaults.of(campaign)
    assert Assignment.objects.filter(comparison=split, ended_at=None).count() == 1


def test_more_raters_than_there_are_is_refused_before_it_hurts(
    campaign: Campaign, split: Comparison, reviewer: User
) -> None:
    with pytest.raises(InvalidInputError, match="0 raters of the campaign have not met it"):
        send_back(comparison=split, by=reviewer, more=1)
    factories.rater(campaign, "three")
    with pytest.raises(InvalidInputError, match="1 raters"):
        send_back(comparison=split, by=reviewer, more=2)
    with pytest.raises(InvalidInputError):
        send_back(comparison=split, by=reviewer, more=11)
    assert not Adjudication.objects.exists()


def test_of_a_closed_round_nothing_is_asked_and_an_archive_stays_as_it_is(
    campaign: Campaign, split: Comparison, reviewer: User
) -> None:
    factories.rater(campaign, "three")
    assert split.round is None or split.round
    close_round(round_=campaign.rounds.get(), by=None)
    with pytest.raises(ConflictError, match="round is not open"):
        send_back(comparison=split, by=reviewer, more=1)
    adjudicate(comparison=split, by=reviewer, preference="tie")
    update_campaign(campaign=campaign, by=None, state="completed")
    update_campaign(campaign=campaign, by=None, state="archived")
    with pytest.raises(EndedError):
        leave_out(comparison=split, by=reviewer, note="Unusable.")


def test_a_round_of_adjudication_closes_with_its_last_item(
    campaign: Campaign, reviewer: User
) -> None:
    one, two = judged(campaign, {"one": ["a", "b"], "two": ["b", "a"]})
    early = adjudicate(comparison=two, by=reviewer, preference="tie")
    asked = Round.objects.create(
        campaign=campaign, number=9, kind="adjudication", overlap=1, seed=1
    )
    for item in (one, two):
        RoundItem.objects.create(round=asked, comparison=item)
    made = adjudicate(comparison=one, by=reviewer, preference="a", strength=1)
    assert made.round == asked
    asked.refresh_from_db()
    # What was decided before the round began is decided anew.
    assert asked.state == "open"
    leave_out(comparison=two, by=reviewer, note="Broken.", supersedes=early.public_id)
    asked.refresh_from_db()
    assert asked.state == "closed"
    assert AuditEvent.objects.filter(verb="round.closed", subject=asked.public_id).exists()


def test_stale_judgments_are_found_by_clause_and_asked_again_once(campaign: Campaign) -> None:
    old = "## T1 Truth\n\nOne wrong claim loses.\n\n## H1 Help\n\nDo as asked."
    publish_guidelines(campaign=campaign, body=old, by=None)
    one, two = judged(campaign, {"one": ["a", "b"], "two": ["b", "a"]})
    assert stale_rule(campaign) is None
    publish_guidelines(campaign=campaign, body=old.replace("Do as asked", "Do all"), by=None)
    rule = stale_rule(campaign)
    assert rule is not None
    # Raters are not asked for clauses: every judgment falls under what changed.
    assert rule.clauses == ["H1"]
    count = stale_count(campaign, rule)
    assert (count.judgments, count.comparisons, count.by_clause) == (4, 2, [("H1", 4)])
    assert not stale_judgments(campaign, rule, clause="T1").exists()
    manager = factories.member(campaign, "manager")
    # Everybody has met them: there is nobody to ask.
    assert ask_again(campaign=campaign, by=manager) == 0
    factories.rater(campaign, "three")
    before = still(campaign)
    assert ask_again(campaign=campaign, by=manager, clause="H1") == 2
    assert ask_again(campaign=campaign, by=manager, clause="H1") == 0
    assert still(campaign) == before
    assert Assignment.objects.filter(campaign=campaign, ended_at=None).count() == 2
    assert not QueueFaults.of(campaign), QueueFaults.of(campaign)
    assert {one.pk, two.pk} == set(Adjudication.objects.values_list("comparison_id", flat=True))


def test_where_clauses_are_cited_only_those_that_cite_a_changed_one_are_stale() -> None:
    campaign = factories.campaign(
        overlap=1, schema={"scale": 2, "tie": True, "rationale": "off", "clauses": True}
    )
    old = "## T1 Truth\n\nOne wrong claim loses.\n\n## H1 Help\n\nDo as asked."
    publish_guidelines(campaign=campaign, body=old, by=None)
    factories.open_comparisons(campaign, 2)
    seat = factories.rater(campaign)
    for clause in ("T1", "H1"):
        held = claim_assignment(rater=seat.rater, campaign=campaign)
        assert held is not None
        answer = {"side": "left", "clauses": [clause]}
        submit_judgment(rater=seat.rater, assignment_id=held.public_id, answer=answer)
    publish_guidelines(campaign=campaign, body=old.replace("Do as asked", "Do all"), by=None)
    stale = stale_judgments(campaign, stale_rule(campaign))
    assert [one.clauses for one in stale] == [["H1"]]


def test_another_id_for_the_same_text_makes_no_judgment_stale() -> None:
    campaign = factories.campaign(
        overlap=1, schema={"scale": 2, "tie": True, "rationale": "off", "clauses": True}
    )
    old = "## T1 Truth\n\nOne wrong claim loses.\n\n## H1 Help\n\nDo as asked."
    publish_guidelines(campaign=campaign, body=old, by=None)
    factories.open_comparisons(campaign, 1)
    seat = factories.rater(campaign)
    held = claim_assignment(rater=seat.rater, campaign=campaign)
    assert held is not None
    answer = {"side": "left", "clauses": ["T1"], "flags": ["unsafe"]}
    submit_judgment(rater=seat.rater, assignment_id=held.public_id, answer=answer)
    renamed = old.replace("T1", "V2")
    publish_guidelines(campaign=campaign, body=renamed, by=None, renamed={"T1": "V2"})
    rule = stale_rule(campaign)
    assert rule is not None
    assert (rule.clauses, stale_judgments(campaign, rule).count()) == ([], 0)
    # In the review it is found under the id that the clause has now.
    (row,) = contested(campaign, Filter(clause="V2"))
    assert row.public_id == held.comparison.public_id
    assert contested(campaign, Filter(clause="H1")) == []
    # Another text for it is a change, named by that id.
    changed = renamed.replace("wrong claim", "false claim")
    publish_guidelines(campaign=campaign, body=changed, by=None)
    rule = stale_rule(campaign)
    assert stale_count(campaign, rule).by_clause == [("V2", 1)]
    assert [one.clauses for one in stale_judgments(campaign, rule, clause="V2")] == [["T1"]]
