"""Postal codes in lines of text: which countries write such a code, and where the town stands beside it.

Patterns, sides and regions are in ``assets/postal_codes.json`` (``detectors.build_addresses``). Five digits alone say
nothing: prices, years and telephone numbers are digits too, so a code without letters counts only beside a town or with
its country's letters (F-75001). Codes of letters and digits (SW1A 1AA, K1A 0B1) say their country alone.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data.assets import read_asset
from data.errors import DatasetError
from detectors.word_tables import countries

__all__ = ["CODE_RATE", "Code", "Country", "codes_in", "postal_countries"]

POSTAL_CODES = Path(__file__).parent / "assets" / "postal_codes.json"
POSTAL_CODES_SHA256 = "9fbb7341d8cae338352f3194df9c8ddb2f9c18aa9fff564b43a0e923d5d14f8e"
CODE_RATE = 0.01
"""Share of the photos with text that show a postal code."""

# What codes look like, as rates at which a photo with text shows such a string for another reason.
_FORMS: tuple[tuple[str, float], ...] = (
    (r"[A-Z]{1,2}\d[A-Z\d]? ?\d[ABD-HJLN-UW-Z]{2}", 5e-5),  # GB, and its islands
    (r"[ABCEGHJ-NPR-TVXY]\d[A-Z] ?\d[A-Z]\d", 3e-5),  # CA
    (r"[1-9]\d{3} [A-Z]{2}", 3e-3),  # NL; 1000 KG
    (r"[AC-FHKNPRTV-Y]\d[\dW] [0-9AC-FHKNPRTV-Y]{4}", 2e-4),  # IE
    (r"[A-Z]\d{4}[A-Z]{3}", 2e-5),  # AR
    (r"[A-Z]{2,3} ?\d{4}", 0.05),  # MT, BN, VG: plates look the same
    (r"\d{5}-\d{3}", 5e-4),  # BR
    (r"\d{4}-\d{3}", 2e-3),  # PT
    (r"\d{2}-\d{3}", 4e-3),  # PL
    (r"\d{5}-\d{4}", 1e-2),  # US; telephone numbers
    (r"\d{3} \d{2}", 0.05),  # SE, CZ, SK, GR
    (r"\d{3} \d{3}", 0.03),  # IN
    (r"\d{2} \d{3}", 0.03),  # FR
    (r"\d{6}", 0.03),
    (r"\d{5}", 0.06),
    (r"\d{4}", 0.15),
    (r"\d{3}", 0.3),
)
_PREFIXED = re.compile(r"(?<![^\W_])([A-Z]{1,3})[ ]?-[ ]?(\d{4,6}|\d{3} \d{2})(?![\w-])")
_PREFIX_CHANCE = 3e-4
_CLOSED = 40.0
_AFTER_LETTERS = re.compile(r"[A-Z]{2,3} (\d{4})")
_CHANCE_OF_FOUR = dict(_FORMS)[r"\d{4}"]
_JAPANESE = re.compile(r"〒 ?(\d{3}-?\d{4})")
_LETTERS_OF_CAR = {
    "F": "FR", "D": "DE", "A": "AT", "CH": "CH", "B": "BE", "L": "LU", "I": "IT", "E": "ES", "NL": "NL", "DK": "DK",
    "S": "SE", "SE": "SE", "N": "NO", "NO": "NO", "FIN": "FI", "FI": "FI", "H": "HU", "HU": "HU", "CZ": "CZ",
    "SK": "SK", "PL": "PL", "SI": "SI", "SLO": "SI", "HR": "HR", "RO": "RO", "BG": "BG", "GR": "GR", "P": "PT",
    "PT": "PT", "LV": "LV", "LT": "LT", "EE": "EE", "FL": "LI", "MC": "MC", "MD": "MD", "UA": "UA", "RS": "RS",
    "SRB": "RS", "BIH": "BA", "MK": "MK", "AL": "AL", "TR": "TR", "IS": "IS", "AD": "AD", "AX": "AX", "AZ": "AZ",
    "FR": "FR", "DE": "DE", "AT": "AT", "BE": "BE", "IT": "IT", "ES": "ES", "KZ": "KZ", "FO": "FO",
}  # fmt: skip
_CODE = re.compile("|".join(rf"(?<![\w.,/+€$£-])(?<!\d[ .-])(?:{form})(?![\w€$£%/]|[.,: -]\d)" for form, _ in _FORMS))


@dataclass(frozen=True)
class Country:
    """A country's postal codes.

    Attributes:
        pattern: Of a whole code.
        town: The side of the code where the town stands: "after", "before" or "" for another line.
        states: Abbreviations printed beside towns, to GeoNames admin-1 codes.
        regions: Admin-1 code to a pattern of the beginnings of its codes.
    """

    pattern: re.Pattern[str]
    town: str
    states: dict[str, str]
    regions: dict[str, re.Pattern[str]]

    def fits_region(self, code: str, region: str) -> float:
        """How well a code goes with a region: 1, or little where the region's codes begin otherwise."""
        pattern = self.regions.get(region)
        return 1.0 if pattern is None or pattern.match(code) else 0.02


