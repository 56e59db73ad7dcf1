"""What stands on signs at a place, as lines of text: words, shop names, brands, addresses, phones, domains, prices.

Each maker takes a spot and gives the lines of one sign. Where the readers have tables (brands, street words, names of
institutions, official signs, formats of postal codes, roads and plates) the makers draw from them at the tables' own
rates; most words are of general word lists, and most names those of towns too small to be known, so that a good part
of the text is not what the readers know. Word frequencies: wordfreq (extra ``build``); phone numbers: phonenumbers'
examples with other last digits; prices: CLDR through babel.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from data.errors import DatasetError
from data.gazetteer import Place, load_default
from detectors.brand_table import BrandTable
from detectors.institution_words import INSTITUTION_WORDS, INSTITUTION_WORDS_SHA256
from detectors.plate_formats import PlateFormat, plate_formats
from detectors.postal import postal_countries
from detectors.rates import parse_rates
from detectors.road_table import FORMS
from detectors.sign_phrases import PHRASES
from detectors.street_lines import STREET_WORDS, STREET_WORDS_SHA256
from detectors.territories import region_languages, sign_languages
from detectors.word_tables import TableRow, countries, rows_of
from fusion.simulated_regex import string_of

__all__ = ["MAKERS", "Spot", "plate_text", "spot_at", "world_spot"]

Rng = np.random.Generator
_T = TypeVar("_T")
_Points = tuple[tuple[float, float, float], ...]
_Chain = tuple[str, frozenset[str], _Points]  # name, regions, points that it keeps to within the country
Maker = Callable[["Spot", Rng], Sequence[str]]

_WORDS: Final = 15_000  # of each language's list
_FLATTER: Final = 0.35  # power of a word's frequency: signs use rare nouns more evenly than texts
# Letters of readings of confidence below 0.8 in photos, as often as they came (benchmarks.clue_rates).
_NOISE: Final = (
    "EEEEEEEEEE11111111TTTTTTAAAAAALLLLL::::mmmmmCCCCNNNNOOOO0000RRRННННPPPUUUaaaIIInnnMMMHHHeeelllSSSiiiooottrrDD33"
    "22WWBBwwccss44GGFF557uuVZYXbg."
)
_NOISE_HAN: Final = "三三三小小自自业业中中武临川平网果口品章心道连养童言"
_UNSPACED: Final = ("zh", "zh_Hant", "ja", "th")


@dataclass(frozen=True)
class Spot:
    """Where a photo was taken, as far as its signs go.

    Attributes:
        lat: Degrees.
        lon: Degrees.
        country: ISO 3166-1 alpha-2.
        region: GeoNames admin-1 code, or "".
        town: The nearest place.
        city: The largest place within 40 km.
        near: Other places within 80 km.
    """

    lat: float
    lon: float
    country: str
    region: str
    town: Place
    city: Place
    near: Sequence[Place]


def spot_at(lat: float, lon: float) -> Spot:
    """The spot at a point in degrees."""
    gazetteer = load_default()
    town, _ = gazetteer.nearest(lat, lon)
    around = gazetteer.within(lat, lon, 80.0)[:12].tolist()  # largest first
    near = [gazetteer.place(k) for k in around] or [town]
    close = gazetteer.within(lat, lon, 40.0)[:1].tolist()
    city = gazetteer.place(close[0]) if close else town
    return Spot(lat, lon, town.country, town.admin1, town, city, near)


def world_spot(rng: Rng) -> Spot:
    """A spot at one of the larger towns, the larger the likelier: whence travel agencies and restaurants are."""
    gazetteer = load_default()
    rank = int(np.exp(rng.uniform(0.0, np.log(8_000.0)))) - 1
    place = gazetteer.place(rank)
    return spot_at(place.lat, place.lon)


def words(spot: Spot, rng: Rng) -> Sequence[str]:
    """One to three words of a language of the place's signs."""
    return [_phrase(_language(spot, rng), rng)]


def shop(spot: Spot, rng: Rng) -> Sequence[str]:
    """A shop's name: a family's or a small town's name beside a word or two."""
    language = _language(spot, rng)
    name = _name(spot, rng)
    word = _phrase(language, rng, most=2)
    return [f"{word} {name}" if rng.random() < 0.5 else f"{name} {word}"] if rng.random() < 0.6 else [name, word]


