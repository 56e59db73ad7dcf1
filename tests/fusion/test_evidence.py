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
from fusion.evidence import log_likelihood_ratio
from fusion.narrowing import narrow

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
    assert inside is not None and inside.spots is not None
    spot = inside.spots.chosen(inside.spots.cell == wide)
    assert haversine_km(spot.lat[0], spot.lon[0], lat, lon) < 0.1
    assert spot.sigma_km[0] == pytest.approx(1.0, rel=1e-3) and spot.share[0] > 0.99
    assert inside.spread_km[wide] == partition.spread_km[wide], "the rest lies where it lay"
    assert not (inside.spots.cell == cell(partition, -float(lat), 0.0)).any()


def test_weak_or_lightly_weighed_evidence_hardly_narrows(partition: Partition) -> None:
    index = cell(partition, *MADRID)
    own = float(partition.spread_km[index])
    weak = Evidence(-0.01, points=(PointEvidence(*MADRID, 500.0, 0.05),))
    inside = narrow([(weak, 1.0)], partition)
    assert inside is not None and inside.spread_km[index] == pytest.approx(own, rel=0.02)
    assert inside.spots is None or not (inside.spots.cell == index).any()
    wide = int(np.argmin(np.abs(partition.spread_km - 100.0)))
    strong = Evidence(-0.2, points=(PointEvidence(float(partition.lat[wide]), float(partition.lon[wide]), 5.0, 5.0),))
    shares = []
    for weight in (0.0, 0.01, 0.5, 1.0):
        inside = narrow([(strong, weight)], partition)
        shares.append(0.0 if inside is None else float(1.0 - inside.rest[wide]))
    assert shares == sorted(shares)
    assert shares[1] < 0.01 < 0.1 < shares[2] < shares[3]
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
    assert after is not None and after.spread_km[at] == before.spread_km[at] and after.lon[at] == before.lon[at]
    near = PointEvidence(float(before.lat[at]), float(before.lon[at]), float(before.spread_km[at]), 6.0)
    after = narrow([(Evidence(0.0, points=(near,)), 1.0)], partition, before)
    assert after is not None and after.spots is not None
    spot = after.spots.chosen(after.spots.cell == at)
    narrower = pytest.approx(before.spread_km[at] / math.sqrt(2.0), rel=1e-3)
    assert spot.share[0] > 0.98 and spot.sigma_km[0] == narrower, "evidence narrows further"


def test_evidence_is_weighed_where_the_mass_is(partition: Partition) -> None:
    at = int(np.argmax(np.where(partition.photos > 5, partition.spread_km, 0.0)))
    before = narrowed(partition, at, km=2.0 * float(partition.spread_km[at]))
    point = PointEvidence(float(before.lat[at]), float(before.lon[at]), 5.0, 5.0)
    plain, known = (log_likelihood_ratio(Evidence(0.0, points=(point,)), partition, x)[at] for x in (None, before))
    assert known > plain + 1.0


def street_cell(partition: Partition) -> tuple[int, float, float]:
    """A cell of photos with a spread of about 8 km, and a point 6 km from its middle."""
    wide = int(np.argmin(np.abs(partition.spread_km - 8.0) + 100.0 * (partition.photos < 20)))
    lat, lon = destination(partition.lat[wide], partition.lon[wide], 70.0, 6.0)
    return wide, float(lat), float(lon)


def only(partition: Partition, index: int) -> np.ndarray:
    p = np.zeros(len(partition), np.float32)
    p[index] = 1.0
    return p


def test_a_shop_known_to_100_m_moves_the_answer_to_it_and_leaves_the_rest_where_it_was(partition: Partition) -> None:
    wide, lat, lon = street_cell(partition)
    p = only(partition, wide)
    for nats, share in ((11.0, 0.92), (14.0, 0.996)):
        shop = Evidence(-1.0, points=(PointEvidence(lat, lon, 0.1, nats),))
        said = CellDistribution(partition, p, narrow([(shop, 1.0)], partition, None, p))
        assert said.spots is not None and said.spots.share.tolist() == [pytest.approx(share, abs=0.01)]
        assert haversine_km(*said.point(), lat, lon) < 0.1
        share = float(said.spots.share[0])
        assert said.radius_km(*said.point()) == pytest.approx(0.1 * math.sqrt(-2 * math.log(1 - 0.5 / share)), rel=0.03)
        assert said.mass_within(*said.point(), 1.0) == pytest.approx(share, abs=0.01)
        assert said.spread_km[wide] == partition.spread_km[wide] and said.lat[wide] == partition.lat[wide]


