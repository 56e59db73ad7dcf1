"""Runs of PlaNet's training steps, and of what feeds them, with the time that they take."""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Final

import torch
from torch import nn

from backbone.photo_batches import Batch, training_batches
from backbone.planet import PlanetPrior
from backbone.planet_config import PlanetConfig
from backbone.planet_weights import write_weights
from backbone.processes import Processes
from backbone.recipe import Recipe, Run
from backbone.training import Training
from data.partition import load_default
from data.photo_sets import PhotoSet

__all__ = ["Pace", "Speed", "Taken", "taken"]

_WITHOUT_TIMING: Final = 3  # steps of a network that is new: cuDNN and torch.compile choose their kernels


@dataclass(frozen=True, slots=True)
class Taken:
    """One run: photos, seconds on the clock, seconds of processor time of this process."""

    photos: int
    seconds: float
    processor: float


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast several runs were.

    Attributes:
        runs: Photos per second of each.
        processor: Seconds of processor time for a photo in each, of this process and not its workers: where the machine
            does other work too, this hardly changes, and photos per second do.
    """

    runs: tuple[float, ...]
    processor: tuple[float, ...]

    @classmethod
    def of(cls, taken: Sequence[Taken]) -> Pace:
        """The pace of several runs."""
        return cls(tuple(t.photos / t.seconds for t in taken), tuple(t.processor / t.photos for t in taken))

    @property
    def median(self) -> float:
        """Photos per second of the median run."""
        return statistics.median(self.runs)

    @property
    def median_processor(self) -> float:
        """Seconds of processor time for a photo in the median run."""
        return statistics.median(self.processor)

    def __str__(self) -> str:
        return f"{self.median:,.4g} photos/s ({min(self.runs):,.4g} to {max(self.runs):,.4g})"


class Speed:
    """One network on one device, and photos; ``args`` are those of ``benchmarks.planet_speed``."""

    def __init__(self, photos: PhotoSet, config: PlanetConfig, args: argparse.Namespace, processes: Processes) -> None:
        recipe = Recipe(
            epochs=10_000.0, batch=args.batch, rate=args.rate, warm_up=0.0, smoothing_km=args.smoothing_km, seed=0
        )
        run = Run(device=args.device, workers=args.workers, precision=args.precision, compile=args.compile)
        self.photos, self.workers, self.pixels = photos, args.workers, config.pixels
        self.partition = load_default()
        self.training = Training(args.scratch, photos, photos, self.partition, config, recipe, run, processes)
        self.batch, self.device = self.training.batch, processes.device
        # So that all workers have given as many batches when the clock is stopped.
        self.steps: int = -(-args.steps // max(args.workers, 1)) * max(args.workers, 1)
        self.network: nn.Module = self.training.network()
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
        first = taken(self.device, lambda: self._step(self.in_memory[0]), self.batch).seconds
        for batch in islice(self.in_memory * _WITHOUT_TIMING, _WITHOUT_TIMING):
            self._step(batch)
        return first

    def from_memory(self) -> Taken:
        """Training steps on pixels in main memory; moving them to the device is part of it."""
        cycle = [self.in_memory[k % len(self.in_memory)] for k in range(self.steps)]
        return self._all(cycle, self._step)

    def decoded(self, run: int) -> Taken:
        """Training steps on photos that are read and decoded in the loop."""
        return self._read(run, self._step)

    def decoding(self, run: int) -> Taken:
        """Reading and decoding for training, no step taken."""
        return self._read(run, lambda batch: None)

    def _read(self, run: int, do: Callable[[Batch], object]) -> Taken:
        # More batches are asked for than are timed, so that workers have as much to do at the end as in the middle.
        lead, ahead = max(2 * self.workers, 1), 4 * self.workers
        batches = training_batches(
            self.photos, self.pixels, batch=self.batch, steps=range(lead + self.steps + ahead), seed=run,
            workers=self.workers,
        )  # fmt: skip
        for batch in islice(batches, lead):
            do(batch)
        return self._all(islice(batches, self.steps), do)

    def _all(self, batches: Iterable[Batch], do: Callable[[Batch], object]) -> Taken:
        photos = 0

        def one_after_another() -> None:
            nonlocal photos
            for batch in batches:
                do(batch)
                photos += len(batch.indices)

        run = taken(self.device, one_after_another, 0)
        return replace(run, photos=photos)

    def _step(self, batch: Batch) -> None:
        self.done += 1
        self.training.step(self.network, batch, self.done)

    def written(self, folder: Path) -> PlanetPrior:
        """The network as it is now, as a prior."""
        tensors = {name: value.cpu() for name, value in self.training.net.state_dict().items()}
        write_weights(
            folder, tensors, name="speed", partition=self.partition, config=self.training.config.to_dict(),
            temperature=1.0, data={}, metrics={}, licence="none: made to take times with",
        )  # fmt: skip
        return PlanetPrior(folder)


def taken(device: torch.device, call: Callable[[], object], photos: int) -> Taken:
    """Time a call about ``photos``."""
    _wait(device)
    start, processor = time.perf_counter(), time.process_time()
    call()
    _wait(device)
    return Taken(photos, time.perf_counter() - start, time.process_time() - processor)


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
