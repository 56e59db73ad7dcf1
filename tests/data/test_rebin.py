from __future__ import annotations

import numpy as np
import pytest

from backbone.density import DensityPrior
from data.distribution import CellDistribution, InCell
from data.errors import RequestError
from data.partition import Partition, load_default
from data.rebin import Rebinning, rebinned, rebinning
from tests.backbone.trained import small_partition


@pytest.fixture(scope="module")
def towns() -> Partition:
    return small_partition()


@pytest.fixture(scope="module")
def shipped() -> Partition:
    return load_default()


def only_in(partition: Partition, lat: float, lon: float) -> CellDistribution:
    p = np.zeros(len(partition), np.float32)
    p[partition.cells_of(lat, lon)] = 1.0
    return CellDistribution(partition, p)


def apart(one: dict[str, float], other: dict[str, float]) -> float:
    """Half of what one has and the other has not."""
    return 0.5 * sum(abs(one.get(code, 0.0) - other.get(code, 0.0)) for code in {*one, *other})


def test_on_the_same_partition_nothing_moves_at_all(towns: Partition) -> None:
    said = DensityPrior(towns).distribution
    assert rebinned(said, towns) is said
    rows = np.stack([said.p, said.p])
    assert Rebinning(towns, small_partition()).rows(rows) is rows  # made twice, but the same cells


def test_all_mass_arrives_and_nothing_is_negative(towns: Partition, shipped: Partition) -> None:
    rng = np.random.default_rng(0)
    rows = rng.dirichlet(np.full(len(towns), 0.1), 5).astype(np.float32)
    there = rebinning(towns, shipped).rows(rows)
    assert there.shape == (5, len(shipped)) and there.dtype == np.float32
    np.testing.assert_allclose(there.sum(axis=1, dtype=np.float64), 1.0, atol=1e-5)
    assert there.min() >= 0.0
    np.testing.assert_array_equal(there[3], rebinned(CellDistribution(towns, rows[3]), shipped).p)


def test_countries_keep_nearly_all_of_their_mass(towns: Partition, shipped: Partition) -> None:
    said = only_in(towns, 48.2, 16.4)
    assert apart(rebinned(said, shipped).countries(), said.countries()) < 0.15
    density = DensityPrior(shipped).distribution
    other = DensityPrior(towns).distribution
    there = rebinned(other, shipped)  # of a hundred cells, most of them as large as continents
    assert apart(there.countries(), other.countries()) < apart(density.countries(), other.countries())


def test_a_certain_place_lands_where_it_is(towns: Partition, shipped: Partition) -> None:
    for lat, lon in ((48.2, 16.4), (-33.9, 151.2), (35.7, 139.7)):
        said = only_in(towns, lat, lon)
        there = rebinned(said, shipped)
        cell = int(np.argmax(said.p))
        middle, spread = (float(towns.lat[cell]), float(towns.lon[cell])), float(towns.spread_km[cell])
        reach = float(shipped.spread_km[shipped.cells_of(*middle)][0])
        assert there.mass_within(*middle, 4.0 * spread + 4.0 * reach) > 0.9


def test_narrowed_mass_moves_from_where_it_was_narrowed_to(towns: Partition, shipped: Partition) -> None:
    said = only_in(towns, 48.2, 16.4)
    n = len(towns)
    narrowed = CellDistribution(towns, said.p, InCell(np.full(n, 47.0), np.full(n, 8.0), np.full(n, 0.01)))
    there = rebinned(narrowed, shipped)
    assert there.p[shipped.cells_of(47.0, 8.0)] == pytest.approx(1.0)


def test_on_a_coarser_level_a_cell_goes_into_its_own_group(shipped: Partition) -> None:
    said = DensityPrior(shipped).distribution
    np.testing.assert_allclose(rebinned(said, shipped.at("coarse")).p, said.at_level("coarse").p, rtol=1e-5)
    with_points = Rebinning(shipped.at("middle"), shipped)(said.at_level("middle"))
    assert apart(with_points.countries(), said.countries()) < 0.1


def test_distributions_over_other_cells_are_refused(towns: Partition, shipped: Partition) -> None:
    move = rebinning(towns, shipped)
    with pytest.raises(RequestError, match="needed"):
        move(DensityPrior(shipped).distribution)
    with pytest.raises(RequestError, match=r"\(m, "):
        move.rows(np.ones((2, 3), np.float32))
    with pytest.raises(RequestError, match="at least 1"):
        Rebinning(towns, shipped, sub_points=0)


def test_a_constraint_does_not_silently_become_another(towns: Partition, shipped: Partition) -> None:
    said = CellDistribution(towns, only_in(towns, 48.2, 16.4).p, allowed=np.ones(len(towns.region_codes), np.bool_))
    with pytest.raises(RequestError, match="constrain it"):
        rebinned(said, shipped)
    inside = np.ones(len(shipped.region_codes), np.bool_)
    kept = rebinned(CellDistribution(shipped, only_in(shipped, 48.2, 16.4).p, allowed=inside), shipped.at("coarse"))
    assert kept.allowed is inside


def test_the_matrix_is_made_once_for_each_pair(towns: Partition, shipped: Partition) -> None:
    assert rebinning(towns, shipped) is rebinning(towns, shipped)
