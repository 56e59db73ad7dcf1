"""Continents by country, as GeoNames has them: Russia is in Europe, Turkey in Asia, Hawaii in North America.

A country has one continent, that of its larger part or of its capital by GeoNames' choice; source: the table
``countryInfo.txt`` of GeoNames (https://download.geonames.org/export/dump/, CC BY 4.0).
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

__all__ = ["CONTINENTS", "CONTINENT_NAMES", "continent_mass"]

CONTINENT_NAMES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "AF": "Africa",
        "AN": "Antarctica",
        "AS": "Asia",
        "EU": "Europe",
        "NA": "North America",
        "OC": "Oceania",
        "SA": "South America",
    }
)
"""GeoNames' code of each continent to its name in English."""

_COUNTRIES: Final = {
    "AF": (
        "AO BF BI BJ BW CD CF CG CI CM CV DJ DZ EG EH ER ET GA GH GM GN GQ GW KE KM LR LS LY MA MG ML MR MU "
        "MW MZ NA NE NG RE RW SC SD SH SL SN SO SS ST SZ TD TG TN TZ UG YT ZA ZM ZW"
    ),
    "AN": ("AQ BV GS HM TF"),
    "AS": (
        "AE AF AM AZ BD BH BN BT CC CN GE HK ID IL IN IO IQ IR JO JP KG KH KP KR KW KZ LA LB LK MM MN MO MV "
        "MY NP OM PH PK PS QA SA SG SY TH TJ TM TR TW UZ VN YE"
    ),
    "EU": (
        "AD AL AT AX BA BE BG BY CH CY CZ DE DK EE ES FI FO FR GB GG GI GR HR HU IE IM IS IT JE LI LT LU LV "
        "MC MD ME MK MT NL NO PL PT RO RS RU SE SI SJ SK SM UA VA XK"
    ),
    "NA": (
        "AG AI AW BB BL BM BQ BS BZ CA CR CU CW DM DO GD GL GP GT HN HT JM KN KY LC MF MQ MS MX NI PA PM PR "
        "SV SX TC TT US VC VG VI"
    ),
    "OC": ("AS AU CK CX FJ FM GU KI MH MP NC NF NR NU NZ PF PG PN PW SB TK TL TO TV UM VU WF WS"),
    "SA": ("AR BO BR CL CO EC FK GF GY PE PY SR UY VE"),
}

CONTINENTS: Final[Mapping[str, str]] = MappingProxyType(
    {country: code for code, countries in _COUNTRIES.items() for country in countries.split()}
)
"""ISO 3166-1 alpha-2 code of a country to GeoNames' code of its continent."""


def continent_mass(countries: Mapping[str, float]) -> dict[str, float]:
    """Continent to probability, most probable first; a country that the table lacks counts nowhere.

    Args:
        countries: ISO 3166-1 alpha-2 code to probability.

    >>> continent_mass({"ES": 0.5, "MA": 0.3, "FR": 0.2})
    {'EU': 0.7, 'AF': 0.3}
    """
    mass: dict[str, float] = {}
    for country, p in countries.items():
        if country in CONTINENTS:
            mass[CONTINENTS[country]] = mass.get(CONTINENTS[country], 0.0) + p
    return dict(sorted(mass.items(), key=lambda item: (-item[1], item[0])))