@dataclass(frozen=True)
class Code:
    """A postal code in a line.

    Attributes:
        text: The code without its country's letters.
        start: Where it begins, its country's letters included.
        end: Where it ends.
        countries: Those that write such codes.
        rates: (C,) P(a code of that form | a photo with text in the country), by ``word_tables.countries()``.
        chance: How often such a string is read for another reason.
    """

    text: str
    start: int
    end: int
    countries: tuple[str, ...]
    rates: NDArray[np.float64]
    chance: float


@lru_cache(maxsize=1)
def postal_countries() -> MappingProxyType[str, Country]:
    """Every country that has postal codes.

    Raises:
        DatasetError: The shipped table is missing or damaged.

    >>> bool(postal_countries()["GB"].pattern.fullmatch("SW1A 1AA")), postal_countries()["US"].states["TX"]
    (True, 'US.TX')
    """
    try:
        table: dict[str, dict[str, Any]] = json.loads(read_asset(POSTAL_CODES, POSTAL_CODES_SHA256))
        return MappingProxyType(
            {
                code: Country(
                    re.compile(row["pattern"]),
                    row["town"],
                    row["states"],
                    {region: re.compile("|".join(zips)) for region, zips in row["regions"].items()},
                )
                for code, row in table.items()
                if code in countries()
            }
        )
    except (ValueError, KeyError, re.error) as error:
        raise DatasetError(f"the table {POSTAL_CODES} is damaged ({error}): reinstall whence") from error


def codes_in(text: str) -> Iterator[Code]:
    """Postal codes in one line, those with their country's letters first.

    >>> [(c.text, c.countries) for c in codes_in("10 Downing St, London SW1A 2AA")]
    [('SW1A 2AA', ('GB',))]
    >>> [(c.text, c.countries) for c in codes_in("F-75001 Paris")]
    [('75001', ('FR',))]
    """
    used: list[tuple[int, int]] = []
    for match in _PREFIXED.finditer(text):
        country = _LETTERS_OF_CAR.get(match[1], "")
        if country in postal_countries() and postal_countries()[country].pattern.fullmatch(match[2]):
            used.append(match.span())
            yield _code(match[2], match.span(), (country,), _PREFIX_CHANCE)
    for match in _JAPANESE.finditer(text):
        used.append(match.span())
        yield _code(match[1], match.span(), ("JP",), 1e-6)
    for match in _CODE.finditer(text):
        if any(start < match.end() and match.start() < end for start, end in used):
            continue
        if (digits := _AFTER_LETTERS.fullmatch(match[0])) is not None:  # "Sydney NSW 2000"
            span = match.start() + digits.start(1), match.end()
            yield _code(digits[1], span, _countries_of(digits[1]), _CHANCE_OF_FOUR)
        found = _countries_of(match[0])
        if found:
            form, chance = next(row for row in _FORMS if re.fullmatch(row[0], match[0]))
            if " ?" in form and " " not in match[0]:
                chance *= _CLOSED  # serial numbers have no spaces
            yield _code(match[0], match.span(), found, chance)


def _code(text: str, span: tuple[int, int], found: tuple[str, ...], chance: float) -> Code:
    rates = np.array([CODE_RATE if c in found else 0.0 for c in countries()])
    return Code(text, *span, found, rates, chance)


@lru_cache(maxsize=512)
def _countries_of(text: str) -> tuple[str, ...]:
    closed = text.replace(" ", "")  # 700 091 for 700091
    closed = closed if closed.isdigit() else text
    return tuple(
        c
        for c, country in postal_countries().items()
        if country.pattern.fullmatch(text) or country.pattern.fullmatch(closed)
    )
