"""Rows of an evaluation on disk: a journal while it runs, from which an interrupted run goes on, then Parquet."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from errno import EACCES
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from data.errors import DatasetError, RequestError, WhenceError
from data.printable import printable
from fusion.evaluation.rows import COLUMNS

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["JOURNAL", "TABLE", "Journal", "writing"]

TABLE: Final = "answers.parquet"
"""Name of the finished table in a run's folder."""
JOURNAL: Final = "answers.jsonl"
"""Name of the journal, which is there while a run is not finished."""

_FORMAT: Final = "whence-evaluation-journal-1"
_GROUP: Final = 1_000  # rows of a Parquet row group
_SYNC_ROWS: Final = 16  # rows that a power cut, not a kill, may cost

Key = tuple[str, str]


class Journal:
    """Rows by (prior, file), appended as they come; a context manager. The later of two rows counts.

    Args:
        folder: Of the run; made where there is none.
        fingerprint: Of the set: rows of another set do not share a folder.

    Raises:
        RequestError: On entering: the folder has rows of another set, or another process is writing there.
        DatasetError: On entering: what is there is no journal or table of an evaluation.
        WhenceError: It cannot be written.
    """

    def __init__(self, folder: Path, fingerprint: str) -> None:
        self.folder, self._fingerprint = folder, fingerprint
        self._path, self._table = folder / JOURNAL, folder / TABLE
        self._at: dict[Key, int] = {}  # where in the file each row begins
        self._settings: dict[Key, str] = {}
        self._failed: set[Key] = set()
        self._unsynced = 0
        self._copied = False  # whether the journal is but a copy of the finished table

    def __enter__(self) -> Journal:
        from filelock import FileLock, Timeout  # only where an evaluation is written

        with writing(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            self._lock = FileLock(self.folder / ".lock")
            try:
                self._lock.acquire(timeout=0)
            except Timeout as error:
                if not Path(self._lock.lock_file).exists():  # refused by the system, which the lock takes for held
                    raise PermissionError(EACCES, "no file can be made there") from error
                raise RequestError(
                    f"{printable(str(self.folder))} is being written by another process: wait for it, or name another"
                ) from error
            try:
                self._open()
            except BaseException:
                self._unlock()
                raise
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self._file.close()
            if self._copied:  # all that it holds stands in the table
                self._path.unlink(missing_ok=True)
        finally:
            self._unlock()

    def _unlock(self) -> None:
        with suppress(OSError):  # before it is let go: afterwards it may be another's
            Path(self._lock.lock_file).unlink(missing_ok=True)
        self._lock.release()

    def _open(self) -> None:
        if self._table.exists() and not self._path.exists():
            self._seed()
            self._copied = True
        # Without a buffer: one that a full disk does not take would be written once more, and fail again, on closing.
        self._file = self._path.open("ab", buffering=0)
        try:
            self._read()
        except BaseException:
            self._file.close()
            if self._copied:
                self._path.unlink()
            raise
        if self._path.stat().st_size == 0:
            self._append({"format": _FORMAT, "fingerprint": self._fingerprint})

    def _seed(self) -> None:
        """A journal of the rows of the finished table, there as a whole or not at all."""
        partial = self._path.with_name(f".{JOURNAL}.partial")
        try:
            with partial.open("wb") as seed:
                seed.write(_line({"format": _FORMAT, "fingerprint": self._table_fingerprint()}))
                seed.writelines(map(_line, self._table_rows()))
            partial.replace(self._path)
        finally:
            partial.unlink(missing_ok=True)

    def _read(self) -> None:
        with self._path.open("rb") as lines:
            end = self._noted(lines)
        self._file.truncate(end)

    def _noted(self, lines: Iterable[bytes]) -> int:
        """Take in what is there; returns where the last whole line ends."""
        shown = printable(str(self._path))
        end = 0
        for number, line in enumerate(lines):
            if not line.endswith(b"\n"):  # what a kill cut short
                break
            try:
                row = json.loads(line)
                if number == 0:
                    known, fingerprint = row["format"] == _FORMAT, row["fingerprint"]
                else:
                    self._note(row, end)
            except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
                raise DatasetError(
                    f"line {number + 1} of {shown} is no row of an evaluation: name another folder, or move it away"
                ) from error
            if number == 0 and not known:
                raise DatasetError(f"{shown} is no journal of an evaluation: name another folder, or move it away")
            if number == 0 and fingerprint != self._fingerprint:
                raise RequestError(
                    f"{printable(str(self.folder))} holds answers about another set of photos, or its labels or "
                    "--limit have changed: name another folder"
                )
            end += len(line)
        return end

    def state(self, prior: str, file: str, settings: str) -> str | None:
        """``"done"``, ``"error"``, or None where there is no row yet.

        Raises:
            RequestError: There is one, made with other settings.
        """
        key = prior, file
        if key not in self._at:
            return None
        if self._settings[key] != settings:
            raise RequestError(
                f"{printable(str(self.folder))} has answers of {printable(prior)} made with "
                f"'{printable(self._settings[key])}', this run is '{settings}': name another folder"
            )
        return "error" if key in self._failed else "done"

    def append(self, row: Mapping[str, Any]) -> None:
        """Write one row; when this returns it survives the end of the process.

        Raises:
            WhenceError: It cannot be written; the rows before it stay.
        """
        with writing(self.folder):
            self._note(row, self._append(row))
            self._copied = False

    def row(self, prior: str, file: str) -> dict[str, Any]:
        """One row that was written."""
        with self._path.open("rb") as file_:
            file_.seek(self._at[prior, file])
            return dict(json.loads(file_.readline()))

    @property
    def priors(self) -> set[str]:
        """Those that there are rows of."""
        return {prior for prior, _ in self._at}

    def finish(
        self, order: Sequence[Key], groups: Sequence[str], labels: Callable[[str], Mapping[str, Any]] = lambda _: {}
    ) -> None:
        """Write the rows of ``order`` as Parquet, then let the journal go.

        Args:
            order: (prior, file) of every row.
            groups: Names of the set's further columns.
            labels: Name of a photo to columns that the labels say now, whatever they said when its row was made.
        """
        import pyarrow as pa
        import pyarrow.parquet as pq

        schema = _schema(groups, self._fingerprint)
        partial = self._table.with_name(f".{TABLE}.partial")
        with writing(self.folder):
            try:
                with pq.ParquetWriter(partial, schema, compression="zstd") as writer:
                    for start in range(0, len(order), _GROUP):
                        rows = [{**self.row(*key), **labels(key[1])} for key in order[start : start + _GROUP]]
                        writer.write_table(pa.Table.from_pylist(rows, schema=schema))
                with partial.open("rb") as written:
                    os.fsync(written.fileno())
                partial.replace(self._table)
            finally:
                partial.unlink(missing_ok=True)
            self._file.close()
            self._path.unlink()
            self._copied = False

    def _append(self, row: Mapping[str, Any]) -> int:
        """Write ``row``, or nothing of it; returns where it begins."""
        start = self._file.seek(0, os.SEEK_END)
        left = memoryview(_line(row))
        try:
            while left:
                left = left[self._file.write(left) :]
        except BaseException:
            with suppress(OSError):  # else half a line stays, which the next reader leaves out
                self._file.truncate(start)
            raise
        self._unsynced += 1
        if self._unsynced >= _SYNC_ROWS:
            os.fsync(self._file.fileno())
            self._unsynced = 0
        return start

    def _note(self, row: Mapping[str, Any], start: int) -> None:
        key = row["prior"], row["file"]
        self._at[key], self._settings[key] = start, row["settings"]
        self._failed.discard(key)
        if row["error"]:
            self._failed.add(key)

    def _table_fingerprint(self) -> str:
        with _reading(self._table) as file:
            kept = file.schema_arrow.metadata or {}
            if b"fingerprint" not in kept:
                raise DatasetError(
                    f"{printable(str(self._table))} is no table of an evaluation: name another folder, or move it away"
                )
            return str(kept[b"fingerprint"].decode("ascii", "replace"))

    def _table_rows(self) -> Iterator[dict[str, Any]]:
        with _reading(self._table) as file:
            for batch in file.iter_batches(_GROUP):
                yield from batch.to_pylist()


def _line(row: Mapping[str, Any]) -> bytes:
    return json.dumps(row, ensure_ascii=True).encode("ascii") + b"\n"


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Turns an error of the file system into one that says what to do."""
    try:
        yield
    except OSError as error:
        raise WhenceError(
            f"cannot write to {printable(str(folder))}: {error.strerror or error}; rows that were written stay: "
            "mend that, then run the same command again to go on"
        ) from error


@contextmanager
def _reading(path: Path) -> Iterator[Any]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            yield file
    except (pa.ArrowException, OSError, ValueError) as error:
        raise DatasetError(
            f"{printable(str(path))} is no Parquet file, or damaged ({printable(str(error))[:200]}): name another "
            "folder, or move it away"
        ) from error


def _schema(groups: Sequence[str], fingerprint: str) -> pa.Schema:
    import pyarrow as pa

    kinds = {"text": pa.string(), "real": pa.float64(), "whole": pa.int64()}
    fields = [
        pa.field(name, kinds[kind], metadata={"description": meaning}) for name, (kind, meaning) in COLUMNS.items()
    ]
    fields += [pa.field(f"group_{name}", pa.string(), metadata={"description": "of the set"}) for name in groups]
    return pa.schema(fields, metadata={"fingerprint": fingerprint})
