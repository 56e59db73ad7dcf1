"""How frequent a word is in the world's languages, names among them: what tells a one-off name from a common one."""

from __future__ import annotations

import functools
import zlib
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from data.assets import read_asset

__all__ = ["LEAST_ZIPF", "STEPS", "WORDS_PATH", "WORDS_SHA256", "zipf"]

WORDS_PATH: Final = Path(__file__).parent / "assets" / "word_rarity.safetensors"
WORDS_SHA256: Final = "fa7007d50f2f79c0fc0e578d9f712b032d20aa49a6c0659f23f3600e69b13aa5"
LEAST_ZIPF: Final = 3.6
"""Rarer words are not kept."""
STEPS: Final = 20
"""Steps of one unit of Zipf frequency."""


def zipf(word: str) -> float:
    """Zipf frequency (log10 of occurrences in 10^9 words) of a folded word in the language that has it most; 0 if rare.

    >>> zipf("hotel") > zipf("adler") > zipf("burgmaier") == 0.0
    True

    Raises:
        DatasetError: The shipped table is missing or damaged.
    """
    hashes, values = _table()
    number = np.uint32(zlib.crc32(word.encode()))  # of the table's type: numpy would convert the table to another's
    at = int(np.searchsorted(hashes, number))
    return float(values[at]) / STEPS if at < len(hashes) and hashes[at] == number else 0.0


@functools.lru_cache(maxsize=1)
def _table() -> tuple[NDArray[np.uint32], NDArray[np.uint8]]:
    from safetensors.numpy import load

    tensors = load(read_asset(WORDS_PATH, WORDS_SHA256))
    return tensors["hash"], tensors["zipf"]
