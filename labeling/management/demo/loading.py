"""Files into campaigns and simulated raters into the queue: what demo campaigns are made of."""

import hashlib
import io
import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from labeling.actions.campaigns import create_campaign
from labeling.actions.demo import (
    RATER_NAMES,
    DemoAccounts,
    remove_demo_campaign,
    set_up_simulated_people,
)
from labeling.actions.guidelines import publish_guidelines
from labeling.actions.imports import begin_import, run_import
from labeling.actions.raters import add_member
from labeling.errors import InvalidInputError
from labeling.formats.rows import text_of
from labeling.management.at_work import note_groups, seated, work_through
from labeling.models import Assignment, Campaign, Completion, Job
from labeling.schemas import read_presentation, read_schema
from labeling.simulation.demo import ATTRIBUTE
from labeling.simulation.raters import (
    Manner,
    Scene,
    Side,
    SimulatedRater,
    answer,
    arrival_seconds,
    side_of,
)


@dataclass(frozen=True)
class SourceFile:
    """The bytes of a file and how they are read."""

    name: str
    data: bytes
    kind: str = "comparisons"
    layout: str = "native"
    is_lenient: bool = False


@dataclass(frozen=True)
class Recipe:
    """What a campaign of the demo is made of, up to the opening of a round."""

    slug: str
    fields: dict[str, Any]
    files: Sequence[SourceFile]
    guidelines: str = ""
    # Worked examples of the guidelines, as the contract has them.
    examples: Sequence[dict[str, Any]] = ()
    roles: dict[str, str] = field(default_factory=dict)


READER_ROLES = {"manager": "owner", "researcher": "researcher"}
OPEN_ROLES = READER_ROLES | dict.fromkeys(RATER_NAMES, "rater")


def standing(accounts: DemoAccounts, slug: str, *, is_reset: bool) -> Campaign | None:
    """The campaign, if it is to be kept. One that is to be reset, or is half made, is removed."""
    campaign = Campaign.objects.filter(slug=slug, organisation=accounts.organisation).first()
    if campaign and (is_reset or campaign.state == Campaign.State.DRAFT):
        # A draft is what a loading that was cut short left behind: no step of it stays one.
        remove_demo_campaign(campaign=campaign)
        return None
    return campaign


def make_campaign(accounts: DemoAccounts, recipe: Recipe) -> Campaign:
    """A draft with its people, guidelines and comparisons."""
    manager = accounts.users["manager"]
    campaign = create_campaign(
        organisation=accounts.organisation, by=manager, slug=recipe.slug, **recipe.fields
    )
    for name, role in recipe.roles.items():
        add_member(campaign=campaign, user=accounts.users[name], role=role, by=manager)
    if recipe.guidelines:
        publish_guidelines(
            campaign=campaign,
            body=recipe.guidelines,
            by=manager,
            examples=list(recipe.examples),
        )
    for file in recipe.files:
        import_file(campaign, file)
    return campaign


def import_file(campaign: Campaign, file: SourceFile) -> dict[str, Any]:
    """What came of importing the file, or an InvalidInputError that says why it cannot be."""
    job = begin_import(
        campaign=campaign,
        by=campaign.created_by,
        name=file.name,
        kind=file.kind,
        layout=file.layout,
        byte_count=len(file.data),
        sha256=hashlib.sha256(file.data).hexdigest(),
        is_lenient=file.is_lenient,
        is_dry_run=False,
    )
    job = run_import(job=job, source=io.BytesIO(file.data))
    if job.status != Job.Status.SUCCEEDED:
        error: dict[str, Any] = job.error or {}
        lines = [f" Line {row['line']}: {row['message']}" for row in error.get("errors", [])[:1]]
        message = error.get("message", job.status)
        raise InvalidInputError(f"{file.name} cannot be imported: {message}{''.join(lines)}")
    return job.result or {}


def judge_all(
    campaign: Campaign,
    accounts: DemoAccounts,
    raters: Sequence[SimulatedRater],
    manners: dict[str, Manner],
    *,
    seed: str,
    most: int | None = None,
    cites: Mapping[str, str] | None = None,
    pulls: Mapping[str, float] | None = None,
) -> int:
    """Let simulated raters claim and submit until nothing is left for any, or there are `most`; how
    many judgments.

    They cite the clause that `cites` names for a criterion that the better side won. `pulls` are
    by presentation arm what each doubling of length adds.
    """
    people = set_up_simulated_people(
        organisation=accounts.organisation, names=[rater.name for rater in raters]
    )
    at_work = seated(campaign, people, raters)
    note_groups(campaign, at_work, ATTRIBUTE)
    sides = _sides(campaign, manners)
    schema = read_schema(campaign.schema)
    modes = {arm.name: arm.mode for arm in read_presentation(campaign.presentation).arms}

    def say(assignment: Assignment, habits: SimulatedRater, draw: random.Random) -> dict[str, Any]:
        pair = assignment.comparison
        a, b = sides[pair.completion_a_id], sides[pair.completion_b_id]
        left, right = (a, b) if assignment.a_on_left else (b, a)
        doublings = math.log2((left.char_count + 1) / (right.char_count + 1))
        is_paced = modes.get(assignment.arm) == "paced"
        scene = Scene(
            lean=(pulls or {}).get(assignment.arm, 0.0) * doublings,
            arrival_seconds=arrival_seconds(left, right) if is_paced else 0.0,
        )
        said = answer(habits, left, right, schema, draw, scene=scene)
        if assignment.arm in modes:
            said["client"]["shown_as"] = modes[assignment.arm]
        if cites:
            won = [key for key, side in said.get("criteria", {}).items() if side == said["side"]]
            said["clauses"] = [cites[key] for key in won if key in cites][:1]
        return said

    return work_through(campaign, at_work, say, draw=random.Random(seed), most=most).judgments


def _sides(campaign: Campaign, manners: dict[str, Manner]) -> dict[int, Side]:
    rows = Completion.objects.filter(prompt__campaign=campaign).values_list(
        "pk", "source__model", "messages"
    )
    unknown = Manner(0.0)
    return {
        pk: side_of(manners.get(model or "", unknown), text_of(messages or []))
        for pk, model, messages in rows
    }
