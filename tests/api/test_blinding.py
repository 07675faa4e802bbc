"""Ids tell nothing, sides are fair and stay, and a body chooses nothing but the answer.

BL-02, BL-03 and BL-07. What a rater's bytes may not name (BL-01) is tested with the pages.
"""

import math
import re
import uuid

import pytest
from django.db import connection

from labeling.actions.campaigns import update_campaign
from labeling.actions.rounds import open_round
from labeling.models import Assignment, Comparison, Judgment
from tests import factories

pytestmark = pytest.mark.django_db

UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")

_MODEL_BY_MODEL = """
WITH prompts AS (
  INSERT INTO labeling_prompt (public_id, campaign_id, content_hash, messages, language, tags,
    metadata)
  SELECT gen_random_uuid(), %(campaign)s, sha256(n::text::bytea),
    jsonb_build_array(jsonb_build_object('role', 'user', 'content', 'Prompt ' || n)), '', '{}', '{}'
  FROM generate_series(1, %(count)s) n RETURNING id),
sources AS (
  INSERT INTO labeling_source (campaign_id, model, params, key)
  SELECT %(campaign)s, 'model-' || n, '{}', sha256(n::text::bytea) FROM generate_series(1, 3) n
  RETURNING id, model),
made AS (
  INSERT INTO labeling_completion (public_id, prompt_id, source_id, content_hash, messages,
    char_count, finish_reason)
  SELECT gen_random_uuid(), p.id, s.id, sha256((p.id || '/' || s.id)::bytea),
    jsonb_build_array(jsonb_build_object('role', 'assistant', 'content', s.id || ' ' || p.id)),
    9, '' FROM sources s CROSS JOIN prompts p ORDER BY s.id, p.id
  RETURNING id, prompt_id, source_id)
INSERT INTO labeling_comparison (public_id, campaign_id, prompt_id, completion_a_id,
  completion_b_id, selection_policy)
SELECT gen_random_uuid(), %(campaign)s, a.prompt_id, a.id, b.id, 'given'
FROM made a JOIN made b ON b.prompt_id = a.prompt_id AND a.id < b.id
ORDER BY a.source_id, b.source_id, a.id
"""


@pytest.fixture
def campaign():
    """Three models, generated one after the other; 2,001 comparisons, ordered by pair of models."""
    campaign = factories.campaign(overlap=4)
    with connection.cursor() as cursor:
        cursor.execute(_MODEL_BY_MODEL, {"campaign": campaign.pk, "count": 667})
    return campaign


def rank_correlation_z(values):
    """How many standard deviations Spearman's rank correlation with the given order is from 0."""
    ranks = {value: rank for rank, value in enumerate(sorted(values))}
    count = len(values)
    squares = sum((rank - ranks[value]) ** 2 for rank, value in enumerate(values))
    return (1 - 6 * squares / (count * (count**2 - 1))) * math.sqrt(count - 1)


def test_public_ids_and_order_have_nothing_to_do_with_the_models(campaign):
    open_round(campaign=campaign, by=None)
    slots = Assignment.objects.filter(campaign=campaign, ordinal=1).order_by("comparison_id")
    columns = list(slots.values_list("public_id", "comparison__public_id", "position"))
    assert len(columns) == 2001
    for column in zip(*columns, strict=True):
        # p > 0.01 on a single test; of three tests, one in 10,000 runs fails by chance.
        assert abs(rank_correlation_z(column)) < 4


def test_a_pair_shown_twice_has_other_ids_and_no_id_but_the_assignments(campaign, call_as):
    open_round(campaign=campaign, by=None)
    Assignment.objects.exclude(comparison=Comparison.objects.first()).delete()
    seen = []
    for _ in range(3):
        call = call_as(factories.rater(campaign).rater.user, "rate")
        shown = call.post(f"campaigns/{campaign.slug}/assignments/")
        assert shown.status_code == 201
        ids = set(UUID.findall(shown.content.decode()))
        assert ids == {shown.json()["id"]}
        seen.append(ids.pop())
    assert len(set(seen)) == 3


