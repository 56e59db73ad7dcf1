"""What the ranker sees of a row: columns of context, and columns of evidence that are missing where no clue speaks.

Context says what the row and the photo are (log p0 at several levels, rank, photo density, inhabitants, entropy,
scene); evidence says what the clues make of the row. ``none`` of the ranker's equation is the same row with every
evidence column missing, so that context acts through evidence alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from types import MappingProxyType
from typing import Final

import numpy as np
from numpy.typing import NDArray

from backbone.density import DensityPrior
from data.distribution import CellDistribution
from data.geodesy import EARTH_RADIUS_KM, unit_vectors
from data.partition import Partition
from detectors.base import PointEvidence
from fusion.context import Context
from fusion.laid import RELIABILITY, LaidClues
from fusion.rows import Rows, known_of, weighed
from fusion.sharing import Shares

__all__ = [
    "CONTEXT", "EVIDENCE", "FEATURES", "GROUPS", "KINDS", "MONOTONE", "WHOLE", "beside_trees", "rows_of",
    "without_evidence",
]  # fmt: skip

Floats = NDArray[np.float64]
Floats32 = NDArray[np.float32]

WHOLE: Final = frozenset({"lookup"})
"""Kinds of clues that count whole, beside the trees: a hit on a map says where to a hundred metres, how often such a
name is met elsewhere is in its evidence, and photos with hits are too few to learn from. The columns that trees have
for them were learnt from assumed hits, and are missing in every photo."""
KINDS: Final = tuple(RELIABILITY)
"""Kinds of clues that have columns of their own; what others say is in the columns of all together."""

_PRIOR = (
    "log_p0", "log_p0_middle", "log_p0_coarse", "log_p0_country", "rank", "log_density", "looks_gain", "is_rest",
    "entropy", "is_density",
)  # fmt: skip
_SCENE = ("indoor", "natural", "urban")
_POOLED = ("gain", "gain_country", "gain_below_best", "information", "top_pooled")
_AGREEMENT = ("sources_for", "sources_against", "share_for", "clues", "sources")
_PLACES = ("km_to_place", "place_sigma", "place_log_lr", "place_population", "places")
_READING = ("lines", "confidence", "least_confidence", "lines_told", "on_signs", "on_plates")
_LOOKUP = ("lookup_km", "lookups_for", "lookups")

CONTEXT: Final = (*_PRIOR, "log_population", *_SCENE)
"""Columns that say what row and photo are."""
EVIDENCE: Final = (
    *_POOLED,
    *(f"row_{kind}" for kind in KINDS),
    *(f"country_{kind}" for kind in KINDS),
    *_AGREEMENT,
    *_PLACES,
    *_READING,
    *_LOOKUP,
)
"""Columns that say what the clues make of it: NaN where nobody spoke."""
FEATURES: Final = (*CONTEXT, *EVIDENCE)

GROUPS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "prior": (*_PRIOR, "log_population"),
        "scene": _SCENE,
        "pooled": _POOLED,
        "readers": tuple(name for name in EVIDENCE if name.startswith(("row_", "country_"))),
        "agreement": _AGREEMENT,
        "places": _PLACES,
        "reading": _READING,
        "lookups": _LOOKUP,
    }
)
"""Groups of columns, for measuring what each is worth."""

MONOTONE: Final = tuple(
    +1
    if name in ("gain", "gain_country", "gain_below_best", "sources_for", "lookups_for")
    or name.startswith(("row_", "country_"))
    else -1
    if name in ("sources_against", "km_to_place", "lookup_km")
    else 0
    for name in FEATURES
)
"""Which way a column may move a row: more evidence for it never makes it less likely."""

_COORDINATES = FEATURES.index("row_coordinates")
_SPEAKS = 0.5  # nats over the Earth's mean: a clue speaks for a row; as far below, against it
_MOST_POINTS = 64
_MOST_ROWS = 24  # of the cells that they lie in
_FAR_KM = 20_040.0


def rows_of(
    prior: CellDistribution, laid: LaidClues, shares: Shares, evidence: Floats, context: Context
) -> tuple[Rows, Floats32]:
    """The rows of a photo, and their columns (r, len(FEATURES)).

    Args:
        prior: Before any clue.
        laid: All clues of the photo.
        shares: Which of them count, and how far.
        evidence: (n,) nats, what they say together.
        context: What else is known.
    """
    counted = [k for k in shares.free if shares.free[k] > 0.0]
    points = [point for k in counted for point in laid.clues[k].evidence.points]
    points = sorted(points, key=lambda point: -point.log_lr)[:_MOST_POINTS]
    partition = prior.partition
    pointed = partition.cells_of([p.lat for p in points], [p.lon for p in points]) if points else None
    rows = Rows.of(prior, evidence, None if pointed is None else pointed[:_MOST_ROWS].astype(np.int64))
    out = np.full((len(rows), len(FEATURES)), np.nan, np.float32)
    column = {name: out[:, k] for k, name in enumerate(FEATURES)}
    _context(column, rows, prior, context)
    _pooled(column, rows, prior, evidence)
    at_row = np.zeros((len(counted), len(rows)))
    for i, k in enumerate(counted):
        here, country = rows.told(laid.weighed(k, shares))
        at_row[i] = here
        kind = laid.clues[k].kind
        if kind in RELIABILITY:
            for name, told in (("row", here), ("country", country)):
                into = column[f"{name}_{kind}"]
                np.copyto(into, np.where(np.isnan(into), 0.0, into) + shares.free[k] * told)
    _agreement(column, laid, counted, at_row)
    if pointed is not None:
        _places(column, rows, points, pointed)
    _reading(column, laid, counted, context)
    _lookups(column, rows, laid, counted, at_row)
    return rows, out


def beside_trees(gain: Floats, table: Floats32, share: float) -> Floats:
    """(r,) nats: the pool's evidence that stands beside the trees: ``share`` of it, but all of printed coordinates.

    Coordinates are too rare, and sharper than anything else, for trees to learn what they are worth: their reader's own
    doubt is in their evidence.

    Args:
        gain: (r,) nats, ``Rows.gain``.
        table: (r, len(FEATURES)).
        share: 0 to 1.
    """
    printed = np.nan_to_num(table[:, _COORDINATES].astype(np.float64), nan=0.0)
    out: Floats = share * gain + (1.0 - share) * printed
    return out


def without_evidence(table: Floats32) -> Floats32:
    """The same rows with every evidence column missing."""
    bare = table.copy()
    bare[:, len(CONTEXT) :] = np.nan
    return bare


def _context(column: Mapping[str, Floats32], rows: Rows, prior: CellDistribution, context: Context) -> None:
    partition = rows.partition
    density, population = _of_cells(partition)
    column["log_p0"][:] = rows.log_p0
    for level in ("middle", "coarse"):
        if level in partition.levels:
            parents = partition.parents(level)
            mass = np.bincount(parents, weights=rows.p0)
            column[f"log_p0_{level}"][: len(rows.cells)] = np.log(mass[parents[rows.cells]])
    column["log_p0_country"][:] = rows.log_p0_country
    order = np.argsort(-rows.log_p0, kind="stable")
    column["rank"][order] = np.log1p(np.arange(len(rows)))
    log_density = np.log(np.bincount(rows.of_cell, weights=density, minlength=len(rows)))
    column["log_density"][:] = log_density
    column["looks_gain"][:] = rows.log_p0 - log_density
    column["is_rest"][:] = np.arange(len(rows)) >= len(rows.cells)
    column["entropy"][:] = known_of(prior).entropy
    column["is_density"][:] = float(context.prior_name.startswith("density"))
    column["log_population"][:] = np.log10(1.0 + np.bincount(rows.of_cell, weights=population, minlength=len(rows)))
    for name in _SCENE:
        if context.scene is not None and name in context.scene:
            column[name][:] = context.scene[name]


def _pooled(column: Mapping[str, Floats32], rows: Rows, prior: CellDistribution, evidence: Floats) -> None:
    column["gain"][:] = rows.gain
    column["gain_country"][:] = rows.told(weighed(prior, evidence))[1]
    column["gain_below_best"][:] = rows.gain - rows.gain.max()
    q = np.exp(rows.log_p0 + rows.gain)
    column["information"][:] = float((q * rows.gain).sum())  # KL(q | p0), nats
    column["top_pooled"][:] = float(q[: len(rows.cells)].max(initial=0.0))


def _agreement(column: Mapping[str, Floats32], laid: LaidClues, counted: Sequence[int], at_row: Floats) -> None:
    """Independent sources are readings: several clues of one reading are one source, which says their sum."""
    sources: dict[str, list[int]] = {}
    for i, k in enumerate(counted):
        for name in dict.fromkeys(span[0] for span in laid.spans[k]):
            sources.setdefault(name, []).append(i)
    told = np.array([at_row[list(members)].sum(axis=0) for members in sources.values()]).reshape(
        len(sources), at_row.shape[1]
    )
    speaks_for, against = (told > _SPEAKS).sum(axis=0), (told < -_SPEAKS).sum(axis=0)
    column["sources_for"][:] = speaks_for
    column["sources_against"][:] = against
    column["share_for"][:] = speaks_for / np.maximum(speaks_for + against, 1)
    column["clues"][:] = np.log1p(len(counted))
    column["sources"][:] = np.log1p(len(sources))


def _places(
    column: Mapping[str, Floats32], rows: Rows, points: Sequence[PointEvidence], pointed: NDArray[np.int32]
) -> None:
    lat, lon, sigma, log_lr = (np.array([getattr(p, name) for p in points]) for name in _POINT)
    km, nearest = _nearest(rows, lat, lon)
    cells = slice(0, len(rows.cells))
    _, population = _of_cells(rows.partition)
    column["km_to_place"][cells] = np.log1p(km)
    column["place_sigma"][cells] = np.log(sigma[nearest])
    column["place_log_lr"][cells] = log_lr[nearest]
    column["place_population"][cells] = np.log10(1.0 + population[pointed][nearest])
    column["km_to_place"][len(rows.cells) :] = np.log1p(_FAR_KM)
    column["places"][:] = np.log1p(len(points))


_POINT = ("lat", "lon", "sigma_km", "log_lr")


def _nearest(rows: Rows, lat: Floats, lon: Floats) -> tuple[Floats, NDArray[np.int64]]:
    """(m,) km from each cell's mean to the nearest point, and which."""
    cosine = rows.partition.vectors[rows.cells] @ unit_vectors(lat, lon).T
    nearest = cosine.argmax(axis=1)
    km = EARTH_RADIUS_KM * np.arccos(np.clip(cosine[np.arange(len(nearest)), nearest], -1.0, 1.0))
    return km, nearest


