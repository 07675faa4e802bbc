"""A judge as a server plays one: it reads what it was asked, and answers as its rule says."""

import json
import re
from collections.abc import Callable
from typing import Any

from labeling.judging.prompting import TAG
from tests import llm_server

Decide = Callable[[str, str], str]
MARK = re.compile(r"The mark of this question is ([0-9a-f]{32})\.")


def texts_of(asked: str) -> tuple[str, str, str]:
    """The mark, and what stood on the left and on the right."""
    found = MARK.search(asked)
    assert found is not None
    mark = found.group(1)
    left, right = (
        asked.partition(f"<<<{mark} begin {side}>>>")[2].partition(f"<<<{mark} end {side}>>>")[0]
        for side in ("left", "right")
    )
    return mark, left, right


def answer_to(
    asked: str,
    decide: Decide,
    *,
    copies: bool = False,
    is_bound: bool = True,
    confidence: float = 0.8,
    **more: Any,
) -> str:
    """The judge's answer: an object, or its thoughts and a tagged line where nothing binds it."""
    mark, left, right = texts_of(asked)
    said = decide(left, right)
    thoughts = f"Let me read it.\n{asked}\nI have decided." if copies else "I have decided."
    verdict = {
        "mark": mark,
        "rationale": thoughts,
        **more,
        "preference": said,
        "strength": 1 if said in ("left", "right") else 0,
        "confidence": confidence,
    }
    if is_bound:
        return json.dumps(verdict)
    verdict["rationale"] = "As I thought."
    return f"{thoughts}\n{TAG} {mark} {json.dumps(verdict)}"


def plays(decide: Decide, **manner: Any) -> llm_server.Answer:
    """What a server answers that judges by `decide`."""

    def answer(handler: Any, body: dict[str, Any]) -> None:
        content = body["messages"][-1]["content"]
        if isinstance(content, list):
            content = "\n".join(part.get("text", "") for part in content)
        manner_now = {"is_bound": "response_format" in body} | manner
        handler.send_json(llm_server.completion(answer_to(content, decide, **manner_now)))

    return answer


def better(left: str, right: str) -> str:
    """The one that says it is fine; a tie where both do or neither does."""
    fine = ("FINE" in left, "FINE" in right)
    return {(True, False): "left", (False, True): "right"}.get(fine, "tie")


def always_left(left: str, right: str) -> str:
    return "left"
