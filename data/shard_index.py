"""Where each photo lies in a shard, found out once and kept in the user's cache folder."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from data.errors import DatasetError
from data.packed_names import PackedNames
from data.printable import printable
from data.user_folders import user_cache

__all__ = ["ShardIndex", "cached_index"]

_FORMAT: Final = "whence shard index 1"
_MAGIC: Final = b"whence-index\n"
_COLUMNS: Final = ("offset", "size", "lat", "lon")


@dataclass(frozen=True, eq=False)
class ShardIndex:
    """What lies in a shard.

    Attributes:
        keys: Names of the photos, and of labels without one (n,).
        offset: int64 (n,), where a photo's bytes begin; -1 where there is only a label.
        size: int64 (n,), how many they are.
        lat: Degrees (n,); NaN where the shard itself says nothing.
        lon: Degrees (n,).
    """

    keys: PackedNames
    offset: NDArray[np.int64]
    size: NDArray[np.int64]
    lat: NDArray[np.float64]
    lon: NDArray[np.float64]

    def __post_init__(self) -> None:
        if len({len(self.keys), *(len(getattr(self, name)) for name in _COLUMNS)}) != 1:
            raise ValueError("an index needs as many names as offsets, sizes and coordinates")


def cached_index(path: Path, kind: str, build: Callable[[Path], ShardIndex]) -> ShardIndex:
    """The index of the shard at ``path``: from the cache folder, or built and put there.

    An index counts for the file's path, size and time of change. One that is damaged is built again; where there is no
    cache folder, or none that can be written to, the index is built each time.

    Args:
        path: The shard.
        kind: What ``build`` reads, since the same file may be read in two ways.
        build: Reads the shard.

    Raises:
        DatasetError: No such shard, or what ``build`` raises.
    """
    try:
        status = path.stat()
        whole = os.fspath(path.resolve())
    except OSError as error:
        raise DatasetError(
            f"cannot open shard {printable(str(path))}: {error.strerror or error}; check the path"
        ) from error
    if not path.is_file():
        raise DatasetError(f"{printable(str(path))} is no file: give the path of a shard")
    head = {"format": _FORMAT, "size": status.st_size, "changed_ns": status.st_mtime_ns}
    entry = _entry(f"{kind}\n{whole}")
    index = _read(entry, head) if entry else None
    if index is None:
        index = build(path)
        if entry:
            _write(entry, head, index)
    return index


def _entry(name: str) -> Path | None:
    folder = user_cache("shards")
    key = hashlib.sha256(name.encode("utf-8", "surrogateescape")).hexdigest()[:40]
    return None if folder is None else folder / f"{key}.index"


def _read(entry: Path, head: dict[str, Any]) -> ShardIndex | None:
    """The index in a file of the cache; None where there is none, a damaged one, or one of another state of the shard.

    The file holds a magic word, the sha256 of the rest, and an Arrow stream.
    """
    import pyarrow as pa

    try:
        if not entry.is_file():
            return None
        content = entry.read_bytes()
        start = len(_MAGIC) + hashlib.sha256().digest_size
        body = memoryview(content)[start:]
        if content[:start] != _MAGIC + hashlib.sha256(body).digest():
            return None
        with pa.ipc.open_stream(pa.BufferReader(body)) as stream:
            table = stream.read_all()
        if json.loads(table.schema.metadata[b"whence"]) != json.loads(json.dumps(head)):
            return None
        columns: list[Any] = [table.column(name).to_numpy() for name in _COLUMNS]
        return ShardIndex(PackedNames.of_arrow(table.column("keys")), *columns)
    except (OSError, ValueError, KeyError, TypeError, pa.ArrowException):
        return None


def _write(entry: Path, head: dict[str, Any], index: ShardIndex) -> None:
    """Put the index there, complete or not at all; a cache that cannot be written to is no error."""
    import pyarrow as pa

    columns = {"keys": index.keys.arrow} | {name: pa.array(getattr(index, name)) for name in _COLUMNS}
    table = pa.table(columns).replace_schema_metadata({b"whence": json.dumps(head).encode()})
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema, options=pa.ipc.IpcWriteOptions(compression="zstd")) as stream:
        stream.write_table(table)
    body = sink.getvalue().to_pybytes()
    with suppress(OSError):
        entry.parent.mkdir(parents=True, exist_ok=True)
        # Two processes may index the same shard at once: each writes a file of its own, and the last one stays.
        handle, partial = tempfile.mkstemp(dir=entry.parent, suffix=".partial")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(_MAGIC + hashlib.sha256(body).digest() + body)
            Path(partial).replace(entry)
        except OSError:
            Path(partial).unlink(missing_ok=True)
            raise
