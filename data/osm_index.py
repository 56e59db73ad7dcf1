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
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from data.errors import DatasetError
from data.osm_build import APPLICATION_ID, USER_VERSION
from data.osm_keys import host_of, house_numbers, phone_digits, phone_key, same_phone, spots_around
from data.printable import printable

__all__ = ["House", "MapThing", "Name", "PlaceIndex"]

_RAREST: Final = 8  # trigrams of a word that are looked up: a slip makes three that tell nothing
_MOST_TRIGRAMS: Final = 32  # of one line
_MOST_ROWS: Final = 60_000  # names that bear them, one counted for each: what keeps a search short on a large map
_MOST_COMPARED: Final = 256  # names, letter by letter
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

        Of each word some of the rarest are looked up, as long as not too many names have them. Those that share most
        are put in order by how many letters agree. They only resemble what was asked for: compare them.
        """
        from rapidfuzz.fuzz import partial_ratio

        words = [{key[i : i + 3] for i in range(len(key) - 2)} for key in keys]
        known = self._frequencies(sorted(set().union(*words)))
        chosen: set[str] = set()
        for word in words:
            chosen.update(sorted(word & known.keys(), key=lambda gram: (known[gram], gram))[:_RAREST])
        total = max(float(self.meta["names"]), 2.0)
        rows = 0
        found: list[NDArray[np.int64]] = []
        weights: list[NDArray[np.float64]] = []
        for gram in sorted(chosen, key=lambda gram: (known[gram], gram))[:_MOST_TRIGRAMS]:
            rows += known[gram]
            if rows > _MOST_ROWS:
                break
            phrase = '"' + gram.replace('"', '""') + '"'
            # As one text: a hundred thousand rows take Python three times as long.
            [(ids,)] = self._query("SELECT group_concat(rowid) FROM trigrams WHERE trigrams MATCH ?", (phrase,))
            if ids:
                found.append(np.fromstring(ids, dtype=np.int64, sep=","))
                weights.append(np.full(len(found[-1]), round(1000.0 * math.log1p(total / known[gram])), np.float64))
        if not found:
            return []
        names, places = np.unique(np.concatenate(found), return_inverse=True)
        weight = np.bincount(places, np.concatenate(weights))
        best = names[np.lexsort((names, -weight))[:_MOST_COMPARED]].tolist()
        rows_found = self._query(f"SELECT id, key, text, things FROM name WHERE id IN ({_marks(best)})", best)
        told = {number: rank for rank, number in enumerate(best)}
        line = "".join(keys)
        # How many letters agree, not which share: short names are soon whole in a line.
        agree = {row[0]: partial_ratio(line, row[1]) * min(len(line), len(row[1])) for row in rows_found}
        order = {number: (-letters, told[number]) for number, letters in agree.items()}
        return sorted((Name(*row) for row in rows_found), key=lambda name: order[name.id])[:_MOST_ALIKE]

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
        number = "".join(house_numbers(number)[:1])
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
