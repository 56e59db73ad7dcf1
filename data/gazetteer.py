"""The places of the world by name and by position: GeoNames, 234,908 places, in one read-only SQLite file.

Names are looked up folded (``data.folding``): exactly, or one edit away. Places are numbered from the most populous
down, so that a smaller id is never a smaller place. Opening checks the shipped file against its hash, 30 ms; the table
of positions and the tree over them are built by the first call that asks for them.
"""

from __future__ import annotations

import functools
import json
import sqlite3
import struct
import threading
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from data.assets import check_asset
from data.errors import DatasetError
from data.folding import edit_variants, fold
from data.geodesy import EARTH_RADIUS_KM, haversine_km, unit_vectors

__all__ = [
    "APPLICATION_ID", "EXONYM", "GAZETTEER_PATH", "GAZETTEER_SHA256", "JOINED", "MAIN", "NAMES_IN_CHUNK", "NATIVE",
    "USER_VERSION", "Gazetteer", "NameMatch", "Place", "country_name", "load_default",
    "the_country",
]  # fmt: skip

APPLICATION_ID: Final = 0x77_68_67_7A  # "whgz"
USER_VERSION: Final = 1
GAZETTEER_PATH: Final = Path(__file__).parent / "assets" / "gazetteer.sqlite"
GAZETTEER_SHA256: Final = "d9802dc981ea6a8c1f7f8aa36191e8dc3a70d0e0257caa8c256905dddf88ddac"

MAIN: Final = 0
"""The place's own name in GeoNames, in Latin letters."""
NATIVE: Final = 1
"""Another name in a script that is written in the place's country."""
EXONYM: Final = 2
"""A name in a script that is not written there."""
JOINED: Final = 3
"""The main name without its spaces, as OCR reads it."""

NAMES_IN_CHUNK: Final = 64
"""Places whose names are compressed together."""

_DTYPES: Final = {
    "lat": "<f4", "lon": "<f4", "population": "<i4", "geoname_id": "<i4", "country": "<u1", "admin1": "<u2",
    "share": "<u1", "word_hash": "<u4", "word_zipf": "<u1",
}  # fmt: skip
_NO_REGION: Final = 65535
_VARIABLES: Final = 900  # bound parameters in one query; SQLite's lowest default is 999


@dataclass(frozen=True, slots=True)
class Place:
    """A populated place.

    Attributes:
        id: Rank by population in this gazetteer, 0 for the largest. It changes when the gazetteer is rebuilt.
        name: Main name, in Latin letters.
        lat: Latitude in degrees.
        lon: Longitude in degrees.
        population: Inhabitants; 0 where GeoNames does not know.
        country: ISO 3166-1 alpha-2 code.
        admin1: GeoNames admin-1 code (``"US.CA"``), or "".
        local_share: ``own / (own + larger places within 15 km)``, in inhabitants: 1 for a city, low for its suburb.
        geoname_id: The number in GeoNames.
    """

    id: int
    name: str
    lat: float
    lon: float
    population: int
    country: str
    admin1: str = ""
    local_share: float = 1.0
    geoname_id: int = 0

    def __post_init__(self) -> None:
        if not (-90.0 <= self.lat <= 90.0 and -180.0 <= self.lon <= 180.0):
            raise ValueError(f"not a point on the Earth: {self.lat}, {self.lon}")
        if self.population < 0 or not 0.0 <= self.local_share <= 1.0:
            raise ValueError("a population is at least 0 and a share lies in [0, 1]")


@dataclass(frozen=True, slots=True)
class NameMatch:
    """A place that bears a name.

    Attributes:
        place: The place.
        name_folded: The gazetteer's folded name; for a fuzzy match not what was asked for.
        kind: ``MAIN``, ``NATIVE``, ``EXONYM`` or ``JOINED``.
        commonness: Zipf frequency (log10 of occurrences in 10^9 words) of the name as a common word in the living
            language where it is most frequent; 0 where it is no word.
        edits: 0 for an exact match, 1 for a fuzzy one.
        mention: Zipf frequency of the name as anything at all (place, surname, brand or word) away from its place,
            estimated from the languages that do not use it most.
    """

    place: Place
    name_folded: str
    kind: int
    commonness: float
    edits: int = 0
    mention: float = 0.0

    def __post_init__(self) -> None:
        if self.kind not in (MAIN, NATIVE, EXONYM, JOINED) or self.edits < 0:
            raise ValueError(f"no such kind of match: kind {self.kind}, {self.edits} edits")


