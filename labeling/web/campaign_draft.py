"""The settings of a campaign as one form: fields, and rows of criteria, skills and arms.

What is typed becomes the JSON that actions take; their rules are theirs alone, and what they refuse
is put beside the field it is about.
"""

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

from django import forms
from django.http import QueryDict
from django.utils.text import slugify

from labeling.errors import FieldProblem, LabelingError
from labeling.policy import read_policy
from labeling.queries.readiness import Setup, setup_from
from labeling.schemas import (
    read_presentation,
    read_requirements,
    read_schema,
)
from labeling.web.settings_form import ArmForm, CriterionForm, SettingsForm, SkillForm, as_percent

# The choice that means the campaign itself; no slug looks like it.
OWN = "*own"
MOST_ROWS = 40
if TYPE_CHECKING:
    Rows: TypeAlias = forms.BaseFormSet[Any]
else:
    # Generic to the type checker alone.
    Rows = forms.BaseFormSet
Criteria = forms.formset_factory(CriterionForm, extra=1, max_num=MOST_ROWS, absolute_max=MOST_ROWS)
Skills = forms.formset_factory(SkillForm, extra=1, max_num=MOST_ROWS, absolute_max=MOST_ROWS)
Arms = forms.formset_factory(ArmForm, extra=1, max_num=MOST_ROWS, absolute_max=MOST_ROWS)
# Fields of the form by what the actions call them, where the two differ.
ELSEWHERE = {
    "lease_seconds": "lease_minutes",
    "policy.pause_rule": "pause_rule",
    "policy.pause_rule.in_a_row": "pause_in_a_row",
    "policy.pause_rule.seconds": "pause_seconds",
}
SCHEMA_FIELDS = (
    "tie",
    "both_bad",
    "rationale",
    "edit_winner",
    "steps",
    "clauses",
    "absolute_quality",
)


class Draft:
    """What a manager has typed so far, or what is stored: fields and rows, read as settings."""

    def __init__(
        self,
        data: QueryDict | None,
        *,
        initial: Mapping[str, Any],
        qualifications: list[tuple[str, str]],
        slug: str = "",
        is_looked_at: bool = False,
    ) -> None:
        if data is not None:
            data = _with_more_rows(data)
        self.slug = slug
        values = initial_of(initial, slug)
        self.form = SettingsForm(data, initial=values["form"], qualifications=qualifications)
        # What is only looked at needs no name yet.
        self.form.fields["name"].required = not is_looked_at
        self.criteria = Criteria(data, initial=values["criteria"], prefix="criteria")
        self.skills = Skills(data, initial=values["skills"], prefix="skills")
        self.arms = Arms(data, initial=values["arms"], prefix="arms")

    @property
    def row_sets(self) -> tuple[Rows, Rows, Rows]:
        return (self.criteria, self.skills, self.arms)

    def is_valid(self) -> bool:
        """Whether every field can be read; what it means is for the action to judge."""
        is_read = all([self.form.is_valid(), *(rows.is_valid() for rows in self.row_sets)])
        if is_read:
            self._refuse_twins()
        return is_read and not self.has_errors

    @property
    def has_errors(self) -> bool:
        return bool(self.form.errors) or any(
            any(rows.errors) or rows.non_form_errors() for rows in self.row_sets
        )

    def _refuse_twins(self) -> None:
        for rows, name in ((self.criteria, "label"), (self.skills, "name")):
            seen = set()
            for row in self._kept(rows):
                said = row.cleaned_data[name].strip().casefold()
                if said in seen:
                    row.add_error(name, "Two rows have the same name; give each its own.")
                seen.add(said)

    def arguments(self) -> dict[str, Any]:
        """What `create_campaign` and `update_campaign` take."""
        data = self.form.cleaned_data
        return {
            "name": data["name"],
            "description": data["description"].replace("\r\n", "\n"),
            "attribution": data["attribution"],
            "overlap": data["overlap"],
            "lease_seconds": max(1, round(data["lease_minutes"] * 60)),
            "schema": self._schema(data),
            "presentation": {"arms": [row.arm() for row in self._kept(self.arms)]},
            "requirements": self._requirements(data),
            "policy": _policy(data),
        }

    def setup(self) -> Setup:
        """The settings as typed values. InvalidInputError where they break a rule."""
        return setup_from(self.arguments())

    def refuse(self, error: LabelingError) -> None:
        """Put what an action refused beside the fields it is about, or above the form."""
        for problem in error.problems or [FieldProblem("", error.message)]:
            self._place(problem)

    def _place(self, problem: FieldProblem) -> None:
        rows, field = self._rows_of(problem.field)
        if rows is not None:
            kept = self._kept(rows)
            place = re.match(r"\[(\d+)\]\.?(\w*)", field)
            if place and int(place[1]) < len(kept):
                row = kept[int(place[1])]
                row.add_error(place[2] if place[2] in row.fields else None, problem.message)
            elif named := re.match(r"\.(.+)", field):
                wanted = named[1].strip("[]")
                row = next((one for one in kept if one.cleaned_data["name"] == wanted), None)
                (row.add_error("level", problem.message) if row else self._above(problem))
            else:
                self._above(problem)
            return
        name = ELSEWHERE.get(problem.field, problem.field.rpartition(".")[2].partition("[")[0])
        if name in self.form.fields:
            self.form.add_error(name, problem.message)
        else:
            self._above(problem)

    def _above(self, problem: FieldProblem) -> None:
        head = problem.field.rpartition(".")[2]
        told = f"{head.capitalize()}: {problem.message}" if head else problem.message
        self.form.add_error(None, told)

    def _rows_of(self, field: str) -> tuple[Rows | None, str]:
        for start, rows in (
            ("schema.criteria", self.criteria),
            ("presentation.arms", self.arms),
            ("requirements.skills", self.skills),
        ):
            if field.startswith(start):
                return rows, field.removeprefix(start)
        return None, ""

    @staticmethod
    def _kept(rows: Rows) -> list[Any]:
        """The rows that say something, in their order."""
        return [row for row in rows if row.says_something()]

    def _schema(self, data: dict[str, Any]) -> dict[str, Any]:
        taken = {row.cleaned_data.get("key") for row in self._kept(self.criteria)}
        criteria = []
        for row in self._kept(self.criteria):
            criteria.append(row.criterion(taken))
            taken.add(criteria[-1]["key"])
        return {
            "scale": int(data["scale"]),
            "criteria": criteria,
            "min_rationale_chars": data["min_rationale_chars"] or 0,
            **{name: data[name] for name in SCHEMA_FIELDS},
        }

    def _requirements(self, data: dict[str, Any]) -> dict[str, Any]:
        qualification = data["qualification"] or None
        if qualification == OWN:
            # As the action makes it of the name where none is typed.
            qualification = self.slug or data["slug"] or slugify(data["name"])[:80]
        return {
            "skills": {
                row.cleaned_data["name"].strip(): row.share() for row in self._kept(self.skills)
            },
            "languages": [
                one.strip() for one in re.split(r"[,;\s]+", data["languages"]) if one.strip()
            ],
            "qualification": qualification,
            "gold_rate": _share(data["gold_rate"]) or 0,
            "repeat_rate": _share(data["repeat_rate"]) or 0,
            "daily_cap": data["daily_cap"],
            "campaign_cap": data["campaign_cap"],
            "identity": data["identity"],
        }


