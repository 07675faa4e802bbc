"""`/campaigns/<slug>/report/ranking/`: boards with and without style, how firm, and of parts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from labeling.charts.axes import Axis
from labeling.charts.boards import Both, Placed, boards_chart
from labeling.charts.markup import Svg
from labeling.metrics.one_scale import OneScale, one_scale
from labeling.metrics.slices import LEAST_ITEMS
from labeling.queries.rounds import anchor_of
from labeling.web import ranking_words
from labeling.web.ranking_files import part_table, tables_of
from labeling.web.report_shell import Asked, Chart, Definition, Section, Shown, Table
from labeling.web.score_lines import score_chart, score_table
from labeling.web.whiskers import axis_of, span, two_decimals, whisker_of, whole

Row = Mapping[str, Any]
NEEDS: Final = ("rankings",)
# Models that a chart has room for; tables have all.
DRAWN: Final = 20
KINDS: Final = ("tag", "language", "round")
TERMS: Final = (
    Definition(
        "plain",
        "Plain board",
        "Bradley–Terry by maximum likelihood; a tie is half a win to each. 1,000 is the mean of the"
        " models, 400 points are odds of ten to one. Intervals: sandwich, clustered by item.",
        "Bradley and Terry 1952; Liang and Zeger 1986",
    ),
    Definition(
        "controlled",
        "Style-controlled board",
        "The same model with the differences in length, headings, bold and lists beside the models’"
        " strengths, each in units of its spread, and the side on which an answer was shown. It"
        " answers: who would lead if all wrote at the same length and with the same markup?",
        "after Chiang et al. 2024; Dubois et al. 2024",
    ),
    Definition(
        "rank",
        "Rank",
        "From 1 + the models whose lower limit is above this one’s upper limit, to the number of"
        " models less those whose upper limit is below this one’s lower limit.",
    ),
    Definition(
        "votes",
        "Votes to turn",
        "The fewest votes found whose removal puts the lower model above the upper one: wins of"
        " the upper and losses of the lower, those of most influence first, taken one list at a"
        " time; the count is confirmed by fitting without them. With two models it is exact: no"
        " fewer do. With more, a shorter list is not ruled out.",
        "Broderick, Giordano and Meager 2020",
    ),
    Definition(
        "bootstrap",
        "Bootstrap",
        "Items are drawn again with all their votes and the board is fitted anew, many times over:"
        " the middle 95 % of the scores, and how often the model came first.",
        "Efron and Tibshirani 1993",
    ),
    Definition(
        "davidson",
        "Davidson",
        "Bradley–Terry with a parameter for ties: P(i) : P(j) : P(tie) = p_i : p_j : ν√(p_i p_j)."
        " ν near 0 means few ties; with ν = 2 equals tie half the time.",
        "Davidson 1970",
    ),
    Definition(
        "rao-kupper",
        "Rao–Kupper",
        "Bradley–Terry with a threshold below which a difference is not seen:"
        " P(i) = p_i/(p_i + η p_j). η = 1 means no ties.",
        "Rao and Kupper 1967",
    ),
    Definition(
        "difference",
        "Against the whole",
        "A model’s score on these items less its score on all of them, with an interval that allows"
        " for these being among all. “Differs” has at most 5 % false findings among the"
        " differences of a table.",
        "Benjamini and Hochberg 1995",
    ),
)


@dataclass(frozen=True)
class Line:
    """A model's line of a board, with its whisker and how far control of style moved it."""

    row: Row
    rank: str
    whisker: Svg
    moved: str = ""


@dataclass(frozen=True)
class PartLine:
    """A part of the items: its leader, its surest difference from the whole, and its reading."""

    name: str
    row: Row
    leader: Row | None
    most: Row | None
    points: str
    limits: str
    remark: str
    reading: str
    hue: str


@dataclass(frozen=True)
class Parts:
    """All parts of one kind, and their boards side by side."""

    kind: str
    lines: Sequence[PartLine]
    models: Sequence[tuple[str, Sequence[Row | None]]]
    not_shown: int
    why: str
    table: Table


def read(asked: Asked) -> Shown:
    """The page of the newest report; without one, or with an older one, what can be said."""
    body = asked.body
    section: Row = body.get("rankings", {})
    board: Sequence[Row] = body.get("leaderboard", [])
    scale = one_scale(body.get("rounds", []), anchor_of(asked.campaign) if body else "")
    if not section:
        return Shown({"is_there": False}, tables_of(board, {}, scale), (), TERMS)
    style = section["style"]
    axis = axis_of([*board, *style["rows"]], step=20, without=(900, 1100))
    kinds = [_parts(kind, section) for kind in KINDS]
    context = {
        "is_there": True,
        "rankings": section,
        "span": span(axis.low, axis.high, whole),
        "plain": [_line(row, axis) for row in board],
        "controlled": [_line(row, axis, ranking_words.moved(row)[0]) for row in style["rows"]],
        "style": style,
        "coefficients": _coefficients(style["coefficients"]),
        "coefficient_span": _coefficient_span(style["coefficients"]),
        "style_words": ranking_words.style_words(section),
        "style_left_out": ranking_words.left_out_words(style["left_out"]),
        "notes": ranking_words.firmness(section, board),
        "flips": [(flip, ranking_words.removed_words(flip)) for flip in section["flips"]["rows"]],
        "models": _models(board, section),
        "parts": kinds,
        "group_rows": [
            (row["attribute"], group)
            for row in body.get("groups", [])
            for group in row.get("groups", [])
        ],
        "least": LEAST_ITEMS,
        "scale": scale,
        "scores": score_table(scale),
    }
    return Shown(
        context,
        (*tables_of(board, section, scale), *(one.table for one in kinds)),
        _charts(board, section, scale),
        TERMS,
        _made(section),
    )


