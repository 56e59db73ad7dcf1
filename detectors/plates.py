"""Reading licence plates off the pixels, and what a plate says about the country.

Given the box of a plate, the part of the photo is cut out with a margin and enlarged; the text engine finds its
lines, which are set upright by their own corners, and reads them. A plate's serial is the line (or the pair of lines,
one above the other) that is largest and reads most like a plate; the smaller ones are its words. Then
``detectors.plate_match`` says which formats it may be and repairs it, ``detectors.plate_evidence`` what that says
about places.

Nothing here puts a plate's text into a clue: a clue names the format ("GB: AA00 AAA") and the region that its code
tells, and shows a mask.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from data.gazetteer import load_default, the_country
from data.opencv import opencv
from detectors.base import Box, Clue, Reading
from detectors.ocr import TextEngine
from detectors.plate_evidence import best_places, evidence_of_plate, log_lr_of_text, own_format, told_region
from detectors.plate_formats import plate_formats
from detectors.plate_lines import Hypothesis, hypotheses, lines_in
from detectors.plate_looks import Looks, fits, looks_of
from detectors.plate_match import MOST_LETTERS, Candidate, Match, candidates, match
from detectors.plate_text import fold
from detectors.plate_words import RATIO, places_of
from detectors.privacy import hidden
from detectors.rates import tells

__all__ = ["PlateReader", "PlateReading", "clues_of_plates", "plate_reading"]

_WIDTHS: Final = (256, 400)  # a plate is brought to so many pixels of width for the first look, and for the second
_MARGIN: Final = 0.12  # around the box, of its width
_MOST_PLATES: Final = 40  # of more, the largest are read: a car park's other two hundred say the same
_MOST_CLUES: Final = 8
_MOST_SCALE: Final = 8.0  # a plate is enlarged no more: a strip at the photo's edge would become a large picture
_LEAST_READ: Final = 3  # characters of a plate that is worth a line in the ledger
_NEXT: Final = 0.8  # each further plate of a photo weighs so much of the one before
_GOOD: Final = 0.9  # confidence of a look that needs no second one


@dataclass(frozen=True)
class PlateReading:
    """One plate that was read.

    Attributes:
        id: ``"p0"``, ``"p1"``, ...
        text: The serial as read, with its separators; a newline between two lines. It stays in the process.
        box: Four corners of the plate in pixels of the photo.
        confidence: The engine's own, 0 to 1; 0 where nothing was read.
        looks: Colours, band and shape.
        words: What stands on it beside the serial.
        candidates: What it may be, likeliest first; empty where nothing was read.
        sure: How likely the detector held it to be a plate.
        found: How well it fits the formats; None where nothing was read.
    """

    id: str
    text: str
    box: Box
    confidence: float
    looks: Looks
    words: tuple[str, ...] = ()
    candidates: tuple[Candidate, ...] = ()
    sure: float = 0.9
    found: Match | None = field(default=None, repr=False, compare=False)

    @property
    def best(self) -> str:
        """The serial as repaired, without separators; "" where nothing was read."""
        return self.candidates[0].text if self.candidates else ""

    @property
    def format_name(self) -> str:
        """``"GB: AA00 AAA"`` of the likeliest format, or "" where none fits."""
        row = self.candidates[0].format if self.candidates else None
        return row.name if row else ""

    def as_reading(self) -> Reading:
        """As a line of text that is marked as a plate's, so that no other reader uses it."""
        return Reading(self.id, self.text, self.box, self.confidence, engine="plate", region="plate")


def plate_reading(
    name: str, text: str, box: Box, confidence: float, looks: Looks, *, sure: float = 0.9
) -> PlateReading:
    """A plate whose text is known, without a picture: what it may be, and how well it fits the formats.

    Args:
        name: Its id.
        text: The serial as read.
        box: Four corners in pixels.
        confidence: 0 to 1.
        looks: What was seen of it.
        sure: How likely it is a plate.
    """
    look = fits(looks)
    found = match(text, error=_error(confidence), looks=look)
    told = candidates(text, found, float(look.mean()), _error(confidence))
    return PlateReading(name, text, box, confidence, looks, (), told, sure, found)


