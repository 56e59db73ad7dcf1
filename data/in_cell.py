"""Where the mass lies inside each cell, once something has narrowed it: a mean and a spread per cell, and spots."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from data.geodesy import EARTH_RADIUS_KM, lat_lon, unit_vectors
from data.spots import Spots, fewest_spots

__all__ = ["InCell", "averaged_in_cell", "grouped_in_cell"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class InCell:
    """Where the mass lies inside each cell once evidence has narrowed it.

    Attributes:
        lat: (n,) degrees, the mean of the cell's own Gaussian.
        lon: (n,) degrees.
        spread_km: (n,) km, standard deviation per axis, > 0.
        spots: Narrow parts of the mass beside the cells' own Gaussians; None where there are none.
    """

    lat: Floats
    lon: Floats
    spread_km: Floats
    spots: Spots | None = None

    def __post_init__(self) -> None:
        if not (self.lat.shape == self.lon.shape == self.spread_km.shape and np.all(self.spread_km > 0)):
            raise ValueError("in-cell means and spreads are three equal (n,) arrays, every spread above 0")
        if self.spots is not None and len(self.spots) and self.spots.cell[-1] >= len(self.lat):
            raise ValueError("a spot lies in a cell that does not exist")

    @property
    def rest(self) -> Floats:
        """(n,) share of each cell's mass that lies in its own Gaussian and not in spots, 0 to 1."""
        return np.ones(len(self.lat)) if self.spots is None else self.spots.rest(len(self.lat))


def averaged_in_cell(parts: Sequence[InCell], share: Floats | None = None) -> InCell:
    """The mixture of ``parts``, cell by cell; one is itself.

    The cells' own Gaussians are replaced by those with the mean and variance of their mixture; spots are kept, each
    with its part's share of its own share. The same to the last bit in whatever order the parts come.

    Args:
        parts: What is mixed.
        share: (k, n) of each part in each cell, summing to 1 over the parts; None for equal shares.

    Raises:
        ValueError: There is none.
    """
    if not parts:
        raise ValueError("nothing to average: give at least one")
    if len(parts) == 1:
        return parts[0]
    if share is None:
        share = np.full((len(parts), len(parts[0].lat)), 1.0 / len(parts))
    spots = None
    if any(part.spots is not None for part in parts):
        spots = fewest_spots([_weighed(part.spots, row) for part, row in zip(parts, share, strict=True) if part.spots])
        own = share * np.stack([part.rest for part in parts])
        total = _summed(own)
        share = np.where(total > 0.0, own / np.where(total > 0.0, total, 1.0), share)
    vectors = np.stack([unit_vectors(part.lat, part.lon) for part in parts])  # [k, n, 3]
    mean = _unit(_summed(share[..., None] * vectors), vectors[0])
    apart = EARTH_RADIUS_KM**2 * ((vectors - mean) ** 2).sum(axis=-1) / 2.0
    variance = _summed(share * (np.stack([part.spread_km for part in parts]) ** 2 + apart))
    lat, lon = lat_lon(mean)
    # Where all parts agree they are kept to the last bit.
    same = np.logical_and.reduce(
        [(p.lat == parts[0].lat) & (p.lon == parts[0].lon) & (p.spread_km == parts[0].spread_km) for p in parts]
    )
    return InCell(
        np.where(same, parts[0].lat, lat),
        np.where(same, parts[0].lon, lon),
        np.where(same, parts[0].spread_km, np.sqrt(variance)),
        spots,
    )


def grouped_in_cell(inside: InCell, p: Floats, groups: NDArray[np.int32], otherwise: InCell) -> InCell:
    """The same mass seen in coarser cells: the Gaussian with the mean and variance of each group's own, and all spots.

    Args:
        inside: Of the n finer cells.
        p: Their mass (n,).
        groups: (n,) which of the m coarser cells each lies in.
        otherwise: Of the m coarser cells; kept where there is no mass.
    """
    count = len(otherwise.lat)
    vectors, p = unit_vectors(inside.lat, inside.lon), np.asarray(p, np.float64)
    spots = inside.spots
    if spots is not None:
        whole = np.bincount(groups, weights=p, minlength=count).astype(np.float64)
        spots = fewest_spots([spots.moved_to(groups[spots.cell], spots.share * p[spots.cell], whole)])
        p = p * inside.rest
    mass = np.bincount(groups, weights=p, minlength=count)
    held = mass > 0.0
    sums: Floats = np.zeros((count, 3))
    np.add.at(sums, groups, p[:, None] * vectors)
    mean = _unit(sums, unit_vectors(otherwise.lat, otherwise.lon))
    square = inside.spread_km**2 + EARTH_RADIUS_KM**2 * ((vectors - mean[groups]) ** 2).sum(axis=-1) / 2.0
    variance = np.bincount(groups, weights=p * square, minlength=count) / np.where(held, mass, 1.0)
    lat, lon = lat_lon(mean)
    return InCell(
        np.where(held, lat, otherwise.lat),
        np.where(held, lon, otherwise.lon),
        np.where(held, np.sqrt(variance), otherwise.spread_km),
        spots,
    )


def _weighed(spots: Spots, share: Floats) -> Spots:
    """``spots`` with ``share`` (n,) of their cells' mass."""
    held = spots.chosen(share[spots.cell] > 0.0)
    return Spots(held.cell, held.lat, held.lon, held.sigma_km, held.share * share[held.cell])


def _summed(terms: Floats) -> Floats:
    """Sums over the first axis, sorted first: in whatever order the terms come, the same to the last bit."""
    total: Floats = np.sort(terms, axis=0).sum(axis=0)
    return total


def _unit(vectors: Floats, otherwise: Floats) -> Floats:
    """``vectors`` (n, 3) at length 1, those of no length replaced."""
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    kept = length > 1e-12
    unit: Floats = np.where(kept, vectors / np.where(kept, length, 1.0), otherwise)
    return unit
