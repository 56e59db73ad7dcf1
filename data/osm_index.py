"""A search index of the world's shops: names as they were read to things on the map, offline.

``data.osm_build`` writes such a file from an OpenStreetMap extract. A name is found by its skeleton: as it is, or by
the rarest of its trigrams, which the caller compares with what was read. Things are found by name, and near a point
where a name is common.
"""

from __future__ import annotations

import json
import math
import sqlite3
import threading
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from data.errors import DatasetError
from data.osm_build import APPLICATION_ID, USER_VERSION
from data.osm_keys import host_of, phone_digits, phone_key, same_phone, spots_around
from data.printable import printable

__all__ = ["House", "MapThing", "Name", "PlaceIndex"]

_RAREST: Final = 6  # trigrams of a word that are looked up
_MOST_TRIGRAMS: Final = 24  # of one line
_COMMON: Final = 20_000  # names that share a trigram: one in more is not asked for
_MOST_ALIKE: Final = 48
_VARIABLES: Final = 900  # bound parameters in one query; SQLite's lowest default is 999
_THING: Final = "thing.id, what, label, lat, lon, reach_m, thing.street, number, city, osm"


@dataclass(frozen=True, slots=True)
class Name:
    """A name in the index.

    Attributes:
        id: Its number.
        key: Its skeleton.
        text: One way in which it is written.
        things: How many things bear it; 0 for a street of which only houses are known.
    """

    id: int
    key: str
    text: str
    things: int


@dataclass(frozen=True, slots=True)
class MapThing:
    """Something on the map.

    Attributes:
        id: Its number in the index.
        what: Its main tag: ``"shop=bakery"``.
        label: What people there call it.
        lat: Latitude, degrees.
        lon: Longitude, degrees.
        reach_km: From its middle to its edge, km.
        street: Of its address, or "".
        number: Of the house, or "".
        city: Of its address, or "".
        osm: ``"n123"``, ``"w123"``, ``"r123"``.
    """

    id: int
    what: str
    label: str
    lat: float
    lon: float
    reach_km: float
    street: str
    number: str
    city: str
    osm: str


@dataclass(frozen=True, slots=True)
class House:
    """A house with its number, in a street of some name."""

    number: str
    lat: float
    lon: float
    city: str


