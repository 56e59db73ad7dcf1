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
_INSIDE: Final = 1.0 - 1e-9  # of a box's side, so that rounding takes nothing further apart into one
_FEW: Final = 256  # pairs of photos of two boxes that are compared one by one
_AT_ONCE: Final = 1_000_000  # such pairs in memory


def places(lat: Floats, lon: Floats, km: float = _PLACE_KM) -> Indices:
    """Number (n,) of each photo's place: photos within ``km`` of each other, and of theirs in turn, share one.

    >>> places(np.array([48.20, 48.30, 52.50]), np.array([16.37, 16.37, 13.40])).tolist()
    [0, 0, 1]
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    chord = 2.0 * np.sin(km / EARTH_RADIUS_KM / 2.0)
    vectors = unit_vectors(lat, lon)
    # Boxes so small that what is in one is near: the pairs of many photos of one city need not be listed.
    boxes, box = np.unique(np.floor(vectors / (chord / 3.0**0.5 * _INSIDE)), axis=0, return_inverse=True)
    near = _near_boxes(vectors, boxes, box.reshape(-1), chord)
    joined = coo_array((np.ones(len(near), np.int8), (near[:, 0], near[:, 1])), shape=(len(boxes), len(boxes)))
    component = connected_components(joined, directed=False)[1][box.reshape(-1)]
    _, first, place = np.unique(component, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[place].astype(np.int64)  # numbered as they come


def _near_boxes(vectors: Floats, boxes: Floats, box: Indices, chord: float) -> Indices:
    """Pairs (k, 2) of boxes, as numbers, that have a photo each no further apart than ``chord``.

    Args:
        vectors: (n, 3) of the photos.
        boxes: (b, 3) whole numbers, in sides of a box.
        box: (n,) number of each photo's box.
        chord: On the unit sphere; a box is no wider from corner to corner.
    """
    from scipy.spatial import cKDTree

    pairs = cKDTree(boxes).query_pairs(2.0 * 3.0**0.5 + 0.01, output_type="ndarray")
    sizes = np.bincount(box, minlength=len(boxes))
    start, members = np.cumsum(sizes) - sizes, np.argsort(box, kind="stable")
    many = sizes[pairs[:, 0]] * sizes[pairs[:, 1]]
    near = np.zeros(len(pairs), bool)
    few = np.flatnonzero(many <= _FEW)
    for part in np.array_split(few, max(1, int(many[few].sum()) // _AT_ONCE)):
        a, b = pairs[part].T
        pair = np.repeat(np.arange(len(part)), many[part])
        within = np.arange(len(pair)) - np.repeat(np.cumsum(many[part]) - many[part], many[part])
        i, j = np.divmod(within, sizes[b][pair])
        gap = vectors[members[start[a][pair] + i]] - vectors[members[start[b][pair] + j]]
        near[part] = np.bincount(pair, (gap**2).sum(axis=1) <= chord**2, minlength=len(part)) > 0
    trees: dict[int, cKDTree] = {}
    for k in np.flatnonzero(many > _FEW).tolist():
        a, b = (int(one) for one in pairs[k])
        points = [vectors[members[start[one] : start[one] + sizes[one]]] for one in (a, b)]
        if a not in trees:
            trees[a] = cKDTree(points[0])
        near[k] = bool((trees[a].query(points[1])[0] <= chord).any())
    return np.asarray(pairs[near], np.int64)


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