def test_the_mass_inside_a_cell_is_that_of_the_product_sampled_at_random(partition: Partition) -> None:
    wide, lat, lon = street_cell(partition)
    own = float(partition.spread_km[wide])
    points = (PointEvidence(lat, lon, 0.2, 7.0), PointEvidence(float(partition.lat[wide]), lon, 3.0, 2.0))
    area = PointEvidence(lat, float(partition.lon[wide]), 30.0, 1.5)
    clues = [Evidence(-1.0, points=points), Evidence(-0.5, points=(area,))]
    p = only(partition, wide)
    said = CellDistribution(partition, p, narrow([(clue, 1.0) for clue in clues], partition, None, p))
    # Drawn around the middle and around every point in equal parts, and weighed by density: shops are small.
    rng = np.random.default_rng(1)
    middles = [
        (float(partition.lat[wide]), float(partition.lon[wide]), own),
        *((q.lat, q.lon, q.sigma_km) for q in points),
    ]
    count = 150_000
    drawn = [
        destination(a, b, 360.0 * rng.random(count), s * np.sqrt(-2.0 * np.log(rng.random(count))))
        for a, b, s in middles
    ]
    places = tuple(np.concatenate(axis) for axis in zip(*drawn, strict=True))

    def density(a: float, b: float, s: float) -> np.ndarray:
        return np.asarray(np.exp(-(haversine_km(*places, a, b) ** 2) / (2.0 * s**2)) / s**2)

    weight = density(*middles[0]) / sum(density(*middle) for middle in middles)
    for clue in clues:
        ratio = np.full(len(weight), math.exp(clue.elsewhere))
        for point in clue.points:
            fall = np.exp(-(haversine_km(*places, point.lat, point.lon) ** 2) / (2.0 * point.sigma_km**2))
            ratio += (math.exp(point.log_lr) - math.exp(clue.elsewhere)) * fall
        weight *= ratio
    weight /= weight.sum()
    for at in ((lat, lon), (float(partition.lat[wide]), float(partition.lon[wide])), said.point()):
        d = haversine_km(*at, *places)
        for km in (0.3, 1.0, 3.0, 6.0, 10.0, 15.0, 25.0):
            assert said.mass_within(*at, km) == pytest.approx(float(weight[d <= km].sum()), abs=0.01), (at, km)


def test_a_second_clue_about_the_shop_makes_it_likelier_but_not_nearer(partition: Partition) -> None:
    wide, lat, lon = street_cell(partition)
    p = only(partition, wide)
    shop = Evidence(-1.0, points=(PointEvidence(lat, lon, 0.1, 8.0),))
    shares = []
    for count in (1, 2, 3, 100):
        inside = narrow([(shop, 1.0)] * count, partition, None, p)
        assert inside is not None and inside.spots is not None and len(inside.spots) == 1
        shares.append(float(inside.spots.share[0]))
        assert inside.spots.sigma_km[0] == pytest.approx(0.1, rel=1e-3)
    assert shares == sorted(shares) and shares[0] < 0.5 < 0.99 < shares[1]


def test_two_shops_in_one_cell_share_its_mass_until_a_clue_decides(partition: Partition) -> None:
    wide, lat, lon = street_cell(partition)
    p = only(partition, wide)
    here, there = PointEvidence(lat, lon, 0.1, 13.0), PointEvidence(float(partition.lat[wide]), lon, 0.1, 13.0)
    both = Evidence(-1.0, points=(here, there))
    inside = narrow([(both, 1.0)], partition, None, p)
    assert inside is not None and inside.spots is not None and len(inside.spots) == 2
    told = Evidence(-1.0, points=(PointEvidence(there.lat, there.lon, 0.5, 6.0),))
    for clues in ([both, told], [told, both]):
        inside = narrow([(clue, 1.0) for clue in clues], partition, None, p)
        assert inside is not None and inside.spots is not None
        best = int(np.argmax(inside.spots.share))
        assert inside.spots.share[best] > 0.9
        assert haversine_km(inside.spots.lat[best], inside.spots.lon[best], there.lat, there.lon) < 0.02