def _reading(column: Mapping[str, Floats32], laid: LaidClues, counted: Sequence[int], context: Context) -> None:
    column["lines"][:] = np.log1p(len(context.readings))
    named = {span[0] for k in counted for span in laid.spans[k]}
    told = [reading for reading in context.readings if reading.id in named]
    if not told:
        return
    confidence = [reading.confidence for reading in told]
    column["confidence"][:] = float(np.mean(confidence))
    column["least_confidence"][:] = min(confidence)
    column["lines_told"][:] = np.log1p(len(told))
    column["on_signs"][:] = np.mean([reading.region == "sign" for reading in told])
    column["on_plates"][:] = np.mean([reading.region == "plate" for reading in told])


def _lookups(
    column: Mapping[str, Floats32], rows: Rows, laid: LaidClues, counted: Sequence[int], at_row: Floats
) -> None:
    hits = [i for i, k in enumerate(counted) if laid.clues[k].kind == "lookup"]
    if not hits:
        return
    column["lookups"][:] = np.log1p(len(hits))
    column["lookups_for"][:] = (at_row[hits] > _SPEAKS).sum(axis=0)
    points = [point for i in hits for point in laid.clues[counted[i]].evidence.points]
    if points:
        km, _ = _nearest(rows, np.array([p.lat for p in points]), np.array([p.lon for p in points]))
        column["lookup_km"][: len(rows.cells)] = np.log1p(km)
        column["lookup_km"][len(rows.cells) :] = np.log1p(_FAR_KM)


@lru_cache(maxsize=4)
def _of_cells(partition: Partition) -> tuple[Floats, Floats]:
    """(n,) photo density and inhabitants of the cells."""
    density = DensityPrior(partition).distribution.p.astype(np.float64)
    return np.maximum(density, 1e-12), partition.population.astype(np.float64)
