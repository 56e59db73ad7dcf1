"""Photos per second of an archive: `locate` one at a time against batches of one, two, four workers into a file.

    python -m benchmarks.batch FOLDER [--photos N] [--runs N] [--workers 1 2 4] [--ocr rapidocr]

Every figure is the median of `--runs` new processes, taken in turn so that a drift of the machine meets all alike; the
first photo of each, which loads the models, is not counted. The ratio is of photos/s, run by run, against one at a time
in the same turn.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.machine import machine
from data.images import find_images
from fusion.batch import locate_into, settings_of
from fusion.locator import Locator

ONE_AT_A_TIME = 0  # in the place of a number of workers


def main(argv: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--photos", type=int, default=40)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2, 4])
    parser.add_argument("--ocr", default="rapidocr")
    parser.add_argument("--measure", type=int, help=argparse.SUPPRESS)
    args = parser.parse_args(argv)
    found = find_images([args.folder])
    photos = [found[int(i)] for i in np.linspace(0, len(found) - 1, min(args.photos, len(found)))]
    if args.measure is not None:
        print(json.dumps([seconds(photos, args.measure, args.ocr), peak_mb()]))
        return
    command = [sys.executable, "-m", "benchmarks.batch", *sys.argv[1:], "--measure"]
    modes = [ONE_AT_A_TIME, *args.workers]
    taken: dict[int, list[tuple[float, float]]] = {mode: [] for mode in modes}
    for _ in range(args.runs):
        for mode in modes:
            done = subprocess.run([*command, str(mode)], stdout=subprocess.PIPE, check=True, text=True)
            taken[mode].append(tuple(json.loads(done.stdout)))
    print(f"{len(photos)} photos of {args.folder}, ocr {args.ocr}, median of {args.runs} processes")
    for mode in modes:
        rates = [len(photos) / run[0] for run in taken[mode]]
        ratios = [alone[0] / run[0] for run, alone in zip(taken[mode], taken[ONE_AT_A_TIME], strict=True)]
        name = f"{mode} workers" if mode else "one at a time"
        print(
            f"{name:<16}{statistics.median(rates):7.2f} photos/s  ({min(rates):.2f} to {max(rates):.2f})"
            f"{statistics.median(ratios):6.2f} x  {max(run[1] for run in taken[mode]):6.0f} MB peak"
        )
    print(machine())


def seconds(photos: Sequence[Path], workers: int, ocr: str) -> float:
    """Wall seconds for all photos, warm."""
    locator = Locator(ocr=ocr, workers=max(workers, 1), offline=True, places="none")
    locator.locate(photos[0])
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        if workers == ONE_AT_A_TIME:
            with open(os.devnull, "w", encoding="ascii") as out:  # noqa: PTH123 - no path of a file
                for photo in photos:
                    print(locator.locate(photo).to_json(), file=out)
        else:
            locate_into(Path(folder) / "r.parquet", photos, locator, settings=settings_of(locator, ocr=ocr))
        return time.perf_counter() - start


def peak_mb() -> float:
    """Peak memory of this process, MB."""
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
