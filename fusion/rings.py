"""Outlines on a world map: cells and circles as rings that neither smear across the antimeridian nor tear at a pole.

A ring is (m, 2) rows of latitude and longitude in degrees, in order, the first row not repeated. Its longitudes run on
past 180 rather than jump, and its middle lies within 180 degrees of Greenwich, so that copies of it shifted by 360
degrees tile an endless map.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data.geodesy import EARTH_RADIUS_KM, destination, lat_lon, unit_vectors

__all__ = ["cell_area_km2", "cell_ring", "circle_ring"]

_MAX_EDGE_DEG = 1.5  # a longer side of a cell is drawn along its great circle, in steps of this arc
_CIRCLE_POINTS = 180


def cell_ring(corners: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """The outline of a cell whose sides are great circles.

    Args:
        corners: (k, 2) latitude and longitude, in order.

    Returns:
        (m, 2) ring. Where the cell holds a pole, the ring is led along the map's upper or lower edge and spans 360
        degrees of longitude.

    >>> ring = cell_ring(np.array([[-17.0, 179.5], [-17.0, -179.5], [-18.0, -179.5], [-18.0, 179.5]]))
    >>> float(np.ptp(ring[:, 1]).round(6))
    1.0
    """
    corners = np.asarray(corners, dtype=np.float64)
    start = unit_vectors(corners[:, 0], corners[:, 1])
    end = np.roll(start, -1, axis=0)
    arcs = np.arctan2(np.linalg.norm(np.cross(start, end), axis=1), np.sum(start * end, axis=1))
    pieces = []
    for a, b, arc in zip(start, end, arcs.tolist(), strict=True):
        n = max(1, math.ceil(math.degrees(arc) / _MAX_EDGE_DEG))
        t = np.arange(n)[:, None] / n
        pieces.append((np.sin((1 - t) * arc) * a + np.sin(t * arc) * b) / math.sin(arc) if n > 1 else a[None])
    return _unrolled(*lat_lon(np.concatenate(pieces)))


def cell_area_km2(corners: NDArray[np.floating[Any]]) -> float:
    """Area of a cell smaller than half of the Earth, whose sides are great circles; corners as in :func:`cell_ring`.

    >>> octant = cell_area_km2(np.array([[0.0, 0.0], [0.0, 90.0], [90.0, 0.0]]))
    >>> round(octant / (4 * math.pi * EARTH_RADIUS_KM**2), 6)
    0.125
    """
    corners = np.asarray(corners, dtype=np.float64)
    v = unit_vectors(corners[:, 0], corners[:, 1])
    a, b, c = v[0], v[1:-1], v[2:]  # a fan of triangles; the solid angle of each by Van Oosterom and Strackee
    volume = np.cross(b, c) @ a
    excess = 2.0 * np.arctan2(volume, 1.0 + b @ a + c @ a + np.sum(b * c, axis=1))
    return float(abs(excess.sum())) * EARTH_RADIUS_KM**2


def circle_ring(lat: float, lon: float, radius_km: float) -> NDArray[np.float64]:
    """The points at ``radius_km`` from (``lat``, ``lon``) on the sphere, (m, 2), as :func:`cell_ring` gives them.

    >>> ring = circle_ring(0.0, 0.0, 111.195)
    >>> float(np.abs(ring[:, 0]).max().round(3))
    1.0
    """
    bearing = np.linspace(0.0, 360.0, _CIRCLE_POINTS, endpoint=False)
    farthest = 0.9999 * math.pi * EARTH_RADIUS_KM
    return _unrolled(*destination(lat, lon, bearing, min(radius_km, farthest)))


def _unrolled(lat: NDArray[np.float64], lon: NDArray[np.float64]) -> NDArray[np.float64]:
    """A closed line of (n,) points in degrees as a ring."""
    # A pole has no longitude of its own: it takes those of both neighbours, which draws the map's edge between them.
    polar = np.abs(lat) > 89.9999
    source = np.repeat(np.arange(len(lat)), np.where(polar, 2, 1))
    second = np.concatenate([[False], source[1:] == source[:-1]])
    neighbour = np.where(second, source + 1, source - 1) % len(lat)
    ring = np.stack([lat[source], np.where(polar[source], lon[neighbour], lon[source])], axis=1)
    ring[:, 1] = np.unwrap(ring[:, 1], period=360.0)
    closing = (ring[0, 1] - ring[-1, 1] + 180.0) % 360.0 - 180.0
    winding = round((ring[-1, 1] - ring[0, 1] + closing) / 360.0)  # 0, or 1 or -1 around a pole
    if winding != 0:
        pole = math.copysign(90.0, float(lat.mean()))
        first = float(ring[0, 1])
        last = first + 360.0 * winding
        ring = np.concatenate([ring, [[ring[0, 0], last], [pole, last], [pole, first]]])
    ring[:, 1] -= 360.0 * np.round((ring[:, 1].min() + ring[:, 1].max()) / 720.0)
    return ring
