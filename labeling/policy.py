"""How a campaign deals with quality, pay and privacy, as typed values with their defaults.

Pure: the JSON of a campaign's policy in, a frozen struct out, and an InvalidInputError that names
the field when it breaks a rule. What a rule does by itself is stated here and nowhere else.
"""

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from labeling.errors import FieldProblem, InvalidInputError
from labeling.schemas import read_struct

Share = Annotated[float, Meta(ge=0, le=1)]


class PauseRule(Struct, frozen=True, forbid_unknown_fields=True):
    """Pause a rater after so many judgments in a row that each took less focused time."""

    in_a_row: Annotated[int, Meta(ge=3, le=100)] = 9
    seconds: Annotated[float, Meta(ge=1, le=600)] = 15


class Policy(Struct, frozen=True, forbid_unknown_fields=True):
    """What a manager decides once and everybody can read."""

    # Judgments the campaign may ask for in all, gold and repeats included; None: no bound.
    budget: Annotated[int, Meta(ge=1, le=100_000_000)] | None = None
    # Credited time is paid at this rate; None: shown as time alone.
    pay_per_hour: Annotated[float, Meta(gt=0, le=100_000)] | None = None
    currency: Annotated[str, Meta(pattern="^[A-Z]{3}$")] = "EUR"
    # Judgments of gold in all after which an item rests; None: no bound.
    gold_exposure_cap: Annotated[int, Meta(ge=1, le=1_000_000)] | None = None
    # A rater fails on gold when so careful a rater would rarely do so badly (docs/METRICS.md).
    gold_bar: Annotated[float, Meta(ge=0.5, le=0.99)] = 0.8
    # The only rule that acts by itself. None: nobody is ever paused without a person.
    pause_rule: PauseRule | None = None
    # A group with fewer raters is not shown.
    smallest_group: Annotated[int, Meta(ge=3, le=1000)] = 5
    # Tell managers when ordinal alpha falls below it.
    agreement_floor: Annotated[float, Meta(ge=-1, le=1)] | None = None
    # What becomes of the judgments of a person who is erased.
    erasure: Literal["keep", "withdraw"] = "keep"
    # Days after which what pages measured is reduced to the time taken; None: kept.
    telemetry_days: Annotated[int, Meta(ge=7, le=3650)] | None = None


def read_policy(value: Any) -> Policy:
    """The policy in `value`; missing fields take their defaults."""
    policy = read_struct(Policy, value, "policy")
    if policy.pause_rule and policy.pause_rule.seconds > 120 and policy.pause_rule.in_a_row < 5:
        field = "policy.pause_rule"
        message = "So few judgments under so long a time would pause almost everybody."
        raise InvalidInputError(f"{field}: {message}", problems=[FieldProblem(field, message)])
    return policy
