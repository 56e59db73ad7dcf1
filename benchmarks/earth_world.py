"""The rendered Earth, what is where: a made-up world on a real partition, whose best possible posterior is known.

A photo is taken in cell ``c`` with probability ``p0(c)``, at a point of that cell. What it shows (``earth_attributes``)
depends on the place through the cell alone, and each attribute is drawn by itself from a categorical that is a known
function of the cell. The posterior of somebody who reads all attributes from the pixels is therefore exact::

    p(c | a)  is proportional to  p0(c) P(scene | c) * product over shown k of P(a_k | c)

No photo, map or climate table is behind it: latitude, fixed random fields and lists of road habits are.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from backbone.density import DensityPrior
from benchmarks.earth_attributes import ATTRIBUTES, GROUPS, INDEX, NAMES, SCENES, SHOWN
from benchmarks.earth_habits import habits_of, noise_of
from data import s2
from data.geodesy import EARTH_RADIUS_KM, destination
from data.partition import Partition, load_default

__all__ = ["Scenes", "World", "points_in", "shipped_world"]

Floats = NDArray[np.float64]
Floats32 = NDArray[np.float32]

_RETRIES: Final = 40  # draws from a cell's Gaussian before a point is drawn from its area instead

# Where each climate is at home: temperature (about -25 to 30) and wetness (about -2 to 2), in the order of "land".
_CLIMATES: Final = np.array(
    [[-22, 0.0], [-9, 0.0], [1, 0.5], [11, 0.7], [16, -0.5], [7, -1.1], [23, -1.7], [25, -0.3], [26, 1.5], [17, 1.7]]
)
# How fond each of "plants" is of them: rocks, grass, cactus, palm, broadleaf, conifer, shrub.
_PLANT_HOMES: Final = np.array([[-15, -0.7], [6, -0.6], [22, -1.5], [26, 0.9], [13, 1.0], [0, 0.6], [17, -0.6]])
# Roofs: flat, gable, steep, hipped.
_ROOF_HOMES: Final = np.array([[22, -1.3], [11, 0.4], [-3, 0.6], [25, 1.1]])
# Floors: planks, tiles, carpet, mats.
_FLOOR_HOMES: Final = np.array([[5, 0.8], [22, -0.6], [3, -0.9], [23, 1.3]])


@dataclass(frozen=True, eq=False)
class Scenes:
    """Photos that were drawn but not yet painted.

    Attributes:
        cell: Index (n,) of the cell each was taken in.
        lat: Latitude (n,) in degrees of where in it.
        lon: Longitude (n,) in degrees.
        attributes: Values (n, K) int8 of ``ATTRIBUTES``.
    """

    cell: NDArray[np.int32]
    lat: Floats
    lon: Floats
    attributes: NDArray[np.int8]

    def __len__(self) -> int:
        return len(self.cell)


class World:
    """Attributes by cell.

    Args:
        partition: The cells.
        p0: Probability (n_cells,) that a photo is taken in each; scaled to sum to 1.
        seed: Of the random fields. The same seed is the same world.

    Raises:
        ValueError: If ``p0`` is not one finite, non-negative value per cell with some mass.
    """

    def __init__(self, partition: Partition, p0: Floats | Floats32, seed: int = 0) -> None:
        p = np.asarray(p0, np.float64)
        if p.shape != (len(partition),) or not np.isfinite(p).all() or p.min() < 0 or p.sum() <= 0:
            raise ValueError(f"p0 holds one probability for each of the {len(partition)} cells of {partition.name!r}")
        self.partition = partition
        self.seed = seed
        self.p0: Floats = p / p.sum()
        self._tables = _tables(partition, seed)
        with np.errstate(divide="ignore"):
            self._log_p0 = np.log(self.p0).astype(np.float32)
        # (values, n_cells): one value's row is read as a whole.
        self._logs = {
            name: np.ascontiguousarray(np.log(table.T)).astype(np.float32) for name, table in self._tables.items()
        }

    def table(self, name: str) -> Floats:
        """P(value | cell, shown): (n_cells, values) with a first column of zeros for "hidden" (``scene`` has none)."""
        table = self._tables[name]
        return table if name == "scene" else np.concatenate([np.zeros((len(table), 1)), table], axis=1)

    def sample(self, n: int, seed: int) -> Scenes:
        """``n`` photos; the same for the same ``seed``."""
        random = np.random.default_rng([seed, 0xEA47])
        cells = random.choice(len(self.p0), n, p=self.p0).astype(np.int32)
        lat, lon = points_in(self.partition, cells, random)
        attributes = np.zeros((n, len(ATTRIBUTES)), np.int8)
        scene = _draw(self._tables["scene"][cells], random)
        attributes[:, INDEX["scene"]] = scene
        shown = random.random((n, len(GROUPS))) < np.array(SHOWN)[scene]
        for k, attribute in enumerate(ATTRIBUTES[1:], 1):
            seen = shown[:, GROUPS.index(attribute.group)] & _has_part(attribute.scenes)[scene]
            attributes[:, k] = np.where(seen, 1 + _draw(self._tables[attribute.name][cells], random), 0)
        return Scenes(cells, lat, lon, attributes)

    def log_likelihood(self, attributes: NDArray[np.int8]) -> Floats32:
        """Log-probability (n, n_cells) of what is shown given the cell and which attributes are shown, in nats.

        Which attributes are shown depends on the kind of scene alone, so that it has no part in the posterior.
        """
        sums = np.zeros((len(attributes), len(self.p0)), np.float32)
        for k, name in enumerate(NAMES):
            rows = self._logs[name]
            offset = 0 if name == "scene" else 1
            for i, value in enumerate((attributes[:, k].astype(np.int64) - offset).tolist()):
                if value >= 0:
                    sums[i] += rows[value]
        return sums

    def log_posterior(self, attributes: NDArray[np.int8]) -> Floats32:
        """Log-probability (n, n_cells) of each cell given the attributes, in nats: the best that any model can say.

        It takes 79 KB a scene: ask in batches.
        """
        logits = self.log_likelihood(attributes) + self._log_p0
        logits -= logits.max(axis=1, keepdims=True)
        logits -= np.log(np.exp(logits).sum(axis=1, keepdims=True, dtype=np.float64)).astype(np.float32)
        return np.asarray(logits)


@lru_cache(maxsize=1)
def shipped_world() -> World:
    """The world of seed 0 on the shipped partition, where photos are taken as the density prior says."""
    partition = load_default()
    return World(partition, DensityPrior(partition).distribution.p)


def points_in(partition: Partition, cells: NDArray[np.int32], random: np.random.Generator) -> tuple[Floats, Floats]:
    """A point (degrees) in each of ``cells`` (n,), from the cell's Gaussian, and for certain in that very cell."""
    lat, lon = np.zeros(len(cells)), np.zeros(len(cells))
    left = np.arange(len(cells))
    for _ in range(_RETRIES):
        at = cells[left]
        radius = partition.spread_km[at] * np.sqrt(-2.0 * np.log1p(-random.random(len(left))))
        lat[left], lon[left] = destination(
            partition.lat[at], partition.lon[at], random.uniform(0.0, 360.0, len(left)), radius
        )
        left = left[partition.cells_of(lat[left], lon[left]) != at]
    # A cell's mean may lie in a smaller cell inside it: then any leaf of its own will do.
    while len(left):
        ids = partition.cell_ids[cells[left]]
        first, last = s2.range_min(ids), s2.range_max(ids)
        steps = ((last - first) >> np.uint64(1)).astype(np.int64)
        leaves = first + (random.integers(0, steps, endpoint=True).astype(np.uint64) << np.uint64(1))
        lat[left], lon[left] = s2.centre(leaves)
        left = left[partition.cells_of(lat[left], lon[left]) != cells[left]]
    return lat, lon


