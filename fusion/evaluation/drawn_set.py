"""A small set of photos that whence draws itself: made-up signs of true places, to try an evaluation without any data.

They are the scenes that the ranker learns from (``fusion.simulate``) with other random numbers, drawn as
``fusion.simulated_pictures`` does: signs and plates of a place, some from elsewhere, on a ground of blotches. They look
like no photograph, so figures on them say that a program runs, and nothing of how well it does on photographs.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image as PILImage

from data.errors import DatasetError, RequestError
from data.partition import load_default as load_partition
from data.printable import printable
from data.version import __version__
from data.writing import write_whole
from fusion.simulate import Scene, Sign, scene_of
from fusion.simulated_lines import spot_at
from fusion.simulated_pictures import is_written, picture_of

__all__ = ["drawn_set"]

_SALT: Final = 11  # apart from the ranker's photos of the same seed
_COLUMNS: Final = ("file", "lat", "lon", "country", "scene", "kind", "made_by")
_OURS: Final = re.compile(r"\d{4,}\.jpg")
_QUALITY: Final = 92
_MOST_TRIES: Final = 50  # scenes for each photo; one in two has a sign that a font with Latin letters writes


def drawn_set(folder: Path, count: int = 24, seed: int = 0) -> Path:
    """Draw photos into a folder, with ``labels.csv`` (file, lat, lon, country, scene, kind).

    Each photo shows a sign of its place at least, as far as the fonts on this machine write it; ``scene`` is the recipe
    (``fusion.simulate.RECIPES``), ``kind`` the kind of its first such sign. Names say nothing of places. The same
    arguments give the same photos on a machine with the same fonts and libraries; where they are there already,
    nothing is drawn again.

    Args:
        folder: New, empty, or one that was drawn before, which is replaced.
        count: How many. Each takes a fraction of a second, the word lists and shops that are read first many seconds.
        seed: Not negative.

    Returns:
        The folder.

    Raises:
        RequestError: ``count`` is below 1, or ``seed`` is negative.
        DatasetError: The folder holds something else or cannot be written; word lists or fonts are not installed.
    """
    if count < 1 or seed < 0:
        raise RequestError(f"drawn photos need a number from 1 and a seed from 0, not {count} and {seed}")
    folder = Path(folder)
    before = _drawn_before(folder)
    try:
        scenes = list(_scenes(count, seed))
    except ImportError as error:
        raise DatasetError(f"drawing photos needs {error.name}: pip install 'whence[build]'") from error
    table = _table(scenes, seed)
    names = [_name(k) for k in range(count)]
    try:
        if before is not None and before[0] == table and all((folder / name).is_file() for name in names):
            return folder
        for name in () if before is None else before[1]:
            (folder / name).unlink(missing_ok=True)
        for name, (number, scene, _) in zip(names, scenes, strict=True):
            held = io.BytesIO()
            picture = PILImage.fromarray(picture_of(scene, np.random.default_rng([seed, number, _SALT, 1])))
            picture.save(held, "JPEG", quality=_QUALITY, subsampling=0)
            write_whole(folder / name, held.getvalue())
        write_whole(folder / "labels.csv", table.encode())
    except OSError as error:
        raise DatasetError(
            f"cannot write {printable(str(folder))}: {error.strerror or error}; check the path"
        ) from error
    return folder


def _scenes(count: int, seed: int) -> Iterator[tuple[int, Scene, Sign]]:
    """Number, scene and first sign of its place that can be written, of so many scenes that have one."""
    partition = load_partition()
    found = 0
    for number in range(_MOST_TRIES * count):
        scene = scene_of(np.random.default_rng([seed, number, _SALT]), partition)
        country = spot_at(scene.lat, scene.lon).country
        sign = next((s for s in scene.signs if s.spot.country == country and is_written(s)), None)
        if sign is not None:
            yield number, scene, sign
            found += 1
        if found == count:
            return
    raise DatasetError(
        f"the fonts on this machine write {found} of {count} scenes: install some with more scripts, such as Noto"
    )


def _table(scenes: list[tuple[int, Scene, Sign]], seed: int) -> str:
    held = io.StringIO()
    writer = csv.writer(held, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for k, (number, scene, sign) in enumerate(scenes):
        country = spot_at(scene.lat, scene.lon).country
        made_by = f"whence {__version__}, seed {seed}, scene {number}"
        writer.writerow([_name(k), round(scene.lat, 6), round(scene.lon, 6), country, scene.source, sign.kind, made_by])
    return held.getvalue()


def _name(number: int) -> str:
    return f"{number:04}.jpg"


def _drawn_before(folder: Path) -> tuple[str, list[str]] | None:
    """The table of a set that was drawn there and its photos; None where there is nothing.

    Raises:
        DatasetError: There is something else.
    """
    try:
        inside = sorted(path.name for path in folder.iterdir())
        if not inside:
            return None
        table = (folder / "labels.csv").read_text("utf-8")
    except FileNotFoundError:
        if not folder.exists():
            return None
        # Photos without a table: drawing was broken off, if they are ours.
        if all(_OURS.fullmatch(name) or name.endswith(".part") for name in inside):
            return "", [name for name in inside if _OURS.fullmatch(name)]
        table = ""
    except (OSError, UnicodeDecodeError) as error:
        raise DatasetError(f"cannot draw into {printable(str(folder))} ({error}): give a new folder") from error
    if table.splitlines()[:1] != [",".join(_COLUMNS)]:
        raise DatasetError(f"{printable(str(folder))} holds other things: give a new folder for the drawn photos")
    return table, [name for name in inside if _OURS.fullmatch(name)]
