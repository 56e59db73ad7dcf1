"""Reading all text in a photo, at more than one scale, with any engine.

A detector finds lines of some 10 to 80 pixels. Signs in a photo are often smaller and sometimes larger, and looking at
the whole photo much enlarged takes seconds. So a photo is looked at

- as a whole, brought to a fixed number of pixels (small photos are enlarged for that, large ones reduced),
- as a whole at half of that, for lettering that fills it,
- and once more, larger, at the parts where the first look saw small or doubtful lines or a faint likeness of text.

Where there is no text the last look costs nothing. Time and memory are bounded by the budgets of the looks, however
large the photo is. What the looks found is merged where boxes overlap: each text is kept once.
"""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from itertools import pairwise
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from data.errors import ImageError, RequestError
from data.offline import offline_by_environment
from data.opencv import opencv
from detectors.base import Box, Reading, TextReader
from detectors.script import script_of

__all__ = ["Detection", "PhotoReader", "ReadingConfig", "TextEngine", "line_image", "make_reader", "merge", "resized"]


@dataclass(frozen=True, slots=True)
class Detection:
    """Where the lines of text are in a picture.

    Attributes:
        boxes: (n, 4, 2) float32, corners (x, y) in pixels, clockwise from the top left.
        heat: (h, w) float32 in 0..1 over the whole picture at any resolution: how much each place looks like text; or
            None where an engine does not say.
    """

    boxes: NDArray[np.float32]
    heat: NDArray[np.float32] | None


class TextEngine(Protocol):
    """An OCR library at its edge: two stages that :class:`PhotoReader` puts to work."""

    @property
    def name(self) -> str:
        """Short name, shown in ``Reading.engine``."""

    def detect(self, pixels: NDArray[np.uint8]) -> Detection:
        """Boxes of the text lines in ``pixels``, (H, W, 3) uint8 RGB."""

    def recognise(self, lines: Sequence[NDArray[np.uint8]]) -> Sequence[tuple[str, float] | tuple[str, float, str]]:
        """Text and confidence of each line image, (h, w, 3) uint8 RGB.

        Where the script was seen and the text could not be read, the text is empty and the script's ISO 15924 code
        stands third.
        """


@dataclass(frozen=True, slots=True)
class ReadingConfig:
    """How much is looked at, and what is kept. Chosen by ``benchmarks/ocr.py``.

    Attributes:
        first_pixels: The whole photo is brought to about so many pixels for the first look ...
        first_scale: ... but enlarged no more than this.
        overview: Scale of the look at half size, relative to the first look; 0 leaves it out.
        second_pixels: The parts that are looked at again have together no more pixels than this, after enlarging; 0
            leaves the second look out.
        second_scale: How much larger than at the first look they are then shown ...
        max_scale: ... but no larger than this many times the photo's own size.
        heat: A place at least this much like text is looked at again ...
        good_line: ... unless a line at least so high, in pixels at the first look, was found there ...
        good_confidence: ... and read with at least this confidence.
        margin: Around a place that is looked at again, in pixels at the first look.
        min_confidence: Readings below it are dropped.
    """

    first_pixels: int = 1_300_000
    first_scale: float = 2.0
    overview: float = 0.5
    second_pixels: int = 1_500_000
    second_scale: float = 2.0
    max_scale: float = 4.0
    heat: float = 0.2
    good_line: float = 20.0
    good_confidence: float = 0.9
    margin: int = 24
    min_confidence: float = 0.5


@dataclass(frozen=True, slots=True)
class _Region:
    """A rectangle of the photo, in its pixels, and the scale at which it is looked at."""

    left: int
    top: int
    right: int
    bottom: int
    scale: float

    @property
    def cost(self) -> float:
        """Pixels after scaling."""
        return (self.right - self.left) * (self.bottom - self.top) * self.scale**2


