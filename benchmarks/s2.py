"""S2 cells as numpy arrays against `s2sphere`: do they agree, and how much faster are they?

    python -m benchmarks.s2 [--points N] [--runs N]

Agreement is checked on random points, points on the edges and corners of the cube's faces and of cells, poles, and both
ends of the date line: ids, parents, tokens and neighbours bit for bit, centres and corners to 1e-12 degrees. Times are
medians over runs that take turns, per point; s2sphere is given a tenth of the points, since it goes one by one.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from benchmarks.machine import machine
from data import s2
from data.geodesy import unit_vectors

LEVELS = (0, 1, 3, 7, 12, 20, 29)
# A thousandth of a leaf cell; both sides round differently in the last digit of an arc tangent.
TOLERANCE_DEG = 1e-12

Floats = NDArray[np.float64]
Ids = NDArray[np.uint64]


def hard_points(count: int, seed: int = 0) -> tuple[Floats, Floats]:
    """`count` points (degrees) of which a half is random and the others lie where rounding decides the cell."""
    random = np.random.default_rng(seed)
    part = count // 10
    random_lat = np.degrees(np.arcsin(random.uniform(-1.0, 1.0, count)))
    random_lon = random.uniform(-180.0, 180.0, count)
    meridians = random.choice([-135.0, -45.0, 45.0, 135.0], part)
    ridge_lon = random.uniform(-180.0, 180.0, part)
    nearest_axis = np.radians((ridge_lon + 45.0) % 90.0 - 45.0)
    ridge_lat = np.degrees(np.arctan(np.cos(nearest_axis))) * random.choice([-1.0, 1.0], part)
    cells = s2.cell_ids(random_lat[:part], random_lon[:part])
    corners = np.concatenate([s2.corners(s2.parent(cells[k::31], k))[:, 0] for k in range(31)])
    corner = np.degrees(np.arctan(np.sqrt(0.5)))
    special = [
        *((lat, lon) for lat in (corner, -corner) for lon in (-135.0, -45.0, 45.0, 135.0)),
        *(
            (lat, lon)
            for lat in (0.0, -0.0, 45.0, -45.0)
            for lon in (-180.0, -90.0, -0.0, 0.0, 90.0, 180.0, 360.0, 190.0)
        ),
        *((lat, lon) for lat in (90.0, -90.0) for lon in (-180.0, -45.0, 0.0, 13.0, 45.0, 180.0)),
        *(
            (lat, lon)
            for lat in (5e-324, -1e-300, 1e-16, -1e-12)
            for lon in (5e-324, -1e-300, 1e-16, 179.99999999999997)
        ),
    ]
    near_pole = np.copysign(90.0 - 10.0 ** random.uniform(-14.0, 0.0, part), random.uniform(-1.0, 1.0, part))
    lat = np.concatenate([np.array(special)[:, 0], corners[:, 0], random_lat[:part], ridge_lat, near_pole])
    lon = np.concatenate([np.array(special)[:, 1], corners[:, 1], meridians, ridge_lon, random_lon[:part]])
    rest = max(count - len(lat), 0)
    return np.concatenate([lat, random_lat[:rest]])[:count], np.concatenate([lon, random_lon[:rest]])[:count]


def disagreements(lat: Floats, lon: Floats, seed: int = 0) -> dict[str, int]:
    """Number of points at which each function differs from s2sphere, on leaves or on cells of random levels."""
    # s2sphere pulls in the `future` package, which only this comparison needs.
    from s2sphere import Cell, CellId, LatLng

    def degrees(point: LatLng) -> tuple[float, float]:
        return point.lat().degrees, point.lng().degrees

    leaves = s2.cell_ids(lat, lon)
    theirs = [CellId.from_lat_lng(LatLng.from_degrees(a, b)) for a, b in zip(lat.tolist(), lon.tolist(), strict=True)]
    wrong = {"cell_ids": _differ(leaves, [cell.id() for cell in theirs])}
    for level in LEVELS:
        wrong[f"parent {level}"] = _differ(s2.parent(leaves, level), [cell.parent(level).id() for cell in theirs])
    levels = np.random.default_rng(seed).integers(0, s2.MAX_LEVEL + 1, len(lat))
    theirs = [cell.parent(level) for cell, level in zip(theirs, levels.tolist(), strict=True)]
    cells = np.array([cell.id() for cell in theirs], np.uint64)
    wrong["level_of"] = int((s2.level_of(cells) != levels).sum())
    tokens = s2.token(cells)
    wrong["token"] = sum(mine != cell.to_token() for mine, cell in zip(tokens.tolist(), theirs, strict=True))
    wrong["from_token"] = int((s2.from_token(tokens) != cells).sum())
    wrong["range_min"] = _differ(s2.range_min(cells), [cell.range_min().id() for cell in theirs])
    wrong["range_max"] = _differ(s2.range_max(cells), [cell.range_max().id() for cell in theirs])
    wrong["neighbours"] = _differ(
        s2.neighbours(cells), [[c.id() for c in cell.get_edge_neighbors()] for cell in theirs]
    )
    wrong["centre"] = _apart(np.stack(s2.centre(cells), axis=-1), [degrees(cell.to_lat_lng()) for cell in theirs])
    shapes = [Cell(cell) for cell in theirs]
    vertices = [[degrees(LatLng.from_point(shape.get_vertex(k))) for k in range(4)] for shape in shapes]
    wrong["corners"] = _apart(s2.corners(cells), vertices)
    return wrong


def timings(lat: Floats, lon: Floats, runs: int) -> dict[str, tuple[float, float]]:
    """Median seconds per point of each function: s2sphere's and ours."""
    from s2sphere import Cell, CellId, LatLng

    few = slice(None, None, 10)
    pairs = list(zip(lat[few].tolist(), lon[few].tolist(), strict=True))
    leaves = s2.cell_ids(lat, lon)
    cells = s2.parent(leaves, 12)
    their_leaves = [CellId(k) for k in leaves[few].tolist()]
    their_cells = [CellId(k) for k in cells[few].tolist()]
    work: dict[str, tuple[Callable[[], object], Callable[[], object]]] = {
        "cell_ids": (
            lambda: [CellId.from_lat_lng(LatLng.from_degrees(a, b)).id() for a, b in pairs],
            lambda: s2.cell_ids(lat, lon),
        ),
        "parent": (lambda: [cell.parent(12).id() for cell in their_leaves], lambda: s2.parent(leaves, 12)),
        "token": (lambda: [cell.to_token() for cell in their_cells], lambda: s2.token(cells)),
        "centre": (lambda: [cell.to_lat_lng() for cell in their_cells], lambda: s2.centre(cells)),
        "corners": (
            lambda: [[LatLng.from_point(shape.get_vertex(k)) for k in range(4)] for shape in map(Cell, their_cells)],
            lambda: s2.corners(cells),
        ),
        "neighbours": (lambda: [cell.get_edge_neighbors() for cell in their_cells], lambda: s2.neighbours(cells)),
    }
    medians = {}
    for name, (theirs, ours) in work.items():
        taken = [(_seconds(theirs) / len(pairs), _seconds(ours) / len(lat)) for _ in range(runs)]
        medians[name] = (statistics.median(t for t, _ in taken), statistics.median(o for _, o in taken))
    return medians


