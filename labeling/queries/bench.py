"""What a rater may see of an assignment: sides as dealt, no model, no gold, no other judgment."""

from typing import Any

from labeling.models import Assignment
from labeling.schemas import DEFAULT_ARM, Arm, as_json, read_presentation


def arm_of(assignment: Assignment) -> Arm:
    """The presentation arm the assignment was dealt; the plain one if it has since gone."""
    arms = read_presentation(assignment.campaign.presentation).arms
    return next((arm for arm in arms if arm.name == assignment.arm), DEFAULT_ARM)


def sides(assignment: Assignment) -> tuple[list[Any], list[Any]]:
    """The messages on the left and on the right."""
    a = assignment.comparison.completion_a.messages or []
    b = assignment.comparison.completion_b.messages or []
    return (a, b) if assignment.a_on_left else (b, a)


def shown(assignment: Assignment) -> dict[str, Any]:
    """The assignment as plain values for the API. The arm's name could tell of the experiment."""
    left, right = sides(assignment)
    presentation = as_json(arm_of(assignment))
    return {
        "id": assignment.public_id,
        "expires_at": assignment.leased_until,
        "prompt": {"messages": assignment.comparison.prompt.messages},
        "left": {"messages": left},
        "right": {"messages": right},
        "presentation": {
            key: presentation[key] for key in ("mode", "tokens_per_second", "context")
        },
        "schema": assignment.campaign.schema,
    }
