"""Filters applied to all that is there to be paired of one prompt, whoever brought it."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations

from labeling.formats import filters
from labeling.formats.rows import text_of
from labeling.metrics.near_duplicates import near_duplicates
from labeling.models.slot_pairs import Wanted


@dataclass
class Sifted:
    """What filters said of some completions, by their ids."""

    # Make no pairs, each for its reason.
    dropped: dict[int, str] = field(default_factory=dict)
    # Two that are not paired with one another, the lower id first.
    alike: list[tuple[int, int]] = field(default_factory=list)
    marked: list[tuple[int, str]] = field(default_factory=list)


def sift(wanted: Sequence[Wanted], chosen: Mapping[str, str]) -> Sifted:
    """What the chosen filters say of one prompt's completions; `position` tells models apart."""
    chosen = {**filters.DEFAULTS, **chosen}
    sifted = Sifted()
    texts: dict[int, str] = {}
    for one in wanted:
        texts[one.completion_id] = text_of(one.messages)
        has_calls = any(message.get("tool_calls") for message in one.messages)
        found = filters.findings(
            filters.Answer(texts[one.completion_id], one.finish_reason, one.language, has_calls)
        )
        if why := filters.dropped_for(found, chosen):
            sifted.dropped[one.completion_id] = why
        marks = filters.marked_for(found, chosen)
        sifted.marked += [(one.completion_id, mark) for mark in marks]
    if chosen[filters.NEAR_IDENTICAL] == filters.KEEP:
        return sifted
    alike = _alike({pk: text for pk, text in texts.items() if pk not in sifted.dropped})
    if chosen[filters.NEAR_IDENTICAL] == filters.MARK:
        sifted.marked += [(pk, filters.NEAR_IDENTICAL) for pair in alike for pk in pair]
        return sifted
    sifted.alike = alike
    places = {one.completion_id: one.position for one in wanted}
    # Of one model's samples that say nearly the same, the first stands for all.
    for first, second in alike:
        if places[first] is not None and places[first] == places[second]:
            sifted.dropped.setdefault(second, filters.NEAR_IDENTICAL)
    return sifted


def _alike(texts: Mapping[int, str]) -> list[tuple[int, int]]:
    """Pairs of texts that differ in what no reader weighs, or share nearly all their runs."""
    ids = sorted(texts)
    same: defaultdict[str, list[int]] = defaultdict(list)
    for pk in ids:
        same[filters.normalised(texts[pk])].append(pk)
    found = {pair for ones in same.values() for pair in combinations(ones, 2)}
    for pair in near_duplicates([texts[pk] for pk in ids]):
        found.add((ids[pair.first], ids[pair.second]))
    return sorted(found)
