"""Phone numbers: the country that a number belongs to, and often the town.

A number with its country code says its country. One without is spread over the countries where it is valid, by how
well each one's way of grouping digits fits the way it is written. An area code points at a town, which the gazetteer
finds. Prices, dates and serial numbers are digits too: what is not written as a phone number counts little.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from data.gazetteer import Gazetteer, Place, country_name
from detectors.base import Clue, Evidence, PointEvidence, Reading
from detectors.sentences import in_countries, of_places
from detectors.signs import strength, weakened
from detectors.territories import photo_shares
from detectors.towns import Towns, towns_of

__all__ = ["Phone", "PhoneReader", "phones_in"]

_FOREIGN = 0.02  # of the numbers on a country's signs, this share is foreign, spread as the world's photos are
_BY_CHANCE = 0.02  # how well other digits fit a given country's plan, on average
_AT_AREA = 0.7  # of a town's numbers on signs, this share stands in the town
_NEXT_NUMBER, _MOST_NUMBERS = 0.25, 8
_OTHER_MARK = 0.4  # how often a country that parts groups by spaces has a hyphen after the area code
_ALL_HYPHENS = 0.05  # ... and how often another or more of them, where that is not usual
_EXTENSIONS = frozenset({"AT", "DE"})  # where a hyphen stands before the extension
_HYPHENATED = frozenset(
    {"CN", "ID", "IN", "MX", "PH", "PK", "TH", "TW"}
)  # where it is, against libphonenumber's format
_AREA_CUT = 0.3  # how often a usual way to group digits is taken where it cuts through the area code
_AREA_PEOPLE = 2.0  # an area's share of its country's photos, against its town's share of the inhabitants
_STATE_SHARE = 0.1
_LEAST_AREA, _MOST_AREA = 0.02, 0.6  # ... within these bounds
_TOWN_SIGMA_KM = 30.0  # an area code covers more than the town that it is named after
_POINTED = 0.05  # the least share of belief in one country for looking up the area code

_POINTED_RELIABILITY = 0.45  # ... and the least reliability

_SLIP = str.maketrans("OoQlI|", "000111")
# A run of digits, groups and brackets; letters that OCR takes for digits only between digits.
_CANDIDATE = re.compile(
    r"(?<![\w.,€$£¥%#])(?:\+\s?)?(?:\(\+?\d{1,5}\)|[\dOolI|])(?:[\s./\-–·()]{0,3}[\dOoQlI|]){6,16}(?![\w%€])"
)
_CONTEXT = re.compile(
    r"(?<![^\W\d_])(?:t(?:el|él|lf|elf)?|telefono?|teléfono|téléphone|telephone|phone|ph|mob|mobile|cel|cell|call|fax|"
    r"whatsapp|hotline|bel|ring|rufen|тел|电话|電話|전화|โทร)\s*[.:]?\s*(?:no\.?)?\s*$|[☎☏✆📞📱]\s*$",
    re.IGNORECASE,
)
_MONEY = re.compile(r"(?:[$€£¥₹₽₩฿₫₺]|\b(?:usd|eur|gbp|rs|rp|kr|chf))\.?\s*$", re.IGNORECASE)
_NOT_PHONES = re.compile(
    r"\d{1,2}[./\-]\d{1,2}[./\-](?:19|20)\d\d|(?:19|20)\d\d[./\-]\d{1,2}[./\-]\d{1,2}|"  # dates
    r"(?:19|20)\d\d\s?[\-–/]\s?(?:19|20)\d\d|"  # spans of years
    r"\d{1,2}[.:]\d\d\s?[\-–]\s?\d{1,2}[.:]\d\d|"  # opening hours
    r"^\d{1,3}(?:[.,]\d{3})+(?:[.,]\d\d)?$|(?<![\d.])\d{1,3}[.,]\d{4,}"  # amounts, coordinates
)
# How people write numbers where libphonenumber's format is another; sizes of the groups of the national number.
_ALSO_WRITTEN: dict[str, tuple[tuple[int, ...], ...]] = {
    "ES": ((2, 3, 2, 2), (3, 3, 3), (3, 2, 2, 2), (2, 3, 4), (3, 6), (2, 7)),
    "FR": ((2, 2, 2, 2, 2),),
    "GB": ((3, 4, 4), (4, 3, 4), (5, 6), (5, 3, 3), (3, 8), (4, 7)),
    "PT": ((3, 3, 3), (2, 3, 4)),
    "IN": ((3, 4, 4), (3, 8), (4, 7), (5, 5), (5, 6), (5, 7), (4, 6), (10,)),
    "SG": ((4, 4),),
    "BR": ((4, 4), (5, 4), (2, 4, 4), (2, 5, 4)),
    "CH": ((3, 3, 2, 2),),
    "NL": ((3, 7), (3, 3, 4), (3, 3, 2, 2), (4, 6), (2, 8)),
    "BE": ((2, 3, 2, 2), (3, 2, 2, 2), (4, 2, 2, 2)),
    "PL": ((2, 3, 2, 2), (3, 3, 3), (3, 2, 2)),
    "RU": ((1, 3, 3, 2, 2), (3, 3, 2, 2), (3, 2, 2)),
    "TR": ((4, 3, 2, 2), (3, 3, 2, 2)),
    "JP": ((2, 4, 4), (3, 3, 4), (4, 2, 4)),
    "CN": ((3, 8), (4, 7), (3, 4, 4)),
    "MX": ((2, 4, 4), (3, 3, 4), (2, 2, 2, 2)),
    "AR": ((4, 4), (3, 4, 4)),
    "US": ((3, 3, 4), (1, 3, 3, 4)),
    "CA": ((3, 3, 4), (1, 3, 3, 4)),
    "SE": ((2, 3, 3, 2), (3, 3, 2, 2), (2, 3, 2, 2)),
    "FI": ((2, 3, 4), (3, 3, 4), (2, 4, 4)),
}
_WITHOUT_TRUNK = frozenset({"IN", "RU", "CN"})  # where the trunk prefix is usually left out in print


@dataclass(frozen=True)
class Phone:
    """A phone number found in a line.

    Attributes:
        countries: How well the number, as it is written, fits each country, 0 to 1; at least one.
        start: Where it begins in the line.
        end: Where it ends.
        reliability: How surely it is a phone number, 0 to 1.
        international: Whether its country code is written.
        numbers: The parsed number (``phonenumbers.PhoneNumber``) in each country.
        shown: The number masked: the country code where it is written, dots for the rest.
    """

    countries: Mapping[str, float]
    start: int
    end: int
    reliability: float
    international: bool
    numbers: Mapping[str, Any]
    shown: str


def phones_in(text: str) -> list[Phone]:
    """Phone numbers in one line of text.

    >>> phone, = phones_in("Tel. +34 91 555 12 34")
    >>> dict(phone.countries), phone.shown
    ({'ES': 1.0}, '+34 •• ••• •• ••')
    >>> best = phones_in("(415) 555-0132")[0].countries
    >>> max(best, key=best.get), phones_in("2024-05-12 13:45:10"), phones_in("1.250,00 EUR")
    ('US', [], [])
    """
    found = []
    for match in _CANDIDATE.finditer(text):
        phone = _phone(text, match.start(), match.end())
        if phone is not None:
            found.append(phone)
    return found


def _phone(text: str, start: int, end: int) -> Phone | None:
    raw = text[start:end]
    before = text[max(start - 40, 0) : start]  # a label is short; a long line of numbers would take quadratic time
    written = raw.translate(_SLIP)
    digits = re.sub(r"\D", "", written)
    slips = sum(a != b for a, b in zip(raw, written, strict=True))
    if not 7 <= len(digits) <= 15 or slips > 4 or _NOT_PHONES.search(written.strip()) or _MONEY.search(before):
        return None
    labelled = _CONTEXT.search(before) is not None
    slip_factor = 0.9**slips
    plus = "+" in written[:2]
    if plus or (written.startswith("00") and len(digits) >= 11):
        number = _parsed("+" + (digits if plus else digits[2:]), None)
        if number is not None:
            countries = _countries_of(number)
            reliability = (0.95 if plus else 0.85) * slip_factor
            code = f"+{number.country_code}" if plus else f"00{number.country_code}"
            return Phone(
                dict.fromkeys(countries, 1.0), start, end, reliability, True, dict.fromkeys(countries, number),
                _masked(raw, code),
            )  # fmt: skip
        if plus:
            return None
    groups = tuple(len(g) for g in re.findall(r"\d+", written))
    fits: dict[str, float] = {}
    numbers: dict[str, Any] = {}
    for country, number in _valid_in(digits):
        fit = _fit(number, country, written, digits, groups)
        if fit > fits.get(country, 0.0):
            fits[country], numbers[country] = fit, number
    if not fits:
        return None
    best = max(fits.values())
    grouped = (0.9 if labelled else 0.7) * (0.3 + 0.7 * best)
    alone = 0.6 if labelled else 0.2
    reliability = grouped if len(groups) > 1 else alone
    # A number much longer than its neighbours' (a serial) or as short as seven digits is a chance fit more often.
    if len(digits) <= 8 and not labelled:
        reliability *= 0.6
    return Phone(fits, start, end, reliability * slip_factor, False, numbers, _masked(raw, ""))


def _masked(raw: str, code: str) -> str:
    """``raw`` with every digit masked but those of the country code ``code`` in front."""
    out, left = [], sum(c.isdigit() for c in code)
    for c in raw:
        if c.isalnum() or c == "|":
            out.append(c if left > 0 else "•")
            left -= 1
        else:
            out.append(c)
    return "".join(out)


def _parsed(digits: str, region: str | None) -> Any | None:
    """The valid number that ``digits`` are in ``region``, or None."""
    import phonenumbers  # lazy: loads numbering plans

    try:
        number = phonenumbers.parse(digits, region)
    except phonenumbers.NumberParseException:
        return None
    valid = phonenumbers.is_valid_number(number)
    return number if valid else None


def _countries_of(number: Any) -> tuple[str, ...]:
    import phonenumbers

    if number.country_code == 1 and phonenumbers.number_type(number) == phonenumbers.PhoneNumberType.TOLL_FREE:
        return tuple(sorted(c for c in phonenumbers.COUNTRY_CODE_TO_REGION_CODE[1] if c in photo_shares()))
    region = phonenumbers.region_code_for_number(number)
    return (region,) if region is not None and region in photo_shares() else ()


def _valid_in(digits: str) -> Iterator[tuple[str, Any]]:
    """Every country where ``digits`` are a valid number when dialled there, with the number."""
    import phonenumbers

    for region in sorted(phonenumbers.SUPPORTED_REGIONS):
        number = _parsed(digits, region)
        if number is None or number.country_code != phonenumbers.country_code_for_region(region):
            continue
        if region in _countries_of(number):
            yield region, number


def _fit(number: Any, country: str, written: str, digits: str, groups: tuple[int, ...]) -> float:
    """How well the written groups fit those of ``country``: 1 for its own format, 0.02 for none in common."""
    import phonenumbers

    national = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.NATIONAL)
    formats = [national]
    if number.country_code == 1:
        formats.append("1 " + national)
    complete = False
    best = 0.0
    for form in formats:
        if re.sub(r"\D", "", form) != digits:
            continue
        complete = True
        if re.sub(r"\d", "9", form) == re.sub(r"\d", "9", written.strip()):
            return 1.0
        brackets = 1.0 if ("(" in form) == ("(" in written) else 0.5  # some countries never bracket an area
        brackets *= _mark(country, written, form)
        best = max(best, brackets * _agreement(groups, tuple(len(g) for g in re.findall(r"\d+", form))))
    usual = groups in _ALSO_WRITTEN.get(country, ())
    if not complete:
        # Not as it is dialled there: without its trunk prefix (usual in some countries), or with the country code.
        bare = usual and country in _WITHOUT_TRUNK
        return 0.6 if bare and digits == phonenumbers.national_significant_number(number) else 0.02
    area = phonenumbers.length_of_geographical_area_code(number)
    prefix = len(digits) - len(phonenumbers.national_significant_number(number))
    mark = max(_mark(country, written, form) for form in formats)
    if usual:
        whole = not area or groups[0] >= prefix + area
        best = max(best, 0.85 * mark * (1.0 if whole else _AREA_CUT))
    if len(groups) == 1:
        return 0.3
    if area and groups[0] == prefix + area:
        # Area code apart, the rest grouped freely.
        best = max(best, 0.4 * mark)
    return max(best, 0.03)


def _mark(country: str, written: str, form: str) -> float:
    """How often the groups of a number in ``form`` are parted by such marks as in ``written``."""
    if "-" not in written or "-" in form or country in _HYPHENATED:
        return 1.0
    hyphens = ["-" in mark for mark in re.findall(r"(?<=\d)\D+(?=\d)", written)]
    alone = sum(hyphens) == 1 and (hyphens[0] or (hyphens[-1] and country in _EXTENSIONS))
    return _OTHER_MARK if alone else _ALL_HYPHENS


def _agreement(written: Sequence[int], expected: Sequence[int]) -> float:
    """0.9 where the groups are the same, else the squared share of boundaries in common, halved."""
    if tuple(written) == tuple(expected):
        return 0.9
    a = {sum(written[: i + 1]) for i in range(len(written) - 1)}
    b = {sum(expected[: i + 1]) for i in range(len(expected) - 1)}
    return 0.5 * (len(a & b) / len(a | b)) ** 2 if a | b else 0.9


class PhoneReader:
    """Finds phone numbers and says where they belong.

    >>> box = ((0.0, 0.0), (9.0, 0.0), (9.0, 9.0), (0.0, 9.0))
    >>> clue, = PhoneReader().clues([Reading("r0", "Tel. +34 91 555 12 34", box, 0.97)])
    >>> clue.text, clue.points_to, clue.evidence.sources
    ('+34 •• ••• •• ••', ('Madrid, ES',), ('r0:5-21',))
    """

    kind = "phone"

    def __init__(self, gazetteer: Gazetteer | None = None) -> None:
        """Args: gazetteer: what finds towns; the shipped one, opened when first needed, where None."""
        self._gazetteer = gazetteer

    def clues(self, readings: Sequence[Reading]) -> list[Clue]:
        """One clue for each different number, of the eight that say most, each a quarter as heavy as the one before."""
        out: list[Clue] = []
        seen: set[str] = set()
        for reading in readings:
            for phone in phones_in(reading.text):
                digits = re.sub(r"\D", "", reading.text[phone.start : phone.end].translate(_SLIP))
                if digits not in seen and phone.countries:
                    out.append(self._clue(phone, reading))
                seen.add(digits)
        return _together([clue for clue in out if _tells(clue)])

    def _clue(self, phone: Phone, reading: Reading) -> Clue:
        shares = photo_shares()
        reliability = phone.reliability * (0.4 + 0.6 * reading.confidence)
        fits = phone.countries
        # P(this writing | country): its fit, or the small chance that a foreign number stands there.
        at_home = sum(shares.get(c, 0.0) * fit for c, fit in fits.items())
        foreign = _FOREIGN * at_home
        background = at_home + foreign
        # Digits that are no phone number fit the plans of small countries as often as those of large ones.
        reliability = reliability * background / (reliability * background + (1.0 - reliability) * _BY_CHANCE)

        def log_lr(fit: float) -> float:
            return math.log(reliability * (fit + foreign) / background + 1.0 - reliability)

        countries = {c: log_lr(fit) for c, fit in fits.items()}
        belief = {c: shares.get(c, 0.0) * fit for c, fit in fits.items()}
        total = sum(belief.values())
        ranked = sorted(belief, key=lambda c: -belief[c])
        points: list[PointEvidence] = []
        regions: dict[str, float] = {}
        names: list[str] = []
        told: list[str] = []
        for country in ranked[:4]:
            if belief[country] < _POINTED * total or phone.reliability < _POINTED_RELIABILITY:
                continue
            area = self._area(phone.numbers[country], country)
            if area is None:
                continue
            # In the area the number is so much more telling than in the country at large, and in the rest so much less.
            share = _STATE_SHARE if isinstance(area, str) else self._share_of(area)
            countries[country] = log_lr(fits[country] * (1.0 - _AT_AREA) / (1.0 - share))
            inside = log_lr(fits[country] * _AT_AREA / share)
            if isinstance(area, str):
                regions[area] = inside
                names.append(f"{area[3:]}, {country}")
                told.append(f"{self._towns.region_name(area)}, {country}")
            else:
                points.append(PointEvidence(area.lat, area.lon, _TOWN_SIGMA_KM, inside))
                names.append(f"{area.name}, {country}")
                told.append(names[-1])
        where = of_places(told) or in_countries(ranked[:4], more=len(ranked) > 4)
        if phone.international:
            meaning = f"a phone number of {where}, with its country code"
        else:
            meaning = f"a phone number {'of' if told else 'written as in'} {where}"
        return Clue(
            kind=self.kind,
            text=phone.shown,
            meaning=meaning,
            evidence=Evidence(
                elsewhere=log_lr(0.0), countries=countries, regions=regions, points=tuple(points),
                sources=(f"{reading.id}:{phone.start}-{phone.end}",),
            ),
            box=reading.box,
            points_to=tuple(names or ranked[:4]),
        )  # fmt: skip

    @property
    def _towns(self) -> Towns:
        return towns_of(self._gazetteer)

    def _share_of(self, town: Place) -> float:
        """Share of its country's photos in the area of ``town``."""
        people = self._towns.photo_share(town) / max(town.local_share, 1e-4)
        return min(max(_AREA_PEOPLE * people / photo_shares()[town.country], _LEAST_AREA), _MOST_AREA)

    def _area(self, number: Any, country: str) -> Place | str | None:
        """The town or admin-1 code of a number's area code, or None."""
        import phonenumbers

        fixed = (phonenumbers.PhoneNumberType.FIXED_LINE, phonenumbers.PhoneNumberType.FIXED_LINE_OR_MOBILE)
        if phonenumbers.number_type(number) not in fixed:
            return None
        description = _describe()(number)
        if not description or description == country_name(country):
            return None
        town, _, region = description.partition(",")
        code = _STATES.get(description.strip()) if country in ("US", "CA") else None
        if code is not None:
            return f"{country}.{code}"
        wanted = _STATES.get(region.strip(), region.strip()) if country in ("US", "CA") else None
        places = [
            place for place, _ in self._towns.named(re.split(r"[/(]| - ", town)[0].split()) if place.country == country
        ]
        if wanted:
            inside = [p for p in places if str(p.admin1).rpartition(".")[2] == wanted]
            places = inside or []
        if not places:
            return None
        return max(places, key=lambda p: p.population)


