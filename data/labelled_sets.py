"""Sets of photos to measure on: what is known of each, in the order of the labels, and what had to be left out.

One way in for a folder with ``labels.csv``, a list of rounds, the layouts of ``data.photo_sets`` and the field's
benchmarks. Where ``data.photo_sets`` refuses what is incomplete, this goes on and names it: published lists have gaps.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np

from data.benchmark_cards import BENCHMARKS_VARIABLE, BenchmarkCard, benchmark_folder, known_benchmarks
from data.errors import DatasetError, ImageError, RequestError
from data.images import SUFFIXES, find_images
from data.label_rows import is_table
from data.label_tables import LabelTable, read_label_table
from data.labelled import FilePhotos, LabelledSet, Photos, SetPhotos
from data.named_photos import find_named
from data.photo_sets import open_photo_set
from data.photo_shards import expanded
from data.printable import printable

__all__ = ["LabelledSet", "open_labelled"]

_TABLES: Final = ("labels.csv", "rounds.csv", "rounds.json", "test.csv")  # what a folder's labels are, first come
_SHARDS: Final = (".tar", ".msg")
_SHOWN: Final = 5


def open_labelled(
    dataset: str | os.PathLike[str],
    *,
    photos: str | os.PathLike[str] | None = None,
    labels: str | os.PathLike[str] | None = None,
    at: str | None = None,
) -> LabelledSet:
    """The photos of ``dataset`` with what is known of them.

    A label without a photo, a photo without a label, and what is no point on the Earth are left out and named in
    ``left_out``. Names in a table are paths in the folder, or in its ``images/``; without a folder before them they may
    lie in any, and without an ending (``id``) they may have any.

    Args:
        dataset: The name of a known benchmark (:func:`data.benchmark_cards.known_benchmarks`), or a path: a folder with
            ``labels.csv``, ``rounds.csv``, ``rounds.json`` or OSV-5M's ``test.csv``, or with one other table of labels;
            such a table itself; shards as in :func:`data.photo_sets.open_photo_set`; a folder of photos with ``at``.
        photos: Where the photos are, if not beside the labels; of a benchmark, its folder (by default the folder of its
            name in ``$WHENCE_BENCHMARKS``).
        labels: A table in place of the folder's own (:func:`data.label_tables.read_label_table`).
        at: ``LAT,LON,ISO,KM`` of all photos, for a folder that comes from one place: any may be empty, the last ones
            may be missing. KM is how far the point may be off.

    Raises:
        DatasetError: Nothing is there, no labels are found or several tables could be them, a table is damaged, or no
            photo with a label is left.
        RequestError: ``at`` makes no sense, or two things exclude each other.
    """
    name = os.fspath(dataset)
    if not name:
        raise RequestError("the set has no name: give a path, or a benchmark such as im2gps")
    root = None if photos is None else Path(photos)
    table = None if labels is None else Path(labels)
    if at is not None and table is not None:
        raise RequestError("give either a table of labels (labels, --labels) or one place for all photos (at, --at)")
    card = known_benchmarks().get(name)
    if card is not None:
        if at is not None:
            raise RequestError(f"{name} has labels of its own: leave at (--at) out")
        return _benchmark(card, root, table)
    path = Path(name)
    if at is not None:
        return _one_place(root or path, at)
    if path.is_dir():
        if table is None and (table := _table_in(path)) is None:
            if root is None and _is_of_shards(path):
                return _of_photo_set(path, None)
            raise DatasetError(
                f"{printable(name)} has no labels: put labels.csv (file, lat, lon, country) there, give a table "
                "(labels=, --labels), or say where all photos come from (at=, --at LAT,LON,ISO)"
            )
        if root is None and _is_of_shards(path):
            return _of_photo_set(path, table)
        return _of_table(path.resolve().name or "photos", root or path, read_label_table(table), table)
    if path.suffix.lower() in _SHARDS or (not path.exists() and len(expanded(name)) > 1):
        return _of_photo_set(path, table)
    if not path.is_file():
        known = ", ".join(known_benchmarks())
        raise DatasetError(f"no photos at {printable(name)}: check the path, or give the name of a benchmark ({known})")
    if path.suffix.lower() in SUFFIXES:
        raise DatasetError(f"{printable(name)} is a photo: give its folder and labels, or a table of labels")
    if table is not None:
        raise RequestError(f"{printable(name)} is a table itself: give its folder together with labels, or it alone")
    return _of_table(_name_of(path), root or path.parent, read_label_table(path), path)


def _benchmark(card: BenchmarkCard, root: Path | None, table: Path | None) -> LabelledSet:
    folder = root or benchmark_folder(card.name)
    if folder is None or not folder.is_dir():
        missing = (
            f"no folder is given (photos=, --photos) and ${BENCHMARKS_VARIABLE} is not set"
            if folder is None
            else f"there is no folder {printable(str(folder))}"
        )
        raise DatasetError(f"the photos of {card.name} are not here ({missing}). {card.where()}")
    if table is None:
        table = next((folder / file for file in card.label_files if (folder / file).is_file()), None) or _table_in(
            folder
        )
    if table is None:
        raise DatasetError(
            f"{printable(str(folder))} has no labels of {card.name} ({', '.join(card.label_files)}). {card.where()}"
        )
    if _is_of_shards(folder):
        opened = _of_photo_set(folder, table)
    else:
        opened = _of_table(card.name, folder, read_label_table(table), table, card)
    return _checked_against(card, opened)


def _checked_against(card: BenchmarkCard, opened: LabelledSet) -> LabelledSet:
    """The set as the benchmark that it should be; what differs from the public list is told."""
    notes, left_out = list(opened.notes), dict(opened.left_out)
    labels = len(opened) + sum(reason != _NO_LABEL for reason in left_out.values())
    if card.ids:
        listed = {*opened.files, *left_out}
        absent = [one for one in card.ids if one not in listed]
        extra = sorted({*opened.files} - {*card.ids})
        left_out |= dict.fromkeys(absent, f"in the public list of {card.name} and not in these labels")
        if absent or extra:
            notes.append(
                f"these are not the {len(card.ids)} photos of the public list: {_count(absent, 'missing')}, "
                f"{_count(extra, 'not in it')}"
            )
    elif card.labels is not None and labels != card.labels:
        notes.append(f"{card.name} has {card.labels} labels, and this table has {labels}")
    if len(opened) < labels:
        notes.append(
            f"{len(opened)} of {labels} labels have a photo and are measured: figures over all of {card.name} differ"
        )
    return replace(opened, name=card.name, card=card, notes=tuple(notes), left_out=left_out)


def _count(names: Sequence[str], what: str) -> str:
    shown = ", ".join(map(printable, names[:_SHOWN])) + (", ..." if len(names) > _SHOWN else "")
    return f"{len(names)} {what}{f' ({shown})' if names else ''}"


def _name_of(table: Path) -> str:
    """A table's set is called by its folder where the table has the name that all have."""
    return table.stem if table.name.lower() not in _TABLES else table.resolve().parent.name or "photos"


