"""OpenCV, imported when it is first needed, with a cure where it does not import.

``opencv-python`` and ``opencv-python-headless`` install the same files over each other; where the first one came last
and the machine has no display libraries, ``import cv2`` fails for want of libGL.
"""

from __future__ import annotations

import importlib
from types import ModuleType

from data.errors import WhenceError

__all__ = ["opencv"]


def opencv() -> ModuleType:
    """The ``cv2`` module.

    Raises:
        WhenceError: It does not import; the message names the command that mends it.
    """
    try:
        # Lazy: 0.1 s, and needs shared libraries that a machine may lack.
        return importlib.import_module("cv2")
    except ImportError as error:
        raise WhenceError(
            f"OpenCV does not import ({error}). Without display libraries, put the headless build over it: "
            "pip install --force-reinstall --no-deps opencv-python-headless"
        ) from error
