"""What PlaNet, its hierarchy and smoothed labels learn on a rendered Earth, and how far each is from the optimum.

    python -m benchmarks.rendered_earth OUT [--scenes N ...] [--seeds S] [--ways WAY ...] [--part K/N] [--csv FILE]

Scenes are painted from attributes that depend on the place in known ways (`benchmarks.earth_world`), so the posterior
of a reader who sees every attribute is known exactly: no model can be better than it. The cells are 1,946, built by the
same rule as those that ship, of 100,000 places that the density prior drew. Each way of training (`WAYS`) is trained
with each seed by `backbone.train_prior` on the same N scenes with the trunk `tiny`, calibrated on 400 others, and
scored on 4,000 that nobody has seen. What OUT holds already is not trained again; `--part` divides the trainings among
processes. The table is printed once all are there; means over seeds, with the standard deviation between seeds.

`nll`: mean negative log-probability of the true cell in nats, at the calibrated temperature; `KL`: what is missing to
the optimum, the mean Kullback-Leibler divergence from the exact posterior in nats; `T`: the temperature; `50 %` and
`90 %`: how often the credible set of that mass holds the true cell, before and after calibration; bands: share of
scenes whose likeliest cell's mean is within so many km (haversine, R = 6371.0088 km, `<=`).
"""

from __future__ import annotations

import argparse
import csv
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

import numpy as np
from numpy.typing import NDArray

from backbone.calibrate import fit_temperature
from backbone.crops import five_crops
from backbone.density import DensityPrior
from backbone.planet import PlanetPrior
from backbone.planet_config import PlanetConfig
from backbone.planet_weights import read_card, read_tensors, write_weights
from backbone.train_prior import Recipe, Run, train
from benchmarks.earth_optimum import Scores, score
from benchmarks.earth_photos import SceneSet
from benchmarks.earth_world import World, points_in, shipped_world
from benchmarks.machine import machine, with_deviation
from data.build_partition import Settings, build
from data.geodesy import within_bands
from data.partition import LEVELS
from data.photo_tables import Photos

__all__ = [
    "BAND_COLUMNS", "PASSES", "WAYS", "Way", "fine_alone", "hits", "log_posteriors", "main", "reduced_world", "row_of",
    "softened",
]  # fmt: skip

Floats32 = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Way:
    """A way of training.

    Attributes:
        levels: Those that have a classifier.
        smoothing_km: Reach of smoothed labels (km); 0 for none.
        scenes: What is made of the kinds of scene, as ``PlanetConfig`` has it.
        mixture: The level that a mixture of von Mises-Fisher densities starts at; empty for classes.
    """

    levels: tuple[str, ...]
    smoothing_km: float = 0.0
    scenes: str = "none"
    mixture: str = ""


WAYS: Final[Mapping[str, Way]] = MappingProxyType(
    {
        "flat": Way(("fine",)),
        "flat, smoothed 75 km": Way(("fine",), 75.0),
        "flat, smoothed 300 km": Way(("fine",), 300.0),
        "hierarchy f*": Way(LEVELS),
        "hierarchy f*, smoothed 75 km": Way(LEVELS, 75.0),
        "MTN: f*, scenes as a second task": Way(LEVELS, scenes="mtn"),
        "ISN: f*, classifiers by scene": Way(LEVELS, scenes="isn"),
        "MvMF, one density a fine cell": Way(("fine",), mixture="fine"),
        "MvMF, one density a middle cell": Way(("fine",), mixture="middle"),
    }
)
"""Name of each way of training to what it is."""

PASSES: Final = MappingProxyType({8_000: 8.0, 32_000: 5.0})
"""Scenes to train on to passes over them."""

_PASSES: Final = 5.0  # over any other number of scenes
_HELD_OUT: Final = 400
_BATCH: Final = 250
_TEST_SEED, _HELD_OUT_SEED, _TRAIN_SEED = 9_001, 9_002, 1
BAND_COLUMNS: Final = (("within_25_km", 1), ("within_200_km", 2), ("within_750_km", 3), ("within_2500_km", 4))
"""Column of a band to its place in :data:`data.geodesy.BANDS_KM`."""

_COLUMNS: Final = (
    *("way", "seed", "scenes", "passes", "nll", "nll_middle", "nll_coarse", "kl", "temperature"),
    *("top1", "inside_50_raw", "inside_90_raw", "inside_50", "inside_90", *(name for name, _ in BAND_COLUMNS)),
)