def test_a_clue_of_half_weight_leaves_more_where_it_was(partition: Partition) -> None:
    wide, lat, lon = street_cell(partition)
    p = only(partition, wide)
    shop = Evidence(-1.0, points=(PointEvidence(lat, lon, 0.1, 12.0),))
    base, ratio = -1.0, float(log_likelihood_ratio(shop, partition)[wide])
    for weight in (0.25, 0.5, 1.0):
        inside = narrow([(shop, weight)], partition, None, p)
        assert inside is not None and inside.rest[wide] == pytest.approx(math.exp(weight * (base - ratio)), rel=1e-6)


def test_cells_without_probability_are_not_narrowed(partition: Partition) -> None:
    wide, lat, lon = street_cell(partition)
    shop = Evidence(-1.0, points=(PointEvidence(lat, lon, 0.1, 12.0),))
    elsewhere = only(partition, cell(partition, -33.87, 151.21))
    assert narrow([(shop, 1.0)], partition, None, elsewhere) is None
    known = narrow([(shop, 1.0)], partition, None, only(partition, wide))
    assert known is not None and known.spots is not None
    later = narrow([(shop, 1.0)], partition, known, elsewhere)
    assert later is not None and later is known, "spots elsewhere stay as they are"


def test_evidence_is_weighed_over_spots_too(partition: Partition) -> None:
    wide, lat, lon = street_cell(partition)
    shop = Evidence(-1.0, points=(PointEvidence(lat, lon, 0.1, 10.0),))
    known = narrow([(shop, 1.0)], partition, None, only(partition, wide))
    assert known is not None and known.spots is not None
    again = Evidence(-1.0, points=(PointEvidence(lat, lon, 0.3, 5.0),))
    plain, aware = (float(log_likelihood_ratio(again, partition, x)[wide]) for x in (None, known))
    share = float(known.spots.share[0])
    at_spot = (math.exp(5.0) - math.exp(-1.0)) * 0.09 / (0.09 + 0.01) + math.exp(-1.0)
    assert aware == pytest.approx(math.log(share * at_spot + (1.0 - share) * math.exp(plain)), abs=1e-3)
    assert aware > plain + 3.0
    middle = PointEvidence(float(partition.lat[wide]), float(partition.lon[wide]), 1.0, 9.0)
    beside = Evidence(-1.0, points=(middle,))
    plain, aware = (float(log_likelihood_ratio(beside, partition, x)[wide]) for x in (None, known))
    gain = math.exp(plain) - math.exp(-1.0)
    assert aware == pytest.approx(math.log(math.exp(-1.0) + (1.0 - share) * gain), abs=1e-3)


@pytest.mark.parametrize("clues", [1, 3, 20])
def test_whatever_the_clues_say_the_mass_stays_a_mixture_that_answers(density: CellDistribution, clues: int) -> None:
    partition = density.partition
    rng = np.random.default_rng(clues)
    wide, lat, lon = street_cell(partition)
    for _ in range(2):
        told = []
        for _ in range(clues):
            at = [(lat, lon), (90.0, 0.0), (-16.8, 180.0), (float(rng.uniform(-90, 90)), float(rng.uniform(-180, 180)))]
            points = tuple(
                PointEvidence(
                    *at[int(rng.integers(4))], 10.0 ** float(rng.uniform(-3, 3.5)), float(rng.uniform(-50, 50))
                )
                for _ in range(int(rng.integers(1, 6)))
            )
            told.append((Evidence(float(rng.uniform(-50, 1)), points=points), float(rng.random())))
        for p in (None, density.p, only(partition, wide)):
            inside = narrow(told, partition, None, p)
            said = CellDistribution(partition, density.p if p is None else p, inside)
            radii = [said.radius_km(*said.point(), mass) for mass in (0.05, 0.5, 0.95)]
            assert radii == sorted(radii) and radii[0] > 0.0 and math.isfinite(radii[2])
            if said.spots is not None:
                assert said.inside.rest.min() >= 0.0 and said.spots.share.min() >= 1e-3
                assert np.bincount(said.spots.cell).max() <= 16
