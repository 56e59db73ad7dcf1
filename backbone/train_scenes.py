"""Trains the scene head: ``whence train scenes OUT --labels TABLE --data FOLDER --panoramas FOLDER``.

The ridge is chosen, and the temperature fitted, out of fold over places: a photo joins the first place whose first
photo is within 50 km, else it begins one, and photos of one place, views of one panorama and photos of one auxiliary
set stay in one fold. Two photos closer than that may still be of two places, at the edge between them: of the 338 such
pairs that the shipped head was trained on, 4 are in two folds. Both look at ``streets_train`` and ``travel_train``
alone: the other sets are there for what these lack. The words of the patches are learnt from all training photos,
without labels.
"""

from __future__ import annotations

import csv
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from backbone.logistic import Logistic, fit, fit_temperature, softmax
from backbone.panoramas import read_panorama, view
from backbone.patch_words import PatchWords
from backbone.scene_head import SceneModelFile, described
from backbone.scenes import CATEGORIES, SCENES
from data.errors import DatasetError
from data.geodesy import haversine_km
from data.images import load
from data.writing import write_whole

__all__ = [
    "MAIN",
    "LabelledPhoto",
    "figures",
    "folds_of",
    "out_of_fold",
    "photo_pixels",
    "read_labelled_photos",
    "train",
    "training_photos",
    "weights_of",
]

MAIN: Final = ("streets_train", "travel_train")
"""Sets of photos as they are located: what the head is chosen and calibrated on."""

# Weight of a photo. Facades and night streets are many of a kind; of rooms there are hardly any but in the panoramas.
_AUXILIARY: Final[Mapping[str, float]] = {"facades": 0.3, "plates_train": 0.3, "panoramas": 1.0}
_IMAGES: Final = {"facades": "images/train", "plates_train": "images/train"}
_SIZES: Final = ((128, 3), (64, 2))  # sides of the squares that patches are taken from, and the steps between patches
_WORDS: Final = 256
_RIDGES: Final = (0.1, 0.3, 1.0, 3.0, 10.0)
_FOLDS: Final = 10
_PLACE_KM: Final = 50.0
_LEAST_SIDE: Final = 256  # photos are decoded no smaller than this
_BINS: Final = 10

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class LabelledPhoto:
    """A photo, and what was seen in it by eye.

    Attributes:
        set: Name of its set, a folder of the data.
        file: Its name; of a panorama's view ``name:yaw:pitch``, degrees.
        scene: One of :data:`backbone.scenes.SCENES`.
        category: One of :data:`backbone.scenes.CATEGORIES`.
        doubtful: Whether somebody else may well say another scene.
    """

    set: str
    file: str
    scene: str
    category: str
    doubtful: bool


def read_labelled_photos(table: Path) -> list[LabelledPhoto]:
    """The rows of a table of labels (tab-separated: set, file, scene, category, doubtful).

    Raises:
        DatasetError: It cannot be read, or a row names a scene or category that there is not.
    """
    photos = []
    try:
        with table.open(newline="", encoding="utf-8") as stream:
            for number, row in enumerate(csv.DictReader(stream, delimiter="\t", quoting=csv.QUOTE_NONE), start=2):
                if row["doubtful"] is None or CATEGORIES.get(row["category"]) != row["scene"]:
                    raise DatasetError(
                        f"line {number} of {table}: {row['category']!r} is no category of the scene {row['scene']!r}, "
                        "or the line is short: mend it"
                    )
                photos.append(
                    LabelledPhoto(row["set"], row["file"], row["scene"], row["category"], row["doubtful"] == "yes")
                )
    except (OSError, KeyError, UnicodeDecodeError, csv.Error) as error:
        raise DatasetError(
            f"{table} is no table of scene labels ({error}): give one like benchmarks/scene_labels.tsv"
        ) from error
    return photos


def photo_pixels(photo: LabelledPhoto, data: Path, panoramas: Path | None) -> NDArray[np.uint8]:
    """(H, W, 3) uint8 RGB of a labelled photo.

    Raises:
        DatasetError: It is a view of a panorama, and those are not there or its name says no direction.
        ImageError: It is missing or damaged.
    """
    if photo.set != "panoramas":
        path = data / photo.set / _IMAGES.get(photo.set, "images") / photo.file
        return load(path, at_least=_LEAST_SIDE).pixels
    if panoramas is None:
        raise DatasetError("the labels name views of panoramas: say where those are with --panoramas")
    try:
        name, yaw, pitch = photo.file.split(":")
        at = float(yaw), float(pitch)
    except ValueError as error:
        raise DatasetError(f"the labels name {photo.file!r}: write a panorama's view as name:yaw:pitch") from error
    return view(read_panorama(panoramas, name), *at)


