"""Facts about countries: the languages of their signs, their share of the world's photos, and their names.

CLDR (through babel) says what people speak and what is official; signs follow what is official. Where the two differ
from what one sees in the street, ``_STREETS`` says so by hand.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Final

from data.assets import read_asset

__all__ = ["TABLE_PATH", "TABLE_SHA256", "language_name", "photo_shares", "sign_languages"]

TABLE_PATH: Final = Path(__file__).parent / "assets" / "territories.json"
TABLE_SHA256: Final = "5a9be23267c209010c97deabef5545818618e018c4ef82094c92410e2c79a851"

# What a speaker of a language adds to the signs, by the language's standing in the country.
_STANDING = {"official": 1.0, "de_facto_official": 1.0, "official_regional": 0.7, None: 0.03}

# Foreign text stands everywhere: English on shops and for visitors, French and Italian on bakeries, restaurants and
# fashion, Spanish on restaurants; the rest by what the world speaks. These shares are added to every country's own.
_FLOOR = {"en": 0.13, "fr": 0.015, "it": 0.015, "es": 0.012, "zh": 0.006, "de": 0.006, "ja": 0.005, "ar": 0.003}
_FLOOR_OTHERS = 0.02  # spread over all other languages by their share of the world's photos

# Shares of the signs by language where the count of speakers misleads: a second language that many know but few write
# (Belgium's German), a language of trade and road signs that few call their own (English in India).
_STREETS: dict[str, dict[str, float]] = {
    "AD": {"ca": 0.60, "es": 0.25, "fr": 0.15},
    "AE": {"ar": 0.55, "en": 0.45},
    "BD": {"bn": 0.80, "en": 0.20},
    "BE": {"nl": 0.55, "fr": 0.43, "de": 0.02},
    "BH": {"ar": 0.55, "en": 0.45},
    "BN": {"ms": 0.65, "en": 0.35},
    "CY": {"el": 0.50, "en": 0.35, "tr": 0.15},
    "ET": {"am": 0.70, "en": 0.30},
    "FI": {"fi": 0.88, "sv": 0.12},
    "FJ": {"en": 1.0},
    "GB": {"en": 0.975, "cy": 0.02, "ga": 0.005},
    "GH": {"en": 1.0},
    "GL": {"da": 0.90, "en": 0.10},
    "IE": {"en": 0.85, "ga": 0.15},
    "IL": {"he": 0.65, "en": 0.20, "ar": 0.12, "ru": 0.03},
    "IN": {"en": 0.60, "hi": 0.16, "ta": 0.04, "bn": 0.04, "te": 0.03, "mr": 0.03, "kn": 0.03, "ml": 0.02, "gu": 0.02,
           "pa": 0.01, "or": 0.01, "ur": 0.01},
    "JM": {"en": 1.0},
    "KE": {"en": 0.80, "sw": 0.20},
    "KH": {"km": 0.70, "en": 0.30},
    "KW": {"ar": 0.60, "en": 0.40},
    "LB": {"ar": 0.50, "en": 0.27, "fr": 0.23},
    "LK": {"si": 0.45, "en": 0.35, "ta": 0.20},
    "LU": {"fr": 0.70, "de": 0.18, "lb": 0.12},
    "MO": {"zh_Hant": 0.65, "pt": 0.35},
    "MT": {"en": 0.65, "mt": 0.35},
    "MY": {"ms": 0.52, "en": 0.32, "zh": 0.07, "zh_Hant": 0.05, "ta": 0.04},
    "NP": {"ne": 0.60, "en": 0.40},
    "OM": {"ar": 0.60, "en": 0.40},
    "PH": {"en": 0.80, "fil": 0.20},
    "PK": {"en": 0.50, "ur": 0.48, "sd": 0.02},
    "QA": {"ar": 0.55, "en": 0.45},
    "RW": {"en": 0.60, "fr": 0.25, "sw": 0.15},
    "SA": {"ar": 0.70, "en": 0.30},
    "SG": {"en": 0.82, "zh": 0.13, "ms": 0.03, "ta": 0.02},
    "TZ": {"sw": 0.55, "en": 0.45},
    "UG": {"en": 0.90, "sw": 0.10},
    "ZA": {"en": 0.87, "af": 0.13},
}  # fmt: skip

# CLDR's codes to those that detectors.language_model can name.
_SAME = {
    "no": "nb", "nn": "nb", "hr": "sh", "bs": "sh", "sr_Latn": "sh", "bs_Cyrl": "sr", "uz_Cyrl": "uz", "prs": "fa",
    "fa_AF": "fa", "gsw": "de", "zh_Hans": "zh", "wuu": "zh", "yue_Hans": "zh", "yue": "zh_Hant", "nan_Hant": "zh_Hant",
    "hak_Hant": "zh_Hant", "tl": "fil", "kok": "mr",
}  # fmt: skip
_PEOPLE_WEIGHT = 0.5  # of people's photos against street photos, when shares of photos are mixed


@lru_cache(maxsize=1)
def photo_shares() -> Mapping[str, float]:
    """Share of the world's photos by country: half people's, half street photos; sums to 1.

    Raises:
        DatasetError: The shipped table is missing, unreadable, damaged or another one.

    >>> photo_shares()["US"] > photo_shares()["LI"] > 0.0
    True
    """
    table = json.loads(read_asset(TABLE_PATH, TABLE_SHA256))
    people, street = table["people"], table["street"]
    # Every territory that CLDR knows gets a little: no photo of Tuvalu among 100,000 does not rule Tuvalu out.
    codes = sorted(set(people) | set(street) | set(_cldr_languages()))
    raw = {c: _PEOPLE_WEIGHT * people.get(c, 0.0) + (1 - _PEOPLE_WEIGHT) * street.get(c, 0.0) + 1e-6 for c in codes}
    total = sum(raw.values())
    return MappingProxyType({c: v / total for c, v in raw.items()})


@lru_cache(maxsize=1)
def _cldr_languages() -> dict[str, dict[str, dict[str, object]]]:
    from babel.core import get_global  # lazy: unpickles CLDR's tables, only a photo with text needs them

    table = get_global("territory_languages")
    # "ZZ" is nowhere, "EU" and "UN" are no countries, Antarctica has no language
    return {c: dict(table[c]) for c in table if len(c) == 2 and c.isalpha() and c not in {"ZZ", "EU", "UN", "EZ", "AQ"}}


@lru_cache(maxsize=1)
def sign_languages() -> Mapping[str, Mapping[str, float]]:
    """``P(language | a sign in the country)`` for every country that CLDR knows; each sums to 1.

    Official languages count by their speakers, others hardly; on top of it stands foreign text (16 to 21 percent), of
    which most is English.

    >>> signs = sign_languages()
    >>> signs["ES"]["es"] > 0.6, signs["NL"]["en"] < 0.2, signs["BE"]["nl"] > signs["BE"]["fr"]
    (True, True, True)
    """
    own = {code: _own_languages(code) for code in photo_shares()}
    weight = photo_shares()
    world: dict[str, float] = {}
    for code, languages in own.items():
        for language, share in languages.items():
            world[language] = world.get(language, 0.0) + weight[code] * share
    others = {k: v for k, v in world.items() if k not in _FLOOR}
    floor = {k: _FLOOR_OTHERS * v / sum(others.values()) for k, v in others.items()} | _FLOOR
    kept = 1.0 - sum(floor.values())
    out = {}
    for code, languages in own.items():
        mixed = {k: kept * languages.get(k, 0.0) + floor[k] for k in floor}
        total = sum(mixed.values())
        out[code] = MappingProxyType({k: v / total for k, v in mixed.items()})
    return MappingProxyType(out)


def _own_languages(code: str) -> dict[str, float]:
    if code in _STREETS:
        return _STREETS[code]
    out: dict[str, float] = {}
    for name, facts in _cldr_languages().get(code, {}).items():
        language = _SAME.get(name, name)
        if language.endswith(("_Arab", "_Cyrl", "_Deva", "_Tfng")) or language == "und":
            continue  # a minority's second script
        percent = facts["population_percent"]
        standing = facts["official_status"]
        assert isinstance(percent, float | int)
        share = float(percent) * _STANDING.get(standing if isinstance(standing, str) else None, 0.03)
        out[language] = max(out.get(language, 0.0), share)  # nb, nn and no are one language here
    total = sum(out.values())
    return {k: v / total for k, v in out.items()} if total > 0 else {"en": 1.0}


def language_name(code: str) -> str:
    """English name of a CLDR language code, or the code itself.

    >>> language_name("es"), language_name("zh_Hant"), language_name("sh")
    ('Spanish', 'Traditional Chinese', 'Serbo-Croatian')
    """
    from babel import Locale  # lazy, as above; CLDR keeps what it has read

    return str(Locale.parse("en").languages.get(code, code))
