"""LightGBM, imported when it is needed, on machines without the system's OpenMP library too.

Its wheel expects ``libgomp.so.1`` from the system, which slim images lack; PyTorch's wheel brings one.
"""

from __future__ import annotations

import ctypes
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from data.errors import WeightsError

__all__ = ["lightgbm", "openmp_of_torch"]


def lightgbm() -> Any:
    """The module; half a second to import.

    Raises:
        WeightsError: It cannot be loaded on this machine.
    """
    try:
        return _imported()
    except OSError as error:
        library = openmp_of_torch()
        if library is None:
            raise _missing(error) from error
    ctypes.CDLL(str(library), mode=ctypes.RTLD_GLOBAL)
    try:
        return _imported()
    except OSError as error:
        raise _missing(error) from error


def openmp_of_torch() -> Path | None:
    """The ``libgomp.so.1`` in PyTorch's wheel, found without importing PyTorch; None where it has none."""
    spec = find_spec("torch")
    for folder in (spec.submodule_search_locations or ()) if spec is not None else ():
        library = Path(folder) / "lib" / "libgomp.so.1"
        if library.is_file():
            return library
    return None


def _imported() -> Any:
    import lightgbm

    return lightgbm


def _missing(error: OSError) -> WeightsError:
    return WeightsError(
        f"LightGBM cannot be loaded ({error}): install OpenMP (Debian: apt install libgomp1), or use --fusion pool"
    )
