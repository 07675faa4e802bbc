"""A demo judge answers what it is asked, and can be measured like any other."""

import pytest

from labeling.actions.endpoints import ensure_demo_endpoint
from labeling.actions.judges import ask_judge, create_judge
from labeling.models import JudgeCall, Judgment
from tests import factories
from tests.judging.asking import drain, of_judge

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    "schema",
    [
        {"scale": 7, "criteria": [{"key": "helpful", "label": "Helpful"}]},
        {"scale": 2, "tie": False, "both_bad": False},
    ],
)
def test_a_demo_judge_rates_a_campaign_without_any_network(schema):
    campaign = factories.campaign(schema=schema)
    demo = ensure_demo_endpoint(organisation=campaign.organisation)
    longer = " ".join(["and a reason"] * 60)
    pairs = [factories.comparison(campaign, f"Short {n}.", f"{n} {longer}") for n in range(6)]
    one = create_judge(campaign=campaign, endpoint=demo.name, name="demo judge", by=None)
    assert ask_judge(judge=one, by=None) == (12, 6)
    drain(one)
    assert of_judge(one) == {pair.pk: "b" for pair in pairs}
    for judgment in Judgment.objects.filter(rater=one.rater):
        assert "demo" in judgment.rationale
        assert set(judgment.criteria) == {c["key"] for c in schema.get("criteria", [])}
    assert all(call.provenance["is_demo"] for call in JudgeCall.objects.filter(judge=one))


def test_it_says_the_same_each_time_and_leans_to_a_side():
    campaign = factories.campaign(schema={"scale": 7})
    demo = ensure_demo_endpoint(organisation=campaign.organisation)
    for n in range(60):
        factories.comparison(campaign, f"About as {n} long.", f"Just as {n} long.")
    said = []
    for name in ("one", "two"):
        judge = create_judge(campaign=campaign, endpoint=demo.name, name=name, by=None)
        ask_judge(judge=judge, by=None)
        drain(judge)
        said.append(of_judge(judge))
        calls = judge.calls.filter(preference__in=["a", "b"])
        lefts = sum(call.preference == call.shown_left for call in calls)
        assert 0.5 < lefts / calls.count() < 0.9
        assert {True, False} == set(judge.verdicts.values_list("is_consistent", flat=True))
    assert said[0] == said[1]
