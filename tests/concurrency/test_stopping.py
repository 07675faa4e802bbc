"""Items stop and go on while raters work: judgments and live leases never exceed what is wanted."""

import threading

import pytest

from labeling.actions.claiming import claim_assignment
from labeling.actions.pairing import pair_and_open_round
from labeling.actions.rating import submit_judgment
from labeling.metrics.stopping import is_enough
from labeling.models import Assignment, Campaign
from tests import factories
from tests.concurrency.crowd import at_once, check_queue, taken_of_each
from workers.rounds import settle_all, settle_recent

pytestmark = pytest.mark.django_db(transaction=True)

# How each item is judged by all: one is clear, one is open to the end.
ANSWERS = ("aaaaaaa", "abababa", "aabbaab", "ttttttt")


@pytest.mark.parametrize(
    ("rule", "most"),
    [
        ({"stop_rule": "curtailed"}, 3),
        ({"stop_rule": "posterior", "max_overlap": 5, "stop_at": 0.8}, 5),
        ({"stop_rule": "posterior", "max_overlap": 5, "stop_at": 0.8, "budget": 50}, 5),
    ],
)
def test_sweeps_beside_raters_ask_never_too_much_and_leave_nothing_undone(rule, most):
    campaign = factories.campaign(state="draft", overlap=3)
    made = [factories.comparison(campaign) for _ in range(12)]
    pair_and_open_round(campaign=campaign, by=None, **rule)
    Campaign.objects.update(state="active")
    campaign.refresh_from_db()
    kind = {comparison.pk: ANSWERS[k % 4] for k, comparison in enumerate(made)}
    raters = [factories.rater(campaign).rater for _ in range(7)]
    working = threading.Semaphore(0)
    most_taken: list[int] = []

    def work(number, rater):
        try:
            for _ in range(40):
                claimed = claim_assignment(rater=rater, campaign=campaign)
                if claimed is None:
                    settle_recent()
                    continue
                answer = kind[claimed.comparison_id][number]
                side = "tie" if answer == "t" else claimed.side(answer)
                submit_judgment(rater=rater, assignment_id=claimed.public_id, answer={"side": side})
                most_taken.append(max(taken_of_each(campaign).values()))
        finally:
            working.release()

    def sweep():
        finished = 0
        while finished < len(raters):
            settle_all()
            finished += working.acquire(timeout=0.01)

    at_once([lambda n=n, r=r: work(n, r) for n, r in enumerate(raters)] + [sweep, sweep_beside])
    settle_all()
    assert max(most_taken) <= most
    check_queue(campaign, most=most)
    standing = Assignment.objects.filter(campaign=campaign, ordinal__isnull=False).exclude(
        outcome__in=["cancelled", "skipped"]
    )
    if "budget" in rule:
        assert standing.count() <= 50
        return
    # Nothing stands open: what is decided ended, what is not had all it may have.
    assert not Assignment.objects.filter(campaign=campaign, ended_at=None).exists()
    for comparison in made:
        said = list(comparison.judgments.values_list("preference", flat=True))
        votes = (said.count("a"), said.count("tie"), said.count("b"))
        assert is_enough(rule["stop_rule"], *votes, wanted=most, stop_at=rule.get("stop_at"))


def sweep_beside():
    """A second sweep beside the first, which waits for nobody."""
    for _ in range(10):
        settle_all()
        settle_recent()