class Gazetteer:
    """Names to places and points to places. Build it with ``Gazetteer.open``; it may be used from several threads.

    >>> with Gazetteer.open() as gazetteer:
    ...     best = gazetteer.lookup("MADRID")[0].place
    ...     best.country, gazetteer.nearest(48.2, 16.37, min_population=500_000)[0].name
    ('ES', 'Vienna')
    """

    def __init__(self, base: sqlite3.Connection, path: Path, meta: dict[str, Any]) -> None:
        self._base, self._path, self._meta = base, path, meta
        # One connection serves all threads; the lock keeps their cursors apart whatever SQLite was compiled with.
        self._lock = threading.RLock()
        self._columns: dict[str, NDArray[Any]] = {}
        self._trees: dict[int, Any] = {}
        self._countries: list[str] = meta["countries"]
        self._regions: list[str] = meta["admin1"]

    @classmethod
    def open(cls, path: Path | str | None = None) -> Gazetteer:
        """Open the shipped gazetteer, or the one at ``path``.

        The shipped one is checked against its pinned hash, which takes some 30 ms. One at ``path`` is taken as it is,
        once it looks like a gazetteer.

        Raises:
            DatasetError: The file is missing, unreadable, damaged, of another version, or no gazetteer.
        """
        file = Path(path) if path is not None else GAZETTEER_PATH
        if path is None:
            check_asset(file, GAZETTEER_SHA256)
        try:
            _check_header(file)
            base = sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro&immutable=1", uri=True, check_same_thread=False)
            try:
                meta = {key: json.loads(value) for key, value in base.execute("SELECT key, value FROM meta")}
                return cls(base, file, meta)
            except BaseException:
                base.close()
                raise
        except FileNotFoundError as error:
            raise DatasetError(
                f"no gazetteer at {file}: reinstall whence, or build one with `python -m data.build_gazetteer`"
            ) from error
        except (sqlite3.Error, KeyError, OSError, ValueError) as error:
            raise DatasetError(f"{file} is damaged ({error}): reinstall whence, or rebuild it") from error

    def close(self) -> None:
        """Close the file. Look-ups afterwards raise ``DatasetError``."""
        with self._lock:
            self._base.close()

    def __enter__(self) -> Gazetteer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __len__(self) -> int:
        return int(self._meta["places"])

    @property
    def total_population(self) -> int:
        """Sum of all populations; places that contain others are counted with them."""
        return int(self._meta["population"])

    def place(self, place_id: int) -> Place:
        """The place with number ``place_id``.

        Raises:
            IndexError: There is no such place.
        """
        return self._places([place_id])[0]

    def lookup(self, name: str) -> list[NameMatch]:
        """Places called ``name`` in any script and spelling that folds to the same, largest population first."""
        return self._matches([fold(name)], edits=0)

    def fuzzy(self, name: str) -> list[NameMatch]:
        """Places whose name is one edit or OCR confusion away from ``name``, largest population first.

        Exact matches are left out. Empty for names of fewer than five letters and for scripts without an alphabet.
        """
        return self._matches(edit_variants(fold(name)), edits=1)

    def commonness(self, word: str) -> float:
        """Zipf frequency of ``word`` as a common word of a living language, 0 if it is none.

        Known are place names, and the words that a fuzzy look-up could take for the name of a town: those one edit
        away from one of 5,000 inhabitants or more.
        """
        folded = fold(word)
        rows = self._query("SELECT common FROM names WHERE folded = ?", [folded])
        if rows:
            return (rows[0][0] or 0) / 10.0
        hashes, key = self._column("word_hash"), zlib.crc32(folded.encode())
        at = int(np.searchsorted(hashes, key))
        found = at < len(hashes) and int(hashes[at]) == key
        return float(self._column("word_zipf")[at]) / 10.0 if found else 0.0

    def nearest(self, lat: float, lon: float, min_population: int = 0) -> tuple[Place, float]:
        """The place of at least ``min_population`` nearest to a point in degrees, and its distance in km.

        Raises:
            ValueError: No place is that large, or the point is not finite.
        """
        (number,) = self.nearest_ids([lat], [lon], min_population=min_population)
        place = self.place(int(number))
        return place, float(haversine_km(lat, lon, place.lat, place.lon))

    def nearest_ids(self, lat: ArrayLike, lon: ArrayLike, *, min_population: int = 0) -> NDArray[np.int64]:
        """Ids (m,) of the places of at least ``min_population`` nearest to points (m,) in degrees.

        Raises:
            ValueError: No place is that large, or a point is not finite.
        """
        # Places are ordered by population: those large enough are the first ones.
        count = int(np.searchsorted(-self._column("population"), -min_population, side="right"))
        if count == 0:
            raise ValueError(f"no place has {min_population} inhabitants")
        _, ids = self._tree(count).query(unit_vectors(lat, lon))
        return np.asarray(ids, np.int64)

    def within(self, lat: float, lon: float, radius_km: float) -> NDArray[np.int64]:
        """Ids (m,) of the places within ``radius_km`` (at most 10,000) of a point, largest population first."""
        chord = 2.0 * np.sin(min(radius_km, 10_000.0) / EARTH_RADIUS_KM / 2.0)
        return np.sort(np.asarray(self._tree(len(self)).query_ball_point(unit_vectors(lat, lon), chord), np.int64))

    def countries_of(self, ids: ArrayLike) -> NDArray[np.str_]:
        """ISO 3166-1 alpha-2 codes (m,) of the places with numbers ``ids`` (m,)."""
        codes: NDArray[np.str_] = np.asarray(self._countries, np.str_)[
            self._column("country")[np.asarray(ids, np.int64)]
        ]
        return codes

    def positions(self) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.int32]]:
        """Latitudes (n,), longitudes (n,) in degrees and populations (n,) of all places, by id; read-only."""
        return self._column("lat"), self._column("lon"), self._column("population")

    def admin1_name(self, code: str) -> str:
        """English name of an admin-1 region such as ``"US.CA"``; "" where it is not known."""
        return self._region_names.get(code, "")

    @functools.cached_property
    def _region_names(self) -> dict[str, str]:
        return dict(zip(self._regions, self._meta["admin1_names"], strict=True))

    def _query(self, sql: str, values: Iterable[object] = ()) -> list[tuple[Any, ...]]:
        try:
            with self._lock:
                return self._base.execute(sql, tuple(values)).fetchall()
        except sqlite3.Error as error:
            raise DatasetError(f"the gazetteer {self._path} cannot be read ({error}): reinstall whence") from error

    def _column(self, key: str) -> NDArray[Any]:
        if key not in self._columns:
            rows = self._query("SELECT value FROM columns WHERE key = ?", [key])
            if not rows:
                raise DatasetError(f"the gazetteer {self._path} has no column {key!r}: reinstall whence")
            self._columns[key] = np.frombuffer(rows[0][0], _DTYPES[key])
        return self._columns[key]

    def _tree(self, count: int) -> Any:
        with self._lock:
            if count not in self._trees:
                # scipy.spatial takes a fifth of a second to import.
                from scipy.spatial import cKDTree

                self._trees[count] = cKDTree(unit_vectors(self._column("lat")[:count], self._column("lon")[:count]))
            return self._trees[count]

    def _places(self, ids: list[int]) -> list[Place]:
        if any(not 0 <= i < len(self) for i in ids):
            raise IndexError(f"places are numbered 0 to {len(self) - 1}")
        chunks: dict[int, list[str]] = {}
        wanted = sorted({i // NAMES_IN_CHUNK for i in ids})
        for start in range(0, len(wanted), _VARIABLES):
            part = wanted[start : start + _VARIABLES]
            rows = self._query(f"SELECT chunk, names FROM places WHERE chunk IN ({_marks(part)})", part)
            chunks.update((chunk, zlib.decompress(packed).decode().split("\n")) for chunk, packed in rows)
        lat, lon, population = self.positions()
        country, admin1 = self._column("country"), self._column("admin1")
        share, geoname_id = self._column("share"), self._column("geoname_id")
        return [
            Place(
                id=i,
                name=chunks[i // NAMES_IN_CHUNK][i % NAMES_IN_CHUNK],
                lat=float(lat[i]),
                lon=float(lon[i]),
                population=int(population[i]),
                country=self._countries[country[i]],
                admin1="" if admin1[i] == _NO_REGION else self._regions[admin1[i]],
                local_share=float(10.0 ** (-int(share[i]) / 60.0)),
                geoname_id=int(geoname_id[i]),
            )
            for i in ids
        ]

    def _matches(self, keys: list[str], *, edits: int) -> list[NameMatch]:
        found: list[tuple[int, int, str, float, float]] = []
        for start in range(0, len(keys), _VARIABLES):
            part = keys[start : start + _VARIABLES]
            sql = f"SELECT folded, refs, common, mention FROM names WHERE folded IN ({_marks(part)})"
            for folded, refs, common, mention in self._query(sql, part):
                # Refs are 3 bytes each, big-endian: place number << 2 | kind.
                triples = np.frombuffer(refs, np.uint8).reshape(-1, 3) @ np.array([65536, 256, 1])
                found.extend(
                    (int(t) >> 2, int(t) & 3, folded, (common or 0) / 10, (mention or 0) / 10) for t in triples
                )
        found.sort()
        places = self._places([row[0] for row in found])
        return [
            NameMatch(place, folded, kind, common, edits, mention)
            for place, (_, kind, folded, common, mention) in zip(places, found, strict=True)
        ]


def _check_header(file: Path) -> None:
    """Raise ``DatasetError`` unless ``file`` begins as a gazetteer of this version and has the size that it says."""
    with file.open("rb") as stream:
        header = stream.read(100)
    if len(header) < 100 or not header.startswith(b"SQLite format 3\0"):
        raise DatasetError(f"{file} is no SQLite file: reinstall whence, or name another file")
    # Offsets of SQLite's file format: page size 16, page count 28, user version 60, application id 68.
    (page,), (pages,) = struct.unpack_from(">H", header, 16), struct.unpack_from(">I", header, 28)
    (version,), (application,) = struct.unpack_from(">I", header, 60), struct.unpack_from(">I", header, 68)
    if application != APPLICATION_ID:
        raise DatasetError(f"{file} is no gazetteer of whence: name another file")
    if version != USER_VERSION:
        raise DatasetError(f"{file} has version {version}, this whence reads {USER_VERSION}: reinstall or rebuild it")
    if page * pages != file.stat().st_size:
        raise DatasetError(f"{file} is truncated ({file.stat().st_size} of {page * pages} bytes): reinstall whence")


def _marks(values: list[Any]) -> str:
    return ",".join("?" * len(values))


@functools.cache
def load_default() -> Gazetteer:
    """The shipped gazetteer, opened once for the whole process.

    Raises:
        DatasetError: It is missing or damaged.
    """
    return Gazetteer.open()


@functools.lru_cache(maxsize=1024)
def country_name(code: str, language: str = "en") -> str:
    """Name of the country with ISO 3166-1 alpha-2 ``code`` in ``language``; the code itself where CLDR has none.

    >>> country_name("ES"), country_name("ES", "fr"), country_name("XX")
    ('Spain', 'Espagne', 'XX')
    """
    # CLDR's tables take a tenth of a second to load.
    from babel import Locale

    return str(Locale.parse(language).territories.get(code, code))


# fmt: off
_WITH_ARTICLE: Final = frozenset(
    ("AE", "AX", "BS", "CC", "CF", "CK", "DO", "FK", "FO", "GB", "IM", "IO", "KY", "MH", "MP", "MV", "NL", "PH", "SB",
     "TC", "TF", "UM", "US", "VG", "VI")
)
# fmt: on


def the_country(code: str) -> str:
    """Name of a country in English as it stands in a sentence: ``"the United States"``, ``"Spain"``.

    >>> the_country("US"), the_country("ES")
    ('the United States', 'Spain')
    """
    name = country_name(code)
    return f"the {name}" if code in _WITH_ARTICLE else name
