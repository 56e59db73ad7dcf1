"""The places that CLIP is asked about by name: countries, regions and cities, and the sentences they are put into.

The first sentence of each kind is in the words of StreetCLIP's captions (Haas, Alberti, Skreta 2023); the rest say the
same of other photos, as in Radford et al. (2021), section 3.1.4. Countries have six, regions and cities two, for theirs
are twenty-five times as many.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import numpy as np
from numpy.typing import NDArray

from backbone.clip_texts import Sentences
from data.gazetteer import Gazetteer, country_name
from data.geodesy import unit_vectors
from data.partition import Partition

__all__ = ["COUNTRY_FORMS", "PLACE_FORMS", "Cities", "NamedPlaces", "named_places", "spoken_country"]

COUNTRY_FORMS: Final = (
    "A Street View photo in {}.",
    "A photo I took in {}.",
    "A travel photo from {}.",
    "A photo of a street in {}.",
    "A photo of the countryside in {}.",
    "A photo of a building in {}.",
)
"""Sentences about a country."""

PLACE_FORMS: Final = ("A Street View photo in {}, {}.", "A photo I took in {}, {}.")
"""Sentences about a region or a city, and its country."""

_LARGEST: Final = 2500  # cities that are there for their size: 250,000 inhabitants and more
_LEVEL: Final = "middle"  # each of its groups in which people live has a city, however small

_SPOKEN: Final = MappingProxyType(
    {
        "CD": "the Democratic Republic of the Congo", "CG": "the Republic of the Congo", "CI": "Ivory Coast",
        "CZ": "the Czech Republic", "GE": "Georgia in the Caucasus", "HK": "Hong Kong", "MM": "Myanmar", "MO": "Macau",
        "PS": "Palestine", "TR": "Turkey",
    }
)  # fmt: skip
"""What captions call a country, where that is not the name in CLDR."""
_WITH_ARTICLE: Final = "AE AX BQ BS CC CF CK DO FK FO GB GM IM IO KM KY MH MP MV NL PH PN SB SC TC TF UM US VG VI"


@dataclass(frozen=True, eq=False)
class Cities:
    """Cities with what is needed to weigh cells by them.

    Attributes:
        names: (m,) in Latin letters.
        countries: (m,) ISO 3166-1 alpha-2 codes.
        vectors: (m, 3) unit vectors of where they lie.
    """

    names: tuple[str, ...]
    countries: tuple[str, ...]
    vectors: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class NamedPlaces:
    """The places of a partition by their names.

    Attributes:
        countries: One for each of ``partition.country_codes``.
        regions: (index into ``partition.region_codes``, name, country) of those with a name of their own.
        cities: Of the gazetteer.
    """

    countries: tuple[str, ...]
    regions: tuple[tuple[int, str, str], ...]
    cities: Cities

    def country_sentences(self) -> Sentences:
        """For each country its sentences."""
        return [[form.format(name) for form in COUNTRY_FORMS] for name in self.countries]

    def region_sentences(self) -> Sentences:
        """For each of ``regions`` its sentences."""
        return [[form.format(name, country) for form in PLACE_FORMS] for _, name, country in self.regions]

    def city_sentences(self) -> Sentences:
        """For each of ``cities`` its sentences."""
        return [
            [form.format(name, spoken_country(code)) for form in PLACE_FORMS]
            for name, code in zip(self.cities.names, self.cities.countries, strict=True)
        ]


def spoken_country(code: str) -> str:
    """The country with this ISO 3166-1 alpha-2 code as it stands after "in": CLDR's English name, made a phrase.

    >>> [spoken_country(code) for code in ("ES", "US", "HK", "BA", "LC")]
    ['Spain', 'the United States', 'Hong Kong', 'Bosnia and Herzegovina', 'Saint Lucia']
    """
    name = country_name(code).replace(" & ", " and ").replace("St. ", "Saint ")
    name = _SPOKEN.get(code, name)
    return f"the {name}" if code in _WITH_ARTICLE.split() else name


def named_places(partition: Partition, gazetteer: Gazetteer, *, largest: int = _LARGEST) -> NamedPlaces:
    """The names that there are for what ``partition`` is made of.

    Args:
        partition: The cells.
        gazetteer: Names of regions and cities.
        largest: How many cities are taken for their size alone; each middle-sized group of cells in which anybody lives
            has its largest place besides, and so has each country.
    """
    countries = tuple(spoken_country(code) for code in partition.country_codes)
    regions = tuple(
        (k, name, spoken_country(code[:2]))
        for k, code in enumerate(partition.region_codes)
        if (name := gazetteer.admin1_name(code))
    )
    return NamedPlaces(countries, regions, _cities(partition, gazetteer, largest))


def _cities(partition: Partition, gazetteer: Gazetteer, largest: int) -> Cities:
    lat, lon, _ = gazetteer.positions()
    level = _LEVEL if _LEVEL in partition.levels else partition.level
    groups = partition.parents(level)[partition.cells_of(lat, lon)]
    codes = gazetteer.countries_of(np.arange(len(lat)))
    # Places are numbered from the most populous down: the first of a group is its largest.
    ids = np.unique(
        np.concatenate(
            [np.arange(min(largest, len(lat))), *(np.unique(of, return_index=True)[1] for of in (groups, codes))]
        )
    )
    known = set(partition.country_codes)
    places = [place for k in ids.tolist() if (place := gazetteer.place(k)).country in known]
    at_lat, at_lon = np.array([p.lat for p in places]), np.array([p.lon for p in places])
    return Cities(tuple(p.name for p in places), tuple(p.country for p in places), unit_vectors(at_lat, at_lon))
