"""Do simulated photos look to the ranker like real ones? Every column that it sees, side by side.

    OMP_NUM_THREADS=1 python -m benchmarks.fusion_features KEEP [--photos N] [--rendered FILE] [--grounds] [--png FILE]

``KEEP`` holds what was read in the labelled photos (``benchmarks.fusion_photos``). All columns are those of the row of
the true cell, with the density prior for simulated and for real photos alike, so that they differ by clues and by
context alone. A figure beside a real set is the two-sample Kolmogorov-Smirnov distance between its photos and the
simulated ones: 0 for one distribution, 1 for two that do not meet; ``noise`` is what two samples of that size of one
distribution have on average. ``--rendered`` names the file that keeps what the real detectors read in drawn pictures
(``fusion.simulated_pictures``), as training keeps it; with ``--grounds`` they are drawn onto those photos of
``travel_train`` in which nothing pointed anywhere. Photos without any text are left out: the simulator makes none.

Below, for each kind of clue: clues a photo, share of photos with one, in how many the country of the highest posterior
after that clue alone is the right one, and mean and standard deviation of what it says about the true cell, nats
against the photo density's mean.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from backbone.density import DensityPrior
from benchmarks.fusion_photos import SETS, read_photos
from data.distribution import CellDistribution
from data.partition import load_default as load_partition
from detectors.base import Clue, Reading
from fusion.clue_rows import kept_rows
from fusion.context import Context
from fusion.evidence import log_likelihood_ratio
from fusion.examples import examples_of
from fusion.features import FEATURES
from fusion.simulate import Simulated, simulate

__all__ = ["Seen", "distance", "main", "real", "told_by_kind"]

_LAST: Final = 2_000  # a photo's clues and lines are counted up to so many


@dataclass(frozen=True, eq=False)
class Seen:
    """A photo with what was read in it.

    Attributes:
        at: Latitude and longitude, degrees; None where only the country is known.
        country: ISO 3166-1 alpha-2.
        readings: What was read.
        clues: What it points to.
        source: Set or recipe.
    """

    at: tuple[float, float] | None
    country: str
    readings: Sequence[Reading]
    clues: Sequence[Clue]
    source: str


def real(data: Path, keep: Path, name: str) -> list[Seen]:
    """The photos of a set that were read already."""
    photos = read_photos(data, name, keep, only={row["file"] for row in kept_rows(keep / f"{name}.jsonl")})
    return [Seen(p.at, p.country, p.readings, p.clues, name) for p in photos]


def silent(keep: Path, name: str) -> list[str]:
    """Files of the photos of a set in which nothing that was read points anywhere."""
    return sorted(row["file"] for row in kept_rows(keep / f"{name}.jsonl") if not row["clues"])


def of_simulated(photo: Simulated) -> Seen:
    """A simulated photo as if it had been read."""
    cell = int(photo.prior.partition.cells_of(photo.lat, photo.lon)[0])
    country = str(photo.prior.partition.main_country[cell])
    return Seen((photo.lat, photo.lon), country, photo.context.readings, photo.clues, photo.source)


def columns(photos: Sequence[Seen], prior: CellDistribution) -> NDArray[np.float32]:
    """(p, len(FEATURES)) columns of the true row of those photos that have a place and a clue."""
    rows = [
        Simulated(*p.at, prior, "density", p.clues, Context(p.readings, None, "density"), p.source)
        for p in photos
        if p.at is not None
    ]
    examples = examples_of(rows)
    return examples.table[examples.truth]


def distance(a: NDArray[Any], b: NDArray[Any]) -> float:
    """Two-sample Kolmogorov-Smirnov distance; missing values are one value below all others.

    >>> distance(np.array([0.0, 1.0]), np.array([0.0, 1.0])), distance(np.zeros(3), np.ones(5))
    (0.0, 1.0)
    """
    a, b = (np.sort(np.nan_to_num(x.astype(np.float64), nan=-1e9)) for x in (a, b))
    at = np.concatenate([a, b])
    return float(
        np.abs(np.searchsorted(a, at, "right") / len(a) - np.searchsorted(b, at, "right") / len(b)).max(initial=0.0)
    )


@dataclass(frozen=True)
class Told:
    """What clues of one kind say in a set of photos.

    Attributes:
        a_photo: Clues a photo.
        share: Of photos that have one.
        right: Share of clues after which alone the likeliest country is the true one.
        nats: Mean of what they say about the true cell, or None where no photo has a place.
        spread: Standard deviation of that.
        against: Share of clues that speak against the truth by 0.5 nats or more.
    """

    a_photo: float
    share: float
    right: float
    nats: float | None
    spread: float
    against: float


def told_by_kind(photos: Sequence[Seen], prior: CellDistribution) -> dict[str, Told]:
    """For each kind of clue what it says, most frequent first."""
    partition, p = prior.partition, prior.p.astype(np.float64)
    codes, of_cell = np.unique(partition.main_country, return_inverse=True)
    found: dict[str, list[tuple[int, bool, float | None]]] = {}
    for k, photo in enumerate(photos):
        cell = None if photo.at is None else int(partition.cells_of(*photo.at)[0])
        for clue in photo.clues:
            value = log_likelihood_ratio(clue.evidence, partition)
            value = value - value.max()
            after = p * np.exp(value)
            country = str(codes[int(np.bincount(of_cell, weights=after).argmax())])
            nats = None if cell is None else float(value[cell] - np.log(after.sum() / p.sum()))
            found.setdefault(clue.kind, []).append((k, country == photo.country, nats))
    out = {}
    for kind, rows in sorted(found.items(), key=lambda item: -len(item[1])):
        nats_told = [nats for _, _, nats in rows if nats is not None]
        out[kind] = Told(
            len(rows) / len(photos),
            len({k for k, _, _ in rows}) / len(photos),
            float(np.mean([right for _, right, _ in rows])),
            float(np.mean(nats_told)) if nats_told else None,
            float(np.std(nats_told)) if nats_told else 0.0,
            float(np.mean(np.array(nats_told) < -0.5)) if nats_told else 0.0,
        )
    return out


def overall(photos: Sequence[Seen]) -> str:
    """One line on how much was read."""
    lines = [min(len(p.readings), _LAST) for p in photos]
    clues = [min(len(p.clues), _LAST) for p in photos]
    confidence = [r.confidence for p in photos for r in p.readings]
    letters = [len(r.text) for p in photos for r in p.readings]
    signs = [r.region == "sign" for p in photos for r in p.readings]
    plates = [r.region == "plate" for p in photos for r in p.readings]
    at = np.array([0, 25, 50, 75, 90])
    lengths, sure = np.percentile(letters or [0], [25, 50, 75]), np.percentile(confidence or [0], [5, 25, 50])
    return (
        f"{len(photos)} photos, {100 * np.mean(np.array(lines) > 0):.0f} % with text, "
        f"{100 * np.mean(np.array(clues) > 0):.0f} % with a clue; a photo (0/25/50/75/90 %): lines "
        f"{'/'.join(f'{x:.0f}' for x in np.percentile(lines, at))}, clues "
        f"{'/'.join(f'{x:.0f}' for x in np.percentile(clues, at))}; letters a line (25/50/75 %) "
        f"{'/'.join(f'{x:.0f}' for x in lengths)}; confidence (5/25/50 %) {'/'.join(f'{x:.2f}' for x in sure)}; on "
        f"signs {100 * np.mean(signs or [False]):.0f} %, on plates {100 * np.mean(plates or [False]):.0f} % of lines"
    )


def kinds_table(told: Mapping[str, Mapping[str, Told]]) -> list[str]:
    """A line for each kind and set."""
    kinds = dict.fromkeys(kind for of_set in told.values() for kind in of_set)
    lines = [f"{'kind':12s} {'set':16s} a photo  share  right   nats  spread  against"]
    for kind in kinds:
        for name, of_set in told.items():
            if (one := of_set.get(kind)) is not None:
                nats = "     -" if one.nats is None else f"{one.nats:6.2f}"
                lines.append(
                    f"{kind:12s} {name:16s} {one.a_photo:7.3f} {100 * one.share:4.0f} % {100 * one.right:4.0f} % "
                    f"{nats} {one.spread:7.2f}   {100 * one.against:4.0f} %"
                )
    return lines


def draw(path: Path, of_sets: Mapping[str, NDArray[np.float32]]) -> None:
    """Small multiples: the running share of photos over each column's values, one line a set."""
    import matplotlib  # comes with the region detector's training (ultralytics)

    matplotlib.use("Agg")
    from matplotlib import pyplot

    across = 8
    figure, axes = pyplot.subplots(-(-len(FEATURES) // across), across, figsize=(20.0, 22.0))
    for k, axis in enumerate(axes.flat):
        if k >= len(FEATURES):
            axis.axis("off")
            continue
        for name, table in of_sets.items():
            values = np.sort(table[:, k][~np.isnan(table[:, k])])
            share = len(values) / max(len(table), 1)  # the line ends at the share of photos that have it
            style = {"lw": 2.0, "color": "black"} if name == "simulated" else {"lw": 1.0}
            axis.plot(values, share * np.arange(1, len(values) + 1) / max(len(values), 1), label=name, **style)
        axis.set_title(FEATURES[k], fontsize=8)
        axis.set_ylim(0.0, 1.02)
        axis.tick_params(labelsize=6)
    handles, labels = axes.flat[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="lower right", fontsize=9)
    figure.suptitle("Columns of the true row: share of photos with a value up to x (density prior)", fontsize=11)
    figure.tight_layout(rect=(0.0, 0.0, 1.0, 0.98))
    figure.savefig(path, dpi=60)
    pyplot.close(figure)


def main(argv: Sequence[str] | None = None) -> None:
    """Print the tables, and draw them where asked."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("keep", type=Path, metavar="KEEP")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--sets", nargs="*", default=list(SETS), metavar="SET")
    parser.add_argument("--photos", type=int, default=600, help="simulated photos")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rendered", type=Path, metavar="FILE", help="where what was read in pictures is kept")
    parser.add_argument("--grounds", action="store_true", help="draw them onto photos")
    parser.add_argument("--pictures", type=int, default=200, help="of those, with the simulated photos' scenes")
    parser.add_argument("--png", type=Path, metavar="FILE")
    args = parser.parse_args(argv)
    prior = DensityPrior(load_partition()).distribution
    sets: dict[str, list[Seen]] = {"simulated": [of_simulated(p) for p in simulate(args.photos, args.seed)]}
    for source in sorted({photo.source for photo in sets["simulated"]}):
        sets[f"  {source}"] = [photo for photo in sets["simulated"] if photo.source == source]
    if args.rendered is not None:
        from fusion.simulated_pictures import rendered  # what is not kept yet is drawn and read now

        folder = args.data / "travel_train" / "images"
        grounds = [folder / name for name in silent(args.keep, "travel_train")] if args.grounds else []
        drawn = rendered(args.pictures, args.seed, grounds=grounds, keep=args.rendered)
        sets["rendered"] = [of_simulated(photo) for photo in drawn if photo.context.readings]
    for name in args.sets:
        photos_of_set = real(args.data, args.keep, name)
        if photos_of_set:
            texts = np.mean([bool(photo.readings) for photo in photos_of_set])
            print(f"{name}: {len(photos_of_set)} photos, {100 * texts:.0f} % of them with text")
            sets[name] = [photo for photo in photos_of_set if photo.readings]
    for name, photos in sets.items():
        print(f"{name}: {overall(photos)}")
    print()
    print("\n".join(kinds_table({name: told_by_kind(photos, prior) for name, photos in sets.items()})))
    print()
    tables = {name: columns(photos, prior) for name, photos in sets.items() if not name.startswith(" ")}
    tables = {name: table for name, table in tables.items() if len(table) >= 20}
    base, others = tables["simulated"], [name for name in tables if name != "simulated"]
    print(f"{'column':18s} " + " ".join(f"{name:>15s}" for name in others))
    gaps = np.array([[distance(base[:, k], tables[name][:, k]) for name in others] for k in range(len(FEATURES))])
    for feature, row in zip(FEATURES, gaps, strict=True):
        print(f"{feature:18s} " + " ".join(f"{x:15.2f}" for x in row))
    print(f"{'mean':18s} " + " ".join(f"{x:15.2f}" for x in gaps.mean(axis=0)))
    # The Kolmogorov distribution's mean is sqrt(pi / 2) ln 2.
    noise = [0.869 * np.sqrt(1.0 / len(base) + 1.0 / len(tables[name])) for name in others]
    print(f"{'noise':18s} " + " ".join(f"{x:15.2f}" for x in noise))
    print(f"{'photos':18s} " + " ".join(f"{len(tables[name]):15d}" for name in others))
    if args.png is not None:
        draw(args.png, tables)


if __name__ == "__main__":
    main()
