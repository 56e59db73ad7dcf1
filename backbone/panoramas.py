"""Views into panoramas of the whole sphere: more photos of scenes that are scarce, above all rooms.

What it was made for are the 18 panoramas of the npm package ``@pmndrs/assets`` (CC0): OpenEXR files of 512 x 256 with
linear light, in JavaScript modules as base64.
"""

from __future__ import annotations

import base64
import re
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from data.errors import DatasetError

__all__ = ["read_panorama", "view"]

_VIEW: Final = (160, 120)  # pixels: no more than the panorama has
_ACROSS: Final = 95.0  # degrees: a wide lens, so that its pixels are about those of the panorama
_GREY: Final = 0.20  # what the geometric mean of the light is shown as, linear
_WHITE: Final = 4.0  # what is shown as white, after that (Reinhard et al. 2002, equation 4)
_MOST: Final = 1000.0  # a lamp or the sun may be infinite


def read_panorama(folder: Path, name: str) -> NDArray[np.float32]:
    """Linear light (H, W, 3), longitude to the right, of ``folder/NAME.exr.js``.

    Raises:
        DatasetError: It is missing or damaged, or OpenEXR is not installed (the ``build`` extra).
    """
    try:
        import OpenEXR
    except ImportError as error:
        raise DatasetError("panoramas need OpenEXR: pip install 'whence[build]'") from error
    from tempfile import TemporaryDirectory

    path = folder / f"{name}.exr.js"
    try:
        packed = re.search(r"base64,([A-Za-z0-9+/=]+)", path.read_text(encoding="ascii"))
        if packed is None:
            raise ValueError("no base64 in it")
        with TemporaryDirectory() as place:
            file = Path(place) / "panorama.exr"
            file.write_bytes(base64.b64decode(packed[1]))
            light = OpenEXR.File(str(file)).channels()["RGB"].pixels
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise DatasetError(
            f"{path} is no panorama ({error}): get it with `npm pack @pmndrs/assets@1.7.0`, in package/hdri"
        ) from error
    finite = np.nan_to_num(np.asarray(light, np.float32), nan=0.0, posinf=_MOST, neginf=0.0)
    return np.clip(finite, 0.0, _MOST)


def view(panorama: NDArray[np.float32], yaw: float, pitch: float) -> NDArray[np.uint8]:
    """What a camera sees that looks ``yaw`` degrees to the right and ``pitch`` up: (120, 160, 3) uint8 sRGB."""
    from scipy.ndimage import map_coordinates

    width, height = _VIEW
    focal = width / 2.0 / np.tan(np.radians(_ACROSS) / 2.0)
    across, down = np.meshgrid(
        (np.arange(width) + 0.5 - width / 2.0) / focal, (np.arange(height) + 0.5 - height / 2.0) / focal
    )
    up = np.radians(pitch)
    y = -down * np.cos(up) + np.sin(up)
    z = down * np.sin(up) + np.cos(up)
    lon = np.arctan2(across, z) + np.radians(yaw)
    lat = np.arctan2(y, np.hypot(across, z))
    rows, columns = panorama.shape[:2]
    where = [
        np.clip((0.5 - lat / np.pi) * rows - 0.5, 0.0, rows - 1.0),
        ((lon / (2.0 * np.pi) + 0.5) * columns - 0.5) % columns + 2.0,
    ]
    around = np.concatenate([panorama[:, -2:], panorama, panorama[:, :2]], axis=1)
    light = np.stack([map_coordinates(around[..., c], where, order=1) for c in range(3)], axis=-1)
    return _shown(np.asarray(light, np.float64))


def _shown(light: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Linear light as a camera would expose it."""
    grey = light @ np.array([0.2126, 0.7152, 0.0722])
    exposed = light * (_GREY / np.exp(np.log(grey + 1e-4).mean()))
    shown = np.clip(exposed * (1.0 + exposed / _WHITE**2) / (1.0 + exposed), 0.0, 1.0)
    return np.asarray((shown ** (1.0 / 2.2) * 255.0).round(), np.uint8)
