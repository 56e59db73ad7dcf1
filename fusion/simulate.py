"""Simulated photos for the ranker to learn from: a place, a prior, and what the readers make of the signs there.

Few photos with text and a known place exist, so they are made up as far as text: a true place is drawn (from the prior,
``fusion.simulated_prior``), signs of the place and some from elsewhere are written (``fusion.simulated_lines``), read
with slips, and given to the readers that ship. What a reader makes of them, right or wrong, is what the ranker sees.

Rates were set so that clues a photo, kinds of clues and how often each kind is right resemble those of photos of
``travel_train`` and ``streets_train`` (``benchmarks/fusion_features.py`` compares them); those of shop fronts and
cities rest on judgement. Look-up hits (kind ``lookup``) are assumed: a map finds an address in 8 cases of 10, a shop in
3, and gives wrong places of the same name beside. What the trees learn of them is not used (``fusion.features.WHOLE``).
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
from fusion.simulated_prior import SimulatedPrior, draw_prior
from fusion.slips import load_slips

__all__ = ["RECIPES", "Plate", "Recipe", "Scene", "Sign", "Simulated", "scene_of", "simulate"]

Rng = np.random.Generator


@dataclass(frozen=True)
class Recipe:
    """What photos of one sort show.

    Attributes:
        share: Of all photos.
        written: Share of them with any sign.
        signs: Mean number of signs of these.
        kinds: Maker to its share of the signs.
        elsewhere: Share of signs that speak of another place.
        noise: Mean number of readings that are no text, or pieces of it.
        plates: Mean number of cars whose plate is read; half as many plates are none.
        scene: Mean of indoor, natural and urban.
    """

    share: float
    written: float
    signs: float
    kinds: Mapping[str, float]
    elsewhere: float
    noise: float
    plates: float
    scene: tuple[float, float, float]


RECIPES: Final[Mapping[str, Recipe]] = MappingProxyType(
    {
        "street": Recipe(
            0.25, 0.3, 2.0,
            {"words": 0.22, "shop": 0.08, "brand": 0.08, "street_name": 0.06, "direction": 0.12, "town": 0.04,
             "official": 0.12, "road": 0.08, "number": 0.08, "phone": 0.02, "domain": 0.02, "english": 0.05,
             "coordinates": 0.03},
            0.15, 1.3, 0.06, (0.03, 0.37, 0.60),
        ),
        "travel": Recipe(
            0.30, 0.45, 3.0,
            {"words": 0.30, "shop": 0.16, "brand": 0.08, "street_name": 0.05, "town": 0.03, "institution": 0.05,
             "official": 0.04, "number": 0.09, "price": 0.03, "phone": 0.02, "domain": 0.02, "english": 0.13},
            0.28, 1.4, 0.02, (0.15, 0.30, 0.55),
        ),
        "shopfront": Recipe(
            0.30, 1.0, 4.0,
            {"words": 0.27, "shop": 0.20, "brand": 0.10, "address": 0.05, "street_name": 0.03, "town": 0.02,
             "institution": 0.03, "official": 0.02, "number": 0.10, "price": 0.04, "phone": 0.06, "domain": 0.04,
             "english": 0.04},
            0.16, 1.8, 0.06, (0.08, 0.04, 0.88),
        ),
        "city": Recipe(
            0.15, 0.85, 3.0,
            {"words": 0.25, "shop": 0.14, "brand": 0.14, "street_name": 0.08, "direction": 0.04, "town": 0.04,
             "institution": 0.07, "official": 0.06, "road": 0.02, "number": 0.08, "phone": 0.03, "domain": 0.03,
             "price": 0.02},
            0.16, 1.8, 0.12, (0.03, 0.07, 0.90),
        ),
    }
)  # fmt: skip
"""Sorts of photos: calibration is out of fold by these.

Photos in which nothing is read teach nothing and are left out: of ``travel_train`` 46 %, of ``streets_train`` 48 %. Of
the others a good part shows no text at all, only leaves, fences and windows that are read as some.
"""

_ABROAD: Final = ("words", "shop", "brand", "town", "phone", "domain", "price", "institution", "official")
_ABROAD_SHARES: Final = (0.34, 0.14, 0.18, 0.14, 0.03, 0.07, 0.03, 0.04, 0.03)
_PLATE_ABROAD: Final = 0.06
_REAL_PLATE: Final = 0.5
_NOT_TEXT: Final = 0.7  # of what is no text; the rest are pieces of words
_NOISE_SURE: Final = (0.5, 0.54, 0.61, 0.72, 0.86, 1.0)
"""Fifths of the confidence of readings that no clue came of, as ``benchmarks.clue_rates`` counts them, nearly."""
_SEVERITY: Final = 1.0  # mean of how hard text is to read, over photos; 1 for lines as they were rendered
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


@dataclass(frozen=True)
class Sign:
    """A sign before anybody reads it.

    Attributes:
        lines: What it says.
        kind: Its maker, a name of ``fusion.simulated_lines.MAKERS``.
        spot: What it speaks of.
        region: ``"sign"`` if it stands on a storefront, else "".
        noise: Whether it is no text, or a piece of some.
    """

    lines: Sequence[str]
    kind: str
    spot: Spot
    region: str
    noise: bool


@dataclass(frozen=True)
class Plate:
    """A car's plate, or what is taken for one.

    Attributes:
        text: What it says.
        country: Of the car, ISO 3166-1 alpha-2.
        real: Whether it is a plate.
    """

    text: str
    country: str
    real: bool


@dataclass(frozen=True, eq=False)
class Scene:
    """A simulated photo before anybody reads it.

    Attributes:
        lat: True latitude, degrees.
        lon: True longitude, degrees.
        prior: Before any clue.
        source: The recipe.
        signs: What is written there.
        plates: Of the cars.
    """

    lat: float
    lon: float
    prior: SimulatedPrior
    source: str
    signs: Sequence[Sign]
    plates: Sequence[Plate]


@dataclass
class _Board:
    """Signs one beside the other, as readings with boxes."""

    readings: list[Reading] = field(default_factory=list)
    left: float = 10.0

    def put(self, sign: Sign, rng: Rng, severity: float) -> list[str]:
        """Readings of a sign's lines, one below the other; their ids."""
        height, width = float(rng.uniform(18.0, 60.0)), 20.0
        ids, top = [], float(rng.uniform(10.0, 300.0))
        for line in sign.lines:
            read = (line, _noise_sure(rng)) if sign.noise else load_slips().apply(line, rng, severity)
            if read is None and not load_slips().seen(line, rng):
                continue
            text, confidence = read or ("", 0.0)  # of a line in letters that nobody reads the script may be seen
            long = 0.55 * height * len(text)
            name = f"r{len(self.readings)}"
            box: Box = (
                (self.left, top), (self.left + long, top), (self.left + long, top + height), (self.left, top + height)
            )  # fmt: skip
            self.readings.append(
                Reading(name, text, box, confidence, script_of(text or line), "simulated", 1.0, sign.region)
            )
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
    for number in range(start, start + count):
        rng = np.random.default_rng([seed, number])
        yield _read_scene(rng, scene_of(rng, partition))