class PhotoReader:
    """A :class:`~detectors.base.TextReader`: an engine and the strategy above.

    Args:
        engine: What detects and recognises lines.
        config: Budgets and thresholds.
    """

    def __init__(self, engine: TextEngine, config: ReadingConfig | None = None) -> None:
        self._engine = engine
        self._config = config or ReadingConfig()

    @property
    def engine(self) -> TextEngine:
        """What detects and recognises lines."""
        return self._engine

    @property
    def name(self) -> str:
        """The engine's name."""
        return self._engine.name

    @property
    def min_confidence(self) -> float:
        """Confidence below which a line is dropped."""
        return self._config.min_confidence

    def read(self, pixels: NDArray[np.uint8]) -> list[Reading]:
        """Read all text in ``pixels``, (H, W, 3) uint8 RGB, each line once, in reading order.

        Boxes are in pixels of ``pixels``; ids are r0, r1, ... in that order; the same pixels give the same readings.

        Raises:
            ImageError: There is not enough memory.
        """
        try:
            return self._read(pixels)
        except Exception as error:
            if _is_lack_of_memory(error):
                raise ImageError(
                    f"reading the text of a photo of {pixels.shape[1]} x {pixels.shape[0]} pixels does not fit into "
                    "memory: make it smaller, read fewer photos at once, or read no text (--ocr none)"
                ) from error
            raise

    def _read(self, pixels: NDArray[np.uint8]) -> list[Reading]:
        height, width = pixels.shape[:2]
        config = self._config
        scale = min(config.first_scale, math.sqrt(config.first_pixels / (height * width)))
        whole = _Region(0, 0, width, height, scale)
        detection, first = self._look(pixels, whole, [])
        looks = [first]
        if config.overview:
            looks.append(self._look(pixels, replace(whole, scale=scale * config.overview), first)[1])
        again = _second_look(detection, first, whole, config)
        looks.append([reading for region in again for reading in self._look(pixels, region, first)[1]])
        kept = merge([[r for r in look if r.confidence >= config.min_confidence] for look in looks])
        return [replace(reading, id=f"r{i}") for i, reading in enumerate(_in_reading_order(kept))]

    def _look(
        self, pixels: NDArray[np.uint8], region: _Region, before: Sequence[Reading]
    ) -> tuple[Detection, list[Reading]]:
        """Detect and read in one region; lines that were read well ``before`` are not read again."""
        part = pixels[region.top : region.bottom, region.left : region.right]
        shown = resized(part, region.scale)
        detection = self._engine.detect(shown)
        ratio = np.array([part.shape[1] / shown.shape[1], part.shape[0] / shown.shape[0]], np.float32)
        corners = detection.boxes * ratio + np.array([region.left, region.top], np.float32)  # (n, 4, 2)
        well = [r.box for r in before if r.confidence >= self._config.good_confidence]
        new = ~_covered(corners, np.array(well, np.float32).reshape(-1, 4, 2))
        corners, boxes = corners[new], detection.boxes[new]
        # A line is cut out of the photo itself, or of its reduction, which has been smoothed, where it was reduced.
        source, boxes = (part, boxes * ratio) if region.scale > 1.0 else (shown, boxes)
        read = self._engine.recognise([line_image(source, box) for box in boxes])
        return detection, [
            Reading("", text.strip(), _box(quad), confidence, _script(text, *script), self.name, round(region.scale, 3))
            for quad, (text, confidence, *script) in zip(corners, read, strict=True)
        ]


def _script(text: str, seen: str = "") -> str:
    """Script of ``text``, or the one that was seen where there is no text."""
    return script_of(text) if text.strip() or not seen else seen


def _is_lack_of_memory(error: Exception) -> bool:
    """OpenCV and ONNX Runtime have errors of their own for it."""
    said = str(error)
    return (
        isinstance(error, MemoryError)
        or getattr(error, "code", None) == -4  # cv2.Error.StsNoMem
        or any(words in said for words in ("Failed to allocate memory", "bad_alloc", "bad allocation", "out of memory"))
    )


