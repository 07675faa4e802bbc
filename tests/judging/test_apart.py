"""People's figures are people's: nothing that judges say moves one of them."""

from datetime import timedelta

import orjson
import pytest
from django.utils import timezone

from labeling.actions.claiming import claim_assignment
from labeling.actions.guidelines import publish_guidelines
from labeling.actions.judges import ask_judge
from labeling.formats.export_choice import choose
from labeling.formats.export_rows import RULES
from labeling.models import Comparison, Gold, Report, candidates, laying
from labeling.policy import read_policy
from labeling.queries import (
    budget,
    effects,
    gold,
    pay,
    progress,
    review,
    round_work,
    rounds,
    stale,
    votes,
)
from labeling.queries.export_rows import open_export
from tests import factories
from tests.judging import judged
from tests.judging.asking import answer_calls, held, judge, result, verdict
from workers.metrics import refresh_report

# An export has a connection of its own, which sees only what is committed.
pytestmark = pytest.mark.django_db(transaction=True)
WEEK = timedelta(days=7)
ANSWERS = {"ann": "aabbt", "ben": "abbbt", "cyd": "abaat"}
WORDS = {"a": "a", "b": "b", "t": "tie"}
# Where the report speaks of judges, and what tells one report from the next.
OF_JUDGES = {"judges", "judge_judgment_count", "through_judgment", "computed_at"}


@pytest.fixture
def campaign():
    """Three people on five comparisons under old guidelines, and one known answer."""
    made = factories.campaign(
        overlap=3, schema={"scale": 7}, policy={"budget": 1000, "pay_per_hour": 12}
    )
    publish_guidelines(campaign=made, by=None, body="## T1 Truth\n\nBe true.")
    judged(made, {name: [WORDS[c] for c in said] for name, said in ANSWERS.items()})
    known = factories.comparison(made)
    Gold.objects.create(comparison=known, preference="a")
    publish_guidelines(campaign=made, by=None, body="## T1 Truth\n\nBe kind.")
    refresh_report(made.pk)
    return made


def rate(campaign, server, name="oak"):
    """A judge disagrees with everybody on everything, known answers too."""
    one = judge(campaign, server, name)
    ask_judge(judge=one, by=None)
    while claims := held(one):
        answers = [
            (c, verdict("left" if c.shown_left == "b" else "right"), result()) for c in claims
        ]
        answer_calls(judge_id=one.pk, answers=answers)
    assert one.verdicts.count() == campaign.comparisons.count()
    return one


def figures(campaign):
    """Whatever is counted of people's work."""
    refresh_report(campaign.pk)
    report = Report.objects.filter(campaign=campaign).latest("pk")
    round_ = campaign.rounds.get()
    ids = list(campaign.comparisons.order_by("pk").values_list("pk", flat=True))
    review.forget_count(campaign)
    rule = stale.stale_rule(campaign)
    policy, today = read_policy(campaign.policy), timezone.localdate()
    return {
        "report": {key: value for key, value in report.body.items() if key not in OF_JUDGES},
        "progress": progress.progress(campaign, report),
        "pace": [line.row for line in progress.rater_lines(campaign, report.body, limit=50)],
        "round": [(line.done, line.wanted) for line in rounds.round_lines(campaign, report.body)],
        "boards": [row.votes for row in votes.judged(Comparison.objects.filter(pk__in=ids))],
        "review": review.contested(campaign, review.Filter(state="all")),
        "review count": review.open_count(campaign),
        "stale": stale.stale_count(campaign, rule),
        "asked again": set(
            stale.to_ask_again(stale.stale_judgments(campaign, rule), rule).values_list(
                "pk", flat=True
            )
        ),
        "spent": budget.spent_of(campaign),
        "effects": effects._work(campaign),
        "slots": laying.items_of(round_id=round_.pk, comparison_ids=ids),
        "keepable": candidates.keepable_count(round_id=round_.pk),
        "recent": list(round_work.recent_items(round_)),
        "finished": round_work.is_finished(round_),
        "pay": pay.pay_of(campaign, policy, since=today - WEEK, until=today + WEEK),
        "gold": (gold.suspect_gold(campaign), gold.gold_counts(campaign)),
        "exports": {
            (layout, rule): b"".join(
                open_export(campaign, choose({"layout": layout, "rule": rule}))
            )
            for layout in ("trl", "hh", "native")
            for rule in RULES
            # The native record of each judgment is a record of judges' too, named as such.
            if (layout, rule) != ("native", "each")
        },
    }


def test_no_figure_of_people_moves_when_a_judge_rates(campaign, server):
    before = figures(campaign)
    assert before["report"]["judgment_count"] == 15
    rate(campaign, server)
    rate(campaign, server, "elm")
    after = figures(campaign)
    for name, value in before.items():
        assert after[name] == value, name
    report = Report.objects.filter(campaign=campaign).latest("pk")
    assert len(report.body["judges"]) == 2


def test_the_native_record_names_what_judges_said_as_theirs(campaign, server):
    rate(campaign, server)
    lines = b"".join(open_export(campaign, choose({}))).splitlines()
    kinds = [orjson.loads(line)["rater_kind"] for line in lines]
    assert (kinds.count("human"), kinds.count("judge")) == (15, 6)
    only = b"".join(open_export(campaign, choose({"raters": "human"}))).splitlines()
    assert {orjson.loads(line)["rater_kind"] for line in only} == {"human"}


def test_a_known_answer_that_a_judge_met_is_as_fresh_as_before(server):
    campaign = factories.campaign(
        requirements={"gold_rate": 1}, policy={"gold_exposure_cap": 1}, overlap=1
    )
    factories.open_comparisons(campaign, 2)
    known = factories.comparison(campaign)
    Gold.objects.create(comparison=known, preference="a")
    rate(campaign, server)
    assignment = claim_assignment(rater=factories.rater(campaign).rater, campaign=campaign)
    assert assignment is not None
    assert assignment.comparison_id == known.pk


def test_a_round_that_judges_alone_have_judged_is_not_finished_and_all_of_it_is_to_do(server):
    campaign = factories.campaign(overlap=2)
    factories.open_comparisons(campaign, 3)
    rate(campaign, server)
    refresh_report(campaign.pk)
    report = Report.objects.filter(campaign=campaign).latest("pk")
    now = progress.progress(campaign, report)
    assert (now.done, now.open, now.rater_count) == (0, 6, 0)
    assert not round_work.is_finished(campaign.rounds.get())
    assert claim_assignment(rater=factories.rater(campaign).rater, campaign=campaign) is not None
