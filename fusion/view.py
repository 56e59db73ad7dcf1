"""A photo made smaller: for a prior to look at, and for an answer to show."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow

from data.opencv import opencv
from detectors.base import Box, scaled
from fusion.map import cover

__all__ = ["VIEW_PX", "reduced", "thumbnail"]

VIEW_PX: Final = 2048
"""Longer side of what a prior sees: full pixels are for reading, and are not kept while a photo waits."""

_THUMBNAIL_PX: Final = 1280


def reduced(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """``pixels`` (H, W, 3) with no side over :data:`VIEW_PX`; a copy of its own, or the same where they are small."""
    height, width = pixels.shape[:2]
    scale = VIEW_PX / max(height, width)
    if scale >= 1.0:
        return pixels
    cv2 = opencv()  # Pillow would copy the whole photo at four bytes a pixel first
    size = max(1, round(width * scale)), max(1, round(height * scale))
    view: NDArray[np.uint8] = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    return view


def thumbnail(view: NDArray[np.uint8], view_scale: float, private: Sequence[Box]) -> tuple[bytes, float]:
    """The photo as a small JPEG with the boxes of private text painted over, and its scale.

    Args:
        view: (H, W, 3) uint8, the photo reduced by ``view_scale``.
        view_scale: Pixels of ``view`` per pixel of the photo.
        private: Boxes in pixels of the photo.
    """
    picture = Pillow.fromarray(view)
    scale = min(1.0, _THUMBNAIL_PX / max(picture.size))
    if scale < 1.0:
        size = max(1, round(picture.width * scale)), max(1, round(picture.height * scale))
        picture = picture.resize(size, reducing_gap=2.0)
    scale *= view_scale
    if private:
        picture = Pillow.fromarray(cover(np.asarray(picture), [scaled(box, scale) for box in private]))
    stream = io.BytesIO()
    picture.save(stream, "JPEG", quality=85)
    return stream.getvalue(), scale
