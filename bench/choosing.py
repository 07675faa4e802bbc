"""Which pair next, when to stop, how many are needed: on planted models and items, by the product's
own rules.

40 models of sd 1 in logits. Votes to a goal are where the mean over the runs first reaches it,
between the two marks around it; `share` is of what asking evenly takes.
"""

import os
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import combinations
from typing import Any, Final

import numpy as np

from labeling.metrics.bradley_terry import Encounters, bradley_terry
from labeling.metrics.power import design_effect, gap_of, judgments_needed, labels
from labeling.metrics.stopping import evidence
from labeling.metrics.votes import Floats, Ints
from labeling.pairing.allocation import Candidates, allot
from labeling.pairing.ranking import Ranking
from labeling.pairing.rules import normal_tail
from labeling.pairing.settings import PairingSettings, Rule

MODELS: Final = tuple(f"m{k:02d}" for k in range(40))
PAIRS: Final = np.array(list(combinations(range(len(MODELS)), 2)), dtype=np.int64)
FIRST, SECOND = PAIRS.T
GROUPS: Final = [Candidates(MODELS[i], MODELS[j], 1_000_000) for i, j in PAIRS]
TOP: Final = 5


@dataclass(frozen=True)
class Marks:
    """After so many votes, the mean over runs of each figure."""

    votes: Ints
    tau: Floats
    top: Floats
    rmse: Floats
    rmse_board: Floats

    def reach(self, values: Floats, goal: float) -> float | None:
        """The votes at which the mean reaches the goal; None where it does not."""
        smooth = np.convolve(np.pad(values, 1, mode="edge"), [0.25, 0.5, 0.25], "valid")
        at = np.flatnonzero(smooth >= goal)
        if not len(at):
            return None
        k = int(at[0])
        if k == 0:
            return float(self.votes[0])
        part = (smooth[k] - goal) / (smooth[k] - smooth[k - 1])
        return float(self.votes[k] - part * (self.votes[k] - self.votes[k - 1]))

    def at(self, values: Floats, votes: int) -> float:
        """The mean after so many votes."""
        return float(np.interp(votes, self.votes, values))


