"""Texts that say almost the same: those that share nearly all of their four-word runs.

Bounded: a text is looked up under the few smallest hashes of its runs (Broder 1997, On the
resemblance and containment of documents), a hash that many share is given up, and only those found
there are compared run by run.
"""

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from zlib import crc32

RUN_WORDS: Final = 4
# Shorter texts are alike by chance: "A is better than B."
LEAST_WORDS: Final = 8
ALIKE: Final = 0.9
_MOST_WORDS: Final = 400
_KEYS: Final = 4
_MOST_BESIDE: Final = 40

_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Alike:
    """Two texts by their places, the earlier first, and the share of runs they have in common."""

    first: int
    second: int
    share: float


def near_duplicates(texts: Sequence[str]) -> list[Alike]:
    """Each text's nearest other one with which it shares over nine tenths of its four-word runs.

    One pair for each text that has any, by the place of the later one.
    """
    runs = [_runs(text) for text in texts]
    found: dict[int, Alike] = {}
    shelves: defaultdict[int, list[int]] = defaultdict(list)
    for place, mine in enumerate(runs):
        if not mine:
            continue
        keys = sorted(mine)[:_KEYS]
        beside = {other for key in keys for other in shelves[key]}
        for other in beside:
            share = len(mine & runs[other]) / len(mine | runs[other])
            if share > ALIKE:
                pair = Alike(other, place, share)
                for one in (place, other):
                    if one not in found or found[one].share < share:
                        found[one] = pair
        for key in keys:
            if len(shelves[key]) < _MOST_BESIDE:
                shelves[key].append(place)
    return [found[place] for place in sorted(found)]


def _runs(text: str) -> set[int]:
    words = _WORD.findall(text[:8000].casefold())[:_MOST_WORDS]
    if len(words) < LEAST_WORDS:
        return set()
    return {
        crc32(" ".join(words[k : k + RUN_WORDS]).encode())
        for k in range(len(words) - RUN_WORDS + 1)
    }
