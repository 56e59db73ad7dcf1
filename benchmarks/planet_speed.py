"""How fast PlaNet trains and answers, with JPEG decoding and without, and the hours that follow for millions of photos.

    python -m benchmarks.planet_speed
    python -m benchmarks.planet_speed --trunk mobilenet_v3_large --batch 512 --workers 16
    python -m benchmarks.planet_speed --photos /data/mp16 --parity

The steps are those of ``whence train prior`` (``backbone.train_prior``), on cells that ship, once with photos that
``training_batches`` reads and decodes as they are needed, once with pixels that lie in main memory already; then the
same reading and decoding by itself. Each run has its own workers. What is not timed: making the network, torch.compile
and the first steps, workers that start and the first photos that they give. A GPU is waited for before each look at the
clock. Runs take turns; figures are medians. Photos are drawn, or copied from a folder, or a set that is at hand; drawn
and copied ones are so few that they stay in the system's file cache: no disk is measured.

``--parity`` compares the answers of CPU and GPU about the same photos, with the GPU's TF32 convolutions (torch's
default) and without.
"""

from __future__ import annotations

import argparse
import gc
import os
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import numpy as np
import torch
from torch import nn

from backbone.crops import five_crops
from backbone.photo_batches import Batch, training_batches
from backbone.planet import PlanetPrior
from backbone.planet_net import PlanetConfig
from backbone.planet_weights import write_weights
from backbone.processes import Processes
from backbone.train_prior import Recipe, Run, _Training
from benchmarks.machine import gpu, machine
from benchmarks.planet_parity import agreement, tf32_convolutions
from benchmarks.speed_photos import copied, drawn, mean_bytes
from data.partition import LEVELS, load_default
from data.photo_sets import PhotoSet, open_photo_set

__all__ = ["Pace", "hours", "main"]

SETS: Final = (("MP-16", 4_700_000), ("OSV-5M", 5_000_000))
"""Names and numbers of photos that hours are given for."""

_WITHOUT_TIMING: Final = 3  # steps of a network that is new: cuDNN and torch.compile choose their kernels
_AT_ONCE: Final = 8  # photos in a batch of ``PlanetPrior`` on a GPU


@dataclass(frozen=True, slots=True)
class Pace:
    """Photos per second of several runs."""

    runs: tuple[float, ...]

    @property
    def median(self) -> float:
        """The median run."""
        return statistics.median(self.runs)

    def __str__(self) -> str:
        return f"{self.median:,.4g} photos/s ({min(self.runs):,.4g} to {max(self.runs):,.4g})"


def hours(photos: int, epochs: float, photos_per_s: float) -> float:
    """Hours that ``epochs`` passes over ``photos`` take.

    >>> hours(3_600, 10, 5.0)
    2.0
    """
    return photos * epochs / photos_per_s / 3_600.0


