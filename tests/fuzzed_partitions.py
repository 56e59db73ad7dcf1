"""Damaged and forged partition files for :mod:`tests.fuzzing`."""

from __future__ import annotations

import contextlib
import functools
import io
import json
import random
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from data.build_partition import Settings, build
from data.errors import DatasetError
from data.partition import Partition, load, save
from data.photo_tables import Photos
from tests.fuzzed_images import mutated

__all__ = ["hostile_partition", "partition_is_held", "small_partition"]


@functools.cache
def small_partition() -> bytes:
    """A partition file of some hundred photos."""
    rng = np.random.default_rng(3)
    lat = np.concatenate([rng.normal(48.0, 0.2, 80), np.degrees(np.arcsin(rng.uniform(-1, 1, 40)))])
    lon = np.concatenate([rng.normal(2.3, 0.2, 80), rng.uniform(-180, 180, 40)])
    partition = build(Photos.of_people(lat, lon), name="small", settings=Settings(cover_level=2))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "small.parquet")
        save(partition, path)
        return path.read_bytes()


_Change = Callable[[pa.Table, random.Random], pa.Table]


def _swap_two(table: pa.Table, rng: random.Random) -> pa.Table:
    names = table.column_names
    a, b = rng.sample(range(len(names)), 2)
    names[a], names[b] = names[b], names[a]
    return table.rename_columns(names).replace_schema_metadata(table.schema.metadata)


def _drop_one(table: pa.Table, rng: random.Random) -> pa.Table:
    return table.drop_columns([rng.choice(table.column_names)])


def _double_one(table: pa.Table, rng: random.Random) -> pa.Table:
    name = rng.choice(table.column_names)
    return table.append_column(name, table.column(name))


def _retype_one(table: pa.Table, rng: random.Random) -> pa.Table:
    k = rng.randrange(table.num_columns)
    n = table.num_rows
    column: Any = rng.choice(
        (
            lambda: pa.array(["x"] * n),
            lambda: pa.array([None] * n, pa.float64()),
            lambda: pa.array([[1.0]] * n),
            lambda: pa.array([[]] * n, pa.list_(pa.int32())),
            lambda: pa.array([b"\xff"] * n),
            lambda: pa.array([{"a": 1}] * n),
            lambda: pa.array([True] * n),
            lambda: pa.array(np.zeros(n, "datetime64[s]")),
            lambda: pa.array([float("nan")] * n),
            lambda: pa.array([2**64 - 1] * n, pa.uint64()),
        )
    )()
    return table.set_column(k, table.column_names[k], column)


def _change_values(table: pa.Table, rng: random.Random) -> pa.Table:
    k = rng.randrange(table.num_columns)
    values = table.column(k).to_pylist()
    for _ in range(rng.randrange(1, 4)):
        at = rng.randrange(len(values))
        old = values[at]
        if isinstance(old, list):
            values[at] = rng.choice((None, [], old * 2, [old[0]] if old else [], [2**31 - 1], [-1], [None]))
        elif isinstance(old, float):
            values[at] = rng.choice((None, float("nan"), float("inf"), -1.0, 0.0, 1e308, -0.0, 91.0, 181.0))
        else:
            values[at] = rng.choice((None, 0, 1, 2**63, 2**64 - 1, values[rng.randrange(len(values))]))
    try:
        column = pa.array(values, table.schema.field(k).type)
    except (pa.ArrowException, OverflowError, ValueError, TypeError):
        return table
    return table.set_column(k, table.column_names[k], column)


def _change_rows(table: pa.Table, rng: random.Random) -> pa.Table:
    n = table.num_rows
    order = rng.choice(
        (
            lambda: rng.sample(range(n), n),
            lambda: range(rng.randrange(n)),
            lambda: [*range(n), 0],
            lambda: range(n - 1, -1, -1),
            lambda: [0] * n,
            lambda: [],
        )
    )()
    return table.take(pa.array(list(order), pa.int64()))


def _change_head(table: pa.Table, rng: random.Random) -> pa.Table:
    metadata = dict(table.schema.metadata or {})
    head = json.loads(pq.read_metadata(io.BytesIO(small_partition())).metadata[b"whence"])
    odd: Any = rng.choice(
        (None, 0, -1, 1.5, "", "x" * 5000, [], [1], {}, {"a": [None]}, True, "\ud800", [["US.CA"]], 2**70)
    )
    way = rng.random()
    if way < 0.6:
        head[rng.choice(sorted(head))] = odd
    elif way < 0.7:
        del head[rng.choice(sorted(head))]
    elif way < 0.8:
        head["region_codes"] = [rng.choice(("US.CA", "x", 5, "", None)) for _ in head["region_codes"]]
    elif way < 0.9:
        head = odd
    text = json.dumps(head).encode()
    if way >= 0.9:
        text = rng.choice((mutated(text, rng, most=4), b"[" * 100_000, b"NaN", b"\xff\xfe", b'{"format": 1e999}'))
    return table.replace_schema_metadata(metadata | {b"whence": text})


_CHANGES: tuple[_Change, ...] = (
    _swap_two, _drop_one, _double_one, _retype_one, _change_values, _change_values,
    _change_rows, _change_head, _change_head,
)  # fmt: skip


def hostile_partition(rng: random.Random) -> bytes:
    """A partition file with its bytes damaged, or a sound Parquet file that is no sound partition."""
    content = small_partition()
    way = rng.random()
    if way < 0.3:
        return mutated(content, rng, most=rng.choice((1, 2, 8)))
    if way < 0.5:  # the footer, which says where everything is
        footer = int.from_bytes(content[-8:-4], "little") + 8
        return content[:-footer] + mutated(content[-footer:-8], rng, most=rng.choice((1, 2, 8))) + content[-8:]
    if way < 0.53:
        return rng.randbytes(rng.randrange(300))
    table = pq.read_table(io.BytesIO(content))
    for _ in range(rng.choice((1, 1, 1, 2))):
        with contextlib.suppress(KeyError, pa.ArrowException):  # what a second change finds no more
            table = rng.choice(_CHANGES)(table, rng) if table.num_rows else table
    out = io.BytesIO()
    pq.write_table(table, out, row_group_size=rng.choice((2**20, 2**20, 7)) if table.num_rows else None)
    return out.getvalue()


def partition_is_held(content: bytes) -> None:
    """A ``DatasetError`` comes of it, or a partition that works."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "hostile.parquet")
        path.write_bytes(content)
        try:
            partition = load(path)
        except DatasetError as error:
            assert str(error).isprintable(), f"control characters in {str(error)!r}"
            return
    _works(partition)


def _works(partition: Partition) -> None:
    lat, lon = np.array([0.0, 90.0, -90.0, 48.1]), np.array([180.0, 0.0, -180.0, 2.3])
    assert (partition.cells_of(lat, lon) >= 0).all()
    for level in partition.levels:
        grouped = partition.at(level)
        even = np.full(len(grouped), 1.0 / len(grouped))
        assert abs(sum(grouped.country_mass(even).values()) - 1.0) < 1e-3
    assert len(partition.hash) == 64 and repr(partition) and len(partition.main_country) == len(partition)