def _has_part(scenes: tuple[str, ...]) -> NDArray[np.bool_]:
    return np.array([scene in scenes for scene in SCENES])


def _draw(p: Floats, random: np.random.Generator) -> NDArray[np.int64]:
    """One column index (n,) from each row of probabilities (n, k)."""
    drawn: NDArray[np.int64] = (random.random((len(p), 1)) > np.cumsum(p[:, :-1], axis=1)).sum(axis=1)
    return drawn


def _softmax(logits: Floats, floor: float) -> Floats:
    """Rows of probabilities, none below about ``floor / k``."""
    e = np.exp(logits - logits.max(axis=1, keepdims=True))
    p = e / e.sum(axis=1, keepdims=True)
    mixed: Floats = (1.0 - floor) * p + floor / p.shape[1]
    return mixed


def _field(vectors: Floats, scale_km: float, random: np.random.Generator, waves: int = 96) -> Floats:
    """A random field (n,) on the sphere of unit variance, smooth over about ``scale_km``."""
    wave = random.normal(0.0, EARTH_RADIUS_KM / scale_km, (waves, 3))
    phase = random.uniform(0.0, 2.0 * np.pi, waves)
    values: Floats = np.cos(vectors @ wave.T + phase).sum(axis=1) * np.sqrt(2.0 / waves)
    return values


def _patches(vectors: Floats, k: int, scale_km: float, sharp: float, random: np.random.Generator) -> Floats:
    """Logits (n, k) of ``k`` values that each prevail in patches of about ``scale_km``."""
    return sharp * np.stack([_field(vectors, scale_km, random) for _ in range(k)], axis=1)


