"""Millions of names in two arrays, and not an object of Python's for each: workers share them, hashing is one pass."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from data.printable import encodable

__all__ = ["PackedNames"]


class PackedNames:
    """Names (n,), packed: their UTF-8 one after another, and where each begins.

    What joins two lists of names is Arrow's hash table; the arrays are Arrow's own layout and are not copied for it.

    Args:
        text: (t,) uint8, all names.
        starts: (n + 1,) int64, where each name begins in ``text``, and where the last one ends.

    >>> names = PackedNames.of(["b.jpg", "ü.jpg", "b.jpg"])
    >>> len(names), names[1], names.repeated().tolist(), names.positions(PackedNames.of(["x", "ü.jpg"])).tolist()
    (3, 'ü.jpg', [2], [-1, 1])
    """

    __slots__ = ("starts", "text")

    def __init__(self, text: NDArray[np.uint8], starts: NDArray[np.int64]) -> None:
        self.text = text
        self.starts = starts

    @classmethod
    def of(cls, names: Iterable[str]) -> PackedNames:
        """The names in that order; halves of surrogate pairs, which UTF-8 cannot hold, are escaped."""
        # pyarrow takes 0.1 s to import, and only who opens a data set needs it.
        import pyarrow as pa

        return cls.of_arrow(
            pa.array([name if name.isascii() else encodable(name) for name in names], pa.large_string())
        )

    @classmethod
    def of_arrow(cls, column: Any) -> PackedNames:
        """The names in a string array of Arrow's, chunked or not; null becomes the empty name."""
        import pyarrow as pa
        import pyarrow.compute as pc

        column = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
        if column.type != pa.large_string():
            column = column.cast(pa.large_string())
        if column.null_count:
            column = pc.fill_null(column, "")
        if len(column) == 0:
            return cls(np.zeros(0, np.uint8), np.zeros(1, np.int64))
        _, starts, text = column.buffers()
        first, last = column.offset, column.offset + len(column)
        begins = np.frombuffer(starts, np.int64)[first : last + 1]
        content = np.frombuffer(text, np.uint8) if text is not None and text.size else np.zeros(0, np.uint8)
        return cls(content[begins[0] : begins[-1]], begins - begins[0])

    @classmethod
    def joined(cls, parts: Sequence[PackedNames]) -> PackedNames:
        """The names of all ``parts``, one after another."""
        before = np.cumsum([0, *(len(part.text) for part in parts)])
        starts = [part.starts[:-1] + shift for part, shift in zip(parts, before[:-1], strict=True)]
        text = np.concatenate([np.zeros(0, np.uint8), *(part.text for part in parts)])
        return cls(text, np.concatenate([*starts, before[-1:]]).astype(np.int64))

    @property
    def arrow(self) -> Any:
        """The names as Arrow's ``large_string`` array, on the same memory."""
        import pyarrow as pa

        return pa.LargeStringArray.from_buffers(
            len(self), pa.py_buffer(np.ascontiguousarray(self.starts)), pa.py_buffer(np.ascontiguousarray(self.text))
        )

    def __len__(self) -> int:
        return len(self.starts) - 1

    def __getitem__(self, index: int) -> str:
        if not -len(self) <= index < len(self):
            raise IndexError(f"name {index} of {len(self)}")
        index %= len(self)
        return self.text[self.starts[index] : self.starts[index + 1]].tobytes().decode("utf-8", "backslashreplace")

    def __iter__(self) -> Iterator[str]:
        return (self[index] for index in range(len(self)))

    def take(self, indices: ArrayLike) -> PackedNames:
        """The names at ``indices`` (k,), in that order."""
        import pyarrow as pa

        return PackedNames.of_arrow(self.arrow.take(pa.array(np.asarray(indices, np.int64))))

    def positions(self, others: PackedNames) -> NDArray[np.int64]:
        """Where each of ``others`` (m,) stands among these names, the first time; -1 where it does not."""
        import pyarrow.compute as pc

        found = pc.fill_null(pc.index_in(others.arrow, value_set=self.arrow), -1)
        positions: NDArray[np.int64] = found.to_numpy(zero_copy_only=False).astype(np.int64)
        return positions

    def with_prefix(self, prefix: str) -> PackedNames:
        """The names with ``prefix`` before each."""
        import pyarrow as pa
        import pyarrow.compute as pc

        head, between = (pa.scalar(text, pa.large_string()) for text in (prefix, ""))
        return PackedNames.of_arrow(pc.binary_join_element_wise(head, self.arrow, between))

    def without_endings(self, endings: Iterable[str]) -> PackedNames:
        """The names without a last dot and one of ``endings`` (letters and digits), in any case."""
        import pyarrow.compute as pc

        pattern = rf"(?i)\.({'|'.join(endings)})$"
        return PackedNames.of_arrow(pc.replace_substring_regex(self.arrow, pattern=pattern, replacement=""))

    def repeated(self) -> NDArray[np.int64]:
        """Indices of the names that stood there before (k,), in order."""
        return np.flatnonzero(self.positions(self) != np.arange(len(self)))

    def __getstate__(self) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        return self.text, self.starts

    def __setstate__(self, state: tuple[NDArray[np.uint8], NDArray[np.int64]]) -> None:
        self.text, self.starts = state

    def __repr__(self) -> str:
        return f"PackedNames({len(self)})"
