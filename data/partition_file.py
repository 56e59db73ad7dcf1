"""Partitions as one Parquet file each: a row per cell, the rest in the file's metadata, a hash over all of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from data.errors import DatasetError
from data.partition import Partition
from data.partition_checks import LEVELS
from data.printable import printable

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["FORMAT", "FORMAT_VERSION", "read_partition", "write_partition"]

FORMAT: Final = "whence-partition"
FORMAT_VERSION: Final = 1

_KEY: Final = b"whence"
_COLUMNS: Final = ("cell_ids", "lat", "lon", "spread_km", "area_km2", "people", "street", "population")


def write_partition(partition: Partition, path: str | Path) -> None:
    """Write ``partition`` to ``path``; the file appears complete or not at all.

    Raises:
        DatasetError: It is a coarser level of another partition, or the file cannot be written.
    """
    # pyarrow takes 0.1 s to import and only opening and saving partitions needs it.
    import pyarrow as pa
    import pyarrow.parquet as pq

    if partition.level != LEVELS[0]:
        raise DatasetError(f"{partition.name!r} is a level of another partition; save that one, it holds all levels")
    offsets = pa.array(partition.region_indptr)
    columns: dict[str, Any] = {name: pa.array(getattr(partition, name)) for name in _COLUMNS}
    columns["regions"] = pa.ListArray.from_arrays(offsets, pa.array(partition.region_indices))
    columns["shares"] = pa.ListArray.from_arrays(offsets, pa.array(partition.region_shares))
    columns |= {f"level_{name}": pa.array(nodes) for name, nodes in partition.level_ids.items()}
    head = {
        "format": FORMAT,
        "version": FORMAT_VERSION,
        "name": partition.name,
        "hash": partition.hash,
        "region_codes": partition.region_codes,
        "info": dict(partition.info),
    }
    table = pa.table(columns).replace_schema_metadata({_KEY: json.dumps(head, ensure_ascii=False).encode()})
    path = Path(path)
    partial = path.with_name(path.name + ".partial")
    try:
        # Ids and coordinates are all different: a dictionary would only be in the way.
        repeated = ["people", "regions.list.element", *(f"level_{name}" for name in partition.level_ids)]
        pq.write_table(table, partial, compression="zstd", compression_level=19, use_dictionary=repeated)
        partial.replace(path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise DatasetError(f"cannot write the partition to {path}: {error}; choose another place") from error


def read_partition(path: str | Path) -> Partition:
    """Open a partition file and check it against the hash that it carries.

    Raises:
        DatasetError: No such file, no partition, another version of the format, cut short or changed.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = Path(path)
    name = printable(str(path))
    cure = "fetch it again, or rebuild it with `whence partition build`"
    try:
        if not path.is_file():
            raise DatasetError(f"no partition at {name}: {cure}")
        # Read at once and not mapped: a file that changes underneath must not change the arrays.
        table = pq.read_table(pa.BufferReader(path.read_bytes()))
        head = json.loads((table.schema.metadata or {}).get(_KEY, b"null"))
    except (pa.ArrowException, OSError, ValueError, MemoryError, RecursionError) as error:
        raise DatasetError(f"{name} is no partition file or is damaged ({_brief(error)}): {cure}") from error
    if not isinstance(head, dict) or head.get("format") != FORMAT:
        raise DatasetError(f"{name} is a Parquet file but not a partition: {cure}")
    if head.get("version") != FORMAT_VERSION:
        version = _brief(repr(head.get("version")))
        raise DatasetError(f"{name} has format version {version}, this whence reads {FORMAT_VERSION}: {cure}")
    try:
        _check_types(table, head)
        partition = _from_table(table, head)
    except DatasetError as error:
        raise DatasetError(f"{name} holds no sound partition: {_brief(error)}") from error
    except (KeyError, TypeError, ValueError, IndexError, OverflowError, pa.ArrowException) as error:
        raise DatasetError(f"{name} lacks parts of a partition ({_brief(repr(error))}): {cure}") from error
    if partition.hash != head.get("hash"):
        raise DatasetError(f"{name} was changed since it was built (its hash does not fit its content): {cure}")
    return partition


def _brief(said: object) -> str:
    """What a library says of a damaged file, which may quote bytes of it: one line that is safe to show."""
    return printable((str(said).splitlines() or [""])[0])[:300]


def _check_types(table: pa.Table, head: dict[str, Any]) -> None:
    """Refuse columns and metadata of other kinds than :func:`write_partition` writes.

    Raises:
        TypeError: What is of another kind.
    """
    import pyarrow.types as kinds

    for field in table.schema:
        listed = field.name in ("regions", "shares")
        if kinds.is_list(field.type) != listed:
            raise TypeError(f"column {field.name} has values of type {field.type}")
        values = field.type.value_type if listed else field.type
        whole = field.name in ("cell_ids", "regions") or field.name.startswith("level_")
        if not (kinds.is_integer(values) if whole else kinds.is_floating(values)):
            raise TypeError(f"column {field.name} has values of type {field.type}")
        column = table.column(field.name)
        inside = [chunk.flatten() for chunk in column.chunks] if listed else []
        if column.null_count or any(chunk.null_count for chunk in inside):
            raise TypeError(f"column {field.name} has gaps")
    codes = head["region_codes"]
    if not isinstance(codes, list) or not all(isinstance(code, str) for code in codes):
        raise TypeError("region_codes is no list of texts")
    if not isinstance(head["name"], str) or not isinstance(head["info"], dict):
        raise TypeError("name is no text, or info no mapping")


def _from_table(table: pa.Table, head: dict[str, Any]) -> Partition:
    def numbers(name: str) -> NDArray[Any]:
        values: NDArray[Any] = table.column(name).combine_chunks().to_numpy(zero_copy_only=False)
        return values

    columns: dict[str, Any] = {name: numbers(name) for name in _COLUMNS}
    regions, shares = (table.column(name).combine_chunks() for name in ("regions", "shares"))
    return Partition(
        name=head["name"],
        **columns,
        region_indptr=regions.offsets.to_numpy(),
        region_indices=regions.values.to_numpy(),
        region_shares=shares.values.to_numpy(),
        region_codes=tuple(head["region_codes"]),
        level_ids={
            name: np.asarray(numbers(f"level_{name}"), np.uint64)
            for name in LEVELS[1:]
            if f"level_{name}" in table.column_names
        },
        info=head["info"],
    )
