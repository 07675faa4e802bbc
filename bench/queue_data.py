"""The campaigns that the queue is measured on, opened by the product's own actions."""

import secrets
import time
from dataclasses import dataclass

from django.db import connection

from labeling.actions.campaigns import create_campaign
from labeling.actions.raters import add_member, take_seat
from labeling.actions.rounds import open_waiting
from labeling.actions.tokens import issue_token
from labeling.models import Campaign, Organisation, Rater, User

RATERS = 32
# Only so many have a password, and can sign in: hashing one is slow on purpose.
PAGE_RATERS = 8
OVERLAP = 3
# Prompts beyond this many are shown again: the queue is what is measured, not the disk.
MOST_PROMPTS = 100_000

_TEXTS = """
INSERT INTO labeling_source (campaign_id, model, params, key)
  SELECT %(campaign)s, 'model-' || n, '{}', sha256(n::text::bytea) FROM generate_series(0, 1) n;
INSERT INTO labeling_prompt (public_id, campaign_id, content_hash, messages, language, tags,
    metadata)
  SELECT gen_random_uuid(), %(campaign)s, sha256(n::text::bytea),
    jsonb_build_array(jsonb_build_object('role', 'user', 'content', repeat(md5(n::text), 4))),
    '', '{}', '{}' FROM generate_series(1, least(%(comparisons)s, %(most)s)) n;
INSERT INTO labeling_completion (public_id, prompt_id, source_id, content_hash, messages,
    char_count, header_count, bold_count, list_count, finish_reason)
  SELECT gen_random_uuid(), p.id, s.id, sha256((p.id || '/' || s.id)::bytea),
    (SELECT jsonb_build_array(jsonb_build_object('role', 'assistant', 'content',
      string_agg(md5(p.id || '/' || s.id || '/' || k) || ' ', ''))) FROM generate_series(1, 24) k),
    792, 0, 0, 0, '' FROM labeling_prompt p, labeling_source s
  WHERE p.campaign_id = %(campaign)s AND s.campaign_id = %(campaign)s;
INSERT INTO labeling_comparison (public_id, campaign_id, prompt_id, completion_a_id,
    completion_b_id, external_id, selection_policy)
  SELECT gen_random_uuid(), %(campaign)s, p.prompt_id, p.a, p.b, n, 'given'
  FROM generate_series(1, %(comparisons)s) n
  JOIN (SELECT prompt_id, min(c.id) AS a, max(c.id) AS b, row_number() OVER () AS k
    FROM labeling_completion c JOIN labeling_prompt q ON q.id = c.prompt_id
    WHERE q.campaign_id = %(campaign)s GROUP BY prompt_id) p
    ON p.k = 1 + n %% least(%(comparisons)s, %(most)s)
"""
# One slot of each of the first `count` comparisons is judged by this rater.
_JUDGE = """
WITH done AS (
  UPDATE labeling_assignment SET rater_id = %(rater)s, leased_until = now(), ended_at = now(),
    outcome = 'completed'
  WHERE campaign_id = %(campaign)s AND ordinal = %(ordinal)s AND ended_at IS NULL
    AND rater_id IS NULL AND comparison_id IN (
      SELECT id FROM labeling_comparison WHERE campaign_id = %(campaign)s
      ORDER BY id LIMIT %(count)s)
  RETURNING id, comparison_id)
INSERT INTO labeling_judgment (public_id, campaign_id, comparison_id, rater_id, assignment_id,
  preference, strength, criteria, rationale, clauses, steps, flags, shown_left,
  presentation_arm, client, is_repeat)
SELECT gen_random_uuid(), %(campaign)s, comparison_id, %(rater)s, id, 'a', 1, '{}', '', '{}',
  '{}', '{}', 'a', 'instant', '{}', false FROM done
"""


@dataclass(frozen=True)
class Lab:
    """Who takes part: the organisation, its raters, their tokens and what some sign in with."""

    organisation: Organisation
    users: list[User]
    tokens: list[str]
    password: str


def make_lab() -> Lab:
    """An organisation with raters, in an empty database."""
    lab = Organisation.objects.create(name="Bench", slug="bench")
    password = secrets.token_urlsafe()
    users = [
        User.objects.create_user(f"rater{n}", password=password if n < PAGE_RATERS else None)
        for n in range(RATERS)
    ]
    tokens = [issue_token(user=user, scopes=["rate"], by=user)[1] for user in users]
    return Lab(lab, users, tokens, password)


def open_campaign(lab: Lab, name: str, comparisons: int) -> tuple[Campaign, float]:
    """An active campaign of this many open comparisons, and the seconds that opening them took."""
    campaign = create_campaign(
        organisation=lab.organisation,
        by=None,
        name=name,
        slug=name,
        state="active",
        overlap=OVERLAP,
        schema={"scale": 7, "rationale": "optional"},
    )
    with connection.cursor() as cursor:
        # As a session by itself, so that these plans know how many rows there are.
        cursor.execute("SET plan_cache_mode = auto")
        for statement in _TEXTS.split(";"):
            cursor.execute(
                statement,
                {"campaign": campaign.pk, "comparisons": comparisons, "most": MOST_PROMPTS},
            )
        cursor.execute("ANALYZE")
        cursor.execute("RESET plan_cache_mode")
    began = time.perf_counter()
    open_waiting(campaign=campaign, by=None)
    seconds = time.perf_counter() - began
    for user in lab.users:
        add_member(campaign=campaign, user=user, role="rater", by=None)
        take_seat(user=user, campaign=campaign)
    return campaign, seconds


def judge_first(campaign: Campaign, rater: Rater, *, ordinal: int, count: int) -> None:
    """Let the rater have judged one slot of each of the first `count` comparisons."""
    with connection.cursor() as cursor:
        cursor.execute(
            _JUDGE,
            {"campaign": campaign.pk, "rater": rater.pk, "ordinal": ordinal, "count": count},
        )


def forget(campaign: Campaign, *, places: bool = True) -> None:
    """Open everything again, so that a small campaign does not run out while it is measured."""
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM labeling_judgment WHERE campaign_id = %s", [campaign.pk])
        cursor.execute(
            "UPDATE labeling_assignment SET rater_id = NULL, leased_until = NULL, ended_at = NULL,"
            " outcome = NULL WHERE campaign_id = %s AND rater_id IS NOT NULL",
            [campaign.pk],
        )
        if places:
            rewind(campaign)


def rewind(campaign: Campaign) -> None:
    """Set every rater of the campaign back to the beginning of the queue."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE labeling_place SET position = 0 FROM labeling_lane lane"
            " WHERE lane.id = lane_id AND lane.campaign_id = %s",
            [campaign.pk],
        )


def vacuum() -> None:
    """What autovacuum would have done by the time raters come."""
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
