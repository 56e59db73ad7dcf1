"""The data set that the region detector learns from: crops of labelled photos, and composites.

Things are learnt at the size at which they are looked for, and a crop costs less than a photo: of each photo a few
squares are cut, with some of its things inside, at scales between the whole photo and its own pixels. What the edge of
a crop cuts through may be a sign or a plate and is neither taught nor denied.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from data.images import load
from data.opencv import opencv
from detectors.paste_regions import paste_plates, paste_signs
from detectors.region_labels import (
    MAYBE,
    PLATE,
    PLATES_OF_FACADES,
    SIGN,
    SIGNS_OF_CARS,
    LabelledPhoto,
    add_maybes,
    facade_classes,
    read_labels,
    text_boxes,
    unlabelled_photos,
)

__all__ = ["FACADE_NAMES", "DataConfig", "Sources", "build", "crop"]

FACADE_NAMES = ("window", "cantilever", "arch", "signboard", "win_ad", "door")
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class DataConfig:
    """How the data set is made.

    Attributes:
        side: Pixels of a crop's side.
        facades: Crops of each photo of facades.
        cars: Crops of each photo of cars.
        streets: Crops of each photo of streets, which have no labels.
        composites: Crops with drawn plates and signs.
        kept: One facade in so many is kept for the training's own curves.
        least: Share of a thing that has to be inside a crop for the thing to be taught.
        small: Boxes lower than this many pixels in a crop may be things, and are not taught.
    """

    side: int = 416
    facades: int = 3
    cars: int = 2
    streets: int = 2
    composites: int = 1600
    kept: int = 12
    least: float = 0.45
    small: float = 4.0


@dataclass(frozen=True, slots=True)
class Sources:
    """Folders of photos that may be trained on.

    Attributes:
        facades: Signs, with images/train and labels/train (YOLO boxes).
        plates: Plates, with images/train, images/valid and labels (YOLO boxes).
        streets: Photos without labels.
    """

    facades: Path
    plates: Path
    streets: tuple[Path, ...] = ()


def build(out: Path, sources: Sources, *, config: DataConfig | None = None, seed: int = 0) -> Path:
    """Make the data set in ``out`` and return the path of its YAML file; what is finished is not made again.

    Raises:
        DatasetError: A folder has no photos, or no font is installed.
    """
    config = config or DataConfig()
    described = out / "regions.yaml"
    if described.exists():
        return described
    out.mkdir(parents=True, exist_ok=True)
    signs = read_labels(sources.facades, facade_classes(FACADE_NAMES), "train")
    cars, cars_kept = (read_labels(sources.plates, {0: PLATE}, part) for part in ("train", "valid"))
    streets = [photo for folder in sources.streets for photo in unlabelled_photos(folder)]
    _log.info("looking for text in %d photos", len(streets))
    streets = add_maybes(streets, text_boxes([p.path for p in streets], out / "text_boxes.json"))
    signs, cars = add_maybes(signs, PLATES_OF_FACADES), add_maybes(cars, SIGNS_OF_CARS)
    kept, learnt = signs[:: config.kept], [p for i, p in enumerate(signs) if i % config.kept]
    rng = np.random.default_rng(seed)
    for part in ("train", "val"):
        for kind in ("images", "labels"):
            (out / kind / part).mkdir(parents=True, exist_ok=True)
    for photo in (*kept, *cars_kept[::2]):
        pixels, boxes, classes = _whole(photo, config.side * 3 // 2)
        _write(out, "val", photo.path.stem, pixels, boxes[classes < MAYBE], classes[classes < MAYBE])
    for name, photos, times in (
        ("f", learnt, config.facades),
        ("c", cars, config.cars),
        ("s", streets, config.streets),
    ):
        for i, photo in enumerate(photos):
            pixels = load(photo.path).pixels
            for n in range(times):
                _write(out, "train", f"{name}{i:05d}_{n}", *crop(pixels, photo, rng, config))
    grounds = [*learnt, *streets, *streets]
    for i in range(config.composites):
        photo = grounds[int(rng.integers(len(grounds)))]
        made = _composite(*crop(load(photo.path).pixels, photo, rng, config), rng)
        _write(out, "train", f"x{i:05d}", *made)
        if i % 200 == 0:
            _log.info("%d of %d composites", i, config.composites)
    described.write_text(
        f"path: {out.resolve()}\ntrain: images/train\nval: images/val\n"
        "names:\n  0: sign\n  1: plate\n  2: maybe sign\n  3: maybe plate\n"
    )
    return described


def crop(
    pixels: NDArray[np.uint8], photo: LabelledPhoto, rng: np.random.Generator, config: DataConfig
) -> tuple[NDArray[np.uint8], NDArray[np.float32], NDArray[np.int64]]:
    """A square of ``photo``, (side, side, 3) uint8 RGB, its boxes (n, 4) in pixels and their classes."""
    cv2 = opencv()
    height, width = pixels.shape[:2]
    window = max(height, width) * float(np.exp(rng.uniform(np.log(0.35), np.log(1.0))))
    size = np.array([width, height], np.float32)
    sure = np.flatnonzero(photo.classes < MAYBE)
    if len(sure) and rng.random() < 0.85:  # about one of its things
        box = photo.boxes[sure[int(rng.integers(len(sure)))]].reshape(2, 2) * size
        window = max(window, 1.15 * float((box[1] - box[0]).max()))
        centre = box.mean(axis=0) + rng.uniform(-0.4, 0.4, 2) * window
    else:
        centre = rng.uniform(0, 1, 2) * size
    # Inside the photo where it fits, else with the photo inside it.
    low = np.minimum(np.zeros(2), size - window)
    high = np.maximum(np.zeros(2), size - window)
    x0, y0 = np.clip(centre - window / 2, low, high)
    scale = config.side / window
    move = np.array([[scale, 0, -x0 * scale], [0, scale, -y0 * scale]], np.float32)
    smoothed = cv2.GaussianBlur(pixels, (0, 0), 0.35 / scale) if scale < 0.75 else pixels
    cut = cv2.warpAffine(smoothed, move, (config.side, config.side), borderValue=(114, 114, 114))
    boxes = (photo.boxes * np.tile(size, 2) - np.tile([x0, y0], 2)) * scale
    return cut, *_kept_boxes(boxes, photo.classes, config)


def _kept_boxes(
    boxes: NDArray[np.float32], classes: NDArray[np.int64], config: DataConfig
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Boxes inside a crop; what is mostly outside, or tiny, becomes a maybe of its class."""
    inside = boxes.clip(0, config.side)
    area, shown = (np.prod(np.clip(b[:, 2:] - b[:, :2], 0, None), axis=1) for b in (boxes, inside))
    shared = shown / np.maximum(area, 1e-6)
    low = inside[:, 3] - inside[:, 1] < config.small
    doubtful = (classes < MAYBE) & ((shared < config.least) | low)
    return inside[shown > 0].astype(np.float32), np.where(doubtful, classes + MAYBE, classes)[shown > 0]


