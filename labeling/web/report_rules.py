"""`/campaigns/<slug>/report/rules/`: what each rule would export, and where the rules part."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from labeling.charts.arms import Share, shares_chart
from labeling.charts.axes import Axis
from labeling.charts.markup import Svg
from labeling.web.report_rules_words import DEFINITIONS, NAMES
from labeling.web.report_shell import (
    ESTIMATE_COLUMNS,
    NOT_YET,
    Asked,
    Chart,
    Definition,
    Section,
    Shown,
    Table,
    cells,
)
from labeling.web.whiskers import axis_of, per_cent, span, whisker_of

Row = Mapping[str, Any]
SHOWN_RATERS: Final = 12
# Fewer items with a known answer than this tell no two rules apart.
ENOUGH_KNOWN: Final = 30
# A pull of less, in logits, changes hardly an answer.
NOTABLE: Final = 0.5
ANSWERS: Final = {"a": "A", "tie": "tie", "b": "B"}


@dataclass(frozen=True)
class Line:
    """A rule's line of the table."""

    definition: Definition
    row: Row
    certainty: Svg


@dataclass(frozen=True)
class RaterLine:
    """A rater's line of the table of reliability."""

    name: str
    row: Row
    whisker: Svg


def read(asked: Asked) -> Shown:
    """The rules' rows, the items where they part, raters by the joint model."""
    found: Row = asked.body.get("rules", {})
    rows: Sequence[Row] = found.get("rows", ())
    known = {one.key: one for one in DEFINITIONS}
    raters = _raters(asked.body)
    axis = _axis([row["reliability"] for row in raters])
    ends = [*raters[: SHOWN_RATERS // 2], *raters[SHOWN_RATERS // 2 :][-(SHOWN_RATERS // 2) :]]
    differing: Sequence[Row] = found.get("differing", ())
    certainty = _axis([row["certainty"] for row in rows])
    chart, what = _chart(rows)
    return Shown(
        context={
            "lines": [
                Line(
                    known[row["rule"]],
                    row,
                    whisker_of(NAMES[row["rule"]], row["certainty"], certainty, say=per_cent),
                )
                for row in rows
            ],
            "certainty_span": span(certainty.low, certainty.high, per_cent),
            "words": reading(found) if rows else [],
            "chart_of": what,
            "differing": [_item(row) for row in differing],
            "differing_count": found.get("differing_count", 0),
            "model": found.get("model"),
            "leanings": [
                (known[key], found["model"][key])
                for key in ("side", "length", "longer_better")
                if key in found.get("model", {})
            ],
            "raters": [
                RaterLine(row["rater"], row["reliability"], _of_rater(row, axis)) for row in ends
            ],
            "rater_count": len(raters),
            "rater_span": span(axis.low, axis.high, per_cent),
        },
        tables=(
            Table(
                "rules",
                "What each rule would export",
                (
                    *("rule", "items", "sides", "ties", "other_side", "new_side", "new_tie"),
                    *("figure", *ESTIMATE_COLUMNS),
                ),
                list(_rule_rows(rows)),
            ),
            Table(
                "items",
                "Items where rules part",
                (
                    *("comparison_id", "model_a", "model_b", "votes_a", "votes_tie", "votes_b"),
                    *NAMES,
                    *("chance_a_dawid_skene", "chance_a_bradley_terry", "chance_a_soft", "margin"),
                ),
                [_item_row(row) for row in differing],
            ),
            Table(
                "raters",
                "Raters by the joint model",
                ("rater", *ESTIMATE_COLUMNS),
                [(row["rater"], *cells(row["reliability"])) for row in raters],
            ),
        ),
        charts=(
            Chart(
                "right",
                what,
                chart,
                "No rule names a side yet.",
            ),
        ),
        definitions=DEFINITIONS,
        made=_made(found),
    )


def reading(found: Row) -> list[str]:
    """What the rules come to, in sentences a manager can act on."""
    by_rule = {row["rule"]: row for row in found["rows"]}
    majority, joint = by_rule["majority"], by_rule["bradley_terry"]
    if not majority["items"]:
        return ["No comparison has a judgment by a person yet, so no rule has anything to say."]
    said = []
    other = joint["other_side"] + joint["new_tie"]
    if majority["ties"]:
        named, ties = joint["new_side"], majority["ties"]
        where = "it" if ties == 1 else "all of them" if named == ties else f"{named:,} of them"
        said.append(
            f"The majority leaves {_items(ties)} as a tie, which a layout of pairs drops; the joint"
            f" model {f'names a side on {where}' if named else 'names no side there either'}."
        )
    if sides := majority["sides"]:
        agrees = "there is one" if sides == 1 else f"all {sides:,}"
        said.append(
            "Where the majority names a side, the joint model "
            + (
                f"says otherwise on {other:,} of {_items(sides)}."
                if other
                else f"says the same: {agrees}."
            )
        )
    model = found.get("model")
    pull = model["length"] if model else NOT_YET
    if (
        pull["value"] is not None
        and abs(pull["value"]) > NOTABLE
        and pull["low"] * pull["high"] > 0
    ):
        said.append(
            f"Votes lean towards the {'longer' if pull['value'] > 0 else 'shorter'} answer beyond"
            " quality. The joint model takes that out, which is part of why it says otherwise: read"
            " some of the items below before you let it."
        )
    said.append(_by_known(by_rule))
    if model and not (model["is_converged"] and model["dawid_skene_is_converged"]):
        said.append(
            "The fit had not settled within its steps: the last digits of these figures may move."
        )
    return said


def _by_known(by_rule: Mapping[str, Row]) -> str:
    """Which rule is right most often where that can be told, or why it cannot."""
    majority = by_rule["majority"]["gold"]
    if majority["value"] is None:
        return (
            "There is no known answer to hold the rules against: with some, this page could say"
            " which is right more often."
        )
    n = majority["n"]
    if n < ENOUGH_KNOWN:
        return (
            f"Only {_items(n)} with a known answer {'was' if n == 1 else 'were'} judged: too few to"
            " tell the rules apart. Where they part little, the majority is the easiest to explain."
        )
    rules = ("dawid_skene", "bradley_terry")
    best = max(rules, key=lambda rule: by_rule[rule]["gold"]["value"])
    gold = by_rule[best]["gold"]
    if gold["low"] > majority["value"] and gold["value"] > majority["high"]:
        return (
            f"On known answers {NAMES[best]} is right in {per_cent(gold['value'])}, the majority"
            f" in {per_cent(majority['value'])}: more than chance explains, so {NAMES[best]} is"
            " the better rule here."
        )
    if majority["low"] > gold["value"] and majority["value"] > gold["high"]:
        return (
            f"On known answers the majority is right in {per_cent(majority['value'])},"
            f" {NAMES[best]} in {per_cent(gold['value'])}: keep the majority."
        )
    return (
        f"On {_items(n)} with a known answer the rules are right about equally often"
        f" ({per_cent(majority['value'])} and {per_cent(gold['value'])}, within each other’s"
        " intervals): choose by what you want of ties and of certainty."
    )


def _chart(rows: Sequence[Row]) -> tuple[Svg, str]:
    """Each rule's share of right answers, or where none is known how certain it is of itself."""
    for figure, title in (
        ("gold", "Right on known answers"),
        ("reviewers", "Same side as the reviewer"),
        ("certainty", "Mean certainty"),
    ):
        shares = [
            Share(NAMES[row["rule"]], row[figure]["value"], row[figure]["low"], row[figure]["high"])
            for row in rows
            if row[figure]["value"] is not None and row[figure]["low"] is not None
        ]
        if shares:
            drawn = shares_chart(
                shares, reference=0.5, reference_name="by lot", key="rules-right", title=title
            )
            return drawn, title
    return Svg(), "Right on known answers"


def _raters(body: Row) -> list[Row]:
    """Raters with a figure, the most reliable first."""
    rows = [
        row
        for row in body.get("raters", ())
        if (row.get("reliability") or NOT_YET)["value"] is not None
    ]
    return sorted(rows, key=lambda row: (-row["reliability"]["value"], row["rater"]))


def _item(row: Row) -> dict[str, Any]:
    """An item where rules part, as the page says it."""
    return {
        "id": row["comparison_id"],
        "models": (row["model_a"] or "A", row["model_b"] or "B"),
        "counts": row["counts"],
        "answers": [
            (NAMES[rule], ANSWERS[row["answers"][rule]], row["answers"][rule])
            for rule in ("majority", "dawid_skene", "bradley_terry")
        ],
        "soft": row["probability"]["soft"],
        "margin": row["margin"],
    }


def _item_row(row: Row) -> tuple[Any, ...]:
    counts, chances = row["counts"], row["probability"]
    return (
        *(row["comparison_id"], row["model_a"], row["model_b"]),
        *(counts["a"], counts["tie"], counts["b"]),
        *(row["answers"][rule] for rule in NAMES),
        *(chances["dawid_skene"], chances["bradley_terry"], chances["soft"], row["margin"]),
    )


def _rule_rows(rows: Sequence[Row]) -> Iterator[tuple[Any, ...]]:
    for row in rows:
        counts = [
            row[name]
            for name in ("rule", "items", "sides", "ties", "other_side", "new_side", "new_tie")
        ]
        for figure in ("differs", "certainty", "gold", "reviewers"):
            yield (*counts, figure, *cells(row[figure]))


def _made(found: Row) -> list[tuple[str, str]]:
    model = found.get("model")
    if not model:
        return []
    settled = "settled" if model["is_converged"] else "had not settled"
    return [
        ("Votes", "the first vote of each person on an item; LLM judges stay out"),
        ("Weighing", "raters are learnt from items without a known answer, and know of none"),
        (
            "Joint model",
            f"{settled} after {model['iterations']} steps, log-likelihood"
            f" {model['log_likelihood']:,.1f}; ties ν = {model['tie_nu']:.2f}, closeness"
            f" {model['tie_closeness']:.2f}".replace("-", "−"),
        ),
    ]


def _of_rater(row: Row, axis: Axis) -> Svg:
    return whisker_of(row["rater"], row["reliability"], axis, say=per_cent, reference=0.5)


def _axis(rows: Iterable[Row]) -> Axis:
    return axis_of(rows, step=0.1, without=(0, 1), within=(0, 1))


def _items(count: int) -> str:
    return f"{count:,} item{'' if count == 1 else 's'}"


SECTION: Final = Section(
    "rules", "Rules", "labeling/campaign_report_rules.html", read, needs=("rules",)
)
