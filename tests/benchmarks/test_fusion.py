"""The figures that fusion is judged by."""

import math

import numpy as np
import pytest

from benchmarks.fusion import best_clue, rows_of, run, table
from benchmarks.fusion_scores import (
    AREAS_KM2,
    Case,
    Told,
    covered,
    ece,
    ece_by_chance,
    figures,
    gains,
    never_worse,
    told,
)
from data.distribution import CellDistribution
from data.partition import load_default
from detectors.base import Clue, Evidence
from fusion.context import NOTHING_KNOWN
from fusion.pool import LogLinearPool

PARTITION = load_default()
VIENNA = (48.2, 16.37)
CELL = int(PARTITION.cells_of(*VIENNA)[0])


def _spread(p_true: float) -> CellDistribution:
    """``p_true`` on Vienna's cell, the rest by area."""
    p = PARTITION.area_km2.astype(np.float64)
    p[CELL] = 0.0
    p *= (1.0 - p_true) / p.sum()
    p[CELL] = p_true
    return CellDistribution(PARTITION, p.astype(np.float32))


def _case(prior: CellDistribution, *clues: Clue, exact_km: float = 0.0) -> Case:
    return Case(prior, clues, NOTHING_KNOWN, VIENNA, "AT", exact_km)


def _row(km: float, within: float = 0.0, bits: float = 0.0) -> Told:
    return Told(km, within, within, 10.0, bits, bits, 0.5, 1.0)


def test_answers_that_are_right_as_often_as_they_say_have_no_calibration_error() -> None:
    rng = np.random.default_rng(0)
    sure = rng.uniform(0.1, 1.0, 100_000)
    right = (rng.random(len(sure)) < sure).astype(float)
    assert ece(sure, right) < 0.01
    assert ece(np.minimum(1.0, sure + 0.2), right) > 0.1
    assert ece_by_chance(sure[:50]) > 3.0 * ece_by_chance(sure[:5000])


def test_calibration_error_weighs_bins_by_their_photos() -> None:
    # Three photos in two bins: {0.2, 0.4} with one right, {0.9} wrong.
    assert ece(np.array([0.9, 0.2, 0.4]), np.array([0.0, 1.0, 0.0]), bins=2) == pytest.approx((2 * 0.2 + 0.9) / 3)


def test_bits_are_those_of_the_true_cell_and_the_true_country() -> None:
    said = _spread(0.125)
    worth = told(said, _case(said))
    assert worth.cell_bits == pytest.approx(-3.0, abs=1e-4)
    assert worth.country_bits == pytest.approx(math.log2(said.countries()["AT"]))
    assert figures([worth])["cell_bits"] == pytest.approx(3.0, abs=1e-4)


def test_the_densest_cell_is_in_every_region_and_has_its_own_area() -> None:
    said = _spread(0.5)
    worth = told(said, _case(said))
    assert worth.denser == 0.0
    assert worth.area_km2 == pytest.approx(float(PARTITION.area_km2[CELL]), rel=1e-5)


def test_a_true_cell_that_is_excluded_is_in_no_region_and_costs_a_finite_number_of_bits() -> None:
    worth = told(_spread(0.0), _case(_spread(0.0)))
    assert worth.denser == 1.0
    assert worth.area_km2 == math.inf
    assert worth.cell_bits == -40.0


def test_truths_drawn_from_the_answer_are_covered_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    # A few heavy cells far apart: regions of cells cannot be finer than their cells.
    p = rng.random(len(PARTITION))
    said = CellDistribution(PARTITION, (p / p.sum()).astype(np.float32))
    cells = rng.choice(len(PARTITION), 150, p=p / p.sum())
    rows = [
        told(said, Case(said, (), NOTHING_KNOWN, (float(PARTITION.lat[c]), float(PARTITION.lon[c])), ""))
        for c in cells
        if int(PARTITION.cells_of(float(PARTITION.lat[c]), float(PARTITION.lon[c]))[0]) == c
    ]
    found = figures(rows)
    for mass in (50, 80, 95):
        assert found[f"radius_{mass}"] == pytest.approx(mass, abs=10)
        assert found[f"region_{mass}"] == pytest.approx(mass, abs=10)
    assert math.isnan(found["country"])


