"""Sets of photos whose places are known, for training and measuring: one way in for the layouts that the field uses."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Final, Protocol, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from data.errors import DatasetError, RequestError
from data.photo_folders import open_folder, open_osv5m
from data.photo_labels import Missing, is_label_table
from data.photo_shards import expanded, in_order, open_shards
from data.printable import printable

__all__ = ["Missing", "PhotoSet", "Subset", "concatenated", "open_photo_set"]

_LAYOUTS: Final = (
    "a folder with labels.csv (file, lat, lon) and photos beside it or in images/; WebDataset shards (*.tar, or a "
    "pattern like shard-{000..012}.tar); OSV-5M (train.csv and images/train/); MP-16 (shard_*.msg and a table IMG_ID, "
    "LAT, LON)"
)
_COMPRESSED: Final = (".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz", ".tar.zst", ".tzst")


class PhotoSet(Protocol):
    """Photos and where they were taken. Sets are pickled as they are, so that workers may be forked or spawned."""

    @property
    def name(self) -> str:
        """Short name, for logs."""

    @property
    def lat(self) -> NDArray[np.float64]:
        """Latitudes in degrees (n,)."""

    @property
    def lon(self) -> NDArray[np.float64]:
        """Longitudes in degrees (n,)."""

    @property
    def skipped(self) -> int:
        """How many photos without coordinates, and coordinates without a photo, were left out."""

    @property
    def fingerprint(self) -> str:
        """The same for the same keys and coordinates in the same order, in hexadecimal digits; what is in no photo."""

    def __len__(self) -> int:
        """How many photos there are."""

    def key(self, index: int) -> str:
        """What an error or a log calls photo ``index``; unique in the set, safe to show."""

    def pixels(self, index: int, *, at_least: int = 0) -> NDArray[np.uint8]:
        """(H, W, 3) uint8 RGB, upright; maybe decoded smaller, its shorter side never under ``at_least`` (0: whole).

        Raises:
            ImageError: The photo is damaged.
        """


def open_photo_set(
    path: str | os.PathLike[str], *, labels: str | os.PathLike[str] | None = None, missing: Missing = "refuse"
) -> PhotoSet:
    """The photos at ``path``, in whichever known layout it is.

    Args:
        path: A folder; a ``.tar`` or ``.msg`` shard; a pattern of shards like ``shard-{000..012}.tar``; or the CSV
            table of a folder (``labels.csv``, OSV-5M's ``train.csv`` or ``test.csv``).
        labels: A CSV table with names, latitudes and longitudes in place of the one that the layout brings along. It is
            read and the layout's own labels are not.
        missing: ``"refuse"`` raises an error where a photo has no coordinates or coordinates have no photo, and names
            the first few; ``"skip"`` leaves them out and counts them.

    Raises:
        RequestError: ``missing`` is neither, or ``labels`` are given for a table.
        DatasetError: The path is none of the layouts or could be two, the set is empty, or something is damaged or
            missing.
    """
    if missing not in get_args(Missing):
        raise RequestError(f"missing must be one of {', '.join(get_args(Missing))}, not {printable(repr(missing))}")
    text = os.fspath(path)
    path = Path(text)
    table = None if labels is None else Path(labels)
    if path.is_dir():
        return _open_folder(path, table, missing)
    shown = printable(text)
    if not path.exists() and len(several := expanded(text)) > 1:
        return _shards([Path(one) for one in several], table, missing, path.name)
    if not path.exists():
        raise DatasetError(f"no photos at {shown}: check the path")
    if path.suffix.lower() != ".csv":
        return _shards([path], table, missing, path.stem)
    if table is not None:
        raise RequestError(f"{shown} is a table itself: give its folder together with labels, or the table alone")
    if (path.parent / "images" / path.stem).is_dir():
        return open_osv5m(path, missing=missing)
    return open_folder(path.parent, path, missing=missing)


def _open_folder(path: Path, labels: Path | None, missing: Missing) -> PhotoSet:
    shown = printable(str(path))
    try:
        names = in_order([entry.name for entry in path.iterdir() if not entry.name.startswith(".")])
    except OSError as error:
        raise DatasetError(f"cannot list {shown}: {error.strerror or error}; check its permissions") from error
    tars = [path / name for name in names if name.lower().endswith(".tar")]
    records = [path / name for name in names if name.startswith("shard_") and name.endswith(".msg")]
    own, osv5m = path / "labels.csv", path / "train.csv"
    fits: dict[str, str] = {}
    if records:
        fits["msgpack shards"] = f"the folder without the others, or {records[0].name}"
    if tars:
        fits["tar shards"] = f"a pattern such as {tars[0].name}, and labels if they are in a table"
    if labels is None and not records and own.is_file():
        fits["photos and labels.csv"] = "labels.csv itself"
    if labels is None and not records and osv5m.is_file() and (path / "images" / "train").is_dir():
        fits["OSV-5M"] = "train.csv itself"
    if len(fits) > 1:
        choices = "; ".join(f"for {layout}, {cure}" for layout, cure in fits.items())
        raise DatasetError(f"{shown} could be read in {len(fits)} ways: give the path of what you mean ({choices})")
    if records:
        return _shards(records, labels, missing, path.resolve().name)
    if tars:
        return _shards(tars, labels, missing, path.resolve().name)
    if labels is not None:
        return open_folder(path, labels, missing=missing)
    if "OSV-5M" in fits:
        return open_osv5m(osv5m, missing=missing)
    if fits:
        return open_folder(path, own, missing=missing)
    compressed = [name for name in names if name.lower().endswith(_COMPRESSED)]
    if compressed:
        raise DatasetError(
            f"{shown} holds compressed shards ({printable(compressed[0])}): unpack them to plain .tar, in which single "
            "photos can be read"
        )
    raise DatasetError(f"{shown} is no set of photos that is known: give {_LAYOUTS}")


def _shards(paths: list[Path], labels: Path | None, missing: Missing, name: str) -> PhotoSet:
    if all(path.suffix.lower() == ".msg" for path in paths):
        return open_shards(
            paths, "msgpack", name=name, labels=labels or _table_beside(paths[0].parent), missing=missing
        )
    strange = next((path for path in paths if path.suffix.lower() != ".tar"), None)
    if strange is not None:
        cure = "unpack it to plain .tar" if strange.name.lower().endswith(_COMPRESSED) else f"give {_LAYOUTS}"
        raise DatasetError(f"{printable(str(strange))} is no shard that can be read: {cure}")
    return open_shards(paths, "tar", name=name, labels=labels, missing=missing)


def _table_beside(folder: Path) -> Path | None:
    """The one table of labels in ``folder``; None where there is none.

    Raises:
        DatasetError: There are several.
    """
    tables = [path for path in sorted(folder.glob("*.[cC][sS][vV]")) if is_label_table(path)]
    if len(tables) > 1:
        raise DatasetError(
            f"{printable(str(folder))} holds {len(tables)} tables of labels "
            f"({', '.join(printable(t.name) for t in tables[:5])}): say which one with labels= (--labels)"
        )
    return tables[0] if tables else None


class Subset:
    """Some photos of a set, in an order of their own.

    Args:
        photos: The set.
        indices: (k,) of its photos, each at most once; none makes an empty subset.

    Raises:
        DatasetError: An index that is no whole number, is not in the set, or stands twice.
    """

    def __init__(self, photos: PhotoSet, indices: ArrayLike, *, name: str | None = None) -> None:
        chosen = np.asarray(indices)
        if chosen.ndim != 1 or (len(chosen) and not np.issubdtype(chosen.dtype, np.integer)):
            raise DatasetError(f"a subset of {photos.name} needs indices in a list of whole numbers")
        outside = bool(((chosen < 0) | (chosen >= len(photos))).any())
        if outside or len(np.unique(chosen)) != len(chosen):
            raise DatasetError(f"a subset of {photos.name} needs different indices from 0 to {len(photos) - 1}")
        self._photos = photos
        self._indices = chosen.astype(np.int64)
        self.name = name or photos.name
        self.lat = photos.lat[self._indices]
        self.lon = photos.lon[self._indices]
        self.skipped = 0

    def __len__(self) -> int:
        return len(self._indices)

    def key(self, index: int) -> str:
        """What an error or a log calls photo ``index``: what the whole set calls it."""
        return self._photos.key(int(self._indices[index]))

    def pixels(self, index: int, *, at_least: int = 0) -> NDArray[np.uint8]:
        """(H, W, 3) of photo ``index``, as the whole set gives it."""
        return self._photos.pixels(int(self._indices[index]), at_least=at_least)

    @cached_property
    def fingerprint(self) -> str:
        """The sha256 over the whole set's and the indices."""
        head = f"subset {self._photos.fingerprint} ".encode()
        return hashlib.sha256(head + self._indices.astype("<i8").tobytes()).hexdigest()


class _Concatenated:
    """Several sets, one after another; a key is ``name/key``, and a name that stands twice has its place behind it."""

    def __init__(self, sets: Sequence[PhotoSet]) -> None:
        self._sets = tuple(sets)
        self._ends = np.cumsum([len(photos) for photos in sets])
        names = [photos.name for photos in sets]
        self._names = [name if names.count(name) == 1 else f"{name}#{i}" for i, name in enumerate(names)]
        self.name = "+".join(names)
        self.lat = np.concatenate([photos.lat for photos in sets])
        self.lon = np.concatenate([photos.lon for photos in sets])
        self.skipped = sum(photos.skipped for photos in sets)

    def __len__(self) -> int:
        return int(self._ends[-1])

    def key(self, index: int) -> str:
        """What an error or a log calls photo ``index``."""
        which, inside = self._place(index)
        return f"{self._names[which]}/{self._sets[which].key(inside)}"

    def pixels(self, index: int, *, at_least: int = 0) -> NDArray[np.uint8]:
        """(H, W, 3) of photo ``index``, as its set gives it."""
        which, inside = self._place(index)
        return self._sets[which].pixels(inside, at_least=at_least)

    @cached_property
    def fingerprint(self) -> str:
        """The sha256 over those of the sets, in order."""
        return hashlib.sha256(" ".join(["sets", *(s.fingerprint for s in self._sets)]).encode()).hexdigest()

    def _place(self, index: int) -> tuple[int, int]:
        if not 0 <= index < len(self):
            raise IndexError(f"photo {index} of {len(self)}")
        which = int(np.searchsorted(self._ends, index, side="right"))
        return which, int(index - (self._ends[which - 1] if which else 0))


def concatenated(sets: Sequence[PhotoSet]) -> PhotoSet:
    """Several sets as one, in that order; keys carry the names of their sets.

    Raises:
        DatasetError: There is none.
    """
    if not sets:
        raise DatasetError("no set of photos to join: give at least one")
    return sets[0] if len(sets) == 1 else _Concatenated(sets)
