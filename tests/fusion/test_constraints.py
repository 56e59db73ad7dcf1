"""``within`` and ``not``: what the user already knows."""

from __future__ import annotations

import numpy as np
import pytest

from data.distribution import CellDistribution
from data.errors import RequestError
from data.geodesy import haversine_km
from data.partition import Partition
from fusion.constraints import BBox, Constraints


def test_no_constraint_gives_the_distribution_itself(density: CellDistribution, partition: Partition) -> None:
    assert Constraints.parse(None, None, partition).apply(density) is density


def test_within_a_country_leaves_only_it(density: CellDistribution, partition: Partition) -> None:
    inside = Constraints.parse("es", None, partition).apply(density)
    countries = inside.countries()
    assert next(iter(countries)) == "ES" and countries["ES"] > 0.98
    two = Constraints.parse("ES,PT", None, partition).apply(density).countries()
    assert two["ES"] + two["PT"] > 0.98


def test_not_a_country_takes_it_away(density: CellDistribution, partition: Partition) -> None:
    assert Constraints.parse(None, "US", partition).apply(density).countries().get("US", 0.0) < 0.005


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
    for within in ("Atlantis", "1,2,3", "10,50,5,40", "0,0,0,10", "-200,0,10,10", "", ","):
        with pytest.raises(RequestError):
            Constraints.parse(within, None, partition)
    with pytest.raises(RequestError, match="ZZ"):
        Constraints.parse(None, "ZZ", partition)
    with pytest.raises(RequestError):
        BBox(0.0, np.nan, 1.0, 1.0)
