"""Speed and memory of `whence`: start, first answer, warm latency by stage, peak memory.

    python -m benchmarks.locate FOLDER [--photos N] [--runs N] [--width PX]

FOLDER holds photos. They are resized to `--width` (1280) pixels on their longer side. Whole-process figures are medians
of `--runs` new processes; stages are medians over photos, each taken warm. The reference beside them is RapidOCR alone
on the same pixels, in the same process.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from benchmarks.machine import machine
from data.images import find_images, load
from data.offline import quiet_libraries
from fusion.locator import Locator


def main(argv: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--photos", type=int, default=20)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--width", type=int, default=1280)
    args = parser.parse_args(argv)
    found = find_images([args.folder])
    chosen = [found[int(i)] for i in np.linspace(0, len(found) - 1, min(args.photos, len(found)))]
    with tempfile.TemporaryDirectory() as folder:
        photos = [resized(path, args.width, Path(folder) / f"{k:03d}.jpg") for k, path in enumerate(chosen)]
        print(f"{len(photos)} photos of {args.folder} at {args.width} px, median of {args.runs} processes")
        command = [sys.executable, "-c", "import sys; from whence import main; sys.exit(main(sys.argv[1:]))"]
        for what, extra in (("whence --help", ["--help"]), ("first answer", ["locate", "--json", str(photos[0])])):
            seconds, megabytes = zip(*(process([*command, *extra]) for _ in range(args.runs)), strict=True)
            print(f"{what:<28}{statistics.median(seconds):8.2f} s  {max(megabytes):7.0f} MB peak")
        stages(photos)
    print(machine())


def resized(path: Path, width: int, out: Path) -> Path:
    """The photo at ``width`` pixels on its longer side, as a JPEG."""
    picture = Image.fromarray(load(path).pixels)
    scale = width / max(picture.size)
    picture.resize((round(picture.width * scale), round(picture.height * scale))).save(out, quality=92)
    return out


def process(command: Sequence[str]) -> tuple[float, float]:
    """Wall seconds and peak memory (MB) of one process."""
    start = time.perf_counter()
    code = (
        "import resource, subprocess, sys; done = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL); "
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss); sys.exit(done.returncode)"
    )
    done = subprocess.run([sys.executable, "-S", "-c", code, *command], stdout=subprocess.PIPE, check=True, text=True)
    return time.perf_counter() - start, int(done.stdout) / 1024


def stages(photos: Sequence[Path]) -> None:
    """Median time of each stage of a warm locator."""
    locator = Locator(offline=True, places="none")
    locator.locate(photos[0])
    taken: dict[str, list[float]] = {}

    def timed(stage: str, call: Callable[[], Any]) -> Any:
        start = time.perf_counter()
        result = call()
        taken.setdefault(stage, []).append(time.perf_counter() - start)
        return result

    for path in photos:
        image = timed("load", lambda: load(path))  # noqa: B023 - called at once
        [output] = timed("prior", lambda: locator.prior.predict([image.pixels]))  # noqa: B023
        readings = timed("OCR", lambda: locator.read(image.pixels))  # noqa: B023
        clues = timed("clues", lambda: locator.clues(readings))  # noqa: B023
        timed("fusion", lambda: locator.ranker.fuse(output.distribution, clues))  # noqa: B023
        timed("whole answer", lambda: locator.locate(path))  # noqa: B023
    reference = rapidocr_alone()
    for path in photos:
        pixels = load(path).pixels[..., ::-1].copy()
        timed("RapidOCR alone, native size", lambda: reference(pixels))  # noqa: B023
    alone = statistics.median(taken["RapidOCR alone, native size"])
    for stage, seconds in taken.items():
        median = statistics.median(seconds)
        print(f"{stage:<28}{median:8.3f} s  max {max(seconds):6.2f} s  {median / alone:5.2f} x RapidOCR alone")
    print(f"{'peak memory, this process':<28}{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:8.0f} MB")


def rapidocr_alone() -> Callable[[Any], Any]:
    """RapidOCR as its users call it."""
    import logging

    quiet_libraries(offline=True)
    from rapidocr import RapidOCR

    logging.getLogger("RapidOCR").setLevel(logging.ERROR)
    return RapidOCR(params={"Global.log_level": "error"})


if __name__ == "__main__":
    main()
