"""Photos by place: which were taken at one place, and folds that keep the photos of a place together.

Photos of one place say the same thing many times over. What is fitted on some of them and measured on others flatters.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from data.geodesy import EARTH_RADIUS_KM, unit_vectors

__all__ = ["folds", "places"]

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]

_PLACE_KM: Final = 25.0


def places(lat: Floats, lon: Floats, km: float = _PLACE_KM) -> Indices:
    """Number (n,) of each photo's place: photos within ``km`` of each other, and of theirs in turn, share one.

    >>> places(np.array([48.20, 48.30, 52.50]), np.array([16.37, 16.37, 13.40])).tolist()
    [0, 0, 1]
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components
    from scipy.spatial import cKDTree

    n = len(lat)
    chord = 2.0 * np.sin(km / EARTH_RADIUS_KM / 2.0)
    near = cKDTree(unit_vectors(lat, lon)).query_pairs(chord, output_type="ndarray")
    joined = coo_array((np.ones(len(near), np.int8), (near[:, 0], near[:, 1])), shape=(n, n))
    return np.asarray(connected_components(joined, directed=False)[1], np.int64)


def folds(place: Indices, count: int, seed: int = 0) -> Indices:
    """Fold (n,) from 0 to ``count - 1`` of each photo, about equally many in each; no place is in two of them.

    Places are dealt out largest first, equally large ones by chance, each to the fold with the fewest photos so far.
    """
    sizes = np.bincount(place)
    shuffled = np.random.default_rng(seed).permutation(len(sizes))
    of_place, filled = np.zeros(len(sizes), np.int64), np.zeros(count, np.int64)
    for k in shuffled[np.argsort(-sizes[shuffled], kind="stable")]:
        of_place[k] = np.argmin(filled)
        filled[of_place[k]] += sizes[k]
    dealt: Indices = of_place[place]
    return dealt
