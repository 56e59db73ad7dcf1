"""The names of chains, operators and transit networks, and where each trades: ``assets/brands.tsv.gz``.

Compiled from the name-suggestion-index by :mod:`detectors.build_brands`. Names are found by their folded letters and
digits without spaces ("7-ELEVEN", "7 Eleven" and "7eleven" are one), exactly or one slip of the OCR away. A slip
leaves one half of a name untouched: names are indexed by both halves, so that a misread one is found by six look-ups.

Rows are ``key, name, identity, other, kind, claims``, tab separated; ``claims`` are ``area:outlets`` pairs. Before
them stand a line of format and one of JSON with the areas, the kinds and the hashes of words that are one slip away
from a brand.
"""

from __future__ import annotations

import base64
import functools
import json
import zlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from data.assets import read_asset
from data.errors import DatasetError

__all__ = [
    "BRANDS_PATH",
    "BRANDS_SHA256",
    "FORMAT",
    "LEAST_FUZZY",
    "Area",
    "Brand",
    "BrandTable",
    "Claim",
    "load_default",
]

BRANDS_PATH: Final = Path(__file__).parent / "assets" / "brands.tsv.gz"
BRANDS_SHA256: Final = "693df4b2d76bb86de544b8a11e8b87ca9a877bd90afedc8a6f0f067ae72d462e"
FORMAT: Final = "whence brands 1"
LEAST_FUZZY: Final = 6
"""Letters of the shortest name that is looked for one slip away; a shorter one would be another word."""
MOST_BYTES: Final = 64 << 20  # of the unpacked table; a damaged file may unpack to anything
# What OCR reads as one letter and as two; single letters need no list, since any may be another.
_PAIRS: Final = frozenset({("rn", "m"), ("nn", "m"), ("ri", "n"), ("cl", "d"), ("vv", "w"), ("ii", "u"), ("li", "u")})


@dataclass(frozen=True, slots=True)
class Area:
    """Where something trades.

    Attributes:
        share: Its share of the world's photos, 0 to 1.
        countries: ISO 3166-1 alpha-2 codes; of a worldwide area, those that it leaves out.
        regions: GeoNames admin-1 codes, in other countries.
        points: Latitude, longitude, sigma in km and country of each place that is less than a region.
        world: Everywhere but in ``countries``.
    """

    share: float
    countries: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()
    points: tuple[tuple[float, float, float, str], ...] = ()
    world: bool = False


@dataclass(frozen=True, slots=True)
class Claim:
    """So many outlets (in OpenStreetMap, weighed by how well they are seen), spread over an area."""

    outlets: float
    area: Area


@dataclass(frozen=True, slots=True)
class Brand:
    """What a name may stand for.

    Attributes:
        key: Folded, without spaces.
        name: As its owner writes it.
        identity: The same number for all names of one firm.
        kind: What it is most often: ``"supermarket"``, ``"bus network"``.
        other: How often a photo with text shows this name for another reason: as a word, a surname, a place.
        claims: Where it trades, as each of the firms that bear the name.
    """

    key: str
    name: str
    identity: int
    kind: str
    other: float
    claims: tuple[Claim, ...]


