"""The rows that fusion ranks for one photo: its likeliest cells one by one, and the rest of countries as one row each.

Every cell belongs to exactly one row, so that a posterior over rows is one over cells: the mass of a row goes to its
cells in proportion to the log-linear pool of the same clues, ``p0(c) exp(E(c))``. Without evidence that is the prior's
own proportion. A row's log-likelihood ratio is that of all its cells together, ``log sum p0 e^L / sum p0``.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from data.distribution import CellDistribution
from data.partition import Partition

__all__ = ["KnownPrior", "Rows", "Weighed", "countries_of_cells", "known_of", "weighed"]

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]

_BY_POOL = 48  # cells that the pool finds likeliest
_BY_PRIOR = 12  # cells that the prior finds likeliest, whatever the clues say
_BY_CLUES = 12  # cells that the clues would take if the prior weighed half
_COUNTRIES = 40  # the likeliest; what is left of the Earth is one row
_FLOOR = 1e-300  # of a mass whose logarithm is taken


@dataclass(frozen=True, eq=False)
class Rows:
    """Cells and rests of countries; see the module's docstring.

    Attributes:
        partition: The cells.
        cells: (m,) the cells that are rows by themselves: rows 0 to m - 1.
        of_cell: (n,) the row of each cell.
        countries: (r,) index into ``partition.country_codes`` of each row, -1 for what is left of the Earth.
        p0: (n,) the prior, float64.
        log_p0: (r,) its logarithm over rows.
        log_pool: (n,) ``log p0(c) + E(c)`` up to a constant, -inf where the prior has nothing.
        gain: (r,) ``log sum p0 e^E / sum p0``, less its value over all cells: what the pool makes of the row.
        log_p0_country: (r,) logarithm of the prior over each row's country, 0 for what is left of the Earth.
    """

    partition: Partition
    cells: Indices
    of_cell: Indices
    countries: Indices
    p0: Floats
    log_p0: Floats
    log_pool: Floats
    gain: Floats
    log_p0_country: Floats

    @classmethod
    def of(cls, prior: CellDistribution, evidence: Floats, pointed: Indices | None = None) -> Rows:
        """The rows of a photo.

        Args:
            prior: Before any clue.
            evidence: (n,) nats, ``E`` of the log-linear pool.
            pointed: Cells that clues point at, rows of their own in any case.
        """
        partition, known = prior.partition, known_of(prior)
        p0 = known.p
        log_pool = known.log_p + evidence
        log_pool -= log_pool.max()
        q = np.exp(log_pool)
        total = float(q.sum())
        q /= total
        log_pool -= np.log(total)
        chosen = [_largest(q, _BY_POOL), known.likeliest, _largest(evidence + 0.5 * known.log_p, _BY_CLUES)]
        if pointed is not None:
            chosen.append(pointed)
        cells = np.unique(np.concatenate(chosen))
        cells = cells[p0[cells] > 0.0]
        country = countries_of_cells(partition)
        count = len(partition.country_codes)
        rest_p = known.countries - np.bincount(country[cells], weights=p0[cells], minlength=count)
        rest_q = np.bincount(country, weights=q, minlength=count)
        rest_q -= np.bincount(country[cells], weights=q[cells], minlength=count)
        # What is left by subtraction may be rounding: a country whose possible cells are all rows has no rest.
        left = known.possible - np.bincount(country[cells], minlength=count) > 0
        likeliest = _largest(np.where(left, np.maximum(rest_p, rest_q), -1.0), _COUNTRIES)
        likeliest = np.sort(likeliest[left[likeliest]])
        row_of_country = np.full(count, len(cells) + len(likeliest), np.int64)
        row_of_country[likeliest] = len(cells) + np.arange(len(likeliest))
        of_cell = row_of_country[country]
        of_cell[cells] = np.arange(len(cells))
        countries = np.concatenate([country[cells], likeliest, [-1]])
        mass = np.bincount(of_cell, weights=p0, minlength=len(countries))
        possible = mass > 0.0
        if not possible.all():  # cells where the prior has nothing may stand anywhere
            kept = np.cumsum(possible) - 1
            of_cell, countries, mass = np.maximum(kept, 0)[of_cell], countries[possible], mass[possible]
        log_mass = np.log(mass)
        pooled = np.bincount(of_cell, weights=q, minlength=len(mass))
        gain = np.log(np.maximum(pooled, _FLOOR)) - log_mass
        log_p0_country = np.log(np.where(countries >= 0, known.countries[countries], 1.0))
        return cls(partition, cells, of_cell, countries, p0, log_mass, log_pool, gain, log_p0_country)

    def __len__(self) -> int:
        return len(self.countries)

    def told(self, ratios: Weighed) -> tuple[Floats, Floats]:
        """What log-likelihood ratios say about rows: over the row's cells and over its country's, (r,) each.

        ``log sum p0 e^L / sum p0`` less the same over all cells of the Earth, so that 0 is what the prior says.
        """
        by_row = np.bincount(self.of_cell, weights=ratios.mass, minlength=len(self))
        row = np.log(np.maximum(by_row, _FLOOR)) - self.log_p0 - ratios.log_whole
        country = ratios.log_countries[self.countries] - self.log_p0_country - ratios.log_whole
        return row, np.where(self.countries >= 0, country, 0.0)

    def posterior(self, log_p: Floats) -> NDArray[np.float32]:
        """(n,) probabilities of the cells from those of the rows (r,), given as logarithms."""
        pooled = np.exp(self.log_pool - self.log_pool.max())
        mass = np.bincount(self.of_cell, weights=pooled, minlength=len(self))
        # A row whose cells the pool finds impossible, beyond a float's range, keeps the prior's proportions.
        empty = mass <= 0.0
        if empty.any():
            pooled = np.where(empty[self.of_cell], self.p0, pooled)
            mass = np.bincount(self.of_cell, weights=pooled, minlength=len(self))
        p: Floats = pooled * (np.exp(log_p - log_p.max()) / mass)[self.of_cell]
        return np.asarray(p / p.sum(), np.float32)


@dataclass(frozen=True, eq=False)
class Weighed:
    """Log-likelihood ratios ``L`` under a prior, as far as they are the same for all rows: made once for many of them.

    Attributes:
        mass: (n,) ``p0 e^L``, divided by ``e^max L``.
        log_whole: Logarithm of its sum.
        log_countries: Logarithms of its sums over countries.
    """

    mass: Floats
    log_whole: float
    log_countries: Floats


def weighed(prior: CellDistribution, ratios: Floats) -> Weighed:
    """What :meth:`Rows.told` takes, of log-likelihood ratios (n,)."""
    mass = known_of(prior).p * np.exp(ratios - ratios.max())
    by_country = np.bincount(
        countries_of_cells(prior.partition), weights=mass, minlength=len(prior.partition.country_codes)
    )
    log_whole = float(np.log(max(float(mass.sum()), _FLOOR)))
    return Weighed(mass, log_whole, np.log(np.maximum(by_country, _FLOOR)))


@lru_cache(maxsize=4)
def countries_of_cells(partition: Partition) -> Indices:
    """(n,) index into ``partition.country_codes`` of the country that has the largest share of each cell."""
    index = {code: k for k, code in enumerate(partition.country_codes)}
    return np.array([index[code] for code in partition.main_country], np.int64)


@dataclass(frozen=True, eq=False)
class KnownPrior:
    """What rows take from a prior alone: (n,) probabilities, their logarithms, and sums over countries.

    Attributes:
        p: (n,) float64, sums to 1.
        log_p: (n,) -inf where there is nothing.
        likeliest: The cells with the most of it.
        countries: Mass of each country.
        possible: How many cells of each country have any.
        entropy: Bits.
    """

    p: Floats
    log_p: Floats
    likeliest: Indices
    countries: Floats
    possible: NDArray[np.intp]
    entropy: float


@lru_cache(maxsize=4)
def known_of(prior: CellDistribution) -> KnownPrior:
    """Kept by identity: photos of the density prior share one object, and so do a photo's fusions without each clue."""
    p = prior.p.astype(np.float64)
    p /= p.sum()
    with np.errstate(divide="ignore"):
        log_p = np.log(p)
    country = countries_of_cells(prior.partition)
    count = len(prior.partition.country_codes)
    return KnownPrior(
        p,
        log_p,
        _largest(p, _BY_PRIOR),
        np.bincount(country, weights=p, minlength=count).astype(np.float64),
        np.bincount(country[p > 0.0], minlength=count),
        prior.entropy(),
    )


def _largest(values: Floats, k: int) -> Indices:
    """Indices of the ``k`` largest values, in no order; ties by index, so that it is the same on every machine."""
    if k >= len(values):
        return np.arange(len(values))
    # A sample tells a value that is surely not above the k-th largest: what is left to sort is a small part.
    sample = np.sort(values[:: max(len(values) // 512, 1)])
    floor = sample[max(len(sample) - 1 - 4 * k, 0)]
    some = np.flatnonzero(values >= floor)
    if len(some) < k:
        some = np.arange(len(values))
    order = some[np.argsort(-values[some], kind="stable")]
    return order[:k]
