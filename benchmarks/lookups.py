"""What a map on this machine is worth, end to end: drawn pictures of the signs of real places, read and located.

    python -m benchmarks.lookups KEEP [--data DIR] [--regions NAME ...] [--count N] [--first N] [--seed SEED]
                                 [--fonts DIR] [--grounds DIR ...] [--ranker NAME] [--out DIR]

``KEEP/REGION.jsonl`` holds what was read (``benchmarks.storefront_readings``); what it lacks is read first, seconds a
picture. Then each picture is answered from the density prior and its text: `without` any map, `with` the map of its
region, and with the maps of all the `other` regions but its own.

Distances are great circles on a sphere of 6371.0088 km, bands are ``<=``. Bits are log2 of the true cell's probability,
over all cells of the finest level. ``farther`` is the share of pictures that are more than a kilometre farther off than
without, ``unlikelier`` the share whose true cell has lost more than a hundredth of a bit. Intervals are paired 95 %
bootstrap intervals over pictures: those of a region are one place.
"""

from __future__ import annotations

import argparse
import csv
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from benchmarks.machine import machine
from benchmarks.storefront_readings import REGIONS, ReadStorefront, lines_read, read_storefronts
from benchmarks.storefronts import KINDS, storefronts
from data.geodesy import geoscore
from data.osm_build import build_index
from data.osm_index import PlaceIndex
from data.osm_regions import region_name
from data.writing import write_whole
from detectors.base import ClueReader
from detectors.map_reader import MapReader
from detectors.privacy import masked
from detectors.render_fonts import FONT_FOLDER
from detectors.render_text import Grounds
from fusion.among_shops import among_shops
from fusion.context import Context
from fusion.evaluation.scores import Score, Truth, columns_of, score
from fusion.locator import Locator, Ranker
from fusion.ranker import make_ranker

__all__ = ["SETTINGS", "Maps", "Setting", "answers", "rows_of", "settings_of", "table"]

Floats = NDArray[np.float64]
Maps = Callable[[Sequence[Path]], Sequence[ClueReader]]
"""Paths of extracts to the clue readers that look things up in them."""

SETTINGS: Final = ("without", "with", "other")
_BANDS_KM: Final = (0.1, 1.0, 25.0)
_FARTHER_KM: Final = 1.0
_UNLIKELIER_BITS: Final = 0.01
_DRAWS: Final = 2_000


@dataclass(frozen=True)
class Setting:
    """How pictures are answered.

    Attributes:
        name: One of :data:`SETTINGS`, or another for the table.
        more: Clue readers beside those that ship.
    """

    name: str
    more: Sequence[ClueReader] = ()


def settings_of(region: str, data: Path, maps: Maps | None) -> list[Setting]:
    """Without a map, with that of ``region``, and with those of all others; only the first where ``maps`` is None."""
    found = [Setting("without")]
    if maps is not None:
        found.append(Setting("with", maps([data / REGIONS[region]])))
        found.append(Setting("other", maps([data / file for name, file in REGIONS.items() if name != region])))
    return found


def answers(shots: Sequence[ReadStorefront], setting: Setting, ranker: Ranker) -> list[Score]:
    """What the answer to each picture is worth, from what was read in it: a few hundredths of a second each.

    Args:
        shots: Read pictures.
        setting: Which clue readers there are.
        ranker: Fuses the prior and the clues.
    """
    locator = Locator("density", ocr="none", scenes="none", offline=True, ranker=ranker, places="none")
    locator.clue_readers = (*locator.clue_readers, *setting.more)
    [output] = locator.predict([np.zeros((8, 8, 3), np.uint8)])  # of this prior the same for every picture
    found = []
    for shot in shots:
        clues = among_shops([*locator.clues(shot.readings), *shot.plate_clues], output.distribution.partition)
        context = Context(masked(shot.readings), output.scene, locator.prior.name)
        posterior = locator.ranker.fuse(output.distribution, clues, context).posterior
        found.append(score(posterior, Truth((shot.lat, shot.lon), "")))
    return found


def rows_of(
    region: str, shots: Sequence[ReadStorefront], found: Mapping[str, Sequence[Score]]
) -> Iterator[dict[str, Any]]:
    """A row for all pictures and one for each kind of them, for each setting; shares in percent.

    Args:
        region: Its name.
        shots: The pictures.
        found: Setting's name to what its answers are worth; ``"without"`` is one of them.
    """
    for kind in ("all", *KINDS):
        chosen = [k for k, shot in enumerate(shots) if kind in ("all", shot.kind)]
        if not chosen:
            continue
        base = columns_of(found["without"][k] for k in chosen)
        for name, answered in found.items():
            ours = columns_of(answered[k] for k in chosen)
            row: dict[str, Any] = {"region": region, "kind": kind, "setting": name, "n": len(chosen)}
            row |= {f"within_{band:g}": f"{100.0 * np.mean(ours['km'] <= band):.1f}" for band in _BANDS_KM}
            row["median_km"] = f"{np.median(ours['km']):.3g}"
            row["geoscore"] = f"{np.mean(geoscore(ours['km'])):.0f}"
            row["bits"] = f"{np.mean(ours['cell_bits']):.2f}"
            if name != "without":
                row |= _against(ours, base)
            yield row


