"""What several photos of one place say together, on a rendered Earth whose best possible posterior is known.

    python -m benchmarks.earth_albums OUT --runs RUNS [--albums N] [--tests N] [--models NAME ...] [--csv FILE]

RUNS has the trained models of ``benchmarks.rendered_earth``, a folder each. Albums of eight scenes are drawn in one
cell (``benchmarks.earth_album_scenes``), once with photos that are independent given the cell and once with half of
what they show copied; the first two, four and eight photos are albums. For each model and kind an LSTM and a
bidirectional one (``backbone.album_training``, labels smoothed over 75 km as the models' own, each album in a new order
at each pass) learn from N albums; what is fitted (when to stop, the dependency, one temperature for all sizes of album)
is fitted on 250 others; figures are of albums that nobody has seen. What OUT holds already is not computed again.

`single photo`: the album's first. `mean`: the linear pool; `product`: that of independent photos; `discounted product`:
with the fitted dependency (``backbone.albums``). `LSTM, photo by photo`: the forward LSTM shown each photo alone, its
answers multiplied with a discount: what the LSTM has over it is the sequence.

`nll`: mean negative log-probability of the true cell in nats, `KL`: what is missing to the exact posterior; `T`: the
temperature; `rho`: the dependency; `50 %` and `90 %`: how often the credible set of that mass holds the true cell,
before and after the temperature; bands: share of albums whose likeliest cell's mean is within so many km (haversine,
R = 6371.0088 km, `<=`); `photos/s`: of this step alone, on one core, once each photo's own output is there.
"""

from __future__ import annotations

import argparse
import csv
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

from backbone.album_net import AlbumNet, album_log_p
from backbone.album_training import AlbumRecipe, Albums, learn
from backbone.albums import fit_dependency, pooled
from backbone.calibrate import fit_temperature
from backbone.crops import five_crops
from backbone.planet import PlanetPrior
from benchmarks.earth_album_scenes import SceneAlbums, album_log_posterior
from benchmarks.earth_optimum import score
from benchmarks.earth_world import World
from benchmarks.machine import machine, with_deviation
from benchmarks.rendered_earth import BAND_COLUMNS, hits, reduced_world, softened
from data.geodesy import unit_vectors
from data.writing import write_whole

__all__ = ["KINDS", "Said", "main", "said_of"]

Floats = NDArray[np.float64]
Floats32 = NDArray[np.float32]

KINDS: Final[Mapping[str, float]] = {"independent": 0.0, "half copied": 0.5}
"""Kind of album to the share of copies in it."""

_WAY: Final = "hierarchy_f___smoothed_75_km"
_MODELS: Final = tuple(
    f"{_WAY}-{scenes}-{seed}" for scenes, seed in ((32_000, 0), (8_000, 0), (32_000, 1), (8_000, 1), (8_000, 2))
)
_SIZES: Final = (2, 4, 8)
_HELD_OUT: Final = 250
_SEEDS: Final = {"train": 11, "held-out": 12, "test": 13}
_AT_ONCE: Final = 8
_WAYS: Final = (
    "single photo", "mean", "product", "discounted product", "LSTM, photo by photo", "LSTM", "bidirectional LSTM",
    "optimum",
)  # fmt: skip
_COLUMNS: Final = (
    *("kind", "photos", "way", "scenes", "seed", "nll", "kl", "temperature", "dependency", "top1"),
    *("inside_50_raw", "inside_90_raw", "inside_50", "inside_90", *(name for name, _ in BAND_COLUMNS), "photos_per_s"),
)


@dataclass(frozen=True, eq=False)
class Said:
    """What a model says about the photos of albums, one by one.

    Attributes:
        embeddings: (n, k, d) float32.
        log_p: (n, k, n_cells) float32, calibrated log-probabilities; of no album where they were not asked for.
    """

    embeddings: Floats32
    log_p: Floats32


