"""What the ranker learns from: the rows of many photos as one table, with the row that is true.

A photo in which nothing points anywhere is no example: fusion gives its prior back.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from data.errors import DatasetError
from data.partition import Partition
from data.printable import printable
from data.version import __version__
from data.writing import write_whole
from fusion.conditional_logit import ConditionalLogit
from fusion.features import FEATURES, rows_of
from fusion.laid import LaidClues
from fusion.pool import SAME_NATS

if TYPE_CHECKING:
    from fusion.simulate import Simulated

__all__ = ["PLACES", "Examples", "examples_of", "joined", "load_examples", "place_numbers", "save_examples"]

PLACES: Final = 20
"""Places are dealt out into so many numbers, by the coarse cell that they lie in."""


@dataclass(frozen=True, eq=False)
class Examples:
    """Rows of p photos, m in all.

    Attributes:
        table: (m, len(FEATURES)) float32.
        log_p0: (m,) the prior over rows.
        gain: (m,) the pool's evidence over rows.
        starts: (p + 1,) first row of each photo, and m.
        truth: (p,) the true row of each photo, among all rows.
        inside: (p,) nats: log-probability of the true cell inside its row, which no score changes.
        place: (p,) number of the photo's place, 0 to ``PLACES - 1``.
        source: (p,) the recipe that made the photo.
    """

    table: NDArray[np.float32]
    log_p0: NDArray[np.float64]
    gain: NDArray[np.float64]
    starts: NDArray[np.int64]
    truth: NDArray[np.int64]
    inside: NDArray[np.float64]
    place: NDArray[np.int64]
    source: NDArray[np.str_]

    def __len__(self) -> int:
        return len(self.truth)

    def losses(self, told: NDArray[np.float64]) -> NDArray[np.float64]:
        """(p,) nats that the true cell of each photo misses, by the evidence term of the rows (m,)."""
        of_rows = ConditionalLogit(self.starts, self.truth).losses(self.log_p0 + told)
        return np.asarray(of_rows - self.inside, np.float64)

    def of(self, photos: NDArray[Any]) -> Examples:
        """The examples of some photos, given as indices or a mask (p,)."""
        chosen = np.flatnonzero(photos) if photos.dtype == bool else photos
        counts = np.diff(self.starts)[chosen]
        starts = np.concatenate([[0], np.cumsum(counts)])
        rows = np.repeat(self.starts[chosen] - starts[:-1], counts) + np.arange(starts[-1])
        truth = self.truth[chosen] - self.starts[chosen] + starts[:-1]
        return Examples(
            self.table[rows], self.log_p0[rows], self.gain[rows], starts, truth, self.inside[chosen],
            self.place[chosen], self.source[chosen],
        )  # fmt: skip


def examples_of(photos: Iterable[Simulated]) -> Examples:
    """The rows of ``photos``, those left out in which nothing points anywhere."""
    tables, log_p0, gain, counts, truth, inside, place, source = [], [], [], [], [], [], [], []
    for photo in photos:
        if not photo.clues:
            continue
        prior, partition = photo.prior, photo.prior.partition
        laid = LaidClues(prior, photo.clues)
        shares = laid.shares()
        evidence = laid.total(shares)
        if np.ptp(evidence) < SAME_NATS:
            continue
        cell = int(partition.cells_of(photo.lat, photo.lon)[0])
        if prior.p[cell] <= 0.0:
            continue  # no evidence brings back what the prior excludes
        rows, table = rows_of(prior, laid, shares, evidence, photo.context)
        row = int(rows.of_cell[cell])
        tables.append(table)
        log_p0.append(rows.log_p0)
        gain.append(rows.gain)
        counts.append(len(rows))
        truth.append(row)
        mates = rows.log_pool[rows.of_cell == row]
        inside.append(float(rows.log_pool[cell] - np.logaddexp.reduce(mates)))
        place.append(int(place_numbers(partition)[cell]))
        source.append(photo.source)
    starts = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    if not tables:
        return Examples(
            np.zeros((0, len(FEATURES)), np.float32), np.zeros(0), np.zeros(0), starts, np.zeros(0, np.int64),
            np.zeros(0), np.zeros(0, np.int64), np.array([], np.str_),
        )  # fmt: skip
    return Examples(
        np.concatenate(tables), np.concatenate(log_p0), np.concatenate(gain), starts,
        np.array(truth, np.int64) + starts[:-1], np.array(inside), np.array(place, np.int64), np.array(source),
    )  # fmt: skip


@lru_cache(maxsize=4)
def place_numbers(partition: Partition) -> NDArray[np.int64]:
    """(n,) number of each cell's place: that of its coarse cell, dealt out by a fixed shuffle."""
    coarse = partition.parents("coarse") if "coarse" in partition.levels else partition.parents(partition.level)
    dealt = np.random.default_rng(0).permutation(int(coarse.max()) + 1)
    return np.asarray(dealt[coarse] % PLACES, np.int64)


def joined(parts: Sequence[Examples]) -> Examples:
    """All examples of ``parts``, in their order."""
    ends = np.cumsum([0, *(int(part.starts[-1]) for part in parts)])
    starts = [part.starts[:-1] + end for part, end in zip(parts, ends[:-1], strict=True)]
    truth = [part.truth + end for part, end in zip(parts, ends[:-1], strict=True)]
    rest = {
        f.name: np.concatenate([getattr(part, f.name) for part in parts])
        for f in fields(Examples)
        if f.name not in ("starts", "truth")
    }
    return Examples(starts=np.concatenate([*starts, ends[-1:]]), truth=np.concatenate(truth), **rest)


def save_examples(path: Path, examples: Examples) -> None:
    """Write ``examples`` to ``path``, whole or not at all.

    Raises:
        DatasetError: It cannot be written.
    """
    content = BytesIO()
    made_by = np.array([__version__, *FEATURES])
    np.savez(content, made_by=made_by, **{f.name: getattr(examples, f.name) for f in fields(Examples)})
    try:
        write_whole(path, content.getvalue())
    except OSError as error:
        raise DatasetError(f"cannot write {printable(str(path))}: {error.strerror}; give another folder") from error


def load_examples(path: Path) -> Examples | None:
    """What :func:`save_examples` wrote; None where it is not there, damaged, or of another version or columns."""
    try:
        with np.load(BytesIO(path.read_bytes()), allow_pickle=False) as kept:
            if kept["made_by"].tolist() != [__version__, *FEATURES]:
                return None
            return Examples(**{f.name: kept[f.name] for f in fields(Examples)})
    except (OSError, ValueError, KeyError, EOFError, BadZipFile):
        return None
