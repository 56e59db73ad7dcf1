"""Small photos whose colour tells where they were taken: what several tests of PlaNet train on.

    python -m tests.backbone.trained OUT

trains on them in a process of its own, which a test may kill, or start several of under ``torchrun``.
"""

from __future__ import annotations

import hashlib
import sys
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from data.build_partition import Settings, build
from data.errors import ImageError
from data.partition import Partition
from data.photo_tables import Photos

TOWNS = ((48.2, 16.4), (40.4, -3.7), (-33.9, 151.2), (35.7, 139.7), (-23.5, -46.6), (1.3, 36.8))
"""Six places, each with a colour of its own."""
_COLOURS = np.array([(220, 40, 40), (40, 220, 40), (40, 40, 220), (220, 220, 40), (40, 220, 220), (220, 40, 220)])


class ColouredPhotos:
    """``n`` photos around :data:`TOWNS`, (40, 48, 3): the town's colour under noise.

    Every ``damaged``-th cannot be read.
    """

    name = "coloured"
    skipped = 0

    def __init__(self, n: int, *, seed: int = 0, damaged: int = 0) -> None:
        rng = np.random.default_rng(seed)
        self.town = rng.integers(0, len(TOWNS), n)
        self.lat, self.lon = np.array(TOWNS)[self.town].T + rng.normal(0.0, 0.3, (2, n))
        self._noise = rng.integers(-30, 31, (n, 40, 48, 3))
        self._damaged = damaged

    def __len__(self) -> int:
        return len(self.town)

    def key(self, index: int) -> str:
        return f"photo-{index}"

    def pixels(self, index: int, *, at_least: int = 0) -> NDArray[np.uint8]:
        if self._damaged and index % self._damaged == 0:
            raise ImageError(f"{self.key(index)} is damaged")
        return np.clip(_COLOURS[self.town[index]] + self._noise[index], 0, 255).astype(np.uint8)

    @cached_property
    def fingerprint(self) -> str:
        return hashlib.sha256(self.lat.tobytes() + self._noise.tobytes()).hexdigest()


def small_partition() -> Partition:
    """Some hundred cells in three levels, around :data:`TOWNS`."""
    rng = np.random.default_rng(3)
    lat, lon = (np.repeat(np.array(TOWNS), 60, axis=0) + rng.normal(0.0, 0.4, (60 * len(TOWNS), 2))).T
    settings = Settings(t_max=20, t_min=4, middle=40, coarse=120, cover_level=1)
    return build(Photos.of_people(lat, lon), name="towns", settings=settings)


def main(out: Path) -> None:
    """Train for some seconds, with a checkpoint after each step."""
    import torch

    from backbone.planet_config import PlanetConfig
    from backbone.train_prior import Recipe, Run, train

    torch.set_num_threads(1)
    recipe = Recipe(epochs=4, batch=16, held_out=0.1, smoothing_km=50.0)
    run = Run(device="cpu", checkpoint_minutes=0.0)
    train(
        out,
        ColouredPhotos(240, damaged=40),
        partition=small_partition(),
        config=PlanetConfig("tiny"),
        recipe=recipe,
        run=run,
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
