"""Every prior at hand: how good it is beside density, what it costs; and our GeoCLIP beside the package's own.

    OMP_NUM_THREADS=1 python -m benchmarks.priors ../shared/data
    OMP_NUM_THREADS=1 python -m benchmarks.priors ../shared/data --also mixture:./mine --keep /tmp/scores
    python -m benchmarks.priors ../shared/data --quick

Accuracy is of sets with ``labels.csv`` (file, lat, lon, country) and ``images/``, by default the two dev sets of the
world; a prior whose card says that it was trained on a set is left out there. Distances are haversine with
R = 6371.0088 km, bands inclusive, points those of the highest expected GeoScore. Each figure stands with its difference
to that of ``density`` and the 95 % interval of that, by a paired bootstrap in
which whole places (photos within 25 km of each other) are drawn. Bits are log2 of the probability of the true one of
the cells that ship. ``--keep`` keeps the scores of each prior and set, so that only priors that are new are asked, and
what GeoCLIP's package took.

Costs are of the processor, a process for each prior (``benchmarks.prior_costs``).
"""

from __future__ import annotations

import argparse
import csv
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from backbone.priors import available_priors, make_prior
from benchmarks.labels import Label
from benchmarks.machine import machine
from benchmarks.photo_scores import difference
from benchmarks.prior_costs import measured_apart
from benchmarks.prior_scores import PriorScores, labelled, scored
from data.errors import WhenceError
from data.geodesy import BANDS_KM
from data.photo_places import places

__all__ = ["main"]

_SETS: Final = ("streets_dev", "places_dev")
_FIGURES: Final = (
    *(f"within_{band:g}_km" for band in BANDS_KM),
    *("median_km", "geoscore", "country", "bits", "inside_50", "inside_80"),
)
_COLUMNS: Final = ("set", "photos", "prior", "figure", "value", "gain", "low", "high")
_TIMED: Final = 8  # photos that are timed, after one that is not
_TIMED_BY_PACKAGE: Final = 3  # of these, by GeoCLIP's package, which takes a minute for each
_QUICK: Final = 6  # photos of a set


def main(argv: Sequence[str] | None = None) -> int:
    """Print the tables, and write them where asked."""
    args = _arguments(argv)
    names = list(dict.fromkeys(["density", *(args.only or [n for n in available_priors() if n != "auto"]), *args.also]))
    photos = _QUICK if args.quick and args.photos is None else args.photos
    sets = {name: labelled(args.data / name, photos) for name in args.sets}
    lines: list[str] = []

    def say(line: str = "") -> None:
        print(line, flush=True)
        lines.append(line)

    rows: list[dict[str, Any]] = []
    priors = []
    for name in names:
        try:
            priors.append((name, make_prior(name, offline=True)))
        except WhenceError as error:
            say(f"{name} left out: {error}")
    for which, labels in sets.items():
        taught = [name for name, prior in priors if which in prior.card.trained_on]
        for name in taught:
            say(f"{name} was trained on {which} and is left out there")
        asked = [(name, prior) for name, prior in priors if name not in taught]
        found = {name: scored(prior, labels, device=args.device, keep=args.keep) for name, prior in asked}
        rows += _said(which, labels, found, say)
    del priors  # their memory is not that of what is measured next
    if not args.no_costs:
        _say_costs(names, next(iter(sets.values())), args, say)
    say(machine())
    for path, content in ((args.text, "\n".join(lines) + "\n"), (args.csv, None)):
        if path is not None and content is not None:
            path.write_text(content, "utf-8")
        elif path is not None:
            with path.open("w", newline="", encoding="utf-8") as stream:
                writer = csv.DictWriter(stream, fieldnames=_COLUMNS)
                writer.writeheader()
                writer.writerows(rows)
    return 0


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("data", type=Path, help="folder of the sets")
    parser.add_argument("--sets", nargs="+", default=list(_SETS), metavar="NAME")
    parser.add_argument("--also", nargs="+", default=[], metavar="PRIOR", help="besides all that are at hand")
    parser.add_argument("--only", nargs="+", metavar="PRIOR", help="instead of all that are at hand; density is always")
    parser.add_argument("--photos", type=int, metavar="N", help="only so many photos of each set")
    parser.add_argument("--timed", type=int, metavar="N", help=f"photos that are timed (default {_TIMED})")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu", help="for accuracy; costs are the CPU's")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="keep scores there, and take them from there")
    parser.add_argument("--no-costs", action="store_true", help="accuracy only")
    parser.add_argument("--no-geoclip", action="store_true", help="leave out GeoCLIP's package, which takes 4 GiB")
    parser.add_argument("--quick", action="store_true", help=f"{_QUICK} photos of each set, 2 timed")
    parser.add_argument("--csv", type=Path, metavar="FILE", help="write the figures there")
    parser.add_argument("--text", type=Path, metavar="FILE", help="write what is printed there")
    return parser.parse_args(argv)


