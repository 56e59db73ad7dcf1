"""Work on many things by several threads, in order, with a bounded number of them in hand."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

__all__ = ["finished"]

T = TypeVar("T")
R = TypeVar("R")


def finished(function: Callable[[T], R], items: Iterable[T], *, workers: int, most: int) -> Iterator[list[R]]:
    """Results of ``function`` over ``items``, in their order, in lists of those that are ready.

    A list has one result where the caller is quicker than the threads, and more, up to ``most``, where it is slower, so
    that what it does with a list is done in batches just when that pays. ``items`` are taken no further ahead than
    ``workers + most``. Whatever ``function`` raises ends the iteration there.

    Args:
        function: Called in ``workers`` threads at once.
        items: Taken one by one, in the caller's thread.
        workers: Number of threads, at least 1.
        most: Longest list, at least 1.

    >>> [n for ready in finished(abs, range(-3, 3), workers=2, most=4) for n in ready]
    [3, 2, 1, 0, 1, 2]
    """
    iterator = iter(items)
    pool = ThreadPoolExecutor(workers, thread_name_prefix="whence")
    pending: deque[Future[R]] = deque()
    try:
        while True:
            pending.extend(pool.submit(function, item) for item in islice(iterator, workers + most - len(pending)))
            if not pending:
                return
            ready = [pending.popleft().result()]
            while pending and len(ready) < most and pending[0].done():
                ready.append(pending.popleft().result())
            yield ready
    finally:
        # Also where the caller stops early or Ctrl-C comes: what was begun is finished, nothing more is begun.
        pool.shutdown(wait=True, cancel_futures=True)
