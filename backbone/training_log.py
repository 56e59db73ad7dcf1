"""The log of a training: a CSV file with a row every so many steps, that an interrupted training goes on writing."""

from __future__ import annotations

import csv
import logging
from pathlib import Path
from typing import Final

__all__ = ["COLUMNS", "TrainingLog"]

COLUMNS: Final = ("step", "epoch", "loss", "rate", "photos_per_s", "unreadable", "held_out_nll")
"""Of ``log.csv``: steps done, passes done, mean loss since the last row (nats, summed over levels), learning rate, pace
of all processes, photos left out since the start, and, at the end of a pass, the negative log-likelihood (nats) of the
true cell of held-out photos."""

_log = logging.getLogger(__name__)


class TrainingLog:
    """Rows of ``log.csv``.

    Args:
        path: The file; what a training wrote there after its last checkpoint is dropped.
        after: Steps that are done.

    Attributes:
        last: Steps done at the last row.
    """

    def __init__(self, path: Path, *, after: int = 0) -> None:
        self._path = path
        rows: list[list[str]] = []
        if path.exists():
            with path.open(newline="", encoding="utf-8") as stream:
                rows = [
                    row for row in list(csv.reader(stream))[1:] if row and row[0].isdigit() and int(row[0]) <= after
                ]
        self.last = after
        with path.open("w", newline="", encoding="utf-8") as stream:
            csv.writer(stream).writerows([COLUMNS, *rows])

    def add(
        self, step: int, epoch: float, loss: float, rate: float, pace: float, unreadable: int, nll: float | None
    ) -> None:
        """Write a row, and say it."""
        row = (step, f"{epoch:.3f}", f"{loss:.5f}", f"{rate:.3e}", f"{pace:.1f}", unreadable)
        with self._path.open("a", newline="", encoding="utf-8") as stream:
            csv.writer(stream).writerow((*row, "" if nll is None else f"{nll:.4f}"))
        held = "" if nll is None else f", held out {nll:.3f} nats"
        _log.info("step %d, epoch %.2f: loss %.3f, %.0f photos/s%s", step, epoch, loss, pace, held)
        self.last = step