def _said(which: str, labels: Sequence[Label], found: dict[str, PriorScores], say: Any) -> list[dict[str, Any]]:
    lat, lon = np.array([label.lat for label in labels]), np.array([label.lon for label in labels])
    place = places(lat, lon)
    say(f"{which}: {len(labels)} photos of {int(place.max()) + 1} places")
    bands = " ".join(f"{band:>5g}" for band in BANDS_KM)
    say(f"{'':<24} {bands} km, % | median km GeoScore country, %    bits  inside 50, 80 %")
    rows = []
    for name, scores in found.items():
        value = {figure: float(of(np.ones((1, len(labels))))[0]) for figure, of in scores.figures().items()}
        gains = difference(scores, found["density"], place)
        shares = " ".join(f"{value[f'within_{band:g}_km']:>5.1f}" for band in BANDS_KM)
        say(
            f"{name:<24} {shares}       | {value['median_km']:>9,.0f} {value['geoscore']:>8,.0f} "
            f"{value['country']:>10.1f} {value['bits']:>8.2f} {value['inside_50']:>9.0f}, {value['inside_80']:.0f}"
        )
        if name != "density":
            for figure in ("within_2500_km", "median_km", "geoscore", "country", "bits"):
                gain, low, high = gains[figure]
                say(f"    {figure:<18} {gain:>+9.2f}  [{low:+.2f}, {high:+.2f}]")
        for figure in _FIGURES:
            numbers = (value[figure], *gains[figure])
            kept = {key: f"{number:.4f}" for key, number in zip(_COLUMNS[4:], numbers, strict=True)}
            rows.append({"set": which, "photos": len(labels), "prior": name, "figure": figure} | kept)
    say()
    return rows


def _say_costs(names: Sequence[str], labels: Sequence[Label], args: argparse.Namespace, say: Any) -> None:
    timed = (2 if args.quick else _TIMED) if args.timed is None else args.timed
    paths = [str(label.path) for label in labels[: timed + 1]]
    say(f"cost on the processor, {len(paths) - 1} photos, threads: OMP_NUM_THREADS={os.environ.get('OMP_NUM_THREADS')}")
    say(f"{'':<24} first answer, s  then, ms a photo  of the processor, ms  over arithmetic  peak memory, MiB")
    for name in names:
        try:
            cost = measured_apart(name, *paths)
        except RuntimeError as error:
            say(f"{name:<24} not measured: {error}")
            continue
        say(
            f"{name:<24} {cost['first_s']:>15.2f} {1e3 * cost['wall_s']:>17.1f} {1e3 * cost['cpu_s']:>21.1f} "
            f"{cost['ratio']:>16.3f} {cost['peak_mib']:>17,.0f}"
        )
    say()
    if args.no_geoclip:
        return
    kept = None if args.keep is None else args.keep / "geoclip.json"
    try:
        if kept is not None and kept.exists():
            say("(GeoCLIP's package was measured before)")
            cost = json.loads(kept.read_text("utf-8"))
        else:
            cost = measured_apart("--geoclip", *paths[: _TIMED_BY_PACKAGE + 1])
    except RuntimeError as error:
        say(f"GeoCLIP's package beside our geoclip: not measured: {error}")
        return
    if kept is not None:
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_text(json.dumps(cost), "utf-8")
    say(
        "GeoCLIP of the true architecture, CLIP's weights from chance, one process; files are read and decoded by each:"
    )
    gallery, first = cost["gallery_cpu_s"], cost["ours_first_cpu_s"]
    for who, key, note in (
        ("the package's predict", "package", f"{gallery:.1f} s of it for its gallery, at every call"),
        ("our geoclip", "ours", f"its first, with all places encoded, {first:.1f} s"),
    ):
        wall, cpu = cost[f"{key}_s"], cost[f"{key}_cpu_s"]
        say(f"  {who:<22} {wall:>7.1f} s a photo by the clock, {cpu:.1f} s of the processor; {note}")
    say(
        f"  ours takes 1/{cost['times_faster']:.1f} of the processor; both together {cost['peak_mib']:,.0f} MiB at most"
    )
    say()


if __name__ == "__main__":
    raise SystemExit(main())
