"""Raters as browsers: a session from the login form, then the bench's page by htmx."""

import re
import time
from urllib.parse import urlencode

from bench.queue_raters import Connection, Waits

_FIELD = re.compile(rb'name="(csrfmiddlewaretoken|assignment_id)" value="([^"]+)"')
_COOKIE = re.compile(rb"^set-cookie: ([^=]+)=([^;]*)", re.M | re.I)
_LOCATION = re.compile(rb"^location: (\S+)", re.M | re.I)
_ANSWER = {
    "verdict": "left:2",
    "rationale": "It answers what was asked, and briefly.",
    "active_ms": "4000",
}


def sign_in(port: int, username: str, password: str) -> str:
    """The cookies of a browser in which this rater has signed in."""
    browser = Browser(port)
    page = browser.open("GET", "/login/")
    fields = {"username": username, "password": password, "next": "", **hidden_fields(page)}
    browser.open("POST", "/login/", fields)
    if browser.status != 302:
        raise RuntimeError(f"{username} could not sign in: {browser.status}")
    browser.connection.close()
    return browser.cookie_header()


def hidden_fields(page: bytes) -> dict[str, str]:
    """What the first form of the page sends along unseen."""
    found: dict[str, str] = {}
    for name, value in _FIELD.findall(page):
        found.setdefault(name.decode(), value.decode())
    return found


class Browser:
    """A connection that keeps its cookies."""

    def __init__(self, port: int, cookies: str = "") -> None:
        self.connection = Connection(port)
        self.origin = f"http://127.0.0.1:{port}"
        self.cookies = dict(pair.split("=", 1) for pair in cookies.split("; ") if pair)
        self.status = 0
        self.location = ""

    def cookie_header(self) -> str:
        """The cookies as a request sends them."""
        return "; ".join(f"{name}={value}" for name, value in self.cookies.items())

    def open(
        self, method: str, path: str, fields: dict[str, str] | None = None, more: str = ""
    ) -> bytes:
        """The body of the answer; its status and where it leads to are kept."""
        head = (
            f"Origin: {self.origin}\r\nCookie: {self.cookie_header()}\r\n"
            f"Content-Type: application/x-www-form-urlencoded\r\n{more}"
        )
        body = urlencode(fields or {}).encode()
        self.status, answered, content = self.connection.send(method, path, head.encode(), body)
        for name, value in _COOKIE.findall(answered):
            self.cookies[name.decode()] = value.decode()
        leads = _LOCATION.search(answered)
        self.location = leads[1].decode() if leads else ""
        return content


class PageRater:
    """One rater at the bench's page: the card is claimed, answered, and brings the next."""

    def __init__(self, port: int, cookies: str) -> None:
        self.browser = Browser(port, cookies)

    def rate(self, slug: str, until: float) -> Waits:
        """Answer cards until the moment comes; where nothing is left, go on asking."""
        waits = Waits()
        path = address = f"/rate/{slug}/"
        htmx = (
            "HX-Request: true\r\nHX-Target: task\r\n"
            f"HX-Current-URL: {self.browser.origin}{path}\r\n"
        )
        while time.perf_counter() < until:
            began = time.perf_counter()
            page = self.browser.open("GET", address, more=htmx)
            shown = time.perf_counter()
            fields = hidden_fields(page)
            address = path
            if self.browser.status != 200:
                waits.others.append(self.browser.status)
                continue
            if "assignment_id" not in fields:
                waits.empty.append(shown - began)
                continue
            waits.claims.append(shown - began)
            self.browser.open("POST", path, fields | _ANSWER, htmx)
            if self.browser.status != 303:
                waits.others.append(self.browser.status)
                continue
            waits.submissions.append(time.perf_counter() - shown)
            # As the browser does: the answer leads to the next card, and says that it was saved.
            address = self.browser.location
        return waits
