"""ultralytics' trainer of detectors, taught to build our network and to keep its trunk slow."""

from __future__ import annotations

import json
import math
import time
from pathlib import Path
from typing import Any

import torch
from torch import nn, optim
from ultralytics.models.yolo.detect import DetectionTrainer

from detectors.region_net import CLASSES, RegionModel, text_trunk_layout, yolo_layout

__all__ = ["MANY", "RegionTrainer", "spent"]

MANY = 100_000
"""Epochs that are never reached."""


def spent(file: Path) -> float:
    """Seconds that a stage has learnt for, by the ``file`` that its trainer keeps; 0 where there is none."""
    return float(json.loads(file.read_text())["seconds"]) if file.exists() else 0.0


class RegionTrainer(DetectionTrainer):
    """Trains a :class:`~detectors.region_net.RegionModel`.

    Args:
        start: ``"text"`` for a network on the text trunk, else YOLO11n.
        trunk_rate: The trunk's rate of learning, as a share of the rest's.
        epoch: Crops in an epoch, a checkpoint is written after each.
        seconds: Time to learn, what was spent before included; the rate of learning falls with it as a cosine.
        spent_in: A JSON file with the seconds that were spent, kept up to date.
        overrides: ultralytics' settings.
    """

    model: Any
    optimizer: Any
    scheduler: Any
    lf: Any

    def __init__(
        self, *, start: str, trunk_rate: float, epoch: int, seconds: float, spent_in: Path, overrides: dict[str, Any]
    ) -> None:
        self._start, self._trunk_rate, self._crops = start, trunk_rate, epoch
        self._seconds, self._spent_in, self._before = seconds, spent_in, spent(spent_in)
        self._began = time.monotonic()
        threads = torch.get_num_threads()
        super().__init__(overrides=overrides)
        if self.device.type == "cpu":
            torch.set_num_threads(threads)  # ultralytics leaves one core idle
        self.add_callback("on_train_start", lambda _: self._start_clock())
        self.add_callback("on_train_batch_end", lambda _: self._keep_to_budget())
        self.add_callback("on_model_save", lambda _: self._write_spent())

    def _start_clock(self) -> None:
        self._began = time.monotonic()

    def _so_far(self) -> float:
        return self._before + time.monotonic() - self._began

    def _write_spent(self) -> None:
        self._spent_in.write_text(json.dumps({"seconds": self._so_far()}))

    def _keep_to_budget(self) -> None:
        # Epochs are long where the machine is slow: the rate falls within them too. Warm-up is the first one's.
        if self.epoch:
            for group in self.optimizer.param_groups:
                group["lr"] = group["initial_lr"] * self.lf(self.epoch)
        self.stop = self.stop or self._so_far() >= self._seconds

    def _setup_scheduler(self) -> None:
        """The share of the first rate of learning that is left, by time instead of by epochs."""

        def left(_: int) -> float:
            done = min(self._so_far() / self._seconds, 1.0)
            return max(0.5 + 0.5 * math.cos(math.pi * done), float(self.args.lrf))

        self.lf = left
        self.scheduler = optim.lr_scheduler.LambdaLR(self.optimizer, lr_lambda=left)

    def get_dataloader(self, dataset_path: str, batch_size: int = 16, rank: int = 0, mode: str = "train") -> Any:
        """As the base class; in training with shorter epochs."""
        loader = super().get_dataloader(dataset_path, batch_size, rank, mode)
        if mode == "train" and len(loader.dataset) > self._crops:
            # Batches repeat a sampler without end, which takes its order from another.
            loader.batch_sampler.sampler.sampler._num_samples = self._crops
        return loader

    def get_model(
        self, cfg: str | dict[str, Any] | None = None, weights: nn.Module | None = None, verbose: bool = True
    ) -> RegionModel:
        """Our network; with the ``weights`` of another where their shapes agree."""
        layout = text_trunk_layout() if self._start == "text" else yolo_layout()
        model = RegionModel(layout, nc=len(CLASSES), verbose=False)
        model.names = dict(enumerate(CLASSES))
        if weights is not None:
            model.load(weights, verbose=False)
        # ultralytics does so on GPUs only; on a processor the trunk is half as fast again with it.
        return model.to(memory_format=torch.channels_last)

    def set_model_attributes(self) -> None:
        """The network has two classes; the data set two more, for what nobody labelled."""
        self.model.nc = len(CLASSES)
        self.model.names = dict(enumerate(CLASSES))
        self.model.args = self.args

    def build_optimizer(
        self,
        model: nn.Module,
        name: str = "AdamW",
        lr: float = 0.001,
        momentum: float = 0.9,
        decay: float = 1e-2,
        iterations: float = 1e5,
    ) -> optim.Optimizer:
        """AdamW; no decay of biases and normalisation, and a slower trunk."""
        groups: dict[tuple[bool, bool], list[nn.Parameter]] = {}
        for key, value in model.named_parameters():
            if value.requires_grad:
                groups.setdefault((key.startswith("model.0.") and self._start == "text", value.ndim > 1), []).append(
                    value
                )
        settings = [
            {
                "params": values,
                "lr": lr * (self._trunk_rate if trunk else 1.0),
                "weight_decay": decay if wide else 0.0,
                "param_group": "weight" if wide else "bias",
            }
            for (trunk, wide), values in groups.items()
        ]
        return torch.optim.AdamW(settings, lr=lr, betas=(0.9, 0.999))

    def resume_training(self, ckpt: dict[str, Any] | None) -> None:
        """As the base class; time ends a training, not the number of epochs that the checkpoint was to have."""
        self.epochs = self.args.epochs = MANY
        super().resume_training(ckpt)

    def final_eval(self) -> None:
        """Nothing: checkpoints stay as they are, so that a stage can be taken up again."""
