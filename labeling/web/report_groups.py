"""`/campaigns/<slug>/report/groups/`: where groups of raters differ, and how raters do at all."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from labeling.charts.axes import Axis
from labeling.charts.intervals import Interval, intervals_chart
from labeling.charts.markup import Svg
from labeling.metrics.group_gaps import RULES
from labeling.queries.votes import comparisons, judged
from labeling.web.report_group_files import attribute_title, tables
from labeling.web.report_shell import NOT_YET, Asked, Chart, Definition, Section, Shown
from labeling.web.whiskers import axis_of, span, two_decimals, whisker_of, whole

Row = Mapping[str, Any]
# Models of the chart: those whose gap is surest.
DRAWN: Final = 12
NO_GAP: Final = "No two groups that may be shown have strengths for the same models."
# At least so high must the lower limit of alpha be for a clause to count as clear, and so many
# comparisons stand behind it (labeling.metrics.clauses.ENOUGH_ITEMS).
TWO_WAYS: Final = 0.2
ENOUGH: Final = 10
RULE_WORDS: Final = {
    "pooled": "Pooled",
    "balanced": "Every group alike",
    "maximin": "Worst-off group",
}
KIND_WORDS: Final = {
    "unanimous": "All alike",
    "lone_dissent": "One against the rest",
    "near_even": "Near-even split",
    "between": "In between",
}
DEFINITIONS: Final = (
    Definition(
        "board",
        "Strength",
        "Bradley–Terry on the Elo scale from the judgments of the group alone, 1000 being the mean"
        " of its models. The limits allow for judgments of one item being alike and for those of"
        " one rater being alike: they speak of people like these.",
        "Bradley and Terry 1952; Cameron, Gelbach and Miller 2011",
    ),
    Definition(
        "gap",
        "Largest gap",
        "The two groups that put the model farthest apart, in Elo points about the mean of the"
        " models that all groups judged. The interval allows for that pair having been picked.",
        "Bonferroni; Welch 1947",
    ),
    Definition(
        "q",
        "q",
        "Of what has a q below 0.05, at most one in twenty is expected to be chance.",
        "Benjamini and Hochberg 1995",
    ),
    Definition(
        "item-difference",
        "Difference",
        "Mean verdict of one group less that of the other on this comparison. The chance behind q"
        " is that of the same votes being dealt out to the two groups so unevenly by lot.",
        "permutation test: Fisher 1935, Pitman 1937",
    ),
    Definition(
        "soft",
        "would choose A",
        "A soft label: how many raters of the group would choose A, ties half. The mean of"
        " Beta(1 + votes for A, 1 + votes for B).",
        "Gelman et al. 2013, § 2.1",
    ),
    Definition(
        "pooled",
        "Pooled",
        "Every judgment counts the same, whoever gave it. The largest group decides most.",
    ),
    Definition(
        "balanced",
        "Every group alike",
        "The mean of the groups: a small group counts as much as a large one. Raters in no group"
        " have no say.",
    ),
    Definition(
        "maximin",
        "Worst-off group",
        "What is best for the group that likes it least. It takes strengths of different groups to"
        " be comparable, which no vote can show.",
        "Rawls 1971; Sen 1970; Chakraborty et al. 2024",
    ),
    Definition(
        "served",
        "gets its own choice",
        "The mean share of the group's own votes that agree with the label; half where the label is"
        " undecided. Labels are made from the same votes, which flatters all rules.",
    ),
    Definition(
        "taste",
        "Taste and noise",
        "Raters who meet an item again do not always answer as before. That share of the"
        " disagreement between raters is noise; what is left is that they want different things.",
        "law of total variance",
    ),
    Definition(
        "alike",
        "Same group, same answer",
        "How often two raters of one group agree on an item, beside two of different groups.",
    ),
    Definition(
        "opposite",
        "For both sides",
        "Items where one rater cites the clause for A and another cites it for B. A high share"
        " means that the clause can be read two ways.",
    ),
)


def read(asked: Asked) -> Shown:
    """The page's content."""
    body = asked.body
    rows: list[Row] = [row for row in body.get("groups", []) if "attribute" in row]
    comparable = [row for row in rows if "groups" in row]
    wanted = asked.query.get("by", "")
    row = next((one for one in comparable if attribute_title(one) == wanted), None) or next(
        iter(comparable), None
    )
    context: dict[str, Any] = {
        "choices": [attribute_title(one) for one in comparable],
        "by": attribute_title(row) if row else "",
        "withheld_whole": [(attribute_title(one), one["why"]) for one in rows if "why" in one],
        "why_no_groups": "" if row else _why(asked, rows),
        "disagreement": _disagreement(body),
        "clauses": _clauses(body),
        "why_no_clauses": (body.get("why") or {}).get("clauses", ""),
        "alpha": body.get("agreement", {}).get("krippendorff_alpha_ordinal", NOT_YET),
    }
    gaps: list[Row] = []
    if row:
        gaps = row["gaps"]
        context |= _boards(body, row) | {
            "row": row,
            "items": _items(asked, row),
            "rules": _rules(row),
            "label_rows": [
                (RULE_WORDS[one["rule"]], one) for one in row["rules"]["labels"]["rows"]
            ],
            "reading": _reading(row),
        }
    chart = intervals_chart(
        [
            Interval(
                f"{one['model']}: {one['higher_in']} above {one['lower_in']}",
                *(one["gap"][key] for key in ("value", "low", "high")),
            )
            for one in gaps[:DRAWN]
        ],
        reference=0.0,
        key="gaps",
        title="Where groups put a model farthest apart, in Elo points",
    )
    by = f" by {attribute_title(row)}" if row else ""
    return Shown(
        context=context,
        tables=tables(body),
        charts=(Chart("gaps", f"Largest gap between groups{by}, Elo points", chart, NO_GAP),),
        definitions=DEFINITIONS,
        made=_made(row) if row else (),
    )


