"""Where mass lies inside cells: mixed, and seen in coarser cells."""

from __future__ import annotations

import numpy as np
import pytest

from data.distribution import CellDistribution
from data.geodesy import haversine_km
from data.in_cell import InCell, averaged_in_cell, grouped_in_cell


def at(lat: float, lon: float, spread: float) -> InCell:
    return InCell(np.array([lat]), np.array([lon]), np.array([spread]))


def test_a_mixture_has_the_mean_and_variance_of_its_parts() -> None:
    joint = averaged_in_cell([at(10.0, 179.95, 3.0), at(10.0, -179.95, 5.0)])
    assert joint.lat[0] == pytest.approx(10.0, abs=1e-3) and abs(joint.lon[0]) == pytest.approx(180.0, abs=1e-6)
    half = haversine_km(10.0, 179.95, 10.0, 180.0)
    assert joint.spread_km[0] == pytest.approx(np.sqrt((9.0 + 25.0) / 2.0 + half**2 / 2.0), rel=1e-3)
    one = at(1.0, 2.0, 3.0)
    assert averaged_in_cell([one]) is one
    same = averaged_in_cell([one, at(1.0, 2.0, 3.0)])
    assert (same.lat[0], same.lon[0], same.spread_km[0]) == (1.0, 2.0, 3.0)
    with pytest.raises(ValueError, match="at least one"):
        averaged_in_cell([])


def test_parts_count_by_their_share_in_whatever_order_they_come() -> None:
    parts = [at(10.0, 20.0, 3.0), at(10.3, 20.1, 5.0), at(9.9, 20.7, 4.0)]
    share = np.array([[0.1], [0.7], [0.2]])
    joint = averaged_in_cell(parts, share)
    assert joint.lat[0] == pytest.approx(0.1 * 10.0 + 0.7 * 10.3 + 0.2 * 9.9, abs=1e-3)
    assert averaged_in_cell(parts[:2], np.array([[1.0], [0.0]])).spread_km[0] == pytest.approx(3.0)
    for order in ([2, 0, 1], [1, 2, 0], [0, 2, 1]):
        for other, same in (
            (averaged_in_cell([parts[k] for k in order], share[order]), joint),
            (averaged_in_cell([parts[k] for k in order]), averaged_in_cell(parts)),
        ):
            assert (other.lat[0], other.lon[0], other.spread_km[0]) == (same.lat[0], same.lon[0], same.spread_km[0])


def test_coarser_cells_have_the_mass_of_their_cells() -> None:
    inside = InCell(np.array([0.0, 0.0, 5.0]), np.array([0.0, 0.2, 7.0]), np.array([2.0, 2.0, 9.0]))
    own = InCell(np.array([1.0, 40.0]), np.array([1.0, 50.0]), np.array([100.0, 70.0]))
    coarse = grouped_in_cell(inside, np.array([0.5, 0.5, 0.0]), np.array([0, 0, 1], np.int32), own)
    assert coarse.lon[0] == pytest.approx(0.1) and (coarse.lat[1], coarse.lon[1], coarse.spread_km[1]) == (40, 50, 70)
    assert coarse.spread_km[0] == pytest.approx(np.sqrt(4.0 + haversine_km(0, 0, 0, 0.1) ** 2 / 2.0), rel=1e-3)


def test_what_was_narrowed_stays_so_at_a_coarser_level(density: CellDistribution) -> None:
    cell = int(density.p.argmax())
    p = np.zeros_like(density.p)
    p[cell] = 1.0
    spread = density.spread_km.copy()
    spread[cell] = 0.01
    said = CellDistribution(density.partition, p, InCell(density.lat, density.lon, spread))
    coarse = said.at_level("coarse")
    group = int(density.partition.parents("coarse")[cell])
    assert coarse.p[group] == 1.0 and coarse.spread_km[group] == pytest.approx(0.01, rel=1e-3)
    assert coarse.lat[group] == pytest.approx(density.lat[cell])
    assert density.at_level("coarse").in_cell is None