def resized(pixels: NDArray[np.uint8], scale: float) -> NDArray[np.uint8]:
    """``pixels`` enlarged or reduced; at least one pixel a side."""
    cv2 = opencv()
    size = max(round(pixels.shape[1] * scale), 1), max(round(pixels.shape[0] * scale), 1)
    if size == (pixels.shape[1], pixels.shape[0]):
        return pixels
    shown: NDArray[np.uint8] = cv2.resize(
        pixels, size, interpolation=cv2.INTER_CUBIC if scale > 1.0 else cv2.INTER_AREA
    )
    return shown


def line_image(pixels: NDArray[np.uint8], box: NDArray[np.float32]) -> NDArray[np.uint8]:
    """The line in ``box``, (4, 2), set upright; text that runs upwards or downwards is laid down to the left."""
    cv2 = opencv()
    sides = np.linalg.norm(np.roll(box, -1, axis=0) - box, axis=1)  # top, right, bottom, left
    width, height = max(int(max(sides[0], sides[2])), 1), max(int(max(sides[1], sides[3])), 1)
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    matrix = cv2.getPerspectiveTransform(np.ascontiguousarray(box, np.float32), corners)
    line: NDArray[np.uint8] = cv2.warpPerspective(
        pixels, matrix, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
    )
    return np.rot90(line) if height >= 1.5 * width else line


