"""Settings of the whole process that decoding needs its own way, without one thread waiting for another.

Photos are decoded in several threads. Whether Pillow gives out half a photo is one switch for everyone, and Python's
filters of warnings are one list for everyone, which ``warnings.catch_warnings`` may not change in threads. And
ultralytics puts an opener of its own in the place of ``PIL.Image.open``, which tries to install a package when a file
is no image.
"""

from __future__ import annotations

import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final, cast

from PIL import Image, ImageFile

__all__ = ["pillow_open", "whole_images_only", "without_warnings"]

# Whether ultralytics comes later or came before: where it did, it keeps what it replaced.
pillow_open: Final = cast(
    "Callable[..., Image.Image]", getattr(sys.modules.get("ultralytics.utils.patches"), "_image_open", Image.open)
)
"""Pillow's own ``Image.open``, whatever stands in its place."""


class _Switch:
    """``ImageFile.LOAD_TRUNCATED_IMAGES`` off while anyone is inside: the first turns it, the last turns it back."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._before = False

    def enter(self) -> None:
        with self._lock:
            if self._inside == 0:
                self._before = ImageFile.LOAD_TRUNCATED_IMAGES
            self._inside += 1
            # At each entry: a library that is imported meanwhile may have switched it on.
            ImageFile.LOAD_TRUNCATED_IMAGES = False

    def leave(self) -> None:
        with self._lock:
            self._inside -= 1
            if self._inside == 0:
                ImageFile.LOAD_TRUNCATED_IMAGES = self._before


_switch: Final = _Switch()


@contextmanager
def whole_images_only() -> Iterator[None]:
    """Let no truncated image pass as half a photo in gray, whatever other libraries have allowed (ultralytics does)."""
    _switch.enter()
    try:
        yield
    finally:
        _switch.leave()


class _Quiet(threading.local):
    """What a filter asks for the name of the warning module: it says yes in threads that are inside, and only there."""

    inside = 0

    def match(self, module: str) -> bool:
        return self.inside > 0

    def __reduce__(self) -> str:
        return "_quiet"  # who hands his filters to another process hands over this name


_quiet: Final = _Quiet()
_rewriting: Final = threading.Lock()
_FILTER: Final = ("ignore", None, Warning, _quiet, 0)


@contextmanager
def without_warnings() -> Iterator[None]:
    """Keep all warnings in, in this thread: of broken metadata and of sizes, which are checked by the caller.

    A filter matches by calling ``match`` of a pattern. Ours is no pattern: it answers for its thread. So it can stay in
    the list, first, where it changes nothing for anyone else.
    """
    filters = cast("list[Any]", warnings.filters)
    if not filters or filters[0] != _FILTER:
        with _rewriting:
            filters[:] = [_FILTER, *(f for f in filters if f != _FILTER)]
    _quiet.inside += 1
    try:
        yield
    finally:
        _quiet.inside -= 1
