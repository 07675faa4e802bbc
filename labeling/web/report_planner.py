"""`/campaigns/<slug>/report/planner/`: how much is enough, other ways, and stopping now."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import urlencode

from django import forms

from labeling.charts.power import PowerLine, power_chart
from labeling.metrics.bradley_terry import ELO_PER_LOGIT
from labeling.metrics.planning import Answer, Study, answer_of, other_ways
from labeling.metrics.power import MOST_RATE, MOST_SD, gap_of, power, rate_reach
from labeling.queries.planner import Known, StoppingNow, known_of, stopping_now
from labeling.web.report_shell import (
    ESTIMATE_COLUMNS,
    Asked,
    Chart,
    Definition,
    Section,
    Shown,
    Table,
    cells,
)

POWERS: Final = (("70", "70 %"), ("80", "80 %"), ("90", "90 %"))
# Points of the chart's lines, and rows of its table, in parts of the planned judgments.
POINTS: Final = 25
ROWS: Final = (0.2, 0.4, 0.6, 0.8, 1.0, 1.5, 2.0)
# Win rates beside the one that is asked for: so many points nearer to a half, and further off.
BESIDE: Final = 0.02
WAY_COLUMNS: Final = (
    *("plan", "comparisons", "judgments", "hours", "hours_each", "cost", "win_rate_reach"),
    *("score_reach", "label_right", "days", "gives_up", "asked"),
)
DEFINITIONS: Final = (
    Definition(
        "power",
        "Power",
        "How probably a study of this size finds the difference, if it is there: that the 95 %"
        " interval of the win rate leaves out a half.",
        "Cohen 1988",
    ),
    Definition(
        "design",
        "Design effect",
        "Judgments of one item share its text, so the second one tells less than the first. By how"
        " much more are needed than independent ones: 1 + (raters an item − 1) × how alike two"
        " judgments of one item are.",
        "Kish 1965",
    ),
    Definition(
        "effects",
        "Item effects",
        "How far items differ in which of two models they suit: the standard deviation, in logits."
        " At 1 two judgments of one item are alike by 0.17, at 2 by 0.39.",
        "Hoeffding 1948; logistic normal",
    ),
    Definition(
        "label",
        "Label right",
        "How often the majority of an item’s raters is the side that most raters would prefer, if"
        " the models are equals on the whole.",
    ),
    Definition(
        "changes",
        "Would change",
        "From the votes an item has, what the missing ones may say: each answer as if it had been"
        " given once more than it was, then drawn on (Pólya’s urn).",
        "Dirichlet–multinomial",
    ),
    Definition(
        "weighted",
        "Win rates as if asked evenly",
        "Each comparison counts one over the chance that the rule gave it, so that a model is not"
        " judged by whom it happened to meet. Unbiased, and less sure where few rare ones weigh"
        " much.",
        "Horvitz and Thompson 1952; Hájek 1971",
    ),
)


class PlanForm(forms.Form):
    """What somebody wants to find out, and with what; all of it in the address."""

    models = forms.IntegerField(min_value=2, max_value=200, label="Models")
    effect = forms.FloatField(
        min_value=50.5, max_value=MOST_RATE * 100, label="Smallest win rate to find, per cent"
    )
    overlap = forms.IntegerField(min_value=1, max_value=15, label="Raters per comparison")
    raters = forms.IntegerField(min_value=1, max_value=100_000, label="Raters")
    sd = forms.FloatField(min_value=0, max_value=MOST_SD, label="Item effects, logits")
    power = forms.ChoiceField(choices=POWERS, label="Power")
    seconds = forms.FloatField(min_value=1, max_value=36_000, label="Seconds per judgment")
    price = forms.FloatField(
        min_value=0, max_value=10_000, required=False, label="Price per judgment"
    )
    ties = forms.FloatField(min_value=0, max_value=90, label="Ties, per cent")
    learns = forms.BooleanField(required=False, label="Uncertain pairs first")
    stops = forms.BooleanField(required=False, label="Stop an item when it is 80 % sure")

    def study(self) -> Study:
        """The study of a form that is valid."""
        data = self.cleaned_data
        return Study(
            models=data["models"],
            rate=data["effect"] / 100,
            overlap=data["overlap"],
            raters=data["raters"],
            item_sd=data["sd"],
            power=int(data["power"]) / 100,
            seconds=data["seconds"],
            price=data["price"],
            ties=data["ties"] / 100,
            learns=data["learns"],
            stops=data["stops"],
        )


@dataclass(frozen=True)
class WayLine:
    """A row of other ways: name, what it comes to and asks, its address, what is given up."""

    name: str
    answer: Answer
    study: Study
    address: str
    gives_up: str


def read(asked: Asked) -> Shown:
    """The page's content, for what the address asks or what the campaign suggests."""
    known = known_of(asked.campaign, asked.report)
    form, study = _asked(asked.query, known)
    answer = answer_of(study, per_day=known.per_day)
    ways = [
        WayLine(
            way.name,
            answer_of(way.study, per_day=known.per_day),
            way.study,
            "?" + urlencode(fields_of(way.study)),
            way.gives_up,
        )
        for way in other_ways(study)
    ]
    # The curve is of asking evenly: a rule that learns needs fewer for the order, not for a rate.
    even = answer_of(replace(study, learns=False))
    decisive = even.judgments_a_pair * (1 - study.ties)
    rates = _rates(study)
    rows = [
        (round(decisive * part), [power(rate, decisive * part, study.design) for rate in rates])
        for part in ROWS
    ]
    now = stopping_now(asked.body, known) if asked.body else None
    planning = asked.body.get("planning", {})
    win_rates = planning.get("win_rates", [])
    return Shown(
        context={
            "form": form,
            "is_refused": "models" in asked.query and not form.is_valid(),
            "known": known,
            "study": study,
            "answer": answer,
            "points": gap_of(study.rate, 0.0) * ELO_PER_LOGIT,
            "design": study.design,
            "ways": ways,
            "link": "?" + urlencode(fields_of(study)),
            "rates": [f"{rate * 100:.3g} %" for rate in rates],
            "rows": [(n, powers, rate_reach(n, study.design)) for n, powers in rows],
            "now": now,
            "reading": _reading(study, answer),
            "now_reading": _now_reading(now),
            "win_rates": win_rates,
            "win_rates_why": planning.get("why", {}).get("win_rates", ""),
        },
        tables=_tables(ways, rows, rates, study, win_rates),
        charts=(
            Chart(
                "power",
                f"Power against judgments of a pair: {_inputs(study, short=True)}",
                power_chart(
                    [_line(rate, decisive, study) for rate in rates],
                    judgments=decisive,
                    wanted=study.power,
                    key="planner-power",
                ),
                "There is nothing to draw.",
            ),
        ),
        definitions=DEFINITIONS,
        made=(
            ("Asked", _inputs(study)),
            (
                "Plan",
                "normal approximation, two-sided 5 %, variance ×"
                f" {study.design:.2f} for item effects of {study.item_sd:.1f} logits and"
                f" {study.votes_an_item:.1f} raters an item; checked by simulated studies"
                " (bench/choosing.py)",
            ),
        ),
    )


