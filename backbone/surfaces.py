"""What stands in for geometric context: how likely each part of a photo is sky, ground or upright, by simple cues.

IM2GPS takes the probabilities of Hoiem's classifier of surfaces ("Geometric context from a single image", ICCV 2005),
boosted trees over superpixels that were trained on labelled photos. **This is not that classifier.** It is a softmax
over three hand-set scores of each block of an 8 by 8 grid, from cues that Hoiem's classifier is known to lean on: where
in the picture the block is, how light, blue or green and how saturated it is, and how much structure it has. Nothing
was trained or measured on labels of surfaces; what is uncertain stays near a third each. It tells open sky from
street canyons, and asphalt or grass below from walls below.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from backbone.colour import lab
from backbone.gist import squeezed

__all__ = ["BLOCKS", "SURFACES", "surfaces"]

SURFACES: Final = ("sky", "ground", "upright")
"""The three kinds, in order."""
BLOCKS: Final = 8
"""Blocks along each side of the grid."""

_SIDE: Final = 64


def surfaces(image: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Shares (BLOCKS, BLOCKS, 3) float32 of sky, ground and upright things in each block of a photo (H, W, 3) uint8.

    Rows from the top. The three sum to 1 in each block.

    >>> blue_above_grey = np.full((64, 64, 3), 110, np.uint8)
    >>> blue_above_grey[:32] = (120, 170, 240)
    >>> shares = surfaces(blue_above_grey)
    >>> [SURFACES[k] for k in (shares[0, 4].argmax(), shares[7, 4].argmax())]
    ['sky', 'ground']
    """
    per = _SIDE // BLOCKS
    blocks = lab(squeezed(image, _SIDE)).reshape(BLOCKS, per, BLOCKS, per, 3)
    light, green_red, blue_yellow = np.moveaxis(blocks.mean(axis=(1, 3)), -1, 0)
    rough = blocks[..., 0].std(axis=(1, 3))  # of lightness, 0 to 50
    height = (np.arange(BLOCKS)[:, None] + 0.5) / BLOCKS * np.ones(BLOCKS)  # 0 at the top
    smooth = np.exp(-rough / 4.0)
    sky = 3.0 * (0.5 - height) + (light - 60.0) / 20.0 + np.clip(-blue_yellow, 0.0, 30.0) / 15.0 + 2.0 * smooth
    ground = 4.0 * (height - 0.6) + 1.2 * smooth - np.abs(light - 50.0) / 50.0 + np.clip(-green_red, 0.0, 20.0) / 40.0
    upright = 1.0 + np.minimum(rough, 20.0) / 10.0 - 2.0 * np.abs(height - 0.5)
    scores = np.stack([sky, ground, upright], axis=-1)
    raised = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=-1, keepdims=True), np.float32)
