"""The place indexes of this machine: a file a region, in ``$WHENCE_PLACES`` or the system's place for a user's data."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from data.errors import DatasetError
from data.osm_build import build_index
from data.osm_index import PlaceIndex
from data.printable import printable
from data.user_folders import user_data

__all__ = ["add_region", "open_regions", "region_name", "region_path", "regions", "remove_region"]

_VARIABLE: Final = "WHENCE_PLACES"
_ENDING: Final = ".places.sqlite"
_NAME: Final = re.compile(r"[^\W_][\w.+\-]{0,63}")
_MOST_BYTES: Final = 64
_MEANINGS: Final = ("auto", "none")  # of ``open_regions``


def regions() -> list[str]:
    """Names of the regions at hand, sorted."""
    folder = user_data(_VARIABLE, "places")
    if folder is None or not folder.is_dir():
        return []
    return sorted(name for path in folder.glob(f"*{_ENDING}") if _possible(name := path.name.removesuffix(_ENDING)))


def _possible(name: str) -> bool:
    try:
        return _NAME.fullmatch(name) is not None and name not in _MEANINGS and len(name.encode()) <= 2 * _MOST_BYTES
    except UnicodeEncodeError:
        return False


def region_path(name: str) -> Path:
    """Where the region called ``name`` is or would be.

    Raises:
        DatasetError: It can be no name, or the user has no home folder.
    """
    if not _possible(name):
        raise DatasetError(
            f"a region's name is at most 64 letters, digits, '.', '+' and '-', neither 'auto' nor 'none': not "
            f"{printable(name[:80])!r}"
        )
    folder = user_data(_VARIABLE, "places")
    if folder is None:
        raise DatasetError(f"this user has no home folder for place indexes: set {_VARIABLE} to a folder for them")
    return folder / f"{name}{_ENDING}"


def region_name(extract: Path) -> str:
    """What the region of an extract is called if nobody says: the file's name without endings, ``-latest`` and date.

    What can be in no name becomes a hyphen; "" where nothing is left.

    >>> region_name(Path("maps/liechtenstein-latest.osm.pbf")), region_name(Path("krems-2013-08-03.osm.gz"))
    ('liechtenstein', 'krems')
    >>> region_name(Path("São Paulo (centro).osm"))
    'São-Paulo-centro'
    """
    plain = re.sub(r"(?:\.(?:osm|pbf|gz|bz2|xml|o5m|opl))+$", "", extract.name, flags=re.IGNORECASE)
    plain = re.sub(r"[-_](?:latest|\d{6}|\d{8}|\d{4}-\d\d-\d\d)$", "", plain, flags=re.IGNORECASE)
    return re.sub(r"[^\w.+\-]+", "-", plain).strip("-_.+")[:_MOST_BYTES]


def add_region(extract: Path, name: str, *, advance: Callable[[int], None] | None = None) -> PlaceIndex:
    """Build the index of an extract, in the place of one that is called the same.

    Args:
        extract: ``.osm.pbf`` and the like.
        name: Of the region.
        advance: Called with the number of things read so far.

    Raises:
        DatasetError: The extract cannot be read or names nothing, the name is none, or the index cannot be written.
    """
    path = region_path(name)
    build_index(extract, path, name=name, advance=advance)
    return PlaceIndex.open(path)


def remove_region(name: str) -> int:
    """Remove a region's index; how many bytes it had.

    Raises:
        DatasetError: There is none, or it cannot be removed.
    """
    path = _found(name)
    try:
        size = path.stat().st_size
        path.unlink()
    except OSError as error:
        raise DatasetError(f"{printable(str(path))} cannot be removed ({error})") from error
    return size


def open_regions(names: str | Sequence[str] = "auto") -> tuple[PlaceIndex, ...]:
    """Open regions: ``"auto"`` for all at hand, ``"none"``, or their names (``"krems,monaco"``).

    Raises:
        DatasetError: One is not there, or is damaged.
    """
    if names == "none":
        return ()
    if names == "auto":
        wanted = regions()
    else:
        wanted = [name.strip() for name in (names.split(",") if isinstance(names, str) else names)]
    opened: list[PlaceIndex] = []
    try:
        for name in dict.fromkeys(wanted):
            opened.append(PlaceIndex.open(_found(name)))
    except BaseException:
        for index in opened:
            index.close()
        raise
    return tuple(opened)


def _found(name: str) -> Path:
    path = region_path(name)
    if not path.is_file():
        at_hand = ", ".join(regions()) or "none"
        raise DatasetError(
            f"no region called {printable(name)!r} (at hand: {at_hand}): `whence places add EXTRACT` adds one"
        )
    return path
