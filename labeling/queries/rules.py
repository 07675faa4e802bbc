"""What each rule would export of a campaign: the report's `rules`, and its raters' reliability."""

from typing import Any

import numpy as np

from labeling.metrics.reliability import histories, reliabilities
from labeling.metrics.rules import DifferingItem, compare_rules, model_figures
from labeling.metrics.votes import UNKNOWN, Bools, Ints
from labeling.models import Adjudication, Campaign, Comparison
from labeling.queries.outcomes import Outcomes

_CODES = {"a": 0, "b": 1, "tie": 2, "both_bad": 3}
_MIRROR = {"a": "b", "b": "a"}


def rules_section(
    campaign: Campaign, read: Outcomes
) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    """The report's `rules`, and what it adds to the row of each of its raters, by pseudonym."""
    votes = read.votes
    reviewed = reviewed_items(campaign, votes.item_keys)
    found = compare_rules(votes, judges=read.is_judge, gold=read.gold, reviewed=reviewed)
    section = {
        "rows": [row.as_json() for row in found.rows],
        "differing": _named(found.differing, votes.item_keys),
        "differing_count": found.differing_count,
        "model": model_figures(found),
    }
    people = np.flatnonzero(~np.asarray(read.is_judge, dtype=np.bool_))
    estimates = reliabilities(found.learned.joint)
    over_time = histories(found.learned.joint, found.counted, _moments(read), found.better_a)
    return section, {
        votes.raters[k]: {
            "reliability": estimates[k].as_json(),
            "reliability_history": over_time.get(int(k), []),
        }
        for k in people
    }


def reviewed_items(campaign: Campaign, item_keys: Ints) -> Ints:
    """The preference that a reviewer decided for each item, as the votes have a and b, or -1."""
    reviewed = np.full(len(item_keys), UNKNOWN, np.int8)
    rows = (
        Adjudication.objects.standing()
        .filter(campaign=campaign, outcome=Adjudication.Outcome.DECIDED)
        .values_list("comparison_id", "preference", "comparison__is_turned")
    )
    for comparison, preference, is_turned in rows:
        place = int(np.searchsorted(item_keys, comparison))
        if place < len(item_keys) and item_keys[place] == comparison:
            reviewed[place] = _CODES[
                _MIRROR.get(preference, preference) if is_turned else preference
            ]
    return reviewed


def _moments(read: Outcomes) -> Ints:
    """The seconds of the votes that rules are learnt from: the same rows, in the same order."""
    votes = read.votes
    if not len(votes):
        return read.judged_at
    is_judge = np.asarray(read.is_judge, dtype=np.bool_)
    people: Bools = ~is_judge[votes.rater]
    ours, moments = votes.select(people), read.judged_at[people]
    kept: Bools = ours.is_first_vote() & (read.gold[ours.item] == UNKNOWN)
    dated: Ints = moments[kept]
    return dated


def _named(differing: list[DifferingItem], item_keys: Ints) -> list[dict[str, Any]]:
    """The items with their public ids, a and b as the comparisons themselves have them."""
    keys = [int(item_keys[one.item]) for one in differing]
    rows = Comparison.objects.filter(pk__in=keys).values_list("pk", "public_id", "is_turned")
    known = {pk: (str(public_id), is_turned) for pk, public_id, is_turned in rows}
    return [
        _turned(one, *known[key]) for one, key in zip(differing, keys, strict=True) if key in known
    ]


def _turned(one: DifferingItem, public_id: str, is_turned: bool) -> dict[str, Any]:
    row: dict[str, Any] = {
        "comparison_id": public_id,
        "model_a": one.model_a,
        "model_b": one.model_b,
        "counts": one.counts,
        "answers": one.answers,
        "probability": one.probability,
        "margin": one.margin,
    }
    if not is_turned:
        return row
    return row | {
        "model_a": one.model_b,
        "model_b": one.model_a,
        "counts": {"a": one.counts["b"], "tie": one.counts["tie"], "b": one.counts["a"]},
        "answers": {rule: _MIRROR.get(said, said) for rule, said in one.answers.items()},
        "probability": {rule: 1 - chance for rule, chance in one.probability.items()},
        "margin": -one.margin,
    }
