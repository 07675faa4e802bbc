"""A judge's settings as they may be stored."""

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, NoReturn

from labeling.clients.endpoint_settings import read_sampling
from labeling.errors import refused

MAX_SAMPLES = 16
MAX_RUBRIC_CHARS = 20_000
MAX_GROUPS = 12
_LARGEST_COUNT = 2**31 - 1
_LARGEST_COST = Decimal(10**8) - 1


def read_judge_settings(changes: Mapping[str, Any]) -> dict[str, Any]:
    """The settings among `changes` with their values checked; InvalidInputError names the field."""
    return {name: _READERS[name](name, value) for name, value in changes.items()}


def _name(name: str, value: Any) -> str:
    text = value.strip() if isinstance(value, str) else ""
    if not text or len(text) > 120 or not text.isprintable():
        _refuse(name, "1 to 120 printable characters.")
    return text


def _rubric(name: str, value: Any) -> str:
    if not isinstance(value, str) or len(value) > MAX_RUBRIC_CHARS or "\x00" in value:
        _refuse(name, f"A text of at most {MAX_RUBRIC_CHARS:,} characters.")
    return value


def _persona(name: str, value: Any) -> dict[str, str]:
    if not isinstance(value, dict) or len(value) > MAX_GROUPS:
        _refuse(name, f'Up to {MAX_GROUPS} groups, like {{"age": "60 and over"}}.')
    for group, said in value.items():
        for text in (group, said):
            is_line = isinstance(text, str) and text.strip() and text.isprintable()
            if not is_line or len(text) > 100:
                _refuse(name, "Groups and their values are 1 to 100 printable characters.")
    return dict(value)


def _flag(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        _refuse(name, "true or false.")
    return value


def _samples(name: str, value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= MAX_SAMPLES:
        _refuse(name, f"From 1 to {MAX_SAMPLES}.")
    return value


def _share(name: str, value: Any) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 < value <= 1:
        _refuse(name, "More than 0, and at most 1.")
    return float(value)


def _calls(name: str, value: Any) -> int | None:
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or not 0 < value <= _LARGEST_COUNT:
        _refuse(name, "A number of calls, or none for no bound.")
    return value


def _cost(name: str, value: Any) -> Decimal | None:
    if value is None:
        return None
    try:
        cost = Decimal(str(value)) if not isinstance(value, bool) else Decimal("NaN")
    except InvalidOperation:
        cost = Decimal("NaN")
    if not cost.is_finite() or not 0 < cost <= _LARGEST_COST:
        _refuse(name, "A cost in the currency of the endpoint's price, or none for no bound.")
    return round(cost, 6)


def _sampling(name: str, value: Any) -> dict[str, Any]:
    return read_sampling(value)


_READERS = {
    "name": _name,
    "rubric": _rubric,
    "follows_guidelines": _flag,
    "persona": _persona,
    "sampling": _sampling,
    "both_orders": _flag,
    "samples": _samples,
    "share": _share,
    "budget_calls": _calls,
    "budget_cost": _cost,
}


def _refuse(field: str, message: str) -> NoReturn:
    raise refused(field, message)
