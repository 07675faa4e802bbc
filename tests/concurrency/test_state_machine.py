"""Any sequence of what raters, managers and the clock do keeps the queue's promises.

QUEUE_MACHINE_EXAMPLES=1000 makes it a soak of 50,000 steps; as it stands it is a few seconds.
"""

import os
from typing import Any

import pytest
from django.db import connection
from django.db.models import F
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from labeling.actions.campaigns import update_campaign
from labeling.actions.claiming import claim_assignment
from labeling.actions.leases import requeue_lapsed
from labeling.actions.raters import suspend_rater
from labeling.actions.rating import renew_lease, skip_assignment, submit_judgment
from labeling.actions.rounds import close_round, open_waiting
from labeling.errors import LabelingError, NotAllowedError
from labeling.models import Assignment, Judgment, Lane, Rater, Round
from tests import factories
from tests.concurrency.crowd import check_queue, lapse, taken_of_each

pytestmark = pytest.mark.django_db(transaction=True)

RATERS = 4
GAP = 40
which = st.integers(0, 30)


class QueueMachine(RuleBasedStateMachine):
    """One campaign with a few raters; after each step the promises are counted."""

    @initialize(overlap=st.integers(1, 3), comparisons=st.integers(1, 4))
    def open_campaign(self, overlap: int, comparisons: int) -> None:
        self.campaign = factories.campaign(overlap=overlap)
        self.most = overlap
        factories.open_comparisons(self.campaign, comparisons)
        Assignment.objects.filter(campaign=self.campaign).update(position=F("position") * GAP)
        Lane.objects.filter(campaign=self.campaign).update(tail=F("tail") * GAP)
        self.raters = [factories.rater(self.campaign).rater for _ in range(RATERS)]
        self.suspended: set[Rater] = set()
        # Every claim that was ever had, with the rater who had it.
        self.claims: list[tuple[Rater, Assignment]] = []
        self.judged: dict[Any, Any] = {}

    def pick(self, number: int) -> tuple[Rater, Assignment]:
        # The newest claims are the likely ones, old ones are tried too.
        return self.claims[-1 - number % len(self.claims)]

    @rule(number=which, hold=st.sampled_from([1, 1, 2]))
    def claim(self, number: int, hold: int) -> None:
        rater = self.raters[number % RATERS]
        try:
            claimed = claim_assignment(rater=rater, campaign=self.campaign, hold=hold)
        except NotAllowedError:
            assert rater in self.suspended
            return
        if claimed is not None:
            assert claimed.rater_id == rater.pk
            self.claims.append((rater, claimed))
        elif self.campaign.state == "active":
            met = Assignment.objects.filter(rater=rater).values("comparison")
            left = Assignment.objects.filter(campaign=self.campaign, rater=None, ended_at=None)
            assert not left.exclude(comparison__in=met).exists(), "there was something left"

    @precondition(lambda self: self.claims)
    @rule(number=which, side=st.sampled_from(["left", "right"]))
    def submit(self, number: int, side: str) -> None:
        rater, claimed = self.pick(number)
        try:
            done = submit_judgment(
                rater=rater, assignment_id=claimed.public_id, answer={"side": side}
            )
        except LabelingError as error:
            assert error.status in {404, 409}
            return
        assert self.judged.setdefault(claimed.pk, done.judgment.pk) == done.judgment.pk

    @precondition(lambda self: self.claims)
    @rule(number=which)
    def skip(self, number: int) -> None:
        rater, claimed = self.pick(number)
        try:
            skip_assignment(rater=rater, assignment_id=claimed.public_id, reason="")
        except LabelingError as error:
            assert error.status in {404, 409}

    @precondition(lambda self: self.claims)
    @rule(number=which)
    def renew(self, number: int) -> None:
        rater, claimed = self.pick(number)
        try:
            renew_lease(rater=rater, assignment_id=claimed.public_id)
        except LabelingError as error:
            assert error.status in {404, 409}

    @precondition(lambda self: self.claims)
    @rule(number=which)
    def let_lapse(self, number: int) -> None:
        lapse(self.pick(number)[1])

    @rule()
    def sweep(self) -> None:
        requeue_lapsed(campaign=self.campaign)
        live = Assignment.objects.filter(campaign=self.campaign, ended_at=None)
        assert not live.filter(leased_until=self.campaign.created_at).exists()

    @rule(overlap=st.integers(1, 4))
    def ask_for(self, overlap: int) -> None:
        self.most = max(self.most, overlap)
        update_campaign(campaign=self.campaign, by=None, overlap=overlap)

    @rule(count=st.integers(1, 2))
    def add_comparisons(self, count: int) -> None:
        for _ in range(count):
            factories.comparison(self.campaign)
        open_waiting(campaign=self.campaign, by=None)

    @precondition(lambda self: self.claims)
    @rule()
    def close(self) -> None:
        for opened in Round.objects.filter(campaign=self.campaign, state="open")[:1]:
            close_round(round_=opened, by=None)

    @rule()
    def pause_or_resume(self) -> None:
        state = "paused" if self.campaign.state == "active" else "active"
        self.campaign = update_campaign(campaign=self.campaign, by=None, state=state)

    @precondition(lambda self: len(self.claims) > 5 and not self.suspended)
    @rule(number=which)
    def suspend(self, number: int) -> None:
        rater = self.raters[number % RATERS]
        suspend_rater(campaign=self.campaign, rater=rater, by=None)
        self.suspended.add(rater)
        assert not Assignment.objects.filter(rater=rater, ended_at=None).exists()

    @invariant()
    def leave_a_gap(self) -> None:
        # Places move when it is worth it: with positions far apart, at every claim.
        Lane.objects.filter(campaign=self.campaign).update(tail=F("tail") + GAP)

    @invariant()
    def promises_hold(self) -> None:
        check_queue(self.campaign, most=self.most)
        for lent in (1, 2):
            held = Assignment.objects.filter(campaign=self.campaign, ended_at=None)
            assert len(held.filter(rater=self.raters[lent])) <= 2

    def teardown(self) -> None:
        """Whatever happened, raters who come back finish what is wanted, and acks stand."""
        if not hasattr(self, "campaign"):
            return
        if self.campaign.state == "paused":
            self.pause_or_resume()
        for rater in [*self.raters, *(factories.rater(self.campaign).rater for _ in range(4))]:
            while rater not in self.suspended:
                claimed = claim_assignment(rater=rater, campaign=self.campaign)
                if claimed is None:
                    break
                submit_judgment(
                    rater=rater, assignment_id=claimed.public_id, answer={"side": "left"}
                )
        assert not Assignment.objects.filter(campaign=self.campaign, ended_at=None).exists()
        wanted = {
            pk: overlap
            for pk, overlap in Round.objects.filter(
                campaign=self.campaign, state="open", comparisons__isnull=False
            ).values_list("comparisons", "overlap")
        }
        taken = taken_of_each(self.campaign)
        assert all(taken.get(pk, 0) >= overlap for pk, overlap in wanted.items())
        assert Judgment.objects.filter(pk__in=self.judged.values()).count() == len(self.judged)
        check_queue(self.campaign, most=self.most)


def test_every_sequence_of_steps_keeps_the_promises():
    examples = int(os.environ.get("QUEUE_MACHINE_EXAMPLES", "6"))
    with connection.cursor() as cursor:
        # One step after another, and no crash: nothing here depends on when a commit is durable.
        cursor.execute("SET synchronous_commit = off")
    run_state_machine_as_test(
        QueueMachine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=50,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
