"""The steps of a training, in one of the processes that share it."""

from __future__ import annotations

import hashlib
import logging
import math
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from backbone.calibrate import fit_temperature, mean_nll
from backbone.hierarchy import CellTree, class_prior, haversine_targets
from backbone.photo_batches import Batch, held_out_batches, training_batches
from backbone.planet_config import PlanetConfig
from backbone.planet_net import MIXTURE, SCENE, PlanetNet, log_posterior
from backbone.processes import Processes
from backbone.recipe import Recipe, Run
from backbone.stopping import Stop, stop_when_asked
from backbone.training_log import TrainingLog
from backbone.training_state import Progress, read_state, write_state
from backbone.unreadable import Unreadable
from data.errors import DatasetError, WeightsError
from data.geodesy import unit_vectors
from data.partition import Partition
from data.photo_sets import PhotoSet, Subset

__all__ = ["Training"]

_log = logging.getLogger(__name__)

_GLANCE: Final = 512  # photos held out that are looked at after each pass
_CLIP: Final = 1.0  # largest norm of a step's gradient
_TO_LOG: Final = 50  # steps from one row of the log to the next
_WINDOW: Final = 1_000  # photos of which most must be readable
_FEW: Final = 64  # photos for which no processes are started to decode them


class Training:
    """One process's part of a training.

    Args:
        out: Folder, which is there.
        photos: What is learnt from.
        held_out: What is looked at after each pass.
        partition: The cells.
        config: The network.
        recipe: How it is learnt.
        run: How it is run.
        processes: All that take part.
        scenes: (n, 3) float32, how likely each of ``backbone.scenes.SCENES`` is for each photo, a row of NaN where that
            is not known; None where the network is not taught them.

    Attributes:
        half: Whether it computes in bf16.
        unreadable: The photos that this process could not read.
    """

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
        scenes: NDArray[np.float32] | None = None,
    ) -> None:
        self.out, self.photos, self.held_out, self.partition = out, photos, held_out, partition
        self.config, self.recipe, self.run, self.processes = config, recipe, run, processes
        self.device = processes.device
        self.half = run.precision == "bf16" or (run.precision == "auto" and processes.has_bf16())
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
        self.scenes = None if scenes is None else torch.from_numpy(scenes)
        self.points = torch.from_numpy(unit_vectors(photos.lat, photos.lon).astype(np.float32))
        self.optimiser = _optimiser(self.net, recipe)
        self.unreadable: Unreadable  # made when it learns: what a checkpoint knows of comes first

    def plan(self) -> dict[str, Any]:
        """What is trained on what; the same when it goes on."""
        recipe = asdict(self.recipe)
        if self.config.scenes == "none":
            del recipe["scene_weight"]  # so that checkpoints of before there were scenes go on
        return {
            "photos": self.photos.fingerprint, "held-out photos": self.held_out.fingerprint,
            "cells": self.partition.hash, **self.config.to_dict(), **recipe,
            "precision": "bf16" if self.half else "float32", "number of processes": self.processes.world,
            **({} if self.scenes is None else {"scene labels": _digest(self.scenes)}),
        }  # fmt: skip

    def learn(self) -> None:
        """All steps that are still to be done, from the checkpoint on.

        Raises:
            DatasetError: Most photos cannot be read.
            WeightsError: The checkpoint is of something else, or the loss is no number any more.
            KeyboardInterrupt: Ctrl-C was pressed; a process that trains alone has written its checkpoint then.
        """
        checkpoint = self.out / "checkpoint.safetensors"
        done = Progress()
        if checkpoint.exists():
            done = read_state(checkpoint, self.net, self.optimiser, self.plan())
        self.processes.require_same(done.step, "OUT must be one folder that all machines see")
        self.unreadable = Unreadable(
            self.out, self.processes.rank, known=done.unreadable if self.processes.first else 10**9 * (done.step > 0)
        )
        if done.step == self.steps:
            return
        log = TrainingLog(self.out / "log.csv", steps=self.steps, after=done.step) if self.processes.first else None
        network = self.processes.shared(self.network())
        batches = training_batches(
            self.photos, self.config.pixels, batch=self.batch, steps=range(done.step, self.steps),
            seed=self.recipe.seed, workers=self.run.workers, rank=self.processes.rank, world=self.processes.world,
            pinned=self.device.type == "cuda",
        )  # fmt: skip
        self.net.train()
        per_epoch = len(self.photos) / self.batch
        losses = torch.full((), done.losses, dtype=torch.float64, device=self.device)
        saved = counted = time.monotonic()
        paced, seen, lost = done.step, 0, 0
        # Of several processes one that stops would leave the others waiting for ever: there Ctrl-C ends them all.
        with stop_when_asked() if self.processes.world == 1 else nullcontext(Stop()) as stop:
            for step, batch in zip(range(done.step + 1, self.steps + 1), batches, strict=True):
                self._note(batch)
                seen, lost = seen + len(batch.indices), lost + len(batch.unreadable)
                self._require_readable(seen, lost)
                if seen + lost >= _WINDOW:
                    seen, lost = 0, 0
                losses += self.step(network, batch, step)
                epoch_ends = int(step / per_epoch) > int((step - 1) / per_epoch) or step == self.steps
                saves = time.monotonic() - saved >= 60 * self.run.checkpoint_minutes or step == self.steps
                stops = stop.asked  # once a step: what is asked for from here on is done in the next one
                saves = self.processes.agree(saves or stops)
                if saves or step % _TO_LOG == 0 or epoch_ends:
                    self._require_number(float(losses), step)
                if log and (step % _TO_LOG == 0 or epoch_ends):
                    pace = (step - paced) * self.batch / max(time.monotonic() - counted, 1e-9)
                    loss, glance = float(losses) / (step - log.last), self._glance() if epoch_ends else None
                    log.add(step, step / per_epoch, loss, self._rate(step), pace, len(self.unreadable), glance)
                    losses.zero_()
                    counted, paced = time.monotonic(), step
                if saves:
                    if self.processes.first:
                        now = Progress(step, float(losses), len(self.unreadable))
                        write_state(checkpoint, self.net, self.optimiser, now, self.plan())
                    saved = time.monotonic()
                if stops:
                    break
            if stop.asked:
                _log.info("stopped at step %d of %d; the same command goes on from there", step, self.steps)
                raise KeyboardInterrupt

    def log_posteriors(self, photos: PhotoSet) -> tuple[NDArray[np.float32], NDArray[np.int64], list[str]]:
        """Log-probabilities (m, n) of the photos that can be read, which those are, and the names of the others."""
        rows, indices = [np.empty((0, len(self.partition)), np.float32)], [np.empty(0, np.int64)]
        damaged: list[str] = []
        workers = min(self.run.workers, 4) if len(photos) >= _FEW else 0
        with self._evaluating():
            for batch in held_out_batches(photos, self.config.pixels, batch=8, workers=workers):
                damaged += [photos.key(index) for index in batch.unreadable]
                if len(batch.indices):
                    rows.append(log_posterior(self.net, self.tree, batch.pixels.to(self.device)).log_p.cpu().numpy())
                    indices.append(batch.indices)
        return np.concatenate(rows), np.concatenate(indices), damaged

    def network(self) -> nn.Module:
        """What :meth:`step` takes: the network, compiled where that is wanted."""
        if self.run.compile or (self.run.compile is None and self.device.type == "cuda"):
            return cast("nn.Module", torch.compile(self.net))
        return self.net

    def step(self, network: nn.Module, batch: Batch, step: int) -> Tensor:
        """One step of the optimiser; the loss, () on the device: this process's sum over photos, scaled to a mean."""
        # Chance of the step's own, so that what is dropped out does not depend on what came before.
        torch.manual_seed(
            int(np.random.SeedSequence((self.recipe.seed, step, self.processes.rank)).generate_state(1)[0])
        )
        for group in self.optimiser.param_groups:
            group["lr"] = self._rate(step)
        self.optimiser.zero_grad(set_to_none=True)
        if len(batch.indices):
            loss = self._loss(network, batch)
        elif self.processes.world == 1:
            return torch.zeros((), dtype=torch.float64, device=self.device)
        else:
            loss = self._nothing(network)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.net.parameters(), _CLIP)
        self.optimiser.step()
        return loss.detach().double()

    def _loss(self, network: nn.Module, batch: Batch) -> Tensor:
        pixels = batch.pixels.to(self.device, non_blocking=True).contiguous(memory_format=torch.channels_last)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.half):
            logits = network(pixels)
        cells = torch.from_numpy(self.cells[batch.indices].astype(np.int64)).to(self.device)
        points = self.points[batch.indices].to(self.device)
        losses, kinds = [], None
        if SCENE in logits:
            of_scenes, kinds = self._scene_loss(logits.pop(SCENE).float(), batch)
            losses.append(self.recipe.scene_weight * of_scenes)
        if self.net.mixture is not None:
            losses.append(-self.net.mixture.log_likelihood(logits.pop(MIXTURE).float(), points).sum())
        for level, scores in logits.items():
            if self.recipe.smoothing_km:
                targets = haversine_targets(points, self.tree.vectors[level], self.recipe.smoothing_km)
            else:
                targets = self.tree.parents[level][cells]
            losses.append(_cross_entropy(scores.float(), targets, kinds))
        # The mean over the processes, which is taken of the gradients, is then the mean over the whole batch, whoever
        # has how many of its photos; those that cannot be read give nothing.
        return torch.stack(losses).sum() * (self.processes.world / self.batch)

    def _scene_loss(self, scores: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
        """Loss () of the logits (b, 3) of kinds of scene, and how much each kind's classifiers learn (b, 3).

        That is what is known about the photo; where nothing is, what the network itself thinks, which it does not learn
        from.
        """
        known = torch.full_like(scores, torch.nan)
        if self.scenes is not None:
            known = self.scenes[batch.indices].to(self.device)
        there = ~known.isnan().any(dim=1)
        kinds = torch.where(there[:, None], known, functional.softmax(scores.detach(), dim=1))
        each = functional.cross_entropy(scores, kinds, reduction="none")
        return torch.where(there, each, 0.0).sum(), kinds

    def _nothing(self, network: nn.Module) -> Tensor:
        """A loss of 0 of a grey picture: the other processes wait for this one's gradients."""
        side = self.config.pixels
        grey = torch.full((1, 3, side, side), 128, dtype=torch.uint8)
        network.eval()  # it must not count in the normalisations
        try:
            return 0.0 * self._loss(network, Batch(np.zeros(1, np.int64), grey, ()))
        finally:
            network.train()

    def _rate(self, step: int) -> float:
        rising = max(self.recipe.warm_up * self.steps, 1.0)
        if step < rising:
            return self.recipe.rate * step / rising
        return 0.5 * self.recipe.rate * (1.0 + math.cos(math.pi * (step - rising) / max(self.steps - rising, 1.0)))

    def _note(self, batch: Batch) -> None:
        self.unreadable.add(self.photos.key(index) for index in batch.unreadable)

    def _require_readable(self, seen: int, lost: int) -> None:
        if lost > seen and seen + lost >= min(_WINDOW, len(self.photos) // self.processes.world):
            raise DatasetError(
                f"{lost} of the last {seen + lost} photos of {self.photos.name} cannot be read "
                f"({self.out / 'unreadable.txt'} names them): see that they are there, then start again"
            )

    def _require_number(self, loss: float, step: int) -> None:
        if not math.isfinite(loss):
            raise WeightsError(
                f"the loss is no number any more at step {step}: begin anew in another folder with a lower --rate"
            )

    @contextmanager
    def _evaluating(self) -> Iterator[None]:
        self.net.eval()
        try:
            yield
        finally:
            self.net.train()

    def _glance(self) -> float | None:
        """Negative log-likelihood (nats) of some held-out photos at the temperature that suits them best."""
        some = Subset(self.held_out, np.arange(min(len(self.held_out), _GLANCE)))
        log_p, indices, _ = self.log_posteriors(some)
        if not len(indices):
            return None
        cells = self.partition.cells_of(some.lat[indices], some.lon[indices])
        return mean_nll(log_p, cells, fit_temperature(log_p, cells))


def _digest(values: Tensor) -> str:
    return hashlib.sha256(values.numpy().tobytes()).hexdigest()


def _cross_entropy(scores: Tensor, targets: Tensor, kinds: Tensor | None) -> Tensor:
    """Sum over photos, for logits (b, n); for (b, 3, n), of each kind of scene's in proportion to ``kinds`` (b, 3)."""
    if scores.ndim == 2 or kinds is None:
        return functional.cross_entropy(scores, targets, reduction="sum")
    each = [functional.cross_entropy(scores[:, k], targets, reduction="none") for k in range(scores.shape[1])]
    return (kinds * torch.stack(each, dim=1)).sum()


def _optimiser(net: PlanetNet, recipe: Recipe) -> torch.optim.Optimizer:
    # Of a centre on the sphere only the direction counts: it has nothing to decay.
    decayed = [p for name, p in net.named_parameters() if p.ndim > 1 and not name.startswith("mixture.")]
    chosen = {id(p) for p in decayed}
    free = [p for p in net.parameters() if id(p) not in chosen]
    groups = [{"params": decayed, "weight_decay": recipe.weight_decay}, {"params": free, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=recipe.rate)
