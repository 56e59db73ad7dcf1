"""What each way of training on the rendered Earth costs in time and weights, as ratios to a flat classifier.

    python -m benchmarks.ways_speed [--trunk NAME] [--pixels N] [--batch B] [--shipped] [--runs R]

Every way of `benchmarks.rendered_earth` takes one step on the same batch, and is asked about the same photos (five
crops each), in turns, R times. Processor time of one thread is counted, which other work on the machine hardly changes;
the medians are printed. `--shipped` takes the 19,673 cells that ship instead of the rendered Earth's 1,946.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import torch

from backbone.photo_batches import Batch, held_out_batches, training_batches
from backbone.planet_config import PlanetConfig
from backbone.planet_net import log_posterior
from backbone.processes import Processes
from backbone.recipe import Recipe, Run
from backbone.training import Training
from benchmarks.earth_photos import SceneSet
from benchmarks.earth_world import shipped_world
from benchmarks.machine import machine
from benchmarks.rendered_earth import WAYS, reduced_world

__all__ = ["main"]

_ASKED = 8  # photos that are asked about at once


def main(argv: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--trunk", default="tiny")
    parser.add_argument("--pixels", type=int, default=0, help="side of what the trunk sees (default: the trunk's own)")
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--shipped", action="store_true", help="the cells that ship")
    parser.add_argument("--runs", type=int, default=7)
    args = parser.parse_args(argv)
    torch.set_num_threads(1)
    world = shipped_world() if args.shipped else reduced_world()
    photos = SceneSet.draw(world, max(args.batch, _ASKED), 1)
    steps: dict[str, Callable[[], object]] = {}
    answers: dict[str, Callable[[], object]] = {}
    sizes = {}
    with tempfile.TemporaryDirectory() as scratch:
        for name, way in WAYS.items():
            config = PlanetConfig(args.trunk, args.pixels, way.levels, scenes=way.scenes, mixture=way.mixture)
            recipe = Recipe(epochs=1000.0, batch=args.batch, smoothing_km=way.smoothing_km)
            training = Training(
                Path(scratch), photos, photos, world.partition, config, recipe, Run(device="cpu"),
                Processes(0, 1, torch.device("cpu")), None if way.scenes == "none" else photos.scene_labels(),
            )  # fmt: skip
            [batch] = training_batches(photos, config.pixels, batch=args.batch, steps=range(1), seed=0)
            crops = next(iter(held_out_batches(photos, config.pixels, batch=_ASKED))).pixels
            sizes[name] = sum(p.numel() for p in training.net.parameters())
            steps[name] = _step(training, batch)
            answers[name] = _answer(training, crops)
    learnt = _medians(steps, args.runs)
    asked = _medians(answers, args.runs)
    print(f"{'':<34} {'weights':>11} {'learn, ms a photo':>17} {'ratio':>6} {'ask, ms a photo':>16} {'ratio':>6}")
    for name in WAYS:
        learn, ask = learnt[name] / args.batch, asked[name] / _ASKED
        print(
            f"{name:<34} {sizes[name]:>11,} {1e3 * learn:>17.2f} {learnt[name] / learnt['flat']:>6.2f} "
            f"{1e3 * ask:>16.2f} {asked[name] / asked['flat']:>6.2f}"
        )
    print(f"\n{args.trunk}, batch {args.batch}, {world.partition!r}, median of {args.runs} runs of one thread")
    print(machine())


def _step(training: Training, batch: Batch) -> Callable[[], object]:
    def run() -> object:
        training.net.train()
        return training.step(training.net, batch, 1)

    return run


def _answer(training: Training, crops: torch.Tensor) -> Callable[[], object]:
    def run() -> object:
        training.net.eval()
        return log_posterior(training.net, training.tree, crops)

    return run


def _medians(jobs: dict[str, Callable[[], object]], runs: int) -> dict[str, float]:
    taken: dict[str, list[float]] = {name: [] for name in jobs}
    for run in range(runs + 1):
        for name, job in jobs.items():
            start = time.process_time()
            job()
            if run:  # the first one prepares what later ones have at hand
                taken[name].append(time.process_time() - start)
    return {name: statistics.median(times) for name, times in taken.items()}


if __name__ == "__main__":
    main()
