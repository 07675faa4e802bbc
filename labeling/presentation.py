"""How an arm shows two completions: what of each is on screen at which moment.

Pure, so that a pace is tested without a clock. The page follows the times it is given; a text
without times is shown whole.
"""

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from labeling.schemas import Arm

# What a word that has begun counts as: about what the tokenizers of today make of English.
LETTERS_A_TOKEN = 6
# Scripts written without spaces, and pictographs: a character counts as a token of its own.
_DENSE = (
    r"\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff"
    r"\U0001f000-\U0001faff\U00020000-\U0003ffff"
)
_MARKS = r"!-/:-@\[-`{-~\u00a1-\u00bf\u2000-\u206f\u20a0-\u2bff\u3000-\u303f\uff00-\uff0f"
_TOKENS = re.compile(rf"[{_DENSE}]|[{_MARKS}]|[^\s{_DENSE}{_MARKS}]{{1,{LETTERS_A_TOKEN}}}")
# A recorded timing is sent as at most this many steps; between two of them the text flows evenly.
MAX_STEPS = 200
MAX_RECORDED_MS = 3600 * 1000

Times = tuple[int, ...]
"""Milliseconds at which equal parts of a text have come: first its beginning, last its end."""

Message = Mapping[str, Any]


@dataclass(frozen=True)
class Arrival:
    """How both texts arrive: the times of each, and whether the answer waits for them.

    Without times the texts are shown whole although their arm says otherwise, and
    `instant_because` says why.
    """

    mode: Literal["paced", "recorded", "instant"]
    left: Times = ()
    right: Times = ()
    is_locked: bool = False
    instant_because: str = ""


def arrival(
    arm: Arm, left: tuple[Sequence[Message], Any], right: tuple[Sequence[Message], Any]
) -> Arrival | None:
    """How the two sides, each its messages and its recorded token times, arrive under `arm`.

    None where the arm shows them at once. Recorded times are followed on both sides or on none:
    one side that waits beside one that does not would be a comparison of two arms.
    """
    if arm.mode == "paced" and arm.tokens_per_second:
        pace = arm.tokens_per_second
        times = paced_times(left[0], pace), paced_times(right[0], pace)
        return Arrival("paced", *times, is_locked=arm.lock_until_shown)
    if arm.mode == "recorded":
        recorded = recorded_times(left[1]), recorded_times(right[1])
        if recorded[0] is None or recorded[1] is None:
            return Arrival("instant", instant_because="not_recorded")
        return Arrival("recorded", recorded[0], recorded[1], is_locked=arm.lock_until_shown)
    return None


def token_count(text: str) -> int:
    """About how many tokens the text has, by a rule that needs no model's vocabulary.

    Six letters or digits of a word begun count as one, and so does a character of a script
    without spaces, a mark of punctuation and a symbol.
    """
    return sum(1 for _ in _TOKENS.finditer(text))


def paced_times(messages: Sequence[Message], tokens_per_second: float) -> Times:
    """The beginning and the end of a text that comes evenly at `tokens_per_second`."""
    return (0, round(1000 * token_count(_text(messages)) / tokens_per_second))


def recorded_times(token_times: Any) -> Times | None:
    """The times of a text whose tokens came at `token_times`, in milliseconds from the request.

    None unless they are a list of finite numbers that never go back and end within an hour. Step
    i of n is when i/n of the tokens had come, the first step is the first token.
    """
    if not isinstance(token_times, list) or not token_times:
        return None
    before = 0.0
    for moment in token_times:
        if isinstance(moment, bool) or not isinstance(moment, int | float):
            return None
        if not math.isfinite(moment) or not before <= moment <= MAX_RECORDED_MS:
            return None
        before = moment
    count = len(token_times)
    steps = min(count, MAX_STEPS)
    ends = [token_times[-(-step * count // steps) - 1] for step in range(1, steps + 1)]
    return tuple(round(moment) for moment in (token_times[0], *ends))


def last_turn(messages: Sequence[Message]) -> Sequence[Message]:
    """The messages from the user's last one on; the last message where the user has none."""
    for start in range(len(messages) - 1, -1, -1):
        if messages[start].get("role") == "user":
            return messages[start:]
    return messages[-1:]


def _text(messages: Sequence[Message]) -> str:
    """All that is shown of the messages: their text, and what tools were told and said."""
    return "\n".join(piece for message in messages for piece in _pieces(message.get("content")))


def _pieces(content: Any) -> Sequence[str]:
    if isinstance(content, str):
        return (content,)
    if not isinstance(content, Sequence):
        return ()
    return [
        part["text"]
        if isinstance(part, Mapping) and isinstance(part.get("text"), str)
        else json.dumps(part, ensure_ascii=False)
        for part in content
        if not (isinstance(part, Mapping) and part.get("type") == "image_url")
    ]
