"""``whence places``: maps on this machine in which signs are looked up without a network."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from typing import Any

from data.errors import DatasetError, RequestError
from data.printable import encodable, printable
from fusion.cli_arguments import Commands, path_argument

__all__ = ["add_places"]


def add_places(commands: Commands) -> None:
    """Add ``places`` and its sub-commands."""
    places = commands.add_parser(
        "places",
        help="maps on this machine in which signs are looked up",
        description="Any OpenStreetMap extract (download.geofabrik.de has them by country) becomes an index of its "
        "named shops, offices, stations, streets and houses. `locate` looks signs up in all of them, without a "
        "network. They are in $WHENCE_PLACES or the system's place for a user's data.",
    )
    actions = places.add_subparsers(dest="action", required=True, metavar="ACTION")
    add = actions.add_parser("add", help="index an extract: .osm.pbf, .osm, .osm.gz, .osm.bz2")
    add.add_argument("extract", type=path_argument, metavar="EXTRACT")
    add.add_argument("--name", help="of the region (default: the file's name)")
    add.set_defaults(run=_add)
    listed = actions.add_parser("list", help="the regions at hand")
    listed.add_argument("--json", action="store_true", help="one JSON object a line on stdout, nothing else there")
    listed.set_defaults(run=_list)
    info = actions.add_parser("info", help="what a region's index holds")
    info.add_argument("name", metavar="NAME")
    info.add_argument("--json", action="store_true", help="one JSON object on stdout, nothing else there")
    info.set_defaults(run=_info)
    find = actions.add_parser("find", help="look a sign's text up, as `locate` does with what it reads")
    find.add_argument("text", nargs="+", metavar="LINE", help="one line of a sign each")
    find.add_argument("--places", default="auto", metavar="NAMES", help="regions, with commas between (default: all)")
    find.set_defaults(run=_find)
    remove = actions.add_parser("remove", help="remove a region's index")
    remove.add_argument("names", nargs="+", metavar="NAME")
    remove.set_defaults(run=_remove)


def _add(args: argparse.Namespace) -> int:
    from data.osm_regions import add_region, region_name, region_path

    name = region_name(args.extract) if args.name is None else args.name
    try:
        path = region_path(name)
    except DatasetError as error:
        raise RequestError(f"{error}" + ("; --name gives one" if args.name is None else "")) from error
    replaced = path.exists()
    # Sorting a large map takes room on the disk that the index will be on, which /tmp may not have.
    os.environ.setdefault("SQLITE_TMPDIR", str(path.parent))
    start = time.monotonic()

    def advance(count: int) -> None:
        if sys.stderr.isatty():
            print(f"\r{count:,} things read", end="", file=sys.stderr, flush=True)

    try:
        with add_region(args.extract, name, advance=advance) as index:
            meta = index.meta
    finally:
        if sys.stderr.isatty():
            print("\r\x1b[K", end="", file=sys.stderr)  # the count
    took = time.monotonic() - start
    print(printable(f"{'replaced' if replaced else 'added'} {name}: {_contents(meta)}, {took:.0f} s"))
    print(f"data: {meta['attribution']}", file=sys.stderr)
    return 0


def _list(args: argparse.Namespace) -> int:
    from data.osm_regions import open_regions, regions

    faults = 0
    for name in regions():
        try:
            [index] = open_regions([name])
        except DatasetError as error:
            faults += 1
            print(f"whence: {printable(str(error))}", file=sys.stderr)
            continue
        index.close()
        if args.json:
            print(json.dumps(index.meta))
        else:
            print(printable(f"{index.name:<24} {_contents(index.meta)}"))
    if not regions() and not args.json:
        print("no region: `whence places add EXTRACT` adds one", file=sys.stderr)
    return 2 if faults else 0


def _info(args: argparse.Namespace) -> int:
    from data.osm_regions import open_regions

    [index] = open_regions([args.name])
    index.close()
    if args.json:
        print(json.dumps(index.meta))
        return 0
    box = [float(v) for v in index.meta.get("box", [])]
    print(printable(f"{index.name}: {_contents(index.meta)}"))
    print(printable(f"  from {index.meta['source']}, sha256 {index.meta['sha256'][:16]}..."))
    print(printable(f"  of {index.meta.get('of') or 'a time that the extract does not tell'}"))
    if len(box) == 4:
        print(f"  from {box[1]:.2f} to {box[3]:.2f} degrees north and {box[0]:.2f} to {box[2]:.2f} degrees east")
    print(printable(f"  {index.path.stat().st_size / 1e6:.1f} MB in {index.path}"))
    print(f"  data: {index.meta['attribution']}")
    return 0


def _find(args: argparse.Namespace) -> int:
    from data.osm_regions import open_regions
    from detectors.base import Box, Reading
    from detectors.map_reader import MapReader
    from detectors.script import script_of

    indexes = open_regions(args.places)
    if not indexes:
        raise RequestError("no region to look in: `whence places add EXTRACT` adds one")
    readings = []
    for k, line in enumerate(args.text):
        text, top = encodable(line), 60.0 * k
        box: Box = ((0.0, top), (500.0, top), (500.0, top + 20.0), (0.0, top + 20.0))
        readings.append(Reading(f"r{k}", text, box, 1.0, script_of(text)))
    try:
        clues = MapReader(indexes).clues(readings)
    finally:
        for index in indexes:
            index.close()
    for clue in clues:
        print(printable(f"{clue.text}: {clue.meaning}"))
        for point in sorted(clue.evidence.points, key=lambda point: -point.log_lr)[:5]:
            print(f"  {point.lat:.5f} {point.lon:.5f} within {1000 * point.sigma_km:.0f} m, {point.log_lr:.1f} nats")
    if not clues:
        print("nothing on these maps is called so, or too many things are for that to tell a place", file=sys.stderr)
    return 0


def _remove(args: argparse.Namespace) -> int:
    from data.osm_regions import open_regions, regions, remove_region

    unknown = [name for name in args.names if name not in regions()]
    if unknown:
        open_regions(unknown)  # says what is at hand
    for name in dict.fromkeys(args.names):
        size = remove_region(name)
        print(printable(f"removed {name}: {size / 1e6:.1f} MB"))
    return 0


def _contents(meta: dict[str, Any]) -> str:
    return f"{meta['things']:,} things under {meta['names']:,} names, {meta['houses']:,} houses"
