"""Photos to the squares that a network sees: one moved a little in training, five at test time."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PILImage

__all__ = ["five_crops", "least_side", "shortened", "training_crop"]

_ROOM = 8 / 7  # shorter side of a photo before squares are cut out of it, in sides of the square (256 / 224)
_LONGEST = 32  # a photo that is longer, in shorter sides, is cut at both ends
_LEAST_AREA = 0.65  # of the largest square in a photo, that a square in training holds
_ASPECT = 1.08  # a square in training is stretched by at most this
_LIGHT = 0.12  # brightness and contrast in training change by at most this share


def least_side(pixels: int) -> int:
    """Shorter side that a photo needs to have before squares of ``pixels`` are cut out of it.

    >>> least_side(224)
    256
    """
    return math.ceil(pixels * _ROOM)


def five_crops(photo: NDArray[np.uint8], pixels: int) -> NDArray[np.uint8]:
    """Squares (5, pixels, pixels, 3) of a photo (H, W, 3): the middle, then the four corners.

    The shorter side is first brought to 8/7 of a square (256 for 224, as Krizhevsky 2012); the five are those of
    Mueller-Budack (2018), without their mirror images: text and the side of the road are not symmetric.
    """
    photo = shortened(photo, _LONGEST)
    height, width = photo.shape[:2]
    scale = least_side(pixels) / min(height, width)
    size = (max(round(width * scale), pixels), max(round(height * scale), pixels))
    small = np.asarray(PILImage.fromarray(photo).resize(size, PILImage.Resampling.BILINEAR, reducing_gap=3.0))
    right, down = size[0] - pixels, size[1] - pixels
    corners = ((down // 2, right // 2), (0, 0), (0, right), (down, 0), (down, right))
    return np.stack([small[y : y + pixels, x : x + pixels] for y, x in corners])


def shortened(photo: NDArray[np.uint8], longest: int) -> NDArray[np.uint8]:
    """The middle of a photo (H, W, 3) that is more than ``longest`` times as long as wide; other photos whole.

    All of a very long one, enlarged, would fill the memory.
    """
    height, width = photo.shape[:2]
    most = longest * min(height, width)
    top, left = max(height - most, 0) // 2, max(width - most, 0) // 2
    return photo[top : top + most, left : left + most]


def training_crop(photo: NDArray[np.uint8], pixels: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """One square (pixels, pixels, 3) of a photo (H, W, 3), moved, scaled and lit a little by ``rng``.

    Little, because what is to be learnt is the place: no mirror image, no turn, no strong colour; a square holds at
    least 0.65 of the largest one's area.
    """
    height, width = photo.shape[:2]
    largest = min(height, width)
    side = largest * math.sqrt(rng.uniform(_LEAST_AREA, 1.0))
    stretch = math.sqrt(_ASPECT ** rng.uniform(-1.0, 1.0))
    across, down = min(side * stretch, width), min(side / stretch, height)
    left, top = rng.uniform(0.0, width - across), rng.uniform(0.0, height - down)
    square = PILImage.fromarray(photo).resize(
        (pixels, pixels), PILImage.Resampling.BILINEAR, box=(left, top, left + across, top + down), reducing_gap=3.0
    )
    brightness, contrast = rng.uniform(1.0 - _LIGHT, 1.0 + _LIGHT, 2)
    values = np.arange(256, dtype=np.float64)
    table = np.clip((values - 128.0) * contrast + 128.0 * brightness, 0.0, 255.0).round().astype(np.uint8)
    lit: NDArray[np.uint8] = table[np.asarray(square)]
    return lit
