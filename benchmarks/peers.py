"""Where whence stands among the systems that answered the photos of ``streets_dev``: same photos, same metrics.

    OMP_NUM_THREADS=1 python -m benchmarks.peers [DATA] [--keep DIR] [--csv FILE] [--text FILE]

DATA has ``streets_dev`` with ``labels.csv``, ``images/`` and ``peer_answers.csv`` (file, system, lat, lon). ``--keep``
holds what was read in the photos (``benchmarks.fusion_photos``) and what the pixels prior says of each
(``benchmarks.fusion_priors``), so that neither is done twice.

Distances are great circles on a sphere of 6371.0088 km, bands are ``<=``. Each figure has its 95 % bootstrap interval,
for which whole places (photos within 25 km of each other, and of theirs in turn) are drawn 2,000 times; differences are
paired. The pixels prior that ships learnt from these photos, so it answers each out of fold. The blind baselines give
every photo one point, that of the highest expected GeoScore.
"""

from __future__ import annotations

import argparse
import csv
import math
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from backbone.density import DensityPrior
from benchmarks.fusion_photos import ReadPhoto, read_photos
from benchmarks.fusion_priors import pixels_of
from benchmarks.labels import read_labels
from benchmarks.machine import machine
from benchmarks.peers_table import ALL, ANSWERED, FIGURES, GAINED, MISSES, OURS, PITFALLS, SAME, TOLD, standing, table
from data.distribution import CellDistribution
from data.errors import DatasetError
from data.geodesy import haversine_km
from data.partition import load_default
from data.photo_places import places
from data.printable import printable
from data.writing import write_whole
from fusion.context import Context
from fusion.evaluation.figures import Columns, figures, gains, with_intervals
from fusion.evaluation.scores import Score, Truth, columns_of, score
from fusion.ranker import make_ranker

__all__ = ["SET", "Answers", "main", "our_answers", "read_answers", "rows_of"]

SET: Final = "streets_dev"
_COLUMNS: Final = ("file", "system", "lat", "lon")

Floats = NDArray[np.float64]
Row = dict[str, Any]


@dataclass(frozen=True, eq=False)
class Answers:
    """What one system answered to n photos.

    Attributes:
        system: Its name.
        lat: (n,) degrees, NaN where it gave no answer.
        lon: (n,) degrees.
        scores: What whole distributions are worth, (n,) by name; None where only points are known.
    """

    system: str
    lat: Floats
    lon: Floats
    scores: Columns | None = None


def read_answers(path: Path, files: Sequence[str]) -> tuple[list[Answers], list[str]]:
    """The answers of a table with columns file, system, lat, lon to ``files`` (n,), and what was left out of it, told.

    A header that stands there again, photos that are not of the set and second answers of one system to one photo are
    left out; what is no point on the Earth is no answer. Systems come in the order of their names.

    Raises:
        DatasetError: There is no such table, or it lacks a column.
    """
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DatasetError(f"{printable(str(path))}: no table that can be read: give the folder of {SET}") from error
    lines = csv.DictReader(StringIO(text))
    missing = [column for column in _COLUMNS if column not in (lines.fieldnames or ())]
    if missing:
        raise DatasetError(f"{printable(str(path))}: no column {', '.join(missing)}")
    number = {file: k for k, file in enumerate(files)}
    points: dict[str, Floats] = {}
    seen: set[tuple[str, str]] = set()
    left = dict.fromkeys(("header again", "photo of another set", "second answer", "no point"), 0)
    for line in lines:
        key = (line["file"], line["system"])
        if key == ("file", "system"):
            left["header again"] += 1
        elif line["file"] not in number:
            left["photo of another set"] += 1
        elif key in seen:
            left["second answer"] += 1
        else:
            seen.add(key)
            at = points.setdefault(line["system"], np.full((len(files), 2), np.nan))
            point = _point(line["lat"], line["lon"])
            left["no point"] += point is None
            at[number[line["file"]]] = (math.nan, math.nan) if point is None else point
    told = [f"{count} x {why}" for why, count in left.items() if count]
    return [Answers(system, *points[system].T) for system in sorted(points)], told


def _point(lat: str | None, lon: str | None) -> tuple[float, float] | None:
    try:
        point = float(lat or ""), float(lon or "")
    except ValueError:
        return None
    return point if abs(point[0]) <= 90.0 and abs(point[1]) <= 180.0 else None


def our_answers(data: Path, keep: Path, files: Sequence[str]) -> list[Answers]:
    """What whence answers to ``files`` with each prior, with and without clues; without pixels the latter is blind.

    Args:
        data: Folder of the sets.
        keep: Folder of readings and of what the pixels prior says; what is missing is made.
        files: (n,) names, in the order of the answers.
    """
    read = {photo.path.name: photo for photo in read_photos(data, SET, keep)}
    photos = [read[file] for file in files]
    partition = load_default()
    unseen = pixels_of(data, SET, keep)
    pixels = [CellDistribution(partition, unseen[photo.path.name]) for photo in photos]
    density, street = (DensityPrior(partition, name).distribution for name in ("density", "density:street"))
    return [
        _fused(OURS, "pixels", pixels, photos),
        _alone(OURS.replace("with", "without"), pixels, photos),
        _fused("whence: density:street, with clues", "density:street", [street] * len(photos), photos),
        _fused("whence: density, with clues", "density", [density] * len(photos), photos),
        _alone("blind: density:street", [street] * len(photos), photos),
        _alone("blind: density", [density] * len(photos), photos),
    ]


