"""The report's leanings beyond side and length: what they are computed from, and the section."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from django.db import connection
from psycopg import sql

from labeling.formats.filters import NAMES_MAKER
from labeling.formats.marks import IDENTIFIES_ITSELF
from labeling.metrics.arms import MODES, ArmFacts, Shown, experiment, main_contrast
from labeling.metrics.bias_checks import bias_checks
from labeling.metrics.formatting import maker, markdown
from labeling.metrics.rater_leanings import leanings
from labeling.metrics.tiredness import fatigue, swap
from labeling.metrics.votes import UNKNOWN, A, B, Bools, Ints
from labeling.models import Campaign
from labeling.queries.columns import copied_columns
from labeling.queries.item_styles import ItemStyles
from labeling.queries.outcomes import Outcomes
from labeling.schemas import DEFAULT_ARM, read_presentation, read_requirements

# A rater may flag that an answer says which model it is, but not which of the two.
_NAMES = """
SELECT presentation_arm, count(*) FILTER (WHERE %(flag)s = ANY(flags))
FROM labeling_judgment WHERE campaign_id = %(campaign)s GROUP BY 1 ORDER BY 1
"""
_ARMS = sql.SQL(
    """
    COPY (
      SELECT j.id, array_position({names}::text[], j.presentation_arm::text)::int2 - 1::int2,
        coalesce(array_position({modes}::text[], j.client->>'shown_as')::int2, 0::int2) - 1::int2,
        (j.assignment_id IS NOT NULL)::int4::int2
      FROM labeling_judgment j WHERE j.campaign_id = {campaign} AND j.presentation_arm <> ''
    ) TO STDOUT (FORMAT binary)
    """
)
_ARM_TYPES = {"judgment": "int8", "arm": "int2", "shown_as": "int2", "is_dealt": "int2"}
# Comparisons with one side that says which model it is: 0 for the votes' a, 1 for their b.
_NAMED = """
WITH named AS MATERIALIZED (
  SELECT k.id FROM labeling_source s JOIN labeling_completion k ON k.source_id = s.id
  WHERE s.campaign_id = %(campaign)s AND k.marks && %(marks)s::varchar[])
SELECT c.id, (bool_or(side = 'b') <> c.is_turned)::int FROM (
  SELECT c.id, c.is_turned, 'a' AS side FROM named n
  JOIN labeling_comparison c ON c.completion_a_id = n.id
  UNION ALL
  SELECT c.id, c.is_turned, 'b' FROM named n
  JOIN labeling_comparison c ON c.completion_b_id = n.id) c
