"""The lines of text on a plate, and which of them may be its serial."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from detectors.ocr import TextEngine, line_image, resized
from detectors.plate_text import fold

__all__ = ["Hypothesis", "Line", "hypotheses", "lines_in"]

_SMALL = 0.45  # lines lower than this part of the highest are words, not the serial
_MOST_LINES = 12


@dataclass(frozen=True)
class Line:
    """One line of text in a plate's crop.

    Attributes:
        quad: (4, 2) corners in the crop, clockwise from the text's top left.
        image: (h, w, 3) uint8 RGB, set upright.
        text: As read.
        confidence: 0 to 1.
    """

    quad: NDArray[np.float32]
    image: NDArray[np.uint8]
    text: str
    confidence: float

    @property
    def height(self) -> float:
        """Mean length of its short sides."""
        return float(np.linalg.norm(self.quad[3] - self.quad[0]) + np.linalg.norm(self.quad[2] - self.quad[1])) / 2

    @property
    def angle(self) -> float:
        """Radians by which it falls to the right."""
        along = (self.quad[1] - self.quad[0]) + (self.quad[2] - self.quad[3])
        return math.atan2(float(along[1]), float(along[0]))


@dataclass(frozen=True)
class Hypothesis:
    """What a plate's serial may be.

    Attributes:
        text: Pieces of a row joined by spaces, two rows by a newline.
        confidence: Of its pieces, by their letters.
        size: Height of its letters, of the largest on the plate.
        angle: Radians by which it falls to the right.
        left, top, right, bottom: Its bounds in the crop, in pixels.
        image: Its largest piece, (h, w, 3) uint8 RGB.
        words: The other lines.
    """

    text: str
    confidence: float
    size: float
    angle: float
    left: float
    top: float
    right: float
    bottom: float
    image: NDArray[np.uint8]
    words: tuple[str, ...]


def lines_in(crop: NDArray[np.uint8], scale: float, engine: TextEngine) -> list[Line]:
    """Lines of text in a plate's crop, (h, w, 3) uint8 RGB, looked at ``scale`` times as large."""
    shown = resized(crop, scale)
    quads = engine.detect(shown).boxes[:_MOST_LINES]
    images = [line_image(shown, quad) for quad in quads]
    if not images:  # small and blurred: the detector may miss what the recogniser can still read
        height, width = shown.shape[:2]
        quads = np.array([[[0.08 * width, y0], [0.92 * width, y0], [0.92 * width, y1], [0.08 * width, y1]]
                          for y0, y1 in ((0.2 * height, 0.8 * height),)], np.float32)  # fmt: skip
        images = [line_image(shown, quad) for quad in quads]
    read = engine.recognise(images)
    ratio = np.array([crop.shape[1] / shown.shape[1], crop.shape[0] / shown.shape[0]], np.float32)
    return [
        Line(quad * ratio, image, text.strip(), confidence)
        for quad, image, (text, confidence, *_) in zip(quads, images, read, strict=True)
        if fold(text)
    ]


def hypotheses(lines: Sequence[Line]) -> list[Hypothesis]:
    """Rows of ``lines``, and pairs of neighbouring rows, that may be the serial."""
    if not lines:
        return []
    highest = max(line.height for line in lines)
    rows = _rows([line for line in lines if line.height >= _SMALL * highest])
    groups = [[row] for row in rows]
    groups += [[a, b] for a, b in pairwise(rows) if 0.4 < _high(a) / _high(b) < 2.5 and _beneath(a, b)]
    return [_hypothesis(group, lines, highest) for group in groups]


def _rows(lines: Sequence[Line]) -> list[list[Line]]:
    """Lines beside each other joined into rows, from top to bottom; measured along the largest line's direction."""
    if not lines:
        return []
    angle = max(lines, key=lambda line: line.height * len(line.text)).angle

    def place(line: Line) -> tuple[float, float]:
        x, y = (float(v) for v in line.quad.mean(axis=0))
        return x * math.cos(angle) + y * math.sin(angle), y * math.cos(angle) - x * math.sin(angle)

    rows: list[list[Line]] = []
    for line in sorted(lines, key=lambda line: place(line)[1]):
        near = rows and abs(place(line)[1] - place(rows[-1][-1])[1]) < 0.5 * min(line.height, rows[-1][-1].height)
        if near:
            rows[-1].append(line)
        else:
            rows.append([line])
    return [sorted(row, key=lambda line: place(line)[0]) for row in rows]


def _high(row: Sequence[Line]) -> float:
    return max(line.height for line in row)


def _beneath(a: Sequence[Line], b: Sequence[Line]) -> bool:
    """Whether row ``b`` stands right under row ``a``."""
    above = float(np.mean([line.quad[:, 1].mean() for line in a]))
    below = float(np.mean([line.quad[:, 1].mean() for line in b]))
    return 0.0 < below - above < 1.3 * (_high(a) + _high(b))


def _hypothesis(group: Sequence[Sequence[Line]], lines: Sequence[Line], highest: float) -> Hypothesis:
    used = [line for row in group for line in row]
    quads = np.concatenate([line.quad for line in used])
    letters = [len(fold(line.text)) for line in used]
    largest = max(used, key=lambda line: line.height * len(line.text))
    return Hypothesis(
        text="\n".join(" ".join(line.text for line in row) for row in group),
        confidence=sum(n * line.confidence for n, line in zip(letters, used, strict=True)) / sum(letters),
        size=max(min(line.height for line in used) / highest, 0.05),
        angle=largest.angle,
        left=float(quads[:, 0].min()),
        top=float(quads[:, 1].min()),
        right=float(quads[:, 0].max()),
        bottom=float(quads[:, 1].max()),
        image=largest.image,
        words=tuple(line.text for line in lines if not any(line is u for u in used)),
    )
