"""How answers are formatted: counted as they come, later where they came before, read in order."""

import numpy as np
import pytest

from labeling.actions.styles import count_styles, count_styles_anywhere
from labeling.models import Completion
from labeling.queries.item_styles import item_styles
from labeling.queries.outcomes import outcomes
from tests import factories
from workers.metrics import sweep_styles

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


@pytest.mark.django_db(transaction=True)
def test_old_rows_of_campaigns_that_are_over_are_counted_by_the_clock(
    django_assert_num_queries,
):
    over, running = factories.campaign(state="archived"), factories.campaign()
    for campaign in (over, running):
        for n in range(2):
            factories.comparison(campaign, f"{RICH} {n}", f"plain {n}")
    Completion.objects.update(header_count=-1, bold_count=-1, list_count=-1)
    # A sweep ends after so many, and the next goes on.
    assert count_styles_anywhere(batch=2, most=2) == 4
    assert Completion.objects.filter(list_count=-1).count() == 4
    sweep_styles()
    assert not Completion.objects.filter(list_count=-1).exists()
    assert Completion.objects.filter(prompt__campaign=over, list_count=2).count() == 2
    # From then on a report only asks whether any is left.
    with django_assert_num_queries(1):
        assert count_styles(campaign=running) == 0