GROUP BY c.id, c.is_turned HAVING count(*) = 1
"""


def bias_section(
    campaign: Campaign, read: Outcomes, bias: dict[str, Any], styles: ItemStyles
) -> dict[str, Any]:
    """`bias` with its further leanings, `bias_checks`, `presentation_experiment` and
    `rater_leanings` for the report, of people's first votes on items whose answer is not known.

    `styles` are those of the items.
    """
    votes = read.votes
    is_person = ~np.asarray(read.is_judge, dtype=np.bool_)[votes.rater]
    keeps = np.flatnonzero(is_person & (read.gold[votes.item] == UNKNOWN))
    open_votes = votes.select(keeps)
    rows = keeps[open_votes.is_first_vote()]
    counted = votes.select(rows)
    names, flagged = _arm_names(campaign)
    shown = _shown(campaign, names, read.judgment_keys[rows], read.judged_at[rows])
    tested = experiment(counted, shown, now=int(read.read_at.timestamp()))
    found = {
        **bias,
        "markdown": markdown(counted, *_formatted(styles)).as_json(),
        "maker": maker(counted, _named(campaign, votes.item_keys)).as_json()
        | {"flagged_count": flagged, "note": _masked(campaign)},
        "presentation": _presentation(tested),
        "fatigue": fatigue(votes.select(is_person), read.judged_at[is_person], read.gold).as_json()
        | {"no_effect": 0},
        "swap": swap(open_votes).as_json(),
    }
    for name in ("position", "length"):
        found[name] = {"no_effect": 0.5, **found[name]}
    return {
        "bias": found,
        "bias_checks": bias_checks(found),
        "presentation_experiment": tested,
        "rater_leanings": leanings(counted),
    }


def _presentation(tested: dict[str, Any]) -> dict[str, Any]:
    name = main_contrast(tested["contrasts"])
    one: dict[str, Any] = tested["contrasts"][name] | {"contrast": name}
    if one["value"] is None and tested["why"]:
        one["why"] = tested["why"]
    return one


def _formatted(styles: ItemStyles) -> tuple[Ints, Ints]:
    """Headings, bold passages and list items together, of each a and b; -1 where not known."""

    def total(parts: Sequence[Ints]) -> Ints:
        known: Bools = np.all([part >= 0 for part in parts], axis=0)
        return np.where(known, np.sum(parts, axis=0), UNKNOWN)

    return (
        total((styles.headers_a, styles.bold_a, styles.lists_a)),
        total((styles.headers_b, styles.bold_b, styles.lists_b)),
    )


def _arm_names(campaign: Campaign) -> tuple[list[str], int]:
    """The arms that judgments name, and how many judgments flag an answer that names its model."""
    with connection.cursor() as cursor:
        cursor.execute(_NAMES, {"campaign": campaign.pk, "flag": IDENTIFIES_ITSELF})
        rows = cursor.fetchall()
    return [name for name, _ in rows if name], sum(flagged for _, flagged in rows)


def _shown(campaign: Campaign, names: list[str], keys: Ints, judged_at: Ints) -> Shown:
    """How the judgments of these ids were shown."""
    known = {
        one.name: one for one in read_presentation(campaign.presentation).arms or [DEFAULT_ARM]
    }
    arms = [
        ArmFacts(name, one.mode, one.tokens_per_second, one.context)
        if (one := known.get(name))
        else ArmFacts(name)
        for name in names
    ]
    arm = np.full(len(keys), UNKNOWN, dtype=np.int64)
    shown_as, is_dealt = arm.copy(), np.zeros(len(keys), dtype=np.bool_)
    if names and len(keys):
        columns = copied_columns(
            _ARMS.format(
                names=sql.Literal(names),
                modes=sql.Literal(list(MODES)),
                campaign=sql.Literal(campaign.pk),
            ),
            _ARM_TYPES,
        )
        order = np.argsort(columns["judgment"], kind="stable")
        ids = columns["judgment"][order]
        place = np.minimum(np.searchsorted(ids, keys), max(len(ids) - 1, 0))
        met = ids[place] == keys if len(ids) else np.zeros(len(keys), np.bool_)
        row = order[place[met]]
        arm[met], shown_as[met] = columns["arm"][row], columns["shown_as"][row]
        is_dealt[met] = columns["is_dealt"][row] > 0
    return Shown(arms, arm, shown_as, is_dealt, judged_at)


def _named(campaign: Campaign, item_keys: Ints) -> Ints:
    """For each item the side that says which model it is, A or B, where just one does, else -1."""
    named = np.full(len(item_keys), UNKNOWN, dtype=np.int64)
    with connection.cursor() as cursor:
        cursor.execute(_NAMED, {"campaign": campaign.pk, "marks": [IDENTIFIES_ITSELF, NAMES_MAKER]})
        rows = cursor.fetchall()
    if rows and len(item_keys):
        keys, sides = np.array([[key, side] for key, side in rows], dtype=np.int64).T
        place = np.minimum(np.searchsorted(item_keys, keys), len(item_keys) - 1)
        met = item_keys[place] == keys
        named[place[met]] = np.where(sides[met] == 0, A, B)
    return named


def _masked(campaign: Campaign) -> str:
    if read_requirements(campaign.requirements).identity == "mask":
        return "Such words are masked for raters now, so that they could not lean to them."
    return ""
