"""Distances, directions, means and scores on a sphere, vectorised over arrays of degrees.

The Earth is a sphere of ``EARTH_RADIUS_KM``. Latitudes and longitudes are never averaged: means are taken over unit
vectors, so that two points on both sides of the date line have their mean between them.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "BANDS_KM",
    "EARTH_RADIUS_KM",
    "GEOSCORE_KM",
    "RAYLEIGH_MEDIAN",
    "destination",
    "gaussian_points",
    "geodesic_median",
    "geoscore",
    "haversine_km",
    "lat_lon",
    "spherical_mean",
    "unit_vectors",
    "within_bands",
]

EARTH_RADIUS_KM: Final = 6371.0088
"""Mean radius of the Earth in km (IUGG's R1)."""

BANDS_KM: Final = (1.0, 25.0, 200.0, 750.0, 2500.0)
"""The field's five accuracy bands in km: street, city, region, country, continent. A hit is ``distance <= band``."""

RAYLEIGH_MEDIAN: Final = 1.1774100225154747
"""sqrt(2 ln 2): half of an isotropic Gaussian on a plane lies within so many standard deviations of its mean."""

GEOSCORE_KM: Final = 1492.7
"""Distance in km over which OSV-5M's GeoScore falls by a factor of e."""

_GOLDEN_ANGLE_DEG: Final = 180.0 * (3.0 - 5.0**0.5)

Floats = NDArray[np.float64]


def haversine_km(lat1: ArrayLike, lon1: ArrayLike, lat2: ArrayLike, lon2: ArrayLike) -> Floats:
    """Great-circle distance in km between points in degrees; the four arguments broadcast.

    >>> round(float(haversine_km(48.8566, 2.3522, 51.5074, -0.1278)), 1)
    343.6
    """
    phi1, phi2 = np.radians(np.asarray(lat1, np.float64)), np.radians(np.asarray(lat2, np.float64))
    half_dlon = np.radians(np.asarray(lon2, np.float64) - np.asarray(lon1, np.float64)) / 2.0
    a = np.sin((phi2 - phi1) / 2.0) ** 2 + np.cos(phi1) * np.cos(phi2) * np.sin(half_dlon) ** 2
    distance: Floats = 2.0 * EARTH_RADIUS_KM * np.arcsin(np.sqrt(np.minimum(a, 1.0)))
    return distance


def destination(
    lat: ArrayLike, lon: ArrayLike, bearing_deg: ArrayLike, distance_km: ArrayLike
) -> tuple[Floats, Floats]:
    """Point reached from (``lat``, ``lon``) along a great circle; the four arguments broadcast.

    Args:
        lat: Latitude of the start in degrees.
        lon: Longitude of the start in degrees.
        bearing_deg: Direction at the start, clockwise from north.
        distance_km: Distance to go.

    Returns:
        Latitude and longitude in degrees, the longitude in [-180, 180].

    >>> lat, lon = destination(0.0, 179.5, 90.0, 111.195)
    >>> round(float(lat), 3), round(float(lon), 3)
    (0.0, -179.5)
    """
    phi, lam = np.radians(np.asarray(lat, np.float64)), np.radians(np.asarray(lon, np.float64))
    theta = np.radians(np.asarray(bearing_deg, np.float64))
    delta = np.asarray(distance_km, np.float64) / EARTH_RADIUS_KM
    east, north = np.sin(theta) * np.sin(delta), np.cos(theta) * np.sin(delta)
    up = np.cos(delta)
    # Start vector p, its east and north unit vectors; the goal is up*p + east*e + north*n. Going through the vector
    # keeps full precision at the poles, where the arcsin of the textbook formula loses it.
    sin_phi, cos_phi, sin_lam, cos_lam = np.sin(phi), np.cos(phi), np.sin(lam), np.cos(lam)
    xyz = np.stack(
        np.broadcast_arrays(
            up * cos_phi * cos_lam - east * sin_lam - north * sin_phi * cos_lam,
            up * cos_phi * sin_lam + east * cos_lam - north * sin_phi * sin_lam,
            up * sin_phi + north * cos_phi,
        ),
        axis=-1,
    )
    return lat_lon(xyz)


def gaussian_points(lat: ArrayLike, lon: ArrayLike, spread_km: ArrayLike, k: int) -> tuple[Floats, Floats]:
    """``k`` points of equal weight that stand for an isotropic Gaussian on the sphere around each point.

    Point ``i`` lies at the ``(i + 0.5) / k`` quantile of the distance (Rayleigh), turned by the golden angle from
    the one before; ``k`` of 1 is the middle itself.

    Args:
        lat: Latitudes (n,) in degrees.
        lon: Longitudes (n,) in degrees.
        spread_km: Standard deviations per axis (n,) in km.
        k: Points for each.

    Returns:
        Latitudes and longitudes (n, k) in degrees.
    """
    lat, lon, spread_km = (np.asarray(values, np.float64)[:, None] for values in (lat, lon, spread_km))
    if k == 1:
        return lat, lon
    radius = np.sqrt(-2.0 * np.log1p(-(np.arange(k) + 0.5) / k))
    return destination(lat, lon, np.arange(k) * _GOLDEN_ANGLE_DEG, spread_km * radius)


def unit_vectors(lat: ArrayLike, lon: ArrayLike) -> Floats:
    """Unit vectors (..., 3) of points in degrees: x to (0, 0), y to (0, 90 E), z to the north pole."""
    phi, lam = np.radians(np.asarray(lat, np.float64)), np.radians(np.asarray(lon, np.float64))
    cos_phi = np.cos(phi)
    return np.stack(np.broadcast_arrays(cos_phi * np.cos(lam), cos_phi * np.sin(lam), np.sin(phi)), axis=-1)


def lat_lon(vectors: ArrayLike) -> tuple[Floats, Floats]:
    """Latitude and longitude in degrees of ``vectors`` (..., 3), of any length but zero."""
    v = np.asarray(vectors, np.float64)
    x, y, z = v[..., 0], v[..., 1], v[..., 2]
    return np.degrees(np.arctan2(z, np.hypot(x, y))), np.degrees(np.arctan2(y, x))


def spherical_mean(lat: ArrayLike, lon: ArrayLike, weights: ArrayLike | None = None) -> tuple[float, float]:
    """Mean of points (n,) on the sphere: the direction of the (weighted) sum of their unit vectors.

    Where that sum vanishes (antipodes of equal weight) every point is as good as any other; the heaviest is returned.

    Raises:
        ValueError: No points, or weights that are negative, not finite or all zero.

    >>> lat, lon = spherical_mean([0.0, 0.0], [179.0, -179.0])
    >>> round(lat, 6), abs(round(lon, 6))
    (0.0, 180.0)
    """
    v, w = _points(lat, lon, weights)
    total = w @ v
    if np.linalg.norm(total) < 1e-12 * w.sum():
        total = v[int(np.argmax(w))]
    mean_lat, mean_lon = lat_lon(total)
    return float(mean_lat), float(mean_lon)


def geodesic_median(
    lat: ArrayLike,
    lon: ArrayLike,
    weights: ArrayLike | None = None,
    *,
    tolerance_km: float = 1e-3,
    max_steps: int = 500,
) -> tuple[float, float]:
    """Point that minimises the (weighted) sum of great-circle distances to points (n,).

    Weiszfeld's steps in the tangent plane of the current point (Fletcher et al. 2009), halved until the sum falls, so
    that a data point is left if it is not the median and kept if it is. It starts at the best of the data points and
    their mean and is never worse than any of them; on more than a half-sphere the minimum found may be local.

    Args:
        lat: Latitudes in degrees (n,).
        lon: Longitudes in degrees (n,).
        weights: Weights (n,), all 1 where None.
        tolerance_km: Stop when a step is shorter.
        max_steps: Stop after this many steps.

    Raises:
        ValueError: No points, or weights that are negative, not finite or all zero.

    >>> geodesic_median([10.0, 10.0, 50.0], [20.0, 20.0, 60.0])
    (10.0, 20.0)
    """
    v, w = _points(lat, lon, weights)
    v, w = v[w > 0], w[w > 0]
    current = _best_start(v, w)
    cost = float(w @ _angles(v, current))
    for _ in range(max_steps):
        step = _median_step(v, w, current)
        length = float(np.linalg.norm(step))
        if length == 0.0:
            break
        # A full Weiszfeld step never fails in the plane; on the sphere it is halved until the cost falls.
        while length * EARTH_RADIUS_KM > tolerance_km:
            candidate = np.cos(length) * current + np.sin(length) * step / np.linalg.norm(step)
            candidate /= np.linalg.norm(candidate)
            new_cost = float(w @ _angles(v, candidate))
            if new_cost < cost:
                break
            length *= 0.5
        else:
            break
        current, cost = candidate, new_cost
    median_lat, median_lon = lat_lon(current)
    # A data point goes through its vector and back with an error in the last digit; give the point itself.
    same = np.flatnonzero(_angles(unit_vectors(lat, lon).reshape(-1, 3), current) == 0.0)
    if same.size:
        flat_lat, flat_lon = np.ravel(np.asarray(lat, np.float64)), np.ravel(np.asarray(lon, np.float64))
        return float(flat_lat[same[0]]), float(flat_lon[same[0]])
    return float(median_lat), float(median_lon)


def geoscore(distance_km: ArrayLike) -> Floats:
    """OSV-5M's GeoScore, ``5000 exp(-d / 1492.7)``: 5000 at the spot, 0 far away.

    >>> float(geoscore(0.0))
    5000.0
    """
    score: Floats = 5000.0 * np.exp(-np.asarray(distance_km, np.float64) / GEOSCORE_KM)
    return score


def within_bands(distance_km: ArrayLike) -> tuple[float, ...]:
    """Share of distances (n,) within each of ``BANDS_KM`` (``<=``), each 0 to 1; nan where there is none.

    >>> within_bands([0.5, 30.0])
    (0.5, 0.5, 1.0, 1.0, 1.0)
    """
    d = np.ravel(np.asarray(distance_km, np.float64))
    return tuple(float(np.mean(d <= band)) if d.size else float("nan") for band in BANDS_KM)


def _points(lat: ArrayLike, lon: ArrayLike, weights: ArrayLike | None) -> tuple[Floats, Floats]:
    v = unit_vectors(lat, lon).reshape(-1, 3)
    if not v.size:
        raise ValueError("no points to take a mean or median of")
    w = np.ones(len(v)) if weights is None else np.ravel(np.asarray(weights, np.float64))
    if w.shape != (len(v),):
        raise ValueError(f"{len(v)} points need as many weights, not {w.shape}")
    if not (np.isfinite(w).all() and (w >= 0).all() and w.sum() > 0):
        raise ValueError("weights must be finite, not negative, and not all zero")
    return v, w


def _angles(v: Floats, p: Floats) -> Floats:
    """Angles in radians between ``v`` (n, 3) and ``p`` (3,), exact for tiny and for nearly straight angles."""
    angles: Floats = 2.0 * np.arctan2(np.linalg.norm(v - p, axis=-1), np.linalg.norm(v + p, axis=-1))
    return angles


def _best_start(v: Floats, w: Floats) -> Floats:
    # All pairs are cheap for a few hundred points; beyond that the heaviest stand for all.
    heaviest = np.argsort(-w, kind="stable")[:256]
    candidates = v[heaviest]
    total = w @ v
    if np.linalg.norm(total) > 1e-12 * w.sum():
        candidates = np.vstack([candidates, total / np.linalg.norm(total)])
    costs = [float(w @ _angles(v, c)) for c in candidates]
    best: Floats = candidates[int(np.argmin(costs))]
    return best


def _median_step(v: Floats, w: Floats, current: Floats) -> Floats:
    """Weiszfeld's step from ``current`` as a tangent vector (3,) in radians; zero at the median."""
    angle = _angles(v, current)
    tangent = v - (v @ current)[:, None] * current
    norm = np.linalg.norm(tangent, axis=-1)
    # At a data point the distance has no gradient; at an antipode every direction is downhill alike. Neither pulls.
    pulls = norm > 1e-12
    if not pulls.any():
        return np.zeros(3)
    pull: Floats = ((w[pulls] / norm[pulls])[:, None] * tangent[pulls]).sum(axis=0)
    step: Floats = pull / (w[pulls] / angle[pulls]).sum()
    return step