def _against(ours: Mapping[str, Floats], base: Mapping[str, Floats]) -> dict[str, str]:
    """What a setting gains and loses over none, each with its interval."""
    each: dict[str, Floats] = {}
    for band in _BANDS_KM:
        each[f"gain_{band:g}"] = np.where(ours["km"] <= band, 100.0, 0.0) - np.where(base["km"] <= band, 100.0, 0.0)
    each["gain_geoscore"] = geoscore(ours["km"]) - geoscore(base["km"])
    each["gain_bits"] = ours["cell_bits"] - base["cell_bits"]
    farther = ours["km"] > base["km"] + _FARTHER_KM
    unlikelier = ours["cell_bits"] < base["cell_bits"] - _UNLIKELIER_BITS
    for name, worse in (("farther", farther), ("unlikelier", unlikelier), ("both", farther & unlikelier)):
        each[name] = np.where(worse, 100.0, 0.0)
    return {name: "{:.3g} [{:.3g}, {:.3g}]".format(*_interval(values)) for name, values in each.items()}


def _interval(values: Floats, seed: int = 0) -> tuple[float, float, float]:
    """The mean of ``values`` (n,), and the ends of its 95 % bootstrap interval."""
    n = len(values)
    drawn = np.random.default_rng(seed).multinomial(n, np.full(n, 1.0 / n), _DRAWS) @ values / n
    low, high = np.percentile(drawn, [2.5, 97.5])
    return float(values.mean()), float(low), float(high)


_SHOWN: Final = {"kind": "kind", "setting": "map", "n": "n", "within_0.1": "100 m", "within_1": "1 km",
                 "within_25": "25", "median_km": "median", "geoscore": "score", "bits": "bits",
                 "gain_1": "gain at 1 km", "gain_bits": "bits",
                 "farther": "farther, %", "unlikelier": "unlikelier, %", "both": "both, %"}  # fmt: skip


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """The rows, aligned, each region under its name."""
    lines: list[str] = []
    for region in dict.fromkeys(row["region"] for row in rows):
        cells = [list(_SHOWN.values())]
        cells += [[str(row.get(c, "")) for c in _SHOWN] for row in rows if row["region"] == region]
        wide = [max(len(row[k]) for row in cells) for k in range(len(_SHOWN))]
        lines += ["", str(region)]
        lines += ["  ".join(cell.ljust(w) for cell, w in zip(row, wide, strict=True)).rstrip() for row in cells]
    return "\n".join(lines[1:]) + "\n"


def maps_in(folder: Path) -> Maps:
    """What indexes extracts in ``folder``, each once, and reads signs with them."""

    def maps(paths: Sequence[Path]) -> Sequence[ClueReader]:
        for path in paths:
            if not (folder / f"{path.name}.sqlite").exists():
                build_index(path, folder / f"{path.name}.sqlite", name=region_name(path))
        return [MapReader([PlaceIndex.open(folder / f"{path.name}.sqlite") for path in paths])]

    return maps


def main(argv: Sequence[str] | None = None) -> None:
    """Read what is not kept, answer, print the table and write it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("keep", type=Path, metavar="KEEP")
    parser.add_argument("--data", type=Path, default=Path("../shared/data/osm"))
    parser.add_argument("--regions", nargs="*", default=list(REGIONS), choices=list(REGIONS), metavar="NAME")
    parser.add_argument("--count", type=int, default=200, help="places a region")
    parser.add_argument("--first", type=int, help="answer only so many of them")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--fonts", type=Path, default=FONT_FOLDER)
    parser.add_argument("--grounds", type=Path, nargs="*", default=[], help="folders of photos seen in the windows")
    parser.add_argument("--ranker", default="auto")
    parser.add_argument("--out", type=Path, help="folder for lookups.txt and lookups.csv")
    args = parser.parse_args(argv)
    maps = maps_in(args.keep / "maps")
    ranker = make_ranker(args.ranker)
    grounds = Grounds(args.grounds)
    rows: list[dict[str, Any]] = []
    notes = []
    every: list[ReadStorefront] = []
    together: dict[str, list[Score]] = {}
    for region in args.regions:
        places = storefronts(args.data / REGIONS[region], args.count, args.seed, fonts=args.fonts, grounds=grounds)
        shots = list(read_storefronts(islice(places, args.first), args.keep / f"{region}.jsonl"))
        found = {s.name: answers(shots, s, ranker) for s in settings_of(region, args.data, maps)}
        every += shots
        for name, answered in found.items():
            together.setdefault(name, []).extend(answered)
        rows += (made := list(rows_of(region, shots, found)))
        lines, exact, nearly = lines_read(shots)
        notes.append(f"{region}: of {lines} lines of their own, {exact} were read exactly, {nearly} within one edit")
        print(f"{table(made)}{notes[-1]}\n", flush=True)
    if len(args.regions) > 1:
        rows += (made := list(rows_of("all regions", every, together)))
        print(table(made))
    if args.out is not None:
        heading = f"{machine()}\nranker {ranker.name}, {args.count} places a region, seed {args.seed}\n\n{__doc__}"
        write_whole(args.out / "lookups.txt", "\n".join([heading, table(rows), *notes, ""]).encode())
        write_whole(args.out / "lookups.csv", _csv(rows).encode())


def _csv(rows: Sequence[Mapping[str, Any]]) -> str:
    columns = list(dict.fromkeys(column for row in rows for column in row))
    out = io.StringIO()
    writer = csv.DictWriter(out, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


if __name__ == "__main__":
    main()