def fields_of(study: Study) -> dict[str, str]:
    """The study as the fields of the form, for an address; what is off is left out."""
    fields = {
        "models": str(study.models),
        "effect": f"{study.rate * 100:.4g}",
        "overlap": str(study.overlap),
        "raters": str(study.raters),
        "sd": f"{study.item_sd:.4g}",
        "power": f"{study.power * 100:.0f}",
        "seconds": f"{study.seconds:.4g}",
        "price": "" if study.price is None else f"{study.price:.4g}",
        "ties": f"{study.ties * 100:.4g}",
    }
    fields |= {name: "on" for name in ("learns", "stops") if getattr(study, name)}
    return fields


def _asked(query: Mapping[str, Any], known: Known) -> tuple[PlanForm, Study]:
    """The form of the address; where that makes no sense, what the campaign suggests."""
    suggested = fields_of(known.study)
    if "models" not in query:
        return PlanForm(suggested, auto_id="plan_%s"), known.study
    form = PlanForm(query, auto_id="plan_%s")
    return form, form.study() if form.is_valid() else known.study


def _rates(study: Study) -> list[float]:
    """The rate that is looked for between one that is harder and one that is easier to find."""
    step = min(BESIDE, (study.rate - 0.5) / 2)
    return [study.rate - step, study.rate, min(study.rate + step, 0.99)]


