"""How fine a place an answer can vouch for: street, city, region, country or continent.

A level holds where the distribution gives its one place at least the probability asked for. A city is named by the
place of the gazetteer that draws the point most, by Reilly's law of retail gravitation (1931): inhabitants over the
square of the distance, which gives a suburb to its city and leaves a town its own name.
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

import numpy as np

from data.continents import CONTINENT_NAMES, continent_mass
from data.errors import RequestError
from data.gazetteer import Place, country_name
from data.gazetteer import load_default as load_gazetteer
from data.geodesy import haversine_km
from data.printable import printable

if TYPE_CHECKING:
    from data.distribution import CellDistribution

__all__ = ["CITY_KM", "LEVELS", "STREET_KM", "Level", "LevelName", "city_at", "level_of", "require_confidence"]

LevelName = Literal["street", "city", "region", "country", "continent"]
LEVELS: Final[tuple[LevelName, ...]] = ("street", "city", "region", "country", "continent")
"""The levels, the finest first."""
STREET_KM: Final = 1.0
"""What lies within this distance of the point is in its street, as benchmarks of geolocation count (1 km)."""
CITY_KM: Final = 25.0
"""And within this one in its city (25 km)."""
_AT_HAND_KM: Final = 3.0  # nearer than this, distance counts no more: a city's middle is no point


@dataclass(frozen=True, slots=True)
class Level:
    """The finest place that an answer vouches for.

    Attributes:
        level: ``"street"``, ``"city"``, ``"region"``, ``"country"`` or ``"continent"``.
        name: What a person calls it; of a street, which no gazetteer here names, the nearest place.
        code: Of a street, city or country the country's ISO 3166-1 alpha-2 code, of a region GeoNames' admin-1 code
            (``"US.CA"``), of a continent GeoNames' code (``"EU"``).
        probability: What the distribution gives it: within 1 km of the point for a street, within 25 km for a city.
    """

    level: LevelName
    name: str
    code: str
    probability: float

    def __str__(self) -> str:
        """The level for a person, without its probability: ``"the region Bavaria, Germany"``."""
        name = printable(self.name)
        if self.level == "street":
            return f"a street in {name}, {country_name(self.code)} (within {STREET_KM:.0f} km of the point)"
        if self.level == "city":
            return f"the city {name}, {country_name(self.code)} (within {CITY_KM:.0f} km of the point)"
        if self.level == "region":
            return f"the region {name}, {country_name(self.code[:2])}"
        return f"the {self.level} {name}"


def require_confidence(confidence: float) -> float:
    """``confidence``, which lies between 0 and 1.

    Raises:
        RequestError: It does not.
    """
    if not 0.0 < confidence < 1.0:
        raise RequestError(f"a confidence lies between 0 and 1, such as 0.8, not {confidence:g}")
    return confidence


def level_of(
    distribution: CellDistribution, lat: float, lon: float, confidence: float = 0.8, *, half_km: float | None = None
) -> Level | None:
    """The finest level that ``distribution`` vouches for with a probability of at least ``confidence``, or None.

    A street or city is named only by a place within 25 km of the point, in a country that the distribution holds
    possible: an answer within Germany names no city in France, however near the border its point lies, and a point in
    the desert, however sure, is no better than its region.

    Args:
        distribution: Over the cells.
        lat: Latitude of the answer's point, degrees.
        lon: Its longitude, degrees.
        confidence: The least probability, between 0 and 1.
        half_km: Radius around the point that holds half of the probability, where it is known: it spares a look at all
            cells.

    Raises:
        RequestError: The confidence does not lie between 0 and 1.
    """
    require_confidence(confidence)
    countries = distribution.countries()
    if half_km is None or half_km <= CITY_KM or confidence < 0.5:
        near = distribution.mass_within(lat, lon, CITY_KM)
        town = _nearest(lat, lon, countries) if near >= confidence else None
        if town is not None:
            nearer = distribution.mass_within(lat, lon, STREET_KM)
            if nearer >= confidence:
                return Level("street", town.name, town.country, nearer)
            city = city_at(lat, lon, countries) or town
            return Level("city", city.name, city.country, near)
    code, p = _named_region(distribution.regions())
    if p >= confidence:
        return Level("region", load_gazetteer().admin1_name(code) or code, code, p)
    code, p = next(iter(countries.items()))
    if p >= confidence:
        return Level("country", country_name(code), code, p)
    code, p = next(iter(continent_mass(countries).items()), ("", 0.0))
    return Level("continent", CONTINENT_NAMES[code], code, p) if p >= confidence else None


def city_at(lat: float, lon: float, countries: Container[str] | None = None) -> Place | None:
    """The place that a person would name for the point, in degrees: the town itself, or the city that it is part of.

    Of the places within 25 km in the country of the nearest one, that with the most inhabitants over the square of its
    distance, distances far below 3 km counted alike.

    Args:
        lat: Latitude, degrees.
        lon: Longitude, degrees.
        countries: ISO 3166-1 alpha-2 codes where it may lie; None for anywhere.

    Returns:
        The place; None where no place of ``countries`` lies within 25 km.

    >>> [city_at(lat, lon).name for lat, lon in [(51.376, -0.098), (51.0303, 6.9843), (32.72, -117.16)]]
    ['London', 'Leverkusen', 'San Diego']
    >>> city_at(48.574, 7.757).name, city_at(48.574, 7.757, {"DE"}).name, city_at(48.574, 7.757, {"ES"})
    ('Strasbourg', 'Kehl', None)
    """
    nearest = _nearest(lat, lon, countries)
    if nearest is None:
        return None
    gazetteer = load_gazetteer()
    ids = gazetteer.within(lat, lon, CITY_KM)
    ids = ids[gazetteer.countries_of(ids) == nearest.country]
    lats, lons, population = (column[ids].astype(np.float64) for column in gazetteer.positions())
    pull = population / (_AT_HAND_KM**2 + haversine_km(lat, lon, lats, lons) ** 2)
    best = int(np.argmax(pull))
    return gazetteer.place(int(ids[best])) if pull[best] > 0.0 else nearest


def _nearest(lat: float, lon: float, countries: Container[str] | None) -> Place | None:
    """The nearest place in one of ``countries``, no farther than 25 km."""
    gazetteer = load_gazetteer()
    nearest, km = gazetteer.nearest(lat, lon)
    if km > CITY_KM:
        return None
    if countries is None or nearest.country in countries:
        return nearest
    ids = gazetteer.within(lat, lon, CITY_KM)
    ids = ids[[code in countries for code in gazetteer.countries_of(ids).tolist()]]
    if not len(ids):
        return None
    lats, lons, _ = (column[ids].astype(np.float64) for column in gazetteer.positions())
    return gazetteer.place(int(ids[np.argmin(haversine_km(lat, lon, lats, lons))]))


def _named_region(regions: Mapping[str, float]) -> tuple[str, float]:
    """The likeliest region and its probability; GeoNames' ``XX.`` and ``XX.00`` are no region but the want of one."""
    for code, p in regions.items():
        if code[2:] not in (".", ".00"):
            return code, p
    return "", 0.0
