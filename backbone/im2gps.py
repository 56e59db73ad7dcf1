"""What IM2GPS sees of a photo: six descriptors, side by side, so that distances add.

Hays and Efros, "IM2GPS: estimating geographic information from a single image" (CVPR 2008), section 3: a tiny image, a
histogram of colours in L*a*b*, a histogram of textons, statistics of straight lines, the gist, and geometric context.
They scale each feature's distances alike and add them. Here each descriptor is a vector whose squared Euclidean
distance is what is compared (of histograms their square roots are taken: Hellinger's distance), divided by its root
mean square between two photos of different places, times the root of its weight in :data:`WEIGHTS`. The squared
distance of two whole vectors is so the weighted mean of the six, and about 1 for two unlike photos.

What differs from the paper: the gist's grid, the line detector, Hellinger's distance for chi-square; and Hoiem's
classifier of surfaces has a stand-in, ``backbone.surfaces``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Final

import numpy as np
from numpy.typing import NDArray

from backbone.colour import colour_histogram, lab
from backbone.gist import gist, squeezed
from backbone.straight_lines import line_histograms
from backbone.surfaces import surfaces
from backbone.textons import RESPONSES, texton_histogram
from data.assets import read_asset
from data.errors import WeightsError

__all__ = ["IM2GPS_PATH", "IM2GPS_SHA256", "WEIGHTS", "Im2gpsFeatures", "blocks_of", "shipped_features"]

Floats32 = NDArray[np.float32]

IM2GPS_PATH: Final = Path(__file__).parent / "assets" / "im2gps.safetensors"
IM2GPS_SHA256: Final = "6a9cff68da92afed4bc9733299cc538a02cc5dd6c079b676df352595ca2c99a4"

WEIGHTS: Final[Mapping[str, float]] = MappingProxyType(
    {"tiny": 1 / 6, "colours": 1 / 6, "textons": 1 / 6, "lines": 1 / 6, "gist": 1 / 6, "surfaces": 1 / 6}
)
"""Descriptor to its share of the squared distance; all alike, as in the paper."""

_TINY: Final = 16  # side of the tiny image, pixels


def blocks_of(image: NDArray[np.uint8], textons: Floats32) -> dict[str, Floats32]:
    """The six descriptors of a photo (H, W, 3) uint8 RGB, unscaled, each (d_k,) float32.

    Args:
        image: The photo, of any size.
        textons: The dictionary (k, RESPONSES).
    """
    return {
        "tiny": lab(squeezed(image, _TINY)).ravel(),
        "colours": np.sqrt(colour_histogram(image)).ravel(),
        "textons": np.sqrt(texton_histogram(image, textons)),
        "lines": np.sqrt(line_histograms(image)),
        "gist": gist(image),
        "surfaces": np.sqrt(surfaces(image)).ravel(),
    }


@dataclass(frozen=True, eq=False)
class Im2gpsFeatures:
    """Photos to vectors.

    Attributes:
        textons: (k, RESPONSES) float32, the dictionary.
        scales: Descriptor to the root mean square distance between photos of different places.
        sha256: Of the file that both come from.
    """

    textons: Floats32
    scales: Mapping[str, float]
    sha256: str

    def describe(self, image: NDArray[np.uint8]) -> Floats32:
        """The vector (d,) float32 of a photo (H, W, 3) uint8 RGB, of any size; the same whatever else is asked."""
        blocks = blocks_of(image, self.textons)
        return np.concatenate(
            [block * np.float32(np.sqrt(WEIGHTS[name]) / self.scales[name]) for name, block in blocks.items()]
        )


@lru_cache(maxsize=1)
def shipped_features() -> Im2gpsFeatures:
    """Those with the dictionary that ships.

    Raises:
        WeightsError: Its file is missing or damaged.
    """
    from safetensors.numpy import load

    tensors = load(read_asset(IM2GPS_PATH, IM2GPS_SHA256, error=WeightsError))
    scales = dict(zip(WEIGHTS, tensors["scales"].tolist(), strict=True))
    textons = tensors["textons"]
    if textons.ndim != 2 or textons.shape[1] != RESPONSES:
        raise WeightsError("the shipped textons are of other filters than these: reinstall whence")
    return Im2gpsFeatures(textons, scales, IM2GPS_SHA256)
