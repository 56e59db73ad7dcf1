"""Whether occlusion maps light up what carries the answer, on a rendered Earth where that is known.

    python -m benchmarks.earth_heatmaps RUNS [--scenes N] [--csv FILE]

RUNS is the folder of trainings of `benchmarks.rendered_earth`. For each scene and each attribute that it shows, the
exact evidence is known: by how much the log-odds of the true cell fall in the exact posterior where the attribute is
hidden. And it is known where the attribute is painted: its place are the pixels that would differ had it any other
value (the same scene is rendered again with each). `scene` and `shadow` are left out: they arrange the whole picture.

The maps are of the true cell, of models that are not told the attributes (`backbone.occlusion`):

`hit`: pointing game (Zhang et al. 2018, "Top-Down Neural Attention by Excitation Backprop"): how often the hottest
pixel lies on the place of the attribute with the most exact evidence, or within 2 pixels of it (their tolerance of 15
pixels, on pictures of 64); `any`: on the place of any attribute whose evidence is at least half of that. To compare:
`chance`, a pixel anywhere; `centre`, one drawn from a Gaussian around the middle (sigma a quarter of the side);
`other`, the hottest pixel of another scene of the same kind, which knows where things stand in general.
`rank`: Spearman correlation, over the attributes of a scene, of the mean heat of their places and their exact evidence;
mean over scenes with its standard error; `other` as above. `deletion`: by how many nats the model's log-odds fall when
the hottest tenth of the pixels takes the photo's mean colour, and when the tenth that another scene's map has hottest
does (Petsiuk et al. 2018, RISE).
"""

from __future__ import annotations

import argparse
import csv
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation
from scipy.stats import rankdata

from backbone.occlusion import Fill, Occlusion, mean_heat, predict_covered, windows_of
from backbone.planet import PlanetPrior
from backbone.targets import cell_target
from benchmarks.earth_attributes import ATTRIBUTES, INDEX, NAMES
from benchmarks.earth_photos import SceneSet
from benchmarks.earth_scenes import render
from benchmarks.earth_world import World
from benchmarks.machine import machine
from benchmarks.rendered_earth import reduced_world

__all__ = ["Known", "known_of", "main", "places_of"]

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

_SEED: Final = 9_101  # of scenes that no model was trained, calibrated or scored on
_LEFT_OUT: Final = ("scene", "shadow")
_TOLERANCE: Final = 2  # pixels
_DIFFERS: Final = 6  # of 255: more than grain and rounding, less than any paint
_SIDE: Final = 64
_FILLS: Final[tuple[Fill, ...]] = ("around", "mean", "blur")
_SIZES: Final[tuple[tuple[float, ...], ...]] = ((0.5,), (0.35,), (0.2,), (0.12,), (0.35, 0.2), (0.35, 0.2, 0.12))
_DELETED: Final = 0.1
_COLUMNS: Final = (
    *("way", "scenes", "seed", "fill", "sizes", "photos", "predictions", "seconds", "hit", "any", "chance", "centre"),
    *("other", "rank", "rank_error", "rank_other", "deletion", "deletion_other"),
)


@dataclass(frozen=True, eq=False)
class Known:
    """What is known of one scene.

    Attributes:
        names: Attributes that it shows.
        evidence: (k,) nats for the true cell.
        places: (k, 64, 64) where each is painted.
    """

    names: tuple[str, ...]
    evidence: Floats
    places: Bools


def known_of(world: World, photos: SceneSet, index: int) -> Known:
    """The exact evidence of scene ``index`` and its places; attributes that are painted nowhere are left out."""
    attributes, cell = photos.scenes.attributes[index], int(photos.scenes.cell[index])
    shown = [k for k, name in enumerate(NAMES) if name not in _LEFT_OUT and attributes[k] > 0]
    without = np.repeat(attributes[None], len(shown) + 1, axis=0)
    without[np.arange(len(shown)), shown] = 0
    log_p = world.log_posterior(without)[:, cell].astype(np.float64)
    odds = log_p - np.log(-np.expm1(np.minimum(log_p, -1e-9)))
    places = places_of(attributes, shown, photos.seed, index)
    kept = [j for j in range(len(shown)) if places[j].any()]
    return Known(tuple(NAMES[shown[j]] for j in kept), odds[-1] - odds[:-1][kept], places[kept])


