"""Rows of tables of labels, CSV or a JSON list of rounds, under one set of names whatever their columns are called."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from data.errors import DatasetError
from data.photo_labels import NAME_COLUMNS
from data.photo_tables import POINT_COLUMNS
from data.printable import printable

__all__ = ["GROUP_COLUMNS", "OWN_GROUP", "is_table", "label_rows", "read_text"]

GROUP_COLUMNS: Final[Sequence[str]] = (
    "game",
    "round",
    "scene",
    "split",
    "kind",
    "region",
    "sub-region",
    "city",
    "source",
)
"""Further columns that are kept, in lower case; so is any whose name begins with ``group_``, without that.

Others are not read: they may hold what is private, such as texts of plates or names of photographers.
"""

_COLUMNS: Final[Mapping[str, Sequence[str]]] = {
    "file": (*NAME_COLUMNS, "image", "image_name", "image_id", "photo", "path"),
    "lat": POINT_COLUMNS[0],
    "lon": POINT_COLUMNS[1],
    "country": ("country", "country_code"),
    "precision_km": ("precision_km",),
    "player": ("player",),
    "human_lat": ("human_lat",),
    "human_lon": ("human_lon",),
    "s3_label": ("s3_label",),
}
OWN_GROUP: Final = "group_"
"""What a row's key of a group begins with."""

_DELIMITERS: Final = ",;\t"


def is_table(path: Path) -> bool:
    """Whether the first line of a CSV file names photos, and their points or countries."""
    try:
        with path.open("rb") as stream:
            start = stream.read(2**16).decode("utf-8-sig", "replace").splitlines()[:1]
        columns, _ = _columns_of(next(csv.reader(start, delimiter=_delimiter("".join(start)))), path.name)
    except (OSError, DatasetError, csv.Error, StopIteration):
        return False
    return "file" in columns


def label_rows(content: bytes, shown: str, *, is_json: bool) -> Iterator[tuple[int, Mapping[str, str]]]:
    """Number and texts of each row, by our names for the columns that are there.

    These are ``file``, ``lat``, ``lon``, ``country``, ``precision_km``, ``player``, ``human_lat``, ``human_lon``,
    ``s3_label`` and ``group_...``.

    Args:
        content: Of :func:`read_text`.
        shown: What an error calls the table.
        is_json: Whether it is a list of rounds: a row for each guess of each round, or one where there is none.

    Raises:
        DatasetError: It is no table, columns that are needed are not there, or one is there twice.
    """
    try:
        yield from _json_rows(content, shown) if is_json else _csv_rows(content, shown)
    except csv.Error as error:
        raise DatasetError(f"{shown} is no table of labels or is damaged ({printable(str(error))})") from error


def read_text(path: Path, shown: str) -> bytes:
    """The bytes of a text in UTF-8.

    Raises:
        DatasetError: No such file, or it is something else.
    """
    if not path.is_file():
        raise DatasetError(f"no table of labels at {shown}: check the path")
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DatasetError(f"cannot read {shown}: {error.strerror or error}; check its permissions") from error
    if b"\0" in content:
        raise DatasetError(f"{shown} has NUL bytes and is no text in UTF-8: save it as CSV in UTF-8")
    try:
        content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DatasetError(f"{shown} is no text in UTF-8 (byte {error.start}): save it as CSV in UTF-8") from error
    return content


def _delimiter(header: str) -> str:
    return max(_DELIMITERS, key=header.count)


def _csv_rows(content: bytes, shown: str) -> Iterator[tuple[int, Mapping[str, str]]]:
    text = content.decode("utf-8-sig")
    first = text[:65536].splitlines()[:1]
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter("".join(first)))
    columns, groups = _columns_of(next(reader, []), shown)
    if "file" not in columns or not ({"lat", "lon"} <= set(columns) or "country" in columns):
        raise DatasetError(
            f"{shown} needs in its first line the columns file and either lat and lon, or country: name them there"
        )
    places = columns | {f"{OWN_GROUP}{group}": place for group, place in groups.items()}
    for row in reader:
        if any(cell.strip() for cell in row):
            yield (
                reader.line_num,
                {name: row[place].strip() if place < len(row) else "" for name, place in places.items()},
            )


def _columns_of(header: Sequence[str], shown: str) -> tuple[dict[str, int], dict[str, int]]:
    """Places of the columns by our names, and of the groups by theirs.

    Raises:
        DatasetError: A column is there twice.
    """
    called = [name.strip().lower() for name in header]
    columns: dict[str, int] = {}
    for ours, theirs in _COLUMNS.items():
        name = next((name for name in theirs if name in called), None)
        if name is not None:
            if called.count(name) > 1:
                raise DatasetError(f"{shown} has two columns {name} in its first line: keep one of them")
            columns[ours] = called.index(name)
    groups = {name: called.index(name) for name in GROUP_COLUMNS if name in called}
    for name in called:
        if name.startswith(OWN_GROUP) and len(name) > len(OWN_GROUP):
            groups.setdefault(printable(name.removeprefix(OWN_GROUP)), called.index(name))
    return columns, groups


def _json_rows(content: bytes, shown: str) -> Iterator[tuple[int, Mapping[str, str]]]:
    """A row for each guess of each round, or one for a round without any."""
    try:
        whole = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise DatasetError(f"{shown} is no JSON or is damaged ({printable(str(error))[:200]})") from error
    rounds = whole.get("rounds") if isinstance(whole, dict) else None
    if not isinstance(rounds, list) or not all(isinstance(one, dict) and "file" in one for one in rounds):
        raise DatasetError(
            f'{shown} is no list of rounds: give {{"rounds": [{{"game", "round", "file", "lat", "lon"}}]}}'
        )
    for number, one in enumerate(rounds, 1):
        row = {ours: _text(one[ours]) for ours in ("file", "lat", "lon", "country", "precision_km") if ours in one}
        row |= {f"{OWN_GROUP}{name}": _text(one[name]) for name in GROUP_COLUMNS if name in one}
        guesses = one.get("guesses", [])
        if not isinstance(guesses, list) or not all(isinstance(guess, dict) for guess in guesses):
            raise DatasetError(f"{shown} has guesses of round {number} that are no list of player, lat and lon")
        if not guesses:
            yield number, row
        for guess in guesses:
            told = {"player": "player", "lat": "human_lat", "lon": "human_lon"}
            yield number, row | {ours: _text(guess[theirs]) for theirs, ours in told.items() if theirs in guess}


def _text(value: Any) -> str:
    return "" if value is None else str(value).strip()
