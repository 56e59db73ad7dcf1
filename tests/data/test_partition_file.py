"""Partition files that were made to confuse are refused with the reason, in words that are safe to show."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data.errors import DatasetError
from data.partition_file import read_partition
from tests.fuzzed_partitions import small_partition


@pytest.fixture(scope="module")
def table() -> pa.Table:
    return pq.read_table(io.BytesIO(small_partition()))


def refused(table: pa.Table, folder: Path, head: bytes | None = None) -> str:
    if head is not None:
        table = table.replace_schema_metadata({b"whence": head})
    path = folder / "a\x1b[31mb.parquet"
    pq.write_table(table, path)
    with pytest.raises(DatasetError) as caught:
        read_partition(path)
    assert str(caught.value).isprintable()
    return str(caught.value)


@pytest.mark.parametrize("name", ["regions", "shares", "cell_ids", "lat", "level_coarse"])
@pytest.mark.parametrize(
    "make",
    [
        lambda n: pa.array(["x"] * n),
        lambda n: pa.array([[1.0]] * n),
        lambda n: pa.array([[1]] * n),
        lambda n: pa.array([[None]] * n, pa.list_(pa.float32())),
        lambda n: pa.array([None] * n, pa.float64()),
        lambda n: pa.array([b"\xff"] * n),
        lambda n: pa.array([True] * n),
    ],
)
def test_a_column_of_another_kind_is_refused(
    name: str, make: Callable[[int], Any], table: pa.Table, tmp_path: Path
) -> None:
    changed = table.set_column(table.column_names.index(name), name, make(table.num_rows))
    assert "partition" in refused(changed, tmp_path)


def test_a_column_that_stands_twice_is_refused(table: pa.Table, tmp_path: Path) -> None:
    assert "is damaged" in refused(table.append_column("lat", table.column("lat")), tmp_path)


@pytest.mark.parametrize("head", [b"[" * 100_000, b"NaN", b"\xff", b'"x"', b"[]"])
def test_metadata_that_is_no_mapping_is_refused(head: bytes, table: pa.Table, tmp_path: Path) -> None:
    assert refused(table, tmp_path, head)


@pytest.mark.parametrize(
    ("key", "value"),
    [("name", 7), ("name", ["x"]), ("info", "x"), ("info", None), ("region_codes", "US.CA"), ("region_codes", [None]),
     ("version", "\x1b[2J" * 1000), ("hash", 5)],
)  # fmt: skip
def test_metadata_of_another_kind_is_refused(key: str, value: object, table: pa.Table, tmp_path: Path) -> None:
    head = json.loads(table.schema.metadata[b"whence"]) | {key: value}
    assert len(refused(table, tmp_path, json.dumps(head).encode())) < 1000


def test_a_number_too_large_for_its_column_is_refused_without_a_warning(table: pa.Table, tmp_path: Path) -> None:
    huge = table.set_column(table.column_names.index("people"), "people", pa.array([1e308] * table.num_rows))
    assert "finite" in refused(huge, tmp_path)
