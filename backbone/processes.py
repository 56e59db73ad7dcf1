"""One process or several that train together under ``torchrun``."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import torch
import torch.distributed as dist
from torch import nn

from data.errors import RequestError

__all__ = ["Processes"]

_PATIENCE: Final = timedelta(hours=2)  # while the first process measures, the others wait


@dataclass(frozen=True, slots=True)
class Processes:
    """This process's place among those that train.

    Attributes:
        rank: Its number; 0 writes the files.
        world: How many there are.
        device: What it computes on.
    """

    rank: int
    world: int
    device: torch.device

    @classmethod
    @contextmanager
    def joined(cls, device: str) -> Iterator[Processes]:
        """Those that ``torchrun`` started, joined; this one alone where it did not.

        Args:
            device: ``"auto"``, ``"cpu"`` or ``"cuda"``.

        Raises:
            RequestError: There is no such device.
        """
        if device not in ("auto", "cpu", "cuda"):
            raise RequestError(f"unknown device {device!r}: choose auto, cpu or cuda")
        if device == "cuda" and not torch.cuda.is_available():
            raise RequestError("no GPU that this torch can use was found: choose --device cpu")
        on_gpu = device == "cuda" or (device == "auto" and torch.cuda.is_available())
        world = int(os.environ.get("WORLD_SIZE", "1"))
        if on_gpu:
            torch.set_float32_matmul_precision("high")
        if world == 1:
            yield cls(0, 1, torch.device("cuda" if on_gpu else "cpu"))
            return
        local = int(os.environ.get("LOCAL_RANK", "0"))
        if on_gpu and local >= torch.cuda.device_count():
            raise RequestError(
                f"{local + 1} processes on this machine, {torch.cuda.device_count()} GPUs: start as many as there are"
            )
        where = torch.device(f"cuda:{local}" if on_gpu else "cpu")
        if on_gpu:
            torch.cuda.set_device(where)
            dist.init_process_group("nccl", timeout=_PATIENCE, device_id=where)
        else:
            dist.init_process_group("gloo", timeout=_PATIENCE)
        yield cls(dist.get_rank(), world, where)
        # Not after an error: it would wait for the others, and torchrun ends them all.
        dist.destroy_process_group()

    @property
    def first(self) -> bool:
        """Whether this is the one that writes the files."""
        return self.rank == 0

    def shared(self, net: nn.Module) -> nn.Module:
        """``net`` so that all processes take the same steps."""
        if self.world == 1:
            return net
        from torch.nn.parallel import DistributedDataParallel

        return DistributedDataParallel(net)

    def agree(self, mine: bool) -> bool:
        """What the first process says, in all of them."""
        if self.world == 1:
            return mine
        said = torch.tensor([mine], dtype=torch.int32, device=self.device)
        dist.broadcast(said, 0)
        return bool(said.item())

    def require_same(self, mine: int, why: str) -> None:
        """Raise RequestError with ``why`` unless all processes say the same number."""
        if self.world == 1:
            return
        said = torch.tensor([mine, -mine], dtype=torch.int64, device=self.device)
        dist.all_reduce(said, dist.ReduceOp.MAX)
        most, least = said.tolist()
        if most != -least:
            raise RequestError(f"the processes differ ({-least} and {most}): {why}")

    def has_bf16(self) -> bool:
        """Whether the device is a GPU that computes in bf16 itself."""
        return self.device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)

    def wait(self) -> None:
        """Until all have come here."""
        if self.world > 1:
            dist.barrier()

    def description(self) -> str:
        """What it runs on, for the weights' card."""
        kind = torch.cuda.get_device_name(self.device) if self.device.type == "cuda" else "cpu"
        return f"{self.world} x {kind}"
