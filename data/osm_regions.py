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


def regions() -> list[str]:
    """Names of the regions at hand, sorted."""
    folder = user_data(_VARIABLE, "places")
    if folder is None or not folder.is_dir():
        return []
    return sorted(path.name.removesuffix(_ENDING) for path in folder.glob(f"*{_ENDING}") if path.name[0] != ".")


def region_path(name: str) -> Path:
    """Where the region called ``name`` is or would be.

    Raises:
        DatasetError: It can be no name, or the user has no home folder.
    """
    if not _NAME.fullmatch(name):
        raise DatasetError(f"a region's name is letters, digits, '.', '+' and '-', not {printable(name[:80])!r}")
    folder = user_data(_VARIABLE, "places")
    if folder is None:
        raise DatasetError(f"this user has no home folder for place indexes: set {_VARIABLE} to a folder for them")
    return folder / f"{name}{_ENDING}"


def region_name(extract: Path) -> str:
    """What the region of an extract is called if nobody says: the file's name without endings, ``-latest`` and date.

    >>> region_name(Path("maps/liechtenstein-latest.osm.pbf")), region_name(Path("krems-2013-08-03.osm.gz"))
    ('liechtenstein', 'krems')
    """
    plain = re.sub(r"(?:\.(?:osm|pbf|gz|bz2|xml|o5m|opl))+$", "", extract.name, flags=re.IGNORECASE)
    return re.sub(r"[-_](?:latest|\d{6}|\d{8}|\d{4}-\d\d-\d\d)$", "", plain, flags=re.IGNORECASE)


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


def remove_region(name: str) -> None:
    """Remove a region's index.

    Raises:
        DatasetError: There is none, or it cannot be removed.
    """
    path = _found(name)
    try:
        path.unlink()
    except OSError as error:
        raise DatasetError(f"{printable(str(path))} cannot be removed ({error})") from error


def open_regions(names: str | Sequence[str] = "auto") -> tuple[PlaceIndex, ...]:
    """Open regions: ``"auto"`` for all at hand, ``"none"``, or their names (``"krems,monaco"``).

    Raises:
        DatasetError: One is not there, or is damaged.
    """
    if names == "none":
        return ()
    wanted = names.split(",") if isinstance(names, str) else list(names)
    if names == "auto":
        return tuple(PlaceIndex.open(region_path(name)) for name in regions())
    return tuple(PlaceIndex.open(_found(name.strip())) for name in dict.fromkeys(wanted))


def _found(name: str) -> Path:
    path = region_path(name)
    if not path.is_file():
        at_hand = ", ".join(regions()) or "none"
        raise DatasetError(
            f"no region called {printable(name)!r} (at hand: {at_hand}): `whence places add EXTRACT` adds one"
        )
    return path
