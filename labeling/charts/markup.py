"""SVG text: escaped by default, safe to put in a page as it is."""

from collections.abc import Iterable
from html import escape


class Svg(str):
    """Markup that templates show as it is; only this package makes it, from escaped parts."""

    __slots__ = ()

    def __html__(self) -> str:
        return str(self)


def number(value: float) -> str:
    """At most two decimals, without needless zeros: the file is for people's networks too."""
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def per_cent(value: float) -> str:
    """A place along an axis."""
    return f"{number(value)}%"


def element(name: str, content: Iterable[str] | str = "", /, **attributes: object) -> Svg:
    """One element. Attribute values are escaped, `class_` and `stroke_width` style names are
    turned into SVG's; `content` is markup, so texts go through `text_of` first."""
    written = "".join(
        f' {key.rstrip("_").replace("__", ":").replace("_", "-")}="{escape(str(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    inner = content if isinstance(content, str) else "".join(content)
    return Svg(f"<{name}{written}>{inner}</{name}>" if inner else f"<{name}{written}/>")


def text_of(value: object) -> str:
    """A text as markup."""
    return escape(str(value))


def short(name: str, most: int) -> str:
    """The name in at most so many letters: whole names stand in the chart's description."""
    return name if len(name) <= most else f"{name[: most - 1]}…"


def path(points: Iterable[tuple[float, float]], *, is_closed: bool = False) -> str:
    """The `d` of a path through points of the 0 to 100 box."""
    steps = "L".join(f"{number(x)} {number(y)}" for x, y in points)
    return f"M{steps}{'Z' if is_closed else ''}" if steps else ""
