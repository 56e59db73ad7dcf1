"""The types that every detector speaks, and the two protocols that a plug-in fulfils.

Coordinates in a picture are pixels of the upright photo, x to the right and y down. Detectors give places
(countries, admin-1 regions, points), never cells: only fusion knows the partition.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "MOST_NATS",
    "Box",
    "Clue",
    "ClueReader",
    "Evidence",
    "PointEvidence",
    "Reading",
    "TextReader",
    "bounding_box",
    "bounds",
    "scaled",
]

MOST_NATS = 50.0
"""No evidence is stronger: odds of e^50 are beyond any reading, and exponents stay far from a float's limits."""

Box = tuple[tuple[float, float], tuple[float, float], tuple[float, float], tuple[float, float]]
"""Four corners ``(x, y)`` in pixels, clockwise from the text's top left."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One line of text that was read in the photo.

    Attributes:
        id: Unique in one photo, such as ``"r3"``; what clues name as their source.
        text: As read, unmasked. It stays in the process: outputs carry a masked copy.
        box: Four corners in pixels of the upright photo.
        confidence: The engine's own, 0 to 1.
        script: ISO 15924 code of most of its letters (``"Latn"``), ``"Zyyy"`` where it has none.
        engine: The reader's name.
        scale: Factor by which the photo was enlarged when this was read.
        region: ``"plate"`` if it stands on a licence plate, ``"sign"`` on a storefront's sign, else "".
    """

    id: str
    text: str
    box: Box
    confidence: float
    script: str = "Zyyy"
    engine: str = ""
    scale: float = 1.0
    region: str = ""

    def __post_init__(self) -> None:
        if len(self.box) != 4 or not all(len(c) == 2 and math.isfinite(c[0]) and math.isfinite(c[1]) for c in self.box):
            raise ValueError(f"a box is four finite (x, y) corners, not {self.box!r}")
        if not 0.0 <= self.confidence <= 1.0:
            raise ValueError(f"confidence must lie in [0, 1], not {self.confidence!r}")

    @property
    def height(self) -> float:
        """Height of the text line in pixels: the mean length of its two short sides."""
        (x0, y0), (x1, y1), (x2, y2), (x3, y3) = self.box
        return 0.5 * (math.hypot(x3 - x0, y3 - y0) + math.hypot(x2 - x1, y2 - y1))


@dataclass(frozen=True, slots=True)
class PointEvidence:
    """Evidence around one point: ``log_lr`` at the point, falling off as a Gaussian of ``sigma_km``."""

    lat: float
    lon: float
    sigma_km: float
    log_lr: float

    def __post_init__(self) -> None:
        if not (-90.0 <= self.lat <= 90.0 and -180.0 <= self.lon <= 180.0):
            raise ValueError(f"not a point on the Earth: {self.lat}, {self.lon}")
        if not (math.isfinite(self.sigma_km) and self.sigma_km > 0.0 and abs(self.log_lr) <= MOST_NATS):
            raise ValueError(f"sigma_km must be positive and log_lr between -{MOST_NATS:g} and {MOST_NATS:g} nats")


@dataclass(frozen=True)
class Evidence:
    """``log P(clue | place) - log P(clue | background)``, in nats, sparse over places.

    A place that no entry names has the value ``elsewhere``. A region's entry takes precedence over its country's.
    Around a point the likelihood ratio is ``e^elsewhere' + (e^log_lr - e^elsewhere') exp(-d^2 / 2 sigma^2)`` where
    ``elsewhere'`` is what the country, region or ``elsewhere`` entries say there.

    What stands along roads, as a car does, is seen all over its region and not only where most photos are taken: with
    ``roadside`` a region's entry is the mean over its photos, higher away from its much photographed middle.

    Attributes:
        elsewhere: The one finite value for everywhere else.
        countries: ISO 3166-1 alpha-2 code to log-likelihood ratio.
        regions: GeoNames admin-1 code (``"US.CA"``) to log-likelihood ratio.
        points: Evidence around points.
        sources: Ids of the readings or regions that it came from: ``"r3"``, or ``"r3:5-12"`` for characters 5 to 11
            of it. Clues whose sources overlap are counted once.
        roadside: Whether it is of something that stands along roads.
    """

    elsewhere: float
    countries: Mapping[str, float] = field(default_factory=dict)
    regions: Mapping[str, float] = field(default_factory=dict)
    points: tuple[PointEvidence, ...] = ()
    sources: tuple[str, ...] = ()
    roadside: bool = False

    def __post_init__(self) -> None:
        values = [self.elsewhere, *self.countries.values(), *self.regions.values()]
        if not all(abs(v) <= MOST_NATS for v in values):
            raise ValueError(f"evidence must be finite everywhere: between -{MOST_NATS:g} and {MOST_NATS:g} nats")
        if any(len(code) != 2 or not code.isupper() for code in self.countries):
            raise ValueError(f"countries are ISO 3166-1 alpha-2 codes, not {sorted(self.countries)[:5]}")
        if any(code[2:3] != "." for code in self.regions):
            raise ValueError(f"regions are admin-1 codes such as 'US.CA', not {sorted(self.regions)[:5]}")


@dataclass(frozen=True)
class Clue:
    """Something in the photo that points somewhere.

    Attributes:
        kind: Which reader found it: ``coordinates``, ``phone``, ``domain``, ``address``, ``institution``,
            ``direction``, ``road``, ``units``, ``brand``, ``place``, ``currency``, ``wording``, ``language``,
            ``script``, ``plate``.
        text: What was read, masked where it looks like a plate, a phone number or an e-mail address.
        meaning: One sentence for a person: what it means and where it points.
        evidence: Where it points.
        box: Where it stands in the photo, or None.
        points_to: Short names of the places it points to most, best first (``"Madrid, ES"``, ``"ES"``).
    """

    kind: str
    text: str
    meaning: str
    evidence: Evidence
    box: Box | None = None
    points_to: tuple[str, ...] = ()


class TextReader(Protocol):
    """Pixels to lines of text (OCR)."""

    @property
    def name(self) -> str:
        """Short name, shown in ``Reading.engine``."""

    def read(self, pixels: NDArray[np.uint8]) -> list[Reading]:
        """Read all text in ``pixels``, (H, W, 3) uint8 RGB, each line once."""


class ClueReader(Protocol):
    """Lines of text to clues."""

    @property
    def kind(self) -> str:
        """The kind of clue it makes."""

    def clues(self, readings: Sequence[Reading]) -> list[Clue]:
        """Clues in ``readings``; an empty list where they say nothing about place."""


def scaled(box: Box, scale: float) -> Box:
    """``box`` in a picture whose sides are ``scale`` times as long."""
    a, b, c, d = ((x * scale, y * scale) for x, y in box)
    return a, b, c, d


def bounds(box: Box) -> tuple[float, float, float, float]:
    """Left, top, right and bottom of ``box``, in its pixels."""
    xs, ys = [x for x, _ in box], [y for _, y in box]
    return min(xs), min(ys), max(xs), max(ys)


def bounding_box(boxes: Sequence[Box]) -> Box:
    """Smallest upright box around ``boxes``."""
    xs = [x for box in boxes for x, _ in box]
    ys = [y for box in boxes for _, y in box]
    return (min(xs), min(ys)), (max(xs), min(ys)), (max(xs), max(ys)), (min(xs), max(ys))