def clues_of_plates(plates: Sequence[PlateReading], *, reveal: bool = False) -> list[Clue]:
    """What ``plates`` say about places: the strongest first, each plate once, later ones with less weight.

    Their text is masked, unless ``reveal`` asks for it.
    """
    once = {plate.best or plate.id: plate for plate in sorted(plates, key=lambda p: p.confidence)}
    found = [clue for plate in once.values() for clue in [_clue(plate, 1.0)] if clue is not None]
    order = {clue.evidence.sources[0]: -max(clue.evidence.countries.values(), default=0.0) for clue in found}
    ranked = sorted((p for p in once.values() if p.id in order), key=lambda p: (order[p.id], p.id))
    weighed = [(plate, _clue(plate, _NEXT**k)) for k, plate in enumerate(ranked[:_MOST_CLUES])]
    told = [(plate, clue) for plate, clue in weighed if clue is not None]
    return [replace(clue, text=" ".join(plate.text.split())) if reveal else clue for plate, clue in told]


class PlateReader:
    """Reads plates and says where they point.

    Args:
        engine: Finds and reads lines of text.
    """

    kind = "plate"

    def __init__(self, engine: TextEngine) -> None:
        self._engine = engine

    def read(
        self, pixels: NDArray[np.uint8], boxes: Sequence[Box], sure: Sequence[float] | None = None
    ) -> list[PlateReading]:
        """The plates in ``boxes``, the largest 40 of them, in their order.

        Args:
            pixels: (H, W, 3) uint8 RGB.
            boxes: Four corners of each plate, pixels of the photo.
            sure: How likely each box is a plate, 0 to 1; 0.9 if None.

        Raises:
            ValueError: Not as many ``sure`` as ``boxes``.
        """
        chances = [0.9] * len(boxes) if sure is None else list(sure)
        if len(chances) != len(boxes):
            raise ValueError(f"{len(boxes)} boxes and {len(chances)} chances")
        by_size = sorted(range(len(boxes)), key=lambda i: -_width(boxes[i]))[:_MOST_PLATES]
        return [self._read_one(pixels, boxes[i], chances[i], f"p{i}") for i in sorted(by_size)]

    def _read_one(self, pixels: NDArray[np.uint8], box: Box, sure: float, name: str) -> PlateReading:
        sure = min(max(sure, 0.01), 0.99)
        crop, left, top = _cut(pixels, box)
        unread = PlateReading(name, "", box, 0.0, Looks(), sure=sure)
        if min(crop.shape[:2]) < 4:
            return unread
        best: tuple[float, Hypothesis, Looks, NDArray[np.float64], Match] | None = None
        for width in _WIDTHS:
            scale = min(width / max(_width(box), 1.0), _MOST_SCALE)
            for hypothesis in hypotheses(lines_in(crop, scale, self._engine)):
                if not 0 < len(fold(hypothesis.text)) <= MOST_LETTERS:
                    continue
                looks = looks_of(hypothesis.image, _left_of(crop, hypothesis, box, left, top), _aspect(box, hypothesis))
                look = fits(looks)
                words = places_of(hypothesis.words)
                weighed = look * _words_of(words)
                found = match(hypothesis.text, error=_error(hypothesis.confidence), looks=weighed)
                score = log_lr_of_text(found, hypothesis.text, float(look.mean()))
                score += 2.0 * math.log(max(hypothesis.confidence, 0.05)) + 2.0 * math.log(hypothesis.size)
                if best is None or score > best[0]:
                    best = score, hypothesis, looks, look, found
            if best is not None and best[0] > 0.0 and best[1].confidence >= _GOOD:
                break
        if best is None:
            return unread
        _, hypothesis, looks, look, found = best
        return PlateReading(
            name, hypothesis.text, box, hypothesis.confidence, looks, hypothesis.words,
            candidates(hypothesis.text, found, float(look.mean()), _error(hypothesis.confidence)), sure, found,
        )  # fmt: skip

    def clues(self, plates: Sequence[PlateReading], *, reveal: bool = False) -> list[Clue]:
        """What ``plates`` say about places, see :func:`clues_of_plates`."""
        return clues_of_plates(plates, reveal=reveal)


