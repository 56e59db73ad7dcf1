"""Simulated photos for the ranker to learn from: a place, a prior, and what the readers make of the signs there.

Few photos with text and a known place exist, so they are made up as far as text: a true place is drawn (from the prior,
``fusion.simulated_prior``), signs of the place and some from elsewhere are written (``fusion.simulated_lines``), read
with slips, and given to the readers that ship. What a reader makes of them, right or wrong, is what the ranker sees.

Rates were set so that clues a photo, kinds of clues and how often each kind is right resemble those of photos of
``travel_train``, ``streets_train`` and ``facades/train`` (``benchmarks/fusion_features.py`` compares them). Look-up
hits (kind ``lookup``) are assumed, since no look-up is measured yet: a map finds an address in 8 cases of 10, a shop in
3, and gives wrong places of the same name beside.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from types import MappingProxyType
from typing import Final

import numpy as np

from data.distribution import CellDistribution
from data.gazetteer import load_default as load_gazetteer
from data.geodesy import EARTH_RADIUS_KM
from data.partition import Partition
from data.partition import load_default as load_partition
from detectors.base import Box, Clue, ClueReader, Evidence, PointEvidence, Reading
from detectors.plate_looks import Looks
from detectors.plates import PlateReading, clues_of_plates, plate_reading
from detectors.readers import default_clue_readers
from detectors.script import script_of
from fusion.context import Context
from fusion.simulated_lines import MAKERS, Spot, plate_text, spot_at, world_spot
from fusion.simulated_prior import draw_prior

__all__ = ["RECIPES", "Recipe", "Simulated", "simulate"]

Rng = np.random.Generator


@dataclass(frozen=True)
class Recipe:
    """What photos of one sort show.

    Attributes:
        share: Of all photos.
        signs: Mean number of signs, at least one.
        kinds: Maker to its share of the signs.
        elsewhere: Share of signs that speak of another place.
        noise: Mean number of readings that are no text.
        plates: Mean number of cars whose plate is read.
        scene: Mean of indoor, natural and urban.
    """

    share: float
    signs: float
    kinds: Mapping[str, float]
    elsewhere: float
    noise: float
    plates: float
    scene: tuple[float, float, float]


RECIPES: Final[Mapping[str, Recipe]] = MappingProxyType(
    {
        "street": Recipe(
            0.3, 1.6,
            {"words": 0.22, "shop": 0.08, "brand": 0.08, "street_name": 0.06, "direction": 0.12, "town": 0.05,
             "official": 0.12, "road": 0.08, "number": 0.08, "phone": 0.02, "domain": 0.02, "english": 0.05,
             "coordinates": 0.005},
            0.12, 1.2, 0.45, (0.03, 0.37, 0.60),
        ),
        "travel": Recipe(
            0.25, 1.8,
            {"words": 0.30, "shop": 0.16, "brand": 0.08, "street_name": 0.05, "town": 0.04, "institution": 0.05,
             "official": 0.04, "number": 0.09, "price": 0.03, "phone": 0.02, "domain": 0.02, "english": 0.12},
            0.22, 1.2, 0.08, (0.15, 0.30, 0.55),
        ),
        "shopfront": Recipe(
            0.3, 4.0,
            {"words": 0.27, "shop": 0.20, "brand": 0.10, "address": 0.05, "street_name": 0.03, "town": 0.02,
             "institution": 0.03, "official": 0.02, "number": 0.10, "price": 0.04, "phone": 0.06, "domain": 0.04,
             "english": 0.04},
            0.14, 1.5, 0.12, (0.08, 0.04, 0.88),
        ),
        "city": Recipe(
            0.15, 3.0,
            {"words": 0.25, "shop": 0.14, "brand": 0.14, "street_name": 0.08, "direction": 0.04, "town": 0.04,
             "institution": 0.07, "official": 0.06, "road": 0.02, "number": 0.08, "phone": 0.03, "domain": 0.03,
             "price": 0.02},
            0.14, 1.5, 0.35, (0.03, 0.07, 0.90),
        ),
    }
)  # fmt: skip
"""Sorts of photos: calibration is out of fold by these."""

_ABROAD: Final = ("words", "shop", "brand", "town", "phone", "domain", "price", "institution", "official")
_ABROAD_SHARES: Final = (0.34, 0.14, 0.18, 0.14, 0.03, 0.07, 0.03, 0.04, 0.03)
_PLATE_ABROAD: Final = 0.06
_SEVERITY: Final = 0.9  # mean of how hard text is to read, over photos
_NEAR_TOWN: Final = 0.6  # of the photos stand in a town
_ON_SIGN: Final = {"street": 0.15, "travel": 0.2, "shopfront": 0.55, "city": 0.4}

_LOOKED_UP: Final = 0.15  # of the photos have look-up hits
_FOUND: Final = {"address": 0.8, "brand": 0.4, "shop": 0.3, "town": 0.9, "street_name": 0.6, "institution": 0.5}


@dataclass(frozen=True, eq=False)
class Simulated:
    """A simulated photo.

    Attributes:
        lat: True latitude, degrees.
        lon: True longitude, degrees.
        prior: Before any clue.
        prior_name: ``"density"`` or ``"simulated"``.
        clues: What the readers made of what was read.
        context: Readings, scene and the prior's name.
        source: The recipe, a name of :data:`RECIPES`.
    """

    lat: float
    lon: float
    prior: CellDistribution
    prior_name: str
    clues: Sequence[Clue]
    context: Context
    source: str


@dataclass
class _Board:
    """Signs one beside the other, as readings with boxes."""

    readings: list[Reading] = field(default_factory=list)
    left: float = 10.0

    def put(self, lines: Sequence[str], rng: Rng, severity: float, *, region: str = "") -> list[str]:
        """Readings of a sign's lines, one below the other; their ids."""
        height, width = float(rng.uniform(18.0, 60.0)), 20.0
        ids, top = [], float(rng.uniform(10.0, 300.0))
        for line in lines:
            read = _read(line, rng, severity)
            if read is None:
                continue
            text, confidence = read
            long = 0.55 * height * len(text)
            name = f"r{len(self.readings)}"
            box: Box = (
                (self.left, top), (self.left + long, top), (self.left + long, top + height), (self.left, top + height)
            )  # fmt: skip
            self.readings.append(Reading(name, text, box, confidence, script_of(text), "simulated", 1.0, region))
            ids.append(name)
            top, width = top + 1.25 * height, max(width, long)
        self.left += width + 3.0 * height
        return ids


