"""How result files lie on disk: JSON Lines, CSV and Parquet.

A row has the same content in each: JSON Lines hold it nested, as ``fusion/assets/answer.schema.json`` says; CSV and
Parquet have the columns of :data:`COLUMNS`, with what is nested as JSON text. Lines are appended whole, so that a kill
can only cut the last one short: such a tail is dropped when the file is opened again. Parquet cannot be appended to:
its rows go to a JSON Lines journal beside it, and the table is made of both when a run ends.
"""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

from data.errors import DatasetError
from data.printable import printable

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["COLUMNS", "FORMATS", "Store"]

COLUMNS: Mapping[str, str] = {
    "file": "the photo's path as given; control characters and bytes that are no UTF-8 escaped, backslashes doubled",
    "size": "bytes of the file; empty where there is none",
    "modified": "time of its last modification, UTC, to the nanosecond; empty where there is no file",
    "lat": "latitude of the answer's point, degrees; this and the columns down to attributions are empty for an error",
    "lon": "longitude of the point, degrees",
    "radius_km": "half of the probability lies within this distance of the point",
    "country": "likeliest country, ISO 3166-1 alpha-2",
    "country_probability": "its probability",
    "place": "the gazetteer's nearest place to the point",
    "level": "street, city, region, country or continent: the finest with the probability asked for; empty if none",
    "level_name": "what that place is called; of a street the nearest place",
    "level_probability": "its probability",
    "prior": "which prior spoke",
    "scene": "indoor, natural or urban, whichever is likeliest; empty with --scenes none",
    "scene_probability": "its probability",
    "clue_count": "how many clues there are; with none the answer is the prior's",
    "text": "all text read, lines joined by ' | '; what looks private is masked",
    "countries": "JSON object: country to probability, most probable first",
    "top": "JSON array: the likeliest cells",
    "readings": "JSON array: each line of text with its box, confidence and script",
    "clues": "JSON array: what the text says about places",
    "ledger": "JSON array: how much each clue moved the answer",
    "effects": "JSON array: how much the picture, all clues together and what was known already moved it",
    "lookups": "JSON array: network look-ups that were made",
    "attributions": "JSON array: whose map data the clues are of; to be shown with the row",
    "error": "kind of error, such as ImageError; empty where all went well",
    "message": "what is wrong with the photo and what to do",
    "settings": "what the row was made with; rows made with different settings do not share a file",
}
"""Name and meaning of the columns of CSV and Parquet results, in their order."""

_FOREIGN = "is no result file, or one of another version: move it away, or name another one"
_KEY = ("file", "size", "modified", "error", "settings")  # what is read again
_NESTED = ("countries", "top", "readings", "clues", "ledger", "effects", "lookups", "attributions")
_REAL = ("lat", "lon", "radius_km", "country_probability", "level_probability", "scene_probability")
_SYNC_ROWS = 16  # rows that a power cut, not a kill, may cost
_GROUP = 1000  # rows of a Parquet row group, and in memory at once
# What makes a spreadsheet take a cell for a formula: https://owasp.org/www-community/attacks/CSV_Injection
_FORMULA = "=+-@\t\r＝＋－＠"


class Store(Protocol):
    """One format on disk. Opening it changes nothing that is there."""

    def rows(self) -> Iterator[Mapping[str, Any]]:
        """What is there; of each row at least file, size, modified, error and settings.

        Raises:
            DatasetError: A row is none.
        """

    def begin(self) -> None:
        """Make ready for appending: a tail that a kill left is cut off."""

    def append(self, row: Mapping[str, Any]) -> None:
        """Write one nested row at the end, or, where it does not fit, nothing of it."""

    def finish(self, *, superseded: bool) -> None:
        """Bring the file into its final form; ``superseded``: of some path it has more than one row."""

    def close(self) -> None:
        """Give back what is open."""


