"""What a gallery is worth, and how far it is believed: fitted and measured on its own photos, each left out in turn.

A photo of the gallery is asked about with all photos within 25 km of it left out, so that none of the same walk, street
or town can answer: a harder question than a user's, whose photo may be of a town that the gallery shows. Temperature,
crowd, bandwidth and share of the vote are those of the highest likelihood, with a share that five more photos would
have argued down. Figures are taken across folds: places are dealt into five, and the photos of one fold are measured
with what was fitted on the other four. What is kept in the card is fitted on all.

Photos of a gallery share its places, and knowing these is worth something without looking at a photo. So figures have
:func:`fit_blind` beside them, and ``held_out_gain_low`` is the lesser of what is certain over density and over that.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from backbone.density import DensityPrior
from backbone.gallery import Gallery
from backbone.gallery_refine import fit_refinement
from backbone.gallery_votes import NEIGHBOURS, VoteConfig, crowded, kernel_rows, modes, vote, weights_of
from backbone.held_out import covered, measured
from data import s2
from data.distribution import CellDistribution
from data.geodesy import EARTH_RADIUS_KM, unit_vectors
from data.partition import load_default

__all__ = ["APART_KM", "ASKED", "fit_blind", "fit_votes", "fitted"]

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]

APART_KM: Final = 25.0
"""Photos within this distance of a photo are left out when it is asked about."""

ASKED: Final = 300
"""Photos that are left out in turn, drawn by chance from a larger gallery."""

_MOST_POINTS: Final = 120  # of those asked about whose points are measured, which is what takes the time
_MOST_BLIND: Final = 2_000  # photos that vote blindly; of more, so many drawn by chance
_SPARE: Final = 8  # so many times the neighbours are fetched, for those that are left out
_BANDWIDTHS_KM: Final = (50.0, 100.0, 200.0, 400.0, 800.0, 1600.0)
_TEMPERATURES: Final = (0.01, 0.03, 0.1, 0.3, 1.0, 10.0)
"""Times the typical difference between the squared distances of the nearest and the last neighbour."""
_CROWDS: Final = (0.0, 0.5, 1.0)
_SHARES: Final = np.concatenate([[0.0], np.linspace(0.01, 0.97, 49)])
_DOUBT: Final = 5.0  # photos that would have been better explained by density alone
_FOLDS: Final = 5
_FOLD_LEVEL: Final = 5  # S2 cells of 300 km: what is learnt of one is not measured in it
_KERNELS_AT_ONCE: Final = 64


@dataclass(frozen=True, eq=False)
class _Asked:
    """Photos that are left out in turn (m), with the nearest of the others: squared distances, unit vectors."""

    rows: Indices
    square: list[Floats]
    places: list[Floats]


def fitted(gallery: Gallery, asked: int = ASKED) -> tuple[dict[str, Any], dict[str, Any], dict[str, float]]:
    """A gallery's ``votes``, ``refinement`` and ``metrics``, for its card, over the shipped partition.

    Metrics are those of :func:`backbone.held_out.measured`, and ``covered``: the share of the world's photos that come
    from the coarse cells in which the gallery has any.
    """
    density = DensityPrior(load_default()).distribution
    votes, metrics = fit_votes(gallery, density, asked)
    partition = density.partition
    metrics["covered"] = covered(density, partition.cells_of(gallery.lat, gallery.lon))
    refinement = fit_refinement(gallery, partition).to_dict() | {"partition": partition.hash}
    return asdict(votes), refinement, metrics


def fit_votes(gallery: Gallery, density: CellDistribution, most: int = ASKED) -> tuple[VoteConfig, dict[str, float]]:
    """The likeliest way to vote, and figures across folds; see the module's docstring."""
    asked = _left_out(gallery, most)
    lat, lon = gallery.lat[asked.rows], gallery.lon[asked.rows]
    cells = density.partition.cells_of(lat, lon)
    before = density.p[cells].astype(np.float64)
    if not any(len(square) for square in asked.square):
        return VoteConfig(), {"held_out_photos": 0.0}
    ways = _ways(asked)
    told = _told(asked, ways, density, cells)  # [ways, m]
    best = _likeliest(ways, told, before, np.ones(len(cells), bool))
    folds = _folds(lat, lon)
    log_p = np.empty((len(cells), len(density.p)), np.float32)
    for fold in np.unique(folds).tolist():
        config = _likeliest(ways, told, before, folds != fold)
        for i in np.flatnonzero(folds == fold).tolist():
            log_p[i] = np.log(vote(config, asked.square[i], asked.places[i], density).p)
    # What is measured first is any of them: rows are in the order of the gallery, which is often by country.
    order = np.random.default_rng(1).permutation(len(cells))
    return best, measured(
        log_p[order], lat[order], lon[order], density, temperature=1.0, points=_MOST_POINTS,
        blind=fit_blind(gallery, density),
    )  # fmt: skip