def places_of(attributes: NDArray[np.int8], shown: Sequence[int], seed: int, index: int) -> Bools:
    """(k, 64, 64) pixels of scene ``index`` that would differ had each of the attributes ``shown`` another value."""
    values = [[v for v in range(1, len(ATTRIBUTES[k].values)) if v != attributes[k]] for k in shown]
    rows = np.repeat(attributes[None], 1 + sum(map(len, values)), axis=0)
    row = 1
    for k, others in zip(shown, values, strict=True):
        rows[row : row + len(others), k] = others
        row += len(others)
    painted = render(rows, seed, _SIDE, np.full(len(rows), index)).astype(np.int16)
    differs = (np.abs(painted[1:] - painted[0]) > _DIFFERS).any(axis=3)
    ends = np.cumsum([len(others) for others in values])
    return np.stack([part.any(axis=0) for part in np.split(differs, ends[:-1])])


def main(argv: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("runs", type=Path, help="folder of the trainings")
    parser.add_argument("--scenes", type=int, default=200)
    parser.add_argument("--fill-scenes", type=int, default=100, help="to compare fills on (default 100)")
    parser.add_argument("--ways", nargs="+", default=["flat__smoothed_75_km", "hierarchy_f___smoothed_75_km"])
    parser.add_argument("--trained", type=int, nargs="+", default=[8_000, 32_000])
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--csv", type=Path, help="write the rows to this file")
    args = parser.parse_args(argv)

    import torch

    torch.set_num_threads(1)
    world = reduced_world()
    photos = SceneSet.draw(world, args.scenes, _SEED, name="heatmaps")
    known = [known_of(world, photos, k) for k in range(len(photos))]
    rows: list[dict[str, object]] = []
    for way in args.ways:
        for trained in args.trained:
            for seed in range(args.seeds):
                model = PlanetPrior(args.runs / f"{way}-{trained}-{seed}" / "model")
                of_run = {"way": way, "scenes": trained, "seed": seed}
                for fill in _FILLS if seed == 0 and way == args.ways[-1] else _FILLS[:1]:
                    n = len(photos) if fill == _FILLS[0] else min(args.fill_scenes, len(photos))
                    rows += [of_run | row for row in rows_of(model, photos, known[:n], fill)]
                    _print(rows[-len(_SIZES) :])
    if args.csv:
        with args.csv.open("w", newline="", encoding="utf-8") as stream:
            writer = csv.DictWriter(stream, _COLUMNS)
            writer.writeheader()
            writer.writerows(rows)
    print(f"\n{_about(known)}\n{world.partition!r}\n{machine()}")


def rows_of(model: PlanetPrior, photos: SceneSet, known: Sequence[Known], fill: Fill) -> list[dict[str, object]]:
    """A row for each choice of sizes, on the scenes that ``known`` is of."""
    sizes = tuple(dict.fromkeys(size for choice in _SIZES for size in choice))
    how = Occlusion(sizes=sizes, fill=fill)
    windows = windows_of(_SIDE, _SIDE, how)
    start = time.perf_counter()
    base, drops = [], []
    for k in range(len(known)):
        target = cell_target(model.partition, int(photos.scenes.cell[k]))
        base.append(target.log_odds(model.predict([photos.pixels(k)])[0].distribution))
        seen = predict_covered(model, photos.pixels(k), list(windows), how)
        drops.append(np.array([base[-1] - target.log_odds(distribution) for distribution in seen], np.float32))
    seconds = (time.perf_counter() - start) / len(known) / len(windows)
    kind = photos.scenes.attributes[: len(known), INDEX["scene"]]
    other = _others(kind)
    rows = []
    for choice in _SIZES:
        taken = np.isin(windows.size, [sizes.index(size) for size in choice])
        chosen = type(windows)(windows.boxes[taken], windows.size[taken])
        heat = np.stack([mean_heat(_SIDE, _SIDE, chosen, drop[taken]) for drop in drops])
        figures = _figures(model, photos, known, heat, other, np.array(base))
        made: dict[str, object] = {
            "fill": fill,
            "sizes": " ".join(map(str, choice)),
            "photos": len(known),
            "predictions": len(chosen),
            "seconds": seconds * len(chosen),
        }
        rows.append(made | figures)
    return rows


def _figures(
    model: PlanetPrior, photos: SceneSet, known: Sequence[Known], heat: NDArray[np.float32], other: NDArray[np.int64],
    base: Floats,
) -> dict[str, float]:  # fmt: skip
    near = np.hypot(*(np.indices((_SIDE, _SIDE)) - (_SIDE - 1) / 2)) / (_SIDE / 4)
    centre = np.exp(-(near**2) / 2)
    centre /= centre.sum()
    hits, chances = [], []
    ranks = []
    for k, scene in enumerate(known):
        wide = binary_dilation(scene.places, np.ones((1, 2 * _TOLERANCE + 1, 2 * _TOLERANCE + 1)))
        best = int(scene.evidence.argmax())
        strong = wide[scene.evidence >= 0.5 * scene.evidence[best]].any(axis=0)
        hottest, elsewhere = (int(heat[j].argmax()) for j in (k, int(other[k])))
        place = wide[best].ravel()
        hits.append((place[hottest], strong.ravel()[hottest], place[elsewhere]))
        chances.append((place.mean(), (centre.ravel() * place).sum()))
        if len(scene.names) > 2:
            means = [[float(heat[j][here].mean()) for here in scene.places] for j in (k, int(other[k]))]
            ranks.append([_spearman(np.array(mean), scene.evidence) for mean in means])
    hit, strong_hit, other_hit = np.mean(hits, axis=0)
    chance, centred = np.mean(chances, axis=0)
    rank = np.array(ranks)
    deleted = [_deletion(model, photos, heat, order, base) for order in (np.arange(len(known)), other)]
    return {
        "hit": float(hit), "any": float(strong_hit), "chance": float(chance), "centre": float(centred),
        "other": float(other_hit), "rank": float(rank[:, 0].mean()),
        "rank_error": float(rank[:, 0].std() / np.sqrt(len(rank))), "rank_other": float(rank[:, 1].mean()),
        "deletion": deleted[0], "deletion_other": deleted[1],
    }  # fmt: skip


def _deletion(
    model: PlanetPrior, photos: SceneSet, heat: NDArray[np.float32], order: NDArray[np.int64], base: Floats
) -> float:
    """Mean fall in nats where each scene loses the pixels that are hottest in the map of scene ``order``."""
    falls = []
    for k in range(len(heat)):
        picture = photos.pixels(k).copy()
        ranked = np.argsort(-heat[order[k]].ravel(), kind="stable")[: round(_DELETED * _SIDE * _SIDE)]
        picture.reshape(-1, 3)[ranked] = np.rint(picture.reshape(-1, 3).mean(axis=0))
        target = cell_target(model.partition, int(photos.scenes.cell[k]))
        falls.append(base[k] - target.log_odds(model.predict([picture])[0].distribution))
    return float(np.mean(falls))


def _others(kind: NDArray[np.int8]) -> NDArray[np.int64]:
    """For each scene (n,) the next one of its kind, the first after the last."""
    other = np.arange(len(kind))
    for value in np.unique(kind):
        of_kind = np.flatnonzero(kind == value)
        other[of_kind] = np.roll(of_kind, -1)
    return other


def _spearman(a: Floats, b: Floats) -> float:
    ranks = [rankdata(x) for x in (a, b)]
    if any(np.ptp(x) == 0.0 for x in ranks):
        return 0.0
    return float(np.corrcoef(ranks[0], ranks[1])[0, 1])


def _about(known: Sequence[Known]) -> str:
    best = [(scene.names[int(scene.evidence.argmax())], float(scene.evidence.max())) for scene in known]
    area = np.mean([scene.places[int(scene.evidence.argmax())].mean() for scene in known])
    names = sorted({name for name, _ in best}, key=lambda name: -sum(name == other for other, _ in best))
    counts = ", ".join(f"{name} {sum(name == other for other, _ in best)}" for name in names)
    return (
        f"{len(known)} scenes; the attribute with the most evidence has {np.mean([nats for _, nats in best]):.2f} nats "
        f"and {100 * area:.0f} % of the picture: {counts}"
    )


def _print(rows: Sequence[dict[str, object]]) -> None:
    for row in rows:
        way, of = str(row["way"]), {name: float(str(row[name])) for name in _COLUMNS[5:]}
        print(
            f"{way:<30} {row['scenes']!s:>6} {row['seed']!s:>2} {row['fill']!s:<7}{row['sizes']!s:<14}"
            f"{of['photos']:4.0f}{of['predictions']:5.0f} {of['seconds']:5.2f} s   hit {100 * of['hit']:3.0f}"
            f" (chance {100 * of['chance']:3.0f}, centre {100 * of['centre']:3.0f}, other {100 * of['other']:3.0f})"
            f" any {100 * of['any']:3.0f}   rank {of['rank']:5.2f}±{of['rank_error']:.2f}"
            f" (other {of['rank_other']:5.2f})"
            f"   deletion {of['deletion']:5.2f} (other {of['deletion_other']:5.2f})",
            flush=True,
        )


if __name__ == "__main__":
    main()
