"""Ctrl-C at a good moment: what is learnt so far is kept first."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

__all__ = ["Stop", "stop_when_asked"]


@dataclass
class Stop:
    """Whether somebody asked to stop.

    Attributes:
        asked: True once Ctrl-C was pressed.
    """

    asked: bool = False


@contextmanager
def stop_when_asked() -> Iterator[Stop]:
    """Note the first Ctrl-C inside instead of raising KeyboardInterrupt; the second one raises it at once.

    Where Python hears no signals (outside the main thread) or Ctrl-C is not what raises KeyboardInterrupt (a process
    in the background ignores it, a program of its own may do something else), nothing changes.
    """
    stop = Stop()
    before = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or before is not signal.default_int_handler:
        yield stop
        return

    def note(number: int, frame: FrameType | None) -> None:
        stop.asked = True
        signal.signal(signal.SIGINT, before)

    signal.signal(signal.SIGINT, note)
    try:
        yield stop
    finally:
        signal.signal(signal.SIGINT, before)
