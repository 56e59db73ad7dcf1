"""How good a distribution over cells is on scenes of the rendered Earth, and the best that any can be.

    python -m benchmarks.earth_optimum [--scenes N] [--seed S] [--points N]

The optimum is the exact posterior given the attributes; ``density`` is the prior, which sees nothing. `nll`: mean
negative log-probability of the true cell in nats, at each level of the partition; `expected`: the same as the
distribution itself expects it; `top1`: share of scenes whose cell has the most mass. Distances are haversine,
R = 6371.0088 km, `<=`: from the mean of the cell with the most mass (`mode`), and on the first N scenes from the point
of highest expected GeoScore (`geoscore`).
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.earth_world import Scenes, World, shipped_world
from benchmarks.machine import machine
from data.distribution import CellDistribution
from data.geodesy import BANDS_KM, haversine_km, within_bands
from data.partition import Partition

__all__ = ["Scores", "level_log_p", "ranks_of", "score"]

Floats = NDArray[np.float64]
Floats32 = NDArray[np.float32]

_BATCH = 250  # scenes at once: 20 MB of log-probabilities over the shipped cells


@dataclass(frozen=True, eq=False)
class Scores:
    """Figures by scene, so that means, errors and paired differences can be taken.

    Attributes:
        nll: Level to negative log-probability (n,) of the true cell, in nats.
        expected: What the distribution expects of its ``nll`` at the finest level: its entropy (n,), in nats.
        top1: Whether the true cell has the most mass (n,).
        rank: Mass of the likelier cells (n,), with a random share of the true cell's own: uniform on [0, 1] if and only
            if credible sets of every mass hold the truth as often as they say.
        mode_km: Distance (n,) from the mean of the likeliest cell.
        geoscore_km: Distance (m,) of the first ``m`` scenes from the point of highest expected GeoScore.
    """

    nll: dict[str, Floats]
    expected: Floats
    top1: NDArray[np.bool_]
    rank: Floats
    mode_km: Floats
    geoscore_km: Floats


def score(
    partition: Partition,
    scenes: Scenes,
    log_p: Callable[[slice], Floats32],
    *,
    points: int = 0,
    seed: int = 0,
) -> Scores:
    """Score distributions over the cells of ``partition``, asked for in batches.

    Args:
        partition: The cells.
        scenes: The truth.
        log_p: Takes a slice of the scenes, returns log-probabilities (m, n_cells), nats, each row's exp summing to 1.
        points: For how many scenes, from the first, the best point is sought too (some milliseconds each).
        seed: Of the random shares in ``rank``.
    """
    random = np.random.default_rng(seed)
    parts: dict[str, list[Floats]] = {name: [] for name in (*partition.levels, "expected", "top1", "rank", "mode_km")}
    far: list[float] = []
    for some in _batches(len(scenes)):
        rows, cell = log_p(some), scenes.cell[some]
        lat, lon = scenes.lat[some], scenes.lon[some]
        each = np.arange(len(cell))
        for level in partition.levels:
            of_level = rows if level == partition.level else level_log_p(partition, rows, level)
            parts[level].append(-of_level[each, partition.parents(level)[cell]].astype(np.float64))
        p = np.exp(rows.astype(np.float64))
        parts["expected"].append(-(p * np.maximum(rows, -1e6)).sum(axis=1))
        best = rows.argmax(axis=1)
        parts["top1"].append(best == cell)
        parts["rank"].append(ranks_of(p, cell, random))
        parts["mode_km"].append(haversine_km(lat, lon, partition.lat[best], partition.lon[best]))
        for k in range(min(len(cell), max(points - (some.start or 0), 0))):
            point = CellDistribution(partition, (p[k] / p[k].sum()).astype(np.float32)).point()
            far.append(float(haversine_km(lat[k], lon[k], *point)))
    whole = {name: np.concatenate(arrays) for name, arrays in parts.items()}
    return Scores(
        nll={level: whole[level] for level in partition.levels},
        expected=whole["expected"],
        top1=whole["top1"].astype(bool),
        rank=whole["rank"],
        mode_km=whole["mode_km"],
        geoscore_km=np.array(far),
    )


def ranks_of(p: Floats, cell: NDArray[np.int32], random: np.random.Generator) -> Floats:
    """Mass (n,) in each row of ``p`` (n, n_cells) of the cells above the true one, plus a random share of its own."""
    own = p[np.arange(len(cell)), cell][:, None]
    above: Floats = np.where(p > own, p, 0.0).sum(axis=1)
    # Cells of the very same mass stand in random order.
    ties: Floats = np.where(p == own, p, 0.0).sum(axis=1)
    ranks: Floats = above + random.random(len(cell)) * ties
    return ranks


def level_log_p(partition: Partition, log_p: Floats32, level: str) -> Floats32:
    """Log-probabilities (n, n_groups) of the cells of a coarser level, from those (n, n_cells) of ``partition``."""
    groups = partition.parents(level)
    order = np.argsort(groups, kind="stable")
    starts = np.searchsorted(groups[order], np.arange(int(groups.max()) + 1))
    p = np.exp(log_p.astype(np.float64))[:, order]
    with np.errstate(divide="ignore"):
        summed: Floats32 = np.log(np.add.reduceat(p, starts, axis=1)).astype(np.float32)
    return summed


def main(argv: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--scenes", type=int, default=4000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--points", type=int, default=500, help="scenes whose best point is sought (default 500)")
    args = parser.parse_args(argv)
    world = shipped_world()
    scenes = world.sample(args.scenes, args.seed)
    print(f"{args.scenes} scenes of seed {args.seed}, {world.partition!r}")
    for name, log_p in (("optimum", _optimum(world, scenes)), ("density", _density(world, scenes))):
        result = score(world.partition, scenes, log_p, points=args.points)
        error = result.nll["fine"].std() / np.sqrt(args.scenes)
        print(f"{name}: nll", ", ".join(f"{level} {nll.mean():.3f}" for level, nll in result.nll.items()), end="")
        print(f" (fine +- {error:.3f}, expected {result.expected.mean():.3f}); top1 {100 * result.top1.mean():.1f} %")
        for point, distance in (("mode", result.mode_km), ("geoscore", result.geoscore_km)):
            shares = zip(BANDS_KM, within_bands(distance), strict=True)
            print(
                f"  {point} ({len(distance)}): "
                + ", ".join(f"{band:g} km {100 * share:.1f} %" for band, share in shares)
            )
    print(machine())


def _optimum(world: World, scenes: Scenes) -> Callable[[slice], Floats32]:
    return lambda some: world.log_posterior(scenes.attributes[some])


def _density(world: World, scenes: Scenes) -> Callable[[slice], Floats32]:
    log_p0 = np.log(world.p0).astype(np.float32)
    return lambda some: np.repeat(log_p0[None], len(scenes.cell[some]), axis=0)


def _batches(n: int) -> Iterator[slice]:
    return (slice(start, min(start + _BATCH, n)) for start in range(0, n, _BATCH))


if __name__ == "__main__":
    main()
