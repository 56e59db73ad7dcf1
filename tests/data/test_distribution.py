"""A distribution over cells: where its mass lies, and what is said of it."""

from __future__ import annotations

import numpy as np
import pytest

from data.distribution import CellDistribution, InCell
from data.errors import RequestError
from data.geodesy import haversine_km
from data.partition import Partition

PARIS, TOKYO, SUVA = (48.8566, 2.3522), (35.6762, 139.6503), (-18.1416, 178.4419)


def at(partition: Partition, *points: tuple[tuple[float, float], float]) -> CellDistribution:
    """Mass on the cells of ``points``."""
    p = np.zeros(len(partition), np.float32)
    for (lat, lon), mass in points:
        p[partition.cells_of(lat, lon)] += mass
    return CellDistribution(partition, p)


def test_mass_must_be_a_probability(partition: Partition) -> None:
    n = len(partition)
    for bad in (
        np.zeros(n, np.float32),
        np.full(n, 2.0 / n, np.float32),
        np.full(n, np.nan, np.float32),
        np.full(n, 1.0 / n),
        np.full(n + 1, 1.0 / (n + 1), np.float32),
    ):
        with pytest.raises(ValueError):
            CellDistribution(partition, bad)


def test_mass_cannot_be_changed_afterwards(density: CellDistribution) -> None:
    with pytest.raises(ValueError):
        density.p[0] = 1.0


def test_softmax_survives_huge_and_minus_infinite_logits(partition: Partition) -> None:
    logits = np.full(len(partition), -np.inf)
    logits[7], logits[8] = 5000.0, 5000.0
    p = CellDistribution.from_logits(partition, logits).p
    assert p[7] == p[8] == 0.5
    with pytest.raises(ValueError):
        CellDistribution.from_logits(partition, np.full(len(partition), -np.inf))


def test_one_city_answers_with_itself_and_a_radius_above_zero(partition: Partition) -> None:
    lat, lon = at(partition, (PARIS, 1.0)).point()
    assert haversine_km(lat, lon, *PARIS) < 10
    assert 0 < at(partition, (PARIS, 1.0)).radius_km(lat, lon) < 20
    assert next(iter(at(partition, (PARIS, 1.0)).countries())) == "FR"


def test_the_best_point_under_geoscore_is_the_likelier_of_two_far_cities_not_the_middle(partition: Partition) -> None:
    both = at(partition, (PARIS, 0.6), (TOKYO, 0.4))
    assert haversine_km(*both.point(), *PARIS) < 30
    assert haversine_km(*both.point("mode"), *PARIS) < 30


def test_the_point_maximises_expected_geoscore_over_all_cells(density: CellDistribution) -> None:
    from data.geodesy import geoscore

    def expected(lat: float, lon: float) -> float:
        return float(geoscore(haversine_km(lat, lon, density.lat, density.lon)) @ density.p)

    found = expected(*density.point())
    everywhere = max(expected(float(density.lat[i]), float(density.lon[i])) for i in range(0, len(density.p), 40))
    assert found >= 0.995 * everywhere


def test_radius_holds_the_mass_that_it_says(density: CellDistribution) -> None:
    lat, lon = density.point()
    for mass in (0.1, 0.5, 0.8, 0.95):
        radius = density.radius_km(lat, lon, mass)
        assert density.mass_within(lat, lon, radius) == pytest.approx(mass, abs=0.01)
    with pytest.raises(ValueError):
        density.radius_km(lat, lon, 1.0)


def test_a_radius_across_the_antimeridian_is_short(partition: Partition) -> None:
    fiji = at(partition, (SUVA, 0.5), ((-16.8, -179.95), 0.5))
    assert fiji.radius_km(*SUVA, 0.9) < 1500


def test_credible_region_is_the_smallest_that_holds_the_mass(density: CellDistribution) -> None:
    half, most = density.credible(0.5), density.credible(0.9)
    assert 0.5 <= half.mass < 0.51 and 0.9 <= most.mass < 0.91
    assert half.area_km2 < most.area_km2 < 5.2e8
    assert len(density.credible(1.0).cells) == len(density.p)
    with pytest.raises(ValueError):
        density.credible(0.0)


def test_coarser_levels_keep_the_mass_of_each_country(density: CellDistribution) -> None:
    coarse = density.at_level("coarse")
    assert len(coarse.p) < len(density.p)
    assert coarse.entropy() < density.entropy()
    for code in ("US", "ES", "JP"):
        assert coarse.countries()[code] == pytest.approx(density.countries()[code], rel=0.2)
    assert density.at_level("fine") is density


def test_two_partitions_are_not_mixed(density: CellDistribution) -> None:
    with pytest.raises(RequestError, match="two partitions"):
        density.require_same_partition(density.at_level("coarse"))


def test_narrowed_cells_answer_at_the_narrowed_point(partition: Partition) -> None:
    p = np.zeros(len(partition), np.float32)
    cell = int(partition.cells_of(0.0, -140.0)[0])  # open ocean: a wide cell
    p[cell] = 1.0
    wide = CellDistribution(partition, p)
    lat, lon = partition.lat.copy(), partition.lon.copy()
    spread = partition.spread_km.astype(np.float64)
    lat[cell], lon[cell], spread[cell] = 1.0, -141.0, 2.0
    narrow = CellDistribution(partition, p, InCell(lat, lon, spread))
    assert narrow.point() == (1.0, -141.0)
    assert narrow.radius_km(1.0, -141.0) < 4 < wide.radius_km(*wide.point())
    assert narrow.credible(0.5).area_km2 < wide.credible(0.5).area_km2


def test_top_cells_come_in_order_and_geojson_closes_its_rings(density: CellDistribution) -> None:
    top = density.top(5)
    assert [cell.p for cell in top] == sorted((cell.p for cell in top), reverse=True)
    assert all(cell.radius_km > 0 for cell in top)
    features = density.to_geojson(3)["features"]
    assert len(features) == 3
    for feature in features:
        [ring] = feature["geometry"]["coordinates"]
        assert ring[0] == ring[-1] and len(ring) == 5