def main(argv: Sequence[str] | None = None) -> None:
    """Compute what is missing, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("out", type=Path, help="folder of embeddings and rows")
    parser.add_argument("--runs", type=Path, required=True, help="folder of the models of benchmarks.rendered_earth")
    parser.add_argument("--albums", type=int, default=2_400, help="to train on, of eight scenes (default 2,400)")
    parser.add_argument("--tests", type=int, default=500, help="albums to score on (default 500)")
    parser.add_argument("--models", nargs="+", default=list(_MODELS), metavar="NAME")
    parser.add_argument(
        "--part", default="0/1", help="K/N: only every N-th model and kind, from the K-th, and no table"
    )
    parser.add_argument("--csv", type=Path, help="write the rows, one a model, kind, size and way, to this file")
    args = parser.parse_args(argv)
    torch.set_num_threads(1)
    world = reduced_world()
    counts = {"train": args.albums, "held-out": _HELD_OUT, "test": args.tests}
    mine, parts = (int(x) for x in args.part.split("/"))
    jobs = [(model, kind) for model in args.models for kind in KINDS]
    rows: list[dict[str, str]] = []
    for model, kind in jobs[mine::parts]:
        path = args.out / f"{model}-{kind.replace(' ', '-')}-{args.albums}-{args.tests}.csv"
        if not path.exists():
            albums = {
                what: SceneAlbums.draw(world, n, max(_SIZES), _SEEDS[what], copies=KINDS[kind])
                for what, n in counts.items()
            }
            found = _rows(world, PlanetPrior(args.runs / model / "model"), albums, path.with_suffix(""))
            _, scenes, seed = model.rsplit("-", 2)
            _write(path, [{"kind": kind, "scenes": scenes, "seed": seed} | row for row in found])
        with path.open(newline="", encoding="utf-8") as stream:
            rows += csv.DictReader(stream)
    if parts > 1:
        return
    if args.csv:
        _write(args.csv, rows)
    _print(rows)
    print(
        f"\n{len(args.models)} models; {args.albums} albums to train on, {_HELD_OUT} held out, {args.tests} to score on"
    )
    print(repr(world.partition))
    print(machine())


def said_of(model: PlanetPrior, albums: SceneAlbums, path: Path, *, log_p: bool) -> Said:
    """What ``model`` says about each photo; kept in ``path``, a safetensors file."""
    from safetensors.numpy import load_file, save

    if not path.exists():
        n, k = albums.lat.shape
        pictures = albums.paint().reshape(n * k, 64, 64, 3)
        rows, features = [], []
        for start in range(0, n * k, _AT_ONCE):
            crops = np.stack([five_crops(picture, model.pixels) for picture in pictures[start : start + _AT_ONCE]])
            said, embeddings = model.log_posterior(crops)
            features.append(embeddings)
            if log_p:
                scaled = said.astype(np.float64) / model.temperature
                rows.append((scaled - np.logaddexp.reduce(scaled, axis=1, keepdims=True)).astype(np.float32))
        content = {"embeddings": np.concatenate(features).reshape(n, k, -1)}
        content["log_p"] = np.concatenate(rows).reshape(n, k, -1) if log_p else np.empty((0, k, 0), np.float32)
        write_whole(path, save(content))
    return Said(**load_file(path))


def _rows(world: World, model: PlanetPrior, albums: Mapping[str, SceneAlbums], folder: Path) -> list[dict[str, object]]:
    """The rows of one model and kind of album."""
    start = time.perf_counter()
    said = {
        what: said_of(model, some, folder / f"{what}-{len(some)}.safetensors", log_p=what != "train")
        for what, some in albums.items()
    }
    print(f"{folder.name}: embeddings {time.perf_counter() - start:.0f} s", flush=True)
    nets = {}
    for bidirectional in (False, True):
        start = time.perf_counter()
        recipe = AlbumRecipe(bidirectional=bidirectional, epochs=30, smoothing_km=75.0, shuffled=True)
        training, held_out = (_as_albums(albums[what], said[what]) for what in ("train", "held-out"))
        passes = _Passes()
        nets[bidirectional] = learn(training, held_out, world.partition, recipe, on_pass=passes)
        print(
            f"{folder.name}: {'bidirectional ' * bidirectional}LSTM {time.perf_counter() - start:.0f} s, "
            f"{len(passes.nll)} passes, held out {min(passes.nll):.3f} nats",
            flush=True,
        )
    log_p0 = np.log(world.p0)
    held, test = said["held-out"], said["test"]
    truths = np.tile(albums["held-out"].cell, len(_SIZES))
    single = {what: _single(nets[False], said[what]) for what in ("held-out", "test")}
    own = {"held-out": held.log_p, "test": test.log_p}

    def dependency_of(log_p: Floats32) -> float:
        return fit_dependency([album[:k] for k in _SIZES for album in log_p], log_p0, truths)

    rho, rho_single = dependency_of(held.log_p), dependency_of(single["held-out"])
    ways: dict[str, Callable[[str, int, int], Floats]] = {
        "single photo": lambda what, i, k: own[what][i, 0].astype(np.float64),
        "mean": lambda what, i, k: np.logaddexp.reduce(own[what][i, :k].astype(np.float64), axis=0) - np.log(k),
        "product": lambda what, i, k: pooled(own[what][i, :k], log_p0, 0.0),
        "discounted product": lambda what, i, k: pooled(own[what][i, :k], log_p0, rho),
        "LSTM, photo by photo": lambda what, i, k: pooled(single[what][i, :k], log_p0, rho_single),
        "LSTM": lambda what, i, k: _read(nets[False], said[what].embeddings[i, :k]),
        "bidirectional LSTM": lambda what, i, k: _read(nets[True], said[what].embeddings[i, :k]),
    }
    exact = {k: album_log_posterior(world, albums["test"].attributes[:, :k], albums["test"].copies) for k in _SIZES}
    rows = []
    for name in _WAYS:
        temperature, pace = 1.0, 0.0
        if name != "optimum":
            way = ways[name]
            fitted = np.stack([way("held-out", i, k) for k in _SIZES for i in range(_HELD_OUT)])
            temperature = fit_temperature(fitted.astype(np.float32), truths)
        for k in _SIZES:
            start = time.perf_counter()
            raw = exact[k] if name == "optimum" else np.stack([way("test", i, k) for i in range(len(exact[k]))])
            pace = k * len(raw) / (time.perf_counter() - start)
            of_dependency = {"discounted product": rho, "LSTM, photo by photo": rho_single, "product": 0.0}.get(name)
            rows.append(
                {
                    "photos": k,
                    "way": name,
                    "dependency": of_dependency,
                    "photos_per_s": 0.0 if name == "optimum" else pace,
                }
                | _figures(world, albums["test"], raw.astype(np.float32), exact[k], temperature)
            )
    return rows


class _Passes:
    """What the held-out albums' likelihood was after each pass."""

    def __init__(self) -> None:
        self.nll: list[float] = []

    def __call__(self, epoch: int, loss: float, nll: float) -> None:
        self.nll.append(nll)


