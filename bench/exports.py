"""An export of 300,000 judgments through a real web process: memory, and rate against bare COPY.

The data are made by SQL in a database of their own: 100,000 comparisons of three judgments each,
answers of about 1,500 characters, so that the native file is about 1.2 GB. A server of one process
answers over loopback HTTP, as configured for production; the reader throws the bytes away.
"""

import contextlib
import http.client
import os
import threading
import time
from collections.abc import Iterator
from statistics import quantiles
from typing import Any

import psycopg

from bench.instance import close_connections, running, seconds_of, web_server
from bench.processes import cpu_seconds, memory_mb

JUDGMENTS = 300_000
PER_COMPARISON = 3
RATERS = 300
SLUG = "bench-exports"


def main() -> dict[str, Any]:
    """Memory the web process gains, seconds and MB/s for each layout, and other requests' waits."""
    with running():
        token = _prepare()
        with web_server(workers=1) as web:
            (pid,) = web.workers
            return _measure(web.port, pid, token)


def _prepare() -> str:
    """The tables filled, and a researcher's token."""
    from django.db import connection

    from labeling.actions.campaigns import create_campaign
    from labeling.actions.raters import add_member
    from labeling.actions.tokens import issue_token
    from labeling.models import Organisation, User

    lab = Organisation.objects.create(name="Bench", slug="bench")
    person = User.objects.create_user("researcher")
    campaign = create_campaign(
        organisation=lab,
        by=person,
        name="Bench",
        slug=SLUG,
        state="active",
        overlap=PER_COMPARISON,
        schema={"scale": 7, "rationale": "optional"},
    )
    add_member(campaign=campaign, user=person, role="researcher", by=None)
    with connection.cursor() as cursor:
        for statement in _FILL.split(";"):
            if statement.strip():
                cursor.execute(
                    statement,
                    {
                        "lab": lab.pk,
                        "campaign": campaign.pk,
                        "raters": RATERS,
                        "comparisons": JUDGMENTS // PER_COMPARISON,
                        "per_comparison": PER_COMPARISON,
                    },
                )
    _, token = issue_token(user=person, scopes=["read"], by=person)
    close_connections()
    return token


# Texts are of random words, so that compression cannot fold them to nothing; each is its own, by
# the first word.
_FILL = """
CREATE TEMP TABLE pool AS
  SELECT place, string_agg(md5(place || '/' || k), ' ') AS text
  FROM generate_series(0, 1999) place, generate_series(1, 44) k GROUP BY place;
INSERT INTO labeling_rater (public_id, organisation_id, kind, is_simulated)
  SELECT gen_random_uuid(), %(lab)s, 'human', false FROM generate_series(1, %(raters)s);
INSERT INTO labeling_seat (rater_id, campaign_id, is_active, pseudonym, groups, skills)
  SELECT id, %(campaign)s, true, 'r-' || md5(id::text), '{"country": "NL"}', '{}'
  FROM labeling_rater;
INSERT INTO labeling_source (campaign_id, model, params, key)
  SELECT %(campaign)s, 'model-' || n, '{"temperature": 0.7}', sha256(n::text::bytea)
  FROM generate_series(1, 20) n;
INSERT INTO labeling_round (public_id, campaign_id, number, name, kind, state, overlap, pairing,
    seed)
  VALUES (gen_random_uuid(), %(campaign)s, 1, '', 'production', 'open', 3, 'given', 1);
INSERT INTO labeling_prompt (public_id, campaign_id, content_hash, messages, language, tags,
    metadata)
  SELECT gen_random_uuid(), %(campaign)s, sha256(n::text::bytea),
    jsonb_build_array(jsonb_build_object('role', 'user', 'content',
      md5(n::text) || left(pool.text, 267))),
    '', '{}', '{}'
  FROM generate_series(1, %(comparisons)s) n JOIN pool ON pool.place = n %% 2000;
INSERT INTO labeling_completion (public_id, prompt_id, source_id, content_hash, messages,
    char_count, header_count, bold_count, list_count, finish_reason)
  SELECT gen_random_uuid(), p.id, s.first + (p.id + side * 7) %% 20,
    sha256((p.id || '/' || side)::bytea),
    jsonb_build_array(jsonb_build_object('role', 'assistant', 'content',
      md5(p.id || '/' || side) || ' ' || pool.text)),
    1484, 0, 0, 0, ''
  FROM labeling_prompt p CROSS JOIN generate_series(0, 1) side
  JOIN pool ON pool.place = (p.id * 2 + side) %% 2000
  CROSS JOIN (SELECT min(id) first FROM labeling_source) s;
INSERT INTO labeling_comparison (public_id, campaign_id, round_id, prompt_id, completion_a_id,
    completion_b_id, selection_policy, is_turned)
  SELECT gen_random_uuid(), %(campaign)s, r.id, c.prompt_id, min(c.id), max(c.id), 'given', false
  FROM labeling_completion c, labeling_round r GROUP BY c.prompt_id, r.id;
INSERT INTO labeling_judgment (public_id, campaign_id, comparison_id, rater_id, preference,
    strength, criteria, rationale, clauses, steps, flags, shown_left, presentation_arm, client,
    active_ms, is_repeat)
  SELECT gen_random_uuid(), %(campaign)s, c.id, r.first + (n * 7 + k * 31) %% %(raters)s,
    (ARRAY['a', 'b', 'tie'])[kind], CASE kind WHEN 3 THEN 0 ELSE 1 + n %% 3 END,
    '{"helpful": "a"}', md5(n::text), '{}', '{}', '{}', 'a', 'instant', '{}', 4000, false
  FROM (SELECT id, row_number() OVER (ORDER BY md5(id::text)) n FROM labeling_comparison) c,
    generate_series(1, %(per_comparison)s) k,
    (SELECT min(id) first FROM labeling_rater) r,
    LATERAL (SELECT 1 + ((n + k) %% 7 + 1) / 3 kind) how;
VACUUM ANALYZE
"""


