"""Countries of what is known to a hundred metres, in cells across a border."""

from __future__ import annotations

import numpy as np
import pytest

from data.distribution import CellDistribution
from data.in_cell import InCell
from data.partition import Partition
from data.spot_regions import spot_countries
from data.spots import Spots

VADUZ, ACROSS = (47.139, 9.524), (47.166, 9.478)  # the second is Buchs, on the other side of the Rhine


def at_spot(partition: Partition, at: tuple[float, float], *, sigma_km: float = 0.1) -> CellDistribution:
    cell = int(partition.cells_of([at[0]], [at[1]])[0])
    p = np.zeros(len(partition), np.float32)
    p[cell] = 1.0
    spots = Spots(np.array([cell]), np.array([at[0]]), np.array([at[1]]), np.array([sigma_km]), np.array([0.9]))
    inside = InCell(partition.lat, partition.lon, partition.spread_km.astype(np.float64), spots)
    return CellDistribution(partition, p, inside)


def test_a_spot_is_in_the_country_that_it_lies_in(partition: Partition) -> None:
    cell = int(partition.cells_of([VADUZ[0]], [VADUZ[1]])[0])
    shares = {code: float(partition.country_shares(code)[cell]) for code in ("LI", "AT", "CH")}
    assert all(0.01 < share < 0.95 for share in shares.values() if share)
    countries = at_spot(partition, VADUZ).countries()
    assert np.isclose(countries["LI"], 0.9 + 0.1 * shares["LI"], atol=1e-5)
    assert np.isclose(sum(countries.values()), 1.0, atol=1e-6)
    assert next(iter(countries)) == "LI"


def test_across_the_river_it_is_the_other_country(partition: Partition) -> None:
    assert at_spot(partition, ACROSS).countries().get("CH", 0.0) >= 0.9


def test_regions_and_countries_agree(partition: Partition) -> None:
    spot = at_spot(partition, VADUZ)
    by_country: dict[str, float] = {}
    for code, p in spot.regions().items():
        by_country[code[:2]] = by_country.get(code[:2], 0.0) + p
    for code, p in spot.countries().items():
        assert np.isclose(by_country[code], p, atol=1e-9)


def test_a_wide_spot_stays_shared(partition: Partition) -> None:
    wide, none = at_spot(partition, VADUZ, sigma_km=5.0), at_spot(partition, VADUZ)
    plain = CellDistribution(partition, none.p)
    assert wide.countries() == pytest.approx(plain.countries(), abs=1e-6)
    assert none.countries()["LI"] > plain.countries()["LI"] + 0.1


def test_a_spot_beyond_the_edge_of_its_cell_is_where_it_lies(partition: Partition) -> None:
    zurich = int(partition.cells_of([47.37], [8.54])[0])
    p = np.zeros(len(partition), np.float32)
    p[zurich] = 1.0
    spots = Spots(np.array([zurich]), np.array([VADUZ[0]]), np.array([VADUZ[1]]), np.array([0.1]), np.array([0.9]))
    inside = InCell(partition.lat, partition.lon, partition.spread_km.astype(np.float64), spots)
    countries = CellDistribution(partition, p, inside).countries()
    assert countries["LI"] > 0.89 and np.isclose(sum(countries.values()), 1.0, atol=1e-6)


def test_each_spot_is_labelled_with_the_country_that_it_is_counted_in(partition: Partition) -> None:
    chosen = np.array([0])
    for at, country in ((VADUZ, "LI"), (ACROSS, "CH")):
        for level in ("fine", "middle"):
            drawn = at_spot(partition, at).at_level(level)
            assert drawn.spots is not None and spot_countries(drawn.partition, drawn.spots, chosen) == [country]
    wide = at_spot(partition, VADUZ, sigma_km=5.0).spots
    assert wide is not None and spot_countries(partition, wide, chosen) == [None]
    assert spot_countries(partition, wide, chosen[:0]) == []
