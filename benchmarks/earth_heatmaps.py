"""Whether occlusion maps light up what carries the answer, on a rendered Earth where that is known.

    python -m benchmarks.earth_heatmaps RUNS [--scenes N] [--csv FILE]

RUNS is the folder of trainings of `benchmarks.rendered_earth`. For each scene and each attribute that it shows it is
known where the attribute is painted: its place are the pixels that would differ had it any other value (the same scene
is rendered again with each). And it is known what it is worth for the true cell, in two ways:

`own`: to the model itself: by how much its log-odds fall, in the mean, where the attribute is painted with another
value (three at most are tried). A map that is true to the model lights up what the model goes by.
`exact`: to the best possible reader: by how much the log-odds fall in the exact posterior where the attribute is
hidden. A model that goes by other things than that reader has a true map that misses this.

`scene` and `shadow` are left out: they arrange the whole picture. For the row `exact posterior` the windows hide what
lies in them by half or more, and the exact posterior answers: what the windows themselves can do at best.

`hit`: pointing game (Zhang et al. 2018, "Top-Down Neural Attention by Excitation Backprop"): how often the hottest
pixel lies on the place of the attribute that is worth most, or within 2 pixels of it (their tolerance of 15 pixels, on
pictures of 64). To compare: `chance`, a pixel anywhere; `centre`, one drawn from a Gaussian around the middle (sigma a
quarter of the side); `other`, the hottest pixel of another scene of the same kind, which knows where things stand in
general. `rank`: Spearman correlation, over the attributes of a scene, of the mean heat of their places and their
worth, mean over scenes with its standard error; `other` as above. `agree`: the same of own and exact worth, which no
map is in. `seconds` are of the processor, for one photo.
`deletion`: by how many nats the log-odds fall when the hottest tenth of the pixels takes the photo's mean colour, and
when the tenth does that another scene's map has hottest (Petsiuk et al. 2018, RISE).
"""

from __future__ import annotations

import argparse
import csv
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, get_args

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation
from scipy.stats import rankdata

from backbone.occlusion import Fill, Occlusion, Windows, mean_heat, predict_covered, windows_of
from backbone.planet import PlanetPrior
from backbone.targets import cell_target
from benchmarks.earth_attributes import ATTRIBUTES, INDEX, NAMES
from benchmarks.earth_photos import SceneSet
from benchmarks.earth_scenes import render
from benchmarks.earth_world import World
from benchmarks.machine import machine
from benchmarks.rendered_earth import reduced_world

__all__ = ["Known", "known_of", "main", "rows_of"]

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

_SEED: Final = 9_101  # of scenes that no model was trained, calibrated or scored on
_LEFT_OUT: Final = ("scene", "shadow")
_TOLERANCE: Final = 2  # pixels
_DIFFERS: Final = 6  # of 255: more than grain and rounding, less than any paint
_SIDE: Final = 64
_SIZES: Final[tuple[tuple[float, ...], ...]] = ((0.35,), (0.2,), (0.35, 0.2))
_DELETED: Final = 0.1
_OTHER_VALUES: Final = 3
_WORTHS: Final = ("own", "exact")
_OF_WORTH: Final = ("hit", "chance", "centre", "other", "rank", "rank_error", "rank_other")
_COLUMNS: Final = (
    *("way", "scenes", "seed", "fill", "sizes", "photos", "predictions", "seconds"),
    *(f"{name}_{worth}" for worth in _WORTHS for name in _OF_WORTH),
    *("agree", "deletion", "deletion_other"),
)


@dataclass(frozen=True, eq=False)
class Known:
    """What is known of one scene.

    Attributes:
        columns: Attributes (k) that it shows, as columns of ``ATTRIBUTES``.
        exact: (k,) nats, what each is worth for the true cell.
        places: (k, 64, 64) where each is painted.
        altered: For each the scene (m, 64, 64, 3) with some other values of it.
    """

    columns: tuple[int, ...]
    exact: Floats
    places: Bools
    altered: tuple[NDArray[np.uint8], ...]


