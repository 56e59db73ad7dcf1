"""Evidence about places, laid over cells."""

from __future__ import annotations

import math

import numpy as np
import pytest

from data.distribution import CellDistribution
from data.geodesy import destination, haversine_km
from data.in_cell import InCell
from data.partition import Partition
from detectors.base import Evidence, PointEvidence
from fusion.evidence import log_likelihood_ratio, narrow

MADRID = (40.4168, -3.7038)


def cell(partition: Partition, lat: float, lon: float) -> int:
    return int(partition.cells_of(lat, lon)[0])


def test_a_country_gets_its_value_and_everywhere_else_the_one_finite_value(partition: Partition) -> None:
    ratio = log_likelihood_ratio(Evidence(-2.0, {"ES": 1.5}), partition)
    assert ratio[cell(partition, *MADRID)] == pytest.approx(1.5)
    assert ratio[cell(partition, 48.8566, 2.3522)] == pytest.approx(-2.0)
    assert np.isfinite(ratio).all() and ratio.min() >= -2.0 - 1e-6 and ratio.max() <= 1.5 + 1e-6


def test_a_cell_on_a_border_lies_between_its_countries(partition: Partition) -> None:
    share = partition.country_shares("ES")
    border = int(np.argmin(np.abs(share - 0.5)))
    assert 0.2 < share[border] < 0.8
    ratio = log_likelihood_ratio(Evidence(-2.0, {"ES": 1.5}), partition)[border]
    expected = math.log(share[border] * math.exp(1.5) + (1 - share[border]) * math.exp(-2.0))
    assert ratio == pytest.approx(expected, abs=1e-4)


def test_a_region_takes_precedence_over_its_country(partition: Partition) -> None:
    ratio = log_likelihood_ratio(Evidence(-1.0, {"US": 0.5}, {"US.CA": 3.0}), partition)
    assert ratio[cell(partition, 37.77, -122.42)] == pytest.approx(3.0)
    assert ratio[cell(partition, 41.88, -87.63)] == pytest.approx(0.5)


def test_a_car_of_a_region_is_seen_all_over_it_and_not_only_where_photos_are_taken(partition: Partition) -> None:
    flat = log_likelihood_ratio(Evidence(-1.0, {"DE": 0.5}, {"DE.16": 5.0}), partition)
    roads = log_likelihood_ratio(Evidence(-1.0, {"DE": 0.5}, {"DE.16": 5.0}, roadside=True), partition)
    berlin = np.flatnonzero(partition.region_share("DE.16") > 0.99)
    photos = partition.photos[berlin]
    assert flat[berlin] == pytest.approx(5.0, abs=0.01)
    assert roads[berlin[photos.argmax()]] < 5.0 - 0.5 < 5.0 + 0.5 < roads[berlin].max() < 8.0
    away = partition.region_share("DE.16") == 0.0
    assert roads[away] == pytest.approx(flat[away], abs=1e-6)
    wide = log_likelihood_ratio(Evidence(0.0, {}, {"TR.34": 5.0, "DE.02": 5.0}, roadside=True), partition)
    bavaria = np.flatnonzero(partition.region_share("DE.02") > 0.99)
    mean = np.average(np.exp(wide[bavaria]), weights=partition.photos[bavaria])
    assert mean == pytest.approx(math.exp(5.0), rel=0.15)  # its border cells left out
    distances = [CellDistribution.from_logits(partition, np.log(partition.photos + 1e-9) + r) for r in (flat, roads)]
    flat_km, roads_km = (d.radius_km(*d.point(), 0.5) for d in distances)
    assert flat_km < 5.0 < 1.3 * flat_km < roads_km < 25.0


def test_a_point_matters_near_it_and_fades_to_elsewhere(partition: Partition) -> None:
    evidence = Evidence(-0.2, points=(PointEvidence(*MADRID, 20.0, 4.0),))
    ratio = log_likelihood_ratio(evidence, partition)
    near = ratio[cell(partition, *MADRID)]
    assert 3.5 < near <= 4.0
    assert ratio[cell(partition, -33.87, 151.21)] == pytest.approx(-0.2)
    order = [cell(partition, *destination(*MADRID, 90.0, km)) for km in (0.0, 30.0, 200.0)]
    assert ratio[order[0]] > ratio[order[1]] > ratio[order[2]]


def test_the_mean_over_a_cell_agrees_with_sampling_its_gaussian(partition: Partition) -> None:
    index = int(np.argmin(np.abs(partition.spread_km - 30.0)))
    lat, lon = float(partition.lat[index]), float(partition.lon[index])
    at = destination(lat, lon, 45.0, 25.0)
    evidence = Evidence(-0.5, points=(PointEvidence(float(at[0]), float(at[1]), 15.0, 3.0),))
    rng = np.random.default_rng(0)
    radius = float(partition.spread_km[index]) * np.sqrt(-2.0 * np.log(rng.random(200_000)))
    sample = destination(lat, lon, rng.random(200_000) * 360.0, radius)
    d = haversine_km(*sample, *at)
    mean = np.mean(math.exp(-0.5) + (math.exp(3.0) - math.exp(-0.5)) * np.exp(-(d**2) / (2 * 15.0**2)))
    assert log_likelihood_ratio(evidence, partition)[index] == pytest.approx(math.log(mean), abs=0.02)