def _fused(name: str, prior: str, said: Sequence[CellDistribution], photos: Sequence[ReadPhoto]) -> Answers:
    ranker = make_ranker("auto")
    contexts = [Context(photo.readings, None, prior) for photo in photos]
    pairs = zip(said, photos, contexts, strict=True)
    return _alone(name, [ranker.fuse(each, photo.clues, context).posterior for each, photo, context in pairs], photos)


def _alone(name: str, said: Sequence[CellDistribution], photos: Sequence[ReadPhoto]) -> Answers:
    same: dict[int, tuple[float, float]] = {}  # photos without a clue may share a distribution
    points = [same[id(each)] if id(each) in same else same.setdefault(id(each), each.point()) for each in said]
    truths = [Truth(photo.at, photo.country) for photo in photos]
    lat, lon = np.array(points).T
    return Answers(name, lat, lon, columns_of(score(*each) for each in zip(said, truths, points, strict=True)))


def rows_of(peers: Sequence[Answers], ours: Sequence[Answers], lat: Floats, lon: Floats) -> Iterator[Row]:
    """A row for each system on all photos; and for one that lacks some, rows of those that it answered.

    ``counted`` says which: ``ALL``, ``ANSWERED`` and ``MISSES``, or ``SAME`` for whence on the photos that the peer
    of the rows before answered.

    Args:
        peers: What others answered.
        ours: What whence and the blind baselines answered, the system to compare with first.
        lat: (n,) true points, degrees.
        lon: (n,) degrees.
    """
    everything, here = np.arange(len(lat)), _columns(ours[0], lat, lon)
    for answers in (*ours, *peers):
        kind = "peer" if answers not in ours else answers.system.partition(":")[0]
        there = _columns(answers, lat, lon)
        answered = np.flatnonzero(np.isfinite(there["km"]))
        start: Row = {"system": answers.system, "kind": kind, "answered": len(answered), "photos": len(lat)}
        if len(answered) == len(lat):
            yield start | {"counted": ALL} | _figures(there, here, everything, lat, lon, same=answers is ours[0])
            continue
        if len(answered):
            yield start | {"counted": ANSWERED} | _figures(there, here, answered, lat, lon)
        yield start | {"counted": MISSES} | _figures(there, here, everything, lat, lon)
        if len(answered):
            again = start | {"system": ours[0].system, "kind": "whence", "counted": SAME}
            yield again | _figures(here, here, answered, lat, lon, same=True)


def _columns(answers: Answers, lat: Floats, lon: Floats) -> dict[str, Floats]:
    """Distances, infinite where there is no answer; the rest as far as it is known."""
    unknown = np.full(len(lat), np.nan)
    columns = dict(answers.scores or dict.fromkeys(Score.__slots__, unknown))
    km = haversine_km(answers.lat, answers.lon, lat, lon)
    return columns | {"km": np.where(np.isnan(km), np.inf, km)}


def _figures(
    there: Columns, here: Columns, chosen: NDArray[np.int64], lat: Floats, lon: Floats, *, same: bool = False
) -> Row:
    """Figures of ``there`` on the ``chosen`` photos, and what it gains over ``here``, unless they are the ``same``."""
    place = places(lat[chosen], lon[chosen])
    ours, theirs = ({name: values[chosen] for name, values in each.items()} for each in (here, there))
    found: Row = {"places": int(place.max()) + 1}
    for name, told in with_intervals(theirs, place).items():
        if name in FIGURES:
            found |= {name: told.value, f"{name}_low": told.low, f"{name}_high": told.high}
    if not np.isfinite(theirs["km"]).all():  # a mean of the others would flatter
        found |= dict.fromkeys(("mean_km", "mean_km_low", "mean_km_high"), math.nan)
    if not same:
        for name, (gain, low, high) in gains(theirs, ours, place).items():
            if name in GAINED and not math.isnan(found[name]):
                found |= {f"over_{name}": gain, f"over_{name}_low": low, f"over_{name}_high": high}
    if not np.isnan(theirs["cell_bits"]).all():
        found |= {name: value for name, value in figures(theirs).items() if name in TOLD}
    return found


def main(argv: Sequence[str] | None = None) -> None:
    """Print the tables, and write them where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", nargs="?", type=Path, default=Path("../shared/data"), metavar="DATA")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="what was read and what the prior says; else not kept")
    parser.add_argument("--csv", type=Path, metavar="FILE")
    parser.add_argument("--text", type=Path, metavar="FILE")
    args = parser.parse_args(argv)
    labels = read_labels(args.data / SET)
    lat, lon = (np.array([getattr(label, axis) for label in labels]) for axis in ("lat", "lon"))
    files = [label.path.name for label in labels]
    peers, left = read_answers(args.data / SET / "peer_answers.csv", files)
    with tempfile.TemporaryDirectory() as folder:
        ours = our_answers(args.data, args.keep or Path(folder), files)
    rows = list(rows_of(peers, ours, lat, lon))
    note = f"left out of peer_answers.csv: {', '.join(left) or 'nothing'}"
    text = f"{machine()}\n{note}\n\n{__doc__}{PITFALLS}\n{standing(rows)}\n{table(rows)}"
    print(text)
    if args.text is not None:
        write_whole(args.text, text.encode())
    if args.csv is not None:
        write_whole(args.csv, _csv(rows).encode())


def _csv(rows: Sequence[Mapping[str, Any]]) -> str:
    out = StringIO()
    columns = list(dict.fromkeys(column for row in rows for column in row))
    writer = csv.DictWriter(out, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: _rounded(value) for name, value in row.items()} for row in rows)
    return out.getvalue()


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return "" if math.isnan(value) else f"{value:.3f}"
    return value


if __name__ == "__main__":
    main()
