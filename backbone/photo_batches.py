"""Photos in batches for training and for measuring: the same order and the same squares at every try."""

from __future__ import annotations

import signal
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from backbone.crops import five_crops, least_side, training_crop
from data.errors import DatasetError, ImageError
from data.photo_sets import PhotoSet

__all__ = ["Batch", "held_out_batches", "training_batches"]

Item = tuple[int, NDArray[np.uint8] | str | None]  # a photo's squares, why the set is unusable, or a damaged photo


@dataclass(frozen=True, slots=True)
class Batch:
    """Some photos.

    Attributes:
        indices: (b,) int64, which of the set.
        pixels: (b, 3, s, s) uint8; (b, 5, 3, s, s) where five crops were asked for.
        unreadable: Indices of photos that could not be read and are left out.
        fault: Why the set cannot be used any more; empty where it can.
    """

    indices: NDArray[np.int64]
    pixels: Tensor
    unreadable: tuple[int, ...]
    fault: str = ""

    def pin_memory(self) -> Batch:
        """The same with pixels in memory from which a GPU copies by itself; what a ``DataLoader`` calls."""
        return Batch(self.indices, self.pixels.pin_memory(), self.unreadable, self.fault)


class _Squares(Dataset[Item]):
    """Squares of photos by (epoch, index), or five of each by (-1, index)."""

    def __init__(self, photos: PhotoSet, pixels: int, seed: int) -> None:
        self.photos, self.pixels, self.seed = photos, pixels, seed

    def __getitem__(self, at: tuple[int, int]) -> Item:
        epoch, index = at
        try:
            photo = self.photos.pixels(index, at_least=least_side(self.pixels))
        except ImageError:
            return index, None
        except DatasetError as error:  # as itself, not as the text of a traceback from another process
            return index, str(error)
        if epoch < 0:
            return index, five_crops(photo, self.pixels)
        # Chance of its own for each photo and epoch: whoever loads it, in whatever order, cuts the same square.
        rng = np.random.default_rng((self.seed, epoch, index))
        return index, training_crop(photo, self.pixels, rng)


def training_batches(
    photos: PhotoSet,
    pixels: int,
    *,
    batch: int,
    steps: range,
    seed: int,
    workers: int = 0,
    rank: int = 0,
    world: int = 1,
    pinned: bool = False,
) -> Iterator[Batch]:
    """One batch for each of ``steps``, of this process's share of it.

    Step ``s`` takes the ``s``-th ``batch`` photos of all epochs' orders laid end to end, an order a pass; so it is the
    same whether the training was interrupted or not, and however many processes share it. Of ``world`` processes the
    ``rank``-th gets every ``world``-th photo.

    Args:
        photos: The set.
        pixels: Side of the squares.
        batch: Photos in a step, all processes together.
        steps: Which steps.
        seed: Source of chance.
        workers: Processes that decode; 0 decodes in this one.
        rank: Number of this process.
        world: Number of processes.
        pinned: Whether the pixels come in memory from which a GPU copies by itself.

    Raises:
        DatasetError: The set's own files are gone, or a process that decodes was ended.
    """
    sampler = _Order(len(photos), batch, steps, seed, rank, world)
    return _loaded(_Squares(photos, pixels, seed), sampler, workers, pinned=pinned)


def held_out_batches(photos: PhotoSet, pixels: int, *, batch: int, workers: int = 0) -> Iterator[Batch]:
    """All photos once, in order, five squares of each."""
    order = [[(-1, i) for i in range(s, min(s + batch, len(photos)))] for s in range(0, len(photos), batch)]
    return _loaded(_Squares(photos, pixels, 0), order, workers)


class _Order:
    """For each step the (epoch, index) pairs of this process."""

    def __init__(self, photos: int, batch: int, steps: range, seed: int, rank: int, world: int) -> None:
        self.photos, self.batch, self.steps, self.seed, self.rank, self.world = photos, batch, steps, seed, rank, world

    def __len__(self) -> int:
        return len(self.steps)

    def __iter__(self) -> Iterator[list[tuple[int, int]]]:
        order, of_epoch = np.empty(0, np.int64), -1
        for step in self.steps:
            pairs = []
            for position in range(step * self.batch + self.rank, (step + 1) * self.batch, self.world):
                epoch, place = divmod(position, self.photos)
                if epoch != of_epoch:
                    order, of_epoch = np.random.default_rng((self.seed, epoch)).permutation(self.photos), epoch
                pairs.append((epoch, int(order[place])))
            yield pairs


def _loaded(squares: _Squares, order: Any, workers: int, *, pinned: bool = False) -> Iterator[Batch]:
    # `spawn`: a fork of a process that has threads in locks may hang.
    loader = DataLoader(
        squares, batch_sampler=order, collate_fn=_collated, num_workers=workers,
        multiprocessing_context="spawn" if workers else None, prefetch_factor=2 if workers else None,
        pin_memory=pinned, worker_init_fn=_leave_stopping_to_the_trainer,
    )  # fmt: skip
    try:
        for batch in loader:
            if batch.fault:
                raise DatasetError(batch.fault)
            yield batch
    except RuntimeError as error:
        if "DataLoader worker" not in str(error):
            raise
        raise DatasetError(
            f"a process that decodes photos was ended ({str(error).splitlines()[0]}): give fewer (--workers), or more "
            "shared memory (/dev/shm)"
        ) from error


def _leave_stopping_to_the_trainer(worker: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to every process of a terminal


def _collated(items: Sequence[Item]) -> Batch:
    for _, square in items:
        if isinstance(square, str):
            return Batch(np.empty(0, np.int64), torch.empty(0, dtype=torch.uint8), (), fault=square)
    read = [(index, square) for index, square in items if isinstance(square, np.ndarray)]
    indices = np.array([index for index, _ in read], np.int64)
    lost = tuple(index for index, square in items if square is None)
    if not read:
        return Batch(indices, torch.empty(0, dtype=torch.uint8), lost)
    stacked = torch.from_numpy(np.stack([square for _, square in read]))
    return Batch(indices, stacked.movedim(-1, -3), lost)