def test_coverage_leaves_out_what_is_not_known() -> None:
    assert covered(np.array([0.1, 0.6, np.nan]), 0.5) == 0.5


def test_recall_grows_with_the_area() -> None:
    rng = np.random.default_rng(0)
    rows = [Told(1.0, 0.1, 0.1, float(a), 0.0, 0.0, 0.5, 1.0) for a in 10.0 ** rng.uniform(2, 8, 200)]
    found = figures(rows)
    shares = [found[f"recall_{area:.0e}".replace("e+0", "e")] for area in AREAS_KM2]
    assert shares == sorted(shares)
    assert 0.0 < shares[0] < shares[-1] < 100.0


def test_bands_that_the_truth_is_too_rough_for_are_not_given() -> None:
    said = _spread(0.5)
    worth = told(said, _case(said, exact_km=25.0))
    found = figures([worth], 25.0)
    assert math.isnan(found["within_1"]) and math.isnan(found["cell_bits"])
    assert found["within_25"] in (0.0, 100.0)
    assert "within_1" not in gains([worth], [worth], np.array([0]), 25.0)


def test_gains_are_paired_by_place() -> None:
    ours = [_row(10.0, bits=-1.0), _row(10.0, bits=-1.0), _row(3000.0, bits=-2.0)]
    theirs = [_row(100.0, bits=-2.0), _row(100.0, bits=-2.0), _row(3000.0, bits=-2.0)]
    found = gains(ours, theirs, np.array([0, 0, 1]))
    assert found["within_25"][0] == pytest.approx(200 / 3)
    assert found["within_25"][1:] == (0.0, 100.0)  # both drawn places may be either
    assert found["cell_bits"][0] == pytest.approx(2 / 3)
    assert found["within_200"] == (0.0, 0.0, 0.0)


def test_the_promise_is_broken_by_one_band() -> None:
    assert never_worse({"within_25": (0.0, -0.9, 1.0), "geoscore": (-9.0, -9.0, -9.0)}) is True
    assert never_worse({"within_25": (0.0, -0.9, 1.0), "within_750": (2.0, -1.0, 4.0)}) is False
    assert never_worse({}) is None


def test_the_best_clue_is_the_one_that_moves_the_prior_most() -> None:
    weak = Clue("language", "x", "x", Evidence(-0.2, {"FR": 0.0}))
    strong = Clue("language", "y", "y", Evidence(-5.0, {"AT": 0.0}))
    pool = LogLinearPool()
    prior = _spread(0.001)
    answer = best_clue(pool, _case(prior, weak, strong))
    assert np.array_equal(answer.p, pool.fuse(prior, [strong]).posterior.p)


def test_a_run_gives_a_row_for_all_photos_and_one_for_those_with_a_clue() -> None:
    prior = _spread(0.001)
    clue = Clue("language", "y", "y", Evidence(-5.0, {"AT": 0.0}))
    results = run([_case(prior, clue), _case(prior)], {"pool": LogLinearPool(), "again": LogLinearPool()})
    rows = list(rows_of("made", "area", results, ["again"]))
    assert [(row["photos"], row["n"], row["system"]) for row in rows] == [
        (group, n, system)
        for group, n in (("all", 2), ("clue", 1))
        for system in ("prior", "best clue", "pool", "again")
    ]
    by_name = {(row["photos"], row["system"]): row for row in rows}
    assert by_name["clue", "pool"]["cell_bits_over_prior"].startswith("+")
    assert by_name["clue", "again"]["cell_bits_over_pool"] == "+0 [+0, +0]"
    assert by_name["all", "prior"]["cell_bits"] == by_name["clue", "prior"]["cell_bits"]
    assert "promise" not in by_name["all", "prior"]
    assert "again over pool" in table(rows)
