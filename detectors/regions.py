"""Where a photo shows storefront signs and licence plates.

A small network (``assets/regions.onnx``) looks at the photo at several scales: once whole, then at tiles of larger
copies of it, so that plates 25 pixels wide are found in large photos. How many tiles are looked at is bounded, so the
time is. What it finds is merged by non-maximum suppression of our own and given as :class:`Region`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from data.assets import read_asset
from data.errors import WeightsError
from data.offline import quiet_libraries
from detectors.base import Box, bounds
from detectors.ocr import resized
from detectors.tiles import GREY, Tile, letterboxed, suppressed, tiles_of

__all__ = ["REGIONS_PATH", "REGIONS_SHA256", "Region", "RegionConfig", "RegionDetector", "RegionKind"]

REGIONS_PATH: Final = Path(__file__).parent / "assets" / "regions.onnx"
"""The network that ships."""
REGIONS_SHA256: Final = "7f760d88f78515d7ec80d088e05a6069d61f1cef58c1b4c41b92778ad1ae60fb"
RegionKind = Literal["sign", "plate"]
"""What a region can be."""
_KINDS: Final[tuple[RegionKind, ...]] = ("sign", "plate")  # in the order of the network's scores


@dataclass(frozen=True, slots=True)
class Region:
    """A part of the photo that tells place well.

    Attributes:
        kind: ``"sign"``, a storefront sign, or ``"plate"``, a licence plate.
        box: Four corners ``(x, y)`` in pixels of the upright photo, clockwise from the top left; upright themselves.
        confidence: The network's own, 0 to 1.
    """

    kind: RegionKind
    box: Box
    confidence: float

    def __post_init__(self) -> None:
        if self.kind not in _KINDS:
            raise ValueError(f"a region is one of {', '.join(_KINDS)}, not {self.kind!r}")
        if len(self.box) != 4 or not np.isfinite(self.box).all():
            raise ValueError(f"a box is four finite (x, y) corners, not {self.box!r}")
        if not 0.0 <= self.confidence <= 1.0:
            raise ValueError(f"confidence must lie in [0, 1], not {self.confidence!r}")

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """Left, top, right and bottom, in pixels."""
        return bounds(self.box)


@dataclass(frozen=True, slots=True)
class RegionConfig:
    """How a photo is searched. Chosen on the dev photos.

    Attributes:
        side: Longest side, in pixels, of what the network looks at at once; a multiple of 32.
        coarse: Longest side at which the whole photo is looked at once more, for what fills much of it.
        most_tiles: Most parts of a photo that are looked at, the whole one included, which bounds the time. With 64 a
            photo of 12 megapixels is seen at its own pixels, where a plate is found that is 25 of them wide; with 14
            in a fifth of the time, and plates below about 80. Photos of up to 1.6 megapixels need no more than 9.
        overlap: Share of a tile that its neighbour sees as well.
        least: Least confidence of a sign and of a plate.
        finer: Factor on confidence in tiles finer than the whole photo: more is looked at there, so more is taken
            for something by chance.
        same: Intersection over union from which two boxes of a kind are one.
        within: Share of a box inside a surer one of its kind from which it is taken for a part of that.
        edge: Pixels of a tile's inner edge; what touches it was cut through, and a neighbour sees it whole.
        border: Where no plate was found, or the photo is no larger than ``side``, it is looked at once more with a grey
            border so many of its longest sides wide, ``coarse`` pixels in all; 0 for never.
        fills: Least share of the photo that a plate in that look covers; what covers less is often a shop front.
        most: Most regions of one photo.
    """

    side: int = 640
    coarse: int = 352
    most_tiles: int = 64
    overlap: float = 0.15
    least: tuple[float, float] = (0.25, 0.15)
    finer: float = 0.8
    same: float = 0.45
    within: float = 0.6
    edge: float = 3.0
    border: float = 0.5
    fills: float = 0.5
    most: int = 300


class RegionDetector:
    """Finds signs and plates.

    Args:
        path: Another network than the one that ships; it is not checked.
        threads: Threads for one photo; None leaves it to onnxruntime, which takes one per core.
        config: How a photo is searched.

    Raises:
        WeightsError: The network is missing or not the one that was measured.
    """

    def __init__(
        self, path: Path | None = None, *, threads: int | None = None, config: RegionConfig | None = None
    ) -> None:
        self.config = config or RegionConfig()
        content = _content(path) if path else read_asset(REGIONS_PATH, REGIONS_SHA256, error=WeightsError)
        self._session = _session(content, threads)

    def find(self, pixels: NDArray[np.uint8]) -> list[Region]:
        """Signs and plates in ``pixels``, (H, W, 3) uint8 RGB of the upright photo, surest first."""
        config = self.config
        height, width = pixels.shape[:2]
        boxes, scores, kinds = [np.zeros((0, 4), np.float32)], [np.zeros(0, np.float32)], [np.zeros(0, np.int64)]
        tiles = tiles_of(width, height, config.side, config.most_tiles, config.overlap)
        looks = [(tiles[0], config.coarse, 1.0), (tiles[0], config.side, 1.0)]
        for tile, side, trust in (*looks, *((tile, config.side, config.finer) for tile in tiles[1:])):
            tile_boxes, tile_scores, tile_kinds = self._in_tile(pixels, tile, side, trust)
            boxes.append(tile_boxes)
            scores.append(tile_scores)
            kinds.append(tile_kinds)
        # In a picture of a plate alone, parts of it are taken for plates.
        alone = max(width, height) <= config.side or not any((found == _KINDS.index("plate")).any() for found in kinds)
        if config.border > 0.0 and alone:
            tile_boxes, tile_scores, tile_kinds = self._in_border(pixels)
            boxes.append(tile_boxes)
            scores.append(tile_scores)
            kinds.append(tile_kinds)
        every, sure, which = np.concatenate(boxes), np.concatenate(scores), np.concatenate(kinds)
        kept = suppressed(every, sure, which, same=config.same, within=config.within)[: config.most]
        return [_region(every[i], sure[i], int(which[i])) for i in kept]

    def _in_border(
        self, pixels: NDArray[np.uint8]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.int64]]:
        """Plates of the whole photo, small in a grey border: one that fills it has nothing around it to be known by."""
        config = self.config
        height, width = pixels.shape[:2]
        scale = config.coarse / ((1.0 + 2.0 * config.border) * max(height, width))
        small = resized(pixels, scale)
        edge = round(config.border * max(small.shape[:2]))
        framed = np.full((small.shape[0] + 2 * edge, small.shape[1] + 2 * edge, 3), GREY, np.uint8)
        framed[edge : edge + small.shape[0], edge : edge + small.shape[1]] = small
        tile = Tile(0, 0, framed.shape[1], framed.shape[0])
        boxes, scores, kinds = self._in_tile(framed, tile, max(framed.shape[:2]), 1.0)
        ratio = np.array([width / small.shape[1], height / small.shape[0]] * 2, np.float32)
        boxes = ((boxes - edge) * ratio).clip(0, np.array([width, height] * 2, np.float32)).astype(np.float32)
        size = boxes[:, 2:] - boxes[:, :2]
        plates = (kinds == _KINDS.index("plate")) & (size > 1).all(axis=1)
        plates &= size.prod(axis=1) >= config.fills * width * height  # smaller ones are seen without a border
        return boxes[plates], scores[plates], kinds[plates]

    def _in_tile(
        self, pixels: NDArray[np.uint8], tile: Tile, side: int, trust: float
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.int64]]:
        """Boxes (n, 4) in pixels of the photo, scores and kinds of what stands in one tile."""
        config = self.config
        picture, scale = letterboxed(pixels, tile, side)
        blob = np.ascontiguousarray(picture.transpose(2, 0, 1)[None], np.float32) / np.float32(255)
        found = self._session.run(None, {"pixels": blob})[0][0]  # (4 + kinds, n): x, y, w, h in pixels, and scores
        kinds = found[4:].argmax(axis=0)
        scores = found[4:].max(axis=0) * np.float32(trust)
        kept = scores >= np.array(config.least, np.float32)[kinds]
        found, kinds, scores = found[:, kept], kinds[kept], scores[kept]
        half = found[2:4] / 2
        boxes = np.concatenate([found[:2] - half, found[:2] + half]).T  # (n, 4): left, top, right, bottom in the tile
        # What an inner edge of the tile cuts through is seen whole in the next one.
        right, bottom = tile.width * scale, tile.height * scale
        height, width = pixels.shape[:2]
        cut = (
            ((boxes[:, 0] < config.edge) & (tile.left > 0))
            | ((boxes[:, 1] < config.edge) & (tile.top > 0))
            | ((boxes[:, 2] > right - config.edge) & (tile.left + tile.width < width))
            | ((boxes[:, 3] > bottom - config.edge) & (tile.top + tile.height < height))
        )
        boxes = boxes / scale + np.array([tile.left, tile.top] * 2, np.float32)
        boxes = boxes.clip(0, np.array([width, height] * 2, np.float32)).astype(np.float32)
        whole = ~cut & (boxes[:, 2:] - boxes[:, :2] > 1).all(axis=1)
        return boxes[whole], scores[whole].astype(np.float32), kinds[whole].astype(np.int64)


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise WeightsError(f"{path} cannot be read ({error.strerror}): name a network that was trained") from error


def _session(content: bytes, threads: int | None) -> Any:
    quiet_libraries(offline=False)  # onnxruntime reports what it runs unless told not to before its import
    # Lazy: onnxruntime takes 0.1 s.
    import onnxruntime  # type: ignore[import-untyped]

    quiet_libraries(offline=False)  # and on Windows unless told after it
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads or 0
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime raises classes of its own for each way in which a file is no model
        raise WeightsError(f"the network of regions is none ({type(error).__name__}): train it again") from error


def _region(box: NDArray[np.float32], score: np.float32, kind: int) -> Region:
    left, top, right, bottom = (float(v) for v in box)
    corners = ((left, top), (right, top), (right, bottom), (left, bottom))
    return Region(_KINDS[kind], corners, min(float(score), 1.0))
