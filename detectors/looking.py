"""What a photo shows, region by region: its text, which of it stands on plates and on signs, and the plates.

The whole photo is read first. Then its regions are found (``detectors.regions``):

- What may be a plate is cut out and read by itself (``detectors.plates``). Where it reads like one, the lines in it are
  left out: its reading is marked, masked wholly, and tells nothing but what the plate tells. House numbers and small
  signs look like plates too; what does not read like one stays a line of text.
- A line on a storefront's sign is marked as a candidate for the shop's name.
- A sign on which nothing was read is cut out and read again, enlarged.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from detectors.base import Box, Reading, TextReader, bounds
from detectors.plates import PlateReader, PlateReading
from detectors.regions import Region

__all__ = ["LookConfig", "Looked", "Looker", "RegionFinder", "share_inside"]


class RegionFinder(Protocol):
    """Pixels to regions."""

    def find(self, pixels: NDArray[np.uint8]) -> list[Region]:
        """Signs and plates in ``pixels``, (H, W, 3) uint8 RGB."""


@dataclass(frozen=True, slots=True)
class LookConfig:
    """How regions steer reading. Chosen on the dev photos (``benchmarks/steering.py``).

    Attributes:
        inside: Share of a line's box that lies in a region from which it is the region's.
        on_plate: Share of a line in a plate, or of a plate in a line, from which the line is the plate's: what the
            detector or the engine saw of a plate may be a part of it.
        plate_sure: Least confidence of a plate. Of the labelled plates of ``plates_dev`` 95 % have 0.5 or more.
        plate_certain: Confidence from which a region is a plate whatever is read in it.
        half_sure: Confidence at which a region of a street photo is a plate as often as not ...
        sure_spread: ... and how fast that changes: the odds are e times as high for so much more.
        most_signs: Most signs of a photo that are read again, the largest first; 0 reads none.
        least_height: Signs lower than this, in pixels, are not read again.
        sign_sure: Least confidence of a sign that is read again.
        margin: Around a sign that is read again, of its height.
    """

    inside: float = 0.6
    on_plate: float = 0.35
    plate_sure: float = 0.45
    plate_certain: float = 0.7
    half_sure: float = 0.65
    sure_spread: float = 0.07
    most_signs: int = 4
    least_height: float = 12.0
    sign_sure: float = 0.5
    margin: float = 0.15


@dataclass(frozen=True)
class Looked:
    """What was seen in a photo. All of it is unmasked: for this process only.

    Attributes:
        readings: Lines of text with unique ids; those of plates as the plate was read, ``region="plate"``.
        plates: The plates.
        regions: Signs and plates, in pixels of the photo.
        private: Boxes of whatever may be a plate, and of the lines that lie on one.
    """

    readings: list[Reading]
    plates: list[PlateReading]
    regions: list[Region]
    private: list[Box]


class Looker:
    """Reads a photo with the help of its regions.

    Args:
        reader: Reads whole photos and signs.
        finder: Finds regions; None reads the whole photo only.
        plates: Reads plates; None leaves them unread.
        config: Thresholds.
    """

    def __init__(
        self,
        reader: TextReader,
        finder: RegionFinder | None = None,
        plates: PlateReader | None = None,
        config: LookConfig | None = None,
    ) -> None:
        self.reader, self.finder, self.plates = reader, finder, plates
        self._config = config or LookConfig()

    def look(self, pixels: NDArray[np.uint8]) -> Looked:
        """All that is in ``pixels``, (H, W, 3) uint8 RGB."""
        readings = self.reader.read(pixels)
        if self.finder is None:
            return Looked(readings, [], [], [])
        regions = self.finder.find(pixels)
        config = self._config
        regions = [region for region in regions if region.kind != "plate" or region.confidence >= config.plate_sure]
        likely = [region for region in regions if region.kind == "plate"]
        on_signs = [region for region in regions if region.kind == "sign"]
        plates: list[PlateReading] = []
        if self.plates is not None and likely:
            plates = self.plates.read(pixels, [r.box for r in likely], [self._chance(r.confidence) for r in likely])
        read = {plate.box for plate in plates}
        sure = {r.box for r in likely if r.confidence >= config.plate_certain or r.box not in read}
        plates = [plate for plate in plates if plate.box in sure or plate.format_name]
        kept = sure | {plate.box for plate in plates}
        regions = [region for region in regions if region.kind != "plate" or region.box in kept]
        on_plates = [self.on_plate(r, regions) for r in readings]
        lines = [
            replace(r, region="sign") if self._of(r.box, on_signs) else r
            for r, on_plate in zip(readings, on_plates, strict=True)
            if not on_plate
        ]
        lines += [
            r
            for r in self._read_again(pixels, on_signs, readings)
            if not self.on_plate(r, regions)
            and not any(share_inside(r.box, bounds(other.box)) > 0.3 for other in readings)
        ]
        lines = [replace(r, id=f"r{i}") for i, r in enumerate(lines)]
        private = [r.box for r in likely]
        private += [r.box for r, on_plate in zip(readings, on_plates, strict=True) if on_plate]
        return Looked(lines + [p.as_reading() for p in plates], plates, regions, private)

    def _chance(self, confidence: float) -> float:
        """How likely a region of this confidence is a plate."""
        return 1.0 / (1.0 + math.exp((self._config.half_sure - confidence) / self._config.sure_spread))

    def on_plate(self, reading: Reading, regions: Sequence[Region]) -> bool:
        """Whether a line stands on one of the plates among ``regions``, or one of them on a part of the line."""
        plates = [region for region in regions if region.kind == "plate"]
        line, share = bounds(reading.box), self._config.on_plate
        return any(max(share_inside(reading.box, p.bounds), share_inside(p.box, line)) >= share for p in plates)

    def _of(self, box: Box, regions: Sequence[Region]) -> bool:
        """Whether a line belongs to one of ``regions``."""
        return any(share_inside(box, region.bounds) >= self._config.inside for region in regions)

    def _read_again(
        self, pixels: NDArray[np.uint8], signs: Sequence[Region], readings: Sequence[Reading]
    ) -> list[Reading]:
        config = self._config
        missed = [
            sign
            for sign in signs
            if sign.confidence >= config.sign_sure
            and sign.bounds[3] - sign.bounds[1] >= config.least_height
            and not any(share_inside(r.box, sign.bounds) > 0.3 for r in readings)
        ]
        missed.sort(key=lambda sign: -_area(sign.bounds))
        found = []
        height, width = pixels.shape[:2]
        for sign in missed[: config.most_signs]:
            left, top, right, bottom = sign.bounds
            margin = config.margin * (bottom - top)
            x, y = max(int(left - margin), 0), max(int(top - margin), 0)
            crop = pixels[y : min(int(bottom + margin) + 1, height), x : min(int(right + margin) + 1, width)]
            for reading in self.reader.read(np.ascontiguousarray(crop)):
                a, b, c, d = ((px + x, py + y) for px, py in reading.box)
                found.append(replace(reading, box=(a, b, c, d), region="sign"))
        return found


def _area(part: tuple[float, float, float, float]) -> float:
    left, top, right, bottom = part
    return (right - left) * (bottom - top)


def share_inside(box: Box, part: tuple[float, float, float, float]) -> float:
    """Share of ``box``, by its upright bounds, that lies in the bounds ``part``; 0 for one without area."""
    left, top, right, bottom = bounds(box)
    area = (right - left) * (bottom - top)
    across = min(right, part[2]) - max(left, part[0])
    along = min(bottom, part[3]) - max(top, part[1])
    return across * along / area if area > 0.0 and across > 0.0 and along > 0.0 else 0.0
