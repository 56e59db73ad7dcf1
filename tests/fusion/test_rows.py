"""The rows of a photo: every cell is in one of them, and what they say adds up to what the cells say."""

from __future__ import annotations

import numpy as np
import pytest

from data.distribution import CellDistribution
from detectors.base import Evidence, PointEvidence
from fusion.evidence import log_likelihood_ratio
from fusion.rows import Rows, countries_of_cells, weighed

GERMAN = Evidence(-2.0, {"DE": 1.5, "AT": 1.4, "CH": 1.0})
VIENNA = Evidence(-1.0, points=(PointEvidence(48.2082, 16.3738, 10.0, 5.0),))


@pytest.fixture
def evidence(density: CellDistribution) -> np.ndarray:
    return sum(log_likelihood_ratio(e, density.partition) for e in (GERMAN, VIENNA))


@pytest.fixture
def rows(density: CellDistribution, evidence: np.ndarray) -> Rows:
    return Rows.of(density, evidence)


def test_every_cell_is_in_one_row_and_the_rows_hold_the_priors_mass(density: CellDistribution, rows: Rows) -> None:
    assert len(rows) < 150
    p = density.p.astype(np.float64)
    assert np.exp(rows.log_p0) == pytest.approx(np.bincount(rows.of_cell, weights=p))
    assert np.array_equal(rows.of_cell[rows.cells], np.arange(len(rows.cells)))
    country = countries_of_cells(density.partition)
    for row in range(len(rows.cells), len(rows)):
        members = country[rows.of_cell == row]
        assert len(members) > 0
        assert rows.countries[row] == -1 or np.all(members == rows.countries[row])


def test_the_cells_that_evidence_points_at_are_rows_of_their_own(density: CellDistribution, rows: Rows) -> None:
    vienna = density.partition.cells_of(48.2082, 16.3738)[0]
    assert vienna in rows.cells
    assert int(np.argmax(density.p)) in rows.cells


def test_the_pool_over_rows_is_the_pool_over_cells(density: CellDistribution, evidence: np.ndarray, rows: Rows) -> None:
    logits = np.log(density.p.astype(np.float64)) + evidence
    q = np.exp(logits - logits.max())
    q /= q.sum()
    np.testing.assert_allclose(np.exp(rows.log_p0 + rows.gain), np.bincount(rows.of_cell, weights=q), rtol=1e-9)
    np.testing.assert_allclose(rows.posterior(rows.log_p0 + rows.gain), q, rtol=1e-4, atol=1e-9)


def test_what_is_told_of_a_row_is_the_mean_likelihood_ratio_of_its_cells(density: CellDistribution, rows: Rows) -> None:
    told = log_likelihood_ratio(GERMAN, density.partition)
    here, country = rows.told(weighed(density, told))
    p, ratio = density.p.astype(np.float64), np.exp(told)
    whole = (p * ratio).sum() / p.sum()
    for row in (0, len(rows.cells) - 1, len(rows.cells), len(rows) - 1):
        members = rows.of_cell == row
        assert here[row] == pytest.approx(np.log((p * ratio)[members].sum() / p[members].sum() / whole))
        if rows.countries[row] >= 0:
            of_country = countries_of_cells(density.partition) == rows.countries[row]
            expected = np.log((p * ratio)[of_country].sum() / p[of_country].sum() / whole)
            assert country[row] == pytest.approx(expected)


@pytest.mark.parametrize("kept", [1, 2, 50])
def test_a_prior_with_few_possible_cells_keeps_to_them(
    density: CellDistribution, evidence: np.ndarray, kept: int
) -> None:
    p = np.zeros(len(density.p))
    p[:: len(p) // kept][:kept] = 1.0 / kept
    rows = Rows.of(CellDistribution(density.partition, p.astype(np.float32)), evidence)
    posterior = rows.posterior(rows.log_p0 + rows.gain)
    assert posterior.sum() == pytest.approx(1.0, abs=1e-5)
    assert np.all(posterior[p == 0.0] == 0.0)


def test_evidence_beyond_a_floats_range_stays_finite(density: CellDistribution) -> None:
    evidence = np.full(len(density.p), -900.0)
    evidence[7] = 900.0
    rows = Rows.of(density, evidence)
    assert np.isfinite(rows.gain).all()
    assert rows.posterior(rows.log_p0 + rows.gain)[7] == pytest.approx(1.0)
    assert np.isfinite(rows.posterior(rows.log_p0)).all()