def test_a_sharp_point_narrows_the_cell_to_itself(partition: Partition) -> None:
    wide = int(np.argmin(np.abs(partition.spread_km - 100.0)))
    lat, lon = destination(float(partition.lat[wide]), float(partition.lon[wide]), 10.0, 50.0)
    sharp = Evidence(-3.0, points=(PointEvidence(float(lat), float(lon), 1.0, 18.0),))
    inside = narrow([(sharp, 1.0)], partition)
    assert inside is not None
    assert haversine_km(inside.lat[wide], inside.lon[wide], lat, lon) < 3.0
    assert 0.5 < inside.spread_km[wide] < 5.0
    far = cell(partition, -float(lat), 0.0)
    assert inside.spread_km[far] == pytest.approx(float(partition.spread_km[far]))


def test_weak_or_lightly_weighed_evidence_hardly_narrows(partition: Partition) -> None:
    index = cell(partition, *MADRID)
    own = float(partition.spread_km[index])
    weak = Evidence(-0.01, points=(PointEvidence(*MADRID, 500.0, 0.05),))
    inside = narrow([(weak, 1.0)], partition)
    assert inside is not None and inside.spread_km[index] == pytest.approx(own, rel=0.02)
    wide = int(np.argmin(np.abs(partition.spread_km - 100.0)))
    strong = Evidence(-0.2, points=(PointEvidence(float(partition.lat[wide]), float(partition.lon[wide]), 5.0, 5.0),))
    spreads = []
    for weight in (0.0, 0.01, 0.5, 1.0):
        inside = narrow([(strong, weight)], partition)
        spreads.append(100.0 if inside is None else float(inside.spread_km[wide]))
    assert spreads == sorted(spreads, reverse=True)
    assert spreads[1] > 0.97 * float(partition.spread_km[wide]) and spreads[3] < 0.95 * float(partition.spread_km[wide])
    assert narrow([(Evidence(-1.0, {"ES": 1.0}), 1.0)], partition) is None


def test_evidence_that_is_not_finite_or_misnamed_is_refused() -> None:
    with pytest.raises(ValueError):
        Evidence(-math.inf)
    with pytest.raises(ValueError):
        Evidence(-800.0)
    with pytest.raises(ValueError):
        PointEvidence(0.0, 0.0, 1.0, 1000.0)
    with pytest.raises(ValueError):
        Evidence(0.0, {"Spain": 1.0})
    with pytest.raises(ValueError):
        Evidence(0.0, regions={"CA": 1.0})
    with pytest.raises(ValueError):
        PointEvidence(91.0, 0.0, 1.0, 1.0)
    with pytest.raises(ValueError):
        PointEvidence(0.0, 0.0, 0.0, 1.0)


def narrowed(partition: Partition, at: int, km: float = 1.0) -> InCell:
    """The partition's own Gaussians, that of cell ``at`` a tenth as wide and moved."""
    lat, lon, spread = partition.lat.copy(), partition.lon.copy(), partition.spread_km.astype(np.float64)
    spread[at] *= 0.1
    moved = destination(lat[at], lon[at], 90.0, km)
    lat[at], lon[at] = (float(x) for x in moved)
    return InCell(lat, lon, spread)


def test_what_is_known_inside_a_cell_is_where_narrowing_starts(partition: Partition) -> None:
    at = int(np.argmax(np.where(partition.photos > 5, partition.spread_km, 0.0)))
    before = narrowed(partition, at, km=30.0)
    assert narrow([(Evidence(0.0, {"ES": 1.0}), 1.0)], partition, before) is before
    far = Evidence(0.0, points=(PointEvidence(*MADRID, 5.0, 4.0),))
    after = narrow([(far, 1.0)], partition, before)
    assert after is not None and after.spread_km[at] == pytest.approx(before.spread_km[at])
    assert after.lon[at] == pytest.approx(before.lon[at])
    near = PointEvidence(float(before.lat[at]), float(before.lon[at]), float(before.spread_km[at]), 6.0)
    after = narrow([(Evidence(0.0, points=(near,)), 1.0)], partition, before)
    assert after is not None and after.spread_km[at] < 0.8 * before.spread_km[at], "evidence narrows further"


def test_evidence_is_weighed_where_the_mass_is(partition: Partition) -> None:
    at = int(np.argmax(np.where(partition.photos > 5, partition.spread_km, 0.0)))
    before = narrowed(partition, at, km=2.0 * float(partition.spread_km[at]))
    point = PointEvidence(float(before.lat[at]), float(before.lon[at]), 5.0, 5.0)
    plain, known = (log_likelihood_ratio(Evidence(0.0, points=(point,)), partition, x)[at] for x in (None, before))
    assert known > plain + 1.0
