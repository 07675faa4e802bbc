"""How soon a judgment is on the board, against computing everything anew.

A million judgments, 100 models, 1,000 raters, 3 votes an item; `BOARD_JUDGMENTS=10000000` for ten
million (15 GB of disk, half an hour).
"""

import os
import resource
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

from bench.instance import running

JUDGMENTS = int(os.environ.get("BOARD_JUDGMENTS", "1000000"))
MODELS, RATERS, PER_ITEM, PROMPTS = 100, 1000, 3, 50
TRIALS = 10
SINGLES = 200

_TEXTS = """
INSERT INTO labeling_source (campaign_id, model, params, key)
  SELECT %(campaign)s, 'model-' || n, '{}', sha256(n::text::bytea)
  FROM generate_series(1, %(models)s) n;
INSERT INTO labeling_prompt (public_id, campaign_id, content_hash, messages, language, tags,
    metadata)
  SELECT gen_random_uuid(), %(campaign)s, sha256(n::text::bytea), '[]', '', '{}', '{}'
  FROM generate_series(1, %(prompts)s) n;
INSERT INTO labeling_completion (public_id, prompt_id, source_id, content_hash, messages,
    char_count, header_count, bold_count, list_count, finish_reason)
  SELECT gen_random_uuid(), p.id, s.id, sha256((p.id || '/' || s.id)::bytea), '[]',
    (random() * 2000)::int, 0, 0, 0, '' FROM labeling_prompt p, labeling_source s;
INSERT INTO labeling_rater (public_id, organisation_id, kind, is_simulated)
  SELECT gen_random_uuid(), %(organisation)s, 'human', true FROM generate_series(1, %(raters)s);
CREATE TEMPORARY TABLE texts AS SELECT prompt_id, array_agg(id ORDER BY id) AS ids,
  row_number() OVER () AS k FROM labeling_completion GROUP BY prompt_id;
INSERT INTO labeling_comparison (public_id, campaign_id, prompt_id, completion_a_id,
    completion_b_id, external_id, selection_policy)
  SELECT gen_random_uuid(), %(campaign)s, t.prompt_id, least(t.ids[d.one], t.ids[d.other]),
    greatest(t.ids[d.one], t.ids[d.other]), d.n, 'given'
  FROM (SELECT n, 1 + n %% %(prompts)s AS k, 1 + floor(random() * %(models)s)::int AS one,
      1 + floor(random() * %(models)s)::int AS other FROM generate_series(1, %(items)s) n) d
  JOIN texts t ON t.k = d.k WHERE d.one <> d.other;
"""
# Who is asked stands in a circle, so that nobody meets an item twice; a later model is better.
_JUDGE = """
INSERT INTO labeling_judgment (public_id, campaign_id, comparison_id, rater_id, preference,
  strength, criteria, rationale, clauses, steps, flags, shown_left, presentation_arm, client,
  is_repeat, active_ms)
SELECT gen_random_uuid(), %(campaign)s, id, r.ids[1 + (id * 7 + nth) %% %(raters)s], said,
  CASE WHEN said = 'tie' THEN 0 ELSE 1 + (id + nth) %% 3 END, '{}', '', '{}', '{}', '{}',
  CASE WHEN random() < 0.5 THEN 'a' ELSE 'b' END, '', '{}', false, 4000
FROM (
  SELECT c.id, nth, CASE WHEN random() < 0.2 THEN 'tie'
    WHEN random() < 1 / (1 + exp((b.source_id - a.source_id) / 30.0)) THEN 'a' ELSE 'b' END AS said
  FROM labeling_comparison c JOIN labeling_completion a ON a.id = c.completion_a_id
  JOIN labeling_completion b ON b.id = c.completion_b_id, generate_series(1, %(per_item)s) nth
  WHERE c.campaign_id = %(campaign)s ORDER BY nth, c.id) d,
  (SELECT array_agg(id ORDER BY id) AS ids FROM labeling_rater) r
"""


def main() -> dict[str, Any]:
    """Measure what a judgment costs to take in, to count and to see."""
    with running():
        return _measured()


