"""What a table says about photos besides their places: kinds of scene, albums."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from data.errors import DatasetError
from data.packed_names import PackedNames
from data.photo_labels import NAME_COLUMNS, refuse_repeated
from data.photo_sets import PhotoSet
from data.printable import printable
from data.tar_shards import PHOTO_ENDINGS

__all__ = ["columns_of", "rows_of"]


def columns_of(path: str | os.PathLike[str], wanted: Sequence[str]) -> tuple[PackedNames, dict[str, list[str]]]:
    """Names of photos (m,), all different, and the texts (m,) of those of the ``wanted`` columns that a table has.

    Args:
        path: A CSV file with a header; a column of :data:`data.photo_labels.NAME_COLUMNS` has the names.
        wanted: Names of columns, in lower case.

    Raises:
        DatasetError: No such file, no column of names, a damaged table, or a name that stands twice.
    """
    import pyarrow as pa
    from pyarrow import csv

    shown = printable(os.fspath(path))
    if not Path(path).is_file():
        raise DatasetError(f"no table at {shown}: check the path")
    parsing = csv.ParseOptions(newlines_in_values=True)
    try:
        with csv.open_csv(path, parse_options=parsing) as reader:
            header = reader.schema.names
        there = {column.strip().lower(): column for column in reversed(header)}
        name = next((there[column] for column in NAME_COLUMNS if column in there), None)
        if name is None:
            raise DatasetError(f"{shown} has no column {' or '.join(NAME_COLUMNS)}: name the photos in one called file")
        kept = [name, *(there[column] for column in wanted if column in there)]
        texts = csv.ConvertOptions(
            include_columns=kept, column_types=dict.fromkeys(kept, pa.string()), strings_can_be_null=False
        )
        table = csv.read_csv(path, parse_options=parsing, convert_options=texts)
    except OSError as error:
        raise DatasetError(f"cannot read {shown}: {error.strerror or printable(str(error))}") from error
    except (pa.ArrowException, UnicodeDecodeError) as error:
        detail = printable((str(error).splitlines() or [""])[0])[:300]
        raise DatasetError(f"{shown} is no table or is damaged ({detail}): give a CSV file in UTF-8") from error
    names = PackedNames.of_arrow(table.column(name))
    refuse_repeated(names, shown)
    return names, {column: table.column(there[column]).to_pylist() for column in wanted if column in there}


def rows_of(photos: PhotoSet, names: PackedNames, *, where: str) -> NDArray[np.int64]:
    """The row (n,) of each photo in a table whose names are ``names``; -1 where it has none.

    A photo's name is what a log calls it. Where no row has that, the name may lack the set's name that it has in sets
    that were joined, or the ending of the file.

    Raises:
        DatasetError: None of the photos has a row, or a name is that of several.
    """
    keys = PackedNames.of(photos.key(index) for index in range(len(photos)))
    rows = names.positions(keys)
    rows[_empty(keys)] = -1
    inside = PackedNames.of(key.partition("/")[2] for key in keys)
    for endings in ((), PHOTO_ENDINGS):
        for of_photo in (keys, inside):
            lacking = np.flatnonzero(rows < 0)
            free = np.setdiff1d(np.arange(len(names)), rows)
            here, there = names.take(free), of_photo.take(lacking)
            if endings:
                here, there = here.without_endings(endings), there.without_endings(endings)
            found = here.positions(there)
            found[_empty(there)] = -1  # no name is none that a blank row could have
            taken, count = np.unique(found[found >= 0], return_counts=True)
            if (count > 1).any():
                name = printable(names[int(free[taken[count > 1][0]])])
                raise DatasetError(f"{name} in {where} is the name of several photos: write their names whole there")
            rows[lacking] = np.where(found >= 0, free[found] if len(free) else -1, -1)
    if len(keys) and (rows < 0).all():
        raise DatasetError(
            f"no photo of {photos.name} is named in {where}: names there should be like {printable(keys[0])[:200]}"
        )
    return rows


def _empty(names: PackedNames) -> NDArray[np.bool_]:
    """(n,) which of ``names`` are empty."""
    return np.asarray(np.diff(names.starts) == 0)
