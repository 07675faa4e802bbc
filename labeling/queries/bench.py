"""What a rater may see of an assignment: sides as dealt, no model, no gold, no other judgment."""

from collections.abc import Sequence
from typing import Any

from labeling import presentation
from labeling.formats.marks import masked_messages, unnamed_messages
from labeling.models import Assignment, Completion
from labeling.presentation import Arrival
from labeling.rendering.messages import shared_count
from labeling.rendering.reasoning import step_texts
from labeling.schemas import DEFAULT_ARM, Arm, as_json, read_presentation, read_requirements


def arm_of(assignment: Assignment) -> Arm:
    """The presentation arm the assignment was dealt; the plain one if it has since gone."""
    arms = read_presentation(assignment.campaign.presentation).arms
    return next((arm for arm in arms if arm.name == assignment.arm), DEFAULT_ARM)


def context(assignment: Assignment) -> Sequence[Any]:
    """The messages of the prompt that its arm shows: all of them, or the last turn."""
    messages = unnamed_messages(assignment.comparison.prompt.messages)
    if arm_of(assignment).context == "last_turn":
        return presentation.last_turn(messages)
    return messages


def sides(assignment: Assignment) -> tuple[list[Any], list[Any]]:
    """The messages on the left and on the right, without the `name` of who speaks, and with the
    name of their model blotted out of their texts if so asked.
    """
    a = unnamed_messages(assignment.comparison.completion_a.messages or [])
    b = unnamed_messages(assignment.comparison.completion_b.messages or [])
    if read_requirements(assignment.campaign.requirements).identity == "mask":
        a, b = masked_messages(a), masked_messages(b)
    return (a, b) if assignment.a_on_left else (b, a)


def arrival_of(assignment: Assignment) -> Arrival | None:
    """How the two texts arrive over time; None where the arm shows them at once."""
    arm = arm_of(assignment)
    if arm.mode == "instant":
        return None
    left, right = sides(assignment)
    # What both begin with stands above them and is there at once.
    shared = shared_count(left, right)
    times: dict[int, Any] = {}
    pair = (assignment.comparison.completion_a_id, assignment.comparison.completion_b_id)
    if arm.mode == "recorded":
        # Long lists that no other arm needs: they are read here, and for both sides at once.
        recorded = Completion.objects.filter(pk__in=pair).values_list("pk", "token_times")
        times = dict(recorded)
    on_left, on_right = pair if assignment.a_on_left else reversed(pair)
    return presentation.arrival(
        arm, (left[shared:], times.get(on_left)), (right[shared:], times.get(on_right))
    )


def shown(assignment: Assignment) -> dict[str, Any]:
    """The assignment as plain values for the API. The arm's name could tell of the experiment."""
    left, right = sides(assignment)
    arm = as_json(arm_of(assignment))
    arrival = arrival_of(assignment)
    return {
        "id": assignment.public_id,
        "expires_at": assignment.leased_until,
        "prompt": {"messages": context(assignment)},
        "left": _side(left, assignment.campaign.schema),
        "right": _side(right, assignment.campaign.schema),
        "presentation": {
            key: arm[key] for key in ("mode", "tokens_per_second", "context", "lock_until_shown")
        }
        | {
            "times": {"left": arrival.left, "right": arrival.right}
            if arrival and arrival.left
            else None
        },
        "schema": assignment.campaign.schema,
    }


def _side(messages: list[Any], schema: dict[str, Any]) -> dict[str, Any]:
    """One side, with its steps where they are to be marked."""
    return {"messages": messages} | ({"steps": step_texts(messages)} if schema.get("steps") else {})
