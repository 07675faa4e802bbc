"""What is counted item by item equals what is counted at once, whatever happened in between."""

import random
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection

from labeling.actions.adjudications import adjudicate, leave_out
from labeling.actions.campaigns import delete_campaign, update_campaign
from labeling.actions.cases import agree_exclusion, decide, open_case, undo_exclusion
from labeling.actions.claiming import claim_assignment
from labeling.actions.jobs import queue_job
from labeling.actions.judgments import withdraw_judgment
from labeling.actions.rating import revise_judgment, submit_judgment
from labeling.actions.reports import turn_to_report
from labeling.actions.rounds import open_round, open_waiting
from labeling.actions.tallies import (
    count_all_items,
    count_due_items,
    record_board,
    turn_to_count,
)
from labeling.errors import LabelingError
from labeling.metrics.report import METHOD_VERSION
from labeling.models import (
    Board,
    Comparison,
    DueTally,
    ExcludedJudgment,
    Exclusion,
    Gold,
    ItemTally,
    Judgment,
    Rater,
    Seat,
    TallyPattern,
    User,
)
from labeling.queries.tallies import campaigns_to_count
from tests import factories
from tests.boards import SIDES, check, in_thread, report_of
from tests.judging import judged
from tests.queries.test_outcomes import campaign_with_a_turned_pair, import_rows
from workers.metrics import run_report
from workers.tallies import compute_board, refresh_board

pytestmark = pytest.mark.django_db(transaction=True)


SAID = ("a", "b", "tie", "both_bad")


MODELS = ("north", "south", "east", "west")


