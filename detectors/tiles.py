"""Parts of a photo for a network that sees a square at a time, and one answer from what it says of each part."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from data.opencv import opencv

__all__ = ["GREY", "Tile", "letterboxed", "suppressed", "tiles_of"]

GREY = 114
"""What ultralytics pads with, and so the network knows as nothing."""
_GRID = 32  # the network halves five times


@dataclass(frozen=True, slots=True)
class Tile:
    """A part of a photo, in pixels of the photo.

    Attributes:
        left: Its left edge.
        top: Its top edge.
        width: Its width.
        height: Its height.
    """

    left: int
    top: int
    width: int
    height: int


def tiles_of(width: int, height: int, side: int, most: int, overlap: float) -> list[Tile]:
    """The whole photo, then tiles at half of each scale before, down to the photo's own pixels.

    Args:
        width: Of the photo, pixels.
        height: Of the photo, pixels.
        side: Pixels that the network sees at once.
        most: Most tiles in all, at least 1. A scale whose tiles would be more than what is left is covered by larger
            ones, so that nothing goes unseen.
        overlap: Share of a tile that its neighbour sees as well.

    Returns:
        Tiles, largest first. All of the photo lies in the tiles of every scale.

    >>> tiles_of(600, 400, 640, 14, 0.15)
    [Tile(left=0, top=0, width=600, height=400)]
    >>> [len({t.width for t in tiles_of(4000, 3000, 640, most, 0.15)}) for most in (1, 5, 30)]
    [1, 2, 3]
    """
    tiles = [Tile(0, 0, width, height)]
    window = max(width, height)
    while window > 1.25 * side and len(tiles) < most:
        window = max(math.ceil(window / 2), side)
        left = most - len(tiles)
        while _counted(width, window, overlap) * _counted(height, window, overlap) > left:
            window = math.ceil(window * 1.1)
        if window >= 0.9 * max(width, height):
            break
        smallest = min(t.width for t in tiles) if len(tiles) > 1 else max(width, height)
        if window >= 0.85 * smallest:
            break
        xs, ys = _starts(width, window, overlap), _starts(height, window, overlap)
        tiles += [Tile(x, y, min(window, width), min(window, height)) for y in ys for x in xs]
    return tiles


def _counted(length: int, window: int, overlap: float) -> int:
    return 1 if window >= length else math.ceil((length - window) / (window * (1 - overlap))) + 1


def _starts(length: int, window: int, overlap: float) -> list[int]:
    count = _counted(length, window, overlap)
    return [0] if count == 1 else [round(i * (length - window) / (count - 1)) for i in range(count)]


def letterboxed(pixels: NDArray[np.uint8], tile: Tile, side: int) -> tuple[NDArray[np.uint8], float]:
    """A tile of ``pixels``, (H, W, 3) uint8, as the network sees it.

    Returns:
        (h, w, 3) uint8 with h and w multiples of 32 and about ``side`` at most, the tile in its top left corner and
        grey elsewhere; and its scale, pixels of it to a pixel of the photo. Small tiles are enlarged at most twice.
    """
    cv2 = opencv()
    part = pixels[tile.top : tile.top + tile.height, tile.left : tile.left + tile.width]
    scale = min(side / max(tile.width, tile.height), 2.0)
    width, height = max(round(tile.width * scale), 1), max(round(tile.height * scale), 1)
    sized = cv2.resize(part, (width, height), interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    out = np.full((-(-height // _GRID) * _GRID, -(-width // _GRID) * _GRID, 3), GREY, np.uint8)
    out[:height, :width] = sized
    return out, scale


def suppressed(
    boxes: NDArray[np.float32], scores: NDArray[np.float32], kinds: NDArray[np.int64], *, same: float, within: float
) -> list[int]:
    """Which boxes stay when of those that show one thing the surest is kept, surest first.

    Args:
        boxes: (n, 4) left, top, right, bottom.
        scores: (n,) how sure each is.
        kinds: (n,) what each shows; only boxes of one kind compete.
        same: Intersection over union from which two are one.
        within: Share of the smaller one inside the surer one from which they are one.

    >>> boxes = np.array([[0, 0, 10, 10], [1, 0, 11, 10], [30, 0, 40, 10]], np.float32)
    >>> suppressed(boxes, np.array([0.5, 0.9, 0.3]), np.array([0, 0, 0]), same=0.5, within=0.8)
    [1, 2]
    """
    area = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)
    left = np.argsort(-scores, kind="stable")
    kept: list[int] = []
    while len(left):
        first, rest = left[0], left[1:]
        kept.append(int(first))
        low, high = np.maximum(boxes[first, :2], boxes[rest, :2]), np.minimum(boxes[first, 2:], boxes[rest, 2:])
        shared = np.prod(np.clip(high - low, 0, None), axis=1)
        alike = shared >= same * (area[first] + area[rest] - shared)
        alike |= shared >= within * np.maximum(area[rest], 1e-9)
        left = rest[~(alike & (kinds[rest] == kinds[first]))]
    return kept