def _measured() -> dict[str, Any]:
    from django.db import connection

    from labeling.actions.campaigns import create_campaign
    from labeling.metrics.report import build_report
    from labeling.models import Comparison, DueTally, Organisation, Rater
    from labeling.queries.outcomes import outcomes
    from workers.tallies import compute_board

    lab = Organisation.objects.create(name="Bench", slug="bench")
    campaign = create_campaign(
        organisation=lab, by=None, name="Board", slug="board", state="active", overlap=PER_ITEM
    )
    size = {
        "campaign": campaign.pk,
        "organisation": lab.pk,
        "models": MODELS,
        "prompts": PROMPTS,
        "raters": RATERS,
        "per_item": PER_ITEM,
        # A hundredth of the pairs drawn are of one model with itself.
        "items": int(JUDGMENTS / PER_ITEM * MODELS / (MODELS - 1)),
    }
    with connection.cursor() as cursor:
        cursor.execute("SET plan_cache_mode = auto")
        # Without checks of foreign keys: the loading is not what is measured.
        cursor.execute("SET session_replication_role = replica")
        for statement in _TEXTS.split(";\n"):
            if statement.strip():
                cursor.execute(statement, size)
        cursor.execute("ANALYZE")
        cursor.execute(_JUDGE, size)
        judgments = cursor.rowcount
        cursor.execute("RESET session_replication_role")
        cursor.execute("VACUUM ANALYZE")
        cursor.execute("RESET plan_cache_mode")
    whole = _seconds(lambda: compute_board(campaign))
    board_peak = _peak_megabytes()
    items = list(Comparison.objects.filter(campaign=campaign).order_by("pk").values_list("pk"))
    raters = list(Rater.objects.order_by("pk").values_list("pk", flat=True))

    def judge(place: int, count: int = 1) -> None:
        with connection.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO labeling_judgment (public_id, campaign_id, comparison_id, rater_id,"
                " preference, strength, criteria, rationale, clauses, steps, flags, shown_left,"
                " presentation_arm, client, is_repeat) VALUES (gen_random_uuid(), %s, %s, %s, 'a',"
                " 1, '{}', '', '{}', '{}', '{}', 'a', '', '{}', false)",
                [
                    (campaign.pk, items[(place * 7919 + k * 104729) % len(items)][0], raters[k])
                    for k in range(count)
                ],
            )

    def seen(place: int, count: int) -> float:
        judge(place, count)
        return _seconds(lambda: compute_board(campaign))

    cpu = time.process_time()
    one = [seen(place, 1) for place in range(TRIALS)]
    cpu = (time.process_time() - cpu) / TRIALS
    hundred = [seen(TRIALS + place, 100) for place in range(TRIALS)]
    taken_in = {
        name: statistics.median(_each(judge, SINGLES, enabled=enabled)) * 1e3
        for name, enabled in (("with_note", True), ("without_note", False), ("again", True))
    }
    DueTally.objects.filter(campaign=campaign).delete()
    board = compute_board(campaign, whole=True)
    judge(0)
    board = compute_board(campaign)
    board.refresh_from_db()
    began = time.perf_counter()
    read = outcomes(campaign)
    loaded = time.perf_counter()
    body = build_report(
        read.votes, campaign="", computed_at="", judges=read.is_judge, gold=read.gold
    )
    reported = time.perf_counter()
    return {
        "judgments": judgments,
        "items": len(items),
        "models": MODELS,
        "raters": RATERS,
        "count_all_seconds": round(whole, 2),
        "board_of_1_new_judgment_seconds": _spread(one),
        "board_of_1_new_judgment_cpu_seconds": round(cpu, 3),
        "board_of_100_new_judgments_seconds": _spread(hundred),
        "insert_one_milliseconds": taken_in,
        "peak_megabytes_of_the_board": round(board_peak),
        "full_read_seconds": round(loaded - began, 2),
        "full_report_seconds": round(reported - loaded, 2),
        "full_over_incremental": round((reported - began) / statistics.median(one), 1),
        "peak_megabytes_of_the_report": round(_peak_megabytes()),
        "equal_to_the_last_digit": all(
            board.numbers[key] == body[key] for key in ("leaderboard", "win_matrix", "counts")
        )
        and all(row == body["agreement"][key] for key, row in board.numbers["agreement"].items()),
        "target_seconds_to_the_board": 5,
    }


def _each(judge: Callable[[int], None], count: int, *, enabled: bool) -> list[float]:
    """Seconds of single judgments, with the trigger that notes them or without."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT tgname FROM pg_trigger WHERE tgrelid = 'labeling_judgment'::regclass"
            " AND tgname LIKE 'pgtrigger_tally_new%'"
        )
        ((name,),) = cursor.fetchall()
        word = "ENABLE" if enabled else "DISABLE"
        cursor.execute(f'ALTER TABLE labeling_judgment {word} TRIGGER "{name}"')
    return [_seconds(lambda k=k: judge(1000 + k)) for k in range(count)]  # type: ignore[misc]


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _spread(seconds: list[float]) -> dict[str, float]:
    return {"median": round(statistics.median(seconds), 3), "most": round(max(seconds), 3)}


def _peak_megabytes() -> float:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1024**2 if sys.platform == "darwin" else 1024)


if __name__ == "__main__":
    import json

    print(json.dumps(main(), indent=2))
