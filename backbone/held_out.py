"""Photos that are kept from training, and what a model is worth on them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from backbone.calibrate import mean_nll
from data import s2
from data.distribution import CellDistribution
from data.geodesy import BANDS_KM, geoscore, haversine_km, within_bands
from data.partition import Partition

__all__ = ["held_out_mask", "measured", "of_distributions"]

_SPOT_LEVEL: Final = 13  # S2 cells of 1.2 km: photos of one walk stay on one side
_MOST_POINTS: Final = 500


def held_out_mask(lat: NDArray[np.float64], lon: NDArray[np.float64], share: float) -> NDArray[np.bool_]:
    """Which photos (n,) are held out: about ``share`` of the spots of 1.2 km, the same at every try.

    A spot is in or out by its own number, so photos of one walk never stand on both sides, and photos that are added
    to a set later move nothing.

    >>> held_out_mask(np.array([48.2, 48.2]), np.array([16.37, 16.37]), 1.0)
    array([ True,  True])
    """
    spots = s2.cell_ids(lat, lon, _SPOT_LEVEL)
    # splitmix64's last steps: neighbours on the ground have nothing in common.
    mixed = (spots ^ (spots >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed ^= mixed >> np.uint64(31)
    mask: NDArray[np.bool_] = mixed.astype(np.float64) < share * 2.0**64
    return mask


def measured(
    log_p: NDArray[np.float32],
    lat: NDArray[np.float64],
    lon: NDArray[np.float64],
    partition: Partition,
    *,
    temperature: float,
    prefix: str = "held_out_",
) -> dict[str, float]:
    """Figures of log-probabilities (m, n) about photos taken at ``lat``, ``lon`` (m,) degrees.

    They are: number of photos, mean negative log-likelihood (nats) of the true cell, median distance (km), shares
    within each band of :data:`data.geodesy.BANDS_KM`, mean GeoScore, and the share of photos inside the radius that is
    meant to hold half of the mass; each name begins with ``prefix``. Points are those of the highest expected
    GeoScore. The likelihood is of all photos, the rest of the first 500: a point and a radius take 0.1 s each.
    Nothing but their number where there is no photo.
    """
    if not len(log_p):
        return {f"{prefix}photos": 0.0}
    some = slice(_MOST_POINTS)
    said = [CellDistribution.from_logits(partition, row.astype(np.float64) / temperature) for row in log_p[some]]
    figures = of_distributions(said, lat[some], lon[some])
    figures["nll"] = mean_nll(log_p, partition.cells_of(lat, lon), temperature)
    figures["photos"] = float(len(log_p))
    return {prefix + name: value for name, value in figures.items()}


def of_distributions(
    said: Sequence[CellDistribution], lat: NDArray[np.float64], lon: NDArray[np.float64]
) -> dict[str, float]:
    """The figures of :func:`measured` but for the likelihood, of distributions (m,) as they are."""
    answers = {}
    for distribution in said:  # a prior that looks at no pixel gives one object for all
        if id(distribution) not in answers:
            point = distribution.point("geoscore")
            answers[id(distribution)] = (*point, distribution.radius_km(*point))
    found = np.array([answers[id(distribution)] for distribution in said])
    km, half = haversine_km(found[:, 0], found[:, 1], lat, lon), found[:, 2]
    figures = {"photos": float(len(km)), "median_km": float(np.median(km)), "geoscore": float(np.mean(geoscore(km)))}
    figures |= {f"within_{band:g}_km": share for band, share in zip(BANDS_KM, within_bands(km), strict=True)}
    figures["inside_half_radius"] = float(np.mean(km <= half))
    return figures
