"""Which pairs a run of generation stands for, and the comparisons made of them.

Every filled slot that fits the run's prompts, endpoints and settings counts, whichever run filled
it. Beside them stand the completions of models that the run is to be compared `against`; two of
those make no pair here. Two equal texts have nothing between them to judge.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from django.db import connection

from labeling.models.generation import GenerationRun
from labeling.models.slots import CHOSEN, chosen

# `position` is the place of the model in the run; 0 is the baseline, and null is one of before.
_WANTED = f"""
WITH chosen AS MATERIALIZED ({CHOSEN}),
wanted AS MATERIALIZED (
  SELECT DISTINCT s.prompt_id, e.position, s.completion_id, k.content_hash, k.source_id
  FROM labeling_generationrun r
  JOIN labeling_runendpoint e ON e.run_id = r.id
  JOIN chosen p ON true
  JOIN labeling_generationslot s ON s.prompt_id = p.id AND s.endpoint_id = e.endpoint_id
    AND s.params_key = e.params_key AND s.sample <= r.completions_per_prompt
    AND s.state = 'filled'
  JOIN labeling_completion k ON k.id = s.completion_id
  WHERE r.id = %(run)s
  UNION
  SELECT k.prompt_id, NULL::smallint, k.id, k.content_hash, k.source_id
  FROM labeling_source o JOIN labeling_completion k ON k.source_id = o.id
  JOIN chosen p ON p.id = k.prompt_id
  WHERE o.campaign_id = %(campaign)s AND o.model = ANY(%(against)s::text[])
    AND k.messages IS NOT NULL)
"""
_DROPPED = "SELECT FROM generation_dropped d WHERE d.completion_id = "
_PAIRS = f"""
SELECT DISTINCT x.prompt_id, least(x.completion_id, y.completion_id) AS a,
  greatest(x.completion_id, y.completion_id) AS b
FROM wanted x JOIN wanted y ON y.prompt_id = x.prompt_id AND y.completion_id <> x.completion_id
  AND y.content_hash <> x.content_hash
WHERE x.position IS NOT NULL
  AND (y.position IS NULL OR y.completion_id > x.completion_id)
  AND (%(rule)s::text <> 'baseline' OR CASE WHEN %(has_against)s THEN y.position IS NULL
    ELSE (x.position = 0) <> (y.position = 0) END)
  AND NOT EXISTS ({_DROPPED} x.completion_id) AND NOT EXISTS ({_DROPPED} y.completion_id)
  AND NOT EXISTS (SELECT FROM generation_alike l
    WHERE l.a = least(x.completion_id, y.completion_id)
      AND l.b = greatest(x.completion_id, y.completion_id))
"""
_PAIR = f"""
{_WANTED}
INSERT INTO labeling_comparison (public_id, campaign_id, prompt_id, completion_a_id,
  completion_b_id, selection_policy, propensity)
SELECT gen_random_uuid(), %(campaign)s, w.prompt_id, w.a, w.b, %(rule)s::text, 1.0
FROM ({_PAIRS}) w
WHERE NOT EXISTS (SELECT FROM labeling_comparison c
  WHERE c.completion_a_id = w.a AND c.completion_b_id = w.b)
ORDER BY w.prompt_id, w.a, w.b
ON CONFLICT DO NOTHING
"""
# Names are ordered by their bytes, as Python does; a model without a name counts as "".
_FREE = f"""
{_WANTED},
pairs AS (
  SELECT w.*, a.public_id AS a_key, b.public_id AS b_key,
    least(coalesce(o.model, '') COLLATE "C", coalesce(p.model, '') COLLATE "C") AS lower,
    greatest(coalesce(o.model, '') COLLATE "C", coalesce(p.model, '') COLLATE "C") AS upper
  FROM ({_PAIRS}) w
  JOIN labeling_completion a ON a.id = w.a JOIN labeling_source o ON o.id = a.source_id
  JOIN labeling_completion b ON b.id = w.b JOIN labeling_source p ON p.id = b.source_id
  WHERE NOT EXISTS (SELECT FROM labeling_comparison c
    WHERE c.completion_a_id = w.a AND c.completion_b_id = w.b))
