"""Whether two devices give the same answers about the same photos."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from backbone.planet import PlanetPrior
from data.geodesy import haversine_km

__all__ = ["Agreement", "agreement", "tf32_convolutions"]


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far two devices' answers about the same photos are apart.

    Attributes:
        photos: How many.
        largest: Largest difference of two probabilities of a cell.
        same_top: Share of photos whose likeliest cell is the same.
        top_p: Mean probability of the likeliest cell: where it is near that of chance, agreeing says little.
        median_km: Median distance of the two points.
        most_km: Largest distance of the two points.
    """

    photos: int
    largest: float
    same_top: float
    top_p: float
    median_km: float
    most_km: float

    def __str__(self) -> str:
        return (
            f"{self.photos} photos, top cell {100 * self.top_p:.2g}% on average: probabilities differ by "
            f"{self.largest:.2g} at most, {100 * self.same_top:.1f}% have the same top cell, points are "
            f"{self.median_km:.3g} km apart (median), {self.most_km:.3g} km at most"
        )


def agreement(
    prior: PlanetPrior, images: Sequence[NDArray[np.uint8]], devices: tuple[str, str] = ("cpu", "cuda")
) -> Agreement:
    """What ``prior`` says about ``images`` (H, W, 3) on two devices, compared; points are of the highest GeoScore."""
    sides = [[output.distribution for output in prior.predict(images, device=device)] for device in devices]
    p, q = (np.stack([distribution.p for distribution in side]).astype(np.float64) for side in sides)
    one, other = (np.array([distribution.point("geoscore") for distribution in side]) for side in sides)
    km = haversine_km(one[:, 0], one[:, 1], other[:, 0], other[:, 1])
    return Agreement(
        photos=len(images),
        largest=float(np.abs(p - q).max()),
        same_top=float((p.argmax(axis=1) == q.argmax(axis=1)).mean()),
        top_p=float(p.max(axis=1).mean()),
        median_km=float(np.median(km)),
        most_km=float(km.max()),
    )


@contextmanager
def tf32_convolutions(allowed: bool) -> Iterator[None]:
    """Let a GPU round the factors of convolutions and matrix products to TF32 (10 bits), or not, for a while.

    Allowed, convolutions do so as torch has it by default, and matrix products as they were set to.
    """
    before = torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32
    if not allowed:
        torch.set_float32_matmul_precision("highest")
    torch.backends.cudnn.allow_tf32 = allowed
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before[0])
        torch.backends.cudnn.allow_tf32 = before[1]
