"""Work by several threads, in order."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from fusion.stream import finished


def workers_left() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("whence")]


def test_results_come_in_order_however_long_each_takes() -> None:
    def slow(n: int) -> int:
        time.sleep(0.02 if n % 3 == 0 else 0.0)
        return n * n

    lists = list(finished(slow, range(40), workers=4, most=5))
    assert [n for ready in lists for n in ready] == [n * n for n in range(40)]
    assert all(1 <= len(ready) <= 5 for ready in lists)


def test_what_is_ready_meanwhile_comes_together() -> None:
    done = threading.Semaphore(0)
    results = finished(lambda n: (done.release(), n)[1], range(12), workers=2, most=4)
    sizes = [len(next(results))]
    for _ in range(6):  # a slow caller, such as a batched model: meanwhile all that were taken in are done
        done.acquire(timeout=10)
    time.sleep(0.1)  # between an item's end and its future's
    sizes += map(len, results)
    assert sum(sizes) == 12 and max(sizes[:2]) > 1 and max(sizes) <= 4


def test_several_work_at_once_and_no_more_than_said() -> None:
    meeting = threading.Barrier(3, timeout=10)
    finished_all = finished(lambda _: meeting.wait(), range(6), workers=3, most=1)  # each waits for two others
    assert len([n for ready in finished_all for n in ready]) == 6


def test_no_more_is_taken_in_than_is_worked_on() -> None:
    taken: list[int] = []

    def source() -> Iterator[int]:
        for n in range(100):
            taken.append(n)
            yield n

    results = finished(abs, source(), workers=2, most=3)
    next(results)
    assert len(taken) == 5
    results.close()  # type: ignore[attr-defined]
    assert len(taken) == 5 and not workers_left()


def test_an_error_ends_it_and_leaves_no_thread() -> None:
    def picky(n: int) -> int:
        if n == 3:
            raise ValueError("three")
        return n

    seen: list[int] = []
    with pytest.raises(ValueError, match="three"):
        for ready in finished(picky, range(50), workers=2, most=1):
            seen += ready
    assert seen == [0, 1, 2] and not workers_left()
