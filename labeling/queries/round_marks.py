"""Which round each item of a campaign's votes belongs to, for the rows of rounds in a report."""

from dataclasses import dataclass
from itertools import islice

import numpy as np

from labeling.metrics.rounds import RoundMark
from labeling.metrics.votes import UNKNOWN, Ints
from labeling.models import Campaign, Comparison, Round

CHUNK = 20_000


@dataclass(frozen=True, eq=False)
class RoundMarks:
    """The rounds people judge in, each item's round by number (-1: none), and what is kept."""

    rounds: list[RoundMark]
    of_item: Ints
    kept: dict[int, int]


def round_marks(campaign: Campaign, item_keys: Ints) -> RoundMarks:
    """Read in three statements, one of them a row for each comparison in a round."""
    kinds = [Round.Kind.PRODUCTION, Round.Kind.CALIBRATION]
    rounds = {one.pk: one for one in campaign.rounds.filter(kind__in=kinds)}
    of_item = np.full(len(item_keys), UNKNOWN, dtype=np.int64)
    if not rounds or not len(item_keys):
        return RoundMarks([], of_item, {})
    rows = Comparison.objects.filter(campaign=campaign, round__in=list(rounds)).order_by("pk")
    stream = rows.values_list("pk", "round_id").iterator(chunk_size=CHUNK)
    while chunk := list(islice(stream, CHUNK)):
        keys = np.array([pk for pk, _ in chunk], dtype=np.int64)
        numbers = np.array(
            [rounds[round_id].number for _, round_id in chunk if round_id], dtype=np.int64
        )
        place = np.searchsorted(item_keys, keys)
        place[place == len(item_keys)] = 0
        found = item_keys[place] == keys
        of_item[place[found]] = numbers[found]
    marks = [
        RoundMark(one.number, int(one.created_at.timestamp()))
        for one in sorted(rounds.values(), key=lambda one: one.number)
    ]
    return RoundMarks(marks, of_item, _kept(campaign))


def _kept(campaign: Campaign) -> dict[int, int]:
    """The comparison that each kept one asks again, by internal ids."""
    kept = {
        pk: external_id.split("-", 2)[2]
        for pk, external_id in Comparison.objects.filter(
            campaign=campaign, selection_policy="kept", external_id__startswith="kept-"
        ).values_list("pk", "external_id")
        if external_id
    }
    if not kept:
        return {}
    earlier = Comparison.objects.filter(campaign=campaign, public_id__in=set(kept.values()))
    known = {str(public_id): pk for public_id, pk in earlier.values_list("public_id", "pk")}
    return {pk: known[text] for pk, text in kept.items() if text in known}
