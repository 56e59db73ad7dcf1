"""From the things of an OpenStreetMap extract to a search index in one SQLite file (``data.osm_index`` reads it).

Names are kept once, by their skeletons (``data.skeleton``), with a trigram index over them (SQLite's FTS5) and how many
names each trigram is in, so that a search takes the rarest. What bears a name is found by name and by square of a
hundredth of a degree. Pieces of a street that lie near one another are one thing. Sorting is SQLite's, on disk.
"""

from __future__ import annotations

import contextlib
import glob
import hashlib
import json
import math
import os
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from itertools import groupby, islice
from pathlib import Path
from typing import Final

from data.errors import DatasetError
from data.osm_keys import host_of, house_numbers, phone_digits, phone_key, spot_of
from data.osm_things import Thing, extract_time, things_in
from data.printable import printable
from data.skeleton import skeleton
from data.version import __version__

__all__ = ["APPLICATION_ID", "USER_VERSION", "build_index"]

APPLICATION_ID: Final = 0x77_68_6F_73  # "whos"
USER_VERSION: Final = 1
_SAME_STREET_KM: Final = 0.6
_SQUARE: Final = 20_000  # millionths of a degree
_BATCH: Final = 20_000
_BASE: Final = "base"
_YOUNG_SECONDS: Final = 60.0

_TABLES: Final = """
PRAGMA application_id = {application};
PRAGMA user_version = {version};
PRAGMA locking_mode = EXCLUSIVE;
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
PRAGMA secure_delete = OFF;
PRAGMA temp_store = FILE;
PRAGMA cache_size = -65536;
CREATE TABLE meta(key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE thing(id INTEGER PRIMARY KEY, what TEXT NOT NULL, label TEXT NOT NULL, lat INTEGER NOT NULL,
    lon INTEGER NOT NULL, reach_m INTEGER NOT NULL, street TEXT NOT NULL, number TEXT NOT NULL, city TEXT NOT NULL,
    osm TEXT NOT NULL);
CREATE TABLE raw(key TEXT NOT NULL, text TEXT NOT NULL, spot INTEGER NOT NULL, thing INTEGER NOT NULL);
CREATE TABLE piece(key TEXT NOT NULL, text TEXT NOT NULL, what TEXT NOT NULL, lat INTEGER NOT NULL,
    lon INTEGER NOT NULL, reach_m INTEGER NOT NULL, osm TEXT NOT NULL);
CREATE TABLE raw_house(key TEXT NOT NULL, text TEXT NOT NULL, number TEXT NOT NULL, lat INTEGER NOT NULL,
    lon INTEGER NOT NULL, city TEXT NOT NULL);
CREATE TABLE name(id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, text TEXT NOT NULL, things INTEGER NOT NULL);
CREATE TABLE bears(name INTEGER, spot INTEGER, thing INTEGER, PRIMARY KEY(name, spot, thing)) WITHOUT ROWID;
CREATE TABLE house(street INTEGER, number TEXT, lat INTEGER, lon INTEGER, city TEXT,
    PRIMARY KEY(street, number, lat, lon)) WITHOUT ROWID;
CREATE TABLE phone(digits TEXT, thing INTEGER, number TEXT, PRIMARY KEY(digits, thing, number)) WITHOUT ROWID;
CREATE TABLE site(host TEXT, thing INTEGER, PRIMARY KEY(host, thing)) WITHOUT ROWID;
CREATE VIRTUAL TABLE trigrams USING fts5(key, content='', tokenize='trigram case_sensitive 1', detail='none',
    columnsize=0);
CREATE TABLE trigram(term TEXT PRIMARY KEY, names INTEGER NOT NULL) WITHOUT ROWID;
"""

_FINISH: Final = """
INSERT INTO name(key, text, things) SELECT key, min(text), 0 FROM (SELECT key, text FROM raw
    UNION ALL SELECT key, text FROM raw_house) GROUP BY key;
INSERT OR IGNORE INTO bears SELECT name.id, raw.spot, raw.thing FROM raw JOIN name ON name.key = raw.key
    ORDER BY 1, 2, 3;
INSERT OR IGNORE INTO house SELECT name.id, h.number, h.lat, h.lon, h.city FROM raw_house h
    JOIN name ON name.key = h.key ORDER BY 1, 2, 3, 4;
UPDATE name SET things = (SELECT count(*) FROM bears WHERE bears.name = name.id);
INSERT INTO trigrams(rowid, key) SELECT id, key FROM name;
INSERT INTO trigrams(trigrams) VALUES('optimize');
CREATE VIRTUAL TABLE temp.vocabulary USING fts5vocab(main, trigrams, row);
INSERT INTO trigram SELECT term, doc FROM temp.vocabulary;
DROP TABLE temp.vocabulary;
DROP TABLE raw; DROP TABLE raw_house; DROP TABLE piece;
"""