def _policy(data: dict[str, Any]) -> dict[str, Any]:
    rule = {"in_a_row": data["pause_in_a_row"], "seconds": data["pause_seconds"]}
    found: dict[str, Any] = {
        "budget": data["budget"],
        "pay_per_hour": data["pay_per_hour"],
        "gold_exposure_cap": data["gold_exposure_cap"],
        "pause_rule": {k: v for k, v in rule.items() if v is not None}
        if data["pause_rule"]
        else None,
        "agreement_floor": data["agreement_floor"],
        "erasure": data["erasure"],
        "telemetry_days": data["telemetry_days"],
    }
    for name, value in (
        ("currency", data["currency"].upper()),
        ("gold_bar", _share(data["gold_bar"])),
        ("smallest_group", data["smallest_group"]),
    ):
        if value not in (None, ""):
            found[name] = value
    return found


def _share(percent: float | None) -> float | None:
    """Per cent as a share, without the digits that binary fractions add."""
    return None if percent is None else round(percent / 100, 8)


def _plain(number: float | None) -> float | int | None:
    """The number without a fraction it does not have."""
    return int(number) if number is not None and number == int(number) else number


def _with_more_rows(data: QueryDict) -> QueryDict:
    """The data with one more row where a button asked for one (`more=arms`)."""
    asked = data.get("more", "")
    if asked not in {"criteria", "skills", "arms"}:
        return data
    data = data.copy()
    total = data.get(f"{asked}-TOTAL_FORMS", "")
    if total.isdigit() and int(total) < MOST_ROWS:
        data[f"{asked}-TOTAL_FORMS"] = str(int(total) + 1)
    return data


def initial_of(stored: Mapping[str, Any], slug: str = "") -> dict[str, Any]:
    """What the form shows of settings; what they leave out has its default."""
    schema = read_schema(stored.get("schema") or {})
    asked = read_requirements(stored.get("requirements") or {})
    policy = read_policy(stored.get("policy") or {})
    rule = policy.pause_rule
    minutes = (stored.get("lease_seconds") or 1800) / 60
    form: dict[str, Any] = {
        "name": stored.get("name", ""),
        "description": stored.get("description", ""),
        "attribution": stored.get("attribution", ""),
        "overlap": stored.get("overlap", 3),
        "lease_minutes": int(minutes) if minutes == int(minutes) else round(minutes, 3),
        "scale": str(schema.scale),
        "min_rationale_chars": schema.min_rationale_chars or None,
        **{name: getattr(schema, name) for name in SCHEMA_FIELDS},
        "languages": ", ".join(asked.languages),
        "qualification": OWN if slug and asked.qualification == slug else asked.qualification or "",
        "gold_rate": as_percent(asked.gold_rate),
        "repeat_rate": as_percent(asked.repeat_rate),
        "daily_cap": asked.daily_cap,
        "campaign_cap": asked.campaign_cap,
        "identity": asked.identity,
        "budget": policy.budget,
        "pay_per_hour": _plain(policy.pay_per_hour),
        "currency": policy.currency,
        "gold_exposure_cap": policy.gold_exposure_cap,
        "gold_bar": as_percent(policy.gold_bar),
        "pause_rule": rule is not None,
        "pause_in_a_row": rule.in_a_row if rule else None,
        "pause_seconds": _plain(rule.seconds) if rule else None,
        "smallest_group": policy.smallest_group,
        "agreement_floor": policy.agreement_floor,
        "erasure": policy.erasure,
        "telemetry_days": policy.telemetry_days,
    }
    return {
        "form": form,
        "criteria": [{"key": c.key, "label": c.label, "help": c.help} for c in schema.criteria],
        "skills": [
            {"name": name, "level": as_percent(level)} for name, level in asked.skills.items()
        ],
        "arms": [
            {
                "name": arm.name,
                "mode": arm.mode,
                "tokens_per_second": _plain(arm.tokens_per_second),
                "context": arm.context,
                "lock_until_shown": arm.lock_until_shown,
                "weight": _plain(arm.weight),
            }
            for arm in read_presentation(stored.get("presentation") or {}).arms
        ],
    }
