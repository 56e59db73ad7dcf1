"""Textons: which textures a photo has, as a histogram over a dictionary of what filters say at each pixel.

Leung and Malik, "Representing and recognizing the visual appearance of materials using three-dimensional textons" (IJCV
2001), as IM2GPS uses them: odd and even oriented filters at two scales and two round ones; at each pixel the nearest of
the dictionary's responses. Filters have zero mean and unit absolute sum, and responses are tempered by Weber's law
(Varma and Zisserman, IJCV 2005).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from backbone.patch_words import k_means
from data.opencv import opencv

__all__ = ["RESPONSES", "grey_of", "learn_textons", "texton_histogram"]

Floats32 = NDArray[np.float32]

_SIDE: Final = 160  # the longer side of what is filtered, pixels
_SIGMAS: Final = (1.0, 2.0)  # across a filter, pixels
_LONG: Final = 3.0  # how much longer a filter is along its edge
_ORIENTATIONS: Final = 6
_WEBER: Final = 3.0  # grey levels at which a response counts half in proportion, half by its logarithm
_STEP: Final = 2  # every second pixel of every second row is asked for its texton
_FROM_EACH: Final = 400  # pixels of a photo that a dictionary is learnt from

RESPONSES: Final = len(_SIGMAS) * (2 * _ORIENTATIONS + 1)
"""What the filters say at a pixel: so many numbers."""


def texton_histogram(image: NDArray[np.uint8], textons: Floats32) -> Floats32:
    """Shares (k,) of a photo's pixels whose texture is nearest to each texton; they sum to 1.

    Args:
        image: (H, W, 3) uint8 RGB.
        textons: (k, RESPONSES) float32.
    """
    responses = _responses(image).reshape(-1, RESPONSES)
    nearest = (0.5 * (textons**2).sum(axis=1) - responses @ textons.T).argmin(axis=1)
    return np.asarray(np.bincount(nearest, minlength=len(textons)) / len(nearest), np.float32)


def learn_textons(images: Sequence[NDArray[np.uint8]], count: int, *, seed: int = 0) -> Floats32:
    """A dictionary (count, RESPONSES) from photos (H, W, 3) uint8, by k-means over pixels drawn by chance."""
    rng = np.random.default_rng(seed)
    drawn = []
    for image in images:
        flat = _responses(image).reshape(-1, RESPONSES)
        drawn.append(flat[rng.integers(0, len(flat), _FROM_EACH)])
    return k_means(np.concatenate(drawn), count, rng)


def grey_of(image: NDArray[np.uint8], longer_side: int) -> NDArray[np.uint8]:
    """A photo (H, W, 3) uint8 in grey, made smaller so that its longer side has ``longer_side`` pixels at most."""
    cv2 = opencv()
    scale = longer_side / max(image.shape[:2])
    if scale < 1.0:
        size = (max(round(image.shape[1] * scale), 1), max(round(image.shape[0] * scale), 1))
        image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.cvtColor(np.ascontiguousarray(image), cv2.COLOR_RGB2GRAY), np.uint8)


def _responses(image: NDArray[np.uint8]) -> Floats32:
    """(rows, columns, RESPONSES) float32 at every second pixel."""
    cv2 = opencv()
    grey = grey_of(image, _SIDE).astype(np.float32)
    layers = [
        cv2.filter2D(grey, cv2.CV_32F, kernel, borderType=cv2.BORDER_REFLECT)[::_STEP, ::_STEP] for kernel in _filters()
    ]
    stacked = np.stack(layers, axis=-1)
    length = np.linalg.norm(stacked, axis=-1, keepdims=True)
    tempered = stacked * (np.log1p(length / _WEBER) / np.maximum(length, 1e-6))
    return np.asarray(tempered, np.float32)


@lru_cache(maxsize=1)
def _filters() -> tuple[Floats32, ...]:
    bank = []
    for sigma in _SIGMAS:
        reach = int(np.ceil(3.0 * sigma * _LONG / 1.5))
        down, across = np.mgrid[-reach : reach + 1, -reach : reach + 1].astype(np.float64)
        for k in range(_ORIENTATIONS):
            turn = np.pi * k / _ORIENTATIONS
            u = across * np.cos(turn) + down * np.sin(turn)
            v = down * np.cos(turn) - across * np.sin(turn)
            bell = np.exp(-(u**2 / (2 * sigma**2)) - v**2 / (2 * (_LONG * sigma) ** 2))
            bank += [-u * bell, (u**2 / sigma**2 - 1.0) * bell]
        square = (across**2 + down**2) / (2 * sigma**2)
        bank.append((square - 1.0) * np.exp(-square))
    even = [kernel - kernel.mean() for kernel in bank]
    return tuple(np.asarray(kernel / np.abs(kernel).sum(), np.float32) for kernel in even)
