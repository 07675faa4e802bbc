"""The tables of the page of groups, as files: every attribute, whichever the page shows."""

from collections.abc import Iterator, Mapping
from typing import Any

from labeling.web.report_shell import ESTIMATE_COLUMNS, Table, cells

Row = Mapping[str, Any]
KINDS = {"noted": "", "skill": "skill ", "language": "language "}


def attribute_title(row: Row) -> str:
    """What raters are told apart by, as pages and files call it."""
    return f"{KINDS.get(row['kind'], '')}{row['attribute']}"


def tables(body: Row) -> tuple[Table, ...]:
    """Everything that is known of groups, of rules and of disagreement."""
    rows = [row for row in body.get("groups", []) if "groups" in row]
    return (
        Table(
            "boards",
            "Boards by group",
            (
                "attribute",
                "group",
                "raters",
                "model",
                "elo",
                "low",
                "high",
                "judgments",
                "rank_low",
                "rank_high",
                "note",
            ),
            list(_boards(rows)),
        ),
        Table(
            "gaps",
            "Largest gap of each model",
            ("attribute", "model", "higher_in", "lower_in", "chance", "q", *ESTIMATE_COLUMNS),
            [
                (
                    attribute_title(row),
                    one["model"],
                    one["higher_in"],
                    one["lower_in"],
                    one["chance"],
                    one["q"],
                    *cells(one["gap"]),
                )
                for row in rows
                for one in row["gaps"]
            ],
        ),
        Table(
            "items",
            "Items where groups differ",
            (
                "attribute",
                "comparison_id",
                "model_a",
                "model_b",
                "group",
                "mean",
                "votes",
                "share_a",
                "share_a_low",
                "share_a_high",
                "other_group",
                "other_mean",
                "other_votes",
                "other_share_a",
                "other_share_a_low",
                "other_share_a_high",
                "chance",
                "q",
                *ESTIMATE_COLUMNS,
            ),
            list(_items(rows)),
        ),
        Table(
            "rules",
            "Models by three rules",
            ("attribute", "model", "rule", "rank", "elo", "low", "high", "lowest_in"),
            [
                (
                    attribute_title(row),
                    one["model"],
                    rule,
                    *(one[rule][key] for key in ("rank", "elo", "low", "high")),
                    one["worst_in"],
                )
                for row in rows
                for one in row["rules"]["models"]
                for rule in ("pooled", "balanced", "maximin")
            ],
        ),
        Table(
            "labels",
            "Labels by three rules",
            (
                "attribute",
                "rule",
                "items",
                "a",
                "b",
                "undecided",
                "changed",
                "turned",
                "group",
                *(f"served_{name}" for name in ESTIMATE_COLUMNS),
            ),
            [
                (
                    attribute_title(row),
                    one["rule"],
                    row["rules"]["labels"]["item_count"],
                    *(one[key] for key in ("a", "b", "undecided")),
                    one["changed_count"],
                    one["turned_count"],
                    served["group"],
                    *cells(served),
                )
                for row in rows
                for one in row["rules"]["labels"]["rows"]
                for served in one["served"]
            ],
        ),
        Table(
            "disagreement",
            "Taste, noise and how votes split",
            ("attribute", "figure", *ESTIMATE_COLUMNS),
            list(_disagreement(body, rows)),
        ),
        Table(
            "clauses",
            "Guideline clauses",
            ("clause", "title", "citations", "raters", "comparisons", "figure", *ESTIMATE_COLUMNS),
            [
                (
                    one["clause"],
                    one["title"],
                    one["citations"],
                    one["raters"],
                    one["comparisons"],
                    figure,
                    *cells(one[figure]),
                )
                for one in body.get("clauses") or []
                for figure in ("share", "alpha", "longer", "both_sides")
            ],
        ),
    )


def _boards(rows: list[Row]) -> Iterator[tuple[Any, ...]]:
    for row in rows:
        for group in row["groups"]:
            for one in group["board"]:
                yield (
                    *(attribute_title(row), group["group"], group["raters"], one["model"]),
                    *(one[key] for key in ("elo", "low", "high", "judgment_count")),
                    *(one["rank_low"], one["rank_high"], group.get("why", "")),
                )


def _items(rows: list[Row]) -> Iterator[tuple[Any, ...]]:
    for row in rows:
        for one in row["items"]["rows"]:
            sides: list[Any] = []
            for group in one["groups"]:
                share = group["share_a"]
                sides += [group["group"], group["mean"], group["n"]]
                sides += [share["value"], share["low"], share["high"]]
            yield (
                *(attribute_title(row), one["comparison_id"], one["model_a"], one["model_b"]),
                *(*sides, one["chance"], one["q"], *cells(one["difference"])),
            )


def _disagreement(body: Row, rows: list[Row]) -> Iterator[tuple[Any, ...]]:
    found = body.get("disagreement") or {"taste": {}, "kinds": {}}
    for name, one in {**found["taste"], **found["kinds"]}.items():
        yield ("", name, *cells(one))
    for row in rows:
        for name, one in row["alike"].items():
            yield (attribute_title(row), name, *cells(one))
