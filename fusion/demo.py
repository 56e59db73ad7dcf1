"""The sample photo of ``whence demo``: the street photo inside the installed ultralytics package."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, files
from pathlib import Path

from data.errors import ImageError

__all__ = ["sample_photo"]


def sample_photo() -> Path:
    """Path of ultralytics' ``assets/bus.jpg``.

    The package's list of files is asked, the package itself is not imported: importing it looks up hosts.

    Raises:
        ImageError: If ultralytics is not installed or lacks the photo.
    """
    try:
        listed = files("ultralytics") or []
    except PackageNotFoundError:
        listed = []
    for entry in listed:
        if entry.parts[-2:] == ("assets", "bus.jpg"):
            path = Path(str(entry.locate()))
            if path.is_file():
                return path
    raise ImageError("the sample photo is missing: install ultralytics (pip install ultralytics) and try again")