def _table_in(folder: Path) -> Path | None:
    """The table of labels in ``folder``; None where there is none.

    Raises:
        DatasetError: Several could be it.
    """
    for name in _TABLES:
        if (folder / name).is_file() and (name != "test.csv" or (folder / "images" / "test").is_dir()):
            return folder / name
    tables = [path for path in sorted(folder.glob("*.[cC][sS][vV]")) if path.is_file() and is_table(path)]
    if len(tables) > 1:
        raise DatasetError(
            f"{printable(str(folder))} holds {len(tables)} tables of labels "
            f"({', '.join(printable(t.name) for t in tables[:_SHOWN])}): say which one with labels= (--labels)"
        )
    return tables[0] if tables else None


def _is_of_shards(folder: Path) -> bool:
    """Whether the photos are in shards; an archive that was unpacked to images/ may lie there still."""
    names = [entry.name.lower() for entry in folder.iterdir() if not entry.name.startswith(".")]
    return not (folder / "images").is_dir() and any(name.endswith(_SHARDS) for name in names)


_NO_LABEL: Final = "no label"


def _of_table(name: str, root: Path, labels: LabelTable, table: Path, card: BenchmarkCard | None = None) -> LabelledSet:
    """The photos under ``root`` that ``labels`` name; of OSV-5M's layout, those of the table's own part."""
    part = root / "images" / table.stem
    root = part if part.is_dir() else root
    if not root.is_dir():
        raise DatasetError(f"no folder of photos at {printable(str(root))}: check the path")
    # Photos of labels that are no good have a label all the same.
    found, unlabelled = find_named(root, (*labels.names, *labels.left_out))
    found = found[: len(labels.names)]
    missing = {printable(name): one.why for name, one in zip(labels.names, found, strict=True) if one.why}
    left_out = {**labels.left_out, **missing, **{printable(photo): _NO_LABEL for photo in unlabelled}}
    kept = [i for i, one in enumerate(found) if not one.why]
    if not kept:
        first = "; ".join(f"{name}: {why}" for name, why in [*missing.items()][:3])
        shown = printable(str(table))
        raise DatasetError(
            f"none of the {len(found)} photos that {shown} names is in {printable(str(root))} ({first}): check the "
            f"path, and that the names in {shown} are those of the photos{'' if card is None else f'. {card.where()}'}"
        )
    paths = FilePhotos(str(root), tuple(found[i].path for i in kept))
    return _of_labels(printable(name), labels, kept, paths, left_out)