def brand(spot: Spot, rng: Rng) -> Sequence[str]:
    """A chain that trades here, as often as it has outlets."""
    names, cumulative = _brands().get(spot.country, ((), np.zeros(0)))
    for _ in range(20):
        if not names:
            break
        name, regions, points = names[_index(cumulative, rng)]
        if (
            (not regions and not points)
            or spot.region in regions
            or any(
                (spot.lat - lat) ** 2 + (spot.lon - lon) ** 2 < (2.0 * sigma / 111.0) ** 2 for lat, lon, sigma in points
            )
        ):
            return [name.upper() if rng.random() < 0.3 else name]
    return shop(spot, rng)


def address(spot: Spot, rng: Rng) -> Sequence[str]:
    """A street with a number, sometimes with postal code and town below."""
    street = street_name(spot, rng)[0]
    number = str(int(np.exp(rng.uniform(0.0, np.log(300.0)))))
    first = _language(spot, rng) in ("en", "fr") and rng.random() < 0.9
    line = f"{number} {street}" if first else f"{street} {number}"
    if rng.random() < 0.5:
        return [line]
    postal = postal_countries().get(spot.country)
    town = spot.city.name if rng.random() < 0.6 else spot.town.name
    if postal is None or rng.random() < 0.25:
        return [line, town]
    allowed = postal.regions.get(spot.region)
    code = ""
    for _ in range(30):  # until one of the region's codes comes up
        code = string_of(postal.pattern.pattern, rng)
        if allowed is None or allowed.match(code):
            break
    return [line, f"{town} {code}" if postal.town == "before" else f"{code} {town}"]


def street_name(spot: Spot, rng: Rng) -> Sequence[str]:
    """A street's name as on its sign."""
    rows, cumulative = _table("street").get(spot.country, ((), np.zeros(0)))
    name = _name(spot, rng) if rng.random() < 0.6 else _phrase(_language(spot, rng), rng, most=1)
    if not rows:
        return [name]
    row = rows[_index(cumulative, rng)]
    word = row.words[int(rng.integers(len(row.words)))]
    word = word[:1].upper() + word[1:]
    if row.where == "s":
        return [name + word.lower()]
    if row.where == "p":
        return [word + name.lower()]
    return [f"{word} {name}" if row.where == "b" or (row.where == "x" and rng.random() < 0.5) else f"{name} {word}"]


def institution(spot: Spot, rng: Rng) -> Sequence[str]:
    """An office's name, mostly with its town's."""
    rows, cumulative = _table("institution").get(spot.country, ((), np.zeros(0)))
    if not rows:
        return words(spot, rng)
    row = rows[_index(cumulative, rng)]
    word = row.words[int(rng.integers(len(row.words)))]
    word = word.upper() if rng.random() < 0.5 else word.title()
    town = spot.city.name if rng.random() < 0.6 else spot.town.name
    if row.where == "n" or rng.random() < 0.35:
        return [word]
    joint = f"{town} {word}" if row.where == "b" else f"{word} {town}"
    return [joint] if rng.random() < 0.6 else joint.rsplit(" ", 1) if row.where == "b" else [word, town]


def official(spot: Spot, rng: Rng) -> Sequence[str]:
    """An official sign of the country."""
    rows, cumulative = _official().get(spot.country, ((), np.zeros(0)))
    if not rows:
        return words(spot, rng)
    text = rows[_index(cumulative, rng)]
    text = text.upper() if rng.random() < 0.7 else text.capitalize()
    parts = text.split(" ")
    return [text] if len(parts) < 2 or rng.random() < 0.5 else [" ".join(parts[:1]), " ".join(parts[1:])]


def direction(spot: Spot, rng: Rng) -> Sequence[str]:
    """A signpost: one to three towns around, some with their distance."""
    count = min(int(rng.integers(1, 4)), len(spot.near))
    chosen = rng.choice(len(spot.near), size=count, replace=False)
    lines = []
    for k in chosen.tolist():
        place = spot.near[k]
        km = 111.0 * np.hypot(place.lat - spot.lat, (place.lon - spot.lon) * np.cos(np.radians(spot.lat)))
        lines.append(f"{place.name} {max(round(float(km)), 1)}" if rng.random() < 0.5 else place.name)
    return lines


def town(spot: Spot, rng: Rng) -> Sequence[str]:
    """The name of the town or its city."""
    place = spot.city if rng.random() < 0.6 else spot.town
    return [place.name.upper() if rng.random() < 0.6 else place.name]


