"""The formats of the world's licence plates: what may stand on a plate, where, and in which colours.

``assets/plate_formats.tsv`` has a row for each format, ``assets/plate_codes.tsv`` the codes in them that tell a region
(Germany's districts, Turkey's provinces, China's characters). Both are written by hand; their notation is explained at
their beginning.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import product
from pathlib import Path
from types import MappingProxyType
from typing import Final, NamedTuple

from data.assets import read_asset
from detectors.plate_text import fold

__all__ = [
    "CODES_PATH", "CODES_SHA256", "CONTINENTS", "FORMATS_PATH", "FORMATS_SHA256", "Code", "PlateFormat", "Variant",
    "plate_codes", "plate_formats",
]  # fmt: skip

FORMATS_PATH: Final = Path(__file__).parent / "assets" / "plate_formats.tsv"
FORMATS_SHA256: Final = "9b800bdbbb273d29cb4bdc6ca8a4789bcee6dcc7ca1cd920651a44ddb07e06df"
CODES_PATH: Final = Path(__file__).parent / "assets" / "plate_codes.tsv"
CODES_SHA256: Final = "4dae38ca894e62af6d3fc4eace1ec69a36291a1301047bc4106545371032a834"

CONTINENTS: Final = MappingProxyType(
    {
        "Europe": "AD AL AT BA BE BG BY CH CY CZ DE DK EE ES FI FO FR GB GG GI GR HR HU IE IM IS IT JE LI LT LU LV MC "
        "MD ME MK MT NL NO PL PT RO RS RU SE SI SK SM TR UA VA XK",
        "North America": "BB BS CA CR CU DO GT HN JM MX NI PA PR SV TT US",
        "South America": "AR BO BR CL CO EC PE PY UY VE",
        "Asia": "AE AF AM AZ BD BH CN GE HK ID IL IN IQ IR JO JP KG KH KR KW KZ LA LB LK MM MN MO MY NP OM PH PK QA SA "
        "SG SY TH TJ TM TW UZ VN",
        "Africa": "AO BF BI BJ BW CD CI CM DZ EG ET GA GH KE LS LY MA MG ML MU MW MZ NA NG RW SN SZ TG TN TZ UG ZA ZM "
        "ZW",
        "Oceania": "AU FJ NC NZ PF PG",
    }
)
"""Countries of the table by continent, as far as cars travel: Russia, Turkey and Cyprus are with Europe."""

_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_DIGITS = "0123456789"
_SEPARATORS = " -.·/"
_ITEM = re.compile(r"(?P<class>A|0|\[[^\]]+\])(?:\{(?P<low>\d+),(?P<high>\d+)\})?|<(?P<code>\w+)>|(?P<gap>[ .·/-])|"
                   r"(?P<other>\w)")  # fmt: skip


class Code(NamedTuple):
    """A code in plates: as printed, its GeoNames admin-1 region or "", and its weight among the codes of its set."""

    text: str
    region: str
    weight: float


class Variant(NamedTuple):
    """One way to fill a format: what each place may hold.

    Attributes:
        slots: For each place the characters that it may hold, folded, sorted.
        before: For each place what is printed before it, as :func:`detectors.plate_text.gaps` writes it.
        region: GeoNames admin-1 code that it tells, or "".
        weight: Its share of the format's plates.
    """

    slots: tuple[str, ...]
    before: str
    region: str
    weight: float


@dataclass(frozen=True)
class PlateFormat:
    """One row of the table.

    Attributes:
        country: ISO 3166-1 alpha-2 code.
        region: GeoNames admin-1 code where the whole format is one region's, else "".
        share: Its share of the country's plates, among its formats.
        pattern: In the notation of the file.
        letters: The letters that ``A`` stands for.
        example: A plate in this format.
        colours: Pairs (letters, ground); ``"*"`` is any colour.
        band: ``"none"``, ``"eu"``, ``"left"``, ``"both"`` or ``"top"``.
        band_text: What the band says: ``"D"``, ``"BRASIL"``, or "".
        beside: Set of codes printed in a band at the right, or "".
        shape: ``"long"``, ``"mid"``, ``"us"``, ``"square"`` or ``"-"``.
        source: Where the facts are from.
    """

    country: str
    region: str
    share: float
    pattern: str
    letters: str
    example: str
    colours: tuple[tuple[str, str], ...]
    band: str
    band_text: str
    beside: str
    shape: str
    source: str
    _items: tuple[tuple[str, str, int, int], ...] = field(repr=False, compare=False, default=())

    @property
    def name(self) -> str:
        """The format without any text: ``"GB: AA00 AAA"``."""
        shape = "".join("0" if c.isdigit() else "A" if c.isalpha() else "" if c not in _SEPARATORS else c
                        for c in self.example)  # fmt: skip
        return f"{self.country}: {shape.replace('/', ' ')}"

    @property
    def regex(self) -> re.Pattern[str]:
        """Matches the folded text of the format's plates, whole."""
        return _regex(self)

    def matches(self, text: str) -> bool:
        """Whether ``text`` is a plate in this format, whatever separates its groups.

        >>> uk = next(f for f in plate_formats() if f.country == "GB")
        >>> uk.name, uk.matches("LD68 KWT"), uk.matches("LD68 KIT")
        ('GB: AA00 AAA', True, False)
        """
        return self.regex.fullmatch(fold(text)) is not None

    def codes(self, name: str) -> tuple[Code, ...]:
        """The codes of one of its country's sets."""
        return plate_codes()[self.country, name]

    def variants(self, *, exact: bool = True) -> Iterator[Variant]:
        """Every way to fill it, one for each code and each number of characters; weights sum to 1.

        A longer serial is commoner, as there are more of them: by the square root of their number.

        Args:
            exact: A variant for each code; if not, one for each number of characters that codes have. A place's
                characters then stand as often as codes have them there.
        """
        found = []
        for items in product(*(tuple(self._choices(item, exact)) for item in self._items)):
            slots: list[str] = []
            before, gap, region, weight = "", " ", self.region, 1.0
            for kind, content, told, factor in items:
                if kind == "gap":
                    gap = content
                    continue
                weight *= factor
                region = told or region
                for k, slot in enumerate(content.split("\0")) if content else ():
                    slots.append(slot)
                    before += gap if k == 0 and before else " "
                    gap = " "
            found.append(Variant(tuple(slots), before, region, weight))
        total = sum(variant.weight for variant in found)
        return (variant._replace(weight=variant.weight / total) for variant in found)

    def _choices(self, item: tuple[str, str, int, int], exact: bool) -> Iterator[tuple[str, str, str, float]]:
        """Ways to fill one item: kind, its slots joined by NUL, region, weight."""
        kind, content, low, high = item
        if kind == "gap":
            yield "gap", {" ": "_", "·": "."}.get(content, content), "", 1.0
        elif kind == "code" and exact:
            for code in self.codes(content):
                yield "slots", "\0".join(fold(code.text)), code.region, code.weight
        elif kind == "code":
            codes = [(fold(code.text), code.weight) for code in self.codes(content)]
            for length in sorted({len(text) for text, _ in codes}):
                texts = [text for text, _ in codes if len(text) == length]
                places = ("".join(sorted(characters)) for characters in zip(*texts, strict=True))
                yield "slots", "\0".join(places), "", sum(w for text, w in codes if len(text) == length)
        else:
            slot = "".join(sorted({fold(c) for c in content}))
            for count in range(low, high + 1):
                yield "slots", "\0".join([slot] * count), "", len(slot) ** (0.5 * count)

    def sample(self, rng: random.Random) -> str:
        """A plate drawn at random, with its separators; a second line after a newline.

        >>> uk = next(f for f in plate_formats() if f.country == "GB")
        >>> uk.matches(uk.sample(random.Random(1)))
        True
        """
        out = ""
        for kind, content, low, high in self._items:
            if kind == "gap":
                out += "\n" if content == "/" else content
            elif kind == "code":
                codes = self.codes(content)
                out += rng.choices(codes, [code.weight for code in codes])[0].text
            else:
                out += "".join(rng.choice(content) for _ in range(rng.choice(range(low, high + 1))))
        return out

    def sample_beside(self, rng: random.Random) -> str:
        """A code for the band at the right, or "" where the format has none."""
        if not self.beside:
            return ""
        codes = self.codes(self.beside)
        return rng.choices(codes, [code.weight for code in codes])[0].text