"""
_COUNT_FREE = f"{_FREE} SELECT lower, upper, count(*) FROM pairs GROUP BY 1, 2 ORDER BY 1, 2"
# A simple random sample of each two models' pairs, in an order that the seed deals.
_DRAW = f"""
{_FREE},
dealt AS (
  SELECT pairs.*, taken.count, taken.propensity, row_number() OVER (
    PARTITION BY lower, upper
    ORDER BY hashtextextended(a_key::text || ':' || b_key, %(seed)s), a, b) AS nth
  FROM pairs JOIN unnest(%(lowers)s::text[], %(uppers)s::text[], %(counts)s::bigint[],
    %(propensities)s::float8[]) AS taken (lower_name, upper_name, count, propensity)
    ON lower_name = lower AND upper_name = upper)
INSERT INTO labeling_comparison (public_id, campaign_id, prompt_id, completion_a_id,
  completion_b_id, selection_policy, propensity)
SELECT gen_random_uuid(), %(campaign)s, prompt_id, a, b, %(rule)s::text, propensity
FROM dealt WHERE nth <= count ORDER BY prompt_id, a, b
ON CONFLICT DO NOTHING
"""
_MADE = f"""
{_WANTED}
SELECT count(*), max(c.round_id) FROM ({_PAIRS}) w
JOIN labeling_comparison c ON c.completion_a_id = w.a AND c.completion_b_id = w.b
"""
_TABLES = """
CREATE TEMPORARY TABLE IF NOT EXISTS generation_dropped
  (completion_id bigint PRIMARY KEY, reason text NOT NULL) ON COMMIT DELETE ROWS;
CREATE TEMPORARY TABLE IF NOT EXISTS generation_alike
  (a bigint, b bigint, PRIMARY KEY (a, b)) ON COMMIT DELETE ROWS;
TRUNCATE generation_dropped, generation_alike;
"""
# What the filters look at, prompt by prompt; a model's own samples in their order.
_READ = f"""
{_WANTED}
SELECT w.prompt_id, w.completion_id, w.position, k.messages, k.finish_reason, q.language
FROM wanted w JOIN labeling_completion k ON k.id = w.completion_id
JOIN labeling_prompt q ON q.id = w.prompt_id
ORDER BY w.prompt_id, w.position NULLS FIRST, w.completion_id
"""
_DROP = """
INSERT INTO generation_dropped
SELECT * FROM unnest(%(ids)s::bigint[], %(reasons)s::text[]) ON CONFLICT DO NOTHING
"""
_ALIKE = """
INSERT INTO generation_alike
SELECT * FROM unnest(%(a)s::bigint[], %(b)s::bigint[]) ON CONFLICT DO NOTHING
"""
# What somebody has judged stays as it was judged: its row may be part of a frozen snapshot.
_MARK = """
UPDATE labeling_completion k SET marks = k.marks || v.mark::varchar
FROM unnest(%(ids)s::bigint[], %(marks)s::text[]) AS v (id, mark)
WHERE k.id = v.id AND NOT k.marks @> ARRAY[v.mark::varchar]
  AND NOT EXISTS (SELECT FROM labeling_comparison c
    JOIN labeling_judgment j ON j.comparison_id = c.id WHERE c.completion_a_id = k.id)
  AND NOT EXISTS (SELECT FROM labeling_comparison c
    JOIN labeling_judgment j ON j.comparison_id = c.id WHERE c.completion_b_id = k.id)
"""
# The run's own slots say why their completion makes no pairs. Of samples that say the same, the
# later ones.
_LEAVE_OUT = """
UPDATE labeling_generationslot s SET left_out = v.reason
FROM (SELECT t.id, coalesce((SELECT d.reason FROM generation_dropped d
      WHERE d.completion_id = t.completion_id),
    CASE WHEN t.nth > 1 THEN 'identical' ELSE '' END) AS reason
  FROM (SELECT id, completion_id, row_number() OVER (
      PARTITION BY completion_id, params_key, endpoint_id ORDER BY sample) AS nth
    FROM labeling_generationslot WHERE run_id = %(run)s AND state = 'filled') t) v
