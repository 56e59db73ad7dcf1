"""What each way of looking at a photo reads, and what it costs: the table behind ``detectors.ocr.ReadingConfig``.

    python benchmarks/ocr.py ../shared/data/shopfronts_dev ../shared/data/signs_dev --photos 12

A line counts if it was read with a confidence of at least 0.8 and has three letters or more. There is no transcript of
these photos, so this says how much is read surely, not how much of it is right. Time is processor time of the engine
(detection and recognition), which does not depend on what else the machine does; with two cores divide by about 1.5.
"""

from __future__ import annotations

import argparse
import hashlib
import random
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from data.images import find_images, load
from detectors.base import Reading
from detectors.ocr import Detection, PhotoReader, ReadingConfig, TextEngine
from detectors.rapid import RapidEngine

ALL = 10**9
STRATEGIES = {
    "1x": ReadingConfig(first_pixels=ALL, first_scale=1.0, overview=0, second_pixels=0),
    "1.5x": ReadingConfig(first_pixels=ALL, first_scale=1.5, overview=0, second_pixels=0),
    "2x": ReadingConfig(first_pixels=ALL, first_scale=2.0, overview=0, second_pixels=0),
    "one look": ReadingConfig(overview=0, second_pixels=0),
    "look, overview": ReadingConfig(second_pixels=0),
    "look, second look": ReadingConfig(overview=0),
    "default": ReadingConfig(),
    "default, heat 0.1": ReadingConfig(heat=0.1),
    "default, heat 0.4": ReadingConfig(heat=0.4),
    "default, first 0.9 MP": ReadingConfig(first_pixels=900_000),
    "default, second 1 MP": ReadingConfig(second_pixels=1_000_000),
    "default, second 2 MP": ReadingConfig(second_pixels=2_000_000),
}


Recognition = Sequence[tuple[str, float] | tuple[str, float, str]]


class Remembering:
    """An engine that runs once on the same pixels, and charges its processor time every time."""

    def __init__(self, engine: TextEngine) -> None:
        self.name = engine.name
        self.seconds = 0.0
        self._engine = engine
        self._detected: dict[bytes, tuple[Detection, float]] = {}
        self._recognised: dict[bytes, tuple[Recognition, float]] = {}

    def detect(self, pixels: NDArray[np.uint8]) -> Detection:
        """As the engine does."""
        key = hashlib.sha256(repr(pixels.shape).encode() + pixels.tobytes()).digest()
        if key not in self._detected:
            start = time.process_time()
            self._detected[key] = self._engine.detect(pixels), time.process_time() - start
        detection, seconds = self._detected[key]
        self.seconds += seconds
        return detection

    def recognise(self, lines: Sequence[NDArray[np.uint8]]) -> Recognition:
        """As the engine does."""
        key = hashlib.sha256(b"".join(repr(line.shape).encode() + line.tobytes() for line in lines)).digest()
        if key not in self._recognised:
            start = time.process_time()
            self._recognised[key] = self._engine.recognise(lines), time.process_time() - start
        read, seconds = self._recognised[key]
        self.seconds += seconds
        return read

    def forget(self) -> None:
        """Make room: the next photo has nothing in common with this one."""
        self._detected.clear()
        self._recognised.clear()


def surely_read(readings: Sequence[Reading]) -> list[int]:
    """Letters of each line that counts."""
    letters = [sum(c.isalpha() for c in r.text) for r in readings if r.confidence >= 0.8]
    return [n for n in letters if n >= 3]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("folders", nargs="+", type=Path, help="photos, or folders of them; each is one column")
    parser.add_argument("--photos", type=int, default=12, help="how many of each, drawn by a fixed seed (default 12)")
    arguments = parser.parse_args()
    engine = Remembering(RapidEngine())
    engine.detect(np.zeros((64, 64, 3), np.uint8))
    print(f"{'':24}" + "".join(f"{folder.name:>26}" for folder in arguments.folders))
    print(f"{'lines / letters / s':24}")
    table: dict[str, list[str]] = {name: [] for name in STRATEGIES}
    for folder in arguments.folders:
        paths = find_images([folder])
        paths = random.Random(0).sample(paths, min(arguments.photos, len(paths)))
        totals = {name: np.zeros(3) for name in STRATEGIES}
        for path in paths:
            pixels = load(path).pixels
            for name, config in STRATEGIES.items():
                engine.seconds = 0.0
                letters = surely_read(PhotoReader(engine, config).read(pixels))
                totals[name] += (len(letters), sum(letters), engine.seconds)
            engine.forget()
        for name, (lines, characters, seconds) in totals.items():
            table[name].append(f"{lines:.0f} / {characters:.0f} / {seconds / len(paths):.2f}")
    for name, cells in table.items():
        print(f"{name:24}" + "".join(f"{cell:>26}" for cell in cells))


if __name__ == "__main__":
    main()
