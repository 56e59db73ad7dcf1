"""A gallery: photos whose places are known, each as the vector that an embedding makes of it, and the nearest of them.

Built by ``backbone.gallery_build``; the files are described in ``backbone.gallery_parts``. Vectors stay on disk and are
read through a view of it.
"""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from backbone.gallery_card import Embedding, GalleryCard, read_gallery_card
from backbone.gallery_index import check_index, exact_search, open_index
from backbone.gallery_parts import Places, open_vectors, read_places, verify_part
from data.errors import RequestError, WeightsError
from data.partition import Partition
from data.printable import printable

if TYPE_CHECKING:
    from usearch.index import Index

__all__ = ["Gallery"]

Floats = NDArray[np.float64]
Floats32 = NDArray[np.float32]
Indices = NDArray[np.int64]

_AT_ONCE: Final = 64  # queries that are compared with all photos at one time


class Gallery:
    """A gallery on disk, for reading.

    The card is read and checked now, the rest when it is first asked for.

    Args:
        folder: Where it is.
        unfinished: Open it also where the last change was not carried through.

    Raises:
        WeightsError: There is none, it is damaged, or the last change was not carried through.
    """

    def __init__(self, folder: str | Path, *, unfinished: bool = False) -> None:
        self.folder = Path(folder)
        self.card: GalleryCard = read_gallery_card(self.folder)
        if not self.card.finished and not unfinished:
            raise WeightsError(
                f"the gallery {self.card.name} in {printable(str(self.folder))} is not finished: wait where another "
                "process is changing it, else run the command that was interrupted again, or `whence gallery add "
                f"{self.card.name}` to finish with what is there"
            )

    def opened(self) -> Gallery:
        """The gallery, with all its files opened now: it goes on answering as it is, whatever becomes of it on disk.

        Raises:
            WeightsError: A file is missing or damaged, or another process has changed the gallery since its card was
                read.
        """
        try:
            _ = self.places, self.parts, self._index
        except WeightsError as error:
            if read_gallery_card(self.folder) == self.card:
                raise
            raise WeightsError(f"the gallery {self.name} was changed while it was opened: open it again") from error
        return self

    def __len__(self) -> int:
        return self.card.count

    def __repr__(self) -> str:
        return f"Gallery({self.card.name!r}, {len(self):,} photos, {self.embedding})"

    @property
    def name(self) -> str:
        """Its name."""
        return self.card.name

    @property
    def embedding(self) -> Embedding:
        """What its photos were embedded with."""
        return self.card.embedding

    @property
    def lat(self) -> Floats:
        """Latitudes (n,) in degrees."""
        return self.places.lat

    @property
    def lon(self) -> Floats:
        """Longitudes (n,) in degrees."""
        return self.places.lon

    def key(self, row: int) -> str:
        """What photo ``row`` is called, safe to show: the name of its set, ``/`` and its name there."""
        return printable(self.places.keys[row])

    @cached_property
    def places(self) -> Places:
        """Keys and places of all photos."""
        return Places.joined([read_places(self.folder, part) for part in self.card.parts])

    @cached_property
    def parts(self) -> list[NDArray[np.float16]]:
        """The vectors of each part (n_i, d) as a view of its file."""
        return [open_vectors(self.folder, part, self.embedding.dimensions) for part in self.card.parts]

    def vectors(self, rows: ArrayLike) -> Floats32:
        """The vectors (m, d) of the photos ``rows`` (m,)."""
        rows = np.asarray(rows, np.int64)
        out = np.empty((len(rows), self.embedding.dimensions), np.float32)
        which = np.searchsorted(self._starts, rows, side="right") - 1
        for part in np.unique(which).tolist():
            mine = np.flatnonzero(which == part)
            out[mine] = self.parts[part][rows[mine] - self._starts[part]]
        return out

    def nearest(self, queries: ArrayLike, k: int, *, exact: bool | None = None) -> tuple[Indices, Floats]:
        """Rows and squared Euclidean distances (q, k') of the ``k`` nearest photos of each query, nearest first.

        ``k'`` is ``k`` or, of a smaller gallery, its size. Galleries of more than 20,000 photos are searched by an
        index, which may miss some of the nearest; the distances that it tells are exact all the same.

        Args:
            queries: (q, d), each as the gallery's embedding makes them.
            k: How many, at least 1.
            exact: True compares with all photos, however many there are.

        Raises:
            RequestError: The queries have another length, or ``k`` is less than 1.
            WeightsError: A file of the gallery is missing or damaged.
        """
        queries = np.atleast_2d(np.asarray(queries, np.float32))
        if queries.shape[1] != self.embedding.dimensions or k < 1:
            raise RequestError(
                f"the gallery {self.name} compares vectors of {self.embedding.dimensions} numbers with at least one "
                f"photo; asked were {queries.shape[1]} numbers and {k} photos"
            )
        k = min(k, len(self))
        if self._index is None or exact:
            parts = [
                exact_search(self.parts, queries[start : start + _AT_ONCE], k)
                for start in range(0, len(queries), _AT_ONCE)
            ]
            rows, far = (np.concatenate([part[i] for part in parts]) for i in (0, 1))
            return rows.astype(np.int64), far.astype(np.float64)
        found = [self._proposed(query, k) for query in queries]
        return np.stack([rows for rows, _ in found]), np.stack([far for _, far in found])

    def distances(self, query: Floats32, rows: ArrayLike) -> Floats:
        """Squared Euclidean distances (m,) of ``query`` (d,) from the photos ``rows`` (m,)."""
        square: Floats = ((self.vectors(rows).astype(np.float64) - query) ** 2).sum(axis=1)
        return square

    def rows_in_cells(self, partition: Partition) -> tuple[Indices, Indices]:
        """The photos by cell: rows (n,) in order of their cells, and row ends (c + 1,) of the ``c`` cells in them."""
        cells = partition.cells_of(self.lat, self.lon)
        order = np.argsort(cells, kind="stable")
        return order, np.searchsorted(cells[order], np.arange(len(partition) + 1))

    def verify(self) -> list[str]:
        """What is wrong, each in a line that says what to do; an empty list where nothing is. Reads every byte."""
        findings = [] if self.card.finished else ["its last change was not carried through: run that command again"]
        for part in self.card.parts:
            findings += verify_part(self.folder, part, self.embedding.dimensions)
        try:
            if self.card.index is not None:
                check_index(self.folder, self.card.index, whole=True)
                open_index(self.folder, self.card.index, self.embedding.dimensions)
        except WeightsError as error:
            findings.append(str(error))
        return findings

    @cached_property
    def _starts(self) -> Indices:
        """First row of each part."""
        return np.cumsum([0, *(part.photos for part in self.card.parts)])[:-1].astype(np.int64)

    @cached_property
    def _index(self) -> Index | None:
        if self.card.index is None:
            return None
        if self.card.index.photos != len(self):
            raise WeightsError(
                f"the index of the gallery {self.name} is of {self.card.index.photos} photos, not of its {len(self)}: "
                f"`whence gallery add {self.name}` mends it"
            )
        return open_index(self.folder, self.card.index, self.embedding.dimensions)

    def _proposed(self, query: Floats32, k: int) -> tuple[Indices, Floats]:
        index = self._index
        if index is None:
            raise WeightsError(f"the gallery {self.name} has no index: `whence gallery add {self.name}` makes one")
        proposed = index.search(query.astype(np.float16), k, threads=1)
        rows = np.sort(np.asarray(proposed.keys, np.int64))
        if len(rows) < k or rows[-1] >= len(self):
            raise WeightsError(f"the index of the gallery {self.name} is damaged: build that gallery again")
        far = self.distances(query, rows)
        order = np.argsort(far, kind="stable")
        return rows[order], far[order]
