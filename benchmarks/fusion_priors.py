"""The priors that fusion is measured on: for a photo that the pixels prior learnt from, one that has not seen it.

The photos of ``streets_train``, ``travel_train`` and ``streets_dev`` taught the pixels prior that ships. They are
answered out of fold: by a fit that saw no photo within 25 km of theirs, at the temperature that ships.
"""

from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from backbone.cell_features import cell_features
from backbone.density import DensityPrior
from backbone.pixels import PixelsPrior, mixed, shipped_model
from backbone.train_pixels import folds_of, out_of_fold
from benchmarks.fusion_photos import labelled
from data.images import load
from data.partition import load_default
from data.photo_sets import PhotoSet, open_photo_set
from data.writing import write_whole

__all__ = ["TAUGHT", "pixels_of"]

TAUGHT: Final = ("streets_train", "travel_train", "streets_dev")
"""Sets that the pixels prior that ships learnt from."""

Floats32 = NDArray[np.float32]


def pixels_of(data: Path, name: str, keep: Path, features: Path | None = None) -> Mapping[str, Floats32]:
    """Name of each photo's file to what the pixels prior says of it, (n,); kept in ``keep``.

    Args:
        data: Folder of the sets.
        name: Of the set.
        keep: Folder of what was said before.
        features: Folder with what ``benchmarks.pixels`` kept, so that photos are not seen again.
    """
    path = keep / f"pixels-{name}.npz"
    if not path.exists():
        if name in TAUGHT:
            _keep_unseen(data, keep, features)
        else:
            _write(path, *_shipped(data, name, features))
    with np.load(path, allow_pickle=False) as kept:
        return dict(zip(kept["files"].tolist(), kept["p"], strict=True))


def _shipped(data: Path, name: str, features: Path | None) -> tuple[list[str], Floats32]:
    prior = PixelsPrior(offline=True)
    if name == "places_dev":
        photos = open_photo_set(data / name)
        seen = _seen(photos, features, prior)
        files = [photos.key(k) for k in range(len(photos))]
    else:
        paths = [photo.path for photo in labelled(data, name)]
        files = [path.name for path in paths]
        seen = np.stack([prior.scores([load(path, at_least=512).pixels])[0] for path in paths])
    return files, np.stack([np.exp(prior.log_p(row, prior.temperature)) for row in seen])


def _keep_unseen(data: Path, keep: Path, features: Path | None) -> None:
    """Write what is said out of fold of the photos of all sets that it learnt from."""
    prior, model, partition = PixelsPrior(offline=True), shipped_model(), load_default()
    sets = [open_photo_set(data / name) for name in TAUGHT]
    lat, lon = (np.concatenate([getattr(photos, axis) for photos in sets]) for axis in ("lat", "lon"))
    seen = np.concatenate([_seen(photos, features, prior) for photos in sets])
    half = seen.shape[1] // 2
    log_density = np.log(DensityPrior(partition).distribution.p)
    evidence = out_of_fold(
        seen, (half, half), partition.cells_of(lat, lon), cell_features(partition, model.components), log_density,
        folds_of(lat, lon),
    )  # fmt: skip
    p = mixed(log_density, evidence / model.card.temperature, model.card.density_share).astype(np.float32)
    start = 0
    for photos in sets:
        files = [photos.key(k) for k in range(len(photos))]
        _write(keep / f"pixels-{photos.name}.npz", files, p[start : start + len(files)])
        start += len(files)


def _seen(photos: PhotoSet, features: Path | None, prior: PixelsPrior) -> Floats32:
    """(n, d) features of the networks that ship."""
    kept = None if features is None else features / f"{photos.name}-{photos.fingerprint[:16]}.npz"
    if kept is not None and kept.exists():
        with np.load(kept, allow_pickle=False) as found:
            return np.asarray(found["lite"])
    return np.stack([prior.scores([photos.pixels(k, at_least=512)])[0] for k in range(len(photos))])


def _write(path: Path, files: list[str], p: Floats32) -> None:
    content = BytesIO()
    np.savez(content, files=np.array(files), p=(p / p.sum(axis=1, keepdims=True)).astype(np.float32))
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, content.getvalue())
