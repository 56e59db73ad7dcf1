"""Priors for simulated photos, from the density prior to a network that knows the country nine times in ten.

A prior is drawn first and the true place from it, so that it is calibrated by construction. It is the photo density
times what a network might say: kernels around an anchor place and around places that look alike, with log-normal noise
over countries, regions and cells, as networks have. Some are then made too sure or too unsure, as real ones are.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from backbone.density import DensityPrior
from data.distribution import CellDistribution
from data.geodesy import EARTH_RADIUS_KM
from data.partition import Partition

__all__ = ["SimulatedPrior", "draw_prior"]

Floats = NDArray[np.float64]

_DENSITY = 0.25  # of the photos have the density prior
_SHARPEST_KM, _WIDEST_KM = 30.0, 6000.0
_DISTORTED = 0.5  # of the others are too sure or too unsure, by a power around 1
_POWER = 0.3  # standard deviation of its logarithm
_ROADSIDE = 0.4  # of the photos are of roadsides


@dataclass(frozen=True, eq=False)
class SimulatedPrior:
    """A prior, its name and the cell where the photo was taken.

    Attributes:
        distribution: The density prior's own object, or a simulated network's.
        name: ``"density"`` or ``"simulated"``.
        cell: True cell, drawn from the prior before it was distorted.
    """

    distribution: CellDistribution
    name: str
    cell: int


def draw_prior(rng: np.random.Generator, partition: Partition) -> SimulatedPrior:
    """A prior and a true cell."""
    density, people, street, region, country = _tables(partition)
    kind = street if rng.random() < _ROADSIDE else people
    if rng.random() < _DENSITY:
        # What is photographed differs from the mixture that the prior knows: roadsides or people's photos.
        return SimulatedPrior(density, "density", _drawn(rng, kind))
    width_km = math.exp(rng.uniform(math.log(_SHARPEST_KM), math.log(_WIDEST_KM)))
    vectors = partition.vectors
    look = np.zeros(len(partition))
    alike = int(rng.integers(1, 6))
    sharp = math.log(_WIDEST_KM / width_km) / math.log(_WIDEST_KM / _SHARPEST_KM)
    shares = rng.dirichlet([2.0 + 14.0 * sharp, *([0.6] * alike)])
    shares[0] = max(shares[0], shares.max())  # the anchor is what the picture shows most
    for share in shares:
        at = _drawn(rng, kind)
        chord2 = np.maximum(2.0 - 2.0 * (vectors @ vectors[at]), 0.0)
        # Heavier tails than a Gaussian's: a network that is wrong is wrong by far.
        look += share * (1.0 + chord2 * (EARTH_RADIUS_KM / width_km) ** 2 / 3.0) ** -2.5
    noise = min(math.log(_WIDEST_KM / width_km), 2.5)
    logits = np.log(kind) + np.log(look + 1e-7)
    logits += 0.35 * noise * rng.normal(size=int(country.max()) + 1)[country]
    logits += 0.25 * noise * rng.normal(size=int(region.max()) + 1)[region]
    logits += 0.5 * rng.normal(size=len(logits))
    p = np.exp(logits - logits.max())
    p /= p.sum()
    cell = _drawn(rng, p)
    if rng.random() < _DISTORTED:
        p = p ** math.exp(_POWER * rng.normal())
        p /= p.sum()
    return SimulatedPrior(CellDistribution(partition, p.astype(np.float32)), "simulated", cell)


def _drawn(rng: np.random.Generator, p: Floats) -> int:
    cumulative = np.cumsum(p)
    return min(int(np.searchsorted(cumulative, rng.random() * cumulative[-1], side="right")), len(p) - 1)


@lru_cache(maxsize=2)
def _tables(
    partition: Partition,
) -> tuple[CellDistribution, Floats, Floats, NDArray[np.int64], NDArray[np.int64]]:
    density = DensityPrior(partition).distribution
    people, street = (
        DensityPrior(partition, name).distribution.p.astype(np.float64) for name in ("density:people", "density:street")
    )
    rows = np.repeat(np.arange(len(partition)), np.diff(partition.region_indptr))
    order = np.lexsort((partition.region_shares, rows))
    region = np.zeros(len(partition), np.int64)
    region[rows[order]] = partition.region_indices[order]  # the last of each cell is its largest share
    codes = {code: k for k, code in enumerate(partition.country_codes)}
    country = np.array([codes[code[:2]] for code in partition.region_codes], np.int64)[region]
    return density, people, street, region, country