@pytest.mark.parametrize("seed", [1, 2**61])
def test_sides_are_balanced_for_every_ordered_pair_of_models(campaign, seed):
    """BL-03: within three sigma of a half, overall, by pair of models and by ordinal."""
    open_round(campaign=campaign, by=None, seed=seed)
    update_campaign(campaign=campaign, by=None, overlap=5)
    slots = Assignment.objects.filter(campaign=campaign).values_list(
        "a_on_left",
        "comparison__completion_a__source__model",
        "comparison__completion_b__source__model",
        "ordinal",
    )
    groups = {}
    for on_left, a, b, ordinal in slots:
        for group in ("all", (a, b), ordinal):
            groups.setdefault(group, []).append(on_left)
    assert len(groups["all"]) == 10_005
    assert len(groups) == 1 + 3 + 5
    for group, sides in groups.items():
        # A single ordinal is as even as tossing coins; the rest are evener, as sides alternate.
        sigmas = 4.5 if isinstance(group, int) else 3
        share = sum(sides) / len(sides)
        assert abs(share - 0.5) < sigmas * 0.5 / math.sqrt(len(sides)), group


def test_every_comparison_is_shown_from_both_sides_as_evenly_as_can_be(campaign):
    open_round(campaign=campaign, by=None, overlap=4)
    lefts = {}
    for pk, on_left in Assignment.objects.values_list("comparison_id", "a_on_left"):
        lefts[pk] = lefts.get(pk, 0) + on_left
    assert set(lefts.values()) == {2}


def test_the_side_stays_over_reloads_tabs_heartbeats_and_the_next_rater(campaign, call_as):
    open_round(campaign=campaign, by=None)
    call = call_as(factories.rater(campaign).rater.user, "rate")
    path = f"campaigns/{campaign.slug}/assignments/"
    first = call.post(path).json()
    for _ in range(3):
        again = call.post(path).json()
        assert (again["id"], again["left"]) == (first["id"], first["left"])
        call.post(f"assignments/{first['id']}/heartbeat/")
    before = Assignment.objects.get(public_id=first["id"])
    assert call.post(f"assignments/{first['id']}/skip/").status_code == 204
    after = Assignment.objects.get(
        comparison_id=before.comparison_id, ordinal=before.ordinal, outcome=None
    )
    assert after.a_on_left == before.a_on_left
    assert after.public_id != before.public_id


def test_a_body_cannot_choose_who_when_where_or_what_was_shown(campaign, call_as):
    """BL-04 and BL-07: refused as unknown fields; and what is stored is the server's."""
    open_round(campaign=campaign, by=None)
    seat, other = factories.rater(campaign), factories.rater(campaign)
    call = call_as(seat.rater.user, "rate")
    path = f"campaigns/{campaign.slug}/assignments/"
    answer = f"assignments/{call.post(path).json()['id']}/judgment/"
    for field, value in {
        "rater": str(other.rater.public_id),
        "completed_by": str(other.rater.public_id),
        "created_at": "2001-01-01T00:00:00Z",
        "judged_at": "2001-01-01T00:00:00Z",
        "lead_time": 1,
        "ip": "203.0.113.9",
        "campaign": "another",
        "assignment": str(uuid.uuid4()),
        "shown_left": "a",
        "preference": "a",
        "model": "model-1",
        "left_model": "model-1",
        "swapped": True,
        "completion_id": str(uuid.uuid4()),
        "winner_model": "model-1",
    }.items():
        refused = call.post(answer, {"side": "left", field: value})
        assert refused.status_code == 400, field
    assert not Judgment.objects.exists()
    assert call.post(answer, {"side": "left"}).status_code == 201
    stored = Judgment.objects.get()
    assert stored.rater == seat.rater
    assert stored.campaign == campaign
    assert stored.judged_at.year > 2001
    # "left" is the completion that the server had put there, whatever a body says.
    assert stored.assignment is not None
    assert stored.preference == ("a" if stored.assignment.a_on_left else "b") == stored.shown_left
    assert stored.guideline_version is None