def scene_of(rng: Rng, partition: Partition) -> Scene:
    """A place, its prior and what is written there."""
    names = list(RECIPES)
    shares = np.array([RECIPES[name].share for name in names])
    source = names[int(rng.choice(len(names), p=shares / shares.sum()))]
    recipe = RECIPES[source]
    prior = draw_prior(rng, partition)
    lat, lon = _point(rng, partition, prior.cell)
    spot = spot_at(lat, lon)
    signs = []
    kinds, p = list(recipe.kinds), np.array(list(recipe.kinds.values()))
    written = rng.random() < recipe.written
    # Some photos show a whole street of signs, many only one.
    for _ in range(1 + int(rng.poisson((recipe.signs - 1.0) * rng.exponential())) if written else 0):
        foreign = rng.random() < recipe.elsewhere
        kind = str(rng.choice(_ABROAD, p=_ABROAD_SHARES) if foreign else rng.choice(kinds, p=p / p.sum()))
        of = world_spot(rng) if foreign else spot
        region = "sign" if rng.random() < _ON_SIGN[source] else ""
        signs.append(Sign(MAKERS[kind](of, rng), kind, of, region, noise=False))
    for _ in range(max(int(rng.poisson(recipe.noise)), 0 if written else 1)):
        kind = "noise" if rng.random() < _NOT_TEXT else "piece"
        of = spot if rng.random() < 0.6 else world_spot(rng)
        signs.append(Sign(MAKERS[kind](of, rng), kind, of, "", noise=True))
    plates = [_plate(rng, spot) for _ in range(int(rng.poisson(1.5 * recipe.plates)))]
    return Scene(lat, lon, prior, source, signs, [plate for plate in plates if plate is not None])


def _read_scene(rng: Rng, scene: Scene) -> Simulated:
    """The photo as far as text: what the readers make of it once it is read with slips."""
    recipe = RECIPES[scene.source]
    severity = float(rng.gamma(2.0, _SEVERITY / 2.0))
    board = _Board()
    hits = rng.random() < _LOOKED_UP
    lookups: list[Clue] = []
    for sign in scene.signs:
        ids = board.put(sign, rng, severity)
        if hits and ids and sign.kind in _FOUND:
            lookups += _lookup(rng, sign.spot, sign.kind, ids)
    plates = [read for k, plate in enumerate(scene.plates) for read in _read_plate(rng, plate, k)]
    clues = [clue for reader in _readers() for clue in reader.clues(board.readings)]
    clues += clues_of_plates(plates) + lookups
    indoor, natural, urban = rng.dirichlet(6.0 * np.array(recipe.scene) + 0.05).tolist()
    looks = {"indoor": indoor, "natural": natural, "urban": urban} if rng.random() < 0.8 else None
    readings = [*board.readings, *(plate.as_reading() for plate in plates)]
    prior = scene.prior
    context = Context(readings, looks, prior.name)
    return Simulated(scene.lat, scene.lon, prior.distribution, prior.name, clues, context, scene.source)


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


def _noise_sure(rng: Rng) -> float:
    return round(float(np.interp(rng.random(), np.linspace(0.0, 1.0, len(_NOISE_SURE)), _NOISE_SURE)), 3)


def _plate(rng: Rng, spot: Spot) -> Plate | None:
    """A car's plate, or something that was taken for one; None where the country's plates are not known."""
    if rng.random() >= _REAL_PLATE:
        return Plate(" ".join(MAKERS["number" if rng.random() < 0.5 else "piece"](spot, rng)), spot.country, real=False)
    of = world_spot(rng) if rng.random() < _PLATE_ABROAD else spot
    made = plate_text(of, rng)
    return None if made is None else Plate(made[0], of.country, real=True)


def _read_plate(rng: Rng, plate: Plate, number: int) -> Iterator[PlateReading]:
    read = load_slips().apply(plate.text.replace("\n", " "), rng, float(rng.gamma(2.0, 0.5)))
    if read is not None and read[0].strip():
        box: Box = ((10.0, 400.0), (110.0, 400.0), (110.0, 425.0), (10.0, 425.0))
        sure = float(rng.uniform(0.6, 0.99) if plate.real else rng.uniform(0.3, 0.9))
        yield plate_reading(f"p{number}", read[0], box, read[1], Looks(), sure=sure)


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
