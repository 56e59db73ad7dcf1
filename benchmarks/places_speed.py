"""How fast an index of a map is built and asked, how large it is, and what that comes to for Germany and the planet.

    python -m benchmarks.places_speed [--osm DIR] [--things N ...] [--runs R] [--work DIR]

Extracts are those of DIR and synthetic ones with N named things (``benchmarks.places_extract``). Each build runs in a
process of its own; times are processor seconds of all its threads, which other work on the machine changes least, the
median of R builds (one of more than a million things). ``read`` is osmium alone going through the same file with
positions of nodes and the same filter, no index made; ``FTS5`` is SQLite alone putting the same names into a trigram
table. Photos have 1, 5 or 20 lines, each a name of the index as it is or with one letter changed; the time is that of
``MapReader.clues``. ``found`` is how often the misread name is among those that a search proposes.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.machine import machine
from benchmarks.places_extract import write_extract
from data.osm_build import build_index
from data.osm_index import PlaceIndex
from data.osm_regions import region_name
from data.skeleton import skeleton
from detectors.base import Box, Reading
from detectors.map_reader import MapReader
from detectors.script import script_of

__all__ = ["main"]

_LINES = (1, 5, 20)
_PHOTOS = 15
_ONE_RUN = 1_000_000  # things from which a build is run once
_LETTERS = "abcdefghiklmnoprstuvwz"
_GERMANY_PBF, _PLANET_PBF = 4.6e9, 86e9  # bytes
# Of the whole planet (taginfo): nodes, objects with a name, objects with a house number, nodes' highest number.
_PLANET_NODES, _PLANET_NAMED, _PLANET_HOUSES, _HIGHEST = 9.9e9, 115e6, 165e6, 13e9


@dataclass(frozen=True)
class Built:
    """What a build took."""

    read: int
    seconds: float
    reading: float
    fts5: float
    peak_mb: float
    meta: dict[str, float]
    size: int


def main(argv: Sequence[str] | None = None) -> None:
    """Print the tables and the estimate."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--osm", type=Path, default=Path("../shared/data/osm"))
    parser.add_argument("--things", type=int, nargs="*", default=[300_000, 2_000_000])
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--work", type=Path, help="where synthetic extracts and indexes stay (default: nowhere)")
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    args = parser.parse_args(argv)
    if args.child:
        print(json.dumps(_measure(*map(Path, args.child))))
        return
    with tempfile.TemporaryDirectory() as scratch:
        work = args.work or Path(scratch)
        work.mkdir(parents=True, exist_ok=True)
        real = sorted(path for path in args.osm.iterdir() if ".osm." in path.name)
        extracts = [*real]
        for things in args.things:
            extracts.append(work / f"synthetic-{things}.osm.pbf")
            if not extracts[-1].is_file():
                write_extract(extracts[-1], real, things)
        print(machine())
        print(f"SQLite {sqlite3.sqlite_version}; processor seconds; {args.runs} runs\n")
        built = {}
        print(f"{'extract':<22}{'MB':>7}{'read':>10}{'things':>10}{'names':>9}{'houses':>9}{'s':>8}{'/s':>8}{'MB/s':>7}"
              f"{'x read':>8}{'x FTS5':>8}{'index MB':>10}{'B/thing':>9}{'/pbf':>6}{'peak MB':>9}")  # fmt: skip
        for extract in extracts:
            one = built[extract] = _build(extract, work / f"{region_name(extract)}.sqlite", args.runs)
            m, mb = one.meta, extract.stat().st_size / 1e6
            name = region_name(extract)[:21]
            print(
                f"{name:<22}{mb:7.2f}{one.read:10,}{m['things']:10,}{m['names']:9,}{m['houses']:9,}{one.seconds:8.2f}"
                f"{one.read / one.seconds:8,.0f}{mb / one.seconds:7.2f}{one.seconds / one.reading:8.1f}"
                f"{one.seconds / one.fts5:8.1f}{one.size / 1e6:10.2f}{one.size / max(one.read, 1):9.0f}"
                f"{one.size / 1e6 / mb:6.2f}{one.peak_mb:9.0f}", flush=True,
            )  # fmt: skip
        print("\nms a photo (median, longest): lines as they are, and misread by one letter")
        print(f"{'extract':<22}" + "".join(f"{f'{n} exact':>14}{f'{n} misread':>14}" for n in _LINES)
              + f"{'search ms':>11}{'found':>7}{'open MB':>9}")  # fmt: skip
        _asked(real[0], work / f"{region_name(real[0])}.sqlite")  # loads what every index shares
        for extract in extracts:
            print(_asked(extract, work / f"{region_name(extract)}.sqlite"), flush=True)
        if args.things:
            plain = [path for path in real if path.suffix == ".pbf"]
            _estimate(built[extracts[-1]], [(built[path], path.stat().st_size) for path in plain])