def _figures(
    world: World, albums: SceneAlbums, raw: Floats32, exact: Floats32, temperature: float
) -> dict[str, object]:
    calibrated = softened(raw, temperature)
    truth = albums.as_scenes()
    before = score(world.partition, truth, lambda some: raw[some])
    after = score(world.partition, truth, lambda some: calibrated[some])
    wanted = exact.astype(np.float64)
    return {
        "nll": float(after.nll["fine"].mean()),
        "kl": float((np.exp(wanted) * (wanted - calibrated)).sum(axis=1).mean()),
        "temperature": temperature,
        **hits(before, after),
    }


def _as_albums(albums: SceneAlbums, said: Said) -> Albums:
    n, k = albums.lat.shape
    points = unit_vectors(albums.lat.ravel(), albums.lon.ravel()).astype(np.float32)
    order = np.arange(n * k).reshape(n, k)
    return Albums(said.embeddings.reshape(n * k, -1), np.repeat(albums.cell, k), points, list(order))


def _read(net: AlbumNet, embeddings: Floats32) -> Floats:
    log_p: Floats = album_log_p(net, [torch.from_numpy(embeddings)])[0].numpy().astype(np.float64)
    return log_p


def _single(net: AlbumNet, said: Said) -> Floats32:
    """Log-probabilities (n, k, n_cells) that the LSTM gives to each photo alone."""
    n, k, d = said.embeddings.shape
    with torch.no_grad():
        alone = torch.from_numpy(said.embeddings.reshape(n * k, 1, d))
        logits = net(alone, torch.ones(n * k, dtype=torch.int64))[:, 0]
        found: Floats32 = torch.log_softmax(logits, dim=1).numpy().reshape(n, k, -1)
    return found


