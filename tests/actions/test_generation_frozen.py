"""A run changes nothing of what was judged and frozen before it."""

import pytest

from labeling.actions.claiming import claim_assignment
from labeling.actions.generation import start_generation
from labeling.actions.pairing import pair_and_open_round
from labeling.actions.rating import submit_judgment
from labeling.actions.rounds import close_round
from labeling.actions.snapshots import freeze_round
from labeling.models import Completion, Job, Snapshot
from tests import factories
from tests.generating import campaign_with_prompts, drain, endpoint
from tests.llm_server import completion, says
from workers.generation import run_generation
from workers.snapshots import run_freeze

pytestmark = pytest.mark.django_db(transaction=True)
LONG = "The harbour was rebuilt in the years after the great flood of that century, they say."


def freeze(campaign, round_):
    """The newest snapshot of the round as it stands now."""
    job = freeze_round(campaign=campaign, round_=round_, by=None)
    run_freeze(job.pk)
    assert Job.objects.get(pk=job.pk).status == "succeeded"
    return Snapshot.objects.order_by("-number").first()


def test_a_runs_filters_leave_what_was_judged_as_it_was_frozen(server):
    campaign = campaign_with_prompts(2, overlap=1)
    for prompt in campaign.prompts.all():
        factories.completion(prompt, LONG, "old-a")
        factories.completion(prompt, f"Quite another, on {prompt.pk}.", "old-b")
    first = pair_and_open_round(campaign=campaign, by=None, pairing="all", overlap=1)
    rater = factories.rater(campaign).rater
    while claimed := claim_assignment(rater=rater, campaign=campaign):
        side = claimed.side("a")
        submit_judgment(rater=rater, assignment_id=claimed.public_id, answer={"side": side})
    first = close_round(round_=first, by=None)
    before = freeze(campaign, first)
    assert before.manifest["judgments"] == 2

    # Nobody has judged these, so they may still be marked.
    for prompt in campaign.prompts.all():
        factories.completion(prompt, f"  {LONG.upper()}  ", "unjudged")
    server.answer = says(completion(LONG))
    endpoint(server, campaign.organisation, "larch")
    run = start_generation(
        campaign=campaign,
        endpoints=["larch"],
        against=["old-a", "old-b", "unjudged"],
        filters={"near_identical": "mark", "names_maker": "mark"},
        by=None,
    )
    run_generation(run.job_id)
    assert drain(run).state == "finished"
    marked = Completion.objects.filter(marks__contains=["near_identical"])
    assert (
        sorted(marked.values_list("source__model", flat=True)) == ["larch"] * 2 + ["unjudged"] * 2
    )
    after = freeze(campaign, first)
    assert (after.sha256, after.number) == (before.sha256, before.number)
