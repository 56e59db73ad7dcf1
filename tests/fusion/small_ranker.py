"""A small ranker that is trained in a second on photos made here: real trees for tests, no model of the world."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from backbone.density import DensityPrior
from data.distribution import CellDistribution
from data.partition import load_default
from detectors.base import Clue, Evidence, PointEvidence, Reading
from fusion.context import Context
from fusion.examples import examples_of
from fusion.ranker_model import RankerModel
from fusion.train_fusion import FusionConfig, grow

BOX = ((0.0, 0.0), (9.0, 0.0), (9.0, 9.0), (0.0, 9.0))


@dataclass(frozen=True)
class MadePhoto:
    lat: float
    lon: float
    prior: CellDistribution
    prior_name: str
    clues: list[Clue]
    context: Context
    source: str


def made_photos(count: int, seed: int, *, right: float = 0.8) -> Iterator[MadePhoto]:
    """Photos with one to three clues, each right with this probability: a language, a phone or a place."""
    partition = load_default()
    density = DensityPrior(partition).distribution
    p = density.p.astype(np.float64) / density.p.sum(dtype=np.float64)
    rng = np.random.default_rng(seed)
    for number in range(count):
        cell = rng.choice(len(p), p=p)
        clues, readings = [], []
        for k in range(int(rng.integers(1, 4))):
            shown = cell if rng.random() < right else rng.choice(len(p), p=p)
            sources = (f"r{k}",)
            if rng.random() < 0.4:
                at = PointEvidence(float(partition.lat[shown]), float(partition.lon[shown]), 5.0, 6.0)
                clues.append(Clue("place", "x", "x", Evidence(-2.0, points=(at,), sources=sources)))
            else:
                country = partition.main_country[shown]
                kind = "language" if rng.random() < 0.5 else "phone"
                clues.append(Clue(kind, "x", "x", Evidence(-3.0, {country: 2.5}, sources=sources)))
            readings.append(Reading(f"r{k}", "x", BOX, 0.9))
        context = Context(readings, None, "density")
        where = float(partition.lat[cell]), float(partition.lon[cell])
        yield MadePhoto(*where, density, "density", clues, context, "even" if number % 2 == 0 else "odd")


@lru_cache(maxsize=1)
def small_model() -> RankerModel:
    """Twelve trees on 150 photos."""
    config = FusionConfig(photos=150, rounds=12, workers=1)
    return RankerModel(
        grow(examples_of(made_photos(150, 0)), config, rounds=12), 1.1, config.pool_share, {"made": "here"}
    )
