"""Distributions as GeoJSON (RFC 7946): longitude first, degrees."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from data import s2
from data.geodesy import RAYLEIGH_MEDIAN

if TYPE_CHECKING:
    from data.distribution import CellDistribution

__all__ = ["feature_collection"]


def feature_collection(said: CellDistribution, k: int) -> dict[str, Any]:
    """The ``k`` likeliest cells as polygons with ``p``, ``country`` and ``radius_km``, then their spots as points.

    Spots come likeliest first and have the same properties; their ``p`` is part of their cell's.
    """
    shares = said.top(k)
    corners = s2.corners(said.partition.cell_ids[[share.index for share in shares]])[..., ::-1].tolist()
    features: list[dict[str, Any]] = [
        {
            "type": "Feature",
            "properties": {"p": share.p, "country": share.country, "radius_km": share.radius_km},
            "geometry": {"type": "Polygon", "coordinates": [[*ring, ring[0]]]},
        }
        for share, ring in zip(shares, corners, strict=True)
    ]
    spots, country = said.spots, {share.index: share.country for share in shares}
    if spots is not None:
        p = said.p[spots.cell] * spots.share
        for i in np.argsort(-p, kind="stable").tolist():
            if p[i] > 0.0 and int(spots.cell[i]) in country:
                radius_km = float(RAYLEIGH_MEDIAN * spots.sigma_km[i])
                told = {"p": float(p[i]), "country": country[int(spots.cell[i])], "radius_km": radius_km}
                point = {"type": "Point", "coordinates": [float(spots.lon[i]), float(spots.lat[i])]}
                features.append({"type": "Feature", "properties": told, "geometry": point})
    return {"type": "FeatureCollection", "features": features}