def fit_blind(gallery: Gallery, density: CellDistribution) -> CellDistribution:
    """What is to be had of a gallery without looking at a photo: all its photos vote alike, whatever is asked about.

    Bandwidth and share are fitted as in :func:`fit_votes`. What the gallery's votes are worth beyond this they owe to
    what photos look like; the rest, to where the gallery's photos were taken.
    """
    some_of = np.random.default_rng(0).permutation(len(gallery))[:_MOST_BLIND]
    lat, lon = gallery.lat[some_of], gallery.lon[some_of]
    vectors = unit_vectors(lat, lon)
    cells = density.partition.cells_of(lat, lon)
    before = density.p[cells].astype(np.float64)
    chord = 2.0 * np.sin(APART_KM / EARTH_RADIUS_KM / 2.0)
    rows = np.arange(min(len(some_of), ASKED))
    apart = (np.maximum(2.0 - 2.0 * vectors[rows] @ vectors.T, 0.0) > chord**2).astype(np.float64)
    apart /= np.maximum(apart.sum(axis=1, keepdims=True), 1.0)
    best, answer = 0.0, density
    for bandwidth in _BANDWIDTHS_KM:
        told, q = np.zeros(len(rows)), np.zeros(len(density.p))
        for start in range(0, len(vectors), _KERNELS_AT_ONCE):
            some = slice(start, start + _KERNELS_AT_ONCE)
            kernels = kernel_rows(vectors[some], density, bandwidth)
            told += np.einsum("mk,km->m", apart[:, some], kernels[:, cells[rows]])
            q += kernels.sum(axis=0)
        gain = np.log(
            (1.0 - _SHARES)[:, None] * before[rows] + _SHARES[:, None] * told
        ).sum(axis=1) + _DOUBT * np.log1p(-_SHARES) - np.log(before[rows]).sum()  # fmt: skip
        if gain.max() > best:
            best, share = float(gain.max()), float(_SHARES[int(gain.argmax())])
            p = (1.0 - share) * density.p.astype(np.float64) + share * q / q.sum()
            answer = CellDistribution(density.partition, (p / p.sum()).astype(np.float32))
    return answer


def _left_out(gallery: Gallery, most: int) -> _Asked:
    count = len(gallery)
    rows = np.sort(np.random.default_rng(0).permutation(count)[:most])
    vectors = unit_vectors(gallery.lat, gallery.lon)
    near, far = gallery.nearest(gallery.vectors(rows), min(_SPARE * NEIGHBOURS, count))
    chord = 2.0 * np.sin(APART_KM / EARTH_RADIUS_KM / 2.0)
    square, places = [], []
    for i, row in enumerate(rows.tolist()):
        apart = np.linalg.norm(vectors[near[i]] - vectors[row], axis=1) > chord
        square.append(far[i, apart][:NEIGHBOURS])
        places.append(vectors[near[i, apart]][:NEIGHBOURS])
    return _Asked(rows, square, places)


def _ways(asked: _Asked) -> list[VoteConfig]:
    width = float(np.median([square[-1] - square[0] for square in asked.square if len(square)]))
    return [
        VoteConfig(NEIGHBOURS, max(temperature * width, 1e-9), crowd, bandwidth)
        for bandwidth in _BANDWIDTHS_KM
        for temperature in _TEMPERATURES
        for crowd in _CROWDS
    ]


def _told(asked: _Asked, ways: list[VoteConfig], density: CellDistribution, cells: NDArray[np.int32]) -> Floats:
    """What the vote ``q`` gives each photo's own cell (ways, m)."""
    told = np.zeros((len(ways), len(cells)))
    lengths = [len(places) for places in asked.places]
    spots, which = np.unique(np.concatenate(asked.places), axis=0, return_inverse=True)
    of_photo = np.split(which.ravel(), np.cumsum(lengths)[:-1])
    for bandwidth in _BANDWIDTHS_KM:
        mine = [w for w, way in enumerate(ways) if way.bandwidth_km == bandwidth]
        gains = _gains(spots, density, bandwidth, cells, of_photo)
        for i, (square, places) in enumerate(zip(asked.square, asked.places, strict=True)):
            if not len(square):
                told[mine, i] = density.p[cells[i]]
                continue
            plain = {way.temperature: weights_of(square, way.temperature) for way in (ways[w] for w in mine)}
            label = modes(places, bandwidth)[1]
            for w in mine:
                told[w, i] = crowded(plain[ways[w].temperature], label, ways[w].crowd) @ gains[i]
    return told


def _gains(
    spots: Floats, density: CellDistribution, bandwidth: float, cells: NDArray[np.int32], of_photo: list[Indices]
) -> list[Floats]:
    """For each photo what the kernel of each of its neighbours gives its own cell (k,)."""
    gains = [np.zeros(len(spots_of)) for spots_of in of_photo]
    for start in range(0, len(spots), _KERNELS_AT_ONCE):
        rows = kernel_rows(spots[start : start + _KERNELS_AT_ONCE], density, bandwidth)
        for i, spots_of in enumerate(of_photo):
            here = np.flatnonzero((spots_of >= start) & (spots_of < start + len(rows)))
            gains[i][here] = rows[spots_of[here] - start, cells[i]]
    return gains


def _likeliest(ways: list[VoteConfig], told: Floats, before: Floats, used: NDArray[np.bool_]) -> VoteConfig:
    """The way and the share under which the photos ``used`` are likeliest, doubt included."""
    mixed = (1.0 - _SHARES)[:, None, None] * before[used] + _SHARES[:, None, None] * told[:, used]
    gain = np.log(mixed).sum(axis=2) + _DOUBT * np.log1p(-_SHARES)[:, None]  # [shares, ways]
    share, way = np.unravel_index(int(gain.argmax()), gain.shape)
    fields = asdict(ways[int(way)]) | {"share": float(_SHARES[int(share)])}
    return VoteConfig.of(fields)


def _folds(lat: Floats, lon: Floats) -> Indices:
    regions = s2.cell_ids(lat, lon, _FOLD_LEVEL)
    _, of_photo, sizes = np.unique(regions, return_inverse=True, return_counts=True)
    of_region, filled = np.zeros(len(sizes), np.int64), np.zeros(_FOLDS, np.int64)
    for k in np.argsort(-sizes, kind="stable").tolist():
        of_region[k] = int(np.argmin(filled))
        filled[of_region[k]] += sizes[k]
    dealt: Indices = of_region[of_photo.ravel()]
    return dealt
