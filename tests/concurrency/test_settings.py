"""Settings are saved while raters work: nothing acknowledged is lost, no budget is overrun."""

import time

import pytest

from labeling.models import Judgment
from tests import factories
from tests.api.conftest import Caller
from tests.concurrency.crowd import at_once, check_queue

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_budget_that_changes_under_submissions_is_kept():
    campaign = factories.campaign(overlap=2, policy={"budget": 10})
    factories.open_comparisons(campaign, 40)
    raters = [
        Caller(factories.token(factories.rater(campaign).rater.user, "rate")) for _ in range(6)
    ]
    manager = Caller(factories.token(factories.member(campaign, "manager"), "write"))
    acked: list[str] = []
    seen: set[int] = set()
    counts: list[int] = []
    ended = []

    def work(call):
        while True:
            is_last = bool(ended)
            claimed = call.post(f"campaigns/{campaign.slug}/assignments/")
            seen.add(claimed.status_code)
            if claimed.status_code == 201:
                address = f"assignments/{claimed.json()['id']}/judgment/"
                answer = call.post(address, {"side": "left"})
                seen.add(answer.status_code)
                if answer.status_code == 201:
                    acked.append(answer.json()["id"])
            elif is_last:
                return

    def manage():
        try:
            for budget, overlap in ((10, 2), (25, 3), (30, 1)):
                change = {"policy": {"budget": budget}, "overlap": overlap}
                answer = manager("PATCH", f"campaigns/{campaign.slug}/", change)
                assert answer.status_code == 200, answer.content
                time.sleep(0.5)
                counts.append(Judgment.objects.count() - budget)
        finally:
            ended.append(True)

    at_once([manage, *(lambda call=call: work(call) for call in raters)])
    assert max(seen) < 500
    assert max(counts) <= 0
    assert Judgment.objects.count() == len(set(acked)) == 30
    check_queue(campaign, most=3)