class _Lines:
    """A file of lines that grows by whole lines.

    Args:
        path: The file; made where there is none.
        start: What every such file that is not empty begins with, or a part of it where a kill came early.
    """

    def __init__(self, path: Path, start: bytes) -> None:
        self.path = path
        self.made = not path.exists()
        self._file = path.open("w+b" if self.made else "r+b", buffering=0)
        self._unsynced = 0
        try:
            begins = self._file.read(len(start))
            if begins != start[: len(begins)]:
                raise DatasetError(
                    f"{path} is no result file, or one of another version: move it away, or name another one"
                )
            self.end = self._end_of_lines()
        except BaseException:
            self._file.close()
            raise

    def _end_of_lines(self) -> int:
        """Where the last whole line ends."""
        end = self._file.seek(0, os.SEEK_END)
        while end > 0:
            begin = max(end - 65536, 0)
            self._file.seek(begin)
            at = self._file.read(end - begin).rfind(b"\n")
            if at >= 0:
                return begin + at + 1
            end = begin
        return 0

    def __iter__(self) -> Iterator[bytes]:
        """The whole lines."""
        left = self.end
        with self.path.open("rb") as file:
            for line in file:
                left -= len(line)
                if left < 0:
                    return
                yield line

    def tail(self) -> bytes:
        """What stands after the last whole line."""
        self._file.seek(self.end)
        return self._file.read()

    def cut(self) -> None:
        """Drop what stands after the last whole line."""
        self._file.truncate(self.end)
        self._file.seek(self.end)

    def append(self, line: bytes) -> None:
        """Write ``line``, which ends in a line end, or nothing of it."""
        try:
            rest = memoryview(line)
            while rest:
                rest = rest[self._file.write(rest) :]
        except BaseException:
            with suppress(OSError):
                self.cut()
            raise
        self.end += len(line)
        self._unsynced += 1
        if self._unsynced >= _SYNC_ROWS:
            self.sync()

    def sync(self) -> None:
        """Bring what was written to the disk."""
        os.fsync(self._file.fileno())
        self._unsynced = 0

    def keep(self, wanted: Callable[[int], bool]) -> None:
        """Rewrite the file with those lines whose number, from 0, is ``wanted``; nothing is appended after that."""
        with _replacing(self.path) as temporary:
            with temporary.open("wb") as new:
                new.writelines(line for number, line in enumerate(self) if wanted(number))
                new.flush()
                os.fsync(new.fileno())
            self._file.close()  # before it is replaced: some systems replace no open file

    def close(self) -> None:
        """Give it back; a file that was made and stayed empty goes."""
        self._file.close()
        if self.made and self.end == 0:
            self.path.unlink(missing_ok=True)


class _JsonLines:
    """One nested row a line, ASCII only."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lines = _Lines(path, b'{"file": ')

    @property
    def empty(self) -> bool:
        """Whether there is no row."""
        return self._lines.end == 0

    def rows(self) -> Iterator[dict[str, Any]]:
        for number, line in enumerate(self._lines):
            try:
                row = json.loads(line)
            except (ValueError, RecursionError) as error:
                raise _damaged(self._path, number) from error
            if not _is_row(row):
                raise _damaged(self._path, number)
            yield row
        if (last := self._row_without_end()) is not None:
            yield last

    def _row_without_end(self) -> dict[str, Any] | None:
        """The last row where nothing but its line end is missing, as some editors leave it."""
        try:
            row = json.loads(self._lines.tail())
        except (ValueError, RecursionError):  # nothing, or what a kill cut short
            return None
        if not _is_row(row):
            raise DatasetError(f"{self._path} {_FOREIGN}")
        return cast("dict[str, Any]", row)

    def begin(self) -> None:
        last = self._row_without_end()
        self._lines.cut()
        if last is not None:
            self.append(last)

    def append(self, row: Mapping[str, Any]) -> None:
        self._lines.append(json.dumps(row, ensure_ascii=True).encode("ascii") + b"\n")

    def finish(self, *, superseded: bool) -> None:
        self._lines.sync()
        if superseded:
            self._lines.keep(_latest(self.rows()))

    def close(self) -> None:
        self._lines.close()


class _Csv:
    """RFC 4180 in UTF-8, with a head line. No field holds a line end, so that a row is one line."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._head = _csv_line(COLUMNS)
        self._lines = _Lines(path, self._head)

    def rows(self) -> Iterator[Mapping[str, Any]]:
        for number, line in islice(enumerate(self._lines), 1, None):
            try:
                with _long_fields():
                    [fields] = csv.reader([line.decode("utf-8")], strict=True)
                row: dict[str, Any] = dict(zip(COLUMNS, fields, strict=True))
                size = int(row["size"]) if row["size"] else None
            except (csv.Error, ValueError) as error:
                raise _damaged(self._path, number) from error
            texts = {name: _unguarded(row[name]) for name in _KEY if name != "size"}
            yield {**texts, "size": size, "modified": texts["modified"] or None}

    def begin(self) -> None:
        self._lines.cut()
        if self._lines.end == 0:
            self._lines.append(self._head)

    def append(self, row: Mapping[str, Any]) -> None:
        fields = ("" if v is None else _guarded(v) if isinstance(v, str) else repr(v) for v in _flat(row).values())
        self._lines.append(_csv_line(fields))

    def finish(self, *, superseded: bool) -> None:
        self._lines.sync()
        if superseded:
            latest = _latest(self.rows())
            self._lines.keep(lambda number: number == 0 or latest(number - 1))

    def close(self) -> None:
        self._lines.close()


