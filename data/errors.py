"""The one tree of errors that whence raises on purpose.

::

    WhenceError
    ├── RequestError    what was asked for makes no sense: unknown prior, unknown country, empty constraint
    ├── ImageError      not an image, too large, truncated, a format that is not allowed, no such file
    ├── DatasetError    a table, partition or data set is missing, damaged or malformed
    ├── WeightsError    model weights are missing, have the wrong hash, or belong to another partition
    ├── OfflineError    what was asked for needs a network, and the network was forbidden
    └── LookupFailed    a look-up service did not answer (never fatal)

Every message says what is wrong and what to do about it.
"""

from __future__ import annotations

__all__ = [
    "DatasetError",
    "ImageError",
    "LookupFailed",
    "OfflineError",
    "RequestError",
    "WeightsError",
    "WhenceError",
]


class WhenceError(Exception):
    """Root of every error that whence raises on purpose."""


class RequestError(WhenceError, ValueError):
    """What was asked for makes no sense: unknown prior, unknown country, empty constraint."""


class ImageError(WhenceError):
    """The photo cannot be used: not an image, too large, truncated, a format not allowed, no such file."""


class DatasetError(WhenceError):
    """A table, partition or data set is missing, damaged or malformed."""


class WeightsError(WhenceError):
    """Model weights are missing, have the wrong hash, or belong to another partition."""


class OfflineError(WhenceError):
    """What was asked for needs a network, and the network was forbidden."""


class LookupFailed(WhenceError):  # noqa: N818 - the design's name; a look-up that fails is no error of the caller's
    """A look-up service did not answer. Never fatal: the answer comes without it."""
