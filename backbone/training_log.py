"""The log of a training: a CSV file with a row every so many steps, that an interrupted training goes on writing."""

from __future__ import annotations

import csv
import io
import logging
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from data.errors import DatasetError
from data.writing import write_whole

__all__ = ["COLUMNS", "TrainingLog"]

COLUMNS: Final = ("step", "epoch", "loss", "rate", "photos_per_s", "unreadable", "held_out_nll")
"""Of ``log.csv``: steps done, passes done, mean loss since the last row (nats, summed over levels, of the first
process's photos), learning rate, pace of all processes, different photos that the first process could not read, and, at
the end of a pass, the negative log-likelihood (nats) of the true cell of held-out photos."""

_log = logging.getLogger(__name__)


class TrainingLog:
    """Rows of ``log.csv``.

    Args:
        path: The file; what a training wrote there after its last checkpoint is dropped.
        steps: How many there will be.
        after: Steps that are done.

    Attributes:
        last: Steps done at the last row.

    Raises:
        DatasetError: The file cannot be written.
    """

    def __init__(self, path: Path, *, steps: int, after: int = 0) -> None:
        self._path, self._steps = path, steps
        rows: list[list[str]] = []
        if path.exists():
            with path.open(newline="", encoding="utf-8") as stream:
                rows = [row for row in csv.reader(stream) if len(row) == len(COLUMNS) and row[0].isdigit()]
        rows = [row for row in rows if int(row[0]) <= after]
        self.last = int(rows[-1][0]) if rows else 0
        self._begun, self._done = time.monotonic(), after
        self._write([COLUMNS, *rows], whole=True)

    def add(
        self, step: int, epoch: float, loss: float, rate: float, pace: float, unreadable: int, nll: float | None
    ) -> None:
        """Write a row, and say it with the time that is left."""
        row = (step, f"{epoch:.3f}", f"{loss:.5f}", f"{rate:.3e}", f"{pace:.1f}", unreadable)
        self._write([(*row, "" if nll is None else f"{nll:.4f}")], whole=False)
        minutes = (time.monotonic() - self._begun) / (step - self._done) * (self._steps - step) / 60.0
        left = f"{minutes:.0f} min" if minutes < 120 else f"{minutes / 60:.0f} h"
        held = "" if nll is None else f", held out {nll:.3f} nats"
        _log.info(
            "step %d of %d, epoch %.2f: loss %.3f, %.0f photos/s%s, %s left",
            step, self._steps, epoch, loss, pace, held, left,
        )  # fmt: skip
        self.last = step

    def _write(self, rows: Sequence[Sequence[object]], *, whole: bool) -> None:
        text = io.StringIO(newline="")
        csv.writer(text, lineterminator="\n").writerows(rows)
        try:
            if whole:
                write_whole(self._path, text.getvalue().encode())
            else:
                with self._path.open("a", newline="", encoding="utf-8") as stream:
                    stream.write(text.getvalue())
        except OSError as error:
            raise DatasetError(f"cannot write {self._path}: {error.strerror}; make room and start again") from error
