"""Photos in folders with a table of labels beside them: ``labels.csv``, and OSV-5M's ``train.csv``."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from data.errors import DatasetError
from data.images import SUFFIXES, load
from data.packed_names import PackedNames
from data.photo_labels import LabelledPhotos, Missing, matched, read_labels, refuse_repeated
from data.printable import printable

__all__ = ["FolderPhotos", "files_under", "open_folder", "open_osv5m"]

_BESIDE: Final = ("", "images")
# What leads out of the folder, or spells a path in a second way; a backslash and a drive do so on Windows.
_CROOKED: Final = r"(^|/)\.{0,2}(/|$)|\\|^[A-Za-z]:|\x00"


@dataclass(frozen=True, eq=False)
class FolderPhotos(LabelledPhotos):
    """Photos that are files: ``root / folders[folder[i]] / (key(i) + ending)``.

    Attributes:
        root: The folder of the set.
        folders: Folders inside it.
        folder: int32 (n,), in which of them each photo lies.
        ending: What the files have behind their keys.
    """

    root: str
    folders: tuple[str, ...]
    folder: NDArray[np.int32]
    ending: str

    def pixels(self, index: int, *, at_least: int = 0) -> NDArray[np.uint8]:
        """(H, W, 3) RGB, upright; decoded smaller where that is faster, the shorter side never under ``at_least``.

        Raises:
            ImageError: The photo is damaged, or is not there any more.
        """
        name = f"{self.keys[index]}{self.ending}"
        return load(Path(self.root, self.folders[self.folder[index]], name), at_least=at_least).pixels


def open_folder(root: Path, table: Path, *, missing: Missing) -> FolderPhotos:
    """Photos under ``root``, in the order of a table whose names are paths inside it, or inside ``root / "images"``.

    Photos anywhere under ``root`` that the table does not name count as unlabelled; hidden ones do not. Symbolic links
    are followed: who made the folder put them there.

    Raises:
        DatasetError: The table is damaged or names a path that leads out of the folder, or something is missing.
    """
    import pyarrow.compute as pc

    shown = printable(str(table))
    labels = read_labels(table)
    crooked = np.flatnonzero(pc.match_substring_regex(labels.names.arrow, pattern=_CROOKED))
    if len(crooked):
        raise DatasetError(
            f"{shown} names {printable(labels.names[int(crooked[0])])!r} ({len(crooked)} such in all), which is no "
            "plain path inside the folder: write it with / and without . or .., as in sub/photo.jpg"
        )
    files = PackedNames.of(files_under(root))
    # Each photo under the name that the table has for it: what lies beside comes first, then what lies in images/.
    places = [files.positions(labels.names), files.positions(labels.names.with_prefix("images/"))]
    folder = np.where(places[0] >= 0, 0, 1).astype(np.int32)
    place = np.where(places[0] >= 0, places[0], places[1])
    named, unnamed = np.flatnonzero(place >= 0), np.ones(len(files), bool)
    unnamed[place[named]] = False
    if len(np.unique(place[named])) != len(named):
        order = named[np.argsort(place[named], kind="stable")]
        twice = labels.names[int(order[np.flatnonzero(np.diff(place[order]) == 0)[0]])]
        raise DatasetError(f"{shown} names {printable(twice)} and the same photo in images/: give each photo one row")
    endings = rf"(?i)({'|'.join(ending.replace('.', chr(92) + '.') for ending in sorted(SUFFIXES))})$"
    is_photo = np.asarray(pc.match_substring_regex(files.arrow, pattern=endings))
    is_hidden = np.asarray(pc.match_substring_regex(files.arrow, pattern=r"(^|/)\."))
    unlabelled = files.take(np.flatnonzero(unnamed & is_photo & ~is_hidden))
    photos = PackedNames.joined([labels.names.take(named), unlabelled])
    _, label, skipped = matched(photos, labels, where=printable(str(root)), labels_from=shown, missing=missing)
    return FolderPhotos(
        name=root.resolve().name or "photos",
        lat=labels.lat[label],
        lon=labels.lon[label],
        keys=labels.names.take(label),
        skipped=skipped,
        root=str(root),
        folders=_BESIDE,
        folder=folder[label],
        ending="",
    )


def open_osv5m(table: Path, *, missing: Missing) -> FolderPhotos:
    """OSV-5M's layout: ``train.csv`` with a column id, and ``images/train/NN/ID.jpg`` or ``images/train/ID.jpg``.

    The order is that of the table. Folders are listed once; no file is looked at. The same with ``test`` throughout.

    Raises:
        DatasetError: The table is damaged, a photo lies in two folders, or something is missing.
    """
    root, inside = table.parent, f"images/{table.stem}"
    labels = read_labels(table)
    folders = [inside]
    with os.scandir(root / inside) as entries:
        folders += sorted(f"{inside}/{e.name}" for e in entries if e.name[:1] != "." and e.is_dir())
    parts = [PackedNames.of(n[:-4] for n in _listed(root / folder) if n.endswith(".jpg")) for folder in folders]
    photos = PackedNames.joined(parts)
    folder = np.repeat(np.arange(len(parts), dtype=np.int32), [len(part) for part in parts])
    where = printable(str(root / inside))
    refuse_repeated(photos, where)
    if not len(photos) and any(name.endswith(".zip") for name in _listed(root / inside)):
        raise DatasetError(f"the photos in {where} are still packed: unpack its zip files there")
    photo, label, skipped = matched(photos, labels, where=where, labels_from=printable(str(table)), missing=missing)
    return FolderPhotos(
        name=f"{root.resolve().name or 'osv5m'}-{table.stem}",
        lat=labels.lat[label],
        lon=labels.lon[label],
        keys=labels.names.take(label),
        skipped=skipped,
        root=str(root),
        folders=tuple(folders),
        folder=folder[photo],
        ending=".jpg",
    )


def _listed(folder: Path) -> list[str]:
    try:
        return sorted(os.listdir(folder))  # noqa: PTH208 - five million paths would be objects without a use
    except OSError as error:
        raise DatasetError(
            f"cannot list {printable(str(folder))}: {error.strerror or error}; check its permissions"
        ) from error


def files_under(root: Path) -> Iterator[str]:
    """Paths of all files under ``root``, from there, with ``/``; a folder that links lead to twice is entered once."""
    seen: set[tuple[int, int]] = set()
    waiting = [""]
    while waiting:
        inside = waiting.pop()
        try:
            status = (root / inside).stat()
            if (status.st_dev, status.st_ino) in seen:
                continue
            seen.add((status.st_dev, status.st_ino))
            with os.scandir(root / inside) as entries:
                found = sorted((entry.name, entry.is_dir()) for entry in entries)
        except OSError as error:
            raise DatasetError(
                f"cannot list {printable(str(root / inside))}: {error.strerror or error}; check its permissions"
            ) from error
        for name, is_folder in found:
            if is_folder:
                waiting.append(f"{inside}{name}/")
            else:
                yield f"{inside}{name}"
