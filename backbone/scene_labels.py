"""Which kind of scene each photo of a set shows: read from a table, or said by a scene model and written to one."""

from __future__ import annotations

import csv
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from backbone.scenes import SCENES, SceneModel
from data.errors import DatasetError, ImageError
from data.photo_columns import columns_of, rows_of
from data.photo_sets import PhotoSet
from data.printable import printable

__all__ = ["label_scenes", "read_scene_labels"]

_AT_ONCE: Final = 64  # photos between two times that rows are written
_LEAST_SIDE: Final = 256  # px: no scene model looks closer


def read_scene_labels(path: str | os.PathLike[str], photos: PhotoSet) -> NDArray[np.float32]:
    """How likely each kind of scene is for each photo: (n, 3) in the order of ``SCENES``, rows of NaN where unknown.

    Args:
        path: A CSV file with a column of the photos' names and either ``scene``, which holds one of ``SCENES``, or a
            column for each of them, which hold probabilities; empty where it is not known.
        photos: The set.

    Raises:
        DatasetError: The table has no such columns or values, or no row for any of the photos.

    >>> read_scene_labels("there-is-none.csv", None)  # doctest: +IGNORE_EXCEPTION_DETAIL
    Traceback (most recent call last):
    data.errors.DatasetError: no table at there-is-none.csv: check the path
    """
    shown = printable(os.fspath(path))
    names, columns = columns_of(path, ("scene", *SCENES))
    if "scene" in columns:
        table = _named(columns["scene"], shown)
    elif set(SCENES) <= set(columns):
        table = _probabilities(columns, shown)
    else:
        raise DatasetError(f"{shown} has no column scene, nor all of {', '.join(SCENES)}: name its columns so")
    rows = rows_of(photos, names, where=shown)
    labels: NDArray[np.float32] = np.where(rows[:, None] >= 0, table[rows], np.float32(np.nan)).astype(np.float32)
    return labels


def label_scenes(
    out: Path,
    photos: PhotoSet,
    model: SceneModel,
    *,
    device: str = "cpu",
    workers: int = 1,
    advance: Callable[[int], None] = lambda count: None,
) -> int:
    """Ask ``model`` about every photo and write a table that :func:`read_scene_labels` reads.

    Started again it goes on after the rows that are there; each says which model it is of. A photo that cannot be read
    has a row without numbers.

    Args:
        out: The CSV file.
        photos: The set.
        model: Says what they show.
        device: Where it says so.
        workers: Photos that are decoded at once.
        advance: Called with the number of photos that were done.

    Returns:
        How many of all its photos could not be read.

    Raises:
        DatasetError: ``out`` cannot be written, or holds something else, or labels of another model.
    """
    head = ["file", *SCENES, "model"]
    weights = model.card.sha256[:12]
    named = f"{model.name}@{weights}" if weights else model.name
    done, lost = _begun(out, head, photos, named)
    advance(done)

    def read(index: int) -> NDArray[np.uint8] | None:
        try:
            return photos.pixels(index, at_least=_LEAST_SIDE)
        except ImageError:
            return None

    try:
        with ThreadPoolExecutor(workers) as pool, out.open("a", newline="", encoding="utf-8") as stream:
            writer = csv.writer(stream, lineterminator="\n")
            if not done and not stream.tell():
                writer.writerow(head)
            for start in range(done, len(photos), _AT_ONCE):
                indices = range(start, min(start + _AT_ONCE, len(photos)))
                pictures = list(pool.map(read, indices))
                said = iter(model.predict([p for p in pictures if p is not None], device=device))
                for index, picture in zip(indices, pictures, strict=True):
                    lost += picture is None
                    scene = None if picture is None else next(said)
                    told = ("" if scene is None else f"{scene[k]:.4f}" for k in SCENES)
                    writer.writerow([photos.key(index), *told, named])
                stream.flush()
                advance(len(indices))
    except OSError as error:
        raise DatasetError(f"cannot write {out}: {error.strerror}; make room, or choose another place") from error
    return lost


def _begun(out: Path, head: list[str], photos: PhotoSet, model: str) -> tuple[int, int]:
    """How many rows ``out`` has, those of the first photos, and how many of them are empty; half a row is cut off."""
    if not out.exists():
        return 0, 0
    try:
        content = out.read_text(encoding="utf-8")
        whole = content[: content.rfind("\n") + 1]
        rows = [row for row in csv.reader(whole.splitlines()) if row]  # without blank lines
        whole = whole if rows else ""
        if len(whole) < len(content):
            out.write_text(whole, encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DatasetError(
            f"cannot read {printable(str(out))}: {printable(str(error))}; choose another place"
        ) from error
    if not rows:
        return 0, 0
    names = [row[0] for row in rows[1:]]
    of_length = all(len(row) == len(head) for row in rows)
    if rows[0] != head or not of_length or names != [photos.key(k) for k in range(min(len(names), len(photos)))]:
        raise DatasetError(
            f"{printable(str(out))} holds something else than labels of {photos.name}: give another name"
        )
    others = sorted({row[-1] for row in rows[1:]} - {model})
    if others:
        raise DatasetError(
            f"{printable(str(out))} holds labels by {printable(others[0])[:80]}, not {printable(model)}: go on with "
            "that model, or give another name"
        )
    return len(names), sum(not row[1] for row in rows[1:])


def _named(texts: list[str], shown: str) -> NDArray[np.float32]:
    table = np.full((len(texts), len(SCENES)), np.nan, np.float32)
    for k, text in enumerate(texts):
        name = text.strip().lower()
        if name and name not in SCENES:
            raise DatasetError(f"{shown} has the scene {printable(name)[:80]!r}: write one of {', '.join(SCENES)}")
        if name:
            table[k] = np.eye(len(SCENES), dtype=np.float32)[SCENES.index(name)]
    return table


def _probabilities(columns: dict[str, list[str]], shown: str) -> NDArray[np.float32]:
    try:
        table = np.array([[float(text or "nan") for text in columns[name]] for name in SCENES], np.float32).T
    except ValueError as error:
        raise DatasetError(f"{shown} has a probability that is no number ({printable(str(error))[:100]})") from error
    known = table[~np.isnan(table).any(axis=1)]
    if (known < 0.0).any() or (np.abs(known.sum(axis=1) - 1.0) > 0.01).any():
        raise DatasetError(f"{shown} has probabilities of scenes that do not sum to 1: divide each row by its sum")
    table[np.isnan(table).any(axis=1)] = np.nan
    scaled: NDArray[np.float32] = table / table.sum(axis=1, keepdims=True)
    return scaled
