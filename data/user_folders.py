"""Where whence keeps what is the user's own, and what can be made again: the system's places for both."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["user_cache", "user_data"]


def user_cache(name: str) -> Path | None:
    """The folder ``name`` in the user's cache folder, whether or not it is there; None without a home folder."""
    import platformdirs

    try:
        return _known(Path(platformdirs.user_cache_dir("whence", appauthor=False)) / name)
    except RuntimeError:
        return None


def user_data(variable: str, name: str) -> Path | None:
    """The folder that the environment ``variable`` names, else ``name`` in the system's place for a user's data.

    It need not be there; None without a home folder.
    """
    import platformdirs

    if named := os.environ.get(variable):
        return Path(named).absolute()
    try:
        return _known(Path(platformdirs.user_data_path("whence", appauthor=False)) / name)
    except RuntimeError:
        return None


def _known(folder: Path) -> Path | None:
    # Neither HOME nor an entry of the user's says a home; older platformdirs then gives "~/.local/..." as it stands.
    return folder if folder.is_absolute() else None