@lru_cache(maxsize=1)
def _describe() -> Callable[[Any], str]:
    from phonenumbers import geocoder  # lazy: two seconds and 50 MB of area names

    def describe(number: Any) -> str:
        return str(geocoder.description_for_valid_number(number, "en") or "")

    return describe


def _together(clues: Sequence[Clue]) -> list[Clue]:
    """How a photo's numbers are written, and whether they are telephone numbers at all, is one fact."""
    order = sorted(range(len(clues)), key=lambda k: -strength(clues[k].evidence))[:_MOST_NUMBERS]
    weights = {k: _NEXT_NUMBER**rank for rank, k in enumerate(order)}
    return [replace(clues[k], evidence=weakened(clues[k].evidence, weights[k])) for k in sorted(weights)]


def _tells(clue: Clue) -> bool:
    """Whether the clue moves anything: a serial number that is valid everywhere does not."""
    values = [*clue.evidence.countries.values(), *(p.log_lr for p in clue.evidence.points)]
    return bool(values) and max(values) - clue.evidence.elsewhere >= 0.3


_STATES = {
    "Alabama": "AL", "Alaska": "AK", "Arizona": "AZ", "Arkansas": "AR", "California": "CA", "Colorado": "CO",
    "Connecticut": "CT", "Delaware": "DE", "Florida": "FL", "Georgia": "GA", "Hawaii": "HI", "Idaho": "ID",
    "Illinois": "IL", "Indiana": "IN", "Iowa": "IA", "Kansas": "KS", "Kentucky": "KY", "Louisiana": "LA",
    "Maine": "ME", "Maryland": "MD", "Massachusetts": "MA", "Michigan": "MI", "Minnesota": "MN", "Mississippi": "MS",
    "Missouri": "MO", "Montana": "MT", "Nebraska": "NE", "Nevada": "NV", "New Hampshire": "NH", "New Jersey": "NJ",
    "New Mexico": "NM", "New York": "NY", "North Carolina": "NC", "North Dakota": "ND", "Ohio": "OH", "Oklahoma": "OK",
    "Oregon": "OR", "Pennsylvania": "PA", "Rhode Island": "RI", "South Carolina": "SC", "South Dakota": "SD",
    "Tennessee": "TN", "Texas": "TX", "Utah": "UT", "Vermont": "VT", "Virginia": "VA", "Washington State": "WA",
    "Washington": "WA", "Washington D.C.": "DC", "West Virginia": "WV", "Wisconsin": "WI", "Wyoming": "WY",
    "Alberta": "01", "British Columbia": "02", "Manitoba": "03", "New Brunswick": "04",
    "Newfoundland and Labrador": "05", "Nova Scotia": "07", "Ontario": "08", "Prince Edward Island": "09",
    "Quebec": "10", "Saskatchewan": "11", "AB": "01", "BC": "02", "MB": "03", "NB": "04", "NL": "05", "NS": "07",
    "ON": "08", "PE": "09", "QC": "10", "SK": "11",
}  # fmt: skip
"""Names and postal codes of states and provinces to GeoNames' admin-1 codes, where those differ."""
