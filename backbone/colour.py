"""Colours of a photo by their place in the picture and by their share, in CIE L*a*b*.

What Hays and Efros (IM2GPS, CVPR 2008) use besides the gist: a tiny picture, here as means and deviations over a grid,
and a joint histogram.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from backbone.gist import squeezed

__all__ = ["colour_grid", "colour_histogram", "lab"]

_SIDE: Final = 64
_TO_XYZ: Final = np.array(  # linear sRGB to XYZ over the white of D65 (IEC 61966-2-1)
    [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]], np.float32
) / np.array([[0.9505], [1.0], [1.089]], np.float32)
_LIGHT_EDGES: Final = (25.0, 50.0, 75.0)
_COLOUR_EDGES: Final = (-40.0, -20.0, -8.0, 8.0, 20.0, 40.0)


def lab(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """L* (0 to 100), a* and b* (about -100 to 100) of sRGB pixels (..., 3) uint8.

    >>> lab(np.array([[255, 255, 255], [0, 0, 0]], np.uint8)).round(0).tolist()
    [[100.0, 0.0, 0.0], [0.0, 0.0, 0.0]]
    """
    t = _linear()[pixels] @ _TO_XYZ.T
    f = np.where(t > 216.0 / 24389.0, np.cbrt(t), (24389.0 / 27.0 * t + 16.0) / 116.0)
    x, y, z = f[..., 0], f[..., 1], f[..., 2]
    return np.stack([116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)], axis=-1).astype(np.float32)


def colour_grid(image: NDArray[np.uint8], blocks: int = 4) -> NDArray[np.float32]:
    """Means, then deviations, of L*a*b* in each block of a photo (H, W, 3) uint8: (blocks, blocks, 6) float32."""
    side = _SIDE // blocks * blocks
    parts = lab(squeezed(image, side)).reshape(blocks, side // blocks, blocks, side // blocks, 3)
    return np.concatenate([parts.mean(axis=(1, 3)), parts.std(axis=(1, 3))], axis=-1)


def colour_histogram(image: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Shares (4, 7, 7) float32 of a photo's area by lightness and the two colours; they sum to 1."""
    colours = lab(squeezed(image, _SIDE)).reshape(-1, 3)
    index = (
        np.digitize(colours[:, 0], _LIGHT_EDGES),
        np.digitize(colours[:, 1], _COLOUR_EDGES),
        np.digitize(colours[:, 2], _COLOUR_EDGES),
    )
    shape = (len(_LIGHT_EDGES) + 1, len(_COLOUR_EDGES) + 1, len(_COLOUR_EDGES) + 1)
    counts = np.bincount(np.ravel_multi_index(index, shape), minlength=int(np.prod(shape)))
    return np.asarray(counts.reshape(shape) / len(colours), np.float32)


@lru_cache(maxsize=1)
def _linear() -> NDArray[np.float32]:
    """(256,) linear light of each value of sRGB."""
    value = np.arange(256) / 255.0
    return np.asarray(np.where(value > 0.04045, ((value + 0.055) / 1.055) ** 2.4, value / 12.92), np.float32)
