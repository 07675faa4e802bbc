"""The figures of the page of the ranking as tables to take away."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from labeling.metrics.one_scale import OneScale
from labeling.web.report_shell import ESTIMATE_COLUMNS, Table, cells

Row = Mapping[str, Any]
RANKED: Final = ("elo", "low", "high", "rank_low", "rank_high")
RECORD: Final = ("wins", "losses", "ties", "judgment_count")
LIMITS: Final = ("value", "low", "high")
DIFFERENCE: Final = (*LIMITS, "q")


def tables_of(board: Sequence[Row], section: Row, scale: OneScale) -> tuple[Table, ...]:
    """The boards, styles, other models, votes to turn and rounds; empty without a report."""
    style = section.get("style", {"rows": [], "coefficients": []})
    return (
        Table(
            "plain",
            "the plain board",
            ("model", "strength", *RANKED, *RECORD),
            [_picked(row, "model", "strength", *RANKED, *RECORD) for row in board],
        ),
        Table(
            "controlled",
            "the style-controlled board",
            ("model", "strength", *RANKED, "plain_elo", "change", "change_low", "change_high"),
            [
                (
                    *_picked(row, "model", "strength", *RANKED, "plain_elo"),
                    *_picked(row["change"], *LIMITS),
                )
                for row in style["rows"]
            ],
        ),
        Table(
            "styles",
            "what style adds",
            ("style", "sd", *ESTIMATE_COLUMNS),
            [(row["style"], row["sd"], *cells(row)) for row in style["coefficients"]],
        ),
        _ways(section),
        Table(
            "firmness",
            "votes to turn neighbours",
            ("upper", "lower", "votes", "share", "is_exact", "winner", "loser", "of_these"),
            [
                (
                    *_picked(flip, "upper", "lower", "count", "share", "is_exact"),
                    *_picked(part, "winner", "loser", "count"),
                )
                for flip in section.get("flips", {"rows": []})["rows"]
                for part in flip["removed"]
            ],
        ),
        Table(
            "rounds",
            "scores over rounds on the anchor’s scale",
            ("round", "model", "elo", "low", "high", "why"),
            [
                (one.number, score.model, score.elo, score.low, score.high, score.why)
                for one in scale.rounds
                for score in one.scores
            ],
        ),
    )


def _ways(section: Row) -> Table:
    """Models of ties, with their parameter, and items drawn again."""
    rows: list[tuple[Any, ...]] = []
    for key, model in section.get("tie_models", {}).items():
        rows += [(row["model"], key, *_picked(row, *RANKED), None) for row in model["rows"]]
        rows.append(
            (model["symbol"], key, *_picked(model["tie_parameter"], *LIMITS), None, None, None)
        )
    rows += [
        (row["model"], "bootstrap", None, *_picked(row, *RANKED[1:], "first"))
        for row in section.get("bootstrap", {"rows": []})["rows"]
    ]
    return Table(
        "other-models",
        "the same votes by models of ties and drawn again",
        ("model", "way", *RANKED, "first"),
        rows,
    )


def part_table(kind: str, rows: Sequence[Row]) -> Table:
    """The boards of the parts of one kind, a line for each model of each."""
    return Table(
        f"by-{kind}",
        f"boards by {kind}",
        (
            *(kind, "part_items", "part_judgments", "model", *RANKED, "model_judgments"),
            *(f"difference_{name}" for name in DIFFERENCE),
            "note",
        ),
        [
            (
                *_picked(row, "value", "item_count", "judgment_count"),
                *_picked(line, "model", *RANKED, "judgment_count"),
                *_picked(line.get("difference", {}), *DIFFERENCE),
                row.get("why") or row.get("note"),
            )
            for row in rows
            for line in (row["board"] or [{}])
        ],
    )


def _picked(row: Row, *names: str) -> tuple[Any, ...]:
    return tuple(row.get(name) for name in names)
