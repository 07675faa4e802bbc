"""What a page looks like at every width and in both themes, and whether everybody can use it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Page, expect

WIDTHS = (1440, 1024, 390)
HEIGHTS = {1440: 900, 1024: 768, 390: 844}
STANDARDS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
# What a theme can change; everything else is the same in both.
COLOURS = ["color-contrast", "link-in-text-block"]

_WATCH = """
(() => {
  let moves = [];
  const note = (entries) => {
    for (const { value, sources } of entries) {
      const what = (sources || []).map(({ node, previousRect, currentRect }) => {
        const element = node?.nodeType === 1 ? node : node?.parentElement;
        const name = element ? `${element.tagName}#${element.id}.${element.className}` : "gone";
        const box = ({ x, y, width, height }) => [x, y, width, height].map(Math.round);
        return `${name} ${box(previousRect)} -> ${box(currentRect)}`;
      });
      moves.push(`${value.toFixed(4)} ${what.join("; ")}`);
    }
  };
  const observer = new PerformanceObserver((list) => note(list.getEntries()));
  observer.observe({ type: "layout-shift", buffered: true });
  window.movesSince = () => {
    note(observer.takeRecords());
    const found = moves;
    moves = [];
    return found;
  };
})();
"""
_SETTLED = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
_RUN = """async ([within, options]) => {
  const { violations } = await window.axe.run(within || document, options);
  return violations.flatMap(({ id, nodes }) => nodes.map(({ html, failureSummary }) =>
    `${id}: ${html.slice(0, 160)} (${failureSummary.slice(0, 240)})`));
}"""
_SMALL = """() => {
  // Links in running text are exempt (WCAG 2.2, 2.5.8); a label is pressed as well as its field.
  const targets = "a[href], button, label:not([for]), summary, select, textarea, input";
  const exempt = "p a, .prose a, dd a, label *, .sr-only, .sr-only *, [inert] *";
  const found = [];
  for (const one of document.querySelectorAll(targets)) {
    if (!one.checkVisibility({ visibilityProperty: true, opacityProperty: true })) continue;
    const { width, height } = one.getBoundingClientRect();
    if (one.matches(exempt) || width < 2 || Math.min(width, height) >= 24) continue;
    found.push(`${Math.round(width)} by ${Math.round(height)} ${one.outerHTML.slice(0, 120)}`);
  }
  return found;
}"""


class Look:
    """A page seen in each of its states: `act` brings one about, `at` examines it.

    A state is checked in both themes with axe, and for what is wider than the window; what moves
    while it is brought about is counted, even where a browser forgives it for following a key.
    """

    def __init__(self, page: Page) -> None:
        self.page = page
        self.width = WIDTHS[0]
        self.faults: list[str] = []
        page.add_init_script(_WATCH)
        page.emulate_media(reduced_motion="reduce", color_scheme="light")
        self.widen(WIDTHS[0])

    def widen(self, width: int) -> None:
        """Make the window this wide, without loading the page again."""
        self.width = width
        self.page.set_viewport_size({"width": width, "height": HEIGHTS.get(width, 844)})
        if self.page.url.startswith("http"):
            self.page.evaluate(_SETTLED)

    @contextmanager
    def act(self, name: str, *, moves: bool = False, within: str = "") -> Iterator[None]:
        """Bring a state about and examine it. Nothing may move, unless this is what was asked."""
        self._moves()
        yield
        shifts = self._moves()
        if not moves:
            self.faults += [f"{name}, {self.width}: moved {shift}" for shift in shifts]
        self.at(name, within=within)

    def at(self, name: str, *, within: str = "") -> None:
        """Examine the page as it stands; with axe only `within`, where the rest has been before."""
        for theme in ("light", "dark"):
            self.page.emulate_media(color_scheme="dark" if theme == "dark" else "light")
            self.picture(f"{name}-{self.width}-{theme}")
            found = self._violations(COLOURS if theme == "dark" else None, within)
            self.faults += [f"{name}, {self.width}, {theme}: {one}" for one in found]
        self.page.emulate_media(color_scheme="light")
        if self.overflow() > 0:
            self.faults.append(f"{name}, {self.width}: {self.overflow()} px wider than the window")
        self.faults += [f"{name}, {self.width}: small {one}" for one in self.page.evaluate(_SMALL)]

    def at_every_width(self, name: str, *, within: str = "") -> None:
        """Examine the page as it stands, at each width."""
        for width in WIDTHS:
            self.widen(width)
            self.at(name, within=within)

    def load(self, url: str, name: str, *, until: str = "main") -> None:
        """Open an address, until this is there; nothing may move while it comes."""
        self.page.goto(url)
        expect(self.page.locator(until)).to_be_visible()
        shifts = self._moves()
        self.faults += [f"{name}, {self.width}: moved {shift}" for shift in shifts]

    def _moves(self) -> list[str]:
        """What moved since this was last asked, once the page has been painted."""
        self.page.evaluate(_SETTLED)
        found: list[str] = self.page.evaluate("movesSince()")
        return found

    def overflow(self) -> int:
        """How far the page reaches beyond the window."""
        root = "document.documentElement"
        return int(self.page.evaluate(f"{root}.scrollWidth - {root}.clientWidth"))

    def _violations(self, rules: list[str] | None, within: str) -> list[str]:
        if not self.page.evaluate("'axe' in window"):
            self.page.evaluate(AXE_SCRIPT)
        only = {"type": "rule", "values": rules} if rules else {"type": "tag", "values": STANDARDS}
        options: dict[str, Any] = {"runOnly": only, "resultTypes": ["violations"], "preload": False}
        if rules is None:
            options["rules"] = {"target-size": {"enabled": True}}
        found: list[str] = self.page.evaluate(_RUN, [within, options])
        return found

    def picture(self, name: str) -> None:
        """Keep a screenshot where LOOKS names a folder, for people to look at."""
        if folder := os.environ.get("LOOKS"):
            self.page.screenshot(path=Path(folder) / f"{name}.png")
