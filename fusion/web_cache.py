"""Answers of look-up services, kept on disk so that nothing is asked twice.

One SQLite file, a row a request under a hash of it. It is a cache: what is damaged, too old or of another form is
thrown away, and where it cannot be opened or written nothing is kept and nobody is told.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from fusion.lookup import Request

__all__ = ["AnswerCache"]

_FORM = 1
_CREATE = (
    "CREATE TABLE IF NOT EXISTS answers (key BLOB PRIMARY KEY, at REAL NOT NULL, size INTEGER NOT NULL, "
    "digest BLOB NOT NULL, body BLOB NOT NULL)"
)


class AnswerCache:
    """Bodies of answers by their requests.

    Args:
        folder: Where the file is, or None to keep nothing.
        age_s: An answer that is older is none.
        most_bytes: Most that all bodies together take; beyond it the oldest go.
    """

    def __init__(self, folder: Path | None, *, age_s: float = 30 * 86400.0, most_bytes: int = 64 << 20) -> None:
        self._path = folder / "answers.sqlite" if folder is not None else None
        self._age_s, self._most_bytes = age_s, most_bytes

    def get(self, request: Request, now: float) -> str | None:
        """The body that answered ``request``, unless it is older than the bound at ``now``, seconds since 1970."""
        with self._open() as base:
            if base is None:
                return None
            row = base.execute("SELECT at, digest, body FROM answers WHERE key = ?", (_key(request),)).fetchone()
            # One from the future is none either: the clock was wrong, then or now.
            if row is not None and abs(now - row[0]) <= self._age_s and _digest(row[2]) == row[1]:
                return bytes(row[2]).decode("utf-8", "replace")
        return None

    def put(self, request: Request, body: str, now: float) -> None:
        """Keep ``body``, and drop what is too old or too much."""
        content = body.encode("utf-8", "replace")
        if len(content) > self._most_bytes // 4:
            return
        with self._open() as base:
            if base is None:
                return
            row = (_key(request), now, len(content), _digest(content), content)
            base.execute("INSERT OR REPLACE INTO answers VALUES (?, ?, ?, ?, ?)", row)
            base.execute("DELETE FROM answers WHERE abs(? - at) > ?", (now, self._age_s))
            base.execute(
                "DELETE FROM answers WHERE key IN (SELECT key FROM (SELECT key, SUM(size) OVER (ORDER BY at DESC, key) "
                "AS total FROM answers) WHERE total > ?)",
                (self._most_bytes,),
            )
            base.commit()

    def drop(self, request: Request) -> None:
        """Forget what answered ``request``."""
        with self._open() as base:
            if base is not None:
                base.execute("DELETE FROM answers WHERE key = ?", (_key(request),))
                base.commit()

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection | None]:
        """The file, made where there is none; None where it cannot be. Errors inside end the block and no more."""
        base = None
        try:
            base = self._connected()
        except (OSError, sqlite3.Error) as error:
            if _is_damaged(error):
                self._remove()
                with suppress(OSError, sqlite3.Error):
                    base = self._connected()
        if base is None:
            yield None
            return
        with closing(base):
            try:
                yield base
            except sqlite3.Error as error:
                if _is_damaged(error):
                    self._remove()

    def _connected(self) -> sqlite3.Connection | None:
        if self._path is None:
            return None
        self._path.parent.mkdir(parents=True, exist_ok=True)
        base = sqlite3.connect(self._path, timeout=5.0)
        try:
            [form] = base.execute("PRAGMA user_version").fetchone()
            if form != _FORM:
                base.execute("DROP TABLE IF EXISTS answers")
                base.execute("PRAGMA auto_vacuum = FULL")  # the file shrinks when rows go
                base.execute(_CREATE)
                base.execute(f"PRAGMA user_version = {_FORM}")
                base.commit()
        except BaseException:
            base.close()
            raise
        return base

    def _remove(self) -> None:
        if self._path is not None:
            for ending in ("", "-journal", "-wal", "-shm"):
                with suppress(OSError):
                    self._path.with_name(self._path.name + ending).unlink()


def _is_damaged(error: BaseException) -> bool:
    if not isinstance(error, sqlite3.Error):
        return False
    # OperationalError is a locked or full disk, and a table that is not there or has other columns: somebody's else.
    return not isinstance(error, sqlite3.OperationalError) or "no such" in str(error) or "has no column" in str(error)


def _key(request: Request) -> bytes:
    form = None if request.form is None else list(request.form.items())
    content = json.dumps([request.url, list(request.params.items()), form])
    return hashlib.sha256(content.encode()).digest()


def _digest(body: bytes) -> bytes:
    return hashlib.blake2b(body, digest_size=16).digest()