def _build(extract: Path, out: Path, runs: int) -> Built:
    done = []
    for _ in range(runs):
        child = subprocess.run(
            [sys.executable, "-m", "benchmarks.places_speed", "--child", str(extract), str(out)],
            check=True, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        done.append(Built(**json.loads(child.stdout)))
        if done[-1].read >= _ONE_RUN:
            break
    return sorted(done, key=lambda one: one.seconds)[len(done) // 2]


def _measure(extract: Path, out: Path) -> dict[str, object]:
    import osmium

    counts: list[int] = [0]
    start = time.process_time()
    meta = build_index(extract, out, name=region_name(extract), advance=counts.append)
    seconds = time.process_time() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0
    start = time.process_time()
    told = osmium.filter.KeyFilter("name", "brand", "addr:housenumber")
    for _ in osmium.FileProcessor(str(extract)).with_locations("flex_mem").with_filter(told):
        pass
    reading = time.process_time() - start
    with PlaceIndex.open(out) as index:
        keys = index._query("SELECT id, key FROM name")
    start = time.process_time()
    out.with_suffix(".fts5").unlink(missing_ok=True)
    base = sqlite3.connect(out.with_suffix(".fts5"))
    base.execute("CREATE VIRTUAL TABLE t USING fts5(key, content='', tokenize='trigram', detail='none', columnsize=0)")
    base.executemany("INSERT INTO t(rowid, key) VALUES (?, ?)", keys)
    base.commit()
    base.close()
    fts5 = time.process_time() - start
    out.with_suffix(".fts5").unlink()
    kept = {key: meta[key] for key in ("things", "names", "houses")}
    size = out.stat().st_size
    return {"read": counts[-1], "seconds": seconds, "reading": reading, "fts5": fts5, "peak_mb": peak, "meta": kept,
            "size": size}  # fmt: skip


def _asked(extract: Path, path: Path) -> str:
    draw = random.Random(0)
    before = _resident_mb()
    with PlaceIndex.open(path) as index:
        every = max(int(index.meta["names"]) // 400, 1)
        names = [
            row[0] for row in index._query("SELECT text FROM name WHERE length(text) > 8 AND id % ? = 0", (every,))
        ]
        reader = MapReader([index])
        reader.clues(_photo(names, 5, draw, misread=True))
        cells = []
        for lines in _LINES:
            for misread in (False, True):
                took = []
                for _ in range(_PHOTOS):
                    photo = _photo(names, lines, draw, misread=misread)
                    start = time.process_time()
                    reader.clues(photo)
                    took.append(1000.0 * (time.process_time() - start))
                cells.append(f"{f'{statistics.median(took):.1f}, {max(took):.0f}':>14}")
        took, found = [], 0
        for name in names[:200]:
            words = [skeleton(word) for word in _misread(name, draw).split()]
            start = time.process_time()
            proposed = index.alike(words)
            took.append(1000.0 * (time.process_time() - start))
            found += any(one.text == name for one in proposed)
        share = found / len(names[:200])
        held = _resident_mb() - before
    return f"{region_name(extract)[:21]:<22}{''.join(cells)}{statistics.median(took):11.1f}{share:7.3f}{held:9.0f}"


def _photo(names: Sequence[str], lines: int, draw: random.Random, *, misread: bool) -> list[Reading]:
    made = []
    for k in range(lines):
        text = draw.choice(names)
        text = _misread(text, draw) if misread else text
        top = 60.0 * k
        box: Box = ((0.0, top), (500.0, top), (500.0, top + 20.0), (0.0, top + 20.0))
        made.append(Reading(f"r{k}", text, box, 1.0, script_of(text)))
    return made


def _misread(text: str, draw: random.Random) -> str:
    at = draw.randrange(len(text))
    return text[:at] + draw.choice(_LETTERS) + text[at + 1 :]


def _resident_mb() -> float:
    [line] = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmRSS")]
    return int(line.split()[1]) / 1024.0


def _estimate(large: Built, real: Sequence[tuple[Built, int]]) -> None:
    """For Germany and the planet, from the largest synthetic extract and the real ones; the arithmetic is printed."""
    each, size = large.seconds / large.read, large.size / large.read
    # What a real extract takes beside its things: mostly unnamed nodes and ways.
    rest = max(sum(b.seconds - b.read * each for b, _ in real) / sum(n for _, n in real), 0.0)
    print(
        f"""
Estimate: arithmetic, not measurement.
  A thing takes {1e6 * each:.0f} us of processor time and {size:.0f} B of the index (the largest synthetic extract).
  A megabyte of pbf takes {1e6 * rest:.2f} s besides (the real pbf extracts; they are small, so what starting takes is
  in it: rather too much).
  Assumed of the planet: {_PLANET_PBF / 1e9:.0f} GB of pbf, {_PLANET_NODES / 1e9:.1f} billion nodes with numbers up to
  {_HIGHEST / 1e9:.0f} billion, {_PLANET_NAMED / 1e6:.0f} million named objects, {_PLANET_HOUSES / 1e6:.0f} million with
  a house number. Of a region: its share of the bytes. A country that is mapped house by house has up to twice that
  share of houses, which take less than shops do: the figures hold within a factor of two."""
    )
    for name, pbf in (("Germany", _GERMANY_PBF), ("the planet", _PLANET_PBF)):
        share = pbf / _PLANET_PBF
        things, nodes = share * (_PLANET_NAMED + _PLANET_HOUSES), share * _PLANET_NODES
        of_nodes = 8.0 * _HIGHEST if pbf > 30e9 else 16.0 * nodes
        hours = (things * each + pbf * rest) / 3600.0
        print(
            f"  {name}, {pbf / 1e9:.1f} GB:\n"
            f"    {things / 1e6:.0f}e6 things x {1e6 * each:.0f} us + {pbf / 1e6:,.0f} MB x {1e6 * rest:.2f} s "
            f"= {hours:.1f} h of one core\n"
            f"    {things / 1e6:.0f}e6 things x {size:.0f} B = {things * size / 1e9:.1f} GB of index, and three times "
            f"that while it is built\n"
            f"    {'13e9 numbers x 8 B' if pbf > 30e9 else f'{nodes / 1e6:.0f}e6 nodes x 16 B'} "
            f"= {of_nodes / 1e9:.0f} GB on disk for positions, mapped: fast only where most of it fits the memory\n"
            f"    memory of its own: some {large.peak_mb:.0f} MB, as measured, and all pieces of the street with the "
            f"commonest name"
        )


if __name__ == "__main__":
    main()