def train(out: Path, table: Path, *, data: Path, panoramas: Path | None, seed: int = 0) -> Path:
    """Train the head and write ``out/scenes.safetensors``, with its figures out of fold in it.

    Raises:
        DatasetError: Labels, photos or panoramas are missing or damaged, or ``out`` cannot be written.
        ImageError: A photo is missing or damaged.
    """
    photos = training_photos(read_labelled_photos(table))
    pixels = [photo_pixels(photo, data, panoramas) for photo in photos]
    _log.info("%d photos", len(photos))
    vocabularies = [PatchWords.learn(pixels, words=_WORDS, side=side, step=step, seed=seed) for side, step in _SIZES]
    features = np.stack([described(image, vocabularies) for image in pixels])
    labels = np.array([SCENES.index(photo.scene) for photo in photos])
    weights = weights_of(photos)
    main = np.array([photo.set in MAIN for photo in photos])
    folds = folds_of(photos, data, seed=seed)
    best: tuple[float, float, float, NDArray[np.float64]] | None = None
    for ridge in _RIDGES:
        logits = out_of_fold(features, labels, weights, folds, ridge)
        temperature = fit_temperature(logits[main], labels[main])
        loss = figures(softmax(logits[main], temperature), labels[main])["log_loss"]
        _log.info("ridge %g: log loss %.3f out of fold, temperature %.2f", ridge, loss, temperature)
        if best is None or loss < best[0]:
            best = loss, ridge, temperature, logits
    assert best is not None
    _, ridge, temperature, logits = best
    told: dict[str, float] = {}
    for name in MAIN:
        of = np.array([photo.set == name for photo in photos])
        made = figures(softmax(logits[of], temperature), labels[of])
        told |= {f"{name}, out of fold: {figure}": round(value, 4) for figure, value in made.items()}
    told["ridge"] = ridge
    told["photos"] = float(len(photos))
    told |= {f"photos, {scene}": float((labels == k).sum()) for k, scene in enumerate(SCENES)}
    model = SceneModelFile(vocabularies, _fitted(features, labels, weights, ridge), temperature, told)
    path = out / "scenes.safetensors"
    try:
        write_whole(path, model.to_bytes())
    except OSError as error:
        raise DatasetError(
            f"cannot write {path}: {error.strerror or error}; make room, or choose another place"
        ) from error
    return path


def folds_of(photos: Sequence[LabelledPhoto], data: Path, *, seed: int = 0) -> NDArray[np.int64]:
    """(n,) fold of each photo, 0 to 9; photos of one place, as the module's docstring has it, are in one fold.

    Raises:
        DatasetError: A photo's place is not known.
    """
    points = {name: _points(data / name / "labels.csv") for name in MAIN}
    seen: list[tuple[float, float]] = []
    places = []
    for photo in photos:
        if photo.set not in points:
            places.append(f"{photo.set} {photo.file.partition(':')[0] if photo.set == 'panoramas' else ''}")
            continue
        at = points[photo.set].get(photo.file)
        if at is None:
            where = data / photo.set / "labels.csv"
            raise DatasetError(f"{where} has no row of {photo.file}: add where it was taken, or drop its label")
        near = next((k for k, other in enumerate(seen) if haversine_km(*at, *other) < _PLACE_KM), len(seen))
        if near == len(seen):
            seen.append(at)
        places.append(str(near))
    names = sorted(set(places))
    order = np.random.default_rng(seed).permutation(len(names))
    fold = {names[k]: place % _FOLDS for place, k in enumerate(order)}
    return np.array([fold[place] for place in places])


def figures(p: NDArray[np.float64], labels: NDArray[np.integer]) -> dict[str, float]:
    """How good probabilities (n, k) are for labels (n,).

    ``accuracy``; ``log_loss`` in nats; ``ece``, the expected calibration error over ten bins of the highest
    probability (Guo et al. 2017).
    """
    right = p.argmax(axis=1) == labels
    sure = p.max(axis=1)
    bins = np.minimum((sure * _BINS).astype(int), _BINS - 1)
    gaps = [abs(float(right[bins == b].mean() - sure[bins == b].mean())) * float((bins == b).mean())
            for b in range(_BINS) if (bins == b).any()]  # fmt: skip
    return {
        "accuracy": float(right.mean()),
        "log_loss": float(-np.log(np.maximum(p[np.arange(len(labels)), labels], 1e-12)).mean()),
        "ece": sum(gaps),
    }


def weights_of(photos: Sequence[LabelledPhoto]) -> NDArray[np.float64]:
    """(n,) how much each photo counts in training."""
    return np.array([_AUXILIARY.get(photo.set, 1.0) for photo in photos])


def training_photos(photos: Sequence[LabelledPhoto]) -> list[LabelledPhoto]:
    """Those that the head is trained on."""
    return [photo for photo in photos if photo.set in (*MAIN, *_AUXILIARY)]


def out_of_fold(
    features: NDArray[np.float64],
    labels: NDArray[np.integer],
    weights: NDArray[np.float64],
    folds: NDArray[np.integer],
    ridge: float,
) -> NDArray[np.float64]:
    """(n, 3) logits of each photo from a regression that has not seen its place."""
    logits = np.empty((len(labels), len(SCENES)))
    for fold in range(_FOLDS):
        kept = folds != fold
        logits[~kept] = _fitted(features[kept], labels[kept], weights[kept], ridge).logits(features[~kept])
    return logits


def _fitted(
    features: NDArray[np.float64], labels: NDArray[np.integer], weights: NDArray[np.float64], ridge: float
) -> Logistic:
    return fit(features, labels, classes=len(SCENES), ridge=ridge, sample_weights=weights)


def _points(table: Path) -> dict[str, tuple[float, float]]:
    try:
        with table.open(newline="", encoding="utf-8") as stream:
            return {row["file"]: (float(row["lat"]), float(row["lon"])) for row in csv.DictReader(stream)}
    except (OSError, KeyError, ValueError, TypeError, csv.Error) as error:
        raise DatasetError(
            f"{table} does not say where its photos were taken ({error}): give it the columns file, lat and lon"
        ) from error