@lru_cache(maxsize=1)
def plate_formats() -> tuple[PlateFormat, ...]:
    """All formats; shares of one country sum to 1.

    Raises:
        DatasetError: The shipped table is missing, damaged or another one.
        ValueError: A row cannot be understood.
    """
    rows = _rows(read_asset(FORMATS_PATH, FORMATS_SHA256))
    total: dict[str, float] = {}
    for row in rows:
        total[row[0]] = total.get(row[0], 0.0) + float(row[2])
    return tuple(_format(row, total[row[0]]) for row in rows)


@lru_cache(maxsize=1)
def plate_codes() -> Mapping[tuple[str, str], tuple[Code, ...]]:
    """Codes by country and name of the set; weights in a set sum to 1.

    In a set of codes of different lengths the shorter were given to larger places: each letter less counts twice.

    Raises:
        DatasetError: The shipped table is missing, damaged or another one.
    """
    found: dict[tuple[str, str], list[Code]] = {}
    for country, name, region, codes in _rows(read_asset(CODES_PATH, CODES_SHA256)):
        found.setdefault((country, name), []).extend(Code(t, region, w) for t, w in _expanded(codes))
    out = {}
    for key, all_codes in found.items():
        longest = max(len(code.text) for code in all_codes)
        lettered = all(fold(code.text).isalpha() and code.text.isupper() for code in all_codes)
        weights = [code.weight * (2.0 ** (longest - len(code.text)) if lettered else 1.0) for code in all_codes]
        total = sum(weights)
        out[key] = tuple(code._replace(weight=w / total) for code, w in zip(all_codes, weights, strict=True))
    return MappingProxyType(out)