def build_index(
    extract: Path, out: Path, *, name: str, advance: Callable[[int], None] | None = None
) -> dict[str, object]:
    """Read ``extract``, write the index to ``out`` and return what its ``meta`` says; a broken one is never left.

    Args:
        extract: ``.osm.pbf``, ``.osm``, ``.osm.gz`` ...
        out: The file that is written.
        name: Of the region.
        advance: Called with the number of things read so far, every few thousand.

    Raises:
        DatasetError: The extract cannot be read or names nothing, or ``out`` cannot be written.
    """
    if extract.is_dir():
        raise DatasetError(f"{printable(str(extract))} is a folder: name an extract in it")
    if not extract.is_file():
        raise DatasetError(f"no such extract: {printable(str(extract))}: give a file that is on this machine")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        _sweep(out)
        with tempfile.TemporaryDirectory(dir=out.parent, prefix=_leftover(out), ignore_cleanup_errors=True) as folder:
            scratch = Path(folder)
            with contextlib.closing(sqlite3.connect(scratch / _BASE, isolation_level=None)) as base:
                meta = _build(base, extract, scratch, name, advance or (lambda _: None))
                base.execute("VACUUM INTO ?", (str(scratch / "whole"),))
            with (scratch / "whole").open("rb+") as file:
                os.fsync(file.fileno())  # a name must not reach the disk before what it names
            (scratch / "whole").replace(out)
    except (OSError, sqlite3.Error) as error:
        raise DatasetError(
            f"the index {printable(str(out))} cannot be written ({printable(str(error))}): is there room on the disk, "
            "some three times the extract, and may you write there?"
        ) from error
    return meta


def _build(
    base: sqlite3.Connection, extract: Path, scratch: Path, name: str, advance: Callable[[int], None]
) -> dict[str, object]:
    base.executescript(_TABLES.format(application=APPLICATION_ID, version=USER_VERSION))
    count, box = _fill(base, things_in(extract, scratch), advance)
    if not count:
        raise DatasetError(f"{printable(str(extract))} names no place: is it an extract with tags?")
    _join_streets(base)
    base.executescript(_FINISH)
    meta: dict[str, object] = {
        "name": name,
        "source": printable(extract.name),
        "sha256": _sha256(extract),
        "bytes": extract.stat().st_size,
        "of": extract_time(extract),
        "box": box,
        "things": base.execute("SELECT count(*) FROM thing").fetchone()[0],
        "names": base.execute("SELECT count(*) FROM name").fetchone()[0],
        "houses": base.execute("SELECT count(*) FROM house").fetchone()[0],
        "whence": __version__,
        "attribution": "© OpenStreetMap contributors, ODbL 1.0, openstreetmap.org/copyright",
    }
    base.executemany("INSERT INTO meta VALUES (?, ?)", [(key, json.dumps(value)) for key, value in meta.items()])
    base.execute("ANALYZE")
    return meta


def _leftover(out: Path) -> str:
    return f".{out.name}.partial-"


def _sweep(out: Path) -> None:
    """Remove what builds of the same index left that were killed; those that run hold a lock."""
    for folder in out.parent.glob(f"{glob.escape(_leftover(out))}*"):
        with contextlib.suppress(OSError):
            if time.time() - folder.stat().st_mtime < _YOUNG_SECONDS:
                continue  # it may not have come to its lock
            if (folder / _BASE).is_file() and _locked(folder / _BASE):
                continue
            shutil.rmtree(folder, ignore_errors=True)


def _locked(path: Path) -> bool:
    try:
        with contextlib.closing(sqlite3.connect(path, timeout=0.0, isolation_level=None)) as base:
            base.execute("BEGIN EXCLUSIVE")
    except sqlite3.OperationalError as error:
        return "locked" in str(error)
    except sqlite3.Error:
        return False
    return False