def _why(asked: Asked, rows: Sequence[Row]) -> str:
    if rows:
        return "No attribute has two groups large enough to be shown."
    why: str = (asked.body.get("why") or {}).get("groups", "")
    return why


def _made(row: Row) -> list[tuple[str, str]]:
    return [
        ("Groups", f"by {attribute_title(row)}; none of fewer than {row['smallest_group']} raters"),
        ("Intervals", f"{row['interval']}; gaps and rules about the mean of the models in common"),
    ]


def _boards(body: Row, row: Row) -> dict[str, Any]:
    """The table of boards: a line for each model, in the leaderboard's order."""
    groups = row["groups"]
    axis = axis_of(
        (one for group in groups for one in group["board"]), step=50, without=(900, 1100)
    )
    by_model = [{one["model"]: one for one in group["board"]} for group in groups]
    gaps = {one["model"]: one for one in row["gaps"]}
    order = [one["model"] for one in body.get("leaderboard", [])]
    known = {model for board in by_model for model in board}
    lines = []
    for model in [model for model in order if model in known]:
        cells = [
            (one, _of_board(f"{model}, {group['group']}:", one, axis) if one else Svg())
            for group, board in zip(groups, by_model, strict=True)
            for one in (board.get(model),)
        ]
        lines.append((model, cells, gaps.get(model)))
    return {"lines": lines, "groups": groups, "span": span(axis.low, axis.high, whole)}


def _of_board(name: str, one: Row, axis: Axis) -> Svg:
    return whisker_of(name, one, axis, say=whole, reference=1000.0, at="elo")


def _limits(estimate: Row) -> str:
    return span(estimate["low"], estimate["high"], whole)


def _reading(row: Row) -> list[str]:
    """What a careful reader would take from the boards."""
    gaps = row["gaps"]
    if not gaps:
        return [row.get("why_no_gaps", NO_GAP)]
    found = [one for one in gaps if one["is_found"]]
    said = []
    for one in found[:3]:
        said.append(
            f"{one['higher_in']} put {one['model']} higher than {one['lower_in']} do, by"
            f" {one['gap']['value']:,.0f} points ({_limits(one['gap'])})."
        )
    if len(found) > 3:
        said.append(f"So it is with {len(found) - 3} more, in the table.")
    if not found:
        said.append("No model differs between groups by more than chance explains.")
    said.append(
        f"{len(gaps)} model{'' if len(gaps) == 1 else 's'} tested, Benjamini–Hochberg at 5 %. That"
        " nothing was found does not say that groups agree: the intervals say how far apart they"
        " could be."
    )
    return said


def _items(asked: Asked, row: Row) -> list[tuple[Any, Row]]:
    """The items with their comparisons; one that is gone since the report is left out."""
    rows = row["items"]["rows"]
    ids = [one["comparison_id"] for one in rows]
    found = {
        str(one.comparison.public_id): one
        for one in judged(comparisons(asked.campaign).filter(public_id__in=ids))
    }
    return [(found[one["comparison_id"]], one) for one in rows if one["comparison_id"] in found]


def _rules(row: Row) -> list[tuple[str, list[Row], str]]:
    """Each model with its places by the three rules."""
    return [
        (one["model"], [one[rule] for rule in RULES], one["worst_in"])
        for one in row["rules"]["models"]
    ]


def _disagreement(body: Row) -> dict[str, Any] | None:
    found = body.get("disagreement")
    if not found:
        return None
    return {
        **found["taste"],
        "kinds": [(words, found["kinds"][name]) for name, words in KIND_WORDS.items()],
    }


def _clauses(body: Row) -> list[tuple[Row, Svg, str, str]]:
    rows: Sequence[Row] = body.get("clauses") or []
    alphas = [one["alpha"] for one in rows]
    axis = axis_of(alphas, step=0.1, without=(0, 1), around=(0, 1), within=(-1, 1))
    of_all = body.get("agreement", {}).get("krippendorff_alpha_ordinal", NOT_YET)["value"]
    return [(one, _of_alpha(one, axis, of_all), *_clause_reading(one)) for one in rows]


def _of_alpha(one: Row, axis: Axis, whole_alpha: float | None) -> Svg:
    return whisker_of("", one["alpha"], axis, say=two_decimals, reference=whole_alpha)


def _clause_reading(one: Row) -> tuple[str, str]:
    both = one["both_sides"]
    if both["value"] is None or both["n"] < ENOUGH:
        return "Too few to say", ""
    if both["low"] > TWO_WAYS or (both["value"] > TWO_WAYS and one["is_most_ambiguous"]):
        return "Read two ways", "warn"
    if both["high"] < 2 * TWO_WAYS:
        return "Clear", "ok"
    return "Open", ""


SECTION: Final = Section(
    "groups",
    "Groups and clauses",
    "labeling/campaign_report_groups.html",
    read,
    needs=("disagreement",),
)