def known_of(world: World, photos: SceneSet, index: int) -> Known:
    """What is known of scene ``index``; attributes that are painted nowhere are left out."""
    attributes, cell = photos.scenes.attributes[index], int(photos.scenes.cell[index])
    shown = [k for k, name in enumerate(NAMES) if name not in _LEFT_OUT and attributes[k] > 0]
    without = np.repeat(attributes[None], len(shown) + 1, axis=0)
    without[np.arange(len(shown)), shown] = 0
    odds = _odds(world, without, cell)
    painted = _other_values(attributes, shown, photos.seed, index)
    places = np.stack([_differ(each, photos.pixels(index)).any(axis=0) for each in painted])
    kept = [j for j in range(len(shown)) if places[j].any()]
    return Known(
        tuple(shown[j] for j in kept),
        odds[-1] - odds[:-1][kept],
        places[kept],
        tuple(painted[j][:_OTHER_VALUES] for j in kept),
    )


def _odds(world: World, attributes: NDArray[np.int8], cell: int) -> Floats:
    """Log-odds (n,) of ``cell`` in the exact posterior, nats."""
    log_p = world.log_posterior(attributes)[:, cell].astype(np.float64)
    odds: Floats = log_p - np.log(-np.expm1(np.minimum(log_p, -1e-9)))
    return odds


def _other_values(attributes: NDArray[np.int8], shown: Sequence[int], seed: int, index: int) -> list[NDArray[np.uint8]]:
    """Scene ``index`` painted with each other value of each of the attributes ``shown``, in random order."""
    random = np.random.default_rng([seed, index])
    values = [random.permutation(np.setdiff1d(np.arange(1, len(ATTRIBUTES[k].values)), attributes[k])) for k in shown]
    rows = np.repeat(attributes[None], sum(map(len, values)), axis=0)
    columns = np.repeat(shown, [len(each) for each in values])
    rows[np.arange(len(rows)), columns] = np.concatenate(values)
    painted = render(rows, seed, _SIDE, np.full(len(rows), index))
    return np.split(painted, np.cumsum([len(each) for each in values])[:-1])


def _differ(pictures: NDArray[np.uint8], picture: NDArray[np.uint8]) -> Bools:
    """Which pixels (m, 64, 64) of ``pictures`` are not those of ``picture``."""
    return np.asarray((np.abs(pictures.astype(np.int16) - picture.astype(np.int16)) > _DIFFERS).any(axis=3))


