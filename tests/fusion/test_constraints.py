"""``within`` and ``not``: what the user already knows."""

from __future__ import annotations

import numpy as np
import pytest

from data.distribution import CellDistribution
from data.errors import RequestError
from data.gazetteer import load_default as load_gazetteer
from data.geodesy import gaussian_points, haversine_km
from data.in_cell import InCell
from data.partition import Partition
from data.spots import Spots
from fusion.constraints import BBox, Constraints


def test_no_constraint_gives_the_distribution_itself(density: CellDistribution, partition: Partition) -> None:
    assert Constraints.parse(None, None, partition).apply(density) is density


@pytest.mark.parametrize("code", ["ES", "SM", "LI", "JE", "MC", "SG"])
def test_within_a_country_leaves_only_it(code: str, density: CellDistribution, partition: Partition) -> None:
    inside = Constraints.parse(code.lower(), None, partition).apply(density)
    assert inside.countries() == {code: pytest.approx(1.0, abs=1e-5)}
    assert {cell.country for cell in inside.top(20) if cell.p > 0} == {code}
    assert inside.at_level("middle").countries().keys() == {code}


@pytest.mark.parametrize("code", ["AT", "NL", "LU", "LI", "MC", "PT"])
def test_the_point_lies_in_the_country(code: str, density: CellDistribution, partition: Partition) -> None:
    inside = Constraints.parse(code, None, partition).apply(density)
    place, _ = load_gazetteer().nearest(*inside.point())
    assert place.country == code


def test_two_countries_share_the_mass(density: CellDistribution, partition: Partition) -> None:
    for within in ("ES,PT", ["ES", "PT"]):
        countries = Constraints.parse(within, None, partition).apply(density).countries()
        assert countries.keys() == {"ES", "PT"} and sum(countries.values()) == pytest.approx(1.0, abs=1e-5)


def test_not_a_country_takes_it_away(density: CellDistribution, partition: Partition) -> None:
    countries = Constraints.parse(None, "US", partition).apply(density).countries()
    assert "US" not in countries and sum(countries.values()) == pytest.approx(1.0, abs=1e-5)


def test_a_box_over_thinly_photographed_land_stays_wide(density: CellDistribution, partition: Partition) -> None:
    sahara = Constraints.parse((10.0, 23.0, 11.0, 24.0), None, partition).apply(density)
    lat, lon = sahara.point()
    assert 23 <= lat <= 24 and 10 <= lon <= 11
    assert 15 < sahara.radius_km(lat, lon) < 100


def test_small_boxes_never_give_more_certainty_than_their_size(density: CellDistribution, partition: Partition) -> None:
    rng = np.random.default_rng(3)
    for i in rng.choice(len(partition), 25, replace=False).tolist():
        lat, lon = float(np.clip(partition.lat[i], -80, 80)), float(np.clip(partition.lon[i], -179, 179))
        half = 0.2
        box = BBox(lon - half, lat - half, lon + half, lat + half)
        inside = Constraints.parse(box, None, partition).apply(density)
        if inside.credible(0.99).mass and partition.spread_km[partition.cells_of(lat, lon)[0]] > 30.0:
            assert inside.radius_km(*inside.point()) > 4.0


def test_a_box_keeps_what_lies_in_it_across_the_antimeridian(density: CellDistribution, partition: Partition) -> None:
    fiji = Constraints.parse("176,-20,-178,-15", None, partition).apply(density)
    lat, lon = fiji.point()
    assert -20 <= lat <= -15 and (lon >= 176 or lon <= -178)
    assert next(iter(fiji.countries())) == "FJ"


def test_a_box_smaller_than_any_cell_answers_inside_itself(density: CellDistribution, partition: Partition) -> None:
    tiny = Constraints.parse("-140.001,0.5,-140.0,0.501", None, partition).apply(density)
    lat, lon = tiny.point()
    assert haversine_km(lat, lon, 0.5005, -140.0005) < 1.0
    assert tiny.radius_km(lat, lon) < 1.0


def test_contradictions_and_nonsense_say_what_to_do(density: CellDistribution, partition: Partition) -> None:
    with pytest.raises(RequestError, match="no place on Earth is left"):
        Constraints.parse("ES", "ES", partition).apply(density)
    for within in ("Atlantis", "1,2,3", "10,50,5,40", "0,0,0,10", "-200,0,10,10", "", ",", [], (1.0, 2.0, 3.0)):
        with pytest.raises(RequestError):
            Constraints.parse(within, None, partition)
    with pytest.raises(RequestError, match="empty country"):
        Constraints.parse(None, "", partition)
    with pytest.raises(RequestError, match="ZZ"):
        Constraints.parse(None, "ZZ", partition)
    with pytest.raises(RequestError):
        BBox(0.0, np.nan, 1.0, 1.0)


