"""``within`` and ``not``: what the user already knows."""

from __future__ import annotations

import numpy as np
import pytest

from data.distribution import CellDistribution
from data.errors import RequestError
from data.gazetteer import load_default as load_gazetteer
from data.geodesy import haversine_km
from data.partition import Partition
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