def _of_labels(
    name: str, labels: LabelTable, kept: Sequence[int], photos: Photos, left_out: Mapping[str, str]
) -> LabelledSet:
    files = [printable(labels.names[i]) for i in kept]
    if len(set(files)) != len(files):
        raise DatasetError(f"{name} has names that look alike once they are made safe to show: rename these photos")
    players = {player: guesses[kept] for player, guesses in labels.players.items()}
    first = np.full((len(kept), 2), np.nan)
    for guesses in players.values():
        first = np.where(np.isnan(first), guesses, first)
    return LabelledSet(
        name=name,
        files=tuple(files),
        lat=labels.lat[kept],
        lon=labels.lon[kept],
        country=tuple(labels.country[i] for i in kept),
        exact_km=labels.exact_km[kept],
        photos=photos,
        groups={group: tuple(texts[i] for i in kept) for group, texts in labels.groups.items()},
        human={"lat": first[:, 0], "lon": first[:, 1]} if players else None,
        players=players,
        left_out=left_out,
        notes=labels.notes,
        labels_sha256=labels.sha256,
    )


def _of_photo_set(path: Path, table: Path | None) -> LabelledSet:
    """Photos in shards, in the order of these; with a table, also the countries and groups that it has."""
    opened = open_photo_set(path, labels=table, missing="skip")
    keys = [opened.key(i) for i in range(len(opened))]
    left_out = {f"({opened.skipped} in the shards)": "no label, or a label without a photo"} if opened.skipped else {}
    if table is not None:
        labels = read_label_table(table)
        index = {printable(name).rpartition(".")[0] or printable(name): i for i, name in enumerate(labels.names)}
        index |= {printable(name): i for i, name in enumerate(labels.names)}
        kept = [i for i, key in enumerate(keys) if key in index]
        if not kept:
            raise DatasetError(f"{printable(str(table))} names no photo of {printable(opened.name)}: check its names")
        here = set(keys)  # of labels without coordinates the shards say themselves how many they left out
        left_out |= {name: why for name, why in labels.left_out.items() if {name, name.rpartition(".")[0]} & here}
        return _of_labels(
            printable(opened.name), labels, [index[keys[i]] for i in kept], SetPhotos(opened, tuple(kept)), left_out
        )
    return LabelledSet(
        name=printable(opened.name),
        files=tuple(keys),
        lat=np.array(opened.lat, np.float64),
        lon=np.array(opened.lon, np.float64),
        country=("",) * len(keys),
        exact_km=np.zeros(len(keys)),
        photos=SetPhotos(opened, tuple(range(len(keys)))),
        left_out=left_out,
    )


def _one_place(root: Path, at: str) -> LabelledSet:
    """All photos under ``root``, which come from one place."""
    lat, lon, country, exact_km = _place(at)
    if not root.is_dir():
        raise DatasetError(f"no folder of photos at {printable(str(root))}: check the path")
    try:
        inside = tuple(path.relative_to(root).as_posix() for path in find_images([root]))
    except ImageError as error:
        raise DatasetError(str(error)) from error
    files = tuple(map(printable, inside))
    if len(set(files)) != len(files):
        raise DatasetError(f"{printable(str(root))} has names that look alike once they are made safe to show")
    return LabelledSet(
        name=printable(root.resolve().name) or "photos",
        files=files,
        lat=np.full(len(files), lat),
        lon=np.full(len(files), lon),
        country=(country,) * len(files),
        exact_km=np.full(len(files), exact_km),
        photos=FilePhotos(str(root), inside),
    )


def _place(at: str) -> tuple[float, float, str, float]:
    """Degrees, country and km of ``LAT,LON,ISO,KM``.

    Raises:
        RequestError: It is something else.
    """
    texts = [text.strip() for text in at.split(",")]
    lat_text, lon_text, country, km_text = [*texts, "", "", "", ""][:4]
    try:
        lat, lon = (float(text or "nan") for text in (lat_text, lon_text))
        exact_km = float(km_text or "0")
    except ValueError:
        lat, lon, exact_km = np.inf, np.inf, 0.0
    country = country.upper()
    on_earth = abs(lat) <= 90.0 and abs(lon) <= 180.0
    if (
        len(texts) > 4
        or not (on_earth or (not lat_text and not lon_text and country))
        or not (not country or (len(country) == 2 and country.isascii() and country.isalpha()))
        or not 0.0 <= exact_km < np.inf
    ):
        raise RequestError(
            f"at must be LAT,LON,ISO,KM as in 59.94,30.31,RU,25 (or only a country: ,,SG), not {printable(repr(at))}"
        )
    return lat, lon, country, exact_km
