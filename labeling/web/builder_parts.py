"""What the builder shows beside its fields: marks of sections, the rater's own dock, the plan."""

from dataclasses import dataclass
from typing import Any

from labeling.errors import InvalidInputError
from labeling.models import Campaign, Organisation
from labeling.queries.plan import Plan, plan_of
from labeling.queries.readiness import Setup, Warning, warnings_for
from labeling.rendering.messages import Conversation, render_messages
from labeling.rendering.reasoning import render_reasoning
from labeling.schemas import DEFAULT_ARM, SIDES, Arm
from labeling.web.answering import Answering, Clause, EditBox, OwnSide, StepRow
from labeling.web.campaign_draft import Draft
from labeling.web.forms import AnswerForm

TITLES = {
    "basics": "Name",
    "prompts": "Prompts",
    "models": "Models",
    "schema": "Schema",
    "people": "Raters",
    "look": "Presentation",
    "quality": "Quality",
    "policy": "Pay, privacy, budget",
    "danger": "Danger zone",
}
# In which section a field of the form, or a setting that a warning names, stands.
PLACES = {
    "basics": {"name", "slug", "description", "attribution"},
    "schema": {
        *("scale", "tie", "both_bad", "rationale", "min_rationale_chars", "edit_winner", "steps"),
        *("clauses", "absolute_quality", "schema.clauses"),
    },
    "people": {
        *("overlap", "lease_minutes", "languages", "qualification", "gold_rate", "repeat_rate"),
        *("daily_cap", "campaign_cap", "identity", "planned", "people", "requirements.skills"),
        *("requirements.languages", "requirements.qualification", "requirements.gold_rate"),
    },
    "look": {"presentation.arms"},
    "quality": {
        *("gold_exposure_cap", "gold_bar", "agreement_floor", "pause_rule", "pause_in_a_row"),
        "pause_seconds",
    },
    "policy": {
        *("budget", "pay_per_hour", "currency", "smallest_group", "erasure", "telemetry_days"),
        "policy.budget",
    },
}
SAMPLE = (
    "The tide comes twice a day because the Earth turns through **two** bulges of water.\n\n"
    "One faces the Moon. The other is on the far side.",
    "Tides are caused by the Moon's gravity.\n\nThe Sun helps a little, which is why tides are"
    " higher at full and new moon.",
)


@dataclass(frozen=True)
class Section:
    """A part of the page, and whether it is ready or needs a look."""

    id: str
    title: str
    # None: there is nothing to be ready or not.
    is_ready: bool | None


@dataclass(frozen=True)
class Preview:
    """The bench as raters would have it: a form that goes nowhere, and two sample responses."""

    form: AnswerForm
    answering: Answering
    left: Conversation
    right: Conversation
    arms: tuple[Arm, ...]
    share: int


@dataclass(frozen=True)
class Beside:
    """All that is derived from a draft; without a setup, why it cannot be."""

    problem: str = ""
    preview: Preview | None = None
    plan: Plan | None = None
    warnings: tuple[Warning, ...] = ()


def beside(
    draft: Draft, *, organisation: Organisation, campaign: Campaign | None, setup: Setup | None
) -> Beside:
    """What stands beside the draft. `setup` is what is stored, for a form that was not sent."""
    if setup is None:
        if not draft.is_valid():
            return Beside("Put right what is marked, and the preview follows.")
        try:
            setup = draft.setup()
        except InvalidInputError as error:
            draft.refuse(error)
            return Beside(error.message)
    planned = draft.form.cleaned_data["planned"] if draft.form.is_bound else None
    return Beside(
        preview=preview_of(setup),
        plan=plan_of(setup, campaign=campaign, planned=planned),
        warnings=tuple(warnings_for(setup, organisation=organisation, campaign=campaign)),
    )


def preview_of(setup: Setup) -> Preview:
    """The dock and the responses of these settings, as the bench makes them."""
    schema = setup.schema
    form = AnswerForm(schema=schema)
    left, right = (render_messages([{"role": "assistant", "content": text}]) for text in SAMPLE)
    own = []
    for side, text in zip(SIDES, SAMPLE, strict=True):
        steps = render_reasoning([{"role": "assistant", "content": text}], f"Response {side}")
        rows = [StepRow(f"step_{side}_{n}", html, "") for n, html in enumerate(steps, 1)]
        own.append(OwnSide(rows if schema.steps else [], (), 0))
    arms = setup.presentation.arms or (DEFAULT_ARM,)
    first = max(arms, key=lambda arm: arm.weight)
    return Preview(
        form=form,
        answering=Answering(
            left=own[0],
            right=own[1],
            can_compare=False,
            edit=EditBox(SAMPLE[0], SAMPLE[1], "", "", None, is_open=False)
            if schema.edit_winner
            else None,
            clauses=[Clause("T1", "As the guidelines number them", is_cited=False)],
        ),
        left=left,
        right=right,
        arms=(first, *(arm for arm in arms if arm is not first)),
        share=round(100 * first.weight / sum(arm.weight for arm in arms)),
    )


def sections(
    ids: tuple[str, ...], draft: Draft, warnings: tuple[Warning, ...], unready: set[str]
) -> list[Section]:
    """The sections of the page in their order; `unready` ones are known to need a look."""
    looks = set(unready)
    fields = {*draft.form.errors, *(warning.field for warning in warnings)}
    for place, names in PLACES.items():
        if fields & names:
            looks.add(place)
    for place, rows in (
        ("schema", draft.criteria),
        ("people", draft.skills),
        ("look", draft.arms),
    ):
        if rows.is_bound and any(rows.errors):
            looks.add(place)
    return [Section(one, TITLES[one], None if one == "danger" else one not in looks) for one in ids]


def placed(warnings: tuple[Warning, ...]) -> list[dict[str, Any]]:
    """The warnings with the section in which each can be put right."""
    return [
        {
            "warning": warning,
            "section": next((p for p, names in PLACES.items() if warning.field in names), "people"),
        }
        for warning in warnings
    ]
