"""Result files: a row a photo, written as it goes, that a second start goes on with.

A row is keyed by the photo's path, size and time of modification: what has a row is not done again, a photo that
changed is. Of two rows with one path the later one counts; the earlier one leaves the file when the run ends.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from errno import EACCES
from hashlib import blake2b
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from data.errors import RequestError, WhenceError
from data.printable import printable
from fusion.result_formats import FORMATS, Store

if TYPE_CHECKING:
    from filelock import BaseFileLock

    from fusion.answer import Answer, Failure

__all__ = ["PhotoKey", "ResultFile", "row_of"]


@dataclass(frozen=True, slots=True)
class PhotoKey:
    """What tells whether a photo has been done.

    Attributes:
        file: Its path as it was given, printable: control characters and bytes that are no UTF-8 are escaped.
        size: Bytes, or None where it cannot be looked at.
        modified: Time of its last modification, UTC, ISO 8601 to the nanosecond, or None.
    """

    file: str
    size: int | None
    modified: str | None

    @classmethod
    def of(cls, path: str | os.PathLike[str]) -> PhotoKey:
        """The key of the file at ``path`` as it is now."""
        name = os.fspath(path)
        # `printable` writes a line end as \\n: a backslash that is part of the name is doubled, so that no two names
        # look alike. Where it separates folders no name has one.
        name = printable(name.replace("\\", r"\\") if os.sep == "/" else name)
        try:
            status = Path(path).stat()
        except (OSError, ValueError):  # no such file, a parent that may not be entered; a NUL in the name
            return cls(name, None, None)
        seconds, nanoseconds = divmod(status.st_mtime_ns, 10**9)
        try:
            moment = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
        except (ValueError, OverflowError, OSError):  # a file system may hold any number
            moment = f"@{seconds}"
        return cls(name, status.st_size, f"{moment}.{nanoseconds:09d}Z")


def row_of(
    result: Answer | Failure, key: PhotoKey, settings: str, *, top: int = 5, confidence: float = 0.8
) -> dict[str, Any]:
    """``result`` as a row, nested as in ``fusion/assets/answer.schema.json``, with its key and ``settings``."""
    from fusion.answer import Answer

    content = result.to_dict(top=top, confidence=confidence) if isinstance(result, Answer) else result.to_dict()
    return {**content, "file": key.file, "size": key.size, "modified": key.modified, "settings": printable(settings)}


class ResultFile:
    """A result file that is being written; a context manager.

    Args:
        path: Ends in ``.csv``, ``.jsonl`` or ``.parquet``. What is there already is gone on with.
        settings: What the rows are made with.

    Raises:
        RequestError: The ending is none of these; on entering: rows there were made with other settings, or another
            process is writing to the file.
        DatasetError: On entering: what is there is no result file, or is damaged.
        WhenceError: It cannot be written; rows that were written stay.
    """

    def __init__(self, path: Path, settings: str) -> None:
        if path.suffix.lower() not in FORMATS:
            raise RequestError(f"cannot tell the format of {path}: end it in {', '.join(FORMATS)}")
        self.path, self.settings = Path(os.path.realpath(path)), printable(settings)  # a link stays one
        self._keys: dict[int, int] = {}  # digest of a path -> digest of the key of its latest row; 64 bits each,
        self._errors: set[int] = set()  # so that millions fit into memory. Keys whose latest row is an error
        self._superseded = False

    def __enter__(self) -> Self:
        self._lock = _locked(self.path)
        store = None
        try:
            with _writing(self.path):
                store = FORMATS[self.path.suffix.lower()](self.path)
                for row in store.rows():
                    self._note(row)
                store.begin()
        except BaseException:
            if store is not None:
                store.close()
            self._unlock()
            raise
        self._store: Store = store
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            with _writing(self.path):
                self._store.finish(superseded=self._superseded)
        except WhenceError:
            if error is None:  # else the first error is the one to tell
                raise
        finally:
            self._store.close()
            self._unlock()

    def state(self, key: PhotoKey) -> str | None:
        """``"done"``, ``"error"``, or None where the photo of this ``key`` has no row yet."""
        digest = _digest(key.file, key.size, key.modified)
        if self._keys.get(_digest(key.file)) != digest:
            return None
        return "error" if digest in self._errors else "done"

    def write(self, row: Mapping[str, Any]) -> None:
        """Append a row; when this returns it survives the end of the process.

        Raises:
            WhenceError: It cannot be written, such as on a full disk; the rows before it stay.
        """
        with _writing(self.path):
            self._store.append(row)
        self._note(row)

    def _note(self, row: Mapping[str, Any]) -> None:
        if row["settings"] != self.settings:
            raise RequestError(
                f"{self.path} has rows made with '{printable(str(row['settings']))}', this run is '{self.settings}': "
                "write to another file"
            )
        file, key = _digest(row["file"]), _digest(row["file"], row["size"], row["modified"])
        self._superseded |= file in self._keys
        self._keys[file] = key
        self._errors.discard(key)
        if row.get("error"):
            self._errors.add(key)

    def _unlock(self) -> None:
        with suppress(OSError):
            Path(self._lock.lock_file).unlink(missing_ok=True)
        self._lock.release()


def _digest(*parts: str | int | None) -> int:
    return int.from_bytes(blake2b(repr(parts).encode("utf-8", "surrogatepass"), digest_size=8).digest())


def _locked(path: Path) -> BaseFileLock:
    from filelock import FileLock, Timeout  # only where a result file is written

    if not path.parent.is_dir():
        raise RequestError(f"cannot write {path}: there is no folder {path.parent}; make it first")
    # The system gives it back when the process ends, however it ends.
    lock_path = path.with_name(f".{path.name}.lock")
    lock = FileLock(lock_path)
    with _writing(path):
        try:
            lock.acquire(timeout=0)
        except Timeout as error:
            if not lock_path.exists():  # the system refused to make it, which the lock takes for somebody else's
                raise PermissionError(EACCES, "no file can be made there") from error
            raise RequestError(f"{path} is being written by another process: wait for it, or name another") from error
    return lock


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise WhenceError(
            f"cannot write {path}: {error.strerror or error}; rows that were written are kept: mend that, then run the "
            "same command again to go on"
        ) from error
