from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.geodesy import (
    BANDS_KM,
    EARTH_RADIUS_KM,
    destination,
    geodesic_median,
    geoscore,
    haversine_km,
    lat_lon,
    spherical_mean,
    unit_vectors,
    within_bands,
)

LATITUDES = st.floats(-90.0, 90.0)
LONGITUDES = st.floats(-180.0, 180.0)
HALF_WAY_KM = math.pi * EARTH_RADIUS_KM


def test_distances_are_those_of_the_mean_earth_sphere() -> None:
    assert haversine_km(0.0, 0.0, 0.0, 90.0) == pytest.approx(HALF_WAY_KM / 2)
    assert haversine_km(90.0, 0.0, -90.0, 77.0) == pytest.approx(HALF_WAY_KM)
    # Madrid to Barcelona, and across the date line from Taveuni to Apia.
    assert haversine_km(40.4168, -3.7038, 41.3874, 2.1686) == pytest.approx(505.1, abs=0.1)
    assert haversine_km(-16.85, 179.97, -13.83, -171.77) == pytest.approx(947.1, abs=0.1)


def test_distances_broadcast_a_column_against_a_row() -> None:
    lat, lon = np.array([10.0, -20.0, 30.0]), np.array([5.0, 170.0, -60.0])
    table = haversine_km(lat[:, None], lon[:, None], lat, lon)
    assert table.shape == (3, 3)
    assert np.array_equal(np.diag(table), np.zeros(3))
    assert np.allclose(table, table.T)


def test_tiny_distances_keep_their_digits() -> None:
    assert haversine_km(60.0, 10.0, 60.0 + 1e-7, 10.0) == pytest.approx(1.11195e-5, rel=1e-5)


@given(LATITUDES, LONGITUDES, st.floats(0.0, 360.0), st.floats(0.0, HALF_WAY_KM * 0.999))
def test_a_destination_lies_as_far_as_one_went(lat: float, lon: float, bearing: float, distance: float) -> None:
    there = destination(lat, lon, bearing, distance)
    assert haversine_km(lat, lon, *there) == pytest.approx(distance, abs=1e-3)
    assert abs(there[1]) <= 180.0


def test_going_north_raises_the_latitude_and_going_east_the_longitude() -> None:
    north, east = destination(10.0, 20.0, 0.0, 111.195), destination(0.0, 20.0, 90.0, 111.195)
    assert (float(north[0]), float(north[1])) == pytest.approx((11.0, 20.0), abs=1e-4)
    assert (float(east[0]), float(east[1])) == pytest.approx((0.0, 21.0), abs=1e-4)


@given(LATITUDES, LONGITUDES)
def test_vectors_go_there_and_back(lat: float, lon: float) -> None:
    vector = unit_vectors(lat, lon)
    assert np.linalg.norm(vector) == pytest.approx(1.0)
    assert haversine_km(lat, lon, *lat_lon(vector * 7.0)) == pytest.approx(0.0, abs=1e-4)


def test_the_mean_of_two_points_beside_the_date_line_lies_on_it() -> None:
    lat, lon = spherical_mean([-17.0, -17.0], [179.0, -177.0])
    assert lon == pytest.approx(-179.0)
    assert lat == pytest.approx(-17.0, abs=0.05)


def test_the_mean_of_points_around_a_pole_is_the_pole() -> None:
    assert spherical_mean([80.0] * 4, [0.0, 90.0, 180.0, -90.0])[0] == pytest.approx(90.0)


def test_the_mean_follows_its_weights() -> None:
    assert spherical_mean([0.0, 0.0], [0.0, 10.0], [1.0, 0.0]) == pytest.approx((0.0, 0.0))
    assert spherical_mean([0.0, 0.0], [0.0, 10.0], [1.0, 3.0])[1] == pytest.approx(7.5, abs=0.02)


def test_the_mean_of_antipodes_is_the_heavier_of_them() -> None:
    assert spherical_mean([0.0, 0.0], [0.0, 180.0], [1.0, 1.0]) == pytest.approx((0.0, 0.0))


@pytest.mark.parametrize(
    ("lat", "weights"), [([], None), ([1.0], [0.0]), ([1.0], [-1.0]), ([1.0], [math.nan]), ([1.0], [1.0, 2.0])]
)
def test_means_and_medians_of_nothing_are_refused(lat: list[float], weights: list[float] | None) -> None:
    for centre in (spherical_mean, geodesic_median):
        with pytest.raises(ValueError, match=r"points|weights"):
            centre(lat, lat, weights)


def test_the_median_stays_with_the_majority() -> None:
    lat, lon = [48.86, 48.86, 48.86, -33.87, 35.68], [2.35, 2.35, 2.35, 151.21, 139.69]
    assert geodesic_median(lat, lon) == (48.86, 2.35)
    assert haversine_km(*spherical_mean(lat, lon), 48.86, 2.35) > 1000.0


def test_the_median_of_a_triangle_is_its_fermat_point() -> None:
    lat, lon = destination(45.0, 10.0, np.array([0.0, 120.0, 240.0]), np.array([50.0, 90.0, 20.0]))
    assert haversine_km(*geodesic_median(lat, lon), 45.0, 10.0) < 0.5


def test_the_median_is_no_worse_than_any_point_and_cannot_be_improved_nearby() -> None:
    random = np.random.default_rng(3)
    for _ in range(20):
        lat, lon = random.uniform(-80, 80, 12), random.uniform(-180, 180, 12)
        weights = random.uniform(0.0, 2.0, 12)
        middle = geodesic_median(lat, lon, weights)

        def cost(at: tuple[object, object], lat=lat, lon=lon, weights=weights) -> float:  # type: ignore[no-untyped-def]
            return float(weights @ haversine_km(*at, lat, lon))

        best = cost(middle)
        assert best <= min(cost(point) for point in zip(lat, lon, strict=True)) + 1e-6
        assert best <= min(cost(destination(*middle, bearing, 5.0)) for bearing in range(0, 360, 30)) + 1e-3


def test_the_median_of_antipodes_is_a_point_and_not_a_crash() -> None:
    assert np.isfinite(geodesic_median([0.0, 0.0, 90.0, -90.0], [0.0, 180.0, 0.0, 0.0])).all()


def test_geoscore_is_that_of_osv5m() -> None:
    assert geoscore([0.0, 1492.7, 2500.0]).tolist() == pytest.approx([5000.0, 5000.0 / math.e, 936.7], abs=0.1)


def test_a_band_includes_its_own_distance() -> None:
    assert BANDS_KM == (1, 25, 200, 750, 2500)
    assert within_bands([1.0, 25.0, 200.0, 750.0, 2500.0]) == (0.2, 0.4, 0.6, 0.8, 1.0)
    assert all(math.isnan(share) for share in within_bands([]))
