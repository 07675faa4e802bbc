"""The bench in Chromium: what a cold visit costs, and how soon the next card is there.

Gunicorn, PostgreSQL and the files are those of production; browser and server share this machine.
Every cold visit is a browser profile of its own. The next card is timed in the page itself, from
the key that submits to the first frame that shows the card after it. THURSTONE_BENCH_CARDS and
THURSTONE_BENCH_VISITS set how many.
"""

import os
import shutil
from collections.abc import Callable
from functools import partial
from statistics import median
from typing import Any

from bench.instance import close_connections, running, web_server
from bench.queue_pages import sign_in

CARDS = int(os.environ.get("THURSTONE_BENCH_CARDS", "60"))
VISITS = int(os.environ.get("THURSTONE_BENCH_VISITS", "7"))
WARM_UP = 3
# A new window of Chromium first loads pages of its own (address bar, new tab), on the same cores.
SETTLES_MS = 2_000
TARGETS = {
    "cold_requests": 8,
    "cold_kb": 60,
    "cold_interactive_ms": 250,
    "next_card_p50_ms": 100,
    "next_card_kb": 15,
    "layout_shift": 0,
}
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
# The clock of the page: when a card was asked for, when it could be seen, and what moved.
_CLOCK = """
window.measured = { cards: [], shift: 0, ready: null };
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) measured.shift += entry.value;
}).observe({ type: "layout-shift", buffered: true });
let asked = null;
addEventListener("keydown", ({ key }) => { if (key === "Enter") asked = performance.now(); }, true);
document.addEventListener("bench:begin", ({ detail }) => {
  if (detail.first) measured.ready = performance.now();
  const from = asked;
  requestAnimationFrame(() => {
    const shown = new MessageChannel();
    shown.port1.onmessage = () => {
      if (from !== null) measured.cards.push(performance.now() - from);
    };
    shown.port2.postMessage(0);
  });
});
"""


def main() -> dict[str, Any]:
    """Requests, weight and time of a cold visit; time and weight of each next card."""
    with running():
        from bench import queue_data as data

        lab = data.make_lab()
        campaign, _ = data.open_campaign(lab, "page", max(1_000, CARDS * 4))
        close_connections()
        with web_server() as web:
            # A visit that is cut off keeps what was prepared for it, so another rater works.
            visitor, worker = (
                sign_in(web.port, user.username, lab.password) for user in lab.users[:2]
            )
            figures = _measure(f"http://127.0.0.1:{web.port}", visitor, worker, campaign.slug)
            return figures | {"targets": TARGETS}


def _measure(origin: str, visitor: str, worker: str, slug: str) -> dict[str, Any]:
    from playwright.sync_api import sync_playwright

    named = os.environ.get("THURSTONE_CHROMIUM") or shutil.which("chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=named, args=list(FLAGS))
        try:
            # What is cold is the browser: each web process has answered before.
            for _ in range(WARM_UP):
                _visit(browser, origin, visitor, slug)
            visits = [_visit(browser, origin, visitor, slug) for _ in range(VISITS)]
            cards = _rate(browser, origin, worker, slug)
        finally:
            browser.close()
    return {
        "cold_requests": max(visit["requests"] for visit in visits),
        "cold_kb": round(max(visit["bytes"] for visit in visits) / 1000, 1),
        "cold_interactive_ms": round(median(visit["interactive_ms"] for visit in visits), 1),
        **cards,
        "layout_shift": max(cards["layout_shift"], *(visit["shift"] for visit in visits)),
    }


def _visit(browser: Any, origin: str, cookies: str, slug: str) -> dict[str, Any]:
    """One visit by a browser that has nothing of ours in its cache."""
    context, page, traffic = _open(browser, origin, cookies)
    page.wait_for_timeout(SETTLES_MS)
    page.goto(f"{origin}/rate/{slug}/")
    _wait_for(page, lambda: page.evaluate("measured.ready !== null"))
    ready = page.evaluate("measured.ready")
    # What comes after that (the next card) is no part of the page's weight.
    loaded = [one for one in traffic if "/ahead/" not in one["url"]]
    page.wait_for_timeout(300)
    found = {
        "requests": len(loaded),
        "bytes": sum(one["bytes"] for one in loaded),
        "interactive_ms": ready,
        "shift": page.evaluate("measured.shift"),
    }
    context.close()
    return found


def _rate(browser: Any, origin: str, cookies: str, slug: str) -> dict[str, Any]:
    """Answer cards by keyboard, each when the one after it is ready, as a reader would."""
    context, page, traffic = _open(browser, origin, cookies)
    page.goto(f"{origin}/rate/{slug}/")
    weights, seen = [], 0

    def prepared(number: int) -> bool:
        return sum("/ahead/" in one["url"] for one in traffic) > number

    def shown(number: int) -> bool:
        return bool(page.evaluate("measured.cards.length") > number)

    for number in range(CARDS + WARM_UP):
        _wait_for(page, partial(prepared, number))
        page.wait_for_timeout(60)
        page.keyboard.press("2")
        page.keyboard.press("Enter")
        _wait_for(page, partial(shown, number))
        # All that a card costs: its own bytes, the answer's, and what is kept meanwhile.
        weights.append(sum(one["bytes"] for one in traffic[seen:]))
        seen = len(traffic)
    times = page.evaluate("measured.cards")[WARM_UP:]
    shift = page.evaluate("measured.shift")
    context.close()
    return {
        "next_cards": len(times),
        "next_card_p50_ms": round(median(times), 1),
        "next_card_p95_ms": round(sorted(times)[int(len(times) * 0.95)], 1),
        "next_card_kb": round(median(weights[WARM_UP:]) / 1000, 1),
        "layout_shift": shift,
    }


def _wait_for(page: Any, is_so: Callable[[], bool], tries: int = 2_000) -> None:
    """Ask from here: a condition that the page evaluates itself is what its policy forbids."""
    while not is_so():
        page.wait_for_timeout(25)
        tries -= 1
        if not tries:
            raise RuntimeError("The page did not come so far: nothing prepared, or nothing shown.")


def _open(browser: Any, origin: str, cookies: str) -> tuple[Any, Any, list[dict[str, Any]]]:
    """A new profile that is signed in, its page, and the traffic of that page as it grows."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    context.add_cookies(
        [
            {"name": name, "value": value, "url": origin}
            for name, value in (pair.split("=", 1) for pair in cookies.split("; "))
        ]
    )
    page = context.new_page()
    page.add_init_script(_CLOCK)
    devtools = context.new_cdp_session(page)
    devtools.send("Network.enable")
    traffic: list[dict[str, Any]] = []
    addresses: dict[str, str] = {}

    def sent(event: Any) -> None:
        addresses[event["requestId"]] = event["request"]["url"]

    def finished(event: Any) -> None:
        address = addresses.get(event["requestId"], "")
        if address.startswith(origin):
            traffic.append({"url": address, "bytes": event["encodedDataLength"]})

    devtools.on("Network.requestWillBeSent", sent)
    devtools.on("Network.loadingFinished", finished)
    return context, page, traffic