def _composite(
    pixels: NDArray[np.uint8], boxes: NDArray[np.float32], classes: NDArray[np.int64], rng: np.random.Generator
) -> tuple[NDArray[np.uint8], NDArray[np.float32], NDArray[np.int64]]:
    """A crop with plates and signs set into it."""
    taken = [tuple(map(float, box)) for box in boxes[classes < MAYBE]]
    plates = int(rng.choice([0, 1, 2, 3, 6], p=[0.15, 0.35, 0.3, 0.15, 0.05]))
    signs = int(rng.choice([0, 1, 2, 3], p=[0.45, 0.3, 0.15, 0.1]))
    pixels, new_signs = paste_signs(pixels, signs, rng, taken)  # type: ignore[arg-type]
    pixels, new_plates = paste_plates(pixels, plates, rng, [*taken, *new_signs])  # type: ignore[list-item]
    if rng.random() < 0.5:
        pixels = _as_jpeg(pixels, int(rng.integers(35, 90)))
    added = np.array([*new_signs, *new_plates], np.float32).reshape(-1, 4)
    labels = np.array([SIGN] * len(new_signs) + [PLATE] * len(new_plates), np.int64)
    return pixels, np.concatenate([boxes, added]), np.concatenate([classes, labels])


def _as_jpeg(pixels: NDArray[np.uint8], quality: int) -> NDArray[np.uint8]:
    cv2 = opencv()
    out: NDArray[np.uint8] = cv2.imdecode(cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], 1)
    return out


def _whole(photo: LabelledPhoto, longest: int) -> tuple[NDArray[np.uint8], NDArray[np.float32], NDArray[np.int64]]:
    pixels = load(photo.path).pixels
    scale = min(longest / max(pixels.shape[:2]), 1.0)
    if scale < 1:
        pixels = opencv().resize(pixels, None, fx=scale, fy=scale, interpolation=opencv().INTER_AREA)
    height, width = pixels.shape[:2]
    return pixels, photo.boxes * np.array([width, height] * 2, np.float32), photo.classes


def _write(
    out: Path, part: str, name: str, pixels: NDArray[np.uint8], boxes: NDArray[np.float32], classes: NDArray[np.int64]
) -> None:
    cv2 = opencv()
    height, width = pixels.shape[:2]
    shares = boxes / np.array([width, height] * 2, np.float32)
    middle, size = (shares[:, :2] + shares[:, 2:]) / 2, shares[:, 2:] - shares[:, :2]
    rows = [
        f"{label} {x:.5f} {y:.5f} {w:.5f} {h:.5f}" for label, (x, y), (w, h) in zip(classes, middle, size, strict=True)
    ]
    stem = "".join(c if c.isalnum() or c in "_-" else "_" for c in name)
    cv2.imwrite(str(out / "images" / part / f"{stem}.jpg"), pixels[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, 90])
    (out / "labels" / part / f"{stem}.txt").write_text("\n".join(rows), encoding="ascii")


def sources_exist(sources: Sequence[Path]) -> bool:
    """Whether every folder is there."""
    return all(folder.is_dir() for folder in sources)
