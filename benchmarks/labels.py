"""Photos of a folder and where they were taken, one by one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from data.labelled_sets import open_labelled

__all__ = ["Label", "read_labels"]


@dataclass(frozen=True)
class Label:
    """A photo and where it was taken; ``country`` is empty and the point NaN where they are not known."""

    path: Path
    lat: float
    lon: float
    country: str


def read_labels(folder: Path) -> list[Label]:
    """Labels of ``folder/labels.csv``, in its order; photos lie in ``folder/images`` or beside the table."""
    photos = open_labelled(folder)
    return [
        Label(Path(str(photos.source(k))), float(photos.lat[k]), float(photos.lon[k]), photos.country[k])
        for k in range(len(photos))
    ]