def grown(rule: Rule, votes: int, seed: int, *, batch: int, mark: int, share: float) -> Floats:
    """One run: rows of tau, top, rmse of the posterior's mode and of the leaderboard, by mark."""
    rng = np.random.default_rng(seed)
    planted = rng.normal(0, 1, len(MODELS))
    planted -= planted.mean()
    chance = 1 / (1 + np.exp(planted[SECOND] - planted[FIRST]))
    games, wins = np.zeros(len(PAIRS), np.int64), np.zeros(len(PAIRS), np.int64)
    ranking = Ranking.unknown(MODELS)
    rows = []
    for number in range(votes // batch):
        made = allot(
            GROUPS,
            budget=batch,
            # The first batch has nothing to go by.
            rule=rule if number else "all",
            settings=PairingSettings(k=TOP, uniform_share=share),
            ranking=ranking,
            overlap=1,
            seed=seed * 100_003 + number,
        )
        asked = np.zeros(len(PAIRS), np.int64)
        place = {(row.candidates.model_a, row.candidates.model_b): row.count for row in made}
        for k, group in enumerate(GROUPS):
            asked[k] = place.get((group.model_a, group.model_b), 0)
        games += asked
        wins += rng.binomial(asked, chance)
        is_mark = (number + 1) * batch % mark == 0
        if rule not in ("all", "random") or is_mark:
            ranking = ranked(games, wins)
        if is_mark:
            rows.append(figures(ranking.strength, board(games, wins), planted))
    return np.array(rows)


def ranked(games: Ints, wins: Ints) -> Ranking:
    """What the product knows after these votes."""
    cells: list[list[dict[str, float] | None]] = [[None] * len(MODELS) for _ in MODELS]
    for (i, j), n, won in zip(PAIRS.tolist(), games.tolist(), wins.tolist(), strict=True):
        if n:
            cells[i][j] = {"n": n, "value": won / n}
    body = {
        "leaderboard": [{"model": name, "strength": 0.0} for name in MODELS],
        "win_matrix": {"models": list(MODELS), "cells": cells},
    }
    return Ranking.of_report(MODELS, body)


def board(games: Ints, wins: Ints) -> Floats:
    """The strengths of the leaderboard."""
    met = games > 0
    rows = np.column_stack(
        [FIRST[met], SECOND[met], wins[met], games[met] - wins[met], np.zeros(met.sum(), np.int64)]
    )
    encounters = Encounters.from_rows(rows)
    found = np.zeros(len(MODELS))
    found[encounters.models] = bradley_terry(encounters).strength
    return found


def figures(mode: Floats, shown: Floats, planted: Floats) -> tuple[float, float, float, float]:
    """Kendall's tau, the share of the best five found, and both errors."""
    agree = np.sign(mode[FIRST] - mode[SECOND]) * np.sign(planted[FIRST] - planted[SECOND])
    best, found = (set(np.argsort(-values)[:TOP].tolist()) for values in (planted, mode))
    return (
        float(agree.mean()),
        len(best & found) / TOP,
        float(np.sqrt(((mode - planted) ** 2).mean())),
        float(np.sqrt(((shown - planted) ** 2).mean())),
    )


def marks(rule: Rule, votes: int, *, batch: int, mark: int, runs: int, share: float = 0.1) -> Marks:
    """The mean of so many runs, as many at a time as there are cores."""
    run = partial(grown, rule, votes, batch=batch, mark=mark, share=share)
    with ProcessPoolExecutor(max_workers=os.cpu_count()) as pool:
        mean = np.mean(list(pool.map(run, range(runs))), axis=0)
    at = (np.arange(len(mean)) + 1) * mark
    return Marks(at, *mean.T)


def choosing(runs: int, *, batch: int = 50) -> dict[str, Any]:
    """The three goals, by rule, with what asking evenly takes beside them."""
    even = marks("random", 26_000, batch=250, mark=250, runs=runs)
    rank = marks("uncertain", 4_500, batch=batch, mark=250, runs=runs)
    best = marks("topk", 7_000, batch=batch, mark=250, runs=runs)
    taus, tops = even.reach(even.tau, 0.90), even.reach(even.top, 0.95)
    rank_taus, best_tops = rank.reach(rank.tau, 0.90), best.reach(best.top, 0.95)
    return {
        "runs": runs,
        "tau_90": {
            "random": taus,
            "uncertain": rank_taus,
            "share": rank_taus / taus if rank_taus and taus else None,
        },
        "top5_95": {
            "random": tops,
            "topk": best_tops,
            "share": best_tops / tops if best_tops and tops else None,
        },
        "rmse_by_rule_over_even": {
            str(votes): {
                "uncertain": rank.at(rank.rmse, votes) / even.at(even.rmse, votes),
                "uncertain_on_the_board": rank.at(rank.rmse_board, votes)
                / even.at(even.rmse_board, votes),
                "topk": best.at(best.rmse, votes) / even.at(even.rmse, votes),
            }
            for votes in (2_000, 3_000, 4_000)
        },
        "rmse_even": {str(v): even.at(even.rmse, v) for v in (2_000, 3_000, 4_000)},
    }


def best_fixed_design(runs: int, votes: int = 3_000) -> dict[str, float]:
    """What the best even-handed plan could save that knew the planted strengths beforehand.

    Votes are spread over pairs of models so that the expected number of models in the wrong order
    is least, by multiplicative steps (Silvey, Titterington and Torsney 1978); `share` is of what
    asking evenly takes for the same.
    """

    def error(planted: Floats, weight: Floats, n: float) -> tuple[Floats, Floats, Floats, float]:
        p = 1 / (1 + np.exp(planted[SECOND] - planted[FIRST]))
        told = p * (1 - p)
        information = np.eye(len(planted))
        for i, j, sign in ((FIRST, FIRST, 1), (SECOND, SECOND, 1), (FIRST, SECOND, -1)):
            np.add.at(information, (i, j), sign * n * weight * told)
            if sign < 0:
                np.add.at(information, (j, i), sign * n * weight * told)
        covariance = np.linalg.inv(information)
        own = np.diag(covariance)
        variance = own[FIRST] + own[SECOND] - 2 * covariance[FIRST, SECOND]
        z = np.abs(planted[FIRST] - planted[SECOND]) / np.sqrt(variance)
        return np.asarray(covariance, np.float64), variance, told, float(normal_tail(z).mean())

    shares = []
    even = np.full(len(PAIRS), 1 / len(PAIRS))
    for seed in range(runs):
        planted = np.random.default_rng(seed).normal(0, 1, len(MODELS))
        weight = even
        for _ in range(150):
            covariance, variance, told, _ = error(planted, weight, votes)
            z = np.abs(planted[FIRST] - planted[SECOND]) / np.sqrt(variance)
            slope = np.exp(-(z**2) / 2) * z / variance
            pull = np.zeros((len(MODELS), len(MODELS)))
            np.add.at(pull, (FIRST, SECOND), -slope)
            pull = pull + pull.T
            pull -= np.diag(pull.sum(axis=1))
            apart = covariance[:, FIRST] - covariance[:, SECOND]
            weight = weight * np.sqrt(told * (apart * (pull @ apart)).sum(axis=0))
            weight = weight / weight.sum()
        least = error(planted, weight, votes)[3]
        low, high = float(votes), 6.0 * votes
        for _ in range(30):
            middle = (low + high) / 2
            low, high = (middle, high) if error(planted, even, middle)[3] > least else (low, middle)
        shares.append(votes / low)
    return {"share": float(np.mean(shares)), "least": min(shares), "most": max(shares)}


def stopping() -> dict[str, Any]:
    """Votes an item and right labels of the posterior rule against five votes; evidence at null."""
    found: dict[str, Any] = {}
    for sd in (0.5, 1.0, 1.5, 2.0, 3.0):
        five = labels("fixed", sd, 5)
        rows = {"five_right": five.right}
        for stop_at in (0.75, 0.8):
            rule = labels("posterior", sd, 9, stop_at=stop_at)
            rows |= {f"votes_at_{stop_at}": rule.votes, f"right_at_{stop_at}": rule.right}
        found[f"sd_{sd}"] = rows
    return {"posterior_to_9": found, "evidence_null": evidence_errors(10_000, 200)}


def evidence_errors(runs: int, votes: int, *, seed: int = 1) -> dict[str, float]:
    """How often the evidence is ever enough, looked at after every vote, where nobody prefers."""
    rng = np.random.default_rng(seed)
    won = np.cumsum(rng.random((runs, votes)) < 0.5, axis=1)
    count = np.arange(1, votes + 1)
    table = {n: np.array([evidence(a, n - a) for a in range(n + 1)]) for n in count.tolist()}
    most = np.zeros(runs)
    for n in count.tolist():
        most = np.maximum(most, table[n][won[:, n - 1]])
    return {f"error_at_{alpha}": float((most >= 1 / alpha).mean()) for alpha in (0.2, 0.1, 0.05)}


def planning(runs: int = 4_000) -> dict[str, Any]:
    """The power that plans of 80 % have in simulated studies of one pair of models.

    Items differ as planned; the test is of the share of wins, its error by item.
    """
    rng = np.random.default_rng(2)
    found: dict[str, Any] = {}
    for sd in (0.0, 1.0, 2.0):
        for votes in (1, 3, 5):
            design = design_effect(0.55, sd, votes)
            items = round(judgments_needed(0.55, 0.8, design) / votes)
            found[f"sd_{sd}_votes_{votes}"] = {
                "design": design,
                "power": power_seen(rng, rate=0.55, sd=sd, items=items, votes=votes, runs=runs),
                "false_alarms": power_seen(
                    rng, rate=0.5, sd=sd, items=items, votes=votes, runs=runs
                ),
            }
    return found


def power_seen(
    rng: np.random.Generator, *, rate: float, sd: float, items: int, votes: int, runs: int
) -> float:
    """How often such a study tells the rate from a half at 5 %, its error clustered by item."""
    gap, hits = gap_of(rate, sd), 0
    for _ in range(runs):
        p = 1 / (1 + np.exp(-(gap + sd * rng.normal(size=items))))
        won = rng.binomial(votes, p) / votes
        error = won.std(ddof=1) / np.sqrt(items)
        hits += int(abs(won.mean() - 0.5) > 1.959964 * error)
    return hits / runs


def main() -> dict[str, Any]:
    """All of it; some five minutes on two cores."""
    return {
        "planning": planning(),
        "stopping": stopping(),
        "best_fixed_design": best_fixed_design(20),
        "choosing": choosing(50),
    }
