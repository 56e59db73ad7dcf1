"""Spots: narrow parts of the mass inside cells, in every question that a distribution answers."""

from __future__ import annotations

import numpy as np
import pytest

from data.distribution import CellDistribution
from data.geodesy import destination, haversine_km
from data.in_cell import InCell, averaged_in_cell
from data.partition import Partition
from data.rebin import rebinned
from data.spots import Spots, fewest_spots, spots_apart

HALF = float(np.sqrt(2.0 * np.log(2.0)))  # half of an isotropic Gaussian lies within this many sigma


def wide_cell(partition: Partition, km: float = 8.0) -> int:
    """A cell of photos with about this spread."""
    return int(np.argmin(np.abs(partition.spread_km - km) + 100.0 * (partition.photos < 20)))


def spots(cell: list[int], lat: list[float], lon: list[float], sigma: list[float], share: list[float]) -> Spots:
    return Spots(np.array(cell), *(np.array(values, np.float64) for values in (lat, lon, sigma, share)))


def with_spots(partition: Partition, p: dict[int, float], told: Spots | None) -> CellDistribution:
    mass = np.zeros(len(partition), np.float32)
    for cell, share in p.items():
        mass[cell] = share
    own = InCell(partition.lat, partition.lon, partition.spread_km.astype(np.float64), told)
    return CellDistribution(partition, mass, own)


def beside(partition: Partition, cell: int, km: float, bearing: float = 70.0) -> tuple[float, float]:
    lat, lon = destination(partition.lat[cell], partition.lon[cell], bearing, km)
    return float(lat), float(lon)


def one_spot(partition: Partition, share: float, sigma: float = 0.1) -> tuple[CellDistribution, float, float]:
    """All mass in one wide cell, with one spot 6 km from its middle."""
    cell = wide_cell(partition)
    lat, lon = beside(partition, cell, 6.0)
    return with_spots(partition, {cell: 1.0}, spots([cell], [lat], [lon], [sigma], [share])), lat, lon