class _Speed:
    """One network on one device, and photos."""

    def __init__(self, photos: PhotoSet, config: PlanetConfig, args: argparse.Namespace, processes: Processes) -> None:
        recipe = Recipe(
            epochs=10_000.0, batch=args.batch, rate=args.rate, warm_up=0.0, smoothing_km=args.smoothing_km, seed=0
        )
        run = Run(device=args.device, workers=args.workers, precision=args.precision, compile=args.compile)
        self.photos, self.workers, self.pixels = photos, args.workers, config.pixels
        self.partition = load_default()
        self.training = _Training(args.scratch, photos, photos, self.partition, config, recipe, run, processes)
        self.batch, self.device = self.training.batch, processes.device
        # So that all workers have given as many batches when the clock is stopped.
        self.steps = -(-args.steps // max(args.workers, 1)) * max(args.workers, 1)
        self.network: nn.Module = self.training._built()
        self.done = 0
        self.in_memory: list[Batch] = []

    def prepare(self) -> float:
        """Put pixels into memory and take the steps that are not timed; the seconds of the first one."""
        few = min(self.steps, 16)
        self.in_memory = [*training_batches(self.photos, self.pixels, batch=self.batch, steps=range(few), seed=0)]
        # A batch that lacks a damaged photo has another shape, for which torch.compile would compile again.
        self.in_memory = [batch for batch in self.in_memory if not batch.unreadable]
        if not self.in_memory:
            raise SystemExit("every batch has photos that cannot be read: take times on a set with fewer of them")
        self.training.net.train()
        first = _seconds(self.device, lambda: self._step(self.in_memory[0]))
        for batch in islice(self.in_memory * _WITHOUT_TIMING, _WITHOUT_TIMING):
            self._step(batch)
        return first

    def from_memory(self) -> float:
        """Photos/s of training steps on pixels in main memory; moving them to the device is part of it."""
        cycle = [self.in_memory[k % len(self.in_memory)] for k in range(self.steps)]
        seconds = _seconds(self.device, lambda: [self._step(batch) for batch in cycle])
        return self.steps * self.batch / seconds

    def decoded(self, run: int) -> float:
        """Photos/s of training steps on photos that are read and decoded in the loop."""
        return self._read(run, self._step)

    def decoding(self, run: int) -> float:
        """Photos/s of reading and decoding for training, no step taken."""
        return self._read(run, lambda batch: None)

    def _read(self, run: int, do: Callable[[Batch], object]) -> float:
        # More batches are asked for than are timed, so that workers have as much to do at the end as in the middle.
        lead, ahead = max(2 * self.workers, 1), 4 * self.workers
        batches = training_batches(
            self.photos, self.pixels, batch=self.batch, steps=range(lead + self.steps + ahead), seed=run,
            workers=self.workers,
        )  # fmt: skip
        for batch in islice(batches, lead):
            do(batch)
        seen = 0

        def timed() -> None:
            nonlocal seen
            for batch in islice(batches, self.steps):
                do(batch)
                seen += len(batch.indices)

        seconds = _seconds(self.device, timed)
        return seen / seconds

    def _step(self, batch: Batch) -> float:
        self.done += 1
        return self.training._step(self.network, batch, self.done)

    def written(self, folder: Path) -> PlanetPrior:
        """The network as it is now, as a prior."""
        tensors = {name: value.cpu() for name, value in self.training.net.state_dict().items()}
        write_weights(
            folder, tensors, name="speed", partition=self.partition, config=self.training.config.to_dict(),
            temperature=1.0, data={}, metrics={}, licence="none: made to take times with",
        )  # fmt: skip
        return PlanetPrior(folder)


def main(argv: Sequence[str] | None = None) -> int:
    """Print the figures."""
    args = _arguments(argv)
    with TemporaryDirectory(prefix="planet-speed-") as scratch, Processes.joined(args.device) as processes:
        args.scratch = Path(scratch)
        on_gpu = processes.device.type == "cuda"
        _set_what_is_left(args, on_gpu=on_gpu)
        config = PlanetConfig(args.trunk, pixels=args.pixels)
        photos = _photos(args)
        speed = _Speed(photos, config, args, processes)
        _say_what(args, speed, config)
        first = speed.prepare()
        print(f"first step, with what is made ready in it (not timed below): {first:.1f} s", flush=True)
        if on_gpu:
            torch.cuda.reset_peak_memory_stats(processes.device)
        taken: dict[str, list[float]] = {"memory": [], "decoded": [], "decoding": []}
        for run in range(args.runs):
            taken["memory"].append(speed.from_memory())
            taken["decoded"].append(speed.decoded(run))
            taken["decoding"].append(speed.decoding(run))
        paces = {name: Pace(tuple(runs)) for name, runs in taken.items()}
        _say_training(paces, args.workers)
        _say_memory(processes.device, "training")
        prior = PlanetPrior(args.weights) if args.weights else speed.written(args.scratch / "model")
        del speed
        if on_gpu:
            # The optimiser and compiled code would count as memory that answering needs.
            torch.compiler.reset()
            gc.collect()
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats(processes.device)
        _say_inference(prior, photos, args, processes.device)
        _say_memory(processes.device, "answering")
        _say_hours(paces, args.epochs, "GPU-hours" if on_gpu else "hours of this processor")
        if args.parity:
            _say_parity(prior, photos, args, on_gpu=on_gpu)
    print(f"{machine()}; {gpu()}; load {os.getloadavg()[0]:.1f} at the end")
    return 0


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.planet_speed", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--trunk", default="inception_v3")
    parser.add_argument("--pixels", type=int, default=0, help="default: what the trunk is made for")
    parser.add_argument("--batch", type=int, help="photos in a step (default: 256 on a GPU, 8 else)")
    parser.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda"))
    parser.add_argument("--precision", default="auto", choices=("auto", "bf16", "float32"))
    parser.add_argument("--compile", action=argparse.BooleanOptionalAction, help="default: on GPUs")
    parser.add_argument("--workers", type=int, help="processes that decode (default: the cores, 16 at most)")
    parser.add_argument("--smoothing-km", type=float, default=75.0)
    parser.add_argument("--rate", type=float, default=1e-3)
    parser.add_argument("--steps", type=int, help="steps in a run (default: 64 on a GPU, 4 else)")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--epochs", type=float, default=10.0, help="passes that hours are given for")
    parser.add_argument("--size", default="640x480", help="width x height of the photos that are drawn")
    parser.add_argument("--count", type=int, default=1024, help="photos that are drawn or copied")
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--copy", type=Path, metavar="FOLDER", help="copy the photos of a folder instead of drawing")
    source.add_argument("--photos", metavar="SET", help="a set with places, as `whence train prior --photos` reads it")
    parser.add_argument("--answers", type=int, help="photos that are answered in a run (default: 128 on a GPU, 4 else)")
    parser.add_argument(
        "--weights", type=Path, metavar="FOLDER", help="answer with this model, not what was just trained"
    )
    parser.add_argument("--parity", action="store_true", help="compare the answers of CPU and GPU")
    return parser.parse_args(argv)