def _line(row: Row, axis: Axis, moved: str = "") -> Line:
    drawn = whisker_of("", row, axis, say=whole, reference=1000.0, at="elo")
    return Line(row, ranking_words.rank(row["rank_low"], row["rank_high"]), drawn, moved)


def _coefficient_axis(rows: Sequence[Row]) -> Axis:
    return axis_of(rows, step=0.1, without=(0, 0), around=[0.0])


def _coefficient_span(rows: Sequence[Row]) -> str:
    axis = _coefficient_axis(rows)
    return f"{axis.low:.1f} to {axis.high:+.1f}".replace("-", "−").replace("+0.0", "0")


def _coefficients(rows: Sequence[Row]) -> list[tuple[str, Row, Svg]]:
    axis = _coefficient_axis(rows)
    named = [(ranking_words.STYLES[row["style"]], row) for row in rows]
    return [
        (name, row, whisker_of(name, row, axis, say=two_decimals, reference=0.0))
        for name, row in named
    ]


def _models(board: Sequence[Row], section: Row) -> list[dict[str, Any]]:
    """Each model by every way of counting the same votes."""
    drawn = {row["model"]: row for row in section["bootstrap"]["rows"]}
    ties = {
        key: {row["model"]: row for row in model["rows"]}
        for key, model in section["tie_models"].items()
    }
    return [
        {
            "model": row["model"],
            "plain": row,
            "bootstrap": drawn.get(row["model"]),
            "davidson": ties["davidson"].get(row["model"]),
            "rao_kupper": ties["rao_kupper"].get(row["model"]),
        }
        for row in board
    ]


def _parts(kind: str, section: Row) -> Parts:
    found = section["parts"][kind]
    lines = []
    for row in found["rows"]:
        reading, hue = ranking_words.part_reading(row)
        name = f"Round {row['value']}" if kind == "round" else row["value"]
        leader = row["board"][0] if row["board"] else None
        most = ranking_words.largest_difference(row)
        points = limits = ""
        if most is not None:
            apart = most["difference"]
            points = ranking_words.signed(apart["value"])
            limits = " to ".join(ranking_words.signed(apart[end]) for end in ("low", "high"))
        lines.append(
            PartLine(
                name,
                row,
                leader,
                most,
                points,
                limits,
                ranking_words.part_remark(row),
                reading,
                hue,
            )
        )
    by_part = [{line["model"]: line for line in one.row["board"]} for one in lines]
    names = list(dict.fromkeys(line["model"] for one in lines for line in one.row["board"]))
    return Parts(
        kind,
        lines,
        [(name, [board.get(name) for board in by_part]) for name in sorted(names)],
        found["not_shown"],
        found.get("why", ""),
        part_table(kind, found["rows"]),
    )


def _charts(board: Sequence[Row], section: Row, scale: OneScale) -> tuple[Chart, ...]:
    plain = {row["model"]: row for row in board}
    both = [
        Both(row["model"], _placed(plain[row["model"]]), _placed(row))
        for row in section["style"]["rows"][:DRAWN]
        if row["model"] in plain
    ]
    title = "Scores with and without control of style"
    drawn = boards_chart(both, key="boards", title=title, names=("Plain", "style-controlled"))
    return (
        Chart("boards", title, drawn, section["style"].get("why", "")),
        Chart(
            "rounds",
            "Model scores over rounds",
            score_chart(scale, (), key="scores"),
            scale.why or "A curve needs two rounds with scores.",
        ),
    )


def _placed(row: Row) -> Placed:
    return Placed(row["elo"], row["low"], row["high"])


def _made(section: Row) -> tuple[tuple[str, str], ...]:
    drawn = section["bootstrap"]
    graph = (
        "connected"
        if section["is_connected"]
        else f"{len(section['components'])} parts that no wins connect both ways"
    )
    return (
        (
            "In the ranking",
            f"{section['judgment_count']:,} judgments on {section['item_count']:,} items;"
            " a tie, or both bad, is half a win to each",
        ),
        ("Win graph", graph),
        ("Bootstrap", f"{drawn['draws']:,} draws of items, seed 1927"),
    )


SECTION: Final = Section(
    "ranking", "Ranking", "labeling/campaign_report_ranking.html", read, needs=NEEDS
)
