"""A text reader that reads what a test says, so that fusion is tested without a model."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from detectors.base import Reading
from detectors.script import script_of


class FixedText:
    """Reads the given lines, one below the other, whatever the picture shows."""

    name = "fixed"

    def __init__(self, lines: Sequence[str]) -> None:
        self._lines = list(lines)

    def read(self, pixels: NDArray[np.uint8]) -> list[Reading]:
        return [
            Reading(
                id=f"r{k}",
                text=text,
                box=((10.0, 10.0 + 30 * k), (200.0, 10.0 + 30 * k), (200.0, 35.0 + 30 * k), (10.0, 35.0 + 30 * k)),
                confidence=0.99,
                script=script_of(text),
                engine=self.name,
            )
            for k, text in enumerate(self._lines)
        ]