def road(spot: Spot, rng: Rng) -> Sequence[str]:
    """A road's number in the country's form."""
    forms, cumulative = _roads().get(spot.country, ((), np.zeros(0)))
    return [string_of(forms[_index(cumulative, rng)], rng)] if forms else words(spot, rng)


def phone(spot: Spot, rng: Rng) -> Sequence[str]:
    """A telephone number of the country, in its own or the international form."""
    import phonenumbers

    kinds = phonenumbers.PhoneNumberType
    kind = kinds.FIXED_LINE if rng.random() < 0.6 else kinds.MOBILE
    number = phonenumbers.example_number_for_type(spot.country, kind)
    if number is None or number.national_number is None:
        return words(spot, rng)
    digits = str(number.national_number)
    for _ in range(20):
        tail = int(rng.integers(4, 7))
        number.national_number = int(digits[:-tail] + "".join(map(str, rng.integers(0, 10, tail))))
        if phonenumbers.is_valid_number(number):
            break
    form = (
        phonenumbers.PhoneNumberFormat.INTERNATIONAL if rng.random() < 0.3 else phonenumbers.PhoneNumberFormat.NATIONAL
    )
    prefix = ("", "", "Tel. ", "Tel: ", "☎ ")[int(rng.integers(5))]
    return [prefix + phonenumbers.format_number(number, form)]


def domain(spot: Spot, rng: Rng) -> Sequence[str]:
    """A shop's web address, four in ten of them under no country."""
    from data.folding import fold

    name = "".join(c for c in fold(_name(spot, rng)) if c.isascii() and c.isalnum()) or "shop"
    ending = {"GB": "co.uk", "US": "com", "JP": "co.jp", "BR": "com.br", "AU": "com.au", "ZA": "co.za", "NZ": "co.nz",
              "IN": "in", "TR": "com.tr", "AR": "com.ar", "MX": "com.mx", "KR": "co.kr", "TH": "co.th", "SG": "com.sg",
              "MY": "com.my", "HK": "com.hk", "TW": "com.tw", "ID": "co.id", "IL": "co.il"}  # fmt: skip
    top = "com" if rng.random() < 0.4 else ending.get(spot.country, spot.country.lower())
    return [("www." if rng.random() < 0.7 else "") + f"{name[:18]}.{top}"]


def price(spot: Spot, rng: Rng) -> Sequence[str]:
    """A price in the country's money."""
    from babel.core import UnknownLocaleError
    from babel.numbers import format_currency, get_territory_currencies

    codes = get_territory_currencies(spot.country)
    if not codes:
        return words(spot, rng)
    amount = float(np.round(np.exp(rng.uniform(0.0, np.log(400.0))), int(rng.integers(0, 3))))
    language = _language(spot, rng).partition("_")[0]
    for locale in (f"{language}_{spot.country}", language, "en"):
        try:
            return [format_currency(amount, codes[-1], locale=locale).replace("\xa0", " ")]
        except (UnknownLocaleError, ValueError):
            continue
    return words(spot, rng)


def number(spot: Spot, rng: Rng) -> Sequence[str]:
    """A number without meaning: a house, a bus, opening hours."""
    kind = rng.random()
    if kind < 0.6:
        return [str(int(np.exp(rng.uniform(0.0, np.log(2_000.0)))))]
    if kind < 0.85:
        return [f"{int(rng.integers(7, 11))}:00 - {int(rng.integers(16, 23))}:{('00', '30')[int(rng.integers(2))]}"]
    return [f"{int(rng.integers(5, 80))} %"]