class Story:
    """A campaign in which anything may happen, each thing through the product's own action."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)
        self.campaign = campaign_with_a_turned_pair()
        self.campaign.overlap = 4
        self.campaign.schema = {"scale": 7, "tie": True, "rationale": "optional"}
        self.campaign.revise_seconds = 3600
        self.campaign.state = "active"
        self.campaign.save()
        for k in range(5):
            one, other = self.dice.sample(MODELS, 2)
            factories.comparison(self.campaign, models=(one, other), external_id=f"own-{k}")
        open_waiting(campaign=self.campaign, by=None)
        self.seats = [factories.rater(self.campaign) for _ in range(4)]
        self.managers = [factories.member(self.campaign, "manager") for _ in range(2)]
        self.reviewer = factories.member(self.campaign, "reviewer")
        self.imported = 0

    def some_judgment(self, **of: Any) -> Judgment:
        found = list(
            Judgment.objects.standing().filter(campaign=self.campaign, **of).order_by("pk")
        )
        if not found:
            raise LabelingError("nothing yet")
        return self.dice.choice(found)

    def some_comparison(self) -> Comparison:
        return self.dice.choice(list(self.campaign.comparisons.order_by("pk")))

    def answer(self) -> dict[str, Any]:
        side = self.dice.choice(SIDES)
        strength = {} if side in {"tie", "both_bad"} else {"strength": self.dice.randint(1, 3)}
        return {"side": side, **strength}

    def rate(self) -> None:
        seat = self.dice.choice(self.seats)
        claimed = claim_assignment(rater=seat.rater, campaign=self.campaign)
        if claimed:
            submit_judgment(rater=seat.rater, assignment_id=claimed.public_id, answer=self.answer())

    def revise(self) -> None:
        changed = self.some_judgment(assignment__isnull=False)
        revise_judgment(rater=changed.rater, judgment_id=changed.public_id, answer=self.answer())

    def withdraw(self) -> None:
        withdraw_judgment(judgment=self.some_judgment(), by=None, reason="a slip")

    def bring(self) -> None:
        """A file of judgments: of people and a judge, repeats, without strength, side or time."""
        rows = []
        names = self.campaign.comparisons.values_list("external_id", flat=True)
        for _ in range(3):
            self.imported += 1
            said = self.dice.choice(SAID)
            row: dict[str, Any] = {
                "comparison_id": self.dice.choice(sorted(map(str, names))),
                "rater": self.dice.choice(("ann", "bob", "robot")),
                "preference": said,
                "judgment_id": f"row-{self.imported}",
                "repeat": self.dice.random() < 0.3,
            }
            row["rater_kind"] = "judge" if row["rater"] == "robot" else "human"
            if self.dice.random() < 0.6:
                row["created_at"] = f"2026-01-0{self.dice.randint(1, 9)}T12:00:00Z"
            if self.dice.random() < 0.5:
                row["strength"] = self.dice.randint(1, 3) if said in {"a", "b"} else 0
            if self.dice.random() < 0.6:
                row["shown_left"] = self.dice.choice("ab")
            rows.append(row)
        import_rows(self.campaign, "judgments", rows)

    def review(self) -> None:
        if self.dice.random() < 0.5:
            leave_out(comparison=self.some_comparison(), by=self.reviewer, note="Broken.")
            return
        adjudicate(
            comparison=self.some_comparison(),
            by=self.reviewer,
            preference="a",
            strength=1,
            note="So it is.",
            makes_gold=self.dice.random() < 0.4,
        )

    def exclude(self) -> None:
        seat = self.dice.choice(self.seats)
        by: User = self.managers[0]
        case = open_case(campaign=self.campaign, rater=seat.rater, by=by, text="How so?")
        action = self.dice.choice(("exclude_all", "exclude_round"))
        number = 1 if action == "exclude_round" else None
        decide(case=case, action=action, note="Not read.", by=by, round_number=number)

    def agree(self) -> None:
        for made in Exclusion.objects.filter(campaign=self.campaign, agreed_at=None)[:1]:
            agree_exclusion(exclusion=made, by=self.managers[1])

    def undo(self) -> None:
        for made in Exclusion.objects.filter(campaign=self.campaign, undone_at=None)[:1]:
            undo_exclusion(exclusion=made, note="Read after all.", by=self.managers[1])

    def forget_gold(self) -> None:
        Gold.objects.filter(comparison=self.some_comparison()).delete()

    def happen(self) -> str:
        often: list[Callable[[], None]] = [self.rate] * 8 + [self.bring] * 2 + [self.revise] * 2
        seldom = [self.withdraw, self.review, self.exclude, self.agree, self.undo]
        what = self.dice.choice([*often, *seldom, *seldom, self.forget_gold])
        # What the product refuses at this point changes nothing, which is as good a step.
        with suppress(LabelingError):
            what()
            return what.__name__
        return ""


@pytest.mark.parametrize("seed", [1, 2])
def test_counting_what_changed_is_counting_everything(seed: int) -> None:
    story = Story(seed)
    compute_board(story.campaign)
    seen = set()
    for step in range(60):
        seen.add(story.happen())
        if step % 12 == 11:
            check(story.campaign)
    assert {"rate", "bring", "withdraw", "review", "exclude"} <= seen
    assert not DueTally.objects.filter(campaign=story.campaign).exists()


def test_each_thing_alone_reaches_the_board() -> None:
    campaign = factories.campaign(overlap=3, revise_seconds=3600)
    asked = judged(campaign, {name: ["a", "b", "a", "tie"] for name in ("ann", "bob", "cat")})
    waits = factories.comparison(campaign)
    manager, second = (factories.member(campaign, "manager") for _ in range(2))
    ann = Seat.objects.get(campaign=campaign, rater__user__username="ann").rater
    first = Judgment.objects.get(rater=ann, comparison=asked[0])
    assert first.assignment is not None
    to_b = {"side": first.assignment.side("b")}
    case = open_case(campaign=campaign, rater=ann, by=manager, text="How so?")
    robot = factories.judge(campaign, "robot").rater
    gold = Gold(comparison=asked[2], preference="a")
    exclusion = Exclusion(campaign=campaign, rater=ann, reason="Not read.", needs_second=True)
    third = Judgment.objects.get(rater=ann, comparison=asked[3])

    def said_elsewhere(by: Rater) -> None:
        Judgment.objects.create(campaign=campaign, comparison=waits, rater=by, preference="a")

    def judgments() -> int:
        return int(check(campaign).numbers["judgment_count"])

    def counted() -> int:
        return int(check(campaign).numbers["counts"]["judgments_counted"])

    assert (judgments(), counted()) == (12, 12)
    revise_judgment(rater=ann, judgment_id=first.public_id, answer=to_b)
    assert check(campaign).numbers["counts"]["b"] == 4
    withdraw_judgment(judgment=third, by=None, reason="a slip")
    assert counted() == 11
    gold.save()
    assert (judgments(), counted()) == (11, 8)
    gold.delete()
    assert counted() == 11
    broken = leave_out(comparison=asked[1], by=manager, note="Broken.")
    assert judgments() == 8
    adjudicate(
        comparison=asked[1],
        by=manager,
        preference="a",
        strength=1,
        note="Not so broken.",
        supersedes=broken.public_id,
    )
    assert judgments() == 11
    exclusion.save()
    assert judgments() == 11
    left_out = Judgment.objects.standing().filter(rater=ann)
    ExcludedJudgment.objects.bulk_create(
        ExcludedJudgment(exclusion=exclusion, judgment=judgment) for judgment in left_out
    )
    assert judgments() == 11
    agree_exclusion(exclusion=exclusion, by=second)
    assert judgments() == 8
    undo_exclusion(exclusion=exclusion, note="Read after all.", by=second)
    assert judgments() == 11
    decide(case=case, action="exclude_round", note="Not read.", by=manager, round_number=1)
    assert judgments() == 8
    said_elsewhere(robot)
    assert judgments() == 8
    said_elsewhere(factories.rater(campaign).rater)
    assert (judgments(), counted()) == (9, 9)
    Gold.objects.create(comparison=waits, preference="a")
    assert (judgments(), counted()) == (9, 8)
    own = {"qualification": campaign.slug}
    campaign = update_campaign(campaign=campaign, by=None, requirements=own)
    open_round(campaign=campaign, by=None, kind="qualification")
    assert (judgments(), counted()) == (8, 8)


def test_counts_that_cannot_be_right_are_counted_anew() -> None:
    campaign = factories.campaign(overlap=2)
    comparison, _ = judged(campaign, {"ann": ["a", "b"], "bob": ["a", "a"]})
    compute_board(campaign)
    TallyPattern.objects.filter(campaign=campaign).delete()
    Judgment.objects.create(
        campaign=campaign,
        comparison=comparison,
        rater=factories.rater(campaign).rater,
        preference="tie",
    )
    check(campaign)


def test_a_board_of_another_method_is_counted_whole() -> None:
    campaign = factories.campaign(overlap=1)
    judged(campaign, {"ann": ["a", "tie"]})
    # Never counted: as when the tables were new.
    DueTally.objects.all().delete()
    assert campaigns_to_count(method_version=METHOD_VERSION) == [campaign.pk]
    refresh_board(campaign.pk)
    assert campaigns_to_count(method_version=METHOD_VERSION) == []
    ItemTally.objects.update(people=7)
    assert campaigns_to_count(method_version="another") == [campaign.pk]
    Board.objects.update(method_version="older")
    refresh_board(campaign.pk)
    assert check(campaign).numbers["judgment_count"] == 2


def test_who_asks_for_the_numbers_has_all_counted_anew() -> None:
    campaign = factories.campaign(overlap=1)
    judged(campaign, {"ann": ["a", "tie"]})
    compute_board(campaign)
    # Nothing is due, so that only counting all of it can find these.
    ItemTally.objects.update(people=7)
    TallyPattern.objects.update(items=5)
    job = queue_job(campaign=campaign, kind="report", by=None)
    run_report(job.pk)
    assert Board.objects.get().numbers == report_of(campaign)


def test_the_board_stays_while_all_is_counted_anew_and_wants_recording() -> None:
    campaign = factories.campaign(overlap=1)
    judged(campaign, {"ann": ["a", "tie"]})
    before = compute_board(campaign)
    count_all_items(campaign=campaign)
    assert Board.objects.get(campaign=campaign).numbers == before.numbers
    # Whoever counted may have died: no note says any more that there is something to record.
    Board.objects.update(recorded_at=before.counted_at)
    assert campaigns_to_count(method_version=METHOD_VERSION) == [campaign.pk]
    refresh_board(campaign.pk)
    assert campaigns_to_count(method_version=METHOD_VERSION) == []


def test_what_was_counted_is_recorded_though_its_counter_died_before() -> None:
    campaign = factories.campaign(overlap=2)
    comparison, _ = judged(campaign, {"ann": ["a", "tie"]})
    before = compute_board(campaign)
    rater = factories.rater(campaign).rater
    Judgment.objects.create(campaign=campaign, comparison=comparison, rater=rater, preference="b")
    count_due_items(campaign=campaign)
    Board.objects.update(recorded_at=before.counted_at)
    refresh_board(campaign.pk)
    assert Board.objects.get().numbers == report_of(campaign)


def test_counting_anew_keeps_nobody_from_the_next_report() -> None:
    campaign = factories.campaign(overlap=1)
    judged(campaign, {"ann": ["a", "tie"]})
    job = queue_job(campaign=campaign, kind="report", by=None)
    errors: list[BaseException] = []
    with turn_to_count(campaign_id=campaign.pk, wait=True):
        thread = in_thread(errors, lambda: run_report(job.pk))
        waits = False
        while not waits and thread.is_alive():
            with connection.cursor() as cursor:
                cursor.execute(
                    "SELECT count(*) > 0 FROM pg_locks WHERE NOT granted"
                    " AND pg_backend_pid() = ANY(pg_blocking_pids(pid))"
                )
                ((waits,),) = cursor.fetchall()
        with turn_to_report(campaign_id=campaign.pk, wait=False) as is_free:
            pass
    thread.join()
    assert errors == []
    assert is_free


def test_a_board_that_cannot_be_computed_rests_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    campaign = factories.campaign(overlap=1)
    judged(campaign, {"ann": ["a", "tie"]})
    before = compute_board(campaign)
    # Counts with a column too few.
    broken = TallyPattern.objects.create(campaign=campaign, kind=0, counts=[1], items=1)
    Gold.objects.create(comparison=campaign.comparisons.earliest("pk"), preference="a")
    for _ in range(2):
        Board.objects.update(recorded_at=before.counted_at)
        refresh_board(campaign.pk)
    assert [record.levelname for record in caplog.records if record.exc_info] == ["ERROR"]
    assert Board.objects.get().numbers == before.numbers
    broken.delete()
    cache.clear()
    refresh_board(campaign.pk)
    assert Board.objects.get().numbers == report_of(campaign)


def test_many_notes_are_counted_in_several_transactions() -> None:
    campaign = factories.campaign(overlap=1)
    judged(campaign, {"ann": ["a", "tie", "b", "a", "a"]})
    assert count_due_items(campaign=campaign, limit=2)
    assert ItemTally.objects.count() == 2
    assert count_due_items(campaign=campaign, limit=2)
    assert not count_due_items(campaign=campaign, limit=2)
    assert check(campaign).numbers["comparison_count"] == 5


def test_a_board_never_gives_way_to_an_older_one() -> None:
    campaign = factories.campaign(overlap=1)
    judged(campaign, {"ann": ["a"]})
    newer = compute_board(campaign)
    older = Board.objects.get().counted_at.replace(year=2020)
    kept = record_board(
        campaign=campaign, numbers={}, method_version=METHOD_VERSION, counted_at=older
    )
    assert kept.numbers == newer.numbers


def test_a_deleted_draft_takes_its_notes_along() -> None:
    campaign = factories.campaign(state="draft")
    made = factories.comparison(campaign)
    Gold.objects.create(comparison=made, preference="a")
    assert DueTally.objects.filter(campaign=campaign).exists()
    delete_campaign(campaign=campaign, by=None, slug=campaign.slug)
    assert not DueTally.objects.exists()