class _Parquet:
    """A table of the rows that were there and those of the journal beside it, made when a run ends."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._journal_path = path.with_name(f"{path.name}.journal.jsonl")
        if self._there():
            with self._reading() as file:
                if file.schema_arrow.names != list(COLUMNS):
                    raise DatasetError(
                        f"{path} is no result file, or one of another version: move it away, or name another one"
                    )
        else:
            path.touch()  # that it cannot be written is said now, not after a day's work
            path.unlink()
        self._journal = _JsonLines(self._journal_path)

    def _there(self) -> bool:
        return self._path.exists() and self._path.stat().st_size > 0  # a kill may leave one that was only just made

    @contextmanager
    def _reading(self) -> Iterator[Any]:
        import pyarrow as pa  # only for this format
        import pyarrow.parquet as pq

        try:
            with pq.ParquetFile(self._path) as file:
                yield file
        except (pa.ArrowException, OSError, ValueError) as error:
            raise DatasetError(
                f"{self._path} is no Parquet file, or damaged ({error}): move it away, or name another one"
            ) from error

    def _table(self, columns: Iterable[str]) -> Iterator[dict[str, Any]]:
        if self._there():
            with self._reading() as file:
                for batch in file.iter_batches(_GROUP, columns=list(columns)):
                    yield from batch.to_pylist()

    def rows(self) -> Iterator[Mapping[str, Any]]:
        yield from self._table(_KEY)
        yield from self._journal.rows()

    def begin(self) -> None:
        self._journal.begin()

    def append(self, row: Mapping[str, Any]) -> None:
        self._journal.append(row)

    def finish(self, *, superseded: bool) -> None:
        if not self._journal.empty:
            import pyarrow.parquet as pq

            latest, schema = _latest(self.rows()), _schema()
            with _replacing(self._path) as temporary:
                with pq.ParquetWriter(temporary, schema, compression="zstd") as writer:
                    rows = (row for number, row in enumerate(self._all()) if latest(number))
                    while group := list(islice(rows, _GROUP)):
                        writer.write_table(_table_of(group, schema))
                with temporary.open("rb") as file:
                    os.fsync(file.fileno())
        self._journal.close()
        self._journal_path.unlink(missing_ok=True)

    def _all(self) -> Iterator[dict[str, Any]]:
        yield from self._table(COLUMNS)
        yield from map(_flat, self._journal.rows())

    def close(self) -> None:
        self._journal.close()


FORMATS: Mapping[str, Callable[[Path], Store]] = {".csv": _Csv, ".jsonl": _JsonLines, ".parquet": _Parquet}
"""Endings of result files, and what opens them."""


def _is_row(row: Any) -> bool:
    if not isinstance(row, dict) or not row.keys() >= {"file", "size", "modified", "settings"}:
        return False
    return isinstance(row["file"], str)


def _flat(row: Mapping[str, Any]) -> dict[str, Any]:
    """A nested row as values of the columns: text that is printable, numbers, or None."""
    error = row.get("error") or {}
    scene = row.get("scene") or {}
    level = row.get("level") or {}
    likeliest = max(scene, key=scene.__getitem__, default=None)
    content = {
        **row,
        "level": level.get("level"),
        "level_name": level.get("name"),
        "level_probability": level.get("probability"),
        "scene": likeliest,
        "scene_probability": scene.get(likeliest),
        "clue_count": len(row["clues"]) if "clues" in row else None,
        "text": " | ".join(reading["text"] for reading in row["readings"]) if "readings" in row else None,
        "error": error.get("type"),
        "message": error.get("message"),
        **{name: json.dumps(row[name], ensure_ascii=True) for name in _NESTED if name in row},
    }
    values = ((name, content.get(name)) for name in COLUMNS)
    return {name: printable(value) if isinstance(value, str) else value for name, value in values}


def _latest(rows: Iterable[Mapping[str, Any]]) -> Callable[[int], bool]:
    """Whether the row of a number, from 0, is the last one of its path."""
    last: dict[int, int] = {}
    for number, row in enumerate(rows):
        last[hash(row["file"])] = number  # 64 bits, so that millions fit into memory
    return set(last.values()).__contains__


def _csv_line(fields: Iterable[str]) -> bytes:
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow(fields)
    return line.getvalue().encode("utf-8")


@contextmanager
def _long_fields() -> Iterator[None]:
    """The csv module takes fields of 128 KiB; the readings of a photo full of text are longer."""
    before = csv.field_size_limit(min(sys.maxsize, 2**31 - 1))
    try:
        yield
    finally:
        csv.field_size_limit(before)


def _guarded(text: str) -> str:
    """``text`` so that no spreadsheet takes it for a formula; the apostrophe is what spreadsheets themselves use."""
    return f"'{text}" if text.startswith(("'", *_FORMULA)) else text


def _unguarded(text: str) -> str:
    return text.removeprefix("'")


def _schema() -> pa.Schema:
    import pyarrow as pa

    kinds = {"size": pa.int64(), "clue_count": pa.int64(), **dict.fromkeys(_REAL, pa.float64())}
    return pa.schema(
        pa.field(name, kinds.get(name, pa.string()), metadata={"description": meaning})
        for name, meaning in COLUMNS.items()
    )


def _table_of(rows: list[dict[str, Any]], schema: pa.Schema) -> pa.Table:
    import pyarrow as pa

    return pa.Table.from_pylist(rows, schema=schema)


@contextmanager
def _replacing(path: Path) -> Iterator[Path]:
    """A path beside ``path`` that takes its place when all went well, and is gone when not.

    Its name is always the same: what a kill left is overwritten by the next run, which holds the lock.
    """
    temporary = path.with_name(f".{path.name}.partial")
    try:
        yield temporary
        if path.exists():
            shutil.copymode(path, temporary)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _damaged(path: Path, number: int) -> DatasetError:
    return DatasetError(f"line {number + 1} of {path} is no row of results: mend it, or move the file away")
