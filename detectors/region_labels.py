"""Photos that are labelled for signs or for plates, and what else in them may be one.

Every set labels one class only: the photos of facades have no boxes of plates, those of cars none of signs, those of
streets and travels neither. To teach on them that the rest is neither would be wrong now and then, and to learn nothing
from the rest would waste most of what a detector has to be told. So boxes of their own mark where something unlabelled
may be. In photos of facades plates are low, on parked cars; in those of a dashcam signs are not on the road before it.
In photos without labels both kinds of thing carry text, so RapidOCR's text detector is asked where any is: what it
finds *may* be a sign or a plate, and everything else is background for certain.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from data.errors import DatasetError
from data.images import load
from data.opencv import opencv

__all__ = [
    "MAYBE",
    "PLATE",
    "PLATES_OF_FACADES",
    "SIGN",
    "SIGNS_OF_CARS",
    "LabelledPhoto",
    "add_maybes",
    "facade_classes",
    "read_labels",
    "text_boxes",
    "unlabelled_photos",
]

SIGN, PLATE = 0, 1
_SIGN_NAMES = ("signboard", "cantilever", "win_ad")
MAYBE = 2  # added to a class: a box that may hold unlabelled things of it
_LOOKED_AT = 704  # pixels of a photo's longer side when text is looked for: what is lost then, no crop shows either
_PAD = 0.3  # of a text line's height, by which its box is widened

PLATES_OF_FACADES = np.array([[0.0, 0.45, 1.0, 1.0]], np.float32)
"""Where in a photo of a facade an unlabelled plate may be."""
SIGNS_OF_CARS = np.array([[0.0, 0.0, 1.0, 0.65]], np.float32)
"""Where in a dashcam's photo an unlabelled sign may be."""


@dataclass(frozen=True)
class LabelledPhoto:
    """A photo and what is known of it.

    Attributes:
        path: The image file.
        boxes: (n, 4) float32, x0, y0, x1, y1 as shares of width and height.
        classes: (n,) int64: 0 a sign, 1 a plate, 2 perhaps signs, 3 perhaps plates.
        labelled: The classes of which every example is boxed.
    """

    path: Path
    boxes: NDArray[np.float32]
    classes: NDArray[np.int64]
    labelled: tuple[int, ...]


def read_labels(folder: Path, classes: dict[int, int], part: str) -> list[LabelledPhoto]:
    """Photos in ``folder/images/part`` with YOLO boxes in ``folder/labels/part``.

    Args:
        folder: The data set.
        classes: Its class numbers to ours; others are left out.
        part: ``"train"`` or such.

    Raises:
        DatasetError: There is no such photo, or a label file is malformed.
    """
    photos = []
    for image in sorted((folder / "images" / part).glob("*.jpg")):
        lines = (folder / "labels" / part / f"{image.stem}.txt").read_text(encoding="ascii").splitlines()
        try:
            rows = np.array([[float(v) for v in line.split()[:5]] for line in lines if line.strip()]).reshape(-1, 5)
        except ValueError as error:
            raise DatasetError(f"the labels of {image} are malformed ({error}): load the data set again") from error
        kept = np.array([int(row[0]) in classes for row in rows], bool)
        rows = rows[kept]
        boxes = np.concatenate([rows[:, 1:3] - rows[:, 3:5] / 2, rows[:, 1:3] + rows[:, 3:5] / 2], axis=1)
        ours = np.array([classes[int(row[0])] for row in rows], np.int64)
        known = tuple(sorted(set(classes.values())))
        photos.append(LabelledPhoto(image, boxes.clip(0, 1).astype(np.float32), ours, known))
    if not photos:
        raise DatasetError(f"no photo in {folder / 'images' / part}: name a folder with images/ and labels/")
    return photos


def unlabelled_photos(folder: Path) -> list[LabelledPhoto]:
    """Photos in ``folder`` and below, of which nothing is known.

    Raises:
        DatasetError: There is none.
    """
    paths = sorted(p for p in folder.rglob("*") if p.suffix.lower() in (".jpg", ".jpeg", ".png"))
    if not paths:
        raise DatasetError(f"no photo in {folder}: name folders with photos that may be trained on")
    nothing = np.zeros((0, 4), np.float32), np.zeros(0, np.int64)
    return [LabelledPhoto(path, *nothing, ()) for path in paths]


def text_boxes(paths: Sequence[Path], cache: Path, *, threads: int | None = None) -> dict[str, NDArray[np.float32]]:
    """Where RapidOCR's detector sees text: path to (n, 4) boxes x0, y0, x1, y1 as shares of width and height.

    Args:
        paths: Photos.
        cache: A JSON file of what was found before; it is kept up to date, so that work can be taken up again.
        threads: Threads for one photo; None for one per core.
    """
    found: dict[str, list[list[float]]] = json.loads(cache.read_text()) if cache.exists() else {}
    detect: Callable[..., object] | None = None
    for number, path in enumerate(paths):
        if str(path) in found:
            continue
        if detect is None:
            from detectors.rapid import RapidEngine

            detect = RapidEngine(threads=threads, many_scripts=False).detect
        pixels = load(path).pixels
        if (scale := _LOOKED_AT / max(pixels.shape[:2])) < 1:
            pixels = opencv().resize(pixels, None, fx=scale, fy=scale, interpolation=opencv().INTER_AREA)
        height, width = pixels.shape[:2]
        corners = detect(pixels).boxes / np.array([width, height], np.float32)  # type: ignore[attr-defined]
        boxes = np.concatenate([corners.min(axis=1), corners.max(axis=1)], axis=1).clip(0, 1)
        found[str(path)] = np.round(boxes, 4).tolist()
        if number % 50 == 0:
            _write(cache, found)
    _write(cache, found)
    return {str(path): np.array(found[str(path)], np.float32).reshape(-1, 4) for path in paths}


def _write(cache: Path, found: dict[str, list[list[float]]]) -> None:
    partial = cache.with_suffix(".part")
    partial.write_text(json.dumps(found))
    partial.replace(cache)


def add_maybes(
    photos: Iterable[LabelledPhoto], where: Mapping[str, NDArray[np.float32]] | NDArray[np.float32]
) -> list[LabelledPhoto]:
    """``photos`` with boxes of where things of unlabelled classes may be.

    Args:
        photos: The photos.
        where: By path, boxes of text, which are widened a little; or the same boxes for every photo, (n, 4).
    """
    out = []
    for photo in photos:
        if isinstance(where, Mapping):
            boxes = where[str(photo.path)]
            pad = _PAD * (boxes[:, 3:4] - boxes[:, 1:2])
            boxes = np.concatenate([boxes[:, :2] - pad, boxes[:, 2:] + pad], axis=1).clip(0, 1)
        else:
            boxes = where
        unknown = [c for c in (SIGN, PLATE) if c not in photo.labelled]
        every = [photo.boxes, *(boxes for _ in unknown)]
        classes = [photo.classes, *(np.full(len(boxes), MAYBE + c, np.int64) for c in unknown)]
        out.append(LabelledPhoto(photo.path, np.concatenate(every), np.concatenate(classes), photo.labelled))
    return out


def facade_classes(names: Sequence[str]) -> dict[int, int]:
    """Numbers of the classes in ``names`` that are storefront signs, to our class."""
    return {i: SIGN for i, name in enumerate(names) if name in _SIGN_NAMES}
