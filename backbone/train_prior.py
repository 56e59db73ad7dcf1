"""Trains PlaNet on photos with coordinates: ``whence train prior OUT --photos SET``.

One process, or several under ``torchrun`` (DistributedDataParallel). What is learnt depends on the photos, the cells,
the network and the recipe; not on how often the training was interrupted, nor on how many processes decode. On one
processor with the same number of threads an interrupted training ends in the same weights, bit for bit; on GPUs, as
far as their libraries repeat themselves.
"""

from __future__ import annotations

import hashlib
import json
import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from backbone.calibrate import fit_temperature, mean_nll
from backbone.density import DensityPrior
from backbone.held_out import held_out_mask, measured, of_distributions
from backbone.hierarchy import CellTree, class_prior, haversine_targets
from backbone.photo_batches import Batch, held_out_batches, training_batches
from backbone.planet_config import PlanetConfig
from backbone.planet_net import PlanetNet, log_posterior
from backbone.planet_weights import write_weights
from backbone.processes import Processes
from backbone.training_log import TrainingLog
from backbone.training_state import Progress, read_state, write_state
from data.distribution import CellDistribution
from data.errors import DatasetError, RequestError
from data.geodesy import unit_vectors
from data.partition import Partition, load_default
from data.photo_sets import PhotoSet, Subset

__all__ = ["Recipe", "Run", "train"]

_MOST_HELD_OUT: Final = 4_096  # photos that temperature and figures are taken on: 80 kB each on the shipped cells
_GLANCE: Final = 512  # photos held out that are looked at after each epoch
_CLIP: Final = 1.0  # largest norm of a step's gradient
_TO_LOG: Final = 50  # steps from one row of the log to the next
_PATIENCE: Final = 1_000  # photos after which a set of which most cannot be read is given up


@dataclass(frozen=True, slots=True)
class Recipe:
    """How it is learnt; with the photos, the cells and the network it fixes the result.

    Attributes:
        epochs: Passes over the photos.
        batch: Photos in a step, all processes together.
        rate: Highest learning rate of AdamW; it rises over the first ``warm_up`` of the steps and falls by a cosine.
        weight_decay: AdamW's, on weights of more than one dimension; biases and normalisations have none.
        warm_up: Share of the steps in which the rate rises.
        smoothing_km: ``tau`` of haversine-smoothed labels (PIGEON: 75); 0 for plain cross-entropy.
        held_out: Share of the places whose photos are not trained on, where no held-out set is given.
        imagenet: Start the trunk from ImageNet's weights.
        start_at_density: Start the biases at how often each cell is met, rather than at nothing.
        seed: Source of chance.

    Raises:
        RequestError: A value is none of these.
    """

    epochs: float = 10.0
    batch: int = 256
    rate: float = 1e-3
    weight_decay: float = 0.05
    warm_up: float = 0.05
    smoothing_km: float = 0.0
    held_out: float = 0.02
    imagenet: bool = False
    start_at_density: bool = True
    seed: int = 0

    def __post_init__(self) -> None:
        for name, least, most in (
            ("epochs", 1e-3, 1e5), ("batch", 2, 1e6), ("rate", 1e-9, 10), ("weight_decay", 0, 10), ("warm_up", 0, 1),
            ("smoothing_km", 0, 20_000), ("held_out", 0, 0.9), ("seed", 0, 2**31),
        ):  # fmt: skip
            value = getattr(self, name)
            if not least <= value <= most:
                raise RequestError(f"{name.replace('_', ' ')} must be from {least:g} to {most:g}, not {value}")


@dataclass(frozen=True, slots=True)
class Run:
    """How it is run; none of it is meant to change the result but ``precision``.

    Attributes:
        device: ``"auto"``, ``"cpu"`` or ``"cuda"``.
        workers: Processes that decode photos, for each process that trains; 0 decodes in the same one.
        precision: ``"auto"`` (bf16 on a GPU that has it, else float32), ``"bf16"`` or ``"float32"``.
        compile: Whether ``torch.compile`` builds the network; None for on GPUs.
        checkpoint_minutes: Time between checkpoints.
    """

    device: str = "auto"
    workers: int = 0
    precision: str = "auto"
    compile: bool | None = None
    checkpoint_minutes: float = 10.0

    def __post_init__(self) -> None:
        if self.precision not in ("auto", "bf16", "float32"):
            raise RequestError(f"unknown precision {self.precision!r}: choose auto, bf16 or float32")
        if self.workers < 0 or self.checkpoint_minutes < 0:
            raise RequestError("workers and minutes between checkpoints cannot be negative")


