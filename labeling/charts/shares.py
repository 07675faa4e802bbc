"""Bars of what went well, step by step, that fit in a cell of a table."""

from collections.abc import Sequence

from labeling.charts.markup import Svg, element, number


def share_bars(shares: Sequence[float | None]) -> Svg:
    """One bar for each share of a whole, nothing where there is none; words beside it say more."""
    step = 100 / max(len(shares), 1)
    rects = [
        element(
            "rect",
            class_=None if share >= 0.9 else "low",
            x=number(k * step),
            y=number(100 - max(share, 0.04) * 100),
            width=number(step * 0.72),
            height=number(max(share, 0.04) * 100),
        )
        for k, share in enumerate(shares)
        if share is not None
    ]
    return element(
        "svg",
        [element("line", class_="grid", x1=0, x2=100, y1=100, y2=100), *rects],
        class_="spark",
        viewBox="0 0 100 100",
        preserveAspectRatio="none",
        aria_hidden="true",
    )