def simulate(count: int, seed: int, partition: Partition | None = None, *, start: int = 0) -> Iterator[Simulated]:
    """Photos ``start`` to ``start + count - 1`` of a seed; each depends on seed and number only.

    Args:
        count: How many.
        seed: Not negative.
        partition: Of the priors; the shipped one if None.
        start: Number of the first.

    Raises:
        DatasetError: The word lists of the extra ``build`` are not installed.
    """
    partition = load_partition() if partition is None else partition
    names = list(RECIPES)
    shares = np.array([RECIPES[name].share for name in names])
    for number in range(start, start + count):
        rng = np.random.default_rng([seed, number])
        yield _photo(rng, partition, names[int(rng.choice(len(names), p=shares / shares.sum()))])


def _photo(rng: Rng, partition: Partition, source: str) -> Simulated:
    recipe = RECIPES[source]
    prior = draw_prior(rng, partition)
    lat, lon = _point(rng, partition, prior.cell)
    spot = spot_at(lat, lon)
    severity = float(rng.gamma(2.0, _SEVERITY / 2.0))
    board = _Board()
    hits = rng.random() < _LOOKED_UP
    lookups: list[Clue] = []
    kinds, p = list(recipe.kinds), np.array(list(recipe.kinds.values()))
    for _ in range(1 + int(rng.poisson(recipe.signs - 1.0))):
        foreign = rng.random() < recipe.elsewhere
        kind = str(rng.choice(_ABROAD, p=_ABROAD_SHARES) if foreign else rng.choice(kinds, p=p / p.sum()))
        of = world_spot(rng) if foreign else spot
        region = "sign" if rng.random() < _ON_SIGN[source] else ""
        ids = board.put(MAKERS[kind](of, rng), rng, severity, region=region)
        if hits and ids and kind in _FOUND:
            lookups += _lookup(rng, of, kind, ids)
    for _ in range(int(rng.poisson(recipe.noise))):
        board.put(MAKERS["noise"](spot, rng), rng, severity + 0.5)
    plates = [plate for k in range(int(rng.poisson(recipe.plates))) for plate in _plate(rng, spot, k)]
    clues = [clue for reader in _readers() for clue in reader.clues(board.readings)]
    clues += clues_of_plates(plates) + lookups
    indoor, natural, urban = rng.dirichlet(6.0 * np.array(recipe.scene) + 0.05).tolist()
    scene = {"indoor": indoor, "natural": natural, "urban": urban} if rng.random() < 0.8 else None
    readings = [*board.readings, *(plate.as_reading() for plate in plates)]
    context = Context(readings, scene, prior.name)
    return Simulated(lat, lon, prior.distribution, prior.name, clues, context, source)