def main(argv: Sequence[str] | None = None) -> int:
    """Print the table; 1 where anything disagrees."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.s2", description=__doc__.splitlines()[0])
    parser.add_argument("--points", type=int, default=200_000)
    parser.add_argument("--runs", type=int, default=5)
    args = parser.parse_args(argv)
    lat, lon = hard_points(args.points)
    print(machine())
    print(f"{'':<12}{'s2sphere':>12}{'whence':>12}{'ratio':>8}   microseconds a point, {args.points:,} points")
    for name, (theirs, ours) in timings(lat, lon, args.runs).items():
        print(f"{name:<12}{theirs * 1e6:>12.2f}{ours * 1e6:>12.3f}{theirs / ours:>8.0f}")
    wrong = disagreements(lat, lon)
    print(f"disagreements with s2sphere on {args.points:,} points: " + ", ".join(f"{k} {v}" for k, v in wrong.items()))
    return int(any(wrong.values()))


def _differ(ours: Ids, theirs: Sequence[object]) -> int:
    different = ours != np.array(theirs, np.uint64)
    return int(different.reshape(len(theirs), -1).any(axis=1).sum())


def _apart(ours: Floats, theirs: Sequence[object]) -> int:
    # Compared as vectors: at a pole every longitude is right, and 180 is -180.
    other = np.array(theirs, np.float64)
    chord = np.linalg.norm(
        unit_vectors(ours[..., 0], ours[..., 1]) - unit_vectors(other[..., 0], other[..., 1]), axis=-1
    )
    return int((np.degrees(chord) > TOLERANCE_DEG).reshape(len(theirs), -1).any(axis=1).sum())


def _seconds(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


if __name__ == "__main__":
    raise SystemExit(main())
