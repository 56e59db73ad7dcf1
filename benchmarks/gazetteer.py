"""Times of the shipped gazetteer: ``python -m benchmarks.gazetteer``.

Prints size and counts, the time to open, and medians over names drawn with a fixed seed from the gazetteer itself and
from their single-edit neighbours. Times are of this machine; each look-up is asked for once, so no cache helps.
"""

from __future__ import annotations

import argparse
import random
import sqlite3
import statistics
import time
from collections.abc import Callable

import numpy as np

from data.folding import edit_variants
from data.gazetteer import GAZETTEER_PATH, Gazetteer


def milliseconds(call: Callable[[str], object], names: list[str]) -> list[float]:
    times = []
    for name in names:
        start = time.perf_counter()
        call(name)
        times.append(1000 * (time.perf_counter() - start))
    return times


def row(label: str, times: list[float]) -> None:
    print(
        f"{label:<34} median {statistics.median(times):7.3f} ms  p95 {np.percentile(times, 95):7.3f} ms  n {len(times)}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-n", type=int, default=500, help="names to look up")
    args = parser.parse_args()
    base = sqlite3.connect(GAZETTEER_PATH)
    names = [name for (name,) in base.execute("SELECT folded FROM names")]
    meta = dict(
        base.execute("SELECT key, value FROM meta WHERE key IN ('places', 'names', 'refs', 'words', 'dropped')")
    )
    base.close()
    print(f"{GAZETTEER_PATH.name}: {GAZETTEER_PATH.stat().st_size / 1e6:.1f} MB; {meta}")
    rng = random.Random(0)
    sample = rng.sample(names, args.n)
    latin = [name for name in rng.sample(names, 20 * args.n) if name.isascii() and len(name) >= 6][: args.n]
    misread = [rng.choice(edit_variants(name)) for name in latin]

    def opened(_: str) -> None:
        Gazetteer.open().close()

    row("open and close", milliseconds(opened, [""] * 20))
    gazetteer = Gazetteer.open()
    first = milliseconds(gazetteer.lookup, ["Madrid"])
    print(f"{'first look-up':<34}        {first[0]:7.3f} ms")
    row("exact look-up", milliseconds(gazetteer.lookup, sample))
    row("look-up of what is no place", milliseconds(gazetteer.lookup, misread))
    row("fuzzy look-up", milliseconds(gazetteer.fuzzy, misread))
    row("commonness", milliseconds(gazetteer.commonness, sample))
    first = milliseconds(lambda _: gazetteer.nearest(48.2, 16.37), [""])
    print(f"{'first nearest place (builds tree)':<34}        {first[0]:7.3f} ms")
    points = np.random.default_rng(0).uniform((-60, -180), (75, 180), (100_000, 2))
    start = time.perf_counter()
    gazetteer.nearest_ids(points[:, 0], points[:, 1])
    print(f"nearest place of 100,000 points           {time.perf_counter() - start:7.3f} s")


if __name__ == "__main__":
    main()
