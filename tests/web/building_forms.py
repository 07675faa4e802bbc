"""What the builder's form sends when nothing in it was touched, and what was typed over that."""

from html.parser import HTMLParser
from typing import Any


class _Fields(HTMLParser):
    """The values that a browser would send of the form with this id."""

    def __init__(self, form: str) -> None:
        super().__init__()
        self.form = form
        self.inside = False
        self.values: dict[str, list[str]] = {}
        self.select: str | None = None
        self.options: list[tuple[str, bool]] = []
        self.area: str | None = None
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "form":
            self.inside = given.get("id") == self.form
        name = given.get("name")
        if not self.inside:
            return
        if tag == "input" and name:
            kind = given.get("type", "text")
            if kind in {"checkbox", "radio"} and "checked" not in given:
                return
            if kind not in {"submit", "file"}:
                usual = "on" if kind == "checkbox" else ""
                self.values.setdefault(name, []).append(given.get("value") or usual)
        elif tag == "select" and name:
            self.select, self.options = name, []
        elif tag == "option" and self.select:
            self.options.append((given.get("value") or "", "selected" in given))
        elif tag == "textarea" and name:
            self.area, self.text = name, ""

    def handle_data(self, data: str) -> None:
        if self.area:
            self.text += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self.inside = False
        elif tag == "select" and self.select:
            chosen = [value for value, is_chosen in self.options if is_chosen]
            first = [value for value, _ in self.options[:1]]
            self.values[self.select] = chosen or first
            self.select = None
        elif tag == "textarea" and self.area:
            self.values[self.area] = [self.text.removeprefix("\n").strip("\r\n")]
            self.area = None


def sent(page: str, form: str = "build", **typed: Any) -> dict[str, Any]:
    """The form of the page as a browser sends it, with `typed` over it; None leaves one out."""
    parser = _Fields(form)
    parser.feed(page)
    assert parser.values, "no such form"
    values: dict[str, Any] = {
        name: found[0] if len(found) == 1 else found for name, found in parser.values.items()
    }
    for name, value in typed.items():
        key = name.replace("__", "-")
        if value is None:
            values.pop(key, None)
        else:
            values[key] = value
    return values
