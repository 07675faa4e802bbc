"""The whole report of a campaign as plain values, from its votes."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike

from labeling.metrics import agreement, bias
from labeling.metrics.cohen import cohen_kappa
from labeling.metrics.contested import contested_items
from labeling.metrics.estimates import Estimate
from labeling.metrics.judges import JudgeContext, judge_rows
from labeling.metrics.leaderboard import leaderboard
from labeling.metrics.patterns import ItemPatterns
from labeling.metrics.raters import (
    gold_accuracy,
    intra_rater_agreement,
    rater_rows,
)
from labeling.metrics.votes import ANSWER_A, ANSWER_B, UNKNOWN, Bools, Ints, Votes

METHOD_VERSION: Final = "3"

TIE_RULE: Final = (
    "A tie is a category of its own and both bad counts as a tie; decisive measures leave ties "
    "out, half credit gives one half when just one of two raters said tie."
)
_LATER: Final = "This is not computed yet."
_NOT_IN_VOTES: Final = "Votes alone do not tell this."
ONLY_GOLD: Final = "Every vote is on an item whose answer is known, and those are left out."


def build_report(
    votes: Votes,
    *,
    campaign: str,
    computed_at: str,
    through_judgment: str | None = None,
    judges: ArrayLike | None = None,
    gold: ArrayLike | None = None,
    include_repeats: bool = False,
    public_ids: Callable[[Sequence[int]], Mapping[int, str]] | None = None,
    judge_context: JudgeContext | None = None,
) -> dict[str, Any]:
    """The report as JSON-ready values: people in agreement and ranking, judges apart.

    `votes` are the standing votes of people and judges; `judges` says for each rater whether it
    is one; `gold` is for each item the preference code known to be right, or -1. Votes on gold
    count in `gold` and in the raters' rows only: it is chosen to be clear, and would flatter.
    Between raters the first vote of a rater on an item counts, unless `include_repeats`.
    `public_ids` is given the `item_keys` of the contested items and answers with their names.
    `judge_context` is what is known of judges and of voters' groups beside the votes.
    """
    is_judge = _flags(judges, len(votes.raters))
    known = _gold(gold, votes.item_count)
    people = votes.select(~is_judge[votes.rater])
    open_votes = people.select(known[people.item] == UNKNOWN)
    counted = open_votes if include_repeats else open_votes.first_votes()
    judged = votes.select(is_judge[votes.rater])
    board = leaderboard(counted)
    gold_estimate = gold_accuracy(people.first_votes(), known)
    return {
        "campaign": campaign,
        "computed_at": computed_at,
        "method_version": METHOD_VERSION,
        "through_judgment": through_judgment,
        "judgment_count": len(people),
        "comparison_count": int(np.count_nonzero(people.preference_counts().any(axis=1))),
        "rater_count": len(np.unique(people.rater)),
        "judge_judgment_count": len(judged),
        "counts": _counts(people, open_votes, counted),
        "agreement": _agreement(counted, open_votes, only_gold=bool(len(people))),
        "leaderboard": board.rows,
        "win_matrix": board.win_matrix,
        "bias": {
            "position": bias.position(counted).as_json(),
            "length": bias.length(counted).as_json(),
            "markdown": _absent(_LATER),
            "presentation": _absent(_LATER),
        },
        "raters": [row.as_json() for row in rater_rows(people, gold=known, compared=open_votes)],
        "judges": judge_rows(
            judged.select(known[judged.item] == UNKNOWN), open_votes.first_votes(), judge_context
        ),
        "groups": [],
        "clauses": [],
        "contested": _contested(counted, public_ids),
        "gold": gold_estimate.as_json()
        | {"item_count": len(np.unique(people.item[known[people.item] != UNKNOWN]))},
        "methods": {"leaderboard": board.method, "agreement": {"tie_rule": TIE_RULE}},
        "why": {"groups": _NOT_IN_VOTES, "clauses": _NOT_IN_VOTES},
    }


def _flags(judges: ArrayLike | None, size: int) -> Bools:
    flags = np.zeros(size, np.bool_) if judges is None else np.asarray(judges, dtype=np.bool_)
    if flags.shape != (size,):
        raise ValueError("judges must have one flag for each rater")
    return flags


def _gold(gold: ArrayLike | None, size: int) -> Ints:
    known = np.full(size, UNKNOWN, np.int8) if gold is None else np.asarray(gold, dtype=np.int8)
    if known.shape != (size,):
        raise ValueError("gold must have one preference code, or -1, for each item")
    return known


def _absent(why: str) -> dict[str, Any]:
    return {"value": None, "low": None, "high": None, "n": 0, "why": why}


def _counts(people: Votes, open_votes: Votes, counted: Votes) -> dict[str, int]:
    """How many of each answer counted, and what was left out of the numbers and why."""
    preferences = np.bincount(counted.preference, minlength=4)
    per_item = counted.preference_counts().sum(axis=1)
    a, b = counted.item_model_a, counted.item_model_b
    unranked = (per_item > 0) & ((a < 0) | (b < 0) | (a == b))
    a_count, b_count, tie_count, both_bad_count = map(int, preferences)
    return {
        "a": a_count,
        "b": b_count,
        "tie": tie_count,
        "both_bad": both_bad_count,
        "judgments_counted": len(counted),
        "items_counted": int(np.count_nonzero(per_item)),
        "items_with_two_raters": int(np.count_nonzero(per_item >= 2)),
        "dropped_gold_judgments": len(people) - len(open_votes),
        "dropped_repeat_judgments": len(open_votes) - len(counted),
        "items_with_one_vote": int(np.count_nonzero(per_item == 1)),
        "items_not_ranked": int(np.count_nonzero(unranked)),
    }


def agreement_of_patterns(
    patterns: ItemPatterns, scores: ItemPatterns, *, unknown: int
) -> dict[str, Estimate]:
    """The measures that need no more than how many items have which answers, and which scores.

    `unknown` votes chose a side and have no score: how strong they are was not recorded.
    """
    used = int(np.count_nonzero(patterns.counts.any(axis=0)))
    by_name = {
        "percent_agreement": agreement.PERCENT_POOLED,
        "percent_agreement_item_mean": agreement.PERCENT_ITEM_MEAN,
        "percent_agreement_decisive": agreement.PERCENT_DECISIVE,
        "percent_agreement_decisive_item_mean": agreement.PERCENT_DECISIVE_ITEM_MEAN,
        "half_credit": agreement.HALF_CREDIT,
        "fleiss_kappa": agreement.FLEISS_KAPPA,
        "gwet_ac1": agreement.gwet_ac1(used),
        "krippendorff_alpha_nominal": agreement.ALPHA_NOMINAL,
        "krippendorff_alpha_ordinal": agreement.ALPHA_ORDINAL,
        "krippendorff_alpha_interval": agreement.alpha_interval((-1, 0, 1)),
        "leave_one_out_majority": agreement.LEAVE_ONE_OUT,
        "leave_one_out_majority_item_mean": agreement.LEAVE_ONE_OUT_ITEM_MEAN,
    }
    estimates = dict(zip(by_name, agreement.estimate(patterns, by_name.values()), strict=True))
    decisive = int(patterns.multiplicity @ patterns.counts[:, [ANSWER_A, ANSWER_B]].sum(axis=1))
    estimates["krippendorff_alpha_interval_score"] = _alpha_of_scores(scores, unknown, of=decisive)
    return estimates


def _agreement(counted: Votes, open_votes: Votes, *, only_gold: bool) -> dict[str, Any]:
    estimates = agreement_of_patterns(
        ItemPatterns.of(counted.answer_counts()),
        ItemPatterns.of(counted.score_counts()),
        unknown=int(np.count_nonzero(counted.is_decisive & (counted.strength < 0))),
    )
    estimates["cohen_kappa_mean"] = cohen_kappa(counted).mean
    estimates["intra_rater"] = intra_rater_agreement(open_votes)
    rows = {name: estimate.as_json() for name, estimate in estimates.items()}
    if only_gold and len(counted) == 0:
        for row in rows.values():
            row["why"] = ONLY_GOLD
    return rows


def _alpha_of_scores(scores: ItemPatterns, unknown: int, *, of: int) -> Estimate:
    """Interval alpha on the scores from -3 to +3, of the votes whose strength is recorded."""
    if unknown and unknown == of:
        return Estimate.undefined("How strong a preference is was not recorded.", unit="items")
    alpha = agreement.estimate(scores, [agreement.alpha_interval(range(-3, 4))])[0]
    if unknown:
        return replace(alpha, note=f"{unknown:,} votes without a recorded strength are left out.")
    return alpha


def _contested(
    votes: Votes, public_ids: Callable[[Sequence[int]], Mapping[int, str]] | None
) -> list[dict[str, Any]]:
    items = contested_items(votes)
    keys = [int(votes.item_keys[row.item]) for row in items]
    names = public_ids(keys) if public_ids and keys else {}
    return [
        {
            "comparison_id": names.get(key),
            "item": row.item,
            "model_a": row.model_a,
            "model_b": row.model_b,
            "counts": row.counts,
            "judgment_count": sum(row.counts.values()),
            "agreement": row.agreement,
            "disagreement": row.disagreement,
        }
        for row, key in zip(items, keys, strict=True)
    ]