def spotted(
    partition: Partition, cell: int, places: list[tuple[float, float]], sigma: float, shares: list[float]
) -> CellDistribution:
    """All mass in one cell, with spots."""
    p = np.zeros(len(partition), np.float32)
    p[cell] = 1.0
    lat, lon = (np.array(values) for values in zip(*places, strict=True))
    told = Spots(np.full(len(places), cell), lat, lon, np.full(len(places), sigma), np.array(shares))
    own = InCell(partition.lat, partition.lon, partition.spread_km.astype(np.float64), told)
    return CellDistribution(partition, p, own)


def border_cell(partition: Partition) -> int:
    """A cell in about equal parts in Spain and in Portugal."""
    spain, portugal = partition.country_shares("ES"), partition.country_shares("PT")
    return int(np.argmax(np.minimum(spain, portugal) * (spain + portugal > 0.99)))


def test_of_spots_in_a_border_cell_those_on_the_other_side_are_cut(partition: Partition) -> None:
    cell = border_cell(partition)
    gazetteer = load_gazetteer()
    lats, lons = gaussian_points(partition.lat[[cell]], partition.lon[[cell]], partition.spread_km[[cell]], 64)
    country = gazetteer.countries_of(gazetteer.nearest_ids(lats[0], lons[0]))
    here, there = (int(np.flatnonzero(country == code)[0]) for code in ("ES", "PT"))
    places = [(float(lats[0, i]), float(lons[0, i])) for i in (here, there)]
    said = spotted(partition, cell, places, 0.01, [0.3, 0.6])
    share = float(partition.country_shares("ES")[cell])
    for apply in (Constraints.parse("ES", None, partition).apply, Constraints.parse(None, "PT", partition).apply):
        inside = apply(said)
        assert inside.spots is not None and len(inside.spots) == 1
        assert haversine_km(inside.spots.lat[0], inside.spots.lon[0], *places[0]) < 1e-6
        assert inside.spots.share[0] == pytest.approx(0.3 / (0.3 + 0.1 * share), rel=1e-4)
        assert haversine_km(*inside.point(), *places[0]) < 1e-6
    other = Constraints.parse("PT", None, partition).apply(said)
    assert haversine_km(*other.point(), *places[1]) < 1e-6


def test_what_a_spot_on_the_other_side_held_weighs_against_its_cell(partition: Partition) -> None:
    cell, lisbon = border_cell(partition), int(partition.cells_of(38.72, -9.14)[0])
    gazetteer = load_gazetteer()
    lats, lons = gaussian_points(partition.lat[[cell]], partition.lon[[cell]], partition.spread_km[[cell]], 64)
    country = gazetteer.countries_of(gazetteer.nearest_ids(lats[0], lons[0]))
    i = int(np.flatnonzero(country == "ES")[0])
    said = spotted(partition, cell, [(float(lats[0, i]), float(lons[0, i]))], 0.01, [0.9])
    p = said.p.copy()
    p[cell], p[lisbon] = 0.5, 0.5
    said = CellDistribution(partition, p, said.in_cell)
    portugal = Constraints.parse("PT", None, partition).apply(said)
    left = 0.1 * float(partition.country_shares("PT")[cell])
    assert portugal.spots is None and portugal.p[cell] == pytest.approx(left / (left + 1.0), rel=1e-3)


def test_a_box_cuts_the_spots_outside_it_and_through_them(partition: Partition) -> None:
    cell = int(np.argmin(np.abs(partition.spread_km - 8.0) + 100.0 * (partition.photos < 20)))
    lat, lon = float(partition.lat[cell]), float(partition.lon[cell])
    said = spotted(partition, cell, [(lat + 0.03, lon), (lat - 0.03, lon)], 0.1, [0.4, 0.5])
    above = Constraints.parse((lon - 1.0, lat, lon + 1.0, lat + 1.0), None, partition).apply(said)
    assert above.spots is not None and above.spots.lat.tolist() == [lat + 0.03]
    assert above.spots.share[0] == pytest.approx(0.4 / (0.4 + 0.05), rel=0.05)
    through = Constraints.parse((lon - 1.0, lat + 0.03, lon + 1.0, lat + 1.0), None, partition).apply(said)
    assert through.spots is not None and lat + 0.03 < through.spots.lat[0] < lat + 0.0315
    assert 0.06 < through.spots.sigma_km[0] < 0.1
    assert through.spots.share[0] == pytest.approx(0.2 / (0.2 + 0.1 * 0.34), rel=0.1)
    p = said.p.copy()
    far = int(partition.cells_of(lat + 0.7, lon)[0])
    p[cell], p[far] = 0.5, 0.5
    both = Constraints.parse((lon - 5.0, lat, lon + 5.0, lat + 5.0), None, partition)
    left = both.apply(CellDistribution(partition, p, said.in_cell))
    assert left.p[cell] == pytest.approx(0.45 / 1.45, abs=0.01), "of the cell the upper spot and half of the rest"
    small = Constraints.parse((lon - 0.003, lat + 0.027, lon + 0.003, lat + 0.033), None, partition).apply(said)
    assert haversine_km(*small.point(), lat + 0.03, lon) < 0.01
    assert small.radius_km(*small.point()) < 0.13
