"""From what CLIP says of countries, regions and cities to one distribution over cells.

A cell ``c`` is split by its regions' shares into parts ``(c, r)``, each in one region ``r`` and one country ``k``. With
``q(c)`` the density prior, ``a(c, r)`` the share, ``e`` the scaled similarity of the photo with the name of a place and
``T`` the temperature,

    p(k | x)     ~  q(k) exp(e_k / T)                           q(k), q(r): sums of q(c) a(c, r)
    p(r | k, x)  ~  q(r) exp(e_r / T)                           over the regions of k
    p(c | r, x)  ~  q(c) a(c, r) exp(w_c (e_g - m_k) / T)       g: the city of k nearest to the cell's mean point
    p(c | x)     =  sum over r of p(k | x) p(r | k, x) p(c | r, x)

each normalised within its parent, so that the levels never disagree: the parts of a region sum to the region, those of
a country to the country. ``w_c = exp(-d / 50 km)`` falls with the distance ``d`` from the city, and ``m_k`` is the mean
of ``e_g`` over the cities of ``k``: far from all of them a cell is neither favoured nor disfavoured. A region without a
name has the mean ``e`` of the named ones of its country; of a country with one region or one city that tells nothing.

It is Bayes' rule where ``exp(e)`` is proportional to p(x | name) over p(x), which is what CLIP's loss makes of its
scaled similarities at its optimum (van den Oord, Li, Vinyals 2018, section 2.3). As ``T`` grows the result becomes the
density prior. In each level no evidence is more than 20 nats below the best, so that no cell becomes impossible.

Of a cell on a border ``CellDistribution.countries()`` gives each country its fixed share, so that it differs there a
little from ``p(k | x)``: a distribution over cells does not hold which side of the border is meant.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from backbone.clip_places import NamedPlaces
from backbone.density import DensityPrior
from data.geodesy import EARTH_RADIUS_KM
from data.partition import Partition

__all__ = ["Evidence", "PlaceTree"]

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]

_REACH_KM: Final = 50.0  # over which the name of a city counts for 1/e
_MOST: Final = 20.0  # nats


@dataclass(frozen=True, eq=False)
class Evidence:
    """Scaled similarities of a photo with the names of places.

    Attributes:
        countries: (countries,).
        regions: (named regions,).
        cities: (cities,).
    """

    countries: Floats
    regions: Floats
    cities: Floats


class PlaceTree:
    """A partition's cells below its regions and countries, and the cities near them.

    Args:
        partition: The cells.
        places: Their names.
    """

    def __init__(self, partition: Partition, places: NamedPlaces) -> None:
        self._cells = len(partition)
        self._countries = len(partition.country_codes)
        column = {code: k for k, code in enumerate(partition.country_codes)}
        self.country_of_region: Indices = np.array([column[code[:2]] for code in partition.region_codes], np.int64)
        """(regions,) which country each region is in."""
        self.cell: Indices = np.repeat(np.arange(len(partition), dtype=np.int64), np.diff(partition.region_indptr))
        """(parts,) which cell each part is of."""
        self.region: Indices = partition.region_indices.astype(np.int64)
        """(parts,) which region each part is in."""
        q = DensityPrior(partition).distribution.p.astype(np.float64)
        shared = q[self.cell] * partition.region_shares
        self._of_part: Floats = shared / shared.sum()
        self._of_region = _sums(self.region, self._of_part, len(self.country_of_region))
        self._of_country = _sums(self.country_of_region, self._of_region, self._countries)
        self._named: Indices = np.array([k for k, _, _ in places.regions], np.int64)
        self._city_country: Indices = np.array([column[code] for code in places.cities.countries], np.int64)
        self._city, self._weight = self._nearest(partition.vectors, places.cities.vectors)

    def country_mass(self, evidence: Evidence, temperature: float) -> Floats:
        """Probability (countries,) of each country."""
        whole_earth = np.zeros(self._countries, np.int64)
        mass: Floats = np.exp(_normalised(self._of_country, evidence.countries / temperature, whole_earth))
        return mass

    def parts(self, evidence: Evidence, temperature: float) -> Floats:
        """Probability (parts,) of each part, a cell's in one region; they sum to 1."""
        country = np.log(self.country_mass(evidence, temperature))
        region = _normalised(self._of_region, self._region_evidence(evidence) / temperature, self.country_of_region)
        city = _normalised(self._of_part, self._city_evidence(evidence) / temperature, self.region)
        p: Floats = np.exp(country[self.country_of_region][self.region] + region[self.region] + city)
        return p

    def log_p(self, evidence: Evidence, temperature: float) -> Floats:
        """Log-probability (cells,) of each cell."""
        p = _sums(self.cell, self.parts(evidence, temperature), self._cells)
        logs: Floats = np.log(p / p.sum())
        return logs

    def _region_evidence(self, evidence: Evidence) -> Floats:
        """(regions,) that of the name, or of a region without one the mean in its country."""
        means = _means(self.country_of_region[self._named], evidence.regions, self._countries)
        filled = means[self.country_of_region]
        filled[self._named] = evidence.regions
        return filled

    def _city_evidence(self, evidence: Evidence) -> Floats:
        """(parts,) that of the nearest city above its country's mean, the less the farther away it is."""
        above = evidence.cities - _means(self._city_country, evidence.cities, self._countries)[self._city_country]
        if not len(above):
            return np.zeros(len(self._city))
        return np.where(self._city >= 0, self._weight * above[self._city], 0.0)

    def _nearest(self, cells: Floats, cities: Floats) -> tuple[Indices, Floats]:
        """For each part the city of its country nearest to its cell's mean point, -1 for none, and its weight."""
        country = self.country_of_region[self.region]
        city, weight = np.full(len(country), -1, np.int64), np.zeros(len(country))
        for k in np.unique(self._city_country).tolist():
            of_country, there = np.flatnonzero(country == k), np.flatnonzero(self._city_country == k)
            if len(of_country):
                cosines = cells[self.cell[of_country]] @ cities[there].T
                best = cosines.argmax(axis=1)
                city[of_country] = there[best]
                chord = np.linalg.norm(cells[self.cell[of_country]] - cities[there[best]], axis=1)
                apart_km = 2.0 * EARTH_RADIUS_KM * np.arcsin(np.minimum(chord / 2.0, 1.0))
                weight[of_country] = np.exp(-apart_km / _REACH_KM)
        return city, weight


def _normalised(prior: Floats, evidence: Floats, groups: Indices) -> Floats:
    """``log p`` (n,) with ``p ~ prior exp(evidence)`` that sums to 1 in each of the ``groups`` (n,)."""
    best = np.full(int(groups.max()) + 1, -np.inf)
    np.maximum.at(best, groups, evidence)
    raised = np.log(prior) + np.maximum(evidence - best[groups], -_MOST)
    totals = _sums(groups, np.exp(raised), len(best))
    logs: Floats = raised - np.log(totals[groups])
    return logs


def _means(group: Indices, values: Floats, groups: int) -> Floats:
    """Mean (groups,) of the values (n,) of each group; 0 for a group without any."""
    means: Floats = _sums(group, values, groups) / np.maximum(np.bincount(group, minlength=groups), 1)
    return means


def _sums(group: Indices, values: Floats, groups: int) -> Floats:
    """Sum (groups,) of the values (n,) of each group."""
    sums: Floats = np.bincount(group, values, groups).astype(np.float64)
    return sums
