"""What a visual prior is: pixels to a distribution over cells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from data.distribution import CellDistribution
from data.partition import Partition

__all__ = ["Prior", "PriorCard", "PriorOutput", "temperature_of"]


@dataclass(frozen=True)
class PriorCard:
    """What a prior is made of.

    Attributes:
        summary: One sentence for a person.
        visual: Whether it looks at the pixels at all.
        trained_on: Its data, with licences.
        licence: Licence of its weights or table.
        accuracy: Name of a measured figure to its value, with the set in the name.
        sha256: Of its weights, in hexadecimal digits; empty where it has none.
        gpu: Whether it could run on a GPU.
    """

    summary: str
    visual: bool
    trained_on: str
    licence: str
    accuracy: Mapping[str, float] = field(default_factory=dict)
    sha256: str = ""
    gpu: bool = True


@dataclass(frozen=True, eq=False)
class PriorOutput:
    """What a prior says about one photo.

    Attributes:
        distribution: Calibrated probabilities over the prior's partition.
        scene: Scene name to probability, or None.
        embedding: (d,) float32, or None.
    """

    distribution: CellDistribution
    scene: Mapping[str, float] | None = None
    embedding: NDArray[np.float32] | None = None


class Prior(Protocol):
    """Pixels to a calibrated distribution over cells."""

    @property
    def name(self) -> str:
        """Short name, shown in every answer."""

    @property
    def partition(self) -> Partition:
        """The cells it speaks about."""

    @property
    def card(self) -> PriorCard:
        """What it was trained on and how good it was measured to be."""

    def predict(self, images: Sequence[NDArray[np.uint8]], *, device: str = "cpu") -> list[PriorOutput]:
        """One output per image, in order; each image is (H, W, 3) uint8 RGB."""


def temperature_of(prior: Prior) -> float | None:
    """What a prior's evidence is divided by, which may be fitted anew while its weights stay; None where nothing is."""
    temperature: float | None = getattr(prior, "temperature", None)
    return temperature
