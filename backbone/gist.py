"""The gist of a photo: how much structure it has at each scale and orientation, in each part of the picture.

Oliva and Torralba, "Modeling the shape of the scene: a holistic representation of the spatial envelope" (IJCV 2001).
The photo is squeezed into a square, its local contrast made even, and filtered with Gabor filters over a fan of
orientations at a few scales; the mean magnitude of each filter in each block of a grid is the descriptor. Filters and
contrast are those of the authors' code (LMgist), with its constants.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PILImage
from scipy import fft

__all__ = ["GistConfig", "gist", "squeezed"]

_GREY: Final = np.array([0.299, 0.587, 0.114], np.float32)
_SHARPEST: Final = 0.3  # cycles a pixel at the middle of the finest scale
_STEP: Final = 1.85  # ratio of neighbouring scales
_RADIAL: Final = 3.5  # how narrow a filter is along the frequency
_CONTRAST_CYCLES: Final = 4.0  # structure coarser than this, in cycles a picture, is light and is taken away
_CONTRAST_BORDER: Final = 5  # pixels mirrored around the picture before that
_LEAST_CONTRAST: Final = 0.2  # local deviation of log-grey that is not raised further: noise in a flat sky
_BORDER_SHARE: Final = 8  # a picture is mirrored by 1 / 8 of its side before the filters


@dataclass(frozen=True)
class GistConfig:
    """What a descriptor is made of.

    Attributes:
        side: Side of the square that the photo is squeezed into, pixels.
        orientations: Number of orientations at each scale, the finest first.
        blocks: Blocks along each side of the grid.
    """

    side: int = 128
    orientations: tuple[int, ...] = (8, 8, 8, 4)
    blocks: int = 4

    def __post_init__(self) -> None:
        if not self.orientations or min(self.orientations) < 1:
            raise ValueError(f"each scale has at least one orientation, not {self.orientations}")
        if self.side < 16 or self.blocks < 1 or self.side % self.blocks or self.side % _BORDER_SHARE:
            raise ValueError(f"a side of {self.side} cannot be cut into {self.blocks} blocks and eighths")

    @property
    def size(self) -> int:
        """Length of the descriptor."""
        return sum(self.orientations) * self.blocks**2


_DEFAULT: Final = GistConfig()


def gist(image: NDArray[np.uint8], config: GistConfig = _DEFAULT) -> NDArray[np.float32]:
    """The descriptor of a photo, float32 (config.size,), non-negative; a flat picture has 0 everywhere.

    In the order of scales, orientations, then blocks row by row. Two descriptors are compared by Euclidean distance.

    Args:
        image: (H, W, 3) uint8 RGB or (H, W) uint8 grey, of any size.
        config: Scales, orientations and blocks.

    >>> stripes = np.zeros((64, 64), np.uint8)
    >>> stripes[:, ::4] = 255
    >>> gist(stripes).shape
    (448,)
    """
    grey = squeezed(image, config.side).astype(np.float32)
    if grey.ndim == 3:
        grey = grey @ _GREY
    border = config.side // _BORDER_SHARE
    even = np.pad(_even_contrast(grey), border, mode="symmetric")
    spectrum = fft.fft2(even)
    energy = np.abs(fft.ifft2(spectrum * _filters(config)))[:, border:-border, border:-border]  # [filters, side, side]
    per = config.side // config.blocks
    blocks = energy.reshape(-1, config.blocks, per, config.blocks, per).mean(axis=(2, 4))
    return np.asarray(blocks.reshape(-1), np.float32)


def squeezed(image: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """A photo, (H, W, 3) or (H, W) uint8, as a square of ``side`` pixels: all of it, whatever its shape."""
    picture = PILImage.fromarray(np.ascontiguousarray(image))
    return np.asarray(picture.resize((side, side), PILImage.Resampling.BOX, reducing_gap=2.0))


def _even_contrast(grey: NDArray[np.float32]) -> NDArray[np.float32]:
    """Log-grey (s, s) less its coarse part, over its local deviation."""
    side = len(grey)
    padded = np.pad(np.log1p(grey), _CONTRAST_BORDER, mode="symmetric")
    low = _low_pass(len(padded))
    fine = padded - fft.irfft2(fft.rfft2(padded) * low, s=padded.shape)
    variance = fft.irfft2(fft.rfft2(fine**2) * low, s=padded.shape)
    even = fine / (_LEAST_CONTRAST + np.sqrt(np.abs(variance)))
    inside = slice(_CONTRAST_BORDER, _CONTRAST_BORDER + side)
    return np.asarray(even[inside, inside], np.float32)


@lru_cache(maxsize=4)
def _low_pass(side: int) -> NDArray[np.float32]:
    """Transfer function (side, side // 2 + 1) of the Gaussian that is at half height at ``_CONTRAST_CYCLES``."""
    down, across = np.meshgrid(fft.fftfreq(side) * side, fft.rfftfreq(side) * side, indexing="ij")
    wide = _CONTRAST_CYCLES / np.sqrt(np.log(2.0))
    return np.asarray(np.exp(-(down**2 + across**2) / wide**2), np.float32)


@lru_cache(maxsize=4)
def _filters(config: GistConfig) -> NDArray[np.float32]:
    """Transfer functions [filters, n, n] of the Gabor filters; each passes one half of the plane of frequencies."""
    n = config.side + 2 * (config.side // _BORDER_SHARE)
    down, across = np.meshgrid(fft.fftfreq(n), fft.fftfreq(n), indexing="ij")
    radius, angle = np.hypot(down, across), np.arctan2(down, across)
    bank = []
    for scale, count in enumerate(config.orientations):
        middle = _SHARPEST / _STEP**scale
        for k in range(count):
            turned = (angle + np.pi * k / count + np.pi) % (2.0 * np.pi) - np.pi
            # 2 pi (16 count^2 / 32^2) turned^2: neighbours overlap at the same height however many there are.
            bank.append(np.exp(-_RADIAL * (radius / middle - 1.0) ** 2 - np.pi * count**2 / 32.0 * turned**2))
    bank_ = np.array(bank, np.float32)
    bank_[:, 0, 0] = 0.0  # the mean is no structure
    return bank_
