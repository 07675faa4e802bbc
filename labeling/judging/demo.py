"""A stand-in for a judge: deterministic, without any network, and plainly made up.

It leans towards the longer response, up to a point, and a little towards the left, as models do;
so a demo has something to measure. Its reasons say that it is a demo.
"""

import random
import re
from collections.abc import Mapping
from hashlib import sha256
from math import log2
from typing import Any

import orjson

_MARK = re.compile(r"The mark of this question is ([0-9a-f]{32})\.")
# Beyond so many words, more are no gain.
ENOUGH_WORDS = 150
LEFT_LEAN = 0.08
NOISE = 0.35
CLOSE = 0.15


def demo_verdict(asked: str, schema: Mapping[str, Any], *, seed: str) -> str | None:
    """A verdict under the schema on the comparison in `asked`, by the seed; None without one."""
    found = _MARK.search(asked)
    properties: Mapping[str, Any] = schema.get("properties", {})
    if found is None or "preference" not in properties:
        return None
    mark = found.group(1)
    left, right = (_side(asked, mark, name) for name in ("left", "right"))
    rng = random.Random(sha256(orjson.dumps([seed, left, right])).digest())
    lead = _worth(left) - _worth(right) + LEFT_LEAN + rng.gauss(0, NOISE)
    allowed = properties["preference"]["enum"]
    side = "left" if lead > 0 else "right"
    preference = "tie" if abs(lead) < CLOSE and "tie" in allowed else side
    strongest = properties["strength"]["enum"][-1]
    verdict: dict[str, Any] = {
        "mark": mark,
        "rationale": "A demo verdict, made up from how long the responses are.",
    }
    if "criteria" in properties:
        verdict["criteria"] = {
            key: preference if rng.random() < 0.7 else "tie"
            for key in properties["criteria"]["properties"]
        }
    verdict |= {
        "preference": preference,
        "strength": 0 if preference == "tie" else min(strongest, 1 + int(abs(lead))),
        "confidence": round(0.5 + min(abs(lead), 1.0) * 0.45, 2),
    }
    return orjson.dumps(verdict).decode()


def _side(asked: str, mark: str, name: str) -> str:
    after = asked.partition(f"<<<{mark} begin {name}>>>")[2]
    # Whose turn it is stands between marks, which are new each time and decide nothing.
    return after.partition(f"<<<{mark} end {name}>>>")[0].replace(mark, "")


def _worth(text: str) -> float:
    return log2(1 + min(len(text.split()), ENOUGH_WORDS)) / 2