def _set_what_is_left(args: argparse.Namespace, *, on_gpu: bool) -> None:
    """Defaults that depend on the device."""
    args.batch = args.batch or (256 if on_gpu else 8)
    args.steps = args.steps or (64 if on_gpu else 4)
    args.answers = args.answers or (128 if on_gpu else 4)
    if args.workers is None:
        args.workers = min(os.cpu_count() or 1, 16)


def _photos(args: argparse.Namespace) -> PhotoSet:
    if args.photos:
        return open_photo_set(args.photos)
    folder, count = args.scratch / "photos", max(args.count, args.batch, args.answers)
    if args.copy:
        return copied(folder, args.copy, count)
    width, height = (int(side) for side in args.size.lower().split("x"))
    return drawn(folder, count, size=(width, height))


def _say_what(args: argparse.Namespace, speed: _Speed, config: PlanetConfig) -> None:
    training = speed.training
    cells = " + ".join(f"{training.tree.sizes[level]:,}" for level in LEVELS)
    parameters = sum(p.numel() for p in training.net.parameters()) / 1e6
    compiled = speed.network is not training.net
    print(
        f"{config.trunk} at {config.pixels} px, {cells} cells ({', '.join(LEVELS)}), {parameters:.1f} M parameters; "
        f"batch {speed.batch}, {'bf16' if training.half else 'float32'}, channels_last, "
        f"{'compiled' if compiled else 'not compiled'}, smoothing {args.smoothing_km:g} km, {speed.device.type}, "
        f"{torch.get_num_threads()} threads of torch, {args.workers} workers"
    )
    if args.photos:
        what = f"{len(speed.photos):,} photos of {args.photos}"
    else:
        where = f"copied from {args.copy}" if args.copy else f"drawn, {args.size}"
        what = f"{len(speed.photos):,} photos {where}, {mean_bytes(args.scratch / 'photos') / 1e3:.0f} kB each"
    print(f"{what}; {args.runs} runs of {speed.steps} steps, median (least to most)")


