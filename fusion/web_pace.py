"""One request at a time and not too many a day, over all processes and threads of a user.

Beside a lock that the system gives back however a process ends, a small file holds when the server was last asked and
how often today. The clock of the day may jump: backwards, the wait is one interval and not more; forwards, what this
process asked itself is measured by a clock that does not jump.
"""

from __future__ import annotations

import hashlib
import json
import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from data.errors import LookupFailed
from data.writing import write_whole

__all__ = ["Clock", "NoTurn", "Pace"]


class NoTurn(LookupFailed):
    """Nothing was asked, for a reason that is not the server's."""


@dataclass(frozen=True, slots=True)
class Clock:
    """What tells the time and waits.

    Attributes:
        wall: Seconds since 1970, the same in all processes; may jump.
        steady: Seconds since any moment; never jumps.
        sleep: Waits so many seconds.
    """

    wall: Callable[[], float] = time.time
    steady: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


@dataclass(frozen=True, slots=True)
class _Asked:
    at: float | None = None  # end of the latest request, by the clock of the day; None where it is not known
    day: str = ""
    count: int = 0


class Pace:
    """Who may ask which server when.

    Args:
        folder: Where the processes of a user meet: one and the same for all; None where there is no such place.
        clock: What tells the time.
        patience_s: Longest wait for one's turn, behind other processes or for the interval to pass.
    """

    def __init__(self, folder: Path | None, clock: Clock, *, patience_s: float = 30.0) -> None:
        self._folder, self._clock, self._patience_s = folder, clock, patience_s
        self._mine: dict[str, float] = {}

    @contextmanager
    def turn(
        self, server: str, *, interval_s: float, per_day: int | None, patience_s: float = math.inf
    ) -> Iterator[None]:
        """Wait for this process's turn to ask ``server``, and hold it until the request is done.

        The interval runs from the end of one request to the start of the next, so that the server, too, sees no two
        that are closer: how long it takes to reach it varies.

        Args:
            server: Its name and port.
            interval_s: Least seconds between two requests.
            per_day: Most requests in a day (UTC), or None.
            patience_s: Longest wait, where that is less than this object's own.

        Raises:
            NoTurn: It was asked often enough today; others are before us for too long, or the interval is; or there is
                no folder where the processes could meet.
        """
        if interval_s <= 0.0 and per_day is None:
            yield
            return
        if self._folder is None:
            raise NoTurn(
                f"{server} may only be asked once in {interval_s:g} s by all processes together, and they have no "
                "folder to meet in: set HOME or XDG_CACHE_HOME to a folder that can be written"
            )
        path = self._folder / f"{hashlib.sha256(server.encode()).hexdigest()[:16]}.json"
        with self._locked(path.with_suffix(".lock"), server, min(patience_s, self._patience_s)):
            count = self._wait(path, server, interval_s, per_day, min(patience_s, self._patience_s))
            self._note(path, server, count, ended=False)  # before it: a process that is killed has asked
            try:
                yield
            finally:
                with suppress(NoTurn):
                    self._note(path, server, count, ended=True)

    @contextmanager
    def _locked(self, path: Path, server: str, patience_s: float) -> Iterator[None]:
        from filelock import FileLock, Timeout  # only where something is looked up

        lock = FileLock(path)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()  # a file that cannot be made looks to the lock like somebody else's
            lock.acquire(timeout=max(0.0, patience_s))
        except Timeout as error:
            raise NoTurn(
                f"other processes are asking {server}, and there was no turn in {patience_s:.1f} s: run fewer at a "
                "time, or a server of your own"
            ) from error
        except OSError as error:
            raise _unwritable(server, error) from error
        try:
            yield
        finally:
            lock.release()

    def _wait(self, path: Path, server: str, interval_s: float, per_day: int | None, patience_s: float) -> int:
        """Waits as long as it must; how many requests there will have been today."""
        clock, asked = self._clock, _read(path)
        count = asked.count if asked.day == _day(clock.wall()) else 0
        if per_day is not None and count >= per_day:
            raise NoTurn(
                f"{server} was asked {count} times today, which is the most that a public server is asked: go on "
                "tomorrow (UTC), or run a server of your own and name its address"
            )
        since = clock.wall() - asked.at if asked.at is not None else 0.0
        wait = interval_s - since if since >= 0.0 else interval_s
        if server in self._mine:
            wait = max(wait, interval_s - (clock.steady() - self._mine[server]))
        if wait > max(patience_s, 0.0):
            raise NoTurn(f"{server} may only be asked once in {interval_s:g} s, which is {wait:.0f} s from now: wait")
        if wait > 0.0:
            clock.sleep(wait)
        return count + 1

    def _note(self, path: Path, server: str, count: int, *, ended: bool) -> None:
        now = self._clock.wall()
        self._mine[server] = self._clock.steady()
        try:
            write_whole(path, json.dumps({"at": now if ended else None, "day": _day(now), "count": count}).encode())
        except OSError as error:
            raise _unwritable(server, error) from error


def _day(wall: float) -> str:
    return datetime.fromtimestamp(wall, UTC).date().isoformat()


def _read(path: Path) -> _Asked:
    """What is known of earlier requests; of a file that is damaged nothing but that there was one."""
    try:
        found = json.loads(path.read_bytes())
        at = found["at"]
        return _Asked(None if at is None else float(at), str(found["day"]), int(found["count"]))
    except FileNotFoundError:
        return _Asked(at=float("-inf"))
    except (OSError, ValueError, TypeError, KeyError, RecursionError, OverflowError):
        return _Asked()


def _unwritable(server: str, error: OSError) -> NoTurn:
    return NoTurn(
        f"it cannot be noted when {server} was asked, which keeps it from being asked too often: the user's cache "
        f"folder cannot be written ({error.strerror or type(error).__name__}); mend that, or set XDG_CACHE_HOME to "
        "another one"
    )