def _fill(base: sqlite3.Connection, things: Iterator[Thing], advance: Callable[[int], None]) -> tuple[int, list[float]]:
    """Write all things, streets by their pieces; how many there were, and west, south, east, north."""
    box = [180.0, 90.0, -180.0, -90.0]
    read = number = 0
    while chunk := list(islice(things, _BATCH)):
        rows, raw, pieces, houses, phones, sites = [], [], [], [], [], []
        for thing in chunk:
            lat, lon, reach = round(thing.lat * 1e6), round(thing.lon * 1e6), round(thing.reach_km * 1000.0)
            box = [min(box[0], thing.lon), min(box[1], thing.lat), max(box[2], thing.lon), max(box[3], thing.lat)]
            if thing.street and thing.number and (key := skeleton(thing.street)):
                houses += [(key, thing.street, n, lat, lon, thing.city) for n in house_numbers(thing.number)]
            if thing.kind == "house":
                continue
            keys = {key: text for text in reversed(thing.names) if len(key := skeleton(text)) >= 2}
            if thing.kind == "street":
                pieces += [(key, text, thing.what, lat, lon, reach, thing.osm) for key, text in keys.items()]
                continue
            number += 1
            rows.append(
                (number, thing.what, thing.name, lat, lon, reach, thing.street, thing.number, thing.city, thing.osm)
            )
            spot = spot_of(thing.lat, thing.lon)
            raw += [(key, text, spot, number) for key, text in keys.items()]
            phones += [(key, number, phone_digits(p)) for p in thing.phones if (key := phone_key(p))]
            sites += [(host, number) for s in thing.sites if (host := host_of(s))]
        read += len(chunk)
        base.execute("BEGIN")
        base.executemany("INSERT INTO thing VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)
        base.executemany("INSERT INTO raw VALUES (?, ?, ?, ?)", raw)
        base.executemany("INSERT INTO piece VALUES (?, ?, ?, ?, ?, ?, ?)", pieces)
        base.executemany("INSERT INTO raw_house VALUES (?, ?, ?, ?, ?, ?)", houses)
        base.executemany("INSERT OR IGNORE INTO phone VALUES (?, ?, ?)", phones)
        base.executemany("INSERT OR IGNORE INTO site VALUES (?, ?)", sites)
        base.execute("COMMIT")
        advance(read)
    return read, [round(v, 4) for v in box]


def _join_streets(base: sqlite3.Connection) -> None:
    """Pieces of one name that lie near one another become one thing, in the middle of them, as far as they reach."""
    (number,) = base.execute("SELECT coalesce(max(id), 0) FROM thing").fetchone()
    rows = base.execute("SELECT key, text, what, lat, lon, reach_m, osm FROM piece ORDER BY key, lat, lon, osm")
    base.execute("BEGIN")
    for key, group in groupby(rows, key=lambda row: row[0]):
        for pieces in _near(list(group)):
            number += 1
            lat = sum(p[3] for p in pieces) / len(pieces)
            lon = sum(p[4] for p in pieces) / len(pieces)
            narrow = math.cos(math.radians(lat * 1e-6))
            reach = max(math.hypot(p[3] - lat, (p[4] - lon) * narrow) * 0.111195 + p[5] for p in pieces)
            # The piece that is nearest to the middle stands for the street: the middle of a bend lies beside it.
            here = min(pieces, key=lambda p: math.hypot(p[3] - lat, (p[4] - lon) * narrow))
            base.execute(
                "INSERT INTO thing VALUES (?, ?, ?, ?, ?, ?, '', '', '', ?)",
                (number, here[2], here[1], here[3], here[4], round(reach), here[6]),
            )
            spot = spot_of(here[3] * 1e-6, here[4] * 1e-6)
            base.execute("INSERT INTO raw VALUES (?, ?, ?, ?)", (key, here[1], spot, number))
    base.execute("COMMIT")


_Piece = tuple[str, str, str, int, int, int, str]


def _near(pieces: list[_Piece]) -> Iterable[list[_Piece]]:
    """``pieces`` in groups: each lies within ``_SAME_STREET_KM`` of another of its group, their own reach left out."""
    # Only pieces of neighbouring squares are compared: a common name has a hundred thousand of them.
    parent = list(range(len(pieces)))

    def root(i: int) -> int:
        while parent[i] != i:
            parent[i] = i = parent[parent[i]]
        return i

    squares: dict[tuple[int, int], list[int]] = {}
    for i, piece in enumerate(pieces):
        row, column = piece[3] // _SQUARE, piece[4] // _SQUARE
        for square in ((row + a, column + b) for a in (-1, 0, 1) for b in (-1, 0, 1)):
            for j in squares.get(square, ()):
                if root(i) != root(j) and _apart_km(piece, pieces[j]) < _SAME_STREET_KM:
                    parent[root(i)] = root(j)
        squares.setdefault((row, column), []).append(i)
    groups: dict[int, list[_Piece]] = {}
    for i, piece in enumerate(pieces):
        groups.setdefault(root(i), []).append(piece)
    return groups.values()


def _apart_km(a: _Piece, b: _Piece) -> float:
    narrow = math.cos(math.radians(a[3] * 1e-6))
    between = math.hypot(a[3] - b[3], (a[4] - b[4]) * narrow) * 1.11195e-4
    return between - (a[5] + b[5]) / 1000.0


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
