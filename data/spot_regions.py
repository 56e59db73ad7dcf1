"""In which region a spot lies: of a cell across a border, what is known to a hundred metres is on one side of it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from data.gazetteer import Place
from data.gazetteer import load_default as load_gazetteer
from data.partition import Partition
from data.spots import Spots

__all__ = ["region_changes", "spot_countries"]

_NARROW_KM = 3.0
"""A wider spot may lie on both sides of a border, as its cell does."""


def region_changes(
    partition: Partition, p: NDArray[np.float32], spots: Spots, allowed: NDArray[np.bool_] | None = None
) -> dict[str, float]:
    """What spots move between the admin-1 regions of their cells: code to probability, gained or lost; sums to 0.

    A spot is in the region of the gazetteer's nearest place, if the cell that it lies in has that region, else in its
    country, if the cell has that; otherwise it stays shared as its cell is. It may lie beyond the edge of the cell that
    its mass is of, whose Gaussian knows no edge.

    Args:
        partition: The cells.
        p: (n,) their probabilities.
        spots: Inside them.
        allowed: (r,) regions that may have any; None for all.
    """
    chosen = np.flatnonzero((spots.sigma_km <= _NARROW_KM) & (p[spots.cell] * spots.share > 1e-7))
    changes: dict[str, float] = {}
    if not len(chosen):
        return changes
    gazetteer = load_gazetteer()
    nearest = gazetteer.nearest_ids(spots.lat[chosen], spots.lon[chosen])
    around = partition.cells_of(spots.lat[chosen], spots.lon[chosen])
    for k, place_id, lies_in in zip(chosen.tolist(), nearest.tolist(), around.tolist(), strict=True):
        before, shares = _entries(partition, int(spots.cell[k]), allowed)
        after, there = _side(partition, lies_in, gazetteer.place(place_id), allowed)
        if not there.any() or not len(before):
            continue
        mass = float(p[spots.cell[k]] * spots.share[k])
        for codes, part, sign in ((before, shares, -1.0), (after, there, 1.0)):
            for code, share in zip(codes, part / part.sum(), strict=True):
                changes[code] = changes.get(code, 0.0) + sign * mass * float(share)
    return changes


def spot_countries(
    partition: Partition, spots: Spots, chosen: NDArray[np.int64], allowed: NDArray[np.bool_] | None = None
) -> list[str | None]:
    """Country that each ``chosen`` spot lies in, as :func:`region_changes` counts it; None where it stays shared."""
    if not len(chosen):
        return []
    gazetteer = load_gazetteer()
    nearest = gazetteer.nearest_ids(spots.lat[chosen], spots.lon[chosen])
    around = partition.cells_of(spots.lat[chosen], spots.lon[chosen])
    countries: list[str | None] = []
    for k, place_id, lies_in in zip(chosen.tolist(), nearest.tolist(), around.tolist(), strict=True):
        place = gazetteer.place(place_id)
        counted = spots.sigma_km[k] <= _NARROW_KM and _side(partition, lies_in, place, allowed)[1].any()
        countries.append(place.country if counted else None)
    return countries


def _side(
    partition: Partition, cell: int, place: Place, allowed: NDArray[np.bool_] | None
) -> tuple[Sequence[str], NDArray[np.float64]]:
    """Codes and shares of the regions of a cell, those on the other sides of its borders than ``place`` without any."""
    codes, shares = _entries(partition, cell, allowed)
    own = np.array([code == place.admin1 for code in codes], bool)
    if not own.any():
        own = np.array([code[:2] == place.country for code in codes], bool)
    return codes, np.where(own, shares, 0.0)


def _entries(
    partition: Partition, cell: int, allowed: NDArray[np.bool_] | None
) -> tuple[Sequence[str], NDArray[np.float64]]:
    """Codes and shares of the regions of a cell."""
    indices = partition.region_indices[partition.region_indptr[cell] : partition.region_indptr[cell + 1]]
    shares = partition.region_shares[partition.region_indptr[cell] : partition.region_indptr[cell + 1]]
    kept = np.ones(len(indices), bool) if allowed is None else allowed[indices]
    kept &= shares > 0.0
    return [partition.region_codes[i] for i in indices[kept].tolist()], shares[kept].astype(np.float64)
