"""PlaNet on the few real photos that may be trained on, against the density prior.

    python -m benchmarks.planet_photos DATA OUT [--seeds S] [--csv FILE]

DATA holds `streets_train` and `travel_train` (268 photos to train on) and `streets_dev` and `places_dev` (to measure
on). Photos within 25 km of each other, and of theirs in turn, are one place; no place is in two folds, and intervals
are drawn by places. What OUT holds already is not trained again.

*Trained on 268*: each way (`WAYS`) is trained on four fifths of the 268 and asked about the rest, with each number of
epochs. `at T` is the network at the temperature of highest likelihood on these out-of-fold answers; `shrunk` is
density^a planet^b with a (0 to 1) and b of highest likelihood on them: with a = 1 - w and b = w / T that is log density
+ w (log planet / T - log density). Epochs are those of the least out-of-fold loss when shrunk. Then the way is trained
on all 268 and asked about the two dev sets. The way with the least out-of-fold loss when shrunk is *chosen*: it is
trained with more seeds, and, *trained on 513*, with the photos of `streets_dev` joined, by five folds again; T, a and b
of a fold are fitted on the out-of-fold answers of the other four. For `places_dev` it is then trained on all 513. So
nothing is fitted on a photo that it is measured on, and nothing is chosen on a dev set.

`bits`: mean log2 of the probability of the true cell, less density's. `beats`: the lower ends of the paired 95 %
bootstrap intervals of both bits and GeoScore, against `density`, are above 0. Distances: haversine, R = 6371.0088 km,
`<=`; points are those of the highest expected GeoScore. The mixture of `density` was itself fitted on where the 268
photos were taken (`density:street`: on the 121 of `streets_train`), so on these it is favoured a little. `density,
counted` is density with the training photos' cells counted in, as the network's biases start; `blind` is trained as the
others, on grey squares. Both are what can be had without looking at a pixel.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from backbone.calibrate import fit_temperature, mean_nll
from backbone.density import DensityPrior
from backbone.hierarchy import class_prior
from benchmarks.machine import machine
from benchmarks.photo_networks import WAYS, Answers, Decoded
from benchmarks.photo_scores import Scorer, Scores, Shrinkage, difference, fit_shrinkage, folds, places
from data.distribution import CellDistribution
from data.partition import load_default
from data.photo_sets import concatenated, open_photo_set

__all__ = ["main"]

Floats = NDArray[np.float64]
Floats32 = NDArray[np.float32]
Indices = NDArray[np.int64]


_SETS: Final = ("streets_train", "travel_train", "streets_dev", "places_dev")
_FOLDS: Final = 5
_BANDS: Final = ("within_1_km", "within_25_km", "within_200_km", "within_750_km", "within_2500_km")
_FIGURES: Final = ("bits", "geoscore", *_BANDS, "median_km", "inside_50", "inside_80")
_COLUMNS: Final = (
    *("set", "photos", "model", "trained_on", "seed", "epochs", "density_power", "model_power"),
    *(column for name in _FIGURES for column in (name, f"{name}_gain", f"{name}_gain_low", f"{name}_gain_high")),
    *("bits_over_street", "bits_over_street_low", "bits_over_street_high", "beats_density"),
)


class _Bench:
    """The photos, the baselines on each set, and the rows of the table."""

    def __init__(self, data: Path, out: Path) -> None:
        sets = [Decoded(open_photo_set(data / name)) for name in _SETS]
        self.partition = load_default()
        self.photos = concatenated(sets)
        self.ends = np.cumsum([0, *(len(photos) for photos in sets)])
        out.mkdir(parents=True, exist_ok=True)
        self.answers = Answers(out, self.photos, self.partition)
        self.lat, self.lon = self.photos.lat, self.photos.lon
        self.cells = self.partition.cells_of(self.lat, self.lon)
        self.place = places(self.lat, self.lon)
        self.rows: list[dict[str, object]] = []
        self.scores: dict[tuple[str, str], tuple[slice, Scores]] = {}  # of (set, model): where, with the first seed
        self._baselines: dict[tuple[int, int, str], Scores] = {}

    @cached_property
    def scorer(self) -> Scorer:
        """Made when the first model is scored."""
        return Scorer(self.partition)

    def range_of(self, name: str) -> slice:
        """Where the photos of set ``name`` stand."""
        k = _SETS.index(name)
        return slice(int(self.ends[k]), int(self.ends[k + 1]))

    def density(self, name: str = "density") -> CellDistribution:
        """A prior that looks at no pixel."""
        return DensityPrior(self.partition, name).distribution

    @cached_property
    def log_density(self) -> Floats:
        """(n,) of ``density``; where single precision holds no mass, the least that it does hold."""
        p = self.density().p.astype(np.float64)
        floor = np.log(np.maximum(p, p[p > 0].min()))
        return np.asarray(floor - np.logaddexp.reduce(floor), np.float64)

    def baseline(self, where: slice, name: str) -> Scores:
        """Scores of a density prior on the photos of ``where``."""
        key = (where.start, where.stop, name)
        if key not in self._baselines:
            self._baselines[key] = self.scorer.score_one(self.density(name), self.lat[where], self.lon[where])
        return self._baselines[key]

    def add(self, shown: str, where: slice, model: str, scores: Scores, **about: object) -> None:
        """One row: ``scores`` of ``model`` on the photos of ``where``."""
        place = _renumbered(self.place[where])
        self.scores.setdefault((shown, model), (where, scores))
        base = self.baseline(where, "density")
        gains = difference(scores, base, place)
        street = difference(scores, self.baseline(where, "density:street"), place)["bits"]
        once = np.ones((1, len(place)))
        row: dict[str, object] = {"set": shown, "photos": len(place), "model": model, **about}
        for name, figure in scores.figures().items():
            row |= {name: float(figure(once)[0])}
            row |= dict(zip((f"{name}_gain", f"{name}_gain_low", f"{name}_gain_high"), gains[name], strict=True))
        row |= dict(zip(("bits_over_street", "bits_over_street_low", "bits_over_street_high"), street, strict=True))
        beats = gains["bits"][1] > 0 and gains["geoscore"][1] > 0
        self.rows.append(row | {"beats_density": "yes" if beats else "no"})

    def add_model(
        self, shown: str, where: slice, model: str, log_p: Floats32, fits: Sequence[Shrinkage], **about: object
    ) -> None:
        """One row for a network, with the fit of each of its photos; ``fits`` (m,) may repeat one."""
        said = self.scorer.score(self._blocks(log_p, fits), self.lat[where], self.lon[where])
        for power in ("density_power", "model_power"):
            about[power] = float(np.mean([getattr(fit, power) for fit in fits]))
        self.add(shown, where, model, said, **about)

    def _blocks(self, log_p: Floats32, fits: Sequence[Shrinkage]) -> Iterator[Floats]:
        for start in range(0, len(log_p), 64):
            some = range(start, min(start + 64, len(log_p)))
            yield np.concatenate([fits[k](log_p[k : k + 1], self.log_density) for k in some])


@dataclass(frozen=True, slots=True)
class _Tuned:
    """A way with the epochs and the fits that its out-of-fold answers on the 268 photos speak for."""

    name: str
    epochs: float
    calibrated: Shrinkage
    shrunk: Shrinkage
    nll: float  # nats, shrunk


def _tuned(bench: _Bench, name: str) -> _Tuned:
    """The way with the epochs of the least out-of-fold loss when shrunk; prints what each is worth."""
    photos = np.arange(bench.range_of("travel_train").stop)
    fold = folds(_renumbered(bench.place[photos]), _FOLDS)
    cells = bench.cells[photos]
    base = float(-bench.log_density[cells].mean())
    found = []
    for count in WAYS[name].epochs:
        log_p = bench.answers.out_of_fold(name, count, 0, photos, fold, "268")
        temperature = fit_temperature(log_p, cells)
        calibrated, shrunk = Shrinkage(0.0, 1.0 / temperature), fit_shrinkage(log_p, bench.log_density, cells)
        nlls = [mean_nll(log_p, cells), mean_nll(log_p, cells, temperature), _nll(bench, log_p, shrunk, cells)]
        gains = " ".join(f"{(base - nll) / np.log(2.0):+8.3f}" for nll in nlls)
        print(
            f"{name:<34} {count:6g}   {gains} {temperature:6.2f} {shrunk.density_power:6.2f} {shrunk.model_power:5.2f}"
        )
        found.append(_Tuned(name, count, calibrated, shrunk, nlls[2]))
    return min(found, key=lambda way: way.nll)


def _nll(bench: _Bench, log_p: Floats32, fit: Shrinkage, cells: NDArray[np.int32]) -> float:
    own = [fit(log_p[k : k + 1], bench.log_density)[0, cell] for k, cell in enumerate(cells)]
    return -float(np.mean(own))


def _renumbered(place: Indices) -> Indices:
    return np.asarray(np.unique(place, return_inverse=True)[1], np.int64)


def _baselines(bench: _Bench) -> None:
    """Rows of what looks at no pixel."""
    learnt = bench.cells[: bench.range_of("travel_train").stop]
    counted = CellDistribution(bench.partition, class_prior(bench.partition, learnt).astype(np.float32))
    for shown in ("streets_dev", "places_dev"):
        where = bench.range_of(shown)
        for name in ("density", "density:street"):
            bench.add(shown, where, name, bench.baseline(where, name), trained_on=0)
        scores = bench.scorer.score_one(counted, bench.lat[where], bench.lon[where])
        bench.add(shown, where, "density, counted", scores, trained_on=len(learnt))


def _on_268(bench: _Bench, way: _Tuned, seed: int) -> None:
    """Rows of ``way`` trained on the 268 photos, on the dev sets."""
    learnt, asked = np.split(np.arange(len(bench.photos)), [bench.range_of("travel_train").stop])
    log_p = bench.answers.of(way.name, way.epochs, seed, learnt, asked, "268_all")
    for shown in ("streets_dev", "places_dev"):
        where = bench.range_of(shown)
        said = log_p[where.start - len(learnt) : where.stop - len(learnt)]
        for model, fit in ((way.name, way.calibrated), (f"{way.name}, shrunk", way.shrunk)):
            fits = [fit] * len(said)
            about = {"trained_on": len(learnt), "seed": seed, "epochs": way.epochs}
            bench.add_model(shown, where, model, said, fits, **about)


def _on_513(bench: _Bench, way: _Tuned, seed: int) -> None:
    """Rows of ``way`` with ``streets_dev`` joined to the photos to train on: out of fold, and on ``places_dev``."""
    photos, asked = np.split(np.arange(len(bench.photos)), [bench.range_of("streets_dev").stop])
    fold = folds(_renumbered(bench.place[photos]), _FOLDS)
    cells = bench.cells[photos]
    about = {"seed": seed, "epochs": way.epochs}
    inside = bench.answers.out_of_fold(way.name, way.epochs, seed, photos, fold, "513")
    outside = bench.answers.of(way.name, way.epochs, seed, photos, asked, "513_all")
    for model, fitted in ((way.name, _calibration), (f"{way.name}, shrunk", fit_shrinkage)):
        of_fold = [fitted(inside[fold != k], bench.log_density, cells[fold != k]) for k in range(_FOLDS)]
        fits = [of_fold[k] for k in fold]
        for shown, some in (
            ("streets_dev, out of fold", bench.range_of("streets_dev")),
            ("the 268, out of fold", slice(0, bench.range_of("travel_train").stop)),
        ):
            learnt = round(len(photos) * (1 - 1 / _FOLDS))
            bench.add_model(shown, some, model, inside[some], fits[some], trained_on=learnt, **about)
        of_all = fitted(inside, bench.log_density, cells)
        where = bench.range_of("places_dev")
        bench.add_model("places_dev", where, model, outside, [of_all] * len(asked), trained_on=len(photos), **about)


def _calibration(log_p: Floats32, log_density: Floats, cells: NDArray[np.int32]) -> Shrinkage:
    return Shrinkage(0.0, 1.0 / fit_temperature(log_p, cells))


def main(argv: Sequence[str] | None = None) -> None:
    """Train what is missing, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("data", type=Path, help="folder of the four sets")
    parser.add_argument("out", type=Path, help="folder of the networks' answers")
    parser.add_argument("--seeds", type=int, default=2, help="of the chosen way (default 2)")
    parser.add_argument("--ways", nargs="+", choices=tuple(WAYS), default=list(WAYS))
    parser.add_argument("--csv", type=Path, help="write the rows to this file")
    args = parser.parse_args(argv)
    import torch

    torch.set_num_threads(1)
    bench = _Bench(args.data, args.out)
    print("Bits over density on the 268 photos, out of fold, by which epochs, T, a and b are chosen\n")
    print(f"{'':<34} {'epochs':>6}   {'as it is':>8} {'at T':>8} {'shrunk':>8} {'T':>6} {'a':>6} {'b':>5}")
    ways = [_tuned(bench, name) for name in args.ways]
    chosen = min((way for way in ways if not WAYS[way.name].blind), key=lambda way: way.nll)
    print(f"\nchosen: {chosen.name}")
    _baselines(bench)
    for way in ways:
        for seed in range(args.seeds if way is chosen else 1):
            _on_268(bench, way, seed)
    blind = f"{chosen.name}, blind"
    for way in ways:
        for seed in range(args.seeds if way is chosen else int(way.name == blind)):
            _on_513(bench, way, seed)
    _print(bench.rows)
    if blind in args.ways:
        _print_pixels(bench, chosen.name, blind)
    if args.csv:
        _write(args.csv, bench.rows)
    print(f"\n{machine()}")


