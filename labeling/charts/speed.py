"""How long judgments took: one rater's bars and the pool's line over them."""

from collections.abc import Sequence

from labeling.charts.axes import Axis, round_step
from labeling.charts.markup import Svg, element, path, per_cent, text_of


def speed_chart(
    own: Sequence[float],
    pool: Sequence[float] | None,
    *,
    step: int,
    names: tuple[str, str],
    title: str,
    description: str,
    key: str,
) -> Svg:
    """Shares of judgments by steps of seconds; the last step is open. `key` makes ids unique."""
    top = max([*own, *(pool or ()), 0.05])
    tick = round_step(top / 2)
    y = Axis(0, tick * -(-top // tick))
    width = 100 / len(own)
    parts: list[str] = [
        element("title", text_of(title), id=f"{key}-t"),
        element("desc", text_of(description), id=f"{key}-d"),
    ]
    for k in range(round(y.high / tick) + 1):
        height = per_cent(100 - y.place(k * tick))
        label = f"{k * tick * 100:.0f} %" if k else "0"
        parts.append(element("line", class_="grid", x1="0", x2="100%", y1=height, y2=height))
        parts.append(
            element("text", text_of(label), x="0", y=height, dx="-8", dy="4", text_anchor="end")
        )
    for k in range(0, len(own), 2):
        anchor = "middle" if k else "start"
        label = f"{k * step} s" if k + 2 >= len(own) else str(k * step)
        parts.append(
            element("text", label, x=per_cent(k * width), y="100%", dy="20", text_anchor=anchor)
        )
    parts += [
        element(
            "rect",
            class_="bar",
            x=per_cent((k + 0.15) * width),
            y=per_cent(100 - y.place(share)),
            width=per_cent(width * 0.7),
            height=per_cent(y.place(share)),
        )
        for k, share in enumerate(own)
        if share
    ]
    if pool:
        points = [((k + 0.5) * width, 100 - y.place(share)) for k, share in enumerate(pool)]
        line = element("path", class_="line soft-line", d=path(points))
        parts.append(
            element(
                "svg",
                line,
                viewBox="0 0 100 100",
                preserveAspectRatio="none",
                width="100%",
                height="100%",
            )
        )
        parts.append(_name(names[1], pool, width, y))
    parts.append(_name(names[0], own, width, y))
    labelled = f"{key}-t {key}-d"
    return element("svg", parts, class_="chart", height="200", role="img", aria_labelledby=labelled)


def _name(name: str, shares: Sequence[float], width: float, y: Axis) -> Svg:
    """The name of a series at its highest place, within the box."""
    highest = max(range(len(shares)), key=lambda k: shares[k])
    is_late = highest > len(shares) / 2
    height = min(100 - y.place(shares[highest]), 92)
    return element(
        "text",
        text_of(name),
        class_="strong",
        x=per_cent((highest + 0.5) * width),
        y=per_cent(height),
        dx="-14" if is_late else "14",
        dy="10" if height < 10 else "-6",
        text_anchor="end" if is_late else "start",
    )