class PlaceIndex:
    """One region's index, read only; it may be used from several threads. Build it with ``PlaceIndex.open``."""

    def __init__(self, base: sqlite3.Connection, path: Path, meta: dict[str, Any]) -> None:
        self._base, self.path, self.meta = base, path, meta
        self._lock = threading.RLock()

    @classmethod
    def open(cls, path: Path | str) -> PlaceIndex:
        """Open an index.

        Raises:
            DatasetError: It is missing, damaged, of another version, or no such index.
        """
        file = Path(path)
        where = printable(str(file))
        if not file.is_file():
            raise DatasetError(f"no place index at {where}: `whence places add EXTRACT` makes one")
        try:
            base = sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro&immutable=1", uri=True, check_same_thread=False)
            try:
                base.execute("PRAGMA trusted_schema = OFF")
                (application,) = base.execute("PRAGMA application_id").fetchone()
                (version,) = base.execute("PRAGMA user_version").fetchone()
                if application != APPLICATION_ID:
                    raise DatasetError(f"{where} is no place index")
                if version != USER_VERSION:
                    raise DatasetError(
                        f"{where} was made by another version of whence: add its extract again (`whence places add`)"
                    )
                (whole,) = base.execute(
                    "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size"
                ).fetchone()
                if whole > file.stat().st_size:
                    raise DatasetError(f"{where} is cut short: add its extract again (`whence places add`)")
                meta = {key: json.loads(value) for key, value in base.execute("SELECT key, value FROM meta")}
                for key in ("name", "source", "sha256", "things", "names", "houses", "attribution"):
                    if key not in meta:
                        raise DatasetError(f"{where} is damaged: it does not say its {key}; add its extract again")
                return cls(base, file, meta)
            except BaseException:
                base.close()
                raise
        except (OSError, sqlite3.Error, ValueError, TypeError) as error:
            raise DatasetError(f"{where} is damaged ({error}): add its extract again (`whence places add`)") from error

    def __enter__(self) -> PlaceIndex:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._base.close()

    @property
    def name(self) -> str:
        """Of the region."""
        return str(self.meta["name"])

    def exact(self, keys: Iterable[str]) -> dict[str, Name]:
        """Names whose skeletons are among ``keys``."""
        out: dict[str, Name] = {}
        wanted = list(dict.fromkeys(keys))
        for at in range(0, len(wanted), _VARIABLES):
            part = wanted[at : at + _VARIABLES]
            rows = self._query(f"SELECT id, key, text, things FROM name WHERE key IN ({_marks(part)})", part)
            out.update((row[1], Name(*row)) for row in rows)
        return out

    def alike(self, keys: Sequence[str]) -> list[Name]:
        """Names that share the most of the rarest trigrams of the words ``keys`` (skeletons), the likest first.

        Of each word its six rarest are looked up. What is found only resembles what was asked for: compare it.
        """
        grams = {key[i : i + 3] for key in keys for i in range(len(key) - 2)}
        if not grams:
            return []
        known = self._frequencies(sorted(grams))
        chosen: dict[str, int] = {}
        for key in keys:
            own = sorted({g for i in range(len(key) - 2) if (g := key[i : i + 3]) in known}, key=lambda g: known[g])
            chosen.update((gram, known[gram]) for gram in own[:_RAREST] if known[gram] <= _COMMON)
        weight: Counter[int] = Counter()
        total = max(float(self.meta["names"]), 2.0)
        for gram, count in sorted(chosen.items(), key=lambda item: item[1])[:_MOST_TRIGRAMS]:
            rarity = round(1000.0 * math.log1p(total / count))
            phrase = '"' + gram.replace('"', '""') + '"'
            for (row,) in self._query("SELECT rowid FROM trigrams WHERE trigrams MATCH ?", (phrase,)):
                weight[row] += rarity
        best = sorted(weight, key=lambda row: (-weight[row], row))[:_MOST_ALIKE]
        if not best:
            return []
        rows = self._query(f"SELECT id, key, text, things FROM name WHERE id IN ({_marks(best)})", best)
        return sorted((Name(*row) for row in rows), key=lambda name: (-weight[name.id], name.id))

    def things(self, name: int, limit: int = 64) -> list[MapThing]:
        """What bears a name, ``limit`` of it at most."""
        return self._things(
            f"SELECT {_THING} FROM bears JOIN thing ON thing.id = bears.thing WHERE name = ? LIMIT ?", (name, limit)
        )

    def things_near(self, name: int, lat: float, lon: float, limit: int = 16) -> list[MapThing]:
        """What bears a name in the square of a hundredth of a degree around a point and those next to it."""
        spots = spots_around(lat, lon)
        return self._things(
            f"SELECT {_THING} FROM bears JOIN thing ON thing.id = bears.thing "
            f"WHERE name = ? AND spot IN ({_marks(spots)}) LIMIT ?",
            (name, *spots, limit),
        )  # fmt: skip

    def houses(self, street: int, number: str = "", limit: int = 64) -> list[House]:
        """Houses of a number, or any houses, in streets of a name."""
        sql = "SELECT number, lat, lon, city FROM house WHERE street = ?" + (" AND number = ?" if number else "")
        rows = self._query(f"{sql} LIMIT ?", (street, number, limit) if number else (street, limit))
        return [House(n, lat * 1e-6, lon * 1e-6, city) for n, lat, lon, city in rows]

    def with_phone(self, text: str) -> list[MapThing]:
        """What is tagged with a phone number: the digits of the shorter of the two must be the end of the longer.

        Zeros that are dialled inside the country only are left out first.
        """
        digits = phone_digits(text)
        rows = self._query("SELECT thing, number FROM phone WHERE digits = ?", (phone_key(text),))
        return self._of_ids([thing for thing, number in rows if same_phone(digits, number)])

    def with_site(self, site: str) -> list[MapThing]:
        """What is tagged with a web site of this host."""
        host = host_of(site)
        return self._of_ids([thing for (thing,) in self._query("SELECT thing FROM site WHERE host = ?", (host,))])

    def _of_ids(self, ids: Sequence[int]) -> list[MapThing]:
        ids = sorted(set(ids))[:_VARIABLES]
        return self._things(f"SELECT {_THING} FROM thing WHERE id IN ({_marks(ids)})", ids) if ids else []

    def _things(self, sql: str, values: Iterable[object]) -> list[MapThing]:
        return [
            MapThing(i, what, label, lat * 1e-6, lon * 1e-6, reach / 1000.0, *rest)
            for i, what, label, lat, lon, reach, *rest in self._query(sql, values)
        ]

    def _frequencies(self, grams: Sequence[str]) -> dict[str, int]:
        out: dict[str, int] = {}
        for at in range(0, len(grams), _VARIABLES):
            part = grams[at : at + _VARIABLES]
            out.update(self._query(f"SELECT term, names FROM trigram WHERE term IN ({_marks(part)})", part))
        return out

    def _query(self, sql: str, values: Iterable[object] = ()) -> list[tuple[Any, ...]]:
        try:
            with self._lock:
                return self._base.execute(sql, tuple(values)).fetchall()
        except sqlite3.Error as error:
            raise DatasetError(
                f"{printable(str(self.path))} is damaged ({error}): add its extract again (`whence places add`)"
            ) from error


def _marks(values: Sequence[object]) -> str:
    return ",".join("?" * len(values))
