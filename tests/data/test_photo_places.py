"""Photos by place."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from data.geodesy import haversine_km
from data.photo_places import places

Floats = NDArray[np.float64]


def _around(centres: int, n: int, spread_km: float, rng: np.random.Generator) -> tuple[Floats, Floats]:
    middle = rng.normal(size=(centres, 3))
    middle /= np.linalg.norm(middle, axis=1)[:, None]
    at = middle[rng.integers(0, centres, n)] + rng.normal(0.0, spread_km / 6371.0, (n, 3))
    at /= np.linalg.norm(at, axis=1)[:, None]
    return np.degrees(np.arcsin(at[:, 2])), np.degrees(np.arctan2(at[:, 1], at[:, 0]))


@pytest.mark.parametrize("seed", range(20))
def test_places_are_what_the_distances_of_all_pairs_say(seed: int) -> None:
    rng = np.random.default_rng(seed)
    km = (25.0, 1.0, 300.0)[seed % 3]
    lat, lon = _around(int(rng.integers(1, 20)), 300, km * 10.0 ** float(rng.uniform(-2, 1.5)), rng)
    near = haversine_km(lat[:, None], lon[:, None], lat, lon) <= km
    _, wanted = connected_components(csr_array(near), directed=False)
    assert np.array_equal(places(lat, lon, km), wanted)


def test_photos_of_one_city_need_no_list_of_all_their_pairs() -> None:
    lat, lon = _around(1, 20_000, 8.0, np.random.default_rng(0))
    places(lat[:10], lon[:10])  # what is imported is not counted
    tracemalloc.start()
    try:
        assert places(lat, lon).max() == 0
        assert tracemalloc.get_traced_memory()[1] < 200e6, "the pairs alone would be 3.2 GB"
    finally:
        tracemalloc.stop()


def test_places_go_on_over_the_date_line_and_the_poles() -> None:
    lat, lon = np.array([0.0, 0.0, 89.95, 89.95, 0.0]), np.array([179.95, -179.95, 0.0, 180.0, 0.0])
    assert places(lat, lon).tolist() == [0, 0, 1, 1, 2]
    assert places(np.zeros(0), np.zeros(0)).tolist() == []
