"""What points, radii and in-cell narrowing cost, in milliseconds of processor time.

    python -m benchmarks.distribution_speed [--runs R]

The shipped cells with the density prior and three posteriors of it: a shop known to 100 m in a cell with a spread of
10 km, a road sign's twelve towns, and both with a language. Every figure is the median of R runs (default 15) on a
distribution that was asked nothing before.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from backbone.density import DensityPrior
from benchmarks.machine import machine
from data.distribution import CellDistribution
from data.partition import load_default
from detectors.base import Clue, Evidence, PointEvidence
from fusion.evidence import log_likelihood_ratio
from fusion.narrowing import narrow
from fusion.pool import LogLinearPool

__all__ = ["main"]

_SPREAD_KM = 8.0


def main(argv: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--runs", type=int, default=15)
    runs: int = parser.parse_args(argv).runs
    partition = load_default()
    density = DensityPrior(partition).distribution
    wide = int(np.argmin(np.abs(partition.spread_km - _SPREAD_KM) + 100.0 * (partition.photos < 20)))
    at = float(partition.lat[wide]) + 0.03, float(partition.lon[wide])
    others = np.random.default_rng(0).choice(len(partition), 11, replace=False)
    shop = Evidence(-1.0, points=(PointEvidence(*at, 0.1, 14.0),), sources=("r0",))
    towns = [PointEvidence(float(partition.lat[i]), float(partition.lon[i]), 5.0, 5.0) for i in others]
    sign = Evidence(-1.0, points=(PointEvidence(*at, 5.0, 8.0), *towns), sources=("r1",))
    language = Evidence(-1.0, {"SE": 2.0}, sources=("r2",))
    print(f"python -m benchmarks.distribution_speed --runs {runs}\n{machine()}\n")
    print(
        f"{'clues':<22}{'spots':>6}{'ratios':>8}{'narrow':>8}{'fuse':>8}{'point':>8}{'radius':>8}{'within':>8}{'top':>8}"
    )
    for name, told in (
        ("none", []),
        ("shop", [shop]),
        ("sign", [sign]),
        ("shop, sign, language", [shop, sign, language]),
    ):
        clues = [Clue("place", str(k), "it points there", evidence) for k, evidence in enumerate(told)]
        said = LogLinearPool().fuse(density, clues).posterior
        lat, lon = said.point()
        weighed = [(evidence, 0.8) for evidence in told]
        costs = [
            _ms(partial(_ratios, told, density), runs),
            _ms(partial(narrow, weighed, partition, None, said.p), runs),
            _ms(partial(LogLinearPool().fuse, density, clues), runs),
            *(_ms(partial(_asked, said, what, *args), runs) for what, args in (
                ("point", ()), ("radius_km", (lat, lon)), ("mass_within", (lat, lon, 25.0)), ("top", (5,))
            )),
        ]  # fmt: skip
        print(f"{name:<22}{len(said.spots or ()):>6}" + "".join(f"{cost:>8.2f}" for cost in costs))


def _ratios(told: Sequence[Evidence], density: CellDistribution) -> None:
    for evidence in told:
        log_likelihood_ratio(evidence, density.partition)


def _asked(said: CellDistribution, what: str, *args: float) -> None:
    """Ask a copy that has nothing kept from before."""
    getattr(CellDistribution(said.partition, said.p, said.in_cell, said.allowed), what)(*args)


def _ms(what: Callable[[], object], runs: int) -> float:
    what()
    times = []
    for _ in range(runs):
        start = time.process_time()
        what()
        times.append(time.process_time() - start)
    return 1e3 * statistics.median(times)


if __name__ == "__main__":
    main()
