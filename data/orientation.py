"""How a camera was held: the one tag of EXIF that is read, and pixels turned by it."""

from __future__ import annotations

from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

__all__ = ["as_stored", "orientation"]

_TAG: Final = 0x0112


def as_stored(upright: NDArray[np.uint8], turn: int) -> NDArray[np.uint8]:
    """A view of ``upright`` as a camera held that way stores it. 4.6.4 of CIPA DC-008-2012_E.pdf at cipa.jp/std."""
    match turn:
        case 2:
            return upright[:, ::-1]
        case 3:
            return upright[::-1, ::-1]
        case 4:
            return upright[::-1]
        case 5:
            return upright.transpose(1, 0, 2)
        case 6:
            return np.rot90(upright, 1)
        case 7:
            return upright[::-1, ::-1].transpose(1, 0, 2)
        case 8:
            return np.rot90(upright, -1)
    return upright


def orientation(exif: bytes) -> int:
    """Value of the one tag 0x0112 in the first directory of an EXIF block; 1 (upright) where there is none."""
    exif = exif.removeprefix(b"Exif\0\0").removeprefix(b"Exif\0\0")
    order: Literal["little", "big"] = "little" if exif[:2] == b"II" else "big"

    def number(at: int, size: int) -> int:
        return int.from_bytes(exif[at : at + size], order)

    directory = number(4, 4)
    for entry in range(directory + 2, directory + 2 + 12 * number(directory, 2), 12):
        if entry + 12 > len(exif):
            break
        if number(entry, 2) == _TAG:
            kind = number(entry + 2, 2)  # SHORT as the standard says, LONG as some write
            return number(entry + 8, 2) if kind == 3 else number(entry + 8, 4) if kind == 4 else 1
    return 1
