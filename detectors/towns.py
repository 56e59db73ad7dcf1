"""A town that a string names together with what it belongs to: "28013 Madrid", "Mairie de Lyon", "Austin, TX".

A bare place name may stand anywhere; one beside a postal code or an institution tells where the thing is. Of such
strings in the world's photos a share ``at_home`` stands in their own town, ``in_country`` elsewhere in its country
(vans, advertisements, head offices), the rest abroad. Town ``i`` is named as often as photos are taken there, ``P0_i``
(its country's share of photos times its share of the country's people), times ``fit_i``, how well the rest of the
string agrees with it. With ``W = sum_i fit_i P0_i`` the likelihood ratio against the world's photos is::

    abroad    a = 1 - at_home - in_country
    in c      a + in_country * (W_c / P0_c) / W        (W_c: the sum over the towns of c)
    in i      the same + at_home * fit_i / W

and the whole is mixed with 1 by the chance that the string is no such thing: ``r W / (r W + (1 - r) chance)``, for what
is read by chance names small towns as often as large ones.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from data.folding import fold
from data.gazetteer import EXONYM, JOINED, MAIN, NATIVE, Gazetteer, Place, load_default
from data.geodesy import haversine_km
from detectors.base import PointEvidence
from detectors.territories import photo_shares

__all__ = ["LONGEST_TOWN", "TownEvidence", "Towns", "towns_of"]

LONGEST_TOWN = 5
"""Most words of a town's name."""
_KIND_FIT = {MAIN: 1.0, NATIVE: 1.0, EXONYM: 0.05, JOINED: 0.5}
_LEAST_POPULATION = 100
_CHANCE = 4e-6  # one name of the gazetteer's 235,000, read by chance
_MOST_POINTS = 12
_SAME_PLACE_KM = 10.0


@dataclass(frozen=True)
class TownEvidence:
    """Log-likelihood ratios of a string that names a town.

    Attributes:
        elsewhere: Abroad.
        countries: In the countries of the towns that may be meant, away from them.
        points: At the towns.
        homes: The country of each point.
        names: The towns, the likeliest first: ``"Madrid, ES"``.
    """

    elsewhere: float
    countries: dict[str, float]
    points: tuple[PointEvidence, ...]
    homes: tuple[str, ...]
    names: tuple[str, ...]


class Towns:
    """Finds towns by name and weighs them."""

    def __init__(self, gazetteer: Gazetteer) -> None:
        self._gazetteer = gazetteer
        self._people: dict[str, float] | None = None
        self._named = functools.lru_cache(maxsize=1024)(self._look_up)  # the same name stands on many lines

    def named(self, words: Sequence[str]) -> list[tuple[Place, float]]:
        """Towns that bear the name made of ``words``, each once with how well the name fits it, 0 to 1."""
        return list(self._named(" ".join(words)))

    def _look_up(self, text: str) -> tuple[tuple[Place, float], ...]:
        name = fold(text)
        if sum(c.isalpha() for c in name) < 2 or len(name) > 60:
            return ()
        best: dict[int, tuple[Place, float]] = {}
        for match in self._gazetteer.lookup(name):
            fit = _KIND_FIT[match.kind]
            if fit > best.get(match.place.id, (match.place, 0.0))[1]:
                best[match.place.id] = match.place, fit
        return tuple(best.values())

    def region_name(self, code: str) -> str:
        """English name of an admin-1 region."""
        return self._gazetteer.admin1_name(code)

    def evidence(
        self,
        fits: Sequence[tuple[Place, float]],
        *,
        reliability: float,
        at_home: float,
        in_country: float,
    ) -> TownEvidence | None:
        """What a string says that names one of the towns of ``fits``; None where none fits.

        Args:
            fits: Towns and how well the whole string fits each, on any scale.
            reliability: How surely it is an address, or an institution's name, at all.
            at_home: Share of such strings that stand in their town.
            in_country: Share of them that stand elsewhere in its country.
        """
        fits = [(place, fit) for place, fit in fits if fit > 0.0]
        if not fits:
            return None
        top = max(fit for _, fit in fits)
        fits = [(place, fit / top) for place, fit in fits]
        shares = photo_shares()
        photos = [self.photo_share(place) * fit for place, fit in fits]
        world = sum(photos)
        r = reliability * world / (reliability * world + (1.0 - reliability) * _CHANCE)
        abroad = 1.0 - at_home - in_country

        def log_lr(ratio: float) -> float:
            return math.log(r * ratio + 1.0 - r)

        by_country: dict[str, float] = {}
        for (place, _), photo in zip(fits, photos, strict=True):
            by_country[place.country] = by_country.get(place.country, 0.0) + photo
        inland = {c: abroad + in_country * min(w / world / shares.get(c, 1e-6), 1e4) for c, w in by_country.items()}
        order = np.argsort([-p for p in photos], kind="stable").tolist()
        chosen: list[int] = []
        for i in order:
            place = fits[i][0]
            apart = all(
                haversine_km(place.lat, place.lon, fits[j][0].lat, fits[j][0].lon) > _SAME_PLACE_KM for j in chosen
            )
            if apart and len(chosen) < _MOST_POINTS and photos[i] > 1e-4 * world:
                chosen.append(i)
        points = tuple(
            PointEvidence(
                place.lat, place.lon, _sigma_km(place),
                min(log_lr(inland[place.country] + at_home * fit / world), 25.0),
            )
            for place, fit in (fits[i] for i in chosen)
        )  # fmt: skip
        names = tuple(dict.fromkeys(f"{fits[i][0].name}, {fits[i][0].country}" for i in chosen))
        homes = tuple(fits[i][0].country for i in chosen)
        return TownEvidence(log_lr(abroad), {c: log_lr(v) for c, v in inland.items()}, points, homes, names)

    def photo_share(self, place: Place) -> float:
        """Share of the world's photos that are taken in ``place``."""
        if self._people is None:
            _, _, population = self._gazetteer.positions()
            codes = self._gazetteer.countries_of(np.arange(len(population)))
            names, index = np.unique(codes, return_inverse=True)
            totals = np.bincount(index, weights=population.astype(np.float64))
            self._people = dict(zip(names.tolist(), totals.tolist(), strict=True))
        people = max(place.population, _LEAST_POPULATION)
        total = max(self._people.get(place.country, 0.0), people)
        return photo_shares().get(place.country, 1e-6) * people / total


def towns_of(gazetteer: Gazetteer | None = None) -> Towns:
    """The one finder that all readers of ``gazetteer`` share; of the shipped one, opened when first needed, if None."""
    return _shared(load_default() if gazetteer is None else gazetteer)


@functools.lru_cache(maxsize=2)
def _shared(gazetteer: Gazetteer) -> Towns:
    return Towns(gazetteer)


def _sigma_km(place: Place) -> float:
    """Spread of the photos that show a town's addresses: 3 km for a village, 15 km for a metropolis.

    Beside a larger town less, 2.5 km at least: its middle, where far more photos are taken, is not meant.
    """
    spread = min(15.0, max(3.0, 3.0 * math.pow(max(place.population, 1) / 5_000, 0.25)))
    return max(2.5, spread * math.sqrt(place.local_share))
