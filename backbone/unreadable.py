"""Photos that could not be read and are left out: each named once, in a text file beside the training."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from data.errors import DatasetError

__all__ = ["Unreadable"]


class Unreadable:
    """The names that one process has met, a line each.

    Args:
        out: Folder of the training.
        rank: Number of this process; the first writes ``unreadable.txt``, the others ``unreadable-RANK.txt``.
        known: How many of the first names there a training that goes on had met; what came later is dropped.
    """

    def __init__(self, out: Path, rank: int, *, known: int) -> None:
        self._path = out / ("unreadable.txt" if rank == 0 else f"unreadable-{rank}.txt")
        lines = self._path.read_text(encoding="utf-8").splitlines() if self._path.exists() else []
        self._names = dict.fromkeys(lines[:known])
        if lines and len(self._names) < len(lines):
            self._write()

    def __len__(self) -> int:
        return len(self._names)

    def __contains__(self, name: object) -> bool:
        return name in self._names

    def add(self, names: Iterable[str]) -> None:
        """Note those of ``names`` that are new.

        Raises:
            DatasetError: The file cannot be written.
        """
        new = [name for name in dict.fromkeys(names) if name not in self._names]
        if new:
            self._names |= dict.fromkeys(new)
            try:
                with self._path.open("a", encoding="utf-8") as stream:
                    stream.writelines(f"{name}\n" for name in new)
            except OSError as error:
                raise DatasetError(f"cannot write {self._path}: {error.strerror}; make room and start again") from error

    def gather(self, out: Path) -> int:
        """Join the lists of all processes into this one's; how many different photos that are."""
        for path in sorted(out.glob("unreadable-*.txt")):
            self._names |= dict.fromkeys(path.read_text(encoding="utf-8").splitlines())
            path.unlink()
        if self._names:
            self._write()
        return len(self._names)

    def _write(self) -> None:
        self._path.write_text("".join(f"{name}\n" for name in self._names), encoding="utf-8")
