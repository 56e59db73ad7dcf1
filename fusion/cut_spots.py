"""Spots (``data.spots``) under a constraint: what of each is left, and what that leaves of its cell."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from data.geodesy import gaussian_points, haversine_km, spherical_mean
from data.in_cell import InCell
from data.spots import Spots

__all__ = ["cut_spots"]

_POINTS = 64  # sub-points of a spot that are asked on which side they lie

Floats = NDArray[np.float64]


def cut_spots(
    inside: InCell,
    own: Floats,
    asked: NDArray[np.bool_],
    allows: Callable[[Floats, Floats], NDArray[np.bool_]],
) -> tuple[Spots | None, Floats]:
    """What is left of the spots of ``inside``, and what is left of each cell's mass, (n,) from 0 to 1.

    A spot that is cut in two becomes the Gaussian with the mean and variance of what is left of it.

    Args:
        inside: Where the mass lies, with spots.
        own: (n,) what is left of each cell's own Gaussian, 0 to 1. Where it is 0, spots that are not asked go with it.
        asked: (m,) which spots may be cut; the others go the way of their cells.
        allows: Which of some points in degrees are allowed, in their shape.
    """
    spots = inside.spots
    if spots is None:
        return None, own
    kept = np.where(own[spots.cell] > 0.0, 1.0, 0.0)
    lat, lon, sigma = spots.lat.copy(), spots.lon.copy(), spots.sigma_km.copy()
    which = np.flatnonzero(asked)
    lats, lons = gaussian_points(lat[which], lon[which], sigma[which], _POINTS)
    for i, point_lats, point_lons, here in zip(which.tolist(), lats, lons, allows(lats, lons), strict=True):
        kept[i] = here.mean()
        if 0.0 < kept[i] < 1.0:
            lat[i], lon[i] = spherical_mean(point_lats[here], point_lons[here])
            apart = haversine_km(lat[i], lon[i], point_lats[here], point_lons[here])
            # One point has no spread of its own: a part of a spot is as much narrower as it is smaller.
            sigma[i] = max(float(np.sqrt((apart**2).mean() / 2.0)), float(sigma[i] * np.sqrt(kept[i])))
    mass = spots.share * kept
    whole = inside.rest * own + np.bincount(spots.cell, weights=mass, minlength=len(own))
    left = Spots(spots.cell, lat, lon, sigma, spots.share).moved_to(spots.cell, mass, whole)
    return left if len(left) else None, whole