def _homes(climate: Floats, homes: Floats) -> Floats:
    """Logits (n, k): how near each cell's temperature and wetness (n, 2) are to each value's home (k, 2)."""
    apart = (climate[:, None] - homes) / np.array([6.0, 0.7])
    logits: Floats = -(apart**2).sum(axis=2) / 2.0
    return logits


def _tables(partition: Partition, seed: int) -> dict[str, Floats]:
    """P(value | cell, shown) of every attribute, (n_cells, values) without "hidden"; every entry above 0."""
    v, lat = partition.vectors, partition.lat
    tables: dict[str, Floats] = {}

    def random(what: str) -> np.random.Generator:
        return np.random.default_rng([seed, noise_of(what)])

    # Crowded cells are towns; rooms are seen everywhere, in towns somewhat more.
    crowd = np.log10(partition.population / partition.area_km2 + 0.1)  # -1 to about 5
    town = 1.0 / (1.0 + np.exp(-1.6 * (crowd - 2.0)))
    indoor = 0.10 + 0.10 * town
    urban = (1.0 - indoor) * (0.04 + 0.86 * town)
    tables["scene"] = np.stack([1.0 - indoor - urban, urban, indoor], axis=1)
    tables["storeys"] = _softmax(-((crowd[:, None] - np.array([0.5, 2.3, 4.0])) ** 2) / 1.2, 0.04)

    # The sun: 8 bands of |latitude| that blur into each other.
    middles = np.array([72, 60, 51, 43, 35, 26, 16, 5])
    tables["sun"] = _softmax(-(((np.abs(lat)[:, None] - middles) / 5.0) ** 2) / 2.0, 0.02)
    north = 0.02 + 0.96 / (1.0 + np.exp(-lat / 5.0))
    tables["shadow"] = np.stack([north, 1.0 - north], axis=1)

    # Climate: temperature by latitude, wetness in belts, both bent by random fields.
    tilt = np.sin(np.radians(lat)) ** 2
    warmth = 29.0 - 36.0 * tilt - 14.0 * tilt**3 + 4.0 * _field(v, 1500.0, random("warmth"))
    belts = 1.1 * np.cos(np.radians(6.5 * lat)) * np.exp(-((np.abs(lat) / 60.0) ** 4))
    climate = np.stack([warmth, belts + 0.9 * _field(v, 1200.0, random("wetness"))], axis=1)
    tables["land"] = _softmax(_homes(climate, _CLIMATES), 0.03)
    tables["plants"] = _softmax(_homes(climate, _PLANT_HOMES) + _patches(v, 7, 1500.0, 0.8, random("plants")), 0.04)
    tables["roof"] = _softmax(_homes(climate, _ROOF_HOMES), 0.05)
    tables["floor"] = _softmax(_homes(climate, _FLOOR_HOMES), 0.05)

    # What lies in patches.
    tables["soil"] = _softmax(_patches(v, 5, 1100.0, 2.5, random("soil")), 0.04)
    tables["relief"] = _softmax(_patches(v, 5, 500.0, 2.0, random("relief")), 0.05)
    tables["pole"] = _softmax(_patches(v, 6, 600.0, 3.0, random("pole")), 0.05)
    tables["curtain"] = _softmax(_patches(v, 6, 600.0, 3.0, random("curtain")), 0.05)

    # What countries decide; a cell on a border has of both.
    indptr, indices, shares = partition.country_matrix()
    rows = np.repeat(np.arange(len(partition)), np.diff(indptr))
    habits = [habits_of(code) for code in partition.country_codes]
    for name in habits[0]:
        by_country = np.stack([habit[name] for habit in habits])
        table = np.zeros((len(partition), by_country.shape[1]))
        np.add.at(table, rows, shares[:, None].astype(np.float64) * by_country[indices])
        tables[name] = table / table.sum(axis=1, keepdims=True)

    tables["wall"] = _walls(partition, random("wall"))
    return tables


def _walls(partition: Partition, random: np.random.Generator) -> Floats:
    """Walls by admin-1 region: a taste that is shared with the neighbours, and one of its own."""
    n_regions, k = len(partition.region_codes), 8
    rows = np.repeat(np.arange(len(partition)), np.diff(partition.region_indptr))
    middles = np.zeros((n_regions, 3))
    np.add.at(middles, partition.region_indices, partition.region_shares[:, None] * partition.vectors[rows])
    middles /= np.maximum(np.linalg.norm(middles, axis=1, keepdims=True), 1e-9)
    own = np.array([[noise_of("wall", code, str(j)) / 2**32 for j in range(k)] for code in partition.region_codes])
    by_region = _softmax(_patches(middles, k, 800.0, 2.0, random) + 2.5 * own, 0.04)
    table = np.stack([partition.mean_over_regions(by_region[:, j]) for j in range(k)], axis=1)
    normed: Floats = table / table.sum(axis=1, keepdims=True)
    return normed