def main(argv: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("runs", type=Path, help="folder of the trainings")
    parser.add_argument("--scenes", type=int, default=200)
    parser.add_argument("--ways", nargs="+", default=["hierarchy_f___smoothed_75_km", "flat__smoothed_75_km"])
    parser.add_argument("--trained", type=int, nargs="+", default=[32_000, 8_000])
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--fills", nargs="+", choices=get_args(Fill), default=list(get_args(Fill)))
    parser.add_argument("--csv", type=Path, help="write the rows to this file as they come")
    args = parser.parse_args(argv)

    import torch

    torch.set_num_threads(1)
    world = reduced_world()
    photos = SceneSet.draw(world, args.scenes, _SEED, name="heatmaps")
    known = [known_of(world, photos, k) for k in range(len(photos))]
    rows: list[dict[str, object]] = []

    def add(more: list[dict[str, object]]) -> None:
        rows.extend(more)
        _print(more)
        if args.csv:
            with args.csv.open("w", newline="", encoding="utf-8") as stream:
                writer = csv.DictWriter(stream, _COLUMNS)
                writer.writeheader()
                writer.writerows(rows)

    print(f"{_about(known)}; {world.partition!r}\n{machine()}\n", flush=True)
    add(_rows_of_exact(world, photos, known))
    for seed in range(args.seeds):
        for trained in args.trained:
            for way in args.ways:
                model = PlanetPrior(args.runs / f"{way}-{trained}-{seed}" / "model")
                of_run = {"way": way, "scenes": trained, "seed": seed}
                own = [_own(model, photos, scene, k) for k, scene in enumerate(known)]
                # The fills are compared on one of the models that have learnt most.
                first = (way, trained, seed) == (args.ways[0], args.trained[0], 0)
                for fill in args.fills if first else args.fills[:1]:
                    add([of_run | row for row in rows_of(model, photos, known, own, fill)])


def _own(model: PlanetPrior, photos: SceneSet, scene: Known, index: int) -> Floats:
    """What each attribute is worth (k,) to ``model`` for the true cell, nats."""
    target = cell_target(model.partition, int(photos.scenes.cell[index]))
    pictures = [photos.pixels(index), *(picture for each in scene.altered for picture in each)]
    odds = np.array([target.log_odds(output.distribution) for output in model.predict(pictures)])
    ends = np.cumsum([len(each) for each in scene.altered])[:-1]
    return np.array([odds[0] - part.mean() for part in np.split(odds[1:], ends)])


def rows_of(
    model: PlanetPrior, photos: SceneSet, known: Sequence[Known], own: Sequence[Floats], fill: Fill
) -> list[dict[str, object]]:
    """A row for each choice of sizes."""
    how = Occlusion(sizes=_SIZES[-1], fill=fill)
    windows = windows_of(_SIDE, _SIDE, how)
    start = time.process_time()
    base, drops = [], []
    for k in range(len(known)):
        target = cell_target(model.partition, int(photos.scenes.cell[k]))
        base.append(target.log_odds(model.predict([photos.pixels(k)])[0].distribution))
        seen = predict_covered(model, photos.pixels(k), list(windows), how)
        drops.append(np.array([base[-1] - target.log_odds(distribution) for distribution in seen], np.float32))
    seconds = (time.process_time() - start) / len(known) / len(windows)
    other = _others(photos)
    exact = [scene.exact for scene in known]
    agree = float(np.mean([_spearman(a, b) for a, b in zip(own, exact, strict=True) if len(a) > 2]))
    rows = []
    for sizes, heat, count in _maps(windows, drops):
        figures = _against(known, own, heat, other, "own") | _against(known, exact, heat, other, "exact")
        deleted = [_deletion(model, photos, heat, order, base) for order in (np.arange(len(known)), other)]
        rows.append(
            {"fill": fill, "sizes": sizes, "photos": len(known), "predictions": count, "seconds": seconds * count}
            | figures
            | {"agree": agree, "deletion": deleted[0], "deletion_other": deleted[1]}
        )
    return rows


def _rows_of_exact(world: World, photos: SceneSet, known: Sequence[Known]) -> list[dict[str, object]]:
    """The same where windows hide attributes from the exact posterior."""
    windows = windows_of(_SIDE, _SIDE, Occlusion(sizes=_SIZES[-1]))
    drops = []
    for k, scene in enumerate(known):
        rows = np.repeat(photos.scenes.attributes[k][None], len(windows) + 1, axis=0)
        for row, (left, top, right, bottom) in zip(rows[:-1], windows, strict=True):
            inside = scene.places[:, top:bottom, left:right].sum(axis=(1, 2)) / scene.places.sum(axis=(1, 2))
            row[[column for column, share in zip(scene.columns, inside, strict=True) if share >= 0.5]] = 0
        odds = _odds(world, rows, int(photos.scenes.cell[k]))
        drops.append((odds[-1] - odds[:-1]).astype(np.float32))
    exact = [scene.exact for scene in known]
    return [
        {"way": "exact posterior", "sizes": sizes, "photos": len(known), "predictions": count}
        | _against(known, exact, heat, _others(photos), "exact")
        for sizes, heat, count in _maps(windows, drops)
    ]


def _maps(windows: Windows, drops: Sequence[NDArray[np.float32]]) -> Iterator[tuple[str, NDArray[np.float32], int]]:
    """For each choice of sizes its name, the maps (n, 64, 64) and how many windows they take."""
    for choice in _SIZES:
        taken = np.isin(windows.size, [_SIZES[-1].index(size) for size in choice])
        chosen = Windows(windows.boxes[taken], windows.size[taken])
        heat = np.stack([mean_heat(_SIDE, _SIDE, chosen, drop[taken]) for drop in drops])
        yield " ".join(map(str, choice)), heat, len(chosen)


def _against(
    known: Sequence[Known], worth: Sequence[Floats], heat: NDArray[np.float32], other: NDArray[np.int64], name: str
) -> dict[str, float]:
    """How well maps (n, 64, 64) point at what is worth most, and rank the attributes."""
    near = np.hypot(*(np.indices((_SIDE, _SIDE)) - (_SIDE - 1) / 2)) / (_SIDE / 4)
    centre = np.exp(-(near**2) / 2).ravel()
    pointing, ranks = [], []
    for k, (scene, nats) in enumerate(zip(known, worth, strict=True)):
        best = scene.places[int(nats.argmax())]
        place = binary_dilation(best, np.ones((2 * _TOLERANCE + 1, 2 * _TOLERANCE + 1))).ravel()
        hits = [place[heat[j].argmax()] for j in (k, int(other[k]))]
        pointing.append((*hits, place.mean(), (centre * place).sum() / centre.sum()))
        if len(nats) > 2:
            means = [np.array([heat[j][here].mean() for here in scene.places]) for j in (k, int(other[k]))]
            ranks.append([_spearman(mean, nats) for mean in means])
    hit, elsewhere, chance, centred = np.mean(pointing, axis=0).tolist()
    rank = np.array(ranks)
    values = (
        hit,
        chance,
        centred,
        elsewhere,
        rank[:, 0].mean(),
        rank[:, 0].std() / len(rank) ** 0.5,
        rank[:, 1].mean(),
    )
    return {f"{column}_{name}": float(value) for column, value in zip(_OF_WORTH, values, strict=True)}


def _deletion(
    model: PlanetPrior,
    photos: SceneSet,
    heat: NDArray[np.float32],
    order: NDArray[np.int64],
    base: Sequence[float],
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


def _others(photos: SceneSet) -> NDArray[np.int64]:
    """For each scene (n,) the next one of its kind, the first after the last."""
    kind = photos.scenes.attributes[:, INDEX["scene"]]
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
    best = [int(scene.exact.argmax()) for scene in known]
    counts = Counter(NAMES[scene.columns[k]] for scene, k in zip(known, best, strict=True)).most_common()
    area = np.mean([scene.places[k].mean() for scene, k in zip(known, best, strict=True)])
    return (
        f"{len(known)} scenes; the attribute with the most exact evidence is worth "
        f"{np.mean([scene.exact.max() for scene in known]):.2f} nats and has {100 * area:.0f} % of the picture: "
        + ", ".join(f"{name} {count}" for name, count in counts)
    )


def _print(rows: Sequence[Mapping[str, object]]) -> None:
    for row in rows:
        line = f"{row['way']!s:<28} {row.get('scenes', '')!s:>5} {row.get('seed', '')!s:>1} {row.get('fill', '')!s:<6} "
        line += f"{row['sizes']!s:<8} {row['predictions']!s:>4} {_number(row, 'seconds', 2)} s"
        for worth in _WORTHS:
            hit, chance, centre, other = (100 * _value(row, f"{name}_{worth}") for name in _OF_WORTH[:4])
            line += (
                f" | {worth}: hit {hit:3.0f} (chance {chance:.0f}, centre {centre:.0f}, other {other:.0f}) rank "
                f"{_number(row, f'rank_{worth}', 2)}±{_number(row, f'rank_error_{worth}', 2)} "
                f"(other {_number(row, f'rank_other_{worth}', 2)})"
            )
        line += f" | agree {_number(row, 'agree', 2)} deletion {_number(row, 'deletion', 2)}"
        print(f"{line} (other {_number(row, 'deletion_other', 2)})", flush=True)


def _value(row: Mapping[str, object], name: str) -> float:
    return float(str(row.get(name, "nan")))


def _number(row: Mapping[str, object], name: str, digits: int) -> str:
    return f"{_value(row, name):5.{digits}f}"


if __name__ == "__main__":
    main()