def _write(path: Path, rows: Sequence[Mapping[str, object]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, _COLUMNS)
        writer.writeheader()
        for row in rows:
            writer.writerow(
                {k: f"{v:.4f}".rstrip("0").rstrip(".") if isinstance(v, float) else v for k, v in row.items()}
            )


def _print(rows: Sequence[Mapping[str, object]]) -> None:
    for shown in dict.fromkeys(str(row["set"]) for row in rows):
        of_set = [row for row in rows if row["set"] == shown]
        print(f"\n{shown}: {of_set[0]['photos']} photos; differences to density with their 95 % intervals")
        print(
            f"{'':<41} {'learnt':>6} seed    a    b   {'bits':<20} {'GeoScore':<22} "
            f"{'1':>5} {'25':>5} {'200':>5} {'750':>5} {'2500':>5} km, %   {'median':>6}   50 %  80 %   "
            f"{'bits over :street':<20} beats"
        )
        for row in of_set:
            number = {k: v for k, v in row.items() if isinstance(v, float | int)}
            fit = (
                f"{number['density_power']:5.2f} {number['model_power']:4.2f}" if "model_power" in number else " " * 10
            )
            bits, score, street = (
                f"{number[name]:+{form}} [{number[f'{name}_low']:+{form}}, {number[f'{name}_high']:+{form}}]"
                for name, form in (("bits_gain", ".2f"), ("geoscore_gain", ".0f"), ("bits_over_street", ".2f"))
            )
            print(
                f"{row['model']:<41} {row['trained_on']:>6} {row.get('seed', ''):>4} {fit}   {bits:<20} "
                f"{number['geoscore']:4.0f} {score:<18} "
                + " ".join(f"{number[name]:5.1f}" for name in _BANDS)
                + f"        {number['median_km']:7.0f} {number['inside_50']:6.0f} {number['inside_80']:5.0f}   "
                f"{street:<20} {row['beats_density']}"
            )


def _print_pixels(bench: _Bench, chosen: str, blind: str) -> None:
    """What the pixels add: the chosen way less the same one that sees nothing."""
    print()
    for shown in dict.fromkeys(shown for shown, _ in bench.scores):
        for suffix in ("", ", shrunk"):
            (where, ours), (_, theirs) = bench.scores[shown, chosen + suffix], bench.scores[shown, blind + suffix]
            gains = difference(ours, theirs, _renumbered(bench.place[where]))
            bits, score = (
                f"{gains[name][0]:+{form}} [{gains[name][1]:+{form}}, {gains[name][2]:+{form}}]"
                for name, form in (("bits", ".2f"), ("geoscore", ".0f"))
            )
            print(f"{shown}: {chosen}{suffix} less {blind}{suffix}: {bits} bits, GeoScore {score}")


if __name__ == "__main__":
    main()
