"""Thumbnails of the photos that a report shows: the best and the worst of each prior, and no others."""

from __future__ import annotations

import hashlib
import io
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from data.writing import write_whole
from fusion.evaluation.journal import writing

__all__ = ["MOST", "Shown", "best_first", "picture_of"]

MOST: Final = 20
"""Photos at either end."""

_PX: Final = 640
_FOLDER: Final = "photos"


def picture_of(folder: Path, file: str) -> Path:
    """Where the thumbnail of the photo called ``file`` is kept in a run's folder, if it is."""
    return folder / _FOLDER / f"{hashlib.sha256(file.encode('utf-8', 'surrogatepass')).hexdigest()[:16]}.jpg"


def best_first(row: Mapping[str, Any]) -> tuple[float, str] | None:
    """What photos are ordered by, the best first: distance, else bits to the country; None where neither is known."""
    if row["text_km"] is not None:
        return float(row["text_km"]), str(row["file"])
    if row["text_country_bits"] is not None:
        return -float(row["text_country_bits"]), str(row["file"])
    return None


class Shown:
    """Keeps thumbnails in a run's folder while rows come in any order.

    Args:
        folder: Of the run.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._ranked: dict[str, list[tuple[float, str]]] = {}
        self._known: set[str] = set()  # names that pictures of this run may have

    def note(self, row: Mapping[str, Any], thumbnail: bytes | None = None) -> None:
        """Take in a row, with its photo as JPEG where it was just located (private text covered)."""
        rank = None if row["error"] else best_first(row)
        if rank is None:
            return
        ranked = self._ranked.setdefault(row["prior"], [])
        ranked.append(rank)
        path = picture_of(self._folder, row["file"])
        self._known.add(path.name)
        if thumbnail and self._at_an_end(rank, ranked) and not path.exists():
            with writing(self._folder):
                write_whole(path, _smaller(thumbnail))
        if len(ranked) > 8 * MOST:
            ranked.sort()
            del ranked[MOST:-MOST]

    def finish(self) -> None:
        """Let the thumbnails go that no list has at its ends; what else lies in their folder stays."""
        wanted = set()
        for ranked in self._ranked.values():
            ranked.sort()
            wanted |= {picture_of(self._folder, file).name for _, file in (*ranked[:MOST], *ranked[-MOST:])}
        with writing(self._folder):
            for path in (self._folder / _FOLDER).glob("*.jpg"):
                if path.name in self._known - wanted:
                    path.unlink()

    @staticmethod
    def _at_an_end(rank: tuple[float, str], ranked: list[tuple[float, str]]) -> bool:
        better = sum(other < rank for other in ranked)
        return better < MOST or len(ranked) - 1 - better < MOST or math.isnan(rank[0])


def _smaller(jpeg: bytes) -> bytes:
    from data.pillow_settings import pillow_open

    with pillow_open(io.BytesIO(jpeg)) as picture:
        if max(picture.size) <= _PX:
            return jpeg
        small = picture.convert("RGB")
    small.thumbnail((_PX, _PX))
    stream = io.BytesIO()
    small.save(stream, "JPEG", quality=80)
    return stream.getvalue()