def _write(path: Path, rows: Sequence[Mapping[str, object]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, _COLUMNS)
        writer.writeheader()
        writer.writerows(rows)


def _print(rows: Sequence[Mapping[str, str]]) -> None:
    """One line a kind, training, size and way: means over the models' seeds, and the deviation between them."""
    for kind in KINDS:
        for scenes in sorted({row["scenes"] for row in rows}, key=int, reverse=True):
            print(f"\n{kind} photos; model trained on {int(scenes):,} scenes")
            print(
                f"{'photos':>6} {'':<22} {'nll':>12} {'KL':>12} {'T':>5} {'rho':>5} {'top1':>5}   {'50 %':>9} "
                f"{'90 %':>9}   {'25':>5} {'200':>5} {'750':>5} {'2500':>5} km, %  photos/s"
            )
            for size in _SIZES:
                for way in _WAYS:
                    some = [
                        r
                        for r in rows
                        if (r["kind"], r["scenes"], r["photos"], r["way"]) == (kind, scenes, str(size), way)
                    ]
                    if some:
                        _print_line(size, way, some)
    _print_claims(rows)


def _print_line(size: int, way: str, some: Sequence[Mapping[str, str]]) -> None:
    of_way = {c: np.array([float(r[c]) for r in some]) for c in _COLUMNS[5:] if all(r[c] for r in some)}
    mean = {k: float(v.mean()) for k, v in of_way.items()}
    inside = " ".join(f"{100 * mean[f'inside_{m}_raw']:4.0f}>{100 * mean[f'inside_{m}']:<4.0f}" for m in ("50", "90"))
    rho = f"{mean['dependency']:5.2f}" if "dependency" in mean else " " * 5
    pace = f"{mean['photos_per_s']:10,.0f}" if mean["photos_per_s"] else ""
    print(
        f"{size:>6} {way:<22} {with_deviation(of_way['nll'].tolist())} {with_deviation(of_way['kl'].tolist())} "
        f"{mean['temperature']:5.2f} {rho} {100 * mean['top1']:5.1f}   {inside}   "
        + " ".join(f"{100 * mean[column]:5.1f}" for column, _ in BAND_COLUMNS)
        + pace
    )


def _print_claims(rows: Sequence[Mapping[str, str]]) -> None:
    """How much likelier, in nats an album, one way is than another, over models; and in how many of them."""
    print("\nnats that the first has over the second: mean over models ± deviation between them (models with it ahead)")
    nll = {(r["kind"], r["photos"], r["way"], r["scenes"], r["seed"]): float(r["nll"]) for r in rows}
    models = sorted({(r["scenes"], r["seed"]) for r in rows})
    for first, second in (
        ("LSTM", "single photo"), ("LSTM", "mean"), ("discounted product", "mean"), ("discounted product", "product"),
        ("LSTM", "discounted product"), ("LSTM", "LSTM, photo by photo"), ("bidirectional LSTM", "LSTM"),
    ):  # fmt: skip
        print(f"{first} over {second}:")
        for kind in KINDS:
            said = []
            for size in map(str, _SIZES):
                gains = np.array(
                    [
                        nll[kind, size, second, *m] - nll[kind, size, first, *m]
                        for m in models
                        if (kind, size, first, *m) in nll
                    ]
                )
                deviation = float(gains.std(ddof=1)) if len(gains) > 1 else 0.0
                said.append(
                    f"{size} photos {gains.mean():+.3f}±{deviation:.3f} ({int((gains > 0).sum())} of {len(gains)})"
                )
            print(f"  {kind:<12} " + "; ".join(said))


if __name__ == "__main__":
    main()
