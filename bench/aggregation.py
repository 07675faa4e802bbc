"""How often each rule names the better answer, and how well raters are told apart, on planted
raters; and how long all of it takes at a million votes.
"""

import json
import time
from typing import Any

import numpy as np

from bench.metrics import peak_megabytes, simulated_votes
from labeling.metrics.aggregation import RULES, aggregate_first, learn_from_first
from labeling.metrics.joint_model import JointFit
from labeling.metrics.reliability import histories, reliabilities
from labeling.metrics.rules import compare_rules
from labeling.metrics.votes import Floats
from tests.metrics.planted_raters import Planted, planted, right

RUNS = 20
RATERS = {30: 400, 100: 200, 600: 100, 1000: 100}
TARGETS = {30: 0.87, 100: 0.88, 600: 0.89}
SIDE, LENGTH = 0.3, 0.5


def main() -> dict[str, Any]:
    """Three votes an item; 20 pools for each number of votes a rater, then the speed."""
    figures: dict[str, Any] = {
        "accuracy": {str(n): _accuracy(n, strengths=0.0) for n in TARGETS},
        "accuracy_with_strengths_of_sd_1": {str(n): _accuracy(n, strengths=1.0) for n in TARGETS},
        "targets": {str(n): target for n, target in TARGETS.items()},
        "raters": {str(n): _raters(n) for n in (100, 1000)},
        "target_spearman": {"100": 0.75, "1000": 0.95},
        "leanings": _leanings(),
        "million": _million(),
    }
    print(json.dumps(figures, indent=2))
    return figures


def _accuracy(per_rater: int, *, strengths: float) -> dict[str, Any]:
    """The mean share of right answers by rule, and the worst difference to the majority's."""
    shares: dict[str, list[float]] = {rule: [] for rule in RULES}
    for seed in range(RUNS):
        case = planted(
            raters=RATERS[per_rater], per_rater=per_rater, seed=seed, strengths=strengths
        )
        first = case.votes.first_votes()
        for rule, answers in aggregate_first(first, learn_from_first(first)).items():
            shares[rule].append(right(answers, case))
    gains = {
        rule: min(np.array(shares[rule]) - np.array(shares["majority"]))
        for rule in RULES
        if rule != "majority"
    }
    return {
        **{rule: round(float(np.mean(values)), 4) for rule, values in shares.items()},
        "least_gain_on_majority": {rule: round(float(gain), 4) for rule, gain in gains.items()},
    }


def _raters(per_rater: int) -> dict[str, float]:
    """Rank correlation of abilities with those planted, and how often intervals hold them."""
    correlations, inside = [], []
    for seed in range(RUNS):
        case, fit = _fit(per_rater, seed)
        correlations.append(_spearman(fit.ability, case.ability))
        errors = np.abs(fit.ability - case.ability) / fit.ability_error
        inside.append(float((errors < 1.96).mean()))
    return {
        "spearman": round(float(np.mean(correlations)), 4),
        "least_spearman": round(min(correlations), 4),
        "coverage": round(float(np.mean(inside)), 4),
    }


def _leanings() -> dict[str, float]:
    """How often a planted pull of the left and of length lies within two standard errors."""
    hits = {"side": 0, "length": 0}
    runs = 5 * RUNS
    for seed in range(runs):
        _, fit = _fit(100, seed, side=SIDE, length=LENGTH, strengths=1.0)
        hits["side"] += abs(fit.side - SIDE) < 2 * fit.side_error
        hits["length"] += abs(fit.length - LENGTH) < 2 * fit.length_error
    return {"runs": runs} | {name: count / runs for name, count in hits.items()}


def _fit(
    per_rater: int, seed: int, *, side: float = 0.0, length: float = 0.0, strengths: float = 0.0
) -> tuple[Planted, JointFit]:
    case = planted(
        raters=100,
        per_rater=per_rater,
        seed=seed,
        side=side,
        length=length,
        strengths=strengths,
    )
    return case, learn_from_first(case.votes.first_votes()).joint


def _spearman(one: Floats, other: Floats) -> float:
    ranks = [np.argsort(np.argsort(values)).astype(np.float64) for values in (one, other)]
    return float(np.corrcoef(ranks[0], ranks[1])[0, 1])


def _million() -> dict[str, Any]:
    """The section of the report at 10^6 judgments, 100 models, 1,000 raters, 3 votes an item."""
    votes = simulated_votes(judgments=999_999, models=100, raters=1_000, per_item=3)
    nothing = np.full(votes.item_count, -1, np.int8)
    before = peak_megabytes()
    start, cpu = time.perf_counter(), time.process_time()
    found = compare_rules(votes, judges=[False] * 1_000, gold=nothing, reviewed=nothing)
    compared, compared_cpu = time.perf_counter(), time.process_time()
    reliabilities(found.learned.joint)
    moments = np.linspace(1.7e9, 1.72e9, len(found.counted)).astype(np.int64)
    histories(found.learned.joint, found.counted, moments, found.better_a)
    done, done_cpu = time.perf_counter(), time.process_time()
    return {
        "rules_seconds": round(compared - start, 2),
        "rules_cpu_seconds": round(compared_cpu - cpu, 2),
        "history_seconds": round(done - compared, 2),
        "history_cpu_seconds": round(done_cpu - compared_cpu, 2),
        "steps": found.learned.joint.iterations,
        "more_megabytes": round(peak_megabytes() - before),
        "target_seconds": 1.5,
    }


if __name__ == "__main__":
    main()
