"""Counting item by item while others judge, commit late and die."""

import random
import threading
from functools import partial

import pytest
from django.db import connection, transaction

from labeling.actions.claiming import claim_assignment
from labeling.actions.rating import submit_judgment
from labeling.actions.tallies import (
    turn_to_count,
)
from labeling.models import (
    Board,
    Campaign,
    DueTally,
    ItemTally,
    Judgment,
)
from tests import factories
from tests.boards import SIDES, check, in_thread
from tests.judging import judged
from workers.tallies import compute_board

pytestmark = pytest.mark.django_db(transaction=True)


def once(campaign: Campaign) -> None:
    compute_board(campaign)


def test_a_judgment_that_commits_late_with_a_lower_id_is_counted() -> None:
    campaign = factories.campaign(overlap=2)
    first, second = judged(campaign, {"ann": ["a", "b"], "bob": ["a", "a"]})
    compute_board(campaign)
    late, early = factories.rater(campaign), factories.rater(campaign)
    written, may_commit = threading.Event(), threading.Event()
    errors: list[BaseException] = []

    def commit_late() -> None:
        with transaction.atomic():
            Judgment.objects.create(
                campaign=campaign, comparison=first, rater=late.rater, preference="b"
            )
            written.set()
            assert may_commit.wait(30)

    thread = in_thread(errors, commit_late)
    assert written.wait(30)
    Judgment.objects.create(campaign=campaign, comparison=second, rater=early.rater, preference="b")
    assert compute_board(campaign).numbers["judgment_count"] == 5
    may_commit.set()
    thread.join()
    assert errors == []
    newest, oldest = Judgment.objects.filter(rater__in=[late.rater, early.rater]).order_by("-pk")
    assert (newest.rater, oldest.rater) == (early.rater, late.rater)
    assert DueTally.objects.filter(campaign=campaign).exists()
    assert check(campaign).numbers["judgment_count"] == 6


def test_raters_commit_as_they_come_while_workers_count() -> None:
    campaign = factories.campaign(overlap=3)
    factories.open_comparisons(campaign, 25)
    raters = [factories.rater(campaign).rater for _ in range(4)]
    errors: list[BaseException] = []
    is_over = threading.Event()

    def rate(number: int) -> None:
        dice = random.Random(number)
        while claimed := claim_assignment(rater=raters[number], campaign=campaign):
            submit_judgment(
                rater=raters[number],
                assignment_id=claimed.public_id,
                answer={"side": dice.choice(SIDES[:3])},
            )

    def count() -> None:
        while not is_over.is_set():
            with turn_to_count(campaign_id=campaign.pk, wait=True):
                compute_board(campaign)

    counters = [in_thread(errors, count) for _ in range(2)]
    rating = [in_thread(errors, partial(rate, k)) for k in range(4)]
    for thread in rating:
        thread.join()
    is_over.set()
    for thread in counters:
        thread.join()
    assert errors == []
    assert check(campaign).numbers["judgment_count"] == 75


def test_a_count_that_is_killed_in_the_middle_loses_nothing() -> None:
    campaign = factories.campaign(overlap=1)
    (comparison,) = judged(campaign, {"ann": ["a"]})
    before = compute_board(campaign)
    seat = factories.rater(campaign)
    Judgment.objects.create(
        campaign=campaign, comparison=comparison, rater=seat.rater, preference="b"
    )
    errors: list[BaseException] = []
    with transaction.atomic():
        # The count has taken the note away and waits for this row when its session ends.
        ItemTally.objects.select_for_update().get(comparison=comparison)
        thread = in_thread(errors, lambda: once(campaign))
        killed = False
        while not killed:
            with connection.cursor() as cursor:
                cursor.execute(
                    "SELECT coalesce(bool_or(pg_terminate_backend(pid)), false) FROM pg_locks"
                    " WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid))"
                )
                ((killed,),) = cursor.fetchall()
        thread.join()
    assert len(errors) == 1
    assert DueTally.objects.filter(campaign=campaign).count() == 1
    assert Board.objects.get(campaign=campaign).numbers == before.numbers
    assert check(campaign).numbers["counts"]["b"] == 1