def _clue(plate: PlateReading, weight: float) -> Clue | None:
    if plate.found is None or not plate.candidates:
        return None
    look = float(fits(plate.looks).mean())
    evidence = evidence_of_plate(
        plate.text, plate.found, source=plate.id, sure=plate.sure, look=look, words=places_of(plate.words),
        weight=weight,
    )  # fmt: skip
    if not tells(evidence):
        return None
    named = tuple(best_places(evidence))
    if not named or len(fold(plate.text)) < _LEAST_READ:
        return None
    likely = (c.format for c in plate.candidates if c.format and c.format.country == named[0])
    row = next(likely, None) or own_format(plate.found, plate.text, named[0], look)
    shape = row.name if row else plate.format_name
    region = told_region(evidence, named[0])
    told = f"a licence plate of {' or '.join(map(the_country, named))}"
    if shape:
        told += f", in the format {shape}" if row else f", in the format {shape} or in none that is known"
    if region and (name := load_default().admin1_name(region)):
        told += f", registered in {name}"
    return Clue(
        kind=PlateReader.kind,
        text=" ".join(hidden(plate.text).split()),
        meaning=told,
        evidence=evidence,
        box=plate.box,
        points_to=named,
    )


def _words_of(places: frozenset[str]) -> NDArray[np.float64]:
    """How much likelier each format is where words on the plate name ``places``: (rows,)."""
    rows = plate_formats()
    if not places:
        return np.ones(len(rows))
    named = [row.country in places or (bool(row.region) and row.region in places) for row in rows]
    return np.where(named, RATIO, 1.0)


def _error(confidence: float) -> float:
    """How often a character is misread at this confidence of the whole line."""
    return min(max(0.01 + 0.4 * (1.0 - confidence), 0.01), 0.3)


def _width(box: Box) -> float:
    (x0, y0), (x1, y1), (x2, y2), (x3, y3) = box
    return max(math.hypot(x1 - x0, y1 - y0), math.hypot(x2 - x3, y2 - y3))


def _height(box: Box) -> float:
    (x0, y0), (x1, y1), (x2, y2), (x3, y3) = box
    return max(math.hypot(x3 - x0, y3 - y0), math.hypot(x2 - x1, y2 - y1))


def _aspect(box: Box, hypothesis: Hypothesis) -> float | None:
    """Width / height of the plate: an upright box around a plate at an angle is higher than the plate."""
    width, height = _width(box), _height(box)
    level = (box[0][1] - box[1][1]) ** 2 < 1.0
    if level:
        angle = abs(hypothesis.angle)
        if angle > 0.6:
            return None
        height -= width * math.tan(angle)
    return width / height if height > 0.1 * width else None


def _cut(pixels: NDArray[np.uint8], box: Box) -> tuple[NDArray[np.uint8], int, int]:
    """The part of the photo around ``box`` and its corner."""
    xs, ys = [x for x, _ in box], [y for _, y in box]
    margin = _MARGIN * max(max(xs) - min(xs), 1.0)
    height, width = pixels.shape[:2]
    left, right = (int(min(max(x, 0), width)) for x in (min(xs) - margin, max(xs) + margin + 1))
    top, bottom = (int(min(max(y, 0), height)) for y in (min(ys) - 0.6 * margin, max(ys) + 0.6 * margin + 1))
    return pixels[top:bottom, left:right], left, top


def _left_of(crop: NDArray[np.uint8], hypothesis: Hypothesis, box: Box, left: int, top: int) -> NDArray[np.uint8]:
    """The strip of the plate at the left of its text, where a band would be."""
    cv2 = opencv()
    start = min(x for x, _ in box) - left
    height = hypothesis.bottom - hypothesis.top
    low, high = int(max(start, 0)), int(max(hypothesis.left, 0))
    y0, y1 = int(max(hypothesis.top, 0)), int(hypothesis.bottom)
    strip = crop[y0:y1, low:high]
    if high - low < 0.12 * height or strip.size < 3 * 24:
        # The text's box reaches over the band: its left end may be the band itself.
        strip = crop[y0:y1, low : low + max(int(0.35 * height), 1)]
    if not strip.size:
        return strip
    resized: NDArray[np.uint8] = cv2.resize(strip, (12, 24), interpolation=cv2.INTER_AREA)
    return resized
