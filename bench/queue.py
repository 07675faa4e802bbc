"""Claim and submit over HTTP as the queue grows, through the API and through the pages.

Gunicorn, PostgreSQL and durable commits are those of production. Raters work in slices that go
round the sizes, so that whatever else the machine does falls on all of them alike: the ratios are
what counts. THURSTONE_BENCH_SIZES=1000,20000 makes it quicker; THURSTONE_BENCH_SECONDS is the
length of a slice.
"""

import os
import time
from collections.abc import Callable, Sequence
from functools import partial
from statistics import median, quantiles
from typing import Any

from bench.instance import close_connections, running, web_server
from bench.processes import cpu_seconds
from bench.queue_pages import PageRater, sign_in
from bench.queue_raters import AnyRater, ApiRater, Waits, rate_together

SIZES = [int(n) for n in os.environ.get("THURSTONE_BENCH_SIZES", "1000,100000,1000000").split(",")]
SECONDS = float(os.environ.get("THURSTONE_BENCH_SECONDS", "5"))
SLICES = 4
CROWDS = (8, 32)
TARGETS = {
    "p99_largest_to_smallest": 1.5,
    "cpu_ms_a_judgment": 10,
    "statements_claim": 8,
    "statements_submit": 8,
}


def main() -> dict[str, Any]:
    """Waits, ratios, CPU and statements by size and crowd; the hard cases; broken promises."""
    with running() as instance:
        return _measure(instance.postgres)


def _measure(postgres: int) -> dict[str, Any]:
    from bench import queue_data as data
    from labeling.models import Rater
    from labeling.queries.queue_faults import QueueFaults

    lab = data.make_lab()
    campaigns, opening = {}, {}
    for size in SIZES:
        campaigns[size], seconds = data.open_campaign(lab, f"open-{size}", size)
        opening[size] = round(seconds, 1)
    # The hard cases: one rater has judged all but a hundredth of what is still open, one all of it.
    hard_size = min(max(SIZES), 101_000)
    judged = hard_size * 100 // 101
    hard, _ = data.open_campaign(lab, "hard", hard_size)
    deep, done = Rater.objects.order_by("pk")[:2]
    data.judge_first(hard, deep, ordinal=1, count=judged)
    data.judge_first(hard, done, ordinal=2, count=hard_size)
    data.vacuum()
    figures: dict[str, Any] = {
        "durable": _durability(),
        "pace_before_ms": _pace(),
        "open_seconds": opening,
        "statements": _statements(lab.tokens[5], campaigns[SIZES[0]].slug),
    }
    close_connections()
    with web_server() as web:
        roots = (web.pid, postgres)
        callers = [partial(ApiRater, web.port, token) for token in lab.tokens]
        for come in callers:
            come().rate(campaigns[SIZES[0]].slug, time.perf_counter() + 1, most=5)
        for crowd in CROWDS:
            figures[f"{crowd}_raters"] = _crowd(roots, callers[:crowd], campaigns, data.forget)
        # After the sign-in, which hashes a password, and beside the same figure of the API.
        visitors = [
            partial(PageRater, web.port, sign_in(web.port, user.username, lab.password))
            for user in lab.users[: data.PAGE_RATERS]
        ]
        figures[f"{len(visitors)}_raters_on_pages"] = _crowd(
            roots, visitors, campaigns, data.forget
        )
        figures["hard_cases"] = {"met_and_still_open": judged} | _hard(
            callers, campaigns[SIZES[-1]].slug, lambda: data.rewind(hard)
        )
    figures["faults"] = {
        campaign.slug: str(QueueFaults.of(campaign)) for campaign in [*campaigns.values(), hard]
    }
    close_connections()
    return figures | {"pace_after_ms": _pace(), "targets": TARGETS}