def _measure(port: int, pid: int, token: str) -> dict[str, Any]:
    # Warm: the first request of each kind loads code that has nothing to do with size.
    for layout in ("native", "trl", "hh"):
        _download(port, token, f"layout={layout}", limit=1_000_000)
    time.sleep(1)
    before = memory_mb(pid)
    waits_idle = [seconds_of(port) for _ in range(100)]
    bare = _bare_copy()
    figures: dict[str, Any] = {
        "judgments": JUDGMENTS,
        "web_memory_before_mb": round(before, 1),
        "bare_copy": bare,
    }
    peak = before
    for name, query in (
        ("native", "layout=native"),
        ("native_majority", "layout=native&rule=majority"),
        ("trl", "layout=trl"),
        ("hh", "layout=hh"),
    ):
        with _watching(pid, port) as watch:
            figures[name] = _download(port, token, query)
        figures[name]["web_cpu_s"] = round(watch["cpu"], 2)
        figures[name]["web_memory_growth_mb"] = round(watch["peak"] - before, 1)
        figures[name]["other_requests_p99_ms"] = _p99(watch["waits"])
        peak = max(peak, watch["peak"])
    again = _bare_copy()
    figures["bare_copy_again_s"] = again["seconds"]
    figures["native_rate_of_bare_copy"] = round(
        (bare["seconds"] + again["seconds"]) / 2 / figures["native"]["seconds"], 2
    )
    figures["web_memory_growth_mb"] = round(peak - before, 1)
    figures["other_requests_idle_p99_ms"] = _p99(waits_idle)
    figures["targets"] = {"web_memory_growth_mb": 50, "native_rate_of_bare_copy": 0.4}
    return figures


def _p99(seconds: list[float]) -> float:
    return round(quantiles(seconds, n=100)[98] * 1000, 1) if len(seconds) > 1 else 0.0


@contextlib.contextmanager
def _watching(pid: int, port: int) -> Iterator[dict[str, Any]]:
    """Highest memory of the process meanwhile, its CPU, and how long other requests wait."""
    seen: dict[str, Any] = {"peak": 0.0, "waits": [], "cpu": 0.0}
    stop = threading.Event()

    def look() -> None:
        while not stop.wait(0.2):
            seen["peak"] = max(seen["peak"], memory_mb(pid))
            seen["waits"].append(seconds_of(port))

    thread = threading.Thread(target=look)
    cpu = cpu_seconds(pid)
    thread.start()
    try:
        yield seen
    finally:
        stop.set()
        thread.join()
        seen["cpu"] = cpu_seconds(pid) - cpu


def _download(port: int, token: str, query: str, *, limit: int = 0) -> dict[str, Any]:
    """Read an export to its end (or to `limit` bytes, then hang up)."""
    began = time.perf_counter()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    connection.request(
        "GET",
        f"/api/v1/campaigns/{SLUG}/export/?{query}",
        headers={"Authorization": f"Bearer {token}"},
    )
    answer = connection.getresponse()
    if answer.status != http.HTTPStatus.OK:
        raise RuntimeError(f"{query}: {answer.status} {answer.read(1000)!r}")
    size = lines = 0
    first = 0.0
    while piece := answer.read1(1 << 18):
        first = first or time.perf_counter() - began
        size += len(piece)
        lines += piece.count(b"\n")
        if limit and size > limit:
            break
    connection.close()
    seconds = time.perf_counter() - began
    return {
        "seconds": round(seconds, 2),
        "first_byte_ms": round(first * 1000),
        "mb": round(size / 1e6),
        "mb_per_s": round(size / 1e6 / seconds),
        "lines": lines,
    }


def _bare_copy() -> dict[str, Any]:
    """The same columns by text COPY in one statement, thrown away: what the database can do."""
    from labeling.queries.export_rows import COLUMNS, SOURCES

    columns = ", ".join(expression for _, expression, _ in COLUMNS)
    query = f"COPY (SELECT {columns} FROM {SOURCES}) TO STDOUT"
    size = 0
    with psycopg.connect(os.environ["DATABASE_URL"]) as connection:
        began = time.perf_counter()
        with connection.cursor().copy(query) as copy:
            for piece in copy:
                size += len(piece)
        seconds = time.perf_counter() - began
    return {"seconds": round(seconds, 2), "mb": round(size / 1e6)}
