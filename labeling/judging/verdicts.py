"""A judge's answer, read from the one place where a verdict may stand.

That is the whole answer as the JSON object asked for, or, of a server that cannot be held to a
schema, the object in the last line, tagged with the mark of this call. Words elsewhere decide
nothing, whatever they look like: whoever wrote the responses cannot know the mark. All else is
malformed, and the question is asked again.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NoReturn

from labeling.clients.protocol import CompletionResult, ErrorKind, ProviderError
from labeling.judging.prompting import MAX_RATIONALE_CHARS, TAG, preferences
from labeling.schemas import ResponseSchema

Preference = Literal["left", "right", "tie", "both_bad"]
# An answer beyond this is no verdict, and reading it takes time.
MAX_ANSWER_CHARS = 1_000_000


@dataclass(frozen=True)
class Verdict:
    """What a judge says of two responses as they were shown to it."""

    preference: Preference
    strength: int
    confidence: float
    rationale: str
    criteria: Mapping[str, str] = field(default_factory=dict)


class NoVerdictError(ProviderError):
    """An answer came, and was paid for, that holds no verdict."""

    def __init__(self, kind: ErrorKind, message: str, result: CompletionResult) -> None:
        super().__init__(kind, message)
        self.prompt_token_count = result.prompt_token_count
        self.completion_token_count = result.completion_token_count


def read_verdict(result: CompletionResult, *, mark: str, schema: ResponseSchema) -> Verdict:
    """The verdict in the answer; NoVerdictError, mostly of the kind malformed, if there is none."""
    try:
        return _read(result, mark, schema)
    except ProviderError as error:
        raise NoVerdictError(error.kind, error.message, result) from None


def _read(result: CompletionResult, mark: str, schema: ResponseSchema) -> Verdict:
    if result.finish_reason == "length":
        _refuse("The verdict was cut short. A higher max_tokens gives it room.")
    if result.finish_reason == "content_filter":
        raise ProviderError(ErrorKind.FILTERED, "The provider filtered the verdict.")
    if len(result.text) > MAX_ANSWER_CHARS:
        _refuse("The answer is too long for a verdict.")
    return _checked(_object(result.text, mark), mark, schema)


def _object(text: str, mark: str) -> dict[str, Any]:
    """The answer's one object, from where alone it may stand."""
    whole = text.strip()
    if whole.startswith("{"):
        return _parsed(whole)
    last = whole.rpartition("\n")[2].strip()
    tag = f"{TAG} {mark} "
    if not last.startswith(tag):
        _refuse("The answer is neither the object asked for, nor does its last line hold one.")
    return _parsed(last.removeprefix(tag))


def _parsed(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text, object_pairs_hook=_once, parse_constant=_no_number)
    except (ValueError, RecursionError):
        _refuse("The verdict is not JSON.")
    if not isinstance(value, dict):
        _refuse("The verdict is no JSON object.")
    return value


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object whose names stand once: of two, one would have been slipped in."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError
    return found


def _no_number(word: str) -> NoReturn:
    raise ValueError(word)


def _checked(value: dict[str, Any], mark: str, schema: ResponseSchema) -> Verdict:
    wanted = {"mark", "rationale", "preference", "strength", "confidence"}
    if schema.criteria:
        wanted.add("criteria")
    if set(value) != wanted:
        _refuse("The verdict does not have just the fields asked for.")
    if value["mark"] != mark:
        _refuse("The verdict does not carry the mark of its question.")
    preference = value["preference"]
    if preference not in preferences(schema):
        _refuse("The preference is none of those asked for.")
    return Verdict(
        preference=preference,
        strength=_strength(value["strength"], preference, schema),
        confidence=_confidence(value["confidence"]),
        rationale=_rationale(value["rationale"]),
        criteria=_criteria(value.get("criteria", {}), schema),
    )


def _strength(value: Any, preference: str, schema: ResponseSchema) -> int:
    """As a rater's: a tie has none, and a side without one is slightly better."""
    if not isinstance(value, int) or isinstance(value, bool):
        _refuse("The strength is no whole number.")
    if not 0 <= value <= schema.max_strength:
        _refuse("The strength is not on the scale.")
    return max(value, 1) if preference in ("left", "right") else 0


def _confidence(value: Any) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0.5 <= value <= 1:
        _refuse("The confidence is no number from 0.5 to 1.")
    return float(value)


def _rationale(value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        _refuse("The verdict has no reasons.")
    # What no text may hold is no reason to lose the verdict: it may have been quoted.
    plain = value.replace("\x00", "\ufffd").encode(errors="replace").decode()
    return plain[:MAX_RATIONALE_CHARS]


def _criteria(value: Any, schema: ResponseSchema) -> dict[str, str]:
    keys = [criterion.key for criterion in schema.criteria]
    if not isinstance(value, dict) or set(value) != set(keys):
        _refuse("The verdict does not speak of just the criteria asked for.")
    if not all(said in ("left", "right", "tie") for said in value.values()):
        _refuse("A criterion says something else than left, right or tie.")
    return {key: value[key] for key in keys}


def _refuse(message: str) -> NoReturn:
    raise ProviderError(ErrorKind.MALFORMED, message)