def noise(spot: Spot, rng: Rng) -> Sequence[str]:
    """What OCR makes of leaves, fences and windows: mostly one to four letters or digits, or a simple Han character."""
    if rng.random() < 0.2:
        return ["".join(_NOISE_HAN[int(k)] for k in rng.integers(0, len(_NOISE_HAN), 1 if rng.random() < 0.75 else 3))]
    count = 1 + min(int(rng.geometric(0.3)) - 1, 20)
    few = rng.choice(list(_NOISE), size=max(1 + count // 2, 1))  # a fence gives the same letters again and again
    return ["".join(rng.choice(few, size=count))]


def piece(spot: Spot, rng: Rng) -> Sequence[str]:
    """A piece of a word that is cut off or half hidden."""
    text = _phrase(_language(spot, rng), rng, most=1)
    if len(text) < 4:
        return [text]
    long = int(rng.integers(3, min(len(text), 8)))
    start = int(rng.integers(len(text) - long + 1))
    return [text[start : start + long]]


def english(spot: Spot, rng: Rng) -> Sequence[str]:
    """English words, as on signs and shirts everywhere."""
    return [_phrase("en", rng)]


def coordinates(spot: Spot, rng: Rng) -> Sequence[str]:
    """A position stamped into the picture."""
    lat, lon = spot.lat + 0.002 * rng.normal(), spot.lon + 0.002 * rng.normal()
    return [f"{abs(lat):.5f}{'N' if lat >= 0 else 'S'} {abs(lon):.5f}{'E' if lon >= 0 else 'W'}"]


MAKERS: Final[Mapping[str, Maker]] = MappingProxyType(
    {
        maker.__name__: maker
        for maker in (
            words, shop, brand, address, street_name, institution, official, direction, town, road, phone, domain,
            price, number, noise, piece, english, coordinates,
        )
    }
)  # fmt: skip
"""Makers of signs by name."""


def plate_text(spot: Spot, rng: Rng) -> tuple[str, PlateFormat] | None:
    """The text of a car's plate of the country, and its format; None where its formats are not known."""
    rows = [row for row in plate_formats() if row.country == spot.country]
    if not rows:
        return None
    fits = np.array([row.share * (1.0 if not row.region or row.region == spot.region else 0.05) for row in rows])
    row = rows[_index(np.cumsum(fits / fits.sum()), rng)]
    return row.sample(random.Random(int(rng.integers(2**32)))), row


def _language(spot: Spot, rng: Rng) -> str:
    codes, cumulative = _languages(spot.country, spot.region)
    return codes[_index(cumulative, rng)]


@lru_cache(maxsize=8192)
def _languages(country: str, region: str) -> tuple[Sequence[str], NDArray[np.float64]]:
    shares = region_languages().get(region) or sign_languages().get(country) or {"en": 1.0}
    told = sorted(((code, share) for code, share in shares.items() if share > 1e-3), key=lambda item: -item[1])
    p = np.array([share for _, share in told] or [1.0])
    return [code for code, _ in told] or ["en"], np.cumsum(p / p.sum())


def _phrase(language: str, rng: Rng, most: int = 3) -> str:
    listed, cumulative = _vocabulary(language)
    count = min(int(rng.choice([1, 1, 2, 2, 3])), most)
    parts = [listed[_index(cumulative, rng)] for _ in range(count)]
    text = ("" if language in _UNSPACED else " ").join(parts)
    case = rng.random()
    return text.upper() if case < 0.5 else text.title() if case < 0.75 else text[:1].upper() + text[1:]


@lru_cache(maxsize=128)
def _vocabulary(language: str) -> tuple[Sequence[str], NDArray[np.float64]]:
    """Words of a language: two thirds of running text, a third of signs, as far as there are lists."""
    try:
        import wordfreq
    except ImportError as error:
        raise DatasetError("simulating photos needs word lists: pip install 'whence[build]'") from error

    shares: dict[str, float] = {}
    pools: list[dict[str, float]] = []
    code = "zh" if language == "zh_Hant" else language
    if code in _wordfreq_languages():
        frequencies = wordfreq.get_frequency_dict(code, wordlist="best")
        top = sorted(frequencies, key=lambda word: (-frequencies[word], word))[:_WORDS]
        pools.append({w: frequencies[w] ** _FLATTER for w in top if len(w) > 1 and not any(c.isdigit() for c in w)})
    signs = _sign_words().get(language) or _sign_words().get(code)
    if signs:
        pools.append(dict.fromkeys(signs, 1.0))
    if not pools:
        return _vocabulary("en") if language != "en" else ((), np.zeros(0))
    for weight, pool in zip((2.0, 1.0), pools, strict=False):
        total = sum(pool.values())
        for word, share in pool.items():
            shares[word] = shares.get(word, 0.0) + weight * share / total
    listed = sorted(shares)
    p = np.array([shares[word] for word in listed])
    return listed, np.cumsum(p / p.sum())


@lru_cache(maxsize=1)
def _wordfreq_languages() -> frozenset[str]:
    import wordfreq

    return frozenset(wordfreq.available_languages())


@lru_cache(maxsize=1)
def _sign_words() -> Mapping[str, Sequence[str]]:
    from detectors.language_words import sign_words

    return sign_words()


def _name(spot: Spot, rng: Rng) -> str:
    """A name of somebody or something: that of a small town of the country or of another one, or a word."""
    kind = rng.random()
    if kind < 0.55:
        return _phrase(_language(spot, rng), rng, most=1)
    ids = _small_towns(spot.country if kind < 0.82 else world_spot(rng).country)
    place = load_default().place(int(ids[int(rng.integers(len(ids)))])) if len(ids) else spot.town
    name = place.name.split(" ")[0] if rng.random() < 0.7 else place.name
    return name.upper() if rng.random() < 0.3 else name


@lru_cache(maxsize=256)
def _small_towns(country: str) -> NDArray[np.int64]:
    gazetteer = load_default()
    ids = np.arange(len(gazetteer))
    own = ids[gazetteer.countries_of(ids) == country] if country else ids
    return own[len(own) // 3 :]


@lru_cache(maxsize=1)
def _brands() -> Mapping[str, tuple[Sequence[_Chain], NDArray[np.float64]]]:
    """Country to its chains, with regions or points where they keep to these, and running sums of their outlets."""
    from detectors.territories import photo_shares

    shares = photo_shares()
    found: dict[str, list[tuple[_Chain, float]]] = {}
    for one in BrandTable.open().brands():
        for claim in one.claims:
            area = claim.area
            told = [c for c in shares if c not in area.countries] if area.world else list(area.countries)
            places: dict[str, tuple[set[str], list[tuple[float, float, float]]]] = {c: (set(), []) for c in told}
            for region in area.regions:
                places.setdefault(region[:2], (set(), []))[0].add(region)
            for lat, lon, sigma, country in area.points:
                places.setdefault(country, (set(), []))[1].append((lat, lon, sigma))
            for country, (regions, points) in places.items():
                if country not in shares:
                    continue
                outlets = claim.outlets * shares[country] / max(area.share, shares[country])
                if outlets > 0.0:
                    found.setdefault(country, []).append(((one.name, frozenset(regions), tuple(points)), outlets))
    return {country: _drawn_by(rows) for country, rows in found.items()}


@lru_cache(maxsize=2)
def _table(name: str) -> Mapping[str, tuple[Sequence[TableRow], NDArray[np.float64]]]:
    """Country to rows of a word table and running sums of their shares there."""
    path, sha256 = (
        (STREET_WORDS, STREET_WORDS_SHA256) if name == "street" else (INSTITUTION_WORDS, INSTITUTION_WORDS_SHA256)
    )
    rows = [row for row in rows_of(path, sha256) if row.where in ("a", "b", "x", "s", "p", "n")]
    shares = np.stack([row.shares for row in rows])  # [rows, C]
    found = {}
    for k, country in enumerate(countries()):
        held = np.flatnonzero(shares[:, k] > 0.0)
        if len(held):
            p = shares[held, k]
            found[country] = ([rows[i] for i in held.tolist()], np.cumsum(p / p.sum()))
    return found


@lru_cache(maxsize=1)
def _official() -> Mapping[str, tuple[Sequence[str], NDArray[np.float64]]]:
    return _by_country([(text.lstrip("!="), rates) for text, rates, _ in PHRASES])


@lru_cache(maxsize=1)
def _roads() -> Mapping[str, tuple[Sequence[str], NDArray[np.float64]]]:
    return _by_country([(pattern, rates) for pattern, rates, _ in FORMS])


def _by_country(rows: Sequence[tuple[str, str]]) -> Mapping[str, tuple[Sequence[str], NDArray[np.float64]]]:
    found: dict[str, list[tuple[str, float]]] = {}
    for text, rates in rows:
        for country, rate in parse_rates(rates).items():
            if rate > 0.0:
                found.setdefault(country, []).append((text, rate))
    return {country: _drawn_by(told) for country, told in found.items()}


def _drawn_by(rows: Sequence[tuple[_T, float]]) -> tuple[list[_T], NDArray[np.float64]]:
    """What is drawn, and running sums of the rates, ending in 1."""
    rates = np.array([rate for _, rate in rows])
    return [what for what, _ in rows], np.cumsum(rates / rates.sum())


def _index(cumulative: NDArray[np.float64], rng: Rng) -> int:
    return min(int(np.searchsorted(cumulative, rng.random(), side="right")), len(cumulative) - 1)
