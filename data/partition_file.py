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
    cure = "fetch it again, or rebuild it with `whence partition build`"
    if not path.is_file():
        raise DatasetError(f"no partition at {path}: {cure}")
    try:
        # Read at once and not mapped: a file that changes underneath must not change the arrays.
        table = pq.read_table(pa.BufferReader(path.read_bytes()))
        head = json.loads((table.schema.metadata or {}).get(_KEY, b"null"))
    except (pa.ArrowException, OSError, ValueError) as error:
        raise DatasetError(f"{path} is no partition file or is damaged ({error}): {cure}") from error
    if not isinstance(head, dict) or head.get("format") != FORMAT:
        raise DatasetError(f"{path} is a Parquet file but not a partition: {cure}")
    if head.get("version") != FORMAT_VERSION:
        version = head.get("version")
        raise DatasetError(f"{path} has format version {version!r}, this whence reads {FORMAT_VERSION}: {cure}")
    try:
        partition = _from_table(table, head)
    except (KeyError, TypeError, ValueError, pa.ArrowException) as error:
        raise DatasetError(f"{path} lacks parts of a partition ({error!r}): {cure}") from error
    if partition.hash != head.get("hash"):
        raise DatasetError(f"{path} was changed since it was built (its hash does not fit its content): {cure}")
    return partition


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