def _covered(quads: NDArray[np.float32], by: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Which of ``quads``, (n, 4, 2), lie almost wholly in one of ``by``, (m, 4, 2), by their upright bounds: (n,)."""
    low = np.maximum(quads.min(axis=1)[:, None], by.min(axis=1)[None])  # (n, m, 2)
    high = np.minimum(quads.max(axis=1)[:, None], by.max(axis=1)[None])
    shared = np.clip(high - low, 0.0, None).prod(axis=2)
    covered: NDArray[np.bool_] = (shared > 0.8 * np.ptp(quads, axis=1).prod(axis=1)[:, None]).any(axis=1)
    return covered


def _box(quad: NDArray[np.float32]) -> Box:
    (x0, y0), (x1, y1), (x2, y2), (x3, y3) = np.round(quad.astype(np.float64), 1).tolist()
    return (x0, y0), (x1, y1), (x2, y2), (x3, y3)


def _second_look(
    detection: Detection, first: Sequence[Reading], whole: _Region, config: ReadingConfig
) -> list[_Region]:
    """The parts of the photo that are looked at again, likeliest first, within the budget."""
    cv2 = opencv()
    scale = min(whole.scale * config.second_scale, config.max_scale)
    if config.second_pixels <= 0 or scale <= whole.scale:
        return []
    # One grid point for each 4 x 4 pixels of the first look is fine enough to say where to look.
    height, width = (max(round(side * whole.scale / 4), 1) for side in (whole.bottom, whole.right))
    to_grid = np.array([width / whole.right, height / whole.bottom])
    heat = np.zeros((height, width), np.float32)
    if detection.heat is not None:
        heat = cv2.resize(detection.heat, (width, height), interpolation=cv2.INTER_AREA)
    for reading in first:
        good = reading.height * whole.scale >= config.good_line and reading.confidence >= config.good_confidence
        quad = np.rint(np.array(reading.box) * to_grid).astype(np.int32)
        # A line that was read well needs no second look; any other does, whatever the map says there.
        cv2.fillConvexPoly(heat, quad, 0.0 if good else 1.0)
    margin = max(config.margin // 4, 1)
    near = cv2.dilate((heat >= config.heat).astype(np.uint8), np.ones((2 * margin + 1, 2 * margin + 1), np.uint8))
    count, _, stats, _ = cv2.connectedComponentsWithStats(near, connectivity=8)
    rectangles = _disjoint([(int(x), int(y), int(x + w), int(y + h)) for x, y, w, h, _ in stats[1:count]])
    # A poster full of small print is one large rectangle: in tiles a part of it fits into the budget.
    side = max(int(math.sqrt(config.second_pixels / 3) / scale * whole.scale / 4), 8)
    regions: list[tuple[float, _Region]] = []
    for left, top, right, bottom in (tile for r in rectangles for tile in _tiles(r, side, margin)):
        inside = heat[top:bottom, left:right]
        region = _Region(
            int(left / to_grid[0]),
            int(top / to_grid[1]),
            min(math.ceil(right / to_grid[0]), whole.right),
            min(math.ceil(bottom / to_grid[1]), whole.bottom),
            scale,
        )
        # By how much there is to be found for what it costs.
        regions.append((float(inside[inside >= config.heat].sum()) / region.cost, region))
    chosen: list[_Region] = []
    budget = float(config.second_pixels)
    for _, region in sorted(regions, key=lambda item: (-item[0], item[1].top, item[1].left)):
        if region.cost <= budget:
            chosen.append(region)
            budget -= region.cost
    return chosen


def _disjoint(rectangles: list[tuple[int, int, int, int]]) -> list[tuple[int, int, int, int]]:
    """Rectangles (left, top, right, bottom) with those that overlap joined into one around them."""
    joined: list[tuple[int, int, int, int]] = []
    waiting = rectangles[::-1]
    while waiting:
        a = waiting.pop()
        other = next((b for b in joined if a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]), None)
        if other is None:
            joined.append(a)
        else:
            joined.remove(other)
            waiting.append((min(a[0], other[0]), min(a[1], other[1]), max(a[2], other[2]), max(a[3], other[3])))
    return joined


def _tiles(rectangle: tuple[int, int, int, int], side: int, overlap: int) -> list[tuple[int, int, int, int]]:
    """``rectangle`` in equal parts of ``side`` x ``side`` or less, with some overlap; itself where it is small."""
    left, top, right, bottom = rectangle
    if (right - left) * (bottom - top) <= side * side:
        return [rectangle]
    columns, rows = -(-(right - left) // side), -(-(bottom - top) // side)
    xs = np.linspace(left, right, columns + 1).astype(int).tolist()
    ys = np.linspace(top, bottom, rows + 1).astype(int).tolist()
    return [
        (max(a - overlap, left), max(b - overlap, top), min(c + overlap, right), min(d + overlap, bottom))
        for b, d in pairwise(ys)
        for a, c in pairwise(xs)
    ]


def merge(looks: Sequence[Sequence[Reading]]) -> list[Reading]:
    """Each text once, out of several looks at the same photo.

    Readings whose boxes overlap are versions of the same text. One look may have split a line that another took as one,
    so among readings that overlap it is whole looks that compete: the one that read most letters most surely wins.

    Args:
        looks: For each look its readings, boxes in the same coordinates.
    """
    found = [(look, reading) for look, readings in enumerate(looks) for reading in readings if _weight(reading) > 0.0]
    groups = list(range(len(found)))
    for i, j in _overlapping([reading for _, reading in found]):
        old, new = groups[j], groups[i]
        groups = [new if g == old else g for g in groups]
    kept: list[Reading] = []
    for group in sorted(set(groups)):
        members = [found[i] for i, g in enumerate(groups) if g == group]
        weight = {look: sum(_weight(r) for k, r in members if k == look) for look, _ in members}
        best = max(weight, key=lambda look: weight[look])
        kept += _without_duplicates([r for look, r in members if look == best])
    return kept


def _weight(reading: Reading) -> float:
    """Letters and digits, each as much as it is surer than chance.

    A line whose script was seen and that nobody reads counts as if it had a letter for each of its heights.
    """
    letters = float(sum(c.isalnum() for c in reading.text))
    if not reading.text and reading.script != "Zyyy":
        (x0, y0), (x1, y1), *_ = reading.box
        letters = math.hypot(x1 - x0, y1 - y0) / max(reading.height, 1.0)
    return max(reading.confidence - 0.4, 0.0) * letters


def _without_duplicates(readings: list[Reading]) -> list[Reading]:
    """Of readings of one look that overlap each other only the best: a detector may box a line twice."""
    kept: list[Reading] = []
    for reading in sorted(readings, key=lambda r: (-_weight(r), r.box)):
        if not _overlapping([reading, *kept], against_first=True):
            kept.append(reading)
    return [r for r in readings if any(r is k for k in kept)]


def _overlapping(readings: Sequence[Reading], *, against_first: bool = False) -> list[tuple[int, int]]:
    """Pairs (i < j) of readings that cover the same text: more than half of the smaller, or less and the same words."""
    if len(readings) < 2:
        return []
    cv2 = opencv()
    quads = np.array([r.box for r in readings], np.float32)  # (n, 4, 2)
    low, high = quads.min(axis=1), quads.max(axis=1)
    near = ((low[:, None] < high[None]) & (low[None] < high[:, None])).all(axis=2)  # (n, n)
    pairs = np.argwhere(np.triu(near, 1))
    overlapping: list[tuple[int, int]] = []
    for i, j in pairs[pairs[:, 0] == 0] if against_first else pairs:
        smaller = min(cv2.contourArea(quads[i]), cv2.contourArea(quads[j]))
        shared = cv2.intersectConvexConvex(quads[i], quads[j])[0] / max(smaller, 1e-6)
        if shared > 0.5 or (shared > 0.2 and _alike(readings[i].text, readings[j].text)):
            overlapping.append((int(i), int(j)))
    return overlapping


def _alike(a: str, b: str) -> bool:
    return SequenceMatcher(None, a.casefold(), b.casefold(), autojunk=False).ratio() > 0.8


def _in_reading_order(readings: Sequence[Reading]) -> list[Reading]:
    """Top to bottom, and left to right among lines that stand beside each other."""
    rows: list[tuple[float, list[Reading]]] = []
    for reading in sorted(readings, key=lambda r: (_centre(r)[1], _centre(r)[0], r.text)):
        y = _centre(reading)[1]
        if rows and y - rows[-1][0] < 0.5 * min(reading.height, rows[-1][1][-1].height):
            rows[-1][1].append(reading)
        else:
            rows.append((y, [reading]))
    return [r for _, row in rows for r in sorted(row, key=lambda r: (_centre(r)[0], r.text))]


def _centre(reading: Reading) -> tuple[float, float]:
    return sum(x for x, _ in reading.box) / 4, sum(y for _, y in reading.box) / 4


def make_reader(spec: str, *, offline: bool, photos_at_once: int = 1) -> TextReader:
    """The reader that ``--ocr`` names; it may be used by several threads at once.

    Args:
        spec: ``"rapidocr"``, ``"none"``, or ``"easyocr:es,en"`` with EasyOCR's language codes.
        offline: Open no connection; also where ``WHENCE_OFFLINE=1``. Only EasyOCR would, for its models.
        photos_at_once: How many threads will use it at once: the cores are shared among so many photos.

    Raises:
        RequestError: No such engine or language.
        WeightsError: The engine's models are not there and cannot be had.
        OfflineError: A model is missing or damaged, and the network is forbidden.

    >>> make_reader("none", offline=True).read(np.zeros((32, 32, 3), np.uint8))
    []
    """
    offline = offline or offline_by_environment()
    engine, _, languages = spec.strip().partition(":")
    if engine == "none" and not languages:
        return _Blind()
    if engine == "rapidocr" and not languages:
        from detectors.rapid import RapidEngine  # they import this module

        # One thread for each of two photos does more than two threads for each photo in turn.
        threads = None if photos_at_once == 1 else max((os.cpu_count() or 1) // photos_at_once, 1)
        return PhotoReader(RapidEngine(threads=threads))
    if engine == "easyocr" and languages:
        from detectors.easy import EasyEngine

        return PhotoReader(EasyEngine([code.strip() for code in languages.split(",")], offline=offline))
    raise RequestError(f"no OCR engine {spec!r}: choose rapidocr, easyocr:LANGUAGES (such as easyocr:es,en) or none")


class _Blind:
    """Reads nothing: for photos whose text must not be read."""

    name = "none"

    def read(self, pixels: NDArray[np.uint8]) -> list[Reading]:
        """No readings."""
        return []
