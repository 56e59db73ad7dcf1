"""What is left of a photo's text when a part of the photo is covered, without reading the whole photo again.

Reading a photo takes about a second, most of it for finding the lines. Covering a place finds no new line elsewhere, so
the lines that were found are kept where they are:

- A line that the covered window does not touch is read as before: it keeps its reading. So does one from which no clue
  was read: covering a part of it takes nothing away.
- A line that it touches is cut out of the covered photo at the scale at which it was read, and recognised again: what
  can still be read of it is left. A line that lies in the window almost wholly is gone.
- A plate that it touches is read again in its box; covered by half it is no plate any more.

``benchmarks/explain.py`` holds this against looking at the whole covered photo again. A text reader that is not made of
such stages reads the whole covered photo again.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from detectors.base import Box, Reading
from detectors.looking import Looked, Looker, share_inside
from detectors.ocr import PhotoReader, line_image, resized
from detectors.plates import PlateReading
from detectors.script import script_of

__all__ = ["Cover", "Rereader", "Rest"]

Part = tuple[float, float, float, float]
"""Left, top, right and bottom in pixels of the photo."""

Rest = tuple[list[Reading], list[PlateReading]]
"""Lines that are left, those of plates not among them, and plates."""

_GONE: Final = 0.9  # a line is gone where so much of its box is covered
_PLATE_GONE: Final = 0.5
_IN_SIGN: Final = 0.6  # of a line's box that lies in a sign from which it is the sign's


class Cover(Protocol):
    """What covers a part of a picture."""

    def __call__(self, pixels: NDArray[np.uint8], window: tuple[int, int, int, int]) -> NDArray[np.uint8]:
        """A copy of ``pixels``, (H, W, 3) uint8, with ``window`` (left, top, right, bottom) covered."""


class Rereader:
    """Reads one photo again where it is covered.

    Args:
        looker: What looked at the photo.
        pixels: (H, W, 3) uint8 RGB.
        looked: What it saw.
        cover: What covers a part of the photo.
        telling: Ids of the lines and plates from which clues were read.
        whole: Always read the whole photo again: slow, to check the other way.
    """

    def __init__(
        self,
        looker: Looker,
        pixels: NDArray[np.uint8],
        looked: Looked,
        cover: Cover,
        *,
        telling: Collection[str],
        whole: bool = False,
    ) -> None:
        self._looker, self._pixels, self._looked, self._cover = looker, pixels, looked, cover
        reader = looker.reader
        self._reader = reader if isinstance(reader, PhotoReader) else None
        self._whole = whole
        self._lines = [reading for reading in looked.readings if reading.region != "plate"]
        self._telling = frozenset(telling)
        self._sources: dict[float, NDArray[np.uint8]] = {}

    @property
    def lines(self) -> list[Reading]:
        """The lines that tell something; unmasked."""
        return [line for line in self._lines if line.id in self._telling]

    @property
    def plates(self) -> list[PlateReading]:
        """The plates that tell something; unmasked."""
        return [plate for plate in self._looked.plates if plate.id in self._telling]

    @property
    def boxes(self) -> dict[str, Box]:
        """Ids of both to their boxes."""
        return {line.id: line.box for line in self.lines} | {plate.id: plate.box for plate in self.plates}

    def touches(self, window: Part) -> bool:
        """Whether ``window`` holds a part of a line or plate that tells something."""
        return any(share_inside(box, window) > 0.0 for box in self.boxes.values())

    def gone(self, ids: Collection[str]) -> Rest:
        """What is left without the lines and plates of ``ids``."""
        return (
            [line for line in self._lines if line.id not in ids],
            [plate for plate in self._looked.plates if plate.id not in ids],
        )

    def without(self, window: Part) -> Rest:
        """What is read where ``window`` is covered; the lines keep their ids."""
        if self._whole:
            looked = self._looker.look(self._cover(self._pixels, _whole_pixels(window, 1.0)))
            return [line for line in looked.readings if line.region != "plate"], looked.plates
        if self._reader is None:
            return self._lines_in(window), self._plates_without(window)
        return self._lines_without(self._reader, window), self._plates_without(window)

    def _lines_in(self, window: Part) -> list[Reading]:
        """The lines of the whole covered photo, for a reader that has no stages."""
        regions = self._looked.regions
        signs = [region.bounds for region in regions if region.kind == "sign"]
        read = self._looker.reader.read(self._cover(self._pixels, _whole_pixels(window, 1.0)))
        return [
            replace(line, region="sign") if any(share_inside(line.box, sign) >= _IN_SIGN for sign in signs) else line
            for line in read
            if not self._looker.on_plate(line, regions)
        ]

    def _lines_without(self, reader: PhotoReader, window: Part) -> list[Reading]:
        shares = [share_inside(line.box, window) if line.id in self._telling else 0.0 for line in self._lines]
        again = [line for line, share in zip(self._lines, shares, strict=True) if 0.0 < share < _GONE]
        covered = {
            scale: self._cover(self._source(scale), _whole_pixels(window, min(scale, 1.0)))
            for scale in {line.scale for line in again}
        }
        cuts = [line_image(covered[line.scale], _corners(line.box, min(line.scale, 1.0))) for line in again]
        read = {}
        for line, (text, confidence, *script) in zip(again, reader.engine.recognise(cuts) if cuts else (), strict=True):
            seen = script_of(text) if text.strip() or not script else script[0]
            if confidence >= reader.min_confidence and (text.strip() or script):
                read[line.id] = replace(line, text=text.strip(), confidence=confidence, script=seen)
        return [
            line if share == 0.0 else read[line.id]
            for line, share in zip(self._lines, shares, strict=True)
            if share == 0.0 or line.id in read
        ]

    def _plates_without(self, window: Part) -> list[PlateReading]:
        shares = [share_inside(plate.box, window) for plate in self._looked.plates]
        kept = []
        for plate, share in zip(self._looked.plates, shares, strict=True):
            if share == 0.0:
                kept.append(plate)
            elif share < _PLATE_GONE and self._looker.plates is not None:
                shown = self._cover(self._pixels, _whole_pixels(window, 1.0))
                kept += [replace(p, id=plate.id) for p in self._looker.plates.read(shown, [plate.box], [plate.sure])]
        return kept

    def _source(self, scale: float) -> NDArray[np.uint8]:
        """The picture that lines of ``scale`` were cut out of: the photo, reduced where they were read reduced."""
        if scale not in self._sources:
            self._sources[scale] = self._pixels if scale >= 1.0 else resized(self._pixels, scale)
        return self._sources[scale]


def _whole_pixels(window: Part, scale: float) -> tuple[int, int, int, int]:
    left, top, right, bottom = (round(value * scale) for value in window)
    return left, top, right, bottom


def _corners(box: Box, scale: float) -> NDArray[np.float32]:
    return np.array(box, np.float32) * np.float32(scale)
