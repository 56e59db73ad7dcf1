"""Small models on disk, and a process that dies at a chosen step, for the tests of weights."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch

from backbone.planet_config import PlanetConfig
from backbone.planet_weights import WeightsCard, write_weights
from data.partition import Partition, load_default

__all__ = ["Died", "dies_at", "small_model", "tensors"]


def tensors(seed: int = 0) -> dict[str, torch.Tensor]:
    """Of several kinds and shapes, one of them empty."""
    made = torch.Generator().manual_seed(seed)
    return {
        "trunk.weight": torch.randn(4, 3, 2, generator=made),
        "head.bias": torch.randn(5, generator=made).to(torch.bfloat16),
        "steps": torch.tensor(7 + seed),
        "nothing": torch.zeros(0, 3),
    }


def small_model(
    folder: Path, *, seed: int = 0, name: str = "small", partition: Partition | None = None, **fields: Any
) -> WeightsCard:
    """Write a model into ``folder``; ``fields`` replace those of the card."""
    given: dict[str, Any] = {
        "config": PlanetConfig("tiny").to_dict(),
        "temperature": 1.25,
        "data": {"photos": 268, "licence": "CC BY-SA 4.0"},
        "metrics": {"held_out_geoscore": 500.0 + seed},
        "licence": "CC BY-SA 4.0",
    }
    return write_weights(folder, tensors(seed), name=name, partition=partition or load_default(), **given | fields)


class Died(BaseException):
    """What a process that was killed would not have gone on to do."""


@contextmanager
def dies_at(step: int) -> Iterator[None]:
    """Let the change to the disk with this number fail, and all after it: a dead process tidies nothing up."""
    left = step

    def counted(change: Any) -> Any:
        def changing(*args: Any, **kwargs: Any) -> Any:
            nonlocal left
            left -= 1
            if left < 0:
                raise Died
            return change(*args, **kwargs)

        return changing

    with pytest.MonkeyPatch.context() as patch:
        for name in ("replace", "rename", "unlink", "rmdir", "mkdir", "fsync"):
            patch.setattr(os, name, counted(getattr(os, name)))
        yield
