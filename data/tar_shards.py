"""WebDataset's tar shards: the headers of a plain tar read, never extracted; ``KEY.jpg`` beside ``KEY.json``.

Python's ``tarfile`` is not used: it reads as much as a header claims, and before 3.11.14 it loops for ever over a
negative size (CVE-2025-8194).
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, Final

import numpy as np

from data.errors import DatasetError
from data.packed_names import PackedNames
from data.photo_tables import POINT_COLUMNS
from data.printable import printable
from data.shard_index import ShardIndex

__all__ = ["PHOTO_ENDINGS", "index_tar"]

PHOTO_ENDINGS: Final = ("jpg", "jpeg", "png", "webp")
"""What a member with a photo ends in, in any case."""

_BLOCK: Final = 512
_LARGEST_TEXT: Final = 2**20  # bytes of a JSON label, or of a header's extension; more is no label and no name
_REGULAR, _LINKS, _WITHOUT_DATA = b"0\x007", b"12", b"123456"
_COMPRESSED: Final = ((b"\x1f\x8b", "gzip"), (b"BZh", "bzip2"), (b"\xfd7zXZ\x00", "xz"), (b"\x28\xb5\x2f\xfd", "zstd"))


def index_tar(path: Path) -> ShardIndex:
    """The photos in a tar file in their order, and where their JSON says that they were taken.

    As WebDataset has it, a member's key is its path up to the first dot of its last part, and what follows that dot is
    what it is: ``a/7.jpg`` and ``a/7.json`` belong together, and ``a/7.mask.png`` is no photo. A name is a name and is
    never opened as a path.

    Raises:
        DatasetError: The file is compressed, no tar, cut short or damaged, or two photos share a key.
    """
    shown = printable(str(path))
    photos: dict[str, tuple[int, int]] = {}
    texts: dict[str, tuple[int, int]] = {}
    points: dict[str, tuple[float, float]] = {}
    try:
        with path.open("rb", buffering=0) as file:
            for name, kind, offset, size in _members(file, shown):
                folder, _, last = name.rpartition("/")
                stem, _, ending = last.partition(".")
                ending = ending.lower()
                if not stem or ending not in (*PHOTO_ENDINGS, "json"):
                    continue
                if kind in _LINKS:
                    raise DatasetError(
                        f"{shown} holds {printable(name)} as a link and not as a file: pack it again with "
                        "tar --dereference --hard-dereference"
                    )
                key = f"{folder}/{stem}" if folder else stem
                members = texts if ending == "json" else photos
                if key in members:
                    raise DatasetError(f"{shown} holds {printable(key)} twice: give each photo a key of its own")
                members[key] = (offset, size)
            points = {key: _point(_content(file, *place)) for key, place in texts.items()}
    except OSError as error:
        raise DatasetError(f"cannot read {shown}: {error.strerror or error}") from error
    # A label whose photo is not there is kept, so that whoever asks for labels from here can name it.
    keys = [*photos, *(key for key in texts if key not in photos)]
    places = np.array([photos.get(key, (-1, 0)) for key in keys], np.int64).reshape(-1, 2)
    degrees = np.array([points.get(key, (np.nan, np.nan)) for key in keys], np.float64).reshape(-1, 2)
    return ShardIndex(PackedNames.of(keys), places[:, 0], places[:, 1], degrees[:, 0], degrees[:, 1])


def _members(file: IO[bytes], shown: str) -> Iterator[tuple[str, bytes, int, int]]:
    """Name, kind, offset and size of each member that is a file or a link."""
    end = os.fstat(file.fileno()).st_size
    at, long_name, extended = 0, None, dict[str, str]()
    while True:
        file.seek(at)
        header = file.read(_BLOCK)
        if len(header) < _BLOCK:
            if at == 0:
                raise _no_tar(header, shown, at)
            raise DatasetError(f"{shown} is cut short after {at} bytes: fetch or pack it again")
        if not any(header):
            return
        size = _number(header[124:136])
        if size < 0 or _number(header[148:156]) != sum(header[:148]) + 256 + sum(header[156:]):
            raise _no_tar(header, shown, at)
        kind, at = header[156:157], at + _BLOCK
        size = _decimal(extended.get("size"), size) if kind not in b"xgLK" else size
        blocks = 0 if kind in _WITHOUT_DATA else -(-size // _BLOCK)
        if at + blocks * _BLOCK > end:
            raise DatasetError(
                f"{shown} is cut short: member at {at - _BLOCK} goes on for {size} bytes; fetch it again"
            )
        if kind in b"xgLK":
            if size > _LARGEST_TEXT:
                raise DatasetError(f"{shown} is damaged: a member's name at {at} has {size} bytes; pack it again")
            text = _content(file, at, size)
            if kind == b"L":
                long_name = text.rstrip(b"\0")
            elif kind == b"x":
                extended = _records(text)
        else:
            if kind == b"S" or any(name.startswith("GNU.sparse") for name in extended):
                raise DatasetError(f"{shown} holds a sparse file at {at}: pack it again without --sparse")
            if kind in _REGULAR or kind in _LINKS:
                name = extended.get("path") or _text(long_name if long_name is not None else _short_name(header))
                yield name, kind, at, size
            long_name, extended = None, {}
        at += blocks * _BLOCK


def _no_tar(header: bytes, shown: str, at: int) -> DatasetError:
    for magic, method in _COMPRESSED:
        if at == 0 and header.startswith(magic):
            return DatasetError(
                f"{shown} is compressed with {method}: unpack it to a plain tar, in which single photos can be read"
            )
    if at == 0:
        return DatasetError(f"{shown} is no tar file: give plain tar shards")
    return DatasetError(f"{shown} is damaged at byte {at}: fetch or pack it again")


def _number(field: bytes) -> int:
    """A number of a header, in octal digits or in base 256; -1 where it is none, or negative."""
    if field[0] & 0x80:
        return -1 if field[0] != 0x80 else int.from_bytes(field[1:], "big")
    digits = field.split(b"\0", 1)[0].strip()
    return -1 if digits.strip(b"01234567") else int(digits or b"0", 8)


def _decimal(text: str | None, otherwise: int) -> int:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 20 else otherwise


def _short_name(header: bytes) -> bytes:
    name = header[:100].split(b"\0", 1)[0]
    prefix = header[345:500].split(b"\0", 1)[0] if header[257:263] == b"ustar\0" else b""
    return prefix + b"/" + name if prefix else name


def _records(text: bytes) -> dict[str, str]:
    """Keywords and values of a pax header: ``LENGTH KEYWORD=VALUE`` and a line feed, one after another."""
    records: dict[str, str] = {}
    while text:
        length, space, _ = text.partition(b" ")
        size = _decimal(_text(length), 0)
        if not space or not len(length) + 1 < size <= len(text):
            break
        keyword, _, value = text[len(length) + 1 : size].removesuffix(b"\n").partition(b"=")
        records[_text(keyword)] = _text(value)
        text = text[size:]
    return records


def _text(name: bytes) -> str:
    return name.decode("utf-8", "backslashreplace")


def _content(file: IO[bytes], offset: int, size: int) -> bytes:
    file.seek(offset)
    return file.read(min(size, _LARGEST_TEXT + 1))


def _point(text: bytes) -> tuple[float, float]:
    """Degrees that a JSON label says; NaN where it says none."""
    try:
        label = json.loads(text) if len(text) <= _LARGEST_TEXT else None
    except (ValueError, RecursionError):
        label = None
    if not isinstance(label, dict):
        return np.nan, np.nan
    named = {str(name).lower(): value for name, value in label.items()}
    lat, lon = (_degrees(next((named[name] for name in names if name in named), None)) for names in POINT_COLUMNS)
    return lat, lon


def _degrees(value: Any) -> float:
    """A number, or a text that is one; NaN for whatever else."""
    try:
        return float(value) if isinstance(value, int | float | str) and not isinstance(value, bool) else np.nan
    except (ValueError, OverflowError):
        return np.nan
