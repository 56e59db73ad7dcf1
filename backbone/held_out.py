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
from data.photo_sets import PhotoSet

__all__ = ["covered", "held_out_mask", "measured", "shared_spots"]

Floats = NDArray[np.float64]

_SPOT_LEVEL: Final = 13  # S2 cells of 1.2 km: photos of one walk stay on one side
_BOOTSTRAP: Final = 2_000
_RADII: Final = {"half": 0.5, "80": 0.8, "95": 0.95}  # what a radius is meant to hold, as its figure calls it


def held_out_mask(lat: Floats, lon: Floats, share: float) -> NDArray[np.bool_]:
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


def shared_spots(photos: PhotoSet, held_out: PhotoSet) -> int:
    """How many spots of 1.2 km have photos in both sets: where there are any, figures on the second flatter."""
    first, second = (s2.cell_ids(some.lat, some.lon, _SPOT_LEVEL) for some in (photos, held_out))
    return len(np.intersect1d(first, second))


def covered(density: CellDistribution, cells: NDArray[np.integer]) -> float:
    """Share of the world's photos, by the density prior, that come from the coarse cells around ``cells`` (m,)."""
    groups = density.partition.parents(density.partition.levels[-1])
    return float(density.p[np.isin(groups, groups[cells])].sum(dtype=np.float64))


def measured(
    log_p: NDArray[np.float32],
    lat: Floats,
    lon: Floats,
    density: CellDistribution,
    *,
    temperature: float,
    points: int = 500,
    blind: CellDistribution | None = None,
) -> dict[str, float]:
    """Figures of log-probabilities (m, n) about photos taken at ``lat``, ``lon`` (m,) degrees, beside the density's.

    ``held_out_photos`` is their number and ``held_out_nll`` the mean negative log-likelihood (nats) of the true cell.
    Of the first ``points`` photos, which are ``held_out_points``: median distance (km), mean GeoScore, share within
    each band of :data:`data.geodesy.BANDS_KM`, and share inside the radius that is meant to hold half of the mass, and
    inside those for 80 and 95 %; the same of the density prior, as ``held_out_density_...``; and ``held_out_gain``,
    what the model's GeoScore has over the density's, with ``held_out_gain_low``, the 2.5 % end of its paired bootstrap
    interval. Points are those of the highest expected GeoScore. Only the number where there is no photo.

    ``blind`` is what is to be had without looking at a photo by knowing where those were taken that the model has seen.
    Where it is given its figures are there too, as ``held_out_blind_...``, and ``held_out_gain_low`` is the lesser of
    the ends over density and over it: photos that are held out from the model's own share its places.
    """
    if not len(log_p):
        return {"held_out_photos": 0.0}
    partition = density.partition
    said = [CellDistribution.from_logits(partition, row.astype(np.float64) / temperature) for row in log_p[:points]]
    km, mass = _distances(said, lat[:points], lon[:points])
    km_density, mass_density = _distances([density] * len(said), lat[:points], lon[:points])
    gains = geoscore(km) - geoscore(km_density)
    draws = np.random.default_rng(0).integers(0, len(gains), (_BOOTSTRAP, len(gains)))
    low = float(np.percentile(gains[draws].mean(axis=1), 2.5))
    beside: dict[str, float] = {}
    if blind is not None:
        km_blind, mass_blind = _distances([blind] * len(said), lat[:points], lon[:points])
        over = geoscore(km) - geoscore(km_blind)
        beside = {f"held_out_blind_{name}": value for name, value in _figures(km_blind, mass_blind).items()}
        beside["held_out_blind_gain"] = float(over.mean())
        low = min(low, float(np.percentile(over[draws].mean(axis=1), 2.5)))
    return {
        "held_out_photos": float(len(log_p)),
        "held_out_nll": mean_nll(log_p, partition.cells_of(lat, lon), temperature),
        "held_out_points": float(len(km)),
        **{f"held_out_{name}": value for name, value in _figures(km, mass).items()},
        **{f"held_out_density_{name}": value for name, value in _figures(km_density, mass_density).items()},
        **beside,
        "held_out_gain": float(gains.mean()),
        "held_out_gain_low": low,
    }


def _figures(km: Floats, mass: Floats) -> dict[str, float]:
    figures = {"median_km": float(np.median(km)), "geoscore": float(np.mean(geoscore(km)))}
    figures |= {f"within_{band:g}_km": share for band, share in zip(BANDS_KM, within_bands(km), strict=True)}
    return figures | {f"inside_{name}_radius": float(np.mean(mass <= held)) for name, held in _RADII.items()}


def _distances(said: Sequence[CellDistribution], lat: Floats, lon: Floats) -> tuple[Floats, Floats]:
    """Distances (m,) of the best points in km, and the mass (m,) that lies nearer to them."""
    points: dict[int, tuple[float, float]] = {}
    for distribution in said:  # a prior that looks at no pixel gives one object for all
        if id(distribution) not in points:
            points[id(distribution)] = distribution.point("geoscore")
    found = np.array([points[id(distribution)] for distribution in said])
    km = haversine_km(found[:, 0], found[:, 1], lat, lon)
    aside = zip(said, found.tolist(), km.tolist(), strict=True)
    mass = [distribution.mass_within(at[0], at[1], far) for distribution, at, far in aside]
    return km, np.array(mass)
