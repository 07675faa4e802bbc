"""What a browser would make of a piece of HTML: each tag with its attributes."""

from html.parser import HTMLParser

ALLOWED: dict[str, set[str]] = {
    "a": {"href", "target", "rel"},
    "ol": {"start", "dir"},
    "th": {"class", "scope"},
    "td": {"class"},
    "span": {"class", "data-c", "dir"},
    "figure": {"class"},
    "img": {"data-image", "alt"},
    "code": {"class", "dir"},
    "pre": {"class", "dir", "tabindex", "role", "aria-label"},
    "div": {"class", "tabindex", "role", "aria-label"},
    "details": {"class"},
    "math": {"display", "tabindex", "alttext"},
    **{tag: {"dir", "class"} for tag in ("p", "h3", "h4", "h5", "h6", "ul", "blockquote", "table")},
    **{
        tag: set()
        for tag in (
            "li",
            "em",
            "strong",
            "s",
            "br",
            "hr",
            "thead",
            "tbody",
            "tr",
            "summary",
            "bdi",
        )
    },
}
MATH = {
    "mrow", "mi", "mn", "mo", "ms", "mtext", "mspace", "mfrac", "msqrt", "mroot", "mstyle",
    "msub", "msup", "msubsup", "munder", "mover", "munderover", "mmultiscripts",
    "mprescripts", "none", "mtable", "mtr", "mtd", "mphantom", "mpadded", "menclose",
}  # fmt: skip
MATH_ATTRIBUTES = {
    "displaystyle", "scriptlevel", "mathvariant", "stretchy", "fence", "separator",
    "symmetric", "largeop", "movablelimits", "accent", "accentunder", "form", "lspace",
    "rspace", "width", "minsize", "maxsize", "linethickness", "columnalign", "rowspacing",
    "columnspacing", "notation",
}  # fmt: skip
CLASSES = {
    "k", "s1", "mi", "c1", "gd", "gi", "tex", "block", "num", "mid", "scroll", "plain",
    "image", "tool", "muted", "code", "hc", "marks", "picture", "sources", "label", "soft", "head",
}  # fmt: skip


class _Inspector(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.faults: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        allowed = MATH_ATTRIBUTES if tag in MATH else ALLOWED.get(tag)
        if allowed is None:
            self.faults.append(f"<{tag}>")
            return
        if tag not in {"br", "hr", "img"}:
            self.open.append(tag)
        for name, value in attrs:
            if name not in allowed:
                self.faults.append(f"<{tag} {name}>")
            elif name == "class" and not set((value or "").split()) <= CLASSES:
                self.faults.append(f"class {value}")
            elif name == "href" and not (value or "").lower().startswith(
                ("http://", "https://", "mailto:")
            ):
                self.faults.append(f"href {value}")
        if tag == "a" and dict(attrs).get("rel") != "noopener noreferrer nofollow":
            self.faults.append("link without rel")

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.faults.append(f"</{tag}> out of place")

    def handle_comment(self, data: str) -> None:
        self.faults.append("comment")

    def handle_decl(self, decl: str) -> None:
        self.faults.append("declaration")

    def handle_pi(self, data: str) -> None:
        self.faults.append("processing instruction")


def faults(html: str) -> list[str]:
    """What in `html` is not on the list of what rendered text may hold; empty when all is."""
    inspector = _Inspector()
    inspector.feed(html)
    inspector.close()
    return inspector.faults + [f"<{tag}> left open" for tag in inspector.open]