def _rows(content: bytes) -> list[list[str]]:
    lines = [line for line in content.decode().splitlines() if line and not line.startswith("#")]
    return [line.split("\t") for line in lines[1:]]


def _format(row: list[str], total: float) -> PlateFormat:
    country, region, share, pattern, letters, example, colours, band, beside, shape, source = row
    allowed = _LETTERS if letters == "*" else letters[1:]
    if letters.startswith("-"):
        allowed = "".join(c for c in _LETTERS if c not in letters[1:])
    band, _, band_text = band.partition(":")
    pairs = [pair.partition("/") for pair in colours.split("|")]
    return PlateFormat(
        country, region, float(share) / total, pattern, allowed, example, tuple((a, b) for a, _, b in pairs), band,
        band_text, beside.strip("<>"), shape, source, tuple(_parsed(pattern, allowed)),
    )  # fmt: skip


def _parsed(pattern: str, letters: str) -> Iterator[tuple[str, str, int, int]]:
    """Items of a pattern: kind, content (characters, name of a set, separator), fewest and most of it."""
    position = 0
    while position < len(pattern):
        match = _ITEM.match(pattern, position)
        if match is None:
            raise ValueError(f"{pattern!r} cannot be understood at {pattern[position:]!r}")
        position = match.end()
        if match["class"]:
            characters = {"A": letters, "0": _DIGITS}.get(match["class"]) or _class(match["class"][1:-1])
            yield "class", characters, int(match["low"] or 1), int(match["high"] or 1)
        elif match["code"]:
            yield "code", match["code"], 1, 1
        elif match["gap"]:
            yield "gap", match["gap"], 1, 1
        else:
            yield "class", match["other"], 1, 1


def _class(text: str) -> str:
    """Characters of a class: ``ABX-Z``."""
    ranges = re.sub(r"(.)-(.)", lambda m: "".join(map(chr, range(ord(m[1]), ord(m[2]) + 1))), text)
    return ranges.replace(" ", "")


def _expanded(codes: str) -> Iterator[tuple[str, float]]:
    """Codes and weights of a list such as ``"B*4 AA-AY 01-58"``."""
    for word in codes.split():
        text, _, weight = word.partition("*")
        for one in _range(text):
            yield one, float(weight or 1.0)


def _range(text: str) -> Iterator[str]:
    low, hyphen, high = text.partition("-")
    if not hyphen or len(low) > len(high) or not high.isascii():
        yield text
    elif low.isdigit():
        yield from (str(n).zfill(len(low)) for n in range(int(low), int(high) + 1))
    else:
        for letters in product(_LETTERS, repeat=len(low)):
            if low <= "".join(letters) <= high:
                yield "".join(letters)


@lru_cache(maxsize=1024)
def _regex(row: PlateFormat) -> re.Pattern[str]:
    out = ""
    for kind, content, low, high in row._items:
        if kind == "code":
            texts = sorted({fold(code.text) for code in row.codes(content)}, key=lambda t: (-len(t), t))
            out += f"(?:{'|'.join(map(re.escape, texts))})"
        elif kind == "class":
            out += f"[{''.join(sorted({re.escape(fold(c)) for c in content}))}]{{{low},{high}}}"
    return re.compile(out)
