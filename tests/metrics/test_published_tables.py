"""Numbers printed elsewhere, met from the tables they were computed from."""

import json
from pathlib import Path
from typing import Any

import evalica
import numpy as np
import pytest

from labeling.metrics import agreement
from labeling.metrics.bradley_terry import bradley_terry
from tests.metrics.building import encounters_of, patterns_of

GOLDEN: dict[str, Any] = json.loads(
    (Path(__file__).parent.parent / "golden" / "textbook.json").read_text()
)


@pytest.mark.parametrize(
    ("measure", "statistic"),
    [
        ("nominal", agreement.ALPHA_NOMINAL),
        ("ordinal", agreement.ALPHA_ORDINAL),
        ("interval", agreement.alpha_interval(range(1, 6))),
        ("ratio", agreement.alpha_ratio(range(1, 6))),
    ],
)
def test_alpha_of_krippendorffs_own_example(measure: str, statistic: agreement.Statistic) -> None:
    table = GOLDEN["krippendorff_2011"]
    (alpha,) = agreement.estimate(patterns_of(table["ratings"]), [statistic])
    assert alpha.value == pytest.approx(table["alpha"][measure], abs=5e-4)
    assert alpha.n == 11  # the twelfth unit has one rating


def test_ac1_and_general_fleiss_of_gwets_example() -> None:
    table = GOLDEN["krippendorff_2011"]
    ac1, fleiss = agreement.estimate(
        patterns_of(table["ratings"]), [agreement.gwet_ac1(5), agreement.FLEISS_KAPPA]
    )
    assert ac1.value == pytest.approx(table["gwet_ac1"], abs=5e-6)
    assert fleiss.value == pytest.approx(table["fleiss"], abs=5e-6)


def test_bradley_terry_of_the_1987_baseball_season() -> None:
    table = GOLDEN["baseball_1987"]
    encounters, names = encounters_of((*game, 0) for game in table["games"])
    fit = bradley_terry(encounters)
    over_baltimore = fit.strength - fit.strength[names.index("Baltimore")]
    assert fit.converged
    for name, value in zip(names, over_baltimore, strict=True):
        assert round(float(value), 4) == table["four_decimals"][name]
        assert round(float(value), 2) == pytest.approx(table["published"][name], abs=1e-9)


@pytest.mark.parametrize("name", ["evalica_food", "evalica_simple"])
def test_small_tables_of_evalica(name: str) -> None:
    table = GOLDEN[name]
    code = {"left": (1, 0, 0), "right": (0, 1, 0), "tie": (0, 0, 1)}
    games = [(left, right, *code[winner]) for left, right, winner in table["games"]]
    encounters, names = encounters_of(games)
    fit = bradley_terry(encounters)
    share = np.exp(fit.strength) / np.exp(fit.strength).sum()
    for model, value in zip(names, share, strict=True):
        # evalica stops once a step is below 1e-6.
        assert float(value) == pytest.approx(table["bradley_terry"][model], abs=1e-5)
    wins, ties = encounters.matrices()
    for model, won, tied in zip(names, wins.sum(axis=1), ties.sum(axis=1), strict=True):
        assert won + tied / 2 == table["counting"][model]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_evalica_finds_the_same_strengths(seed: int) -> None:
    random = np.random.default_rng(seed)
    names = [f"m{k}" for k in range(9)]
    one = random.integers(0, 9, 700)
    other = (one + random.integers(1, 9, 700)) % 9
    outcome = random.integers(0, 3, 700)
    winner = [evalica.Winner.X, evalica.Winner.Y, evalica.Winner.Draw]
    oracle = evalica.bradley_terry(
        [names[k] for k in one],
        [names[k] for k in other],
        [winner[k] for k in outcome],
        tie_weight=0.5,
        tolerance=1e-14,
        limit=100_000,
    )
    encounters, models = encounters_of(
        (names[i], names[j], int(w == 0), int(w == 1), int(w == 2))
        for i, j, w in zip(one, other, outcome, strict=True)
    )
    theirs = np.log([oracle.scores[name] for name in models])
    assert bradley_terry(encounters).strength == pytest.approx(theirs - theirs.mean(), abs=1e-8)
