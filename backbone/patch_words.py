"""What a photo's small patches look like, in each band from its top to its bottom: sky, leaves, walls, asphalt.

Coates, Lee and Ng, "An analysis of single-layer networks in unsupervised feature learning" (AISTATS 2011): patches with
even contrast are whitened, k-means finds words among them, and each patch says how much nearer than the mean distance
it is to each word (their "triangle"). The means over bands are the descriptor. Words are learnt without labels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from backbone.gist import squeezed

__all__ = ["PatchWords", "k_means"]

_LEAST_VARIANCE: Final = 10.0  # of a patch's values, 0 to 255: flat sky is not blown up to noise
_WHITENING: Final = 0.1  # added to the spectrum's variances
_FROM_EACH: Final = 150  # patches of a photo that words are learnt from
_ROUNDS: Final = 25
_LEAST_PATCHES: Final = 5  # a word of fewer is begun anew


@dataclass(frozen=True, eq=False)
class PatchWords:
    """Words of patches, and how photos are described by them.

    Attributes:
        mean: (d,) float32 of patches of even contrast, d = 3 patch^2.
        whitening: (d, d) float32.
        words: (k, d) float32, of whitened patches.
        side: Side of the square that a photo is squeezed into, pixels.
        patch: Side of a patch, pixels.
        step: From one patch to the next, pixels.
        bands: How many bands, of equal height.
    """

    mean: NDArray[np.float32]
    whitening: NDArray[np.float32]
    words: NDArray[np.float32]
    side: int
    patch: int
    step: int
    bands: int

    def describe(self, image: NDArray[np.uint8]) -> NDArray[np.float32]:
        """(bands, k) float32, non-negative, of a photo (H, W, 3) uint8 RGB."""
        patches = _patches(squeezed(image, self.side), self.patch, self.step)
        rows = len(patches)
        x = (_even(patches.reshape(-1, patches.shape[-1])) - self.mean) @ self.whitening
        far = x @ (-2.0 * self.words.T)  # [patches, k]; in place from here, since memory is what takes the time
        far += np.einsum("nd,nd->n", x, x)[:, None]
        far += (self.words**2).sum(axis=1)
        np.sqrt(np.maximum(far, 0.0, out=far), out=far)
        nearer = np.subtract(far.mean(axis=1, keepdims=True), far, out=far)
        nearer = np.maximum(nearer, 0.0, out=nearer).reshape(rows, -1, len(self.words))
        edges = np.linspace(0, rows, self.bands + 1).round().astype(int)
        return np.stack([nearer[a:b].mean(axis=(0, 1)) for a, b in pairwise(edges)])

    @classmethod
    def learn(
        cls,
        images: Sequence[NDArray[np.uint8]],
        *,
        words: int,
        side: int = 128,
        patch: int = 6,
        step: int = 2,
        bands: int = 4,
        seed: int = 0,
    ) -> PatchWords:
        """Words of photos (H, W, 3) uint8, and of their mirror images."""
        rng = np.random.default_rng(seed)
        drawn = []
        for image in images:
            square = squeezed(image, side)
            for turned in (square, square[:, ::-1]):
                patches = _patches(turned, patch, 1)
                flat = patches.reshape(-1, patches.shape[-1])
                drawn.append(_even(flat[rng.integers(0, len(flat), _FROM_EACH // 2)]))
        x = np.concatenate(drawn)
        mean = x.mean(axis=0)
        variance, directions = np.linalg.eigh(np.cov((x - mean).T.astype(np.float64)))
        whitening = np.asarray((directions / np.sqrt(variance + _WHITENING)) @ directions.T, np.float32)
        return cls(mean, whitening, k_means((x - mean) @ whitening, words, rng), side, patch, step, bands)


def _patches(square: NDArray[np.uint8], patch: int, step: int) -> NDArray[np.float32]:
    """(rows, columns, 3 patch^2) float32."""
    windows = sliding_window_view(square, (patch, patch), axis=(0, 1))[::step, ::step]  # [rows, columns, 3, p, p]
    return windows.reshape(*windows.shape[:2], -1).astype(np.float32)


def _even(patches: NDArray[np.float32]) -> NDArray[np.float32]:
    """Patches (n, d) less their mean, over their deviation."""
    centred = patches - patches.mean(axis=1, keepdims=True)
    return np.asarray(centred / np.sqrt((centred**2).mean(axis=1, keepdims=True) + _LEAST_VARIANCE), np.float32)


def k_means(x: NDArray[np.float32], words: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """Means (words, d) of the groups that ``x`` (n, d) falls into, n at least ``words``."""
    centres = x[rng.choice(len(x), words, replace=False)].copy()
    for _ in range(_ROUNDS):
        nearest = (0.5 * (centres**2).sum(axis=1) - x @ centres.T).argmin(axis=1)
        order = np.argsort(nearest, kind="stable")
        starts = np.searchsorted(nearest[order], np.arange(words + 1))
        for k in range(words):
            mine = order[starts[k] : starts[k + 1]]
            centres[k] = x[mine].mean(axis=0) if len(mine) >= _LEAST_PATCHES else x[rng.integers(len(x))]
    return np.asarray(centres, np.float32)
