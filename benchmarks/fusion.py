"""What fusion is worth: prior alone, best single clue, log-linear pool and ranker, on real and simulated photos.

    python -m benchmarks.fusion READ KEEP [--data DIR] [--features DIR] [--sets SET ...] [--simulated N] [--seed SEED]
                                [--ranker NAME] [--ablation NAME=FOLDER ...] [--out DIR]

READ holds what was read (`benchmarks.fusion_photos`), KEEP what the pixels prior says (computed where it is missing,
from the features that `benchmarks.pixels` kept in `--features` where those are there). Real sets are answered from the
density prior and from the pixels prior, which has not seen the photo; simulated photos, those in places that the ranker
never learnt from, from priors of their own. `best clue` is the pool with the one clue that moves the prior most.

Distances are great circles on a sphere of 6371.0088 km, bands are `<=`. Bits are what is left to be told: less is
better. Gains are paired 95 % bootstrap intervals over places (photos within 25 km of each other, and of theirs in
turn), over photos where all are of one city or the points are not known. Regions are of cells. A country's ECE has ten
bins of equally many photos; `chance` is what so few photos make of perfect calibration. `promise` says whether no
band's interval reaches one point below the prior's.
"""

from __future__ import annotations

import argparse
import csv
import math
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from backbone.density import DensityPrior
from benchmarks.fusion_cases import Case
from benchmarks.fusion_photos import CITY_ONLY, SETS, read_photos
from benchmarks.fusion_priors import pixels_of
from benchmarks.machine import machine
from data.distribution import CellDistribution
from data.partition import Partition, load_default
from data.photo_places import places
from data.writing import write_whole
from detectors.base import Clue
from fusion.context import Context
from fusion.evaluation.figures import figures, gains, never_worse
from fusion.evaluation.scores import Score, columns_of, score
from fusion.pool import LogLinearPool
from fusion.ranker import FusionRanker, make_ranker

REAL: Final = tuple(name for name in SETS if name != "facades_train")
PRIORS: Final = ("density", "pixels")
CITY_KM: Final = 25.0

Ranker = FusionRanker | LogLinearPool


@dataclass(eq=False)
class Results:
    """What each system is worth on the cases of one set and prior, one entry a case.

    Attributes:
        exact_km: How far the truth may be off.
        at: (n,) true points, or None.
        clued: Whether the photo has a clue.
        told: By system.
        seconds: Of the processor, of ``fuse``, by system; none of the prior and of the best clue, which is a search.
    """

    exact_km: float = 0.0
    at: list[tuple[float, float] | None] = field(default_factory=list)
    clued: list[bool] = field(default_factory=list)
    told: dict[str, list[Score]] = field(default_factory=dict)
    seconds: dict[str, list[float]] = field(default_factory=dict)

    def places(self) -> NDArray[np.int64]:
        """Number of each case's place; each is its own where points are not known or all are in one city."""
        if self.exact_km > 0.0 or any(at is None for at in self.at):
            return np.arange(len(self.at))
        lat, lon = np.array(self.at, np.float64).T
        found = places(lat, lon)
        return found if found.any() else np.arange(len(self.at))


def run(cases: Iterable[Case], rankers: Mapping[str, Ranker]) -> Results:
    """Answer ``cases`` by the prior, the best clue and each of ``rankers``, of which ``"pool"`` is one."""
    results = Results()
    for case in cases:
        results.exact_km = case.exact_km
        results.at.append(case.at)
        results.clued.append(bool(case.clues))
        said: dict[str, CellDistribution] = {"prior": case.prior, "best clue": case.prior}
        for name, ranker in rankers.items():
            start = time.process_time()
            said[name] = ranker.fuse(case.prior, case.clues, case.context).posterior
            results.seconds.setdefault(name, []).append(time.process_time() - start)
        if case.clues:
            said["best clue"] = said["pool"] if len(case.clues) == 1 else best_clue(rankers["pool"], case)
        worth: dict[int, Score] = {}
        for name, distribution in said.items():
            if id(distribution) not in worth:
                worth[id(distribution)] = score(distribution, case)
            results.told.setdefault(name, []).append(worth[id(distribution)])
    return results


def best_clue(pool: Ranker, case: Case) -> CellDistribution:
    """The pool's answer to the one clue that tells most: of the largest divergence from the prior, in nats."""
    answers = [pool.fuse(case.prior, [clue], case.context).posterior for clue in case.clues]
    return max(answers, key=lambda answer: divergence(answer, case.prior))