def _point(rng: Rng, partition: Partition, cell: int) -> tuple[float, float]:
    """A point of the cell: near one of its places mostly, else anywhere its photos are."""
    lat, lon = float(partition.lat[cell]), float(partition.lon[cell])
    spread = float(partition.spread_km[cell])
    if rng.random() < _NEAR_TOWN:
        near = load_gazetteer().within(lat, lon, 2.0 * spread)[:6].tolist()
        if near:
            place = load_gazetteer().place(near[int(rng.integers(len(near)))])
            lat, lon, spread = place.lat, place.lon, min(2.0, spread)
    for shrink in (1.0, 0.7, 0.4, 0.1):  # a sample may fall outside its cell
        north, east = shrink * spread * rng.normal(size=2) / EARTH_RADIUS_KM
        at = (
            float(np.clip(lat + np.degrees(north), -89.9, 89.9)),
            float((lon + np.degrees(east) / max(np.cos(np.radians(lat)), 0.05) + 180.0) % 360.0 - 180.0),
        )
        if int(partition.cells_of(*at)[0]) == cell:
            return at
    return float(partition.lat[cell]), float(partition.lon[cell])


def _read(text: str, rng: Rng, severity: float) -> tuple[str, float] | None:
    """What OCR reads and how sure it is of it; None where it misses the line."""
    import unicodedata

    rate = 0.012 * severity
    if rng.random() < min(0.04 * severity, 0.5) or not text.strip():
        return None
    out, wrong = "", 0
    for letter in text:
        chance = rng.random()
        if chance < rate:
            wrong += 1
            if chance < 0.6 * rate:
                out += "abcdeilmnorstu0158"[int(rng.integers(18))]
        elif not letter.isascii() and chance < 6.0 * rate:
            wrong += 1
            out += unicodedata.normalize("NFKD", letter)[0]
        elif letter == " " and chance < 10.0 * rate:
            wrong += 1
        else:
            out += letter
    confidence = float(
        np.clip(1.0 - 0.03 * severity * rng.gamma(1.0) - 0.5 * wrong / len(text) * rng.random(), 0.3, 1.0)
    )
    return (out, confidence) if out.strip() else None


def _plate(rng: Rng, spot: Spot, number: int) -> Iterator[PlateReading]:
    made = plate_text(world_spot(rng) if rng.random() < _PLATE_ABROAD else spot, rng)
    if made is None:
        return
    text, _ = made
    read = _read(text.replace("\n", " "), rng, float(rng.gamma(2.0, 0.5)))
    if read is not None and read[0].strip():
        box: Box = ((10.0, 400.0), (110.0, 400.0), (110.0, 425.0), (10.0, 425.0))
        yield plate_reading(f"p{number}", read[0], box, read[1], Looks(), sure=float(rng.uniform(0.5, 0.99)))


def _lookup(rng: Rng, spot: Spot, kind: str, ids: Sequence[str]) -> Iterator[Clue]:
    """A map's hits for a sign: the right place where it knows it, and others of the same name."""
    points = []
    if rng.random() < _FOUND[kind]:
        away = rng.normal(size=2) * 0.15
        points.append(
            (spot.lat + away[0] / 111.0, spot.lon + away[1] / 111.0 / max(np.cos(np.radians(spot.lat)), 0.05))
        )
    wrong = int(rng.poisson({"brand": 6.0, "street_name": 4.0, "town": 1.0}.get(kind, 1.0)))
    points += [(other.lat, other.lon) for other in (world_spot(rng) for _ in range(wrong))]
    if not points:
        return
    sigma = float(np.exp(rng.uniform(np.log(0.1), np.log(2.0))))
    log_lr = 8.0 - float(np.log(len(points))) - (2.0 if kind in ("brand", "street_name") else 0.0)
    found = tuple(
        PointEvidence(float(np.clip(a, -90, 90)), float((b + 180.0) % 360.0 - 180.0), sigma, log_lr) for a, b in points
    )
    yield Clue("lookup", "x", "x", Evidence(-1.0, points=found, sources=tuple(ids)))


@lru_cache(maxsize=1)
def _readers() -> tuple[ClueReader, ...]:
    return default_clue_readers(load_gazetteer())