def _line(rate: float, decisive: float, study: Study) -> PowerLine:
    most = decisive * max(ROWS)
    at = [most * k / POINTS for k in range(POINTS + 1)]
    # With hardly any judgment it is 5 %: that of a difference that is not there.
    points = tuple((n, power(rate, max(n, 1e-9), study.design)) for n in at)
    return PowerLine(f"{rate * 100:.3g} %", points, is_asked=rate == study.rate)


def _tables(
    ways: list[WayLine],
    rows: list[tuple[int, list[float]]],
    rates: list[float],
    study: Study,
    win_rates: list[Mapping[str, Any]],
) -> tuple[Table, ...]:
    return (
        Table(
            "ways",
            "The plan and other ways to spend it",
            WAY_COLUMNS,
            [
                (
                    way.name,
                    way.answer.comparisons,
                    way.answer.judgments,
                    way.answer.hours,
                    way.answer.hours_each,
                    way.answer.cost,
                    way.answer.rate_reach,
                    way.answer.score_reach,
                    way.answer.label_right,
                    way.answer.days,
                    way.gives_up,
                    _inputs(way.study),
                )
                for way in ways
            ],
        ),
        Table(
            "power",
            "Power by decisive judgments of a pair of models",
            (
                "judgments_a_pair",
                *(f"power_{rate:.4g}" for rate in rates),
                "win_rate_reach",
                "asked",
            ),
            [(n, *powers, rate_reach(n, study.design), _inputs(study)) for n, powers in rows],
        ),
        Table(
            "win-rates",
            "Win rates as if all comparisons had been asked about alike",
            ("model", "form", "effective", *ESTIMATE_COLUMNS),
            [
                (
                    row["model"],
                    form,
                    row["effective"] if form == "weighted" else "",
                    *cells(row[form]),
                )
                for row in win_rates
                for form in ("plain", "weighted")
            ],
        ),
    )


def _inputs(study: Study, *, short: bool = False) -> str:
    """What the plan is made from, in words; for a title only what changes its curve."""
    said = [
        f"{study.models} models",
        f"win rate {study.rate * 100:.4g} %",
        f"{study.overlap} raters per comparison",
        f"item effects {study.item_sd:.4g}",
        f"power {study.power * 100:.0f} %",
    ]
    if not short:
        price = "no price" if study.price is None else f"{study.price:.4g} a judgment"
        said += [
            f"{study.raters:,} raters",
            f"{study.seconds:.4g} s a judgment",
            price,
            f"ties {study.ties * 100:.4g} %",
        ]
    said += ["uncertain pairs first"] * study.learns + ["stops when 80 % sure"] * study.stops
    return ", ".join(said)


def _reading(study: Study, answer: Answer) -> str:
    """The plan in a sentence."""
    what = "the two models" if study.models == 2 else f"each two of {study.models} models"
    how = "" if answer.days is None else f" At the present pace that takes {_days(answer.days)}."
    return (
        f"To tell a win rate of {study.rate * 100:.3g} % from a coin for {what},"
        f" {study.power * 100:.0f} times in a hundred, takes {answer.judgments:,} judgments.{how}"
    )


def _now_reading(now: StoppingNow | None) -> str:
    """What stopping would mean, in a sentence."""
    if now is None:
        return ""
    changes, unlabelled = round(now.open["expected_changes"]), now.open["unlabelled"]
    width = ""
    if now.reach_now is not None and now.reach_planned is not None:
        width = (
            f"Scores would stay within ± {now.reach_now:.0f} points instead of"
            f" ± {now.reach_planned:.0f}. "
        )
    return (
        f"{width}Of {now.open['comparisons']:,} comparisons that want more votes,"
        f" {unlabelled:,} would have no label, and about {changes:,} a label that the missing"
        " votes would have changed."
    )


def _days(days: float) -> str:
    return "less than a day" if days < 1 else f"{days:,.0f} day{'' if round(days) == 1 else 's'}"


SECTION: Final = Section(
    "planner", "Planner", "labeling/campaign_report_planner.html", read, needs=("planning",)
)
