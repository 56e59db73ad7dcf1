"""How often a map answers for a sign that stands elsewhere, and how much it then says.

    python -m benchmarks.namesakes KEEP [--data DIR] [--out FILE]

The maps are the small extracts of ``../shared/data/osm``. First the text of real photos, none of which was taken there
(``KEEP/SET.jsonl`` of ``benchmarks.fusion_photos``): every hit is false. Then names of each map are looked up in all
others: a hit is a namesake, or a likeness. Beside these, the same names in their own map.

If what hits say were right, the mean of ``exp(nats)`` over all photos and all things on the maps would be 1 at most:
a thing is no likelier to be found by a photo elsewhere than chance says (a likelihood ratio has mean 1 under its own
denominator).
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from benchmarks.machine import machine
from data.osm_build import build_index
from data.osm_index import PlaceIndex
from data.osm_regions import region_name
from data.osm_things import things_in
from data.writing import write_whole
from detectors.base import Reading
from detectors.map_reader import MapReader
from fusion.clue_rows import reading_of

__all__ = ["main"]

_NAMES = 300  # of each map
_LEVELS = (3, 5, 7, 9, 11, 13, 15, 17, 19)
_SHOWN = 8
_BOX = ((0.0, 0.0), (300.0, 0.0), (300.0, 30.0), (0.0, 30.0))

Hits = list[tuple[float, str]]
"""Nats of each clue, and what it says."""


def main(argv: Sequence[str] | None = None) -> None:
    """Look everything up and print what is found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("keep", type=Path, metavar="KEEP")
    parser.add_argument("--data", type=Path, default=Path("../shared/data/osm"))
    parser.add_argument("--out", type=Path)
    args = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as folder:
        extracts = sorted(path for path in args.data.iterdir() if ".osm" in path.name)
        maps = {path: _index(path, Path(folder)) for path in extracts}
        things = {path: int(index.meta["things"]) for path, index in maps.items()}
        lines = [machine(), "", f"{len(maps)} maps with {sum(things.values()):,} things", ""]
        photos = list(_photos(args.keep))
        reader = MapReader(list(maps.values()))
        lines += _table(
            f"{len(photos):,} real photos, taken elsewhere",
            [hit for photo in photos for hit in _hits(reader, photo)],
            len(photos) * sum(things.values()),
        )
        false: Hits = []
        own: Hits = []
        names = pairs = 0
        for path, index in maps.items():
            others = MapReader([other for p, other in maps.items() if p != path])
            for name in _names(path):
                page = [Reading("r0", name, _BOX, 0.95, "Latn")]
                false += _hits(others, page)
                own += _hits(MapReader([index]), page)
                names, pairs = names + 1, pairs + sum(n for p, n in things.items() if p != path)
        lines += _table(f"{names:,} names of each map in the others", false, pairs)
        lines += [f"the same names in their own map: {_counts(own)}"]
    print("\n".join(lines))
    if args.out is not None:
        write_whole(args.out, ("\n".join([*lines, "", str(__doc__)])).encode())


def _index(path: Path, folder: Path) -> PlaceIndex:
    out = folder / f"{region_name(path)}.sqlite"
    build_index(path, out, name=region_name(path))
    return PlaceIndex.open(out)


def _photos(keep: Path) -> Iterator[list[Reading]]:
    for file in sorted(keep.glob("*.jsonl")):
        with file.open(encoding="utf-8") as rows:
            for row in rows:
                readings = [reading_of(values) for values in json.loads(row)["readings"]]
                yield [reading for reading in readings if reading.region != "plate"]


def _names(path: Path) -> list[str]:
    names = sorted({thing.name for thing in things_in(path) if thing.kind == "poi"})
    rng = np.random.default_rng(0)
    return [names[k] for k in rng.permutation(len(names))[:_NAMES]]


def _hits(reader: MapReader, readings: Sequence[Reading]) -> Hits:
    return [
        (max(point.log_lr for point in clue.evidence.points), f"'{clue.text}': {clue.meaning}")
        for clue in reader.clues(readings)
    ]


def _counts(hits: Hits) -> str:
    nats = np.array([told for told, _ in hits])
    return ", ".join(f"{int((nats > level).sum())} over {level} nats" for level in _LEVELS)


def _table(title: str, hits: Hits, pairs: int) -> list[str]:
    mean = float(np.exp([told for told, _ in hits]).sum()) / pairs
    shown = [f"  {told:5.1f}  {words}" for told, words in sorted(hits, reverse=True)[:_SHOWN]]
    return [title, f"  {_counts(hits)}", f"  mean of exp(nats) over all pairs: {mean:.2f}", *shown, ""]


if __name__ == "__main__":
    main()
