"""How answers are formatted: counted as they come, later where they came before, read in order."""

import numpy as np
import pytest

from labeling.actions.styles import count_styles
from labeling.models import Completion
from labeling.queries.item_styles import item_styles
from labeling.queries.outcomes import outcomes
from tests import factories

pytestmark = pytest.mark.django_db

RICH = "# Title\n\n- **one**\n- two"


def test_styles_stand_in_the_votes_own_order():
    campaign = factories.campaign()
    plain_first = factories.comparison(campaign, "plain", RICH)
    turned = factories.comparison(campaign, RICH, "plain text")
    type(turned).objects.filter(pk=turned.pk).update(is_turned=True)
    keys = np.array([plain_first.pk, turned.pk])
    styles = item_styles(campaign, keys)
    assert styles.length_a.tolist() == [5, 10]
    assert styles.length_b.tolist() == [len(RICH), len(RICH)]
    assert styles.headers_b.tolist() == styles.bold_b.tolist() == [1, 1]
    assert styles.lists_b.tolist() == [2, 2]
    assert styles.lists_a.tolist() == [0, 0]


def test_an_unknown_text_and_what_is_not_counted_are_unknown():
    campaign = factories.campaign()
    pair = factories.comparison(campaign, "plain", RICH)
    Completion.objects.filter(pk=pair.completion_a_id).update(messages=None, char_count=0)
    Completion.objects.filter(pk=pair.completion_b_id).update(list_count=-1)
    styles = item_styles(campaign, np.array([pair.pk, pair.pk + 1]))
    assert styles.length_a.tolist() == styles.lists_a.tolist() == [-1, -1]
    assert styles.length_b.tolist() == [len(RICH), -1]
    assert styles.lists_b.tolist() == [-1, -1]


def test_a_campaign_without_votes_has_no_styles():
    campaign = factories.campaign()
    assert len(item_styles(campaign, outcomes(campaign).votes.item_keys).lists_a) == 0


@pytest.mark.django_db(transaction=True)
def test_what_came_before_counting_is_counted_in_batches():
    campaign, other = factories.campaign(), factories.campaign()
    for n in range(3):
        factories.comparison(campaign, f"{RICH} {n}", f"plain {n}")
    factories.comparison(other, RICH, "plain")
    Completion.objects.update(header_count=-1, bold_count=-1, list_count=-1)
    Completion.objects.filter(prompt__campaign=campaign, messages__0__content="plain 2").update(
        messages=None, char_count=0
    )
    assert count_styles(campaign=campaign, batch=4) == 6
    assert count_styles(campaign=campaign) == 0
    counted = Completion.objects.filter(prompt__campaign=campaign).order_by("pk")
    assert [(row.header_count, row.bold_count, row.list_count) for row in counted] == [
        (1, 1, 2),
        (0, 0, 0),
    ] * 3
    assert Completion.objects.filter(list_count=-1).count() == 2
