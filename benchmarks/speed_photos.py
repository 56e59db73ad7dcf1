"""Photos to take times on: drawn on the spot, or copies of some that are at hand.

Drawn ones are discs of all sizes at random, later ones over earlier ones: many small, few large, with sharp edges and
even areas and no noise. At 640x480 and JPEG quality 90 they have about 70 kB and take about 2 ms to decode; photos of
streets and travels, brought to that size and quality, had 55 to 89 kB and took the same time.
"""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

import numpy as np
from PIL import Image as PILImage
from PIL import ImageDraw

from data.images import find_images
from data.photo_sets import PhotoSet, open_photo_set

__all__ = ["copied", "drawn", "mean_bytes"]

_DISCS_A_MEGAPIXEL = 5_000
_RADII = (2.0, 160.0)  # in pixels of the photo
_FINER = 2  # drawn so many times as large, then made smaller, so that edges are soft as a lens has them
_QUALITY = 90


def drawn(folder: Path, count: int, *, size: tuple[int, int] = (640, 480), seed: int = 0) -> PhotoSet:
    """``count`` JPEGs of ``size`` (width, height) in ``folder``, with places all over the Earth."""
    images = _images_in(folder)
    rng = np.random.default_rng(seed)
    for number in range(count):
        _discs(rng, size).save(images / f"{number:06d}.jpg", quality=_QUALITY)
    return _labelled(folder, rng)


def copied(folder: Path, source: Path, count: int, *, seed: int = 0) -> PhotoSet:
    """``count`` copies in ``folder`` of the photos in ``source``, as they are, each with a place of its own.

    Raises:
        ImageError: There is no photo in ``source``.
    """
    found = [Path(path) for path in find_images([source])]
    images = _images_in(folder)
    for number in range(count):
        one = found[number % len(found)]
        shutil.copyfile(one, images / f"{number:06d}{one.suffix}")
    return _labelled(folder, np.random.default_rng(seed))


def mean_bytes(folder: Path) -> float:
    """Mean size of the photos that :func:`drawn` or :func:`copied` put into ``folder``."""
    return float(np.mean([path.stat().st_size for path in (folder / "images").iterdir()]))


def _images_in(folder: Path) -> Path:
    images = folder / "images"
    images.mkdir(parents=True)
    return images


def _labelled(folder: Path, rng: np.random.Generator) -> PhotoSet:
    names = sorted(path.name for path in (folder / "images").iterdir())
    lat = np.degrees(np.arcsin(rng.uniform(-0.75, 0.95, len(names))))
    lon = rng.uniform(-180.0, 180.0, len(names))
    with (folder / "labels.csv").open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream).writerows([("file", "lat", "lon"), *zip(names, lat, lon, strict=True)])
    return open_photo_set(folder)


def _discs(rng: np.random.Generator, size: tuple[int, int]) -> PILImage.Image:
    width, height = (_FINER * side for side in size)
    count = max(int(_DISCS_A_MEGAPIXEL * size[0] * size[1] / 1e6), 20)
    # Radii with density r ** -3: the only one that looks alike at all scales.
    low, high = (radius**-2.0 for radius in _RADII)
    radii = _FINER * (low + rng.uniform(0.0, 1.0, count) * (high - low)) ** -0.5
    x, y = rng.uniform(0.0, width, count), rng.uniform(0.0, height, count)
    tones = rng.normal(110.0, 55.0, (count, 1)) + rng.normal(0.0, 16.0, (count, 3))
    colours = np.clip(tones, 0.0, 255.0).astype(int)
    picture = PILImage.new("RGB", (width, height), tuple(colours.mean(axis=0).astype(int).tolist()))
    draw = ImageDraw.Draw(picture)
    for k in range(count):
        box = (x[k] - radii[k], y[k] - radii[k], x[k] + radii[k], y[k] + radii[k])
        draw.ellipse(box, fill=tuple(colours[k].tolist()))
    return picture.resize(size, PILImage.Resampling.BOX)