def train(
    out: Path,
    photos: PhotoSet,
    *,
    held_out: PhotoSet | None = None,
    partition: Partition | None = None,
    config: PlanetConfig | None = None,
    recipe: Recipe | None = None,
    run: Run | None = None,
    name: str = "planet",
    licence: str = "not stated",
    trained_on: str = "",
) -> Path:
    """Train PlaNet and write its weights, with what they are worth on photos that were held out.

    ``out`` gets ``log.csv``, ``checkpoint.safetensors``, ``unreadable.txt`` (photos that could not be read and were
    left out) and, at the end, the folder ``model``. Started again with the same arguments it goes on from its
    checkpoint; once it has ended it only measures again.

    Args:
        out: Folder.
        photos: What to learn from; of these, places are held out by ``recipe`` where ``held_out`` is None.
        held_out: Photos to measure on and to fit the temperature on.
        partition: The cells; None for those that ship.
        config: The network.
        recipe: How it is learnt.
        run: How it is run.
        name: Of the weights.
        licence: Of the weights.
        trained_on: What to say about the photos; None for the name of the set.

    Returns:
        The folder of the weights.

    Raises:
        DatasetError: No photo is left to train on, or most of them cannot be read.
        RequestError: The device or a level is not there.
        WeightsError: ImageNet's weights cannot be fetched, or ``out`` holds another training.
    """
    partition, config = partition or load_default(), config or PlanetConfig()
    recipe, run = recipe or Recipe(), run or Run()
    chosen, kept = _divided(photos, held_out, recipe)
    with Processes.joined(run.device) as processes:
        training = _Training(out, chosen, kept, partition, config, recipe, run, processes)
        training.learn()
        if processes.first:
            card_data = {
                "trained_on": trained_on or photos.name,
                "photos": len(chosen),
                "unreadable": training.unreadable(),
                "recipe": asdict(recipe),
                "precision": "bf16" if training.half else "float32",
                "device": processes.description(),
                "torch": torch.__version__,
            }
            training.finish(name, licence, card_data)
        processes.wait()
    return out / "model"


def _divided(photos: PhotoSet, held_out: PhotoSet | None, recipe: Recipe) -> tuple[PhotoSet, PhotoSet]:
    chosen, kept = photos, held_out
    if kept is None:
        out = held_out_mask(photos.lat, photos.lon, recipe.held_out)
        chosen, kept = Subset(photos, np.flatnonzero(~out)), Subset(photos, np.flatnonzero(out))
    if len(chosen) < 2:
        raise DatasetError(f"{photos.name} leaves {len(chosen)} photos to train on: give more, or hold out fewer")
    if len(kept) > _MOST_HELD_OUT:
        some = np.random.default_rng(0).choice(len(kept), _MOST_HELD_OUT, replace=False)
        kept = Subset(kept, np.sort(some))
    return chosen, kept