class BrandTable:
    """Names to brands. Nothing is read before the first look-up; it may be used from several threads."""

    def __init__(self, content: bytes, path: Path = BRANDS_PATH) -> None:
        """Args: content: the file's bytes; path: what errors call it."""
        self._path = path
        try:
            lines = _unpacked(content).decode("utf-8").split("\n")
            if lines[0] != FORMAT:
                raise ValueError(f"its first line is not {FORMAT!r}")
            meta = json.loads(lines[1])
            self._areas = [_area(a) for a in meta["areas"]]
            self._kinds: list[str] = meta["kinds"]
            self._words: NDArray[np.uint32] = np.frombuffer(base64.b64decode(meta["words"]), "<u4")
            self._rows = dict(line.split("\t", 1) for line in lines[2:] if line)
            if len(self._rows) != meta["rows"]:
                raise ValueError(f"{len(self._rows)} rows, {meta['rows']} expected")
        except (OSError, EOFError, zlib.error, ValueError, TypeError, KeyError, IndexError, AttributeError) as error:
            raise _damaged(path, error) from error

    @classmethod
    def open(cls, path: Path | str | None = None) -> BrandTable:
        """Open the shipped table, checked against its pinned hash, or the one at ``path`` as it is.

        Raises:
            DatasetError: The file is missing, damaged, or no such table.
        """
        if path is None:
            return cls(read_asset(BRANDS_PATH, BRANDS_SHA256))
        try:
            return cls(Path(path).read_bytes(), Path(path))
        except OSError as error:
            raise DatasetError(f"{path} cannot be read ({error}): reinstall whence, or name another file") from error

    def __len__(self) -> int:
        return len(self._rows)

    def brands(self) -> Iterator[Brand]:
        """Every name, in the table's order."""
        return (self._brand(key, row) for key, row in self._rows.items())

    def lookup(self, key: str) -> Brand | None:
        """The brand whose folded name without spaces is ``key``."""
        row = self._rows.get(key)
        return None if row is None else self._brand(key, row)

    def misread(self, key: str) -> list[Brand]:
        """Brands one slip away from ``key``; none for keys of fewer than ``LEAST_FUZZY`` characters."""
        return [self._brand(near, self._rows[near]) for near in sorted(set(self._near(key)))]

    def is_word(self, key: str) -> bool:
        """Whether ``key`` is a word or a city that could be taken for a misread brand."""
        number = zlib.crc32(key.encode())
        at = int(np.searchsorted(self._words, number))
        return at < len(self._words) and int(self._words[at]) == number

    def _near(self, key: str) -> Iterator[str]:
        if len(key) < LEAST_FUZZY - 1:
            return
        for length in range(max(len(key) - 1, LEAST_FUZZY), len(key) + 2):
            half = length // 2
            for name in (
                *self._halves.get((length, key[:half], ""), ()),
                *self._halves.get((length, "", key[-half:]), ()),
            ):
                if _one_slip(key, name):
                    yield name

    @functools.cached_property
    def _halves(self) -> dict[tuple[int, str, str], list[str]]:
        out: dict[tuple[int, str, str], list[str]] = defaultdict(list)
        for key in self._rows:
            length, half = len(key), len(key) // 2
            if length >= LEAST_FUZZY:
                out[length, key[:half], ""].append(key)
                out[length, "", key[-half:]].append(key)
        return dict(out)

    def _brand(self, key: str, row: str) -> Brand:
        try:
            name, identity, other, kind, claims = row.split("\t")
            pairs = (pair.split(":") for pair in claims.split(","))
            return Brand(
                key,
                name,
                int(identity),
                self._kinds[int(kind)],
                float(other),
                tuple(Claim(float(outlets), self._areas[int(area)]) for area, outlets in pairs),
            )
        except (ValueError, IndexError) as error:
            raise _damaged(self._path, error) from error


@functools.lru_cache(maxsize=1)
def load_default() -> BrandTable:
    """The shipped table, the same object each time.

    Raises:
        DatasetError: It is missing or damaged.
    """
    return BrandTable.open()


def _unpacked(content: bytes) -> bytes:
    unpacker = zlib.decompressobj(wbits=31)
    out = unpacker.decompress(content, MOST_BYTES)
    if not unpacker.eof:
        raise ValueError("it is cut short, or far too long")
    return out


def _area(row: Sequence[Any]) -> Area:
    share, countries, regions, points, world = row
    area = Area(
        float(share),
        tuple(countries.split()),
        tuple(regions.split()),
        tuple((float(lat), float(lon), float(sigma), str(country)) for lat, lon, sigma, country in points),
        world=bool(world),
    )
    if not 0.0 < area.share <= 1.0:
        raise ValueError(f"a share of {area.share} of the photos")
    return area


def _damaged(path: Path, error: Exception) -> DatasetError:
    return DatasetError(
        f"{path} is damaged or no table of brands ({error}): reinstall whence, or rebuild it with "
        "`python -m detectors.build_brands`"
    )


def _one_slip(read: str, name: str) -> bool:
    """Whether one letter was changed, lost or added, or one read as two or two as one.

    >>> _one_slip("wa1greens", "walgreens"), _one_slip("bamesnoble", "barnesnoble"), _one_slip("motel8", "motel6")
    (True, True, False)
    """
    if read == name:
        return False
    start = 0
    for a, b in zip(read, name, strict=False):
        if a != b:
            break
        start += 1
    end = 0
    most = min(len(read), len(name)) - start
    while end < most and read[-1 - end] == name[-1 - end]:
        end += 1
    one, other = read[start : len(read) - end], name[start : len(name) - end]
    if len(one) <= 1 and len(other) <= 1:
        return not (one + other).isdigit()  # another number is another name
    return (one, other) in _PAIRS or (other, one) in _PAIRS