def _say_training(paces: dict[str, Pace], workers: int) -> None:
    memory, decoded, decoding = (paces[name] for name in ("memory", "decoded", "decoding"))
    processes = max(workers, 1)
    print(f"(a) training, decoded in the loop:   {decoded}")
    print(f"(b) training, pixels in memory:      {memory}")
    print(f"(c) decoding alone, {workers} workers:{' ' * (8 - len(str(workers)))} {decoding}")
    print(f"ratio (a) to (b): {decoded.median / memory.median:.3f}; (c) to (b): {decoding.median / memory.median:.3g}")
    each = decoding.median / processes
    print(f"a worker decodes {each:,.0f} photos/s, so (b) needs {memory.median / each:.2g} of them", flush=True)


def _say_memory(device: torch.device, doing: str) -> None:
    if device.type != "cuda":
        print(f"peak GPU memory, {doing}: not measured, no GPU is used")
        return
    most, held = (of(device) / 2**30 for of in (torch.cuda.max_memory_allocated, torch.cuda.max_memory_reserved))
    print(f"peak GPU memory, {doing}: {most:.2f} GiB allocated, {held:.2f} GiB reserved")


def _say_inference(prior: PlanetPrior, photos: PhotoSet, args: argparse.Namespace, device: torch.device) -> None:
    chosen = range(min(args.answers, len(photos)))
    images = [photos.pixels(index) for index in chosen]
    together = _AT_ONCE if device.type == "cuda" else 1
    squares = np.stack([five_crops(image, prior.pixels) for image in images])
    groups = [squares[start : start + together] for start in range(0, len(squares), together)]
    prior.predict(images[:together], device=device.type)
    ways: tuple[tuple[str, Callable[[], object]], ...] = (
        ("files, decoded whole", lambda: prior.predict([photos.pixels(k) for k in chosen], device=device.type)),
        ("pixels in memory", lambda: prior.predict(images, device=device.type)),
        ("crops in memory, the network alone", lambda: [prior.log_posterior(g, device=device.type) for g in groups]),
    )
    runs = [[len(images) / _seconds(device, do) for _, do in ways] for _ in range(args.runs)]
    for (name, _), pace in zip(ways, zip(*runs, strict=True), strict=True):
        print(f"answers of five crops, float32, {name}: {Pace(pace)}", flush=True)


def _say_hours(paces: dict[str, Pace], epochs: float, unit: str) -> None:
    for name, photos in SETS:
        each, all_of_them, ideal = (
            hours(photos, passes, paces[pace].median)
            for passes, pace in ((1.0, "decoded"), (epochs, "decoded"), (epochs, "memory"))
        )
        print(
            f"{name}, {photos / 1e6:g} M photos: {each:,.4g} {unit} a pass, {all_of_them:,.4g} for {epochs:g} passes; "
            f"{ideal:,.4g} if decoding were free"
        )


def _say_parity(prior: PlanetPrior, photos: PhotoSet, args: argparse.Namespace, *, on_gpu: bool) -> None:
    if not on_gpu:
        print("parity of CPU and GPU: left out, no GPU is used")
        return
    images = [photos.pixels(index) for index in range(min(args.answers, len(photos)))]
    for tf32 in (True, False):
        with tf32_convolutions(tf32):
            found = agreement(prior, images)
        print(f"parity of CPU and GPU, {'as it runs' if tf32 else 'TF32 off'}: {found}", flush=True)


def _seconds(device: torch.device, call: Callable[[], object]) -> float:
    _wait(device)
    start = time.perf_counter()
    call()
    _wait(device)
    return time.perf_counter() - start


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


if __name__ == "__main__":
    raise SystemExit(main())
