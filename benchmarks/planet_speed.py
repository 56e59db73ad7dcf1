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
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import numpy as np
import torch

from backbone.crops import five_crops
from backbone.planet import PlanetPrior
from backbone.planet_config import PlanetConfig
from backbone.processes import Processes
from benchmarks.machine import gpu, machine
from benchmarks.planet_parity import agreement, tf32_convolutions
from benchmarks.planet_runs import Pace, Speed, Taken, taken
from benchmarks.speed_photos import copied, drawn, mean_bytes
from data.partition import LEVELS
from data.photo_sets import PhotoSet, open_photo_set

__all__ = ["hours", "main"]

SETS: Final = (("MP-16", 4_700_000), ("OSV-5M", 5_000_000))
"""Names and numbers of photos that hours are given for."""

_COMPARED: Final = 32  # photos at most for the parity of two devices: a processor takes a second for each
_AT_ONCE: Final = 8  # photos in a batch of ``PlanetPrior`` on a GPU


def hours(photos: int, epochs: float, photos_per_s: float) -> float:
    """Hours that ``epochs`` passes over ``photos`` take.

    >>> hours(3_600, 10, 5.0)
    2.0
    """
    return photos * epochs / photos_per_s / 3_600.0


def main(argv: Sequence[str] | None = None) -> int:
    """Print the figures."""
    args = _arguments(argv)
    with TemporaryDirectory(prefix="planet-speed-") as scratch, Processes.joined(args.device) as processes:
        args.scratch = Path(scratch)
        on_gpu = processes.device.type == "cuda"
        _set_what_is_left(args, on_gpu=on_gpu)
        config = PlanetConfig(args.trunk, pixels=args.pixels)
        photos = _photos(args)
        speed = Speed(photos, config, args, processes)
        _say_what(args, speed, config)
        first = speed.prepare()
        print(f"first step, with what is made ready in it (not timed below): {first:.1f} s", flush=True)
        if on_gpu:
            torch.cuda.reset_peak_memory_stats(processes.device)
        runs: dict[str, list[Taken]] = {"memory": [], "decoded": [], "decoding": []}
        for run in range(args.runs):
            runs["memory"].append(speed.from_memory())
            runs["decoded"].append(speed.decoded(run))
            runs["decoding"].append(speed.decoding(run))
        paces = {name: Pace.of(several) for name, several in runs.items()}
        _say_training(paces, args.workers, processes.device)
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
    parser.add_argument("--labels", type=Path, metavar="CSV", help="places, where the set of --photos has none")
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
        return open_photo_set(args.photos, labels=args.labels, missing="skip")
    folder, count = args.scratch / "photos", max(args.count, args.batch, args.answers)
    if args.copy:
        return copied(folder, args.copy, count)
    width, height = (int(side) for side in args.size.lower().split("x"))
    return drawn(folder, count, size=(width, height))


def _say_what(args: argparse.Namespace, speed: Speed, config: PlanetConfig) -> None:
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


def _say_training(paces: dict[str, Pace], workers: int, device: torch.device) -> None:
    memory, decoded, decoding = (paces[name] for name in ("memory", "decoded", "decoding"))
    processes = max(workers, 1)
    print(f"(a) training, decoded in the loop:   {decoded}")
    print(f"(b) training, pixels in memory:      {memory}")
    print(f"(c) decoding alone, {workers} workers:{' ' * (8 - len(str(workers)))} {decoding}")
    print(f"ratio (a) to (b): {decoded.median / memory.median:.3f}; (c) to (b): {decoding.median / memory.median:.3g}")
    if device.type == "cpu":
        print(
            f"processor time of this process for a photo, s: (a) {decoded.median_processor:.4g}, (b) "
            f"{memory.median_processor:.4g}, (c) {decoding.median_processor:.4g}; ratio (b) to (a): "
            f"{memory.median_processor / decoded.median_processor:.3f}"
        )
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
    where = device.type
    ways: tuple[tuple[str, Callable[[], object]], ...] = (
        ("files, decoded whole", lambda: prior.predict([photos.pixels(k) for k in chosen], device=where)),
        ("pixels in memory", lambda: prior.predict(images, device=where)),
        ("crops in memory, the network alone", lambda: [prior.log_posterior(g, device=where) for g in groups]),
    )
    runs = [[taken(device, do, len(images)) for _, do in ways] for _ in range(args.runs)]
    for (name, _), several in zip(ways, zip(*runs, strict=True), strict=True):
        pace = Pace.of(several)
        processor = f", {pace.median_processor:.4g} s of processor time each" if where == "cpu" else ""
        print(f"answers of five crops, float32, {name}: {pace}{processor}", flush=True)


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
    images = [photos.pixels(index) for index in range(min(args.answers, len(photos), _COMPARED))]
    for tf32 in (True, False):
        with tf32_convolutions(tf32):
            found = agreement(prior, images)
        print(f"parity of CPU and GPU, {'as it runs' if tf32 else 'TF32 off'}: {found}", flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
