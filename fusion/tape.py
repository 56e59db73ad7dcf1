"""A run's look-ups on a tape, so that the run is repeated without a network and comes to the same.

A JSON-lines file: a header, then a line for each request with what came: the body as it was, or what went wrong. A
request is on the tape complete; who asked (the contact) is not. A line is written at once, so that a process that is
killed leaves half a line at most, which the next reader or writer leaves out.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, Self

from data.errors import DatasetError, LookupFailed, RequestError
from data.printable import printable
from data.version import __version__
from fusion.lookup import Request

__all__ = ["Tape"]

_FORM = 1
_MARK = b'{"whence-tape": '  # how every tape begins
_LONGEST_LINE = 32 << 20  # a body of 2 MiB, every character of it escaped, is 12


class Tape:
    """Recorded look-ups; made with :meth:`record` or :meth:`replay`.

    One tape may be recorded by several threads and processes at once.
    """

    def __init__(self, path: Path, played: Mapping[str, list[int]] | None) -> None:
        self.path = path
        self._lines = played  # request -> where its lines start
        self._played: dict[str, int] = {}
        self._lock = threading.Lock()

    @property
    def replays(self) -> bool:
        """Whether it is played, else it is recorded."""
        return self._lines is not None

    @classmethod
    def record(cls, path: str | os.PathLike[str]) -> Self:
        """A tape that goes on at the end of the file at ``path``, which is made where there is none.

        Raises:
            RequestError: It cannot be written.
            DatasetError: What is there is no tape.
        """
        path = Path(path)
        try:
            path.open("ab").close()  # said at once where it cannot be
            with _locked(path), path.open("rb+") as file:
                head = file.readline(1000)
                file.seek(0)
                # Nothing, or what a process that was killed left of a header.
                if not head.endswith(b"\n") and (_MARK.startswith(head) or head.startswith(_MARK)):
                    file.truncate()
                    file.write(_line({"whence-tape": _FORM, "version": __version__}))
                else:
                    _check_header(file, path)
        except OSError as error:
            raise RequestError(f"cannot record to {path}: {error.strerror or error}; name another file") from error
        return cls(path, None)

    @classmethod
    def replay(cls, path: str | os.PathLike[str]) -> Self:
        """The tape at ``path``, to be played.

        Raises:
            RequestError: There is no such file, or it cannot be read.
            DatasetError: It is no tape, or is damaged.
        """
        path = Path(path)
        lines: dict[str, list[int]] = {}
        try:
            with path.open("rb") as file:
                _check_header(file, path)
                number, at = 2, file.tell()
                while line := file.readline(_LONGEST_LINE):
                    if not line.endswith(b"\n") and len(line) < _LONGEST_LINE:
                        break  # half a line: whoever wrote it was killed
                    lines.setdefault(_key(_parsed(line, path, number)), []).append(at)
                    number, at = number + 1, file.tell()
        except OSError as error:
            raise RequestError(f"cannot replay {path}: {error.strerror or error}") from error
        return cls(path, lines)

    def add(self, service: str, request: Request, *, body: str | None = None, failure: str | None = None) -> None:
        """Record what came for ``request``: a body, or what went wrong.

        Raises:
            LookupFailed: It cannot be written.
        """
        came = {"body": body} if failure is None else {"failure": failure}
        line = _line({**_content(service, request), **came})
        try:
            with self._lock, _locked(self.path), self.path.open("rb+") as file:
                file.truncate(_end_of_lines(file))
                file.seek(0, os.SEEK_END)
                file.write(line)
        except OSError as error:
            raise LookupFailed(
                f"what {service} answered cannot be recorded on {printable(str(self.path))} "
                f"({error.strerror or error}), so it is not used: mend that, or record elsewhere"
            ) from error

    def play(self, service: str, request: Request) -> str:
        """The body that came for ``request``: the second time what came the second time, and in the end the last again.

        Raises:
            LookupFailed: It failed then, and fails in the same words now; or it is not on the tape.
        """
        key = _key(_content(service, request))
        with self._lock:
            places = (self._lines or {}).get(key, [])
            turn = min(self._played.get(key, 0), len(places) - 1)
            self._played[key] = turn + 1
        if not places:
            raise LookupFailed(
                f"{service} was not asked this when {printable(str(self.path))} was recorded: replay it with the same "
                "photos, servers, models and options, or record anew"
            )
        try:
            with self.path.open("rb") as file:
                file.seek(places[turn])
                row = _parsed(file.readline(_LONGEST_LINE), self.path, 0)
        except (OSError, DatasetError) as error:
            raise LookupFailed(f"{printable(str(self.path))} was changed while it was replayed: start again") from error
        if row["body"] is None:
            raise LookupFailed(row["failure"])
        return str(row["body"])


def _content(service: str, request: Request) -> dict[str, Any]:
    form = None if request.form is None else dict(request.form)
    return {"service": service, "url": request.url, "params": dict(request.params), "form": form}


def _key(content: Mapping[str, Any]) -> str:
    form = content["form"]
    parts = [content["service"], content["url"], list(content["params"].items()), form and list(form.items())]
    return json.dumps(parts)


def _line(content: Mapping[str, Any]) -> bytes:
    return json.dumps(content).encode("ascii") + b"\n"  # ASCII: halves of surrogate pairs come back as they were


def _check_header(file: IO[bytes], path: Path) -> None:
    try:
        header = json.loads(file.readline(1000))
        form = header["whence-tape"]
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise DatasetError(f"{path} is no tape of look-ups: name one that --record made, or a new file") from error
    if form != _FORM:
        raise DatasetError(f"{path} was recorded by another version of whence: record it anew")


def _parsed(line: bytes, path: Path, number: int) -> dict[str, Any]:
    """A line of a tape, its body and failure set to None where there is none."""
    try:
        row = json.loads(line)
        row = {"body": None, "failure": None, **row}
        texts = [row["service"], row["url"], *_texts(row["params"]), *_texts(row["form"] or {})]
        texts.append(row["failure"] if row["body"] is None else row["body"])
        if not all(isinstance(text, str) for text in texts):
            raise ValueError("not a text")
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise DatasetError(f"line {number} of {path} is damaged: record the tape anew, or delete that line") from error
    return row


def _texts(fields: Mapping[str, Any]) -> list[Any]:
    return [part for item in fields.items() for part in item]


def _end_of_lines(file: IO[bytes]) -> int:
    """Where the last whole line ends."""
    end = size = file.seek(0, os.SEEK_END)
    while end > 0:
        start = max(0, end - (1 << 16))
        file.seek(start)
        found = file.read(end - start).rfind(b"\n")
        if found >= 0:
            return start + found + 1
        end = start
    return size


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """One writer at a time; waits ten seconds at most, and where no lock can be made."""
    from filelock import FileLock  # only where a tape is recorded

    lock = FileLock(path.with_name(f".{path.name}.lock"))
    lock.acquire(timeout=10)  # what it raises is an OSError
    try:
        yield
    finally:
        with suppress(OSError):
            Path(lock.lock_file).unlink(missing_ok=True)
        lock.release()
