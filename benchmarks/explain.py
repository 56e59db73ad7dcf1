"""Whether the quick way of reading a covered photo gives what reading it whole gives, and what each costs.

    python -m benchmarks.explain PHOTO ... [--sizes S ...]

An explanation reads again only the lines that a covered window touches (`detectors.rereading`). Here each such window
is also answered by looking at the whole covered photo again. For each photo: windows that touch text, the Pearson
correlation of the drops both ways, the mean absolute difference and the mean absolute drop in nats, and the seconds of
the processor that a window takes. Texts are not printed.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from backbone.occlusion import Occlusion
from backbone.targets import likeliest_country
from benchmarks.machine import machine
from data.images import load
from fusion.coverings import Coverings
from fusion.locator import Locator

__all__ = ["main"]


def main(argv: Sequence[str] | None = None) -> None:
    """Print one line a photo, and all windows together."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("photos", nargs="+", type=Path)
    parser.add_argument("--sizes", nargs="+", type=float, default=[0.35], help="of windows (default 0.35)")
    args = parser.parse_args(argv)
    locator = Locator("density", offline=True, places="none")
    quick_all, whole_all = [], []
    for path in args.photos:
        pixels = load(path).pixels
        looked = locator.looker.look(pixels)
        drops, seconds = [], []
        for read_whole in (False, True):
            run = Coverings(locator, pixels, looked, Occlusion(tuple(args.sizes)), reads=True, read_whole=read_whole)
            if run.whole is run.prior:
                break
            start = time.process_time()
            tried = run.tried(likeliest_country(run.whole))
            windows = [one.text for one in tried if one.touched and not one.covering.gone]
            touched = max(sum(one.touched for one in tried), 1)
            drops.append(np.array(windows))
            seconds.append((time.process_time() - start) / touched)
        if len(drops) < 2:
            print(f"{path.name}: no clue", flush=True)
            continue
        quick_all.append(drops[0])
        whole_all.append(drops[1])
        print(f"{path.name} {pixels.shape[1]} x {pixels.shape[0]}: {_figures(*drops)}, {_cost(*seconds)}", flush=True)
    if quick_all:
        print(f"all: {_figures(np.concatenate(quick_all), np.concatenate(whole_all))}")
    print(machine())


def _figures(quick: NDArray[np.float64], whole: NDArray[np.float64]) -> str:
    varied = len(quick) > 1 and np.ptp(quick) > 0.0 and np.ptp(whole) > 0.0
    correlation = f"{np.corrcoef(quick, whole)[0, 1]:.2f}" if varied else "-"
    return (
        f"{len(quick)} windows with text, correlation {correlation}, difference {np.abs(quick - whole).mean():.2f} "
        f"of {np.abs(whole).mean():.2f} nats"
    )


def _cost(quick: float, whole: float) -> str:
    return f"{quick:.2f} s a window against {whole:.2f} s"


if __name__ == "__main__":
    main()
