"""A line of text as our network sees it: grey, 32 pixels high, even contrast. The same in training and at run time."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from data.opencv import opencv

__all__ = ["HEIGHT", "MAX_WIDTH", "MIN_WIDTH", "prepared", "trunk_input"]

HEIGHT = 32
MIN_WIDTH, MAX_WIDTH = 16, 640
_GREY, _SPREAD = 128.0, 48.0  # mean and standard deviation of a prepared line


def prepared(line: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """``line``, (h, w, 3) uint8 RGB, as (32, width) uint8 grey.

    Colours are projected on the direction in which they differ most, so that red letters on an equally bright green
    stay visible; brighter stays brighter. Mean and spread are then the same for all lines.

    Raises:
        ValueError: An empty line, or one that is not (h, w, 3).

    >>> prepared(np.zeros((10, 40, 3), np.uint8)).shape
    (32, 128)
    """
    if line.ndim != 3 or line.shape[2] != 3 or not line.size:
        raise ValueError(f"a line image is (h, w, 3) with h and w of at least 1, not {line.shape}")
    cv2 = opencv()
    height, width = line.shape[:2]
    # Four pixels a step of the network; a width that is a multiple wastes none.
    wide = min(max(round(width * HEIGHT / height / 4) * 4, MIN_WIDTH), MAX_WIDTH)
    line = np.ascontiguousarray(line)
    shrinks = height > HEIGHT and width > wide
    sized = cv2.resize(line, (wide, HEIGHT), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
    flat = sized.reshape(-1, 3).astype(np.float32)
    flat -= flat.mean(axis=0)
    _, directions = np.linalg.eigh(flat.T @ flat)
    direction = directions[:, -1]
    # Brightness decides the sign; ITU-R BT.601 weights.
    grey = flat @ (direction if direction @ (0.299, 0.587, 0.114) >= 0 else -direction)
    # A line of one colour is noise of a few grey levels: it is not blown up to full contrast.
    spread = max(math.sqrt(float(np.mean(grey**2))), 4.0)
    out: NDArray[np.uint8] = np.clip(grey * (_SPREAD / spread) + _GREY, 0, 255).round().astype(np.uint8)
    return out.reshape(HEIGHT, wide)


def trunk_input(grey: NDArray[np.uint8]) -> NDArray[np.float32]:
    """A prepared line, (32, width) uint8, as (3, 48, 1.5 width) float32 in -1..1: what the trunk takes."""
    wide: NDArray[np.uint8] = opencv().resize(grey, (grey.shape[1] * 3 // 2, HEIGHT * 3 // 2))
    scaled = wide.astype(np.float32) * np.float32(1 / 127.5) - np.float32(1)
    return np.repeat(scaled[None], 3, axis=0)
