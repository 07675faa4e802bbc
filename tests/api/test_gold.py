"""Gold: dealt at its rate, once to a rater, in the look of the rest, outside the overlap."""

import pytest
from django.db.models import Count

from labeling.models import Assignment, Campaign, Completion, Gold, Judgment
from tests import factories

pytestmark = pytest.mark.django_db


def campaign_with_gold(rate: float, count: int = 6):
    campaign = factories.campaign(requirements={"gold_rate": rate})
    factories.open_comparisons(campaign, 20)
    for _ in range(count):
        Gold.objects.create(comparison=factories.comparison(campaign), preference="a", strength=2)
    return campaign


def rate_all(call, campaign):
    shown = []
    while (answer := call.post(f"campaigns/{campaign.slug}/assignments/")).status_code == 201:
        shown.append(answer.json())
        path = f"assignments/{shown[-1]['id']}/judgment/"
        assert call.post(path, {"side": "left"}).status_code == 201
    return shown


def test_gold_is_met_once_each_among_the_rest(call_as):
    campaign = campaign_with_gold(0.3)
    shown = rate_all(call_as(factories.rater(campaign).rater.user, "rate"), campaign)
    gold = Judgment.objects.filter(comparison__gold__isnull=False)
    # 20 turns at 0.3: none, or more than the six there are, would be a defect.
    assert 1 <= gold.count() <= 6
    assert len(shown) == 20 + gold.count()
    assert gold.values("comparison").distinct().count() == gold.count()


def test_gold_looks_like_the_rest(call_as):
    campaign = campaign_with_gold(1.0)
    call = call_as(factories.rater(campaign).rater.user, "rate")
    path = f"campaigns/{campaign.slug}/assignments/"
    gold = call.post(path)
    assert Assignment.objects.get(public_id=gold.json()["id"]).comparison.gold
    call.post(f"assignments/{gold.json()['id']}/judgment/", {"side": "left"})
    Gold.objects.all().delete()
    plain = call.post(path)
    assert set(gold.json()) == set(plain.json())
    assert set(gold.headers) == set(plain.headers)
    assert "gold" not in gold.content.decode().replace("gold_rate", "")


def test_no_gold_is_dealt_at_rate_zero_or_once_retired(call_as):
    campaign = campaign_with_gold(0)
    rate_all(call_as(factories.rater(campaign).rater.user, "rate"), campaign)
    assert not Judgment.objects.filter(comparison__gold__isnull=False).exists()


def test_gold_counts_towards_no_overlap(call_as):
    campaign = campaign_with_gold(1.0)
    rate_all(call_as(factories.rater(campaign).rater.user, "rate"), campaign)
    assert Assignment.objects.filter(ordinal__isnull=False, outcome="completed").count() == 20
    assert Assignment.objects.filter(ordinal=None, outcome="completed").count() == 6


def test_skipped_gold_is_gone(call_as):
    campaign = campaign_with_gold(1.0, count=1)
    call = call_as(factories.rater(campaign).rater.user, "rate")
    gold = call.post(f"campaigns/{campaign.slug}/assignments/").json()
    assert call.post(f"assignments/{gold['id']}/skip/").status_code == 204
    assert len(rate_all(call, campaign)) == 20


@pytest.mark.parametrize(("policy", "is_dealt"), [("exclude", False), ("mask", True)])
def test_gold_that_names_its_model_is_not_dealt_where_that_is_excluded(call_as, policy, is_dealt):
    campaign = factories.campaign(requirements={"gold_rate": 1.0, "identity": policy})
    for side in ("completion_a", "completion_b"):
        gold = factories.comparison(campaign)
        Completion.objects.filter(pk=getattr(gold, f"{side}_id")).update(
            marks=["identifies_itself", "names_vendor"]
        )
        Gold.objects.create(comparison=gold, preference="a", strength=2)
    ordinary = factories.comparison(campaign)
    Gold.objects.create(comparison=ordinary, preference="a", strength=2)
    factories.open_comparisons(campaign, 4)
    rate_all(call_as(factories.rater(campaign).rater.user, "rate"), campaign)
    dealt = Judgment.objects.filter(comparison__gold__isnull=False)
    assert dealt.filter(comparison=ordinary).count() == 1
    assert dealt.count() == (3 if is_dealt else 1)


def test_gold_that_was_met_as_often_as_the_policy_says_rests(call_as):
    campaign = campaign_with_gold(1.0, count=2)
    Campaign.objects.filter(pk=campaign.pk).update(policy={"gold_exposure_cap": 2})
    for _ in range(3):
        rate_all(call_as(factories.rater(campaign).rater.user, "rate"), campaign)
    met = Judgment.objects.filter(comparison__gold__isnull=False)
    assert sorted(
        met.values_list("comparison").annotate(n=Count("pk")).values_list("n", flat=True)
    ) == [2, 2]
    Campaign.objects.filter(pk=campaign.pk).update(policy={"gold_exposure_cap": 3})
    call = call_as(factories.rater(campaign).rater.user, "rate")
    assert len(rate_all(call, campaign)) == 2