def sampled(distribution: CellDistribution, count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Random places of the mixture that a distribution is, drawn without its own code."""
    rng = np.random.default_rng(seed)
    cells = rng.choice(len(distribution.p), count, p=distribution.p / distribution.p.sum(dtype=np.float64))
    lat, lon = distribution.lat[cells].copy(), distribution.lon[cells].copy()
    spread = distribution.spread_km[cells].copy()
    told = distribution.spots
    assert told is not None
    u = rng.random(count)
    for cell in np.unique(told.cell).tolist():
        mine = np.flatnonzero(told.cell == cell)
        here = np.flatnonzero(cells == cell)
        which = np.searchsorted(np.cumsum(told.share[mine]), u[here], side="right")
        taken = which < len(mine)
        chosen = mine[which[taken]]
        lat[here[taken]], lon[here[taken]] = told.lat[chosen], told.lon[chosen]
        spread[here[taken]] = told.sigma_km[chosen]
    return destination(lat, lon, 360.0 * rng.random(count), spread * np.sqrt(-2.0 * np.log(rng.random(count))))


def test_a_likely_spot_is_the_answer_to_the_metre_with_its_own_radius(partition: Partition) -> None:
    for share in (0.9, 1.0):
        said, lat, lon = one_spot(partition, share)
        for utility in ("geoscore", "distance", "mode"):
            assert haversine_km(*said.point(utility), lat, lon) < 0.001
        assert said.radius_km(lat, lon) == pytest.approx(0.1 * np.sqrt(-2.0 * np.log(1.0 - 0.5 / share)), rel=0.03)
    assert said.radius_km(lat, lon) == pytest.approx(0.1 * HALF, rel=0.03)


def test_a_spot_is_told_from_the_middle_of_its_cell_however_near(density: CellDistribution) -> None:
    partition = density.partition
    cells = np.flatnonzero((partition.spread_km > 2.0) & (partition.spread_km < 9.0))
    for cell, km in zip(cells[:: len(cells) // 16].tolist(), (0.3, 0.5, 1.0, 2.0) * 4, strict=False):
        lat, lon = beside(partition, cell, km)
        p = (0.1 * density.p).astype(np.float32)
        p[cell] += np.float32(1.0) - p.sum()
        told = InCell(
            partition.lat,
            partition.lon,
            partition.spread_km.astype(np.float64),
            spots([cell], [lat], [lon], [0.1], [0.7]),
        )
        assert haversine_km(*CellDistribution(partition, p, told).point(), lat, lon) < 0.001


def test_an_uncertain_spot_leaves_the_wide_radius_honest(partition: Partition) -> None:
    said, lat, lon = one_spot(partition, 0.6)
    assert haversine_km(*said.point(), lat, lon) < 0.001
    assert said.radius_km(lat, lon) == pytest.approx(0.1 * np.sqrt(-2.0 * np.log(1.0 - 0.5 / 0.6)), rel=0.03)
    d = haversine_km(lat, lon, *sampled(said, 200_000))
    assert said.radius_km(lat, lon, 0.8) == pytest.approx(float(np.quantile(d, 0.8)), rel=0.03)
    assert 4.0 < said.radius_km(lat, lon, 0.8) < 15.0


def test_an_unlikely_spot_far_from_the_middle_does_not_take_the_point(partition: Partition) -> None:
    cell = wide_cell(partition)
    lat, lon = beside(partition, cell, 20.0)
    said = with_spots(partition, {cell: 1.0}, spots([cell], [lat], [lon], [0.1], [0.1]))
    assert said.point() == (partition.lat[cell], partition.lon[cell])


def test_distances_are_those_of_random_places_of_the_mixture(partition: Partition) -> None:
    cell = wide_cell(partition)
    one, two = beside(partition, cell, 6.0), beside(partition, cell, 9.0, 200.0)
    other = int(partition.cells_of(*beside(partition, cell, 60.0))[0])
    there = beside(partition, other, 2.0)
    told = spots(
        sorted([cell, cell, other]),
        *(
            [[one[0], two[0], there[0]], [one[1], two[1], there[1]], [0.3, 1.5, 0.05], [0.5, 0.3, 0.7]]
            if cell < other
            else [[there[0], one[0], two[0]], [there[1], one[1], two[1]], [0.05, 0.3, 1.5], [0.7, 0.5, 0.3]]
        ),
    )
    said = with_spots(partition, {cell: 0.7, other: 0.3}, told)
    places = sampled(said, 400_000)
    for at in (one, two, there, (float(partition.lat[cell]), float(partition.lon[cell])), said.point()):
        d = haversine_km(*at, *places)
        for km in (0.1, 0.3, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 70.0):
            assert said.mass_within(*at, km) == pytest.approx(float((d <= km).mean()), abs=0.01)
        for mass in (0.2, 0.5, 0.8):
            assert float((d <= said.radius_km(*at, mass)).mean()) == pytest.approx(mass, abs=0.01)


def test_the_point_lies_at_the_likelier_of_two_spots_in_one_cell(partition: Partition) -> None:
    cell = wide_cell(partition)
    one, two = beside(partition, cell, 6.0), beside(partition, cell, 6.0, 250.0)
    for likelier, shares in ((one, [0.55, 0.35]), (two, [0.35, 0.55])):
        told = spots([cell, cell], [one[0], two[0]], [one[1], two[1]], [0.1, 0.1], shares)
        said = with_spots(partition, {cell: 1.0}, told)
        assert haversine_km(*said.point(), *likelier) < 0.001
        top = said.top(1)[0]
        assert haversine_km(top.lat, top.lon, *likelier) < 0.001
        assert top.radius_km == pytest.approx(said.radius_km(*likelier), rel=1e-6)


def test_a_spot_draws_the_point_only_as_far_as_all_mass_allows(density: CellDistribution) -> None:
    partition = density.partition
    cell = wide_cell(partition)
    lat, lon = beside(partition, cell, 6.0)
    p = (0.4 * density.p).astype(np.float32)
    p[cell] += np.float32(1.0) - p.sum()
    own = partition.spread_km.astype(np.float64)
    told = InCell(partition.lat, partition.lon, own, spots([cell], [lat], [lon], [0.1], [0.9]))
    assert haversine_km(*CellDistribution(partition, p, told).point(), lat, lon) < 0.001
    far = CellDistribution(partition, density.p, told)
    assert far.point() == density.point()


def test_the_smallest_region_takes_the_spot_and_not_its_cell(partition: Partition) -> None:
    said, _, _ = one_spot(partition, 0.6)
    half, most = said.credible(0.5), said.credible(0.8)
    assert half.area_km2 == pytest.approx(4.0 * np.pi * 0.1**2) and half.spots.tolist() == [0]
    assert half.mass == pytest.approx(0.6, abs=1e-6)
    cell = wide_cell(partition)
    assert half.cells.tolist() == most.cells.tolist() == [cell] and len(most.spots) == 0
    assert most.area_km2 == partition.area_km2[cell]


def test_a_spot_is_drawn_as_a_point_beside_its_cell(partition: Partition) -> None:
    said, lat, lon = one_spot(partition, 0.6)
    cell, spot = said.to_geojson(1)["features"]
    assert cell["geometry"]["type"] == "Polygon" and cell["properties"]["p"] == 1.0
    assert spot["geometry"] == {"type": "Point", "coordinates": [lon, lat]}
    assert spot["properties"]["p"] == pytest.approx(0.6) and spot["properties"]["radius_km"] == pytest.approx(
        0.1 * HALF
    )


def test_spots_stay_at_coarser_levels_and_in_other_cells(partition: Partition) -> None:
    said, lat, lon = one_spot(partition, 0.9)
    coarse = said.at_level("coarse")
    other = rebinned(said, partition.at("middle"))
    for moved in (coarse, other):
        assert moved.spots is not None and moved.spots.share.tolist() == [pytest.approx(0.9, abs=0.01)]
        assert haversine_km(*moved.point(), lat, lon) < 0.001
        assert moved.radius_km(lat, lon) == pytest.approx(said.radius_km(lat, lon), rel=0.03)
    own = wide_cell(partition)
    group = int(partition.parents("coarse")[own])
    assert coarse.lat[group] == pytest.approx(partition.lat[own]), "its own Gaussian is the rest's, not the spot's"


def test_of_a_cell_that_is_all_spot_nothing_is_left_for_the_coarser_cells_own_gaussian(partition: Partition) -> None:
    cell = wide_cell(partition)
    parents = partition.parents("coarse")
    other = next(i for i in np.flatnonzero(parents == parents[cell]).tolist() if i != cell)
    lat, lon = beside(partition, cell, 6.0)
    said = with_spots(partition, {cell: 0.5, other: 0.5}, spots([cell], [lat], [lon], [0.1], [1.0]))
    coarse, group = said.at_level("coarse"), int(parents[cell])
    assert coarse.spots is not None and coarse.spots.share.tolist() == [pytest.approx(0.5)]
    assert coarse.lat[group] == pytest.approx(partition.lat[other])
    assert coarse.spread_km[group] == pytest.approx(partition.spread_km[other])


def test_a_mixture_keeps_all_spots_with_its_parts_shares(partition: Partition) -> None:
    one, lat, lon = one_spot(partition, 0.8)
    plain = with_spots(partition, {wide_cell(partition): 1.0}, None)
    joint = averaged_in_cell([one.inside, plain.inside])
    assert joint.spots is not None and joint.spots.share.tolist() == [pytest.approx(0.4)]
    assert (joint.lat == partition.lat).all() and (joint.spread_km == partition.spread_km).all()
    twice = averaged_in_cell([one.inside, one.inside])
    assert twice.spots is not None and twice.spots.share.tolist() == [pytest.approx(0.8)]
    assert (twice.spots.lat[0], twice.spots.lon[0]) == (pytest.approx(lat), pytest.approx(lon))
    unequal = averaged_in_cell([plain.inside, one.inside], np.stack([np.full(len(partition), x) for x in (0.1, 0.9)]))
    assert unequal.spots is not None and unequal.spots.share.tolist() == [pytest.approx(0.72)]


def test_spots_alike_are_told_as_one_and_negligible_ones_not_at_all() -> None:
    near = spots([3, 3, 3, 8], [10.0, 10.0002, 11.0, 0.0], [20.0, 20.0, 20.0, 0.0], [0.1] * 4, [0.3, 0.2, 0.1, 5e-4])
    told = fewest_spots([near])
    assert told is not None and told.cell.tolist() == [3, 3]
    assert told.share.tolist() == [pytest.approx(0.5), pytest.approx(0.1)]
    assert told.lat[0] == pytest.approx(10.00008, abs=1e-6)
    half = haversine_km(10.0, 20.0, 10.0002, 20.0)
    assert told.sigma_km[0] == pytest.approx(np.sqrt(0.01 + 0.24 * half**2 / 2.0), rel=1e-6)
    assert fewest_spots([near.chosen([3])]) is None and fewest_spots([]) is None
    many = Spots(np.zeros(40, np.int64), np.arange(40.0), np.zeros(40), np.full(40, 0.1), np.linspace(0.03, 0.01, 40))
    most = fewest_spots([many])
    assert most is not None and most.share.tolist() == many.share[:16].tolist()


def test_how_far_gaussians_are_apart_is_measured_by_their_overlap() -> None:
    x = np.linspace(-40.0, 40.0, 1601)
    u, v = np.meshgrid(x, x)
    f = np.exp(-(u**2 + v**2) / 2.0) / (2.0 * np.pi)
    g = np.exp(-((u - 2.0) ** 2 + v**2) / (2.0 * 9.0)) / (2.0 * np.pi * 9.0)
    overlap = np.sqrt(f * g).sum() * (x[1] - x[0]) ** 2
    assert float(spots_apart(np.array(4.0), np.array(1.0), np.array(9.0))) == pytest.approx(-np.log(overlap), rel=1e-4)


def test_spots_that_are_none_are_refused(partition: Partition) -> None:
    for bad in (
        ([2, 1], [0, 0], [0, 0], [1, 1], [0.1, 0.1]),
        ([1, 1], [0, 0], [0, 0], [1, 1], [0.6, 0.6]),
        ([1], [0], [0], [0.0], [0.5]),
        ([1], [0], [0], [1.0], [0.0]),
        ([1], [np.nan], [0], [1.0], [0.5]),
        ([1], [0, 1], [0], [1.0], [0.5]),
        ([-1], [0], [0], [1.0], [0.5]),
    ):
        with pytest.raises(ValueError):
            spots(*bad)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="does not exist"):
        with_spots(partition, {0: 1.0}, spots([len(partition)], [0.0], [0.0], [1.0], [0.5]))