def _crowd(
    roots: tuple[int, int],
    raters: Sequence[Callable[[], AnyRater]],
    campaigns: dict[int, Any],
    forget: Any,
) -> dict[str, Any]:
    """Slices in turn over the sizes; the first of each warms the caches and is thrown away."""
    waits = {size: Waits() for size in campaigns}
    cpu = {size: [0.0, 0.0] for size in campaigns}
    spent = dict.fromkeys(campaigns, 0.0)
    for turn in range(SLICES + 1):
        for size, campaign in campaigns.items():
            if size == min(campaigns):
                forget(campaign)
            before, began = [cpu_seconds(root) for root in roots], time.perf_counter()
            found = rate_together(raters, campaign.slug, SECONDS if turn else SECONDS / 3)
            if not turn:
                continue
            waits[size].add(found)
            spent[size] += time.perf_counter() - began
            for number, root in enumerate(roots):
                cpu[size][number] += cpu_seconds(root) - before[number]
    figures: dict[str, Any] = {}
    for size, found in waits.items():
        count = max(len(found.submissions), 1)
        figures[f"{size}_open"] = {
            "judgments_per_s": round(count / spent[size], 1),
            "claim": _quantiles(found.claims),
            "submit": _quantiles(found.submissions),
            "cpu_ms_a_judgment": round(sum(cpu[size]) * 1000 / count, 2),
            "cpu_ms_web": round(cpu[size][0] * 1000 / count, 2),
            "cpu_ms_database": round(cpu[size][1] * 1000 / count, 2),
            "nothing_left": len(found.empty),
            "other_answers": len(found.others),
        }
    small, large = (figures[f"{size}_open"] for size in (min(waits), max(waits)))
    for what in ("claim", "submit"):
        for point in ("p50_ms", "p99_ms"):
            figures[f"{what}_{point[:3]}_largest_to_smallest"] = round(
                large[what][point] / small[what][point], 2
            )
    return figures


def _hard(callers: Sequence[Callable[[], ApiRater]], usual: str, rewind: Any) -> dict[str, Any]:
    """One rater alone in each case, beside an ordinary one in the largest campaign."""
    deep, done, ordinary = (callers[n]() for n in (0, 1, 2))
    soon = time.perf_counter() + 120

    def first(client: ApiRater) -> float:
        """Milliseconds until a rater who was set back to the beginning is answered 201 or 204."""
        began = time.perf_counter()
        while not ((w := client.rate("hard", soon, most=1)).claims or w.empty):
            time.sleep(1)
        return round((time.perf_counter() - began) * 1000, 1)

    rewind()
    figures: dict[str, Any] = {
        "catching_up_once_ms": {"judged_most_of_it": first(deep), "judged_all_of_it": first(done)}
    }
    waits = {"ordinary": Waits(), "judged_most_of_it": Waits(), "judged_all_of_it": Waits()}
    for _ in range(100):
        waits["ordinary"].add(ordinary.rate(usual, soon, most=3))
        waits["judged_most_of_it"].add(deep.rate("hard", soon, most=3))
        waits["judged_all_of_it"].add(done.rate("hard", soon, most=3))
    for name, found in waits.items():
        figures[name] = _quantiles(found.empty if name == "judged_all_of_it" else found.claims)
    for name in ("judged_most_of_it", "judged_all_of_it"):
        figures[f"{name}_p50_to_ordinary"] = round(
            figures[name]["p50_ms"] / figures["ordinary"]["p50_ms"], 2
        )
    return figures


def _quantiles(seconds: list[float]) -> dict[str, Any]:
    if len(seconds) < 2:
        return {"count": len(seconds), "p50_ms": float("nan"), "p99_ms": float("nan")}
    return {
        "count": len(seconds),
        "p50_ms": round(median(seconds) * 1000, 2),
        "p99_ms": round(quantiles(seconds, n=100)[98] * 1000, 2),
    }


def _statements(token: str, slug: str) -> dict[str, int]:
    """SQL statements of one claim and one submission, as Django sends them."""
    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext

    client = Client(headers={"authorization": f"Bearer {token}"}, SERVER_NAME="localhost")
    counts: dict[str, int] = {}
    for _ in range(2):
        with CaptureQueriesContext(connection) as claiming:
            shown = client.post(f"/api/v1/campaigns/{slug}/assignments/")
        path = f"/api/v1/assignments/{shown.json()['id']}/judgment/"
        with CaptureQueriesContext(connection) as submitting:
            client.post(path, {"side": "left"}, content_type="application/json")
        counts = {"claim": len(claiming), "submit": len(submitting)}
    return counts


def _pace() -> float:
    """CPU milliseconds that a million additions in Python take here and now.

    A busy neighbour on the same core makes every figure of CPU larger, this one too.
    """
    began = time.process_time()
    total = 0
    for number in range(1_000_000):
        total += number
    return round((time.process_time() - began) * 1000, 1)


def _durability() -> str:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT string_agg(name || '=' || setting, ' ' ORDER BY name) FROM pg_settings"
            " WHERE name IN ('fsync', 'synchronous_commit', 'full_page_writes')"
        )
        ((text,),) = cursor.fetchall()
    return str(text)