def divergence(after: CellDistribution, before: CellDistribution) -> float:
    """Kullback-Leibler divergence of ``after`` from ``before`` in nats."""
    if after is before:
        return 0.0
    held = after.p > 0.0
    p = after.p[held].astype(np.float64)
    return float((p * np.log(p / np.maximum(before.p[held].astype(np.float64), 1e-300))).sum())


def real_cases(
    data: Path, name: str, read: Path, said: Mapping[str, NDArray[np.float32]] | CellDistribution, prior_name: str
) -> Iterator[Case]:
    """The photos of a set; each has the prior of its file's name, or all have one."""
    partition = load_default()
    for photo in read_photos(data, name, read):
        if isinstance(said, CellDistribution):
            prior = said
        elif photo.path.name in said:
            prior = CellDistribution(partition, said[photo.path.name])
        else:
            continue
        exact = CITY_KM if name in CITY_ONLY else 0.0
        yield Case(prior, photo.clues, Context(photo.readings, None, prior_name), photo.at, photo.country, exact)


def simulated_cases(count: int, seed: int, partition: Partition) -> dict[str, list[Case]]:
    """Prior's name to the simulated photos in places that the ranker never learns from, of ``count``."""
    from fusion.examples import place_numbers
    from fusion.simulate import simulate
    from fusion.train_fusion import TEST_PLACES

    held = np.isin(place_numbers(partition), TEST_PLACES)
    cases: dict[str, list[Case]] = {}
    for photo in simulate(count, seed, partition):
        cell = int(partition.cells_of(photo.lat, photo.lon)[0])
        if held[cell]:
            country = partition.main_country[cell]
            case = Case(photo.prior, photo.clues, photo.context, (photo.lat, photo.lon), country)
            cases.setdefault(photo.prior_name, []).append(case)
    return cases


def rows_of(set_: str, prior: str, results: Results, rankers: Sequence[str]) -> Iterator[dict[str, Any]]:
    """A row for all photos and one for those with a clue, for each system."""
    clued = np.array(results.clued)
    place = results.places()
    for group, chosen in (("all", np.flatnonzero(clued | True)), ("clue", np.flatnonzero(clued))):
        if len(chosen) == 0:
            continue
        _, here = np.unique(place[chosen], return_inverse=True)
        for system in results.told:
            ours = columns_of(results.told[system][k] for k in chosen)
            row: dict[str, Any] = {"set": set_, "prior": prior, "photos": group, "n": len(chosen),
                                   "places": int(here.max()) + 1, "system": system}  # fmt: skip
            found = figures(ours, results.exact_km)
            found["ece"] = found.pop("ece_country")
            row |= {name: _rounded(value) for name, value in found.items() if name != "mean_km"}
            spent = results.seconds.get(system)
            ms = [1000.0 * spent[k] for k in chosen] if spent else [math.nan]
            row |= {"ms_median": _rounded(float(np.median(ms))), "ms_mean": _rounded(float(np.mean(ms)))}
            for other in ("prior", "pool"):
                if system in ("prior", other) or (other == "pool" and system not in rankers):
                    continue
                theirs = columns_of(results.told[other][k] for k in chosen)
                told = gains(ours, theirs, here, results.exact_km)
                gained = {str(name): told[name] for name in GAINED if name in told}
                row |= {f"{name}_over_{other}": "{:+.3g} [{:+.3g}, {:+.3g}]".format(*g) for name, g in gained.items()}
                if other == "prior":
                    row["promise"] = {True: "yes", False: "no", None: ""}[never_worse(gained)]
            yield row


def _rounded(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.3f}" if abs(value) < 10 else f"{value:.1f}"


SHOWN: Final = (
    ("system", "system"), ("within_1", "1 km"), ("within_25", "25"), ("within_200", "200"), ("within_750", "750"),
    ("within_2500", "2500"), ("median_km", "median"), ("geoscore", "score"), ("country", "country"),
    ("cell_bits", "bits"), ("country_bits", "c.bits"), ("ece", "ECE"), ("ece_chance", "chance"),
    ("radius_50", "r50"), ("radius_80", "r80"),
    ("radius_95", "r95"), ("region_50", "R50"), ("region_80", "R80"), ("region_95", "R95"), ("recall_1e3", "1e3"),
    ("recall_1e4", "1e4"), ("recall_1e5", "1e5"), ("recall_1e6", "1e6"), ("recall_1e7", "1e7"),
    ("ms_median", "ms"), ("promise", "promise"),
)  # fmt: skip
"""Columns of the table, with their headings: bands and shares in percent, r and R coverage of radii and regions."""

