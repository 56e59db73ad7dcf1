"""Photos with licence plates made illegible.

Each plate is filled with one colour taken from around it: nothing of what stood there is left, where a blur or coarse
pixels could be undone by trying out texts. Plates are looked for with little doubt required, and what the text reader
took for something of the shape of a plate is filled as well, so that a plate that one of the two misses the other may
find. Neither finds all: the result has to be looked at.
"""

from __future__ import annotations

import math
import os
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PILImage

from data.errors import RequestError
from data.images import load
from detectors.base import Box, Reading, TextReader, bounds
from detectors.privacy import is_sensitive
from detectors.regions import Region, RegionConfig, RegionDetector

__all__ = ["BLUR_CONFIG", "blur_photo", "filled", "plate_boxes"]

BLUR_CONFIG = RegionConfig(least=(0.9, 0.08), same=1.01, within=1.01)
"""How plates are looked for here: one too many does no harm, and of boxes that overlap none stands for the others."""
_WIDER, _HIGHER = 0.08, 0.15  # of a plate's width and height, by which its box is widened on each side
_SUFFIXES = (".jpg", ".jpeg", ".png")


def blur_photo(
    photo: Path, out: Path, *, detector: RegionDetector | None = None, reader: TextReader | None = None
) -> int:
    """Write ``photo`` to ``out`` with its plates filled, and without any metadata.

    Args:
        photo: The photo.
        out: A file ending in .jpg, .jpeg or .png; never the photo itself.
        detector: Finds plates; default: the one that ships, with :data:`BLUR_CONFIG`.
        reader: Reads text, of which what looks like a plate is filled too; None for none.

    Returns:
        How many separate areas were filled. What was found twice is one area, and so are plates that adjoin.

    Raises:
        RequestError: ``photo`` is a folder; or ``out`` is the photo, has another ending, or its folder does not exist.
        ImageError: The photo cannot be read.
        WeightsError: The network is missing or damaged.
    """
    if out.suffix.lower() not in _SUFFIXES:
        raise RequestError(f"cannot write {out}: name a file that ends in {', '.join(_SUFFIXES)}")
    if not out.parent.is_dir():
        raise RequestError(f"cannot write {out}: there is no folder {out.parent}; make it first")
    if out.is_dir():
        raise RequestError(f"cannot write {out}: it is a folder; name a file in it")
    if photo.is_dir():
        raise RequestError(f"{photo} is a folder: name one photo, and one file to write it to")
    pixels = load(photo).pixels
    if out.exists() and out.samefile(photo):
        raise RequestError(f"{out} is the photo itself: name another file, the original is never overwritten")
    regions = (detector or RegionDetector(config=BLUR_CONFIG)).find(pixels)
    boxes = plate_boxes(regions, reader.read(pixels) if reader else ())
    kind = "PNG" if out.suffix.lower() == ".png" else "JPEG"
    settings = {} if kind == "PNG" else {"quality": 92, "subsampling": 0}
    try:
        handle, name = tempfile.mkstemp(prefix=f".{out.stem[:40]}-", suffix=".part", dir=out.parent)
    except OSError as error:
        raise RequestError(f"cannot write {out}: {error.strerror or error}") from error
    os.close(handle)
    partial = Path(name)
    try:
        # An image made of pixels alone has no metadata to write.
        PILImage.fromarray(filled(pixels, boxes)).save(partial, kind, **settings)
        partial.chmod(0o644)  # as other programs write pictures
        partial.replace(out)
    except OSError as error:
        raise RequestError(f"cannot write {out}: {error.strerror or error}") from error
    finally:
        partial.unlink(missing_ok=True)
    height, width = pixels.shape[:2]
    return _areas([_widened(box, width, height) for box in boxes])


def plate_boxes(regions: Iterable[Region], readings: Iterable[Reading]) -> list[Box]:
    """Boxes of the plates in ``regions`` and of the ``readings`` that have the shape of something private."""
    found = [region.box for region in regions if region.kind == "plate"]
    return found + [reading.box for reading in readings if is_sensitive(reading.text)]


def filled(pixels: NDArray[np.uint8], boxes: Sequence[Box]) -> NDArray[np.uint8]:
    """A copy of ``pixels``, (H, W, 3) uint8, with each of ``boxes``, a little widened, in one colour.

    The colour is the mean of a frame around the widened box, so nothing of the content remains.
    """
    out = pixels.copy()
    height, width = pixels.shape[:2]
    for box in boxes:
        x0, y0, x1, y1 = _widened(box, width, height)
        if x1 <= x0 or y1 <= y0:
            continue
        ring = max(int(0.2 * (y1 - y0)), 3)
        top, left = max(y0 - ring, 0), max(x0 - ring, 0)
        window = pixels[top : y1 + ring, left : x1 + ring]
        frame = np.ones(window.shape[:2], bool)
        frame[y0 - top : y1 - top, x0 - left : x1 - left] = False
        around = window[frame]
        out[y0:y1, x0:x1] = around.mean(axis=0).round() if len(around) else 128
    return out


def _widened(box: Box, width: int, height: int) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of what is filled for ``box``, in whole pixels of the photo."""
    left, top, right, bottom = bounds(box)
    pad_x, pad_y = max((right - left) * _WIDER, 2.0), max((bottom - top) * _HIGHER, 2.0)
    x0, x1 = (min(max(x, 0), width) for x in (math.floor(left - pad_x), math.ceil(right + pad_x)))
    y0, y1 = (min(max(y, 0), height) for y in (math.floor(top - pad_y), math.ceil(bottom + pad_y)))
    return x0, y0, x1, y1


def _areas(parts: Sequence[tuple[int, int, int, int]]) -> int:
    """How many areas ``parts``, rectangles of whole pixels, make where those that touch are one."""
    groups: list[list[tuple[int, int, int, int]]] = []
    for part in parts:
        x0, y0, x1, y1 = part
        if x1 <= x0 or y1 <= y0:
            continue
        near = [g for g in groups if any(x0 <= c and a <= x1 and y0 <= d and b <= y1 for a, b, c, d in g)]
        groups = [g for g in groups if g not in near] + [[part, *(p for g in near for p in g)]]
    return len(groups)