def main(argv: Sequence[str] | None = None) -> None:
    """Train what is missing, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("out", type=Path, help="folder of the trainings")
    parser.add_argument("--scenes", type=int, nargs="+", default=list(PASSES), help="to train on (default 8000 32000)")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--tests", type=int, default=4_000, help="scenes to score on (default 4,000)")
    parser.add_argument("--ways", nargs="+", choices=tuple(WAYS), default=list(WAYS))
    parser.add_argument("--part", default="0/1", help="K/N: only every N-th training, from the K-th, and no table")
    parser.add_argument("--csv", type=Path, help="write the rows, one a training, to this file")
    args = parser.parse_args(argv)
    world = reduced_world()
    mine, parts = (int(x) for x in args.part.split("/"))
    jobs = [(name, seed, n) for seed in range(args.seeds) for n in args.scenes for name in args.ways]
    for name, seed, n in jobs[mine::parts]:
        _train(args.out, world, name, seed, n)
    if parts > 1:
        return
    test = SceneSet.draw(world, args.tests, _TEST_SEED, name="test")
    rows = [row_of(world, test, "optimum", None), row_of(world, test, "density", None)]
    for name, seed, n in sorted(jobs, key=lambda job: job[2]):
        model = PlanetPrior(_folder(args.out, name, seed, n) / "model")
        of_run = {"seed": seed, "scenes": n, "passes": PASSES.get(n, _PASSES)}
        rows.append(of_run | row_of(world, test, name, model))
        if len(WAYS[name].levels) > 1:
            alone = PlanetPrior(fine_alone(world, _folder(args.out, name, seed, n)))
            rows.append(of_run | row_of(world, test, f"{name}: its fine level alone", alone))
    if args.csv:
        with args.csv.open("w", newline="", encoding="utf-8") as stream:
            writer = csv.DictWriter(stream, _COLUMNS)
            writer.writeheader()
            writer.writerows(rows)
    _print(rows)
    print(f"\n{args.seeds} seeds, {args.tests} scenes to score on, {world.partition!r}")
    print(machine())


def _folder(out: Path, name: str, seed: int, scenes: int) -> Path:
    return out / f"{''.join(c if c.isalnum() else '_' for c in name)}-{scenes}-{seed}"


def reduced_world() -> World:
    """The rendered Earth in some 2,000 cells, so that a processor can show each of them to a network often enough."""
    whole = shipped_world()
    random = np.random.default_rng(0)
    cells = random.choice(len(whole.p0), 100_000, p=whole.p0).astype(np.int32)
    places = Photos.of_people(*points_in(whole.partition, cells, random))
    settings = Settings(t_max=150, t_min=60, middle=600, coarse=3000, cover_level=4)
    partition = build(places, name="rendered", settings=settings)
    return World(partition, DensityPrior(partition).distribution.p)


def _train(out: Path, world: World, name: str, seed: int, scenes: int) -> None:
    import torch

    folder, way = _folder(out, name, seed, scenes), WAYS[name]
    if (folder / "model" / "planet.json").exists():
        return
    torch.set_num_threads(1)
    start = time.perf_counter()
    photos = SceneSet.draw(world, scenes, _TRAIN_SEED, name="train")
    train(
        folder,
        photos,
        held_out=SceneSet.draw(world, _HELD_OUT, _HELD_OUT_SEED, name="held-out"),
        scenes=None if way.scenes == "none" else photos.scene_labels(),
        partition=world.partition,
        config=PlanetConfig("tiny", levels=way.levels, scenes=way.scenes, mixture=way.mixture),
        recipe=Recipe(
            epochs=PASSES.get(scenes, _PASSES), batch=128, rate=2e-3, smoothing_km=way.smoothing_km, seed=seed
        ),
        run=Run(device="cpu", checkpoint_minutes=2.0),
        trained_on="scenes of the rendered Earth",
    )
    print(f"{name}, seed {seed}: {time.perf_counter() - start:.0f} s", flush=True)


def row_of(world: World, test: SceneSet, name: str, model: PlanetPrior | None) -> dict[str, object]:
    """Figures of one distribution on ``test``: of a model, or, without one, of ``"optimum"`` or ``"density"``."""
    batches = [slice(k, min(k + _BATCH, len(test))) for k in range(0, len(test), _BATCH)]
    exact = [world.log_posterior(test.scenes.attributes[some]) for some in batches]
    temperature = 1.0
    if model is not None:
        raw = np.concatenate([log_posteriors(model, test, some) for some in batches])
        temperature = model.temperature
    elif name == "density":
        raw = np.repeat(np.log(world.p0).astype(np.float32)[None], len(test), axis=0)
    else:
        raw = np.concatenate(exact)
    before = score(world.partition, test.scenes, lambda some: raw[some])
    after = score(world.partition, test.scenes, lambda some: softened(raw[some], temperature))
    missing = [
        (np.exp(wanted) * (wanted - softened(raw[some], temperature))).sum(axis=1)
        for wanted, some in zip(exact, batches, strict=True)
    ]
    return {
        "way": name,
        "nll": float(after.nll["fine"].mean()),
        "nll_middle": float(after.nll["middle"].mean()),
        "nll_coarse": float(after.nll["coarse"].mean()),
        "kl": float(np.concatenate(missing).mean()),
        "temperature": temperature,
        **hits(before, after),
    }


def hits(before: Scores, after: Scores) -> dict[str, float]:
    """How often the likeliest cell and the credible sets are right, before and after the temperature, and the bands."""
    bands = within_bands(after.mode_km)
    return {
        "top1": float(after.top1.mean()),
        "inside_50_raw": float(np.mean(before.rank <= 0.5)),
        "inside_90_raw": float(np.mean(before.rank <= 0.9)),
        "inside_50": float(np.mean(after.rank <= 0.5)),
        "inside_90": float(np.mean(after.rank <= 0.9)),
        **{column: bands[k] for column, k in BAND_COLUMNS},
    }


def log_posteriors(model: PlanetPrior, photos: SceneSet, some: slice) -> Floats32:
    """Log-probabilities (m, n) that ``model`` gives, before its temperature, from five crops of each scene."""
    crops = [five_crops(photos.pixels(k), model.pixels) for k in range(len(photos))[some]]
    found: Floats32 = model.log_posterior(np.stack(crops))[0]
    return found


def softened(log_p: Floats32, temperature: float) -> Floats32:
    """Log-probabilities (m, n) over a temperature, each row normalised again."""
    scaled = log_p.astype(np.float64) / temperature
    normed: Floats32 = (scaled - np.logaddexp.reduce(scaled, axis=1, keepdims=True)).astype(np.float32)
    return normed


def fine_alone(world: World, folder: Path) -> Path:
    """The finest level of the hierarchy in ``folder`` as a model of its own, calibrated anew."""
    out = folder / "fine"
    if (out / "planet.json").exists():
        return out
    card = read_card(folder / "model")
    tensors = read_tensors(folder / "model", card)
    kept = {name: t for name, t in tensors.items() if not name.startswith(("heads.middle", "heads.coarse"))}
    held_out = SceneSet.draw(world, _HELD_OUT, _HELD_OUT_SEED, name="held-out")

    def write(temperature: float) -> None:
        write_weights(
            out, kept, name="fine", partition=world.partition, config=card.config | {"levels": ["fine"]},
            temperature=temperature, data=card.data, metrics={}, licence=card.licence,
        )  # fmt: skip

    write(1.0)
    log_p = log_posteriors(PlanetPrior(out), held_out, slice(None))
    write(fit_temperature(log_p, held_out.scenes.cell))
    return out


def _print(rows: Sequence[Mapping[str, object]]) -> None:
    """One line a way: means over its seeds, and the standard deviation between them."""
    print(
        f"{'scenes':>6} {'':<42} {'nll':>12} {'middle':>6} {'coarse':>6} {'KL':>12} {'T':>5} {'top1':>5}   "
        f"{'50 %':>9} {'90 %':>9}   {'25':>5} {'200':>5} {'750':>5} {'2500':>5} km, %"
    )
    for scenes, way in dict.fromkeys((row.get("scenes", ""), str(row["way"])) for row in rows):
        of_way = {
            k: np.array([float(str(r[k])) for r in rows if (r.get("scenes", ""), r["way"]) == (scenes, way)])
            for k in _COLUMNS[4:]
        }
        mean = {k: float(v.mean()) for k, v in of_way.items()}
        calibration = " ".join(
            f"{100 * mean[f'inside_{m}_raw']:4.0f}>{100 * mean[f'inside_{m}']:<4.0f}" for m in ("50", "90")
        )
        print(
            f"{scenes!s:>6} {way:<42} {with_deviation(of_way['nll'].tolist())} "
            f"{mean['nll_middle']:6.3f} {mean['nll_coarse']:6.3f} "
            f"{with_deviation(of_way['kl'].tolist())} {mean['temperature']:5.2f} {100 * mean['top1']:5.2f}   "
            + calibration
            + "   "
            + " ".join(f"{100 * mean[column]:5.1f}" for column, _ in BAND_COLUMNS)
        )


if __name__ == "__main__":
    main()