GAINED: Final = ("within_1", "within_25", "within_200", "within_750", "within_2500", "geoscore", "cell_bits",
                 "country_bits")  # fmt: skip


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """The figures of ``rows``, and below each set the gains."""
    lines: list[str] = []
    keys = dict.fromkeys((row["set"], row["prior"], row["photos"]) for row in rows)
    for key in keys:
        some = [row for row in rows if (row["set"], row["prior"], row["photos"]) == key]
        title = f"{key[0]}, prior {key[1]}, {'all photos' if key[2] == 'all' else 'photos with a clue'}"
        lines += ["", f"{title}: {some[0]['n']} photos of {some[0]['places']} places"]
        shown = [(column, head) for column, head in SHOWN if any(row.get(column, "") != "" for row in some)]
        lines += _aligned([[head for _, head in shown], *[[row.get(c, "") for c, _ in shown] for row in some]])
        gained = [
            [f"{row['system']} over {other}", *[row.get(f"{name}_over_{other}", "") for name in GAINED]]
            for row in some
            for other in ("prior", "pool")
            if any(f"{name}_over_{other}" in row for name in GAINED)
        ]
        if gained:
            lines += _aligned([["gain", *GAINED], *gained])
    return "\n".join(lines[1:]) + "\n"


def _aligned(rows: Sequence[Sequence[Any]]) -> list[str]:
    used = [k for k in range(len(rows[0])) if any(str(row[k]) for row in rows[1:])]
    wide = {k: max(len(str(row[k])) for row in rows) for k in used}
    return ["  ".join(str(row[k]).ljust(wide[k]) for k in used).rstrip() for row in rows]


def main(argv: Sequence[str] | None = None) -> None:
    """Run the sets, print the table and write it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("read", type=Path, metavar="READ")
    parser.add_argument("keep", type=Path, metavar="KEEP")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--features", type=Path, help="what benchmarks.pixels kept")
    parser.add_argument("--sets", nargs="*", default=list(REAL), choices=SETS, metavar="SET")
    parser.add_argument("--priors", nargs="*", default=list(PRIORS), choices=PRIORS)
    parser.add_argument(
        "--simulated", type=int, default=0, metavar="N", help="photos simulated, of which a tenth count"
    )
    parser.add_argument("--seed", type=int, default=1, help="of those; training's is 0")
    parser.add_argument("--ranker", default="auto", help="auto, none, or a folder of `whence train fusion`")
    parser.add_argument("--ablation", nargs="*", default=[], metavar="NAME=FOLDER")
    parser.add_argument("--out", type=Path, help="folder for fusion.txt and fusion.csv")
    args = parser.parse_args(argv)
    rankers: dict[str, Ranker] = {"pool": LogLinearPool()}
    if args.ranker != "none":
        rankers["ranker"] = make_ranker(args.ranker)
    for entry in args.ablation:
        name, _, folder = entry.partition("=")
        rankers[name] = make_ranker(folder)
    compared = [name for name in rankers if name != "pool"]
    partition = load_default()
    density = DensityPrior(partition).distribution
    _warm(rankers, density)
    rows: list[dict[str, Any]] = []

    def add(set_: str, prior: str, cases: Iterable[Case]) -> None:
        start = time.perf_counter()
        rows.extend(made := list(rows_of(set_, prior, run(cases, rankers), compared)))
        print(f"{table(made)}({time.perf_counter() - start:.0f} s)\n", flush=True)

    if args.simulated:
        for prior, cases in sorted(simulated_cases(args.simulated, args.seed, partition).items()):
            add("simulated", prior, cases)
    for name in args.sets:
        for prior in args.priors:
            said = density if prior == "density" else pixels_of(args.data, name, args.keep, args.features)
            add(name, prior, real_cases(args.data, name, args.read, said, prior))
    if args.out is not None:
        write_whole(args.out / "fusion.txt", f"{_heading(args, rankers)}\n\n{table(rows)}".encode())
        write_whole(args.out / "fusion.csv", _csv(rows).encode())


def _warm(rankers: Mapping[str, Ranker], prior: CellDistribution) -> None:
    """What is read once is read before time is taken."""
    from detectors.base import Evidence

    for ranker in rankers.values():
        ranker.fuse(prior, [Clue("language", "x", "x", Evidence(-1.0, {"AT": 0.0}))])


def _heading(args: argparse.Namespace, rankers: Mapping[str, Ranker]) -> str:
    systems = ", ".join(f"{name} = {ranker.name}" for name, ranker in rankers.items())
    return f"{machine()}\n{systems}; {args.simulated} simulated photos of seed {args.seed}\n\n{__doc__}"


def _csv(rows: Sequence[Mapping[str, Any]]) -> str:
    columns = list(dict.fromkeys(column for row in rows for column in row))
    out = StringIO()
    writer = csv.DictWriter(out, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


if __name__ == "__main__":
    main()
