"""Shipped files, checked against a pinned sha256 when they are opened, so that damage is named and not used.

The pins stand beside the code that reads each file, and in its room's ``assets/SOURCES.md``. A check is one pass
over the file: about a millisecond a megabyte (three on a processor without SHA instructions), 30 for the largest table.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from data.errors import DatasetError, WeightsError
from data.printable import printable

__all__ = ["check_asset", "read_asset"]

_CURE = "reinstall whence"


def read_asset(
    path: Path, sha256: str, *, error: type[DatasetError] | type[WeightsError] = DatasetError, cure: str = _CURE
) -> bytes:
    """The content of the file at ``path``, read once, so that what was checked is what is used.

    Args:
        path: The file.
        sha256: What its content must hash to, in hexadecimal digits.
        error: What is raised: ``WeightsError`` for a model's weights, ``DatasetError`` for tables.
        cure: What to do when the file is not as it should be: half a sentence, or a command.

    Raises:
        DatasetError: Or whatever ``error`` is: the file is missing, is none, cannot be read, or is not the pinned one.
    """
    try:
        _require_file(path)
        content = path.read_bytes()
    except OSError as reason:
        raise _unreadable(path, reason, error, cure) from reason
    _require_hash(path, hashlib.sha256(content).hexdigest(), sha256, len(content), error, cure)
    return content


def check_asset(
    path: Path, sha256: str, *, error: type[DatasetError] | type[WeightsError] = DatasetError, cure: str = _CURE
) -> None:
    """Check the file at ``path`` without holding it in memory, for what another library opens by its path.

    The arguments are those of :func:`read_asset`.

    Raises:
        DatasetError: Or whatever ``error`` is: the file is missing, is none, cannot be read, or is not the pinned one.
    """
    try:
        _require_file(path)
        with path.open("rb") as stream:
            found, size = hashlib.file_digest(stream, "sha256").hexdigest(), stream.tell()
    except OSError as reason:
        raise _unreadable(path, reason, error, cure) from reason
    _require_hash(path, found, sha256, size, error, cure)


def _require_file(path: Path) -> None:
    # A pipe in the file's place would be waited for without end.
    if path.exists() and not path.is_file():
        raise OSError("it is not a file")


def _unreadable(
    path: Path, reason: OSError, error: type[DatasetError] | type[WeightsError], cure: str
) -> DatasetError | WeightsError:
    return error(f"{printable(str(path))} cannot be read ({reason.strerror or reason}): {cure}")


def _require_hash(
    path: Path, found: str, wanted: str, size: int, error: type[DatasetError] | type[WeightsError], cure: str
) -> None:
    if found != wanted:
        raise error(
            f"{printable(str(path))} is damaged or not the file that belongs there ({size} bytes, sha256 "
            f"{found[:12]}..., expected {wanted[:12]}...): {cure}"
        )
