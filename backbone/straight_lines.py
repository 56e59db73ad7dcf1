"""Straight lines of a photo: which way they run and how long they are. Roofs, poles, roads, waves, crowns of trees.

IM2GPS has histograms of the angles and lengths of straight lines that were found by Kosecka and Zhang's way; here
OpenCV's LSD finds them (Grompone von Gioi and others, "LSD: a line segment detector", IPOL 2012).
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from backbone.textons import grey_of
from data.opencv import opencv

__all__ = ["ANGLES", "LENGTHS", "LINE_SIZE", "line_histograms", "segments"]

ANGLES: Final = 16
"""Bins of angles, from 0 to 180 degrees."""
LENGTHS: Final = 8
"""Bins of lengths, each up to 1.5 times as long as the one before."""
LINE_SIZE: Final = ANGLES + LENGTHS + 2
"""Length of what :func:`line_histograms` gives."""

_SIDE: Final = 320  # the longer side of what is searched, pixels
_SHORTEST: Final = 0.03  # of the longer side: what is shorter is texture
_STEP: Final = 1.5
_MANY: Final = 15.0  # lengths of the longer side, all lines together, at which a photo is half full


def segments(image: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Straight segments (m, 4) of a photo (H, W, 3) uint8: x and y of both ends, over the photo's longer side."""
    cv2 = opencv()
    grey = grey_of(image, _SIDE)
    if min(grey.shape) < 8:  # the detector makes it smaller still
        return np.zeros((0, 4))
    found = cv2.createLineSegmentDetector().detect(grey)[0]
    if found is None:
        return np.zeros((0, 4))
    ends: NDArray[np.float64] = np.asarray(found, np.float64).reshape(-1, 4) / max(grey.shape)
    return ends


def line_histograms(image: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Shares (LINE_SIZE,) of a photo's lines, whose square roots are compared by Euclidean distance; they sum to 3.

    First the shares of the angles, weighted by length and without a sharp edge between neighbours, 0 for lines that are
    level and 90 degrees for upright ones; then those of the lengths, weighted by length; then how full the photo is of
    lines, from 0 to 1, and the rest to 1. A photo without lines has equal shares of both.
    """
    ends = segments(image)
    across, down = ends[:, 2] - ends[:, 0], ends[:, 3] - ends[:, 1]
    length = np.hypot(across, down)
    kept = length >= _SHORTEST
    across, down, length = across[kept], down[kept], length[kept]
    total = float(length.sum())
    full = total / (total + _MANY)
    if not total > 0.0:
        shares = [np.full(ANGLES, 1.0 / ANGLES), np.full(LENGTHS, 1.0 / LENGTHS)]
    else:
        place = (np.arctan2(-down, across) % np.pi) / np.pi * ANGLES
        low = np.floor(place).astype(np.int64)
        upper = place - low
        angles = np.bincount(low % ANGLES, weights=length * (1.0 - upper), minlength=ANGLES)
        angles += np.bincount((low + 1) % ANGLES, weights=length * upper, minlength=ANGLES)
        bins = np.minimum(np.log(length / _SHORTEST) / np.log(_STEP), LENGTHS - 1).astype(np.int64)
        shares = [angles / total, np.bincount(bins, weights=length, minlength=LENGTHS) / total]
    return np.concatenate([*shares, [full, 1.0 - full]]).astype(np.float32)