WHERE s.id = v.id AND s.left_out <> v.reason
"""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A completion that the run would pair, with what its filters look at."""

    prompt_id: int
    completion_id: int
    position: int | None
    messages: list[dict[str, Any]]
    finish_reason: str
    language: str


def asked(run: GenerationRun) -> dict[str, Any]:
    """The parameters of the statements about a run."""
    return {
        "run": run.pk,
        "rule": run.pairing,
        "against": run.against,
        "has_against": bool(run.against),
        **chosen(run.campaign_id, run.prompt_filter),
    }


def begin(run: GenerationRun) -> None:
    """Make ready to sort a run's completions; what is sorted is forgotten with the transaction."""
    with connection.cursor() as cursor:
        cursor.execute(_TABLES)


def wanted(run: GenerationRun, *, at_once: int = 500) -> Iterator[Wanted]:
    """Everything the run would pair, by prompt; a few hundred texts at a time are in memory."""
    with connection.chunked_cursor() as cursor:
        cursor.execute(_READ, asked(run))
        while rows := cursor.fetchmany(at_once):
            for prompt_id, completion_id, position, messages, reason, language in rows:
                told = orjson.loads(messages)
                yield Wanted(prompt_id, completion_id, position, told, reason, language)


def sort_out(
    *,
    dropped: Sequence[tuple[int, str]] = (),
    alike: Sequence[tuple[int, int]] = (),
    marked: Sequence[tuple[int, str]] = (),
) -> None:
    """Leave out completions for a reason, and pairs; mark completions."""
    with connection.cursor() as cursor:
        if dropped:
            cursor.execute(
                _DROP, {"ids": [pk for pk, _ in dropped], "reasons": [why for _, why in dropped]}
            )
        if alike:
            cursor.execute(_ALIKE, {"a": [min(p) for p in alike], "b": [max(p) for p in alike]})
        if marked:
            # One row is changed once by a statement, so each mark is one of its own.
            for mark in dict.fromkeys(mark for _, mark in marked):
                ids = list(dict.fromkeys(pk for pk, one in marked if one == mark))
                cursor.execute(_MARK, {"ids": ids, "marks": [mark] * len(ids)})


def leave_out(run: GenerationRun) -> None:
    """Note in the run's slots why their completions make no pairs."""
    _run(_LEAVE_OUT, {"run": run.pk})


def pair(run: GenerationRun) -> int:
    """Make the comparisons the run stands for that are not there yet; how many were made."""
    return _run(_PAIR, asked(run))


def free(run: GenerationRun) -> list[tuple[str, str, int]]:
    """How many pairs nobody has made there are between each two models, the names in order."""
    with connection.cursor() as cursor:
        cursor.execute(_COUNT_FREE, asked(run))
        return [(lower, upper, int(n)) for lower, upper, n in cursor.fetchall()]


def draw(run: GenerationRun, taken: Sequence[tuple[str, str, int, float]]) -> int:
    """Make so many comparisons (model, model, how many, their chance); how many were made."""
    lowers, uppers, counts, chances = zip(*taken, strict=True) if taken else ((), (), (), ())
    dealt: Mapping[str, Any] = {
        "seed": run.seed,
        "lowers": list(lowers),
        "uppers": list(uppers),
        "counts": list(counts),
        "propensities": list(chances),
    }
    return _run(_DRAW, {**asked(run), **dealt})


def made(run: GenerationRun) -> tuple[int, int | None]:
    """How many comparisons there are of the pairs the run stands for, and the newest round that
    holds one, whoever opened it.
    """
    begin(run)
    with connection.cursor() as cursor:
        cursor.execute(_MADE, asked(run))
        ((count, round_id),) = cursor.fetchall()
    return int(count), None if round_id is None else int(round_id)


def _run(statement: str, parameters: Mapping[str, Any]) -> int:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return int(cursor.rowcount)
