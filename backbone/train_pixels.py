"""Trains the pixels prior: ``whence train pixels OUT --photos SET [--photos SET ...]``.

The features are frozen; what is fitted is a convex conditional logit, so that a few hundred photos and some minutes
suffice. Temperature and figures are out of fold: photos within 25 km of each other are one place, a place is in one of
five folds, and each photo is answered by the fit that saw none of its fold. The model that is kept is fitted on all.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from backbone.cell_features import cell_features, location_components
from backbone.density import DensityPrior
from backbone.frozen_features import FrozenFeatures
from backbone.held_out import covered, measured
from backbone.log_bilinear import LogBilinear, fit
from backbone.pixels import mixed, shipped_model
from backbone.pixels_file import FILE, PixelsCard, PixelsModel, model_to_bytes
from data.errors import DatasetError, ImageError, WeightsError
from data.partition import load_default
from data.photo_places import folds, places
from data.photo_sets import PhotoSet
from data.printable import printable
from data.version import __version__
from data.writing import write_whole

__all__ = ["features_of", "folds_of", "out_of_fold", "shipped_components", "train"]

COMPONENTS: Final = 48
RIDGE: Final = 5e-3
DENSITY_SHARE: Final = 0.1
_FOLDS: Final = 5
_LEAST: Final = 50  # photos
_LEAST_SIDE: Final = 256  # pixels that photos are decoded to at least

_log = logging.getLogger(__name__)

Floats = NDArray[np.float64]
Floats32 = NDArray[np.float32]


def train(
    out: Path,
    photos: PhotoSet,
    features: FrozenFeatures,
    *,
    components: Floats32 | None = None,
    ridge: float = RIDGE,
    density_share: float = DENSITY_SHARE,
    device: str = "cpu",
    name: str = "pixels",
    licence: str = "not stated",
    trained_on: str = "",
) -> Path:
    """Train on ``photos`` and write ``out/pixels.safetensors``, with what it is worth out of fold.

    The photos' features are kept in ``out`` and not computed again for the same photos and networks.

    Args:
        out: Folder.
        photos: What to learn from.
        features: What sees them.
        components: (groups, c) of the cells of the middle level; None for those of the prior that ships.
        ridge: See :func:`backbone.log_bilinear.fit`.
        density_share: Share of the density prior that is mixed in.
        device: For the features.
        name: Of the model.
        licence: Of the weights.
        trained_on: What to say about the photos; the name of the set where it is empty.

    Returns:
        The file.

    Raises:
        DatasetError: Fewer than 50 photos can be read, they are of fewer than five places, or ``out`` cannot be
            written.
        WeightsError: The features' weights are not at hand.
    """
    partition = load_default()
    components = shipped_components() if components is None else components
    seen, read = features_of(photos, features, out, device=device)
    if int(read.sum()) < _LEAST:
        raise DatasetError(f"{int(read.sum())} of {len(photos)} photos can be read: it takes {_LEAST} at least")
    lat, lon = photos.lat[read], photos.lon[read]
    fold = folds_of(lat, lon)
    if fold.max() + 1 < _FOLDS:
        raise DatasetError(f"these photos are of fewer than {_FOLDS} places: nothing can be measured on them")
    cells = cell_features(partition, components.astype(np.float16).astype(np.float32))  # as they will be kept
    density = DensityPrior(partition).distribution
    log_density = np.log(density.p)
    true = partition.cells_of(lat, lon)
    evidence = out_of_fold(seen[read], features.blocks, true, cells, log_density, fold, ridge=ridge)
    temperature = _fit_temperature(evidence, log_density, true, density_share)
    log_p = np.log(mixed(log_density, evidence / temperature, density_share)).astype(np.float32)
    metrics = measured(log_p, lat, lon, density, temperature=1.0, points=len(log_p))
    metrics["covered"] = covered(density, true)
    card = PixelsCard(
        name=name, features=features.name, features_sha256=features.sha256, partition_name=partition.name,
        partition_hash=partition.hash, temperature=temperature, density_share=density_share,
        trained_on=printable(trained_on or photos.name), licence=licence, metrics=metrics,
        created_with=f"whence {__version__}",
    )  # fmt: skip
    regression = fit(seen[read], features.blocks, true, cells, log_density, ridge=ridge)
    path = out / FILE
    try:
        write_whole(path, model_to_bytes(PixelsModel(card, regression, components)))
    except OSError as error:
        raise DatasetError(f"cannot write {printable(str(path))}: {error.strerror}; give another folder") from error
    return path


def out_of_fold(
    seen: Floats32,
    blocks: Sequence[int],
    true: NDArray[np.integer],
    cells: Floats32,
    log_density: Floats32,
    fold: NDArray[np.int64],
    *,
    ridge: float = RIDGE,
) -> Floats32:
    """Evidence (m, n) about each photo from the fit that saw none of its fold: what is added to the log-density."""
    evidence = np.empty((len(seen), len(cells)), np.float32)
    for k in range(int(fold.max()) + 1):
        asked = fold == k
        model: LogBilinear = fit(seen[~asked], blocks, true[~asked], cells, log_density, ridge=ridge)
        evidence[asked] = model.directions(seen[asked]) @ cells.T
        _log.info("fold %d of %d", k + 1, int(fold.max()) + 1)
    return evidence


def folds_of(lat: Floats, lon: Floats, count: int = _FOLDS, seed: int = 0) -> NDArray[np.int64]:
    """Fold (m,) of each photo; photos within 25 km of each other, and of theirs in turn, are in one.

    >>> len(set(folds_of(np.array([48.20, 48.30]), np.array([16.37, 16.37]))))
    1
    """
    return folds(places(lat, lon), count, seed)


def features_of(
    photos: PhotoSet, features: FrozenFeatures, folder: Path, *, device: str = "cpu"
) -> tuple[Floats32, NDArray[np.bool_]]:
    """Features (n, d) of all photos, and which (n,) could be read; kept in ``folder`` for the same photos and networks.

    Raises:
        DatasetError: The folder cannot be written.
    """
    kept = folder / f"features-{features.name}-{features.sha256[:8]}-{photos.fingerprint[:16]}.npz"
    if kept.exists():
        try:
            with np.load(kept, allow_pickle=False) as found:
                return found["features"], found["read"]
        except (OSError, ValueError, KeyError, EOFError):
            _log.warning("%s is damaged: the features are computed again", printable(kept.name))
    found_, read = np.zeros((len(photos), sum(features.blocks)), np.float32), np.zeros(len(photos), np.bool_)
    for k in range(len(photos)):
        try:
            pixels = photos.pixels(k, at_least=2 * _LEAST_SIDE)
        except ImageError as error:
            _log.warning("%s is left out: %s", photos.key(k), printable(str(error)))
            continue
        found_[k], read[k] = features.of([pixels], device=device)[0], True
        if (k + 1) % 100 == 0:
            _log.info("%d of %d photos seen", k + 1, len(photos))
    _save(kept, found_, read)
    return found_, read


def _save(path: Path, features: Floats32, read: NDArray[np.bool_]) -> None:
    from io import BytesIO

    content = BytesIO()
    np.savez(content, features=features, read=read)
    try:
        write_whole(path, content.getvalue())
    except OSError as error:
        raise DatasetError(f"cannot write {printable(str(path))}: {error.strerror}; give another folder") from error


def shipped_components(count: int = COMPONENTS) -> Floats32:
    """Those of the prior that ships; from GeoCLIP's encoder itself where none is there.

    Raises:
        WeightsError: Neither is at hand.
    """
    try:
        components: Floats32 = shipped_model().components
    except WeightsError:
        return location_components(load_default(), count)
    return components


def _fit_temperature(evidence: Floats32, log_density: Floats32, true: NDArray[np.integer], share: float) -> float:
    """What divides the evidence (m, n) so that the true cells are likeliest, a share of the density mixed in.

    As in :func:`backbone.calibrate.fit_temperature`, with a prior on its logarithm that is worth a photo; here only the
    evidence is divided, not the density.
    """
    from scipy.optimize import minimize_scalar

    rows = np.arange(len(true))

    def cost(log_t: float) -> float:
        total = 0.0
        for some in np.array_split(rows, max(len(rows) // 64, 1)):
            p = mixed(log_density, evidence[some] / math.exp(log_t), share)
            total -= float(np.log(p[np.arange(len(some)), true[some]]).sum())
        return (total + log_t**2 / 2.0) / len(rows)

    found = minimize_scalar(cost, bounds=(math.log(0.2), math.log(5.0)), method="bounded", options={"xatol": 0.01})
    return float(math.exp(found.x))