class _Training:
    """One process's part of a training."""

    def __init__(
        self,
        out: Path,
        photos: PhotoSet,
        held_out: PhotoSet,
        partition: Partition,
        config: PlanetConfig,
        recipe: Recipe,
        run: Run,
        processes: Processes,
    ) -> None:
        self.out, self.photos, self.held_out, self.partition = out, photos, held_out, partition
        self.config, self.recipe, self.run, self.processes = config, recipe, run, processes
        self.device = processes.device
        self.half = run.precision == "bf16" or (
            run.precision == "auto" and self.device.type == "cuda" and torch.cuda.is_bf16_supported()
        )
        self.batch = min(recipe.batch, len(photos))
        self.steps = max(round(recipe.epochs * len(photos) / self.batch), 1)
        tree = CellTree(partition, config.levels)
        self.cells = partition.cells_of(photos.lat, photos.lon)
        torch.manual_seed(recipe.seed)
        net = PlanetNet(config, tree, imagenet=recipe.imagenet)
        if recipe.start_at_density:
            net.start_at(class_prior(partition, self.cells), tree)
        self.net = net.to(device=self.device)
        self.net.to(memory_format=torch.channels_last)
        self.tree = tree.to(self.device)
        self.points = torch.from_numpy(unit_vectors(photos.lat, photos.lon).astype(np.float32))
        self.optimiser = _optimiser(self.net, recipe)
        self.plan = self._plan()
        out.mkdir(parents=True, exist_ok=True)

    def _plan(self) -> str:
        """What is trained on what, in one hash."""
        what = {
            "photos": self.photos.fingerprint, "held_out": self.held_out.fingerprint, "cells": self.partition.hash,
            "config": self.config.to_dict(), "recipe": asdict(self.recipe), "half": self.half,
            "processes": self.processes.world,
        }  # fmt: skip
        return hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()

    @property
    def _checkpoint(self) -> Path:
        return self.out / "checkpoint.safetensors"

    def learn(self) -> None:
        """All steps that are still to be done."""
        done = Progress()
        if self._checkpoint.exists():
            done = read_state(self._checkpoint, self.net, self.optimiser, self.plan)
        self.processes.wait()  # nobody writes a checkpoint before all have read it
        log = TrainingLog(self.out / "log.csv", after=done.step) if self.processes.first else None
        network = self.processes.shared(self._built())
        batches = training_batches(
            self.photos, self.config.pixels, batch=self.batch, steps=range(done.step, self.steps),
            seed=self.recipe.seed, workers=self.run.workers, rank=self.processes.rank, world=self.processes.world,
        )  # fmt: skip
        self.net.train()
        saved, counted, losses, seen, lost = time.monotonic(), time.monotonic(), 0.0, 0, 0
        per_epoch = max(len(self.photos) / self.batch, 1.0)
        for step, batch in zip(range(done.step + 1, self.steps + 1), batches, strict=True):
            losses += self._step(network, batch, step)
            seen, lost = seen + len(batch.indices), lost + len(batch.unreadable)
            self._leave_out(batch)
            if lost > seen and seen + lost >= min(_PATIENCE, len(self.photos) // self.processes.world):
                raise DatasetError(
                    f"{lost} of {seen + lost} photos of {self.photos.name} cannot be read: fetch them again"
                )
            epoch_ends = int(step / per_epoch) > int((step - 1) / per_epoch) or step == self.steps
            if log and (step % _TO_LOG == 0 or epoch_ends):
                since = step - log.last
                pace = since * self.batch / max(time.monotonic() - counted, 1e-9)
                glance = self._glance() if epoch_ends else None
                log.add(step, step / per_epoch, losses / since, self._rate(step), pace, lost, glance)
                counted, losses = time.monotonic(), 0.0
            if self.processes.agree(time.monotonic() - saved >= 60 * self.run.checkpoint_minutes or step == self.steps):
                if self.processes.first:
                    write_state(
                        self._checkpoint, self.net, self.optimiser, Progress(step, step * self.batch), self.plan
                    )
                saved = time.monotonic()

    def _built(self) -> nn.Module:
        if self.run.compile or (self.run.compile is None and self.device.type == "cuda"):
            return cast("nn.Module", torch.compile(self.net))
        return self.net

    def _step(self, network: nn.Module, batch: Batch, step: int) -> float:
        """One step of the optimiser; the mean loss of this process's photos."""
        # Chance of the step's own, so that what is dropped out does not depend on what came before.
        torch.manual_seed(hash((self.recipe.seed, step, self.processes.rank)) & 0x7FFFFFFF)
        for group in self.optimiser.param_groups:
            group["lr"] = self._rate(step)
        self.optimiser.zero_grad(set_to_none=True)
        if not len(
            batch.indices
        ):  # the other processes wait for this one's gradients: those of a grey picture, times 0
            side = self.config.pixels
            grey = torch.full((2, 3, side, side), 128, dtype=torch.uint8)
            batch = Batch(np.zeros(2, np.int64), grey, batch.unreadable)
            loss = 0.0 * self._loss(network, batch)
        else:
            loss = self._loss(network, batch)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.net.parameters(), _CLIP)
        self.optimiser.step()
        return float(loss.detach())

    def _loss(self, network: nn.Module, batch: Batch) -> Tensor:
        pixels = batch.pixels.to(self.device, non_blocking=True).contiguous(memory_format=torch.channels_last)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.half):
            logits = network(pixels)
        cells = torch.from_numpy(self.cells[batch.indices].astype(np.int64)).to(self.device)
        points = self.points[batch.indices].to(self.device)
        losses = []
        for level, scores in logits.items():
            if self.recipe.smoothing_km:
                targets = haversine_targets(points, self.tree.vectors[level], self.recipe.smoothing_km)
            else:
                targets = self.tree.parents[level][cells]
            losses.append(functional.cross_entropy(scores.float(), targets))
        return torch.stack(losses).sum()

    def _rate(self, step: int) -> float:
        rising = max(self.recipe.warm_up * self.steps, 1.0)
        if step < rising:
            return self.recipe.rate * step / rising
        return 0.5 * self.recipe.rate * (1.0 + math.cos(math.pi * (step - rising) / max(self.steps - rising, 1.0)))

    def _leave_out(self, batch: Batch) -> None:
        if batch.unreadable:
            with (self.out / "unreadable.txt").open("a", encoding="utf-8") as stream:
                stream.writelines(f"{self.photos.key(index)}\n" for index in batch.unreadable)

    def unreadable(self) -> int:
        """How many photos were left out because they could not be read."""
        path = self.out / "unreadable.txt"
        return len(set(path.read_text(encoding="utf-8").splitlines())) if path.exists() else 0

    @contextmanager
    def _evaluating(self) -> Iterator[None]:
        self.net.eval()
        try:
            yield
        finally:
            self.net.train()

    def _said(self, photos: PhotoSet) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Log-probabilities (m, n) of the photos that can be read, and which those are."""
        rows, indices = [np.empty((0, len(self.partition)), np.float32)], [np.empty(0, np.int64)]
        with self._evaluating():
            for batch in held_out_batches(photos, self.config.pixels, batch=8, workers=self.run.workers):
                if len(batch.indices):
                    rows.append(log_posterior(self.net, self.tree, batch.pixels.to(self.device))[0].cpu().numpy())
                    indices.append(batch.indices)
        return np.concatenate(rows), np.concatenate(indices)

    def _glance(self) -> float | None:
        """Negative log-likelihood (nats) of some held-out photos at the temperature that suits them best."""
        some = Subset(self.held_out, np.arange(min(len(self.held_out), _GLANCE)))
        log_p, indices = self._said(some)
        if not len(indices):
            return None
        cells = self.partition.cells_of(some.lat[indices], some.lon[indices])
        return mean_nll(log_p, cells, fit_temperature(log_p, cells))

    def finish(self, name: str, licence: str, data: dict[str, object]) -> None:
        """Calibrate, measure and write the weights."""
        log_p, indices = self._said(self.held_out)
        lat, lon = self.held_out.lat[indices], self.held_out.lon[indices]
        temperature = fit_temperature(log_p, self.partition.cells_of(lat, lon))
        metrics = measured(log_p, lat, lon, self.partition, temperature=temperature)
        if len(indices):
            some = slice(500)
            lat, lon = lat[some], lon[some]
            said = [_density(self.partition)] * len(lat)
            metrics |= {
                f"held_out_density_{k}": v for k, v in of_distributions(said, lat, lon).items() if k != "photos"
            }
        write_weights(
            self.out / "model", {k: v.cpu() for k, v in self.net.state_dict().items()}, name=name,
            partition=self.partition, config=self.config.to_dict(), temperature=temperature, data=data,
            metrics=metrics, licence=licence,
        )  # fmt: skip


def _density(partition: Partition) -> CellDistribution:
    return DensityPrior(partition).predict([np.zeros((1, 1, 3), np.uint8)])[0].distribution


def _optimiser(net: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    decayed = [p for p in net.parameters() if p.ndim > 1]
    free = [p for p in net.parameters() if p.ndim <= 1]
    groups = [{"params": decayed, "weight_decay": recipe.weight_decay}, {"params": free, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=recipe.rate)
