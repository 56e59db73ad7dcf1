"""What a photo's pixels tell of its place with few photos to learn from: kinds of features and ways to use them.

    python -m benchmarks.pixels DATA OUT [--only NAME ...] [--csv FILE]

DATA is the folder with `streets_train`, `travel_train`, `streets_dev` and `places_dev`. Figures on the first three are
out of fold (five folds; photos within 25 km of each other, and of theirs in turn, are in one), `places_dev` is answered
by a fit on all three. Every way starts from the density prior, whose figures stand in the first row; a tenth of it is
mixed in. Features are kept in OUT. Intervals are 95 % bootstrap intervals over places, paired with the density prior.
"""

from __future__ import annotations

import argparse
import csv
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from backbone.cell_features import cell_features
from backbone.colour import colour_grid, colour_histogram
from backbone.density import DensityPrior
from backbone.frozen_features import LiteFeatures
from backbone.gist import gist
from backbone.log_bilinear import fit
from backbone.pixels import mixed
from backbone.scene_head import SceneHead, described
from backbone.train_pixels import DENSITY_SHARE, RIDGE, folds_of, shipped_components
from benchmarks.machine import machine
from benchmarks.photo_scores import Scorer, Scores, difference, places
from data.geodesy import BANDS_KM, geoscore, unit_vectors
from data.partition import Partition, load_default
from data.photo_sets import open_photo_set
from data.writing import write_whole

TRAIN: Final = ("streets_train", "travel_train", "streets_dev")
DEV: Final = "places_dev"
_SIDE: Final = 640  # pixels, longer side, for the text detector
_AT_ONCE: Final = 64

Floats = NDArray[np.float64]
Floats32 = NDArray[np.float32]


class TextDetector:
    """What RapidOCR's text detector, PP-OCRv6 small, sees on its way: means and deviations of four stages."""

    _STAGES: Final = (
        "p2o.pd_op.conv2d.41.0",
        "p2o.pd_op.conv2d.44.0",
        "p2o.pd_op.conv2d.47.0",
        "p2o.pd_op.conv2d.50.0",
    )

    def __init__(self) -> None:
        import onnx
        import onnxruntime  # type: ignore[import-untyped]
        import rapidocr

        model = onnx.load(Path(rapidocr.__file__).parent / "models" / "PP-OCRv6_det_small.onnx")
        self._taps = [node.input[0] for node in model.graph.node if node.output and node.output[0] in self._STAGES]
        model.graph.output.extend(onnx.ValueInfoProto(name=name) for name in self._taps)
        self._session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])

    def __call__(self, image: NDArray[np.uint8]) -> Floats32:
        """Features (1440,) of a photo (H, W, 3)."""
        from PIL import Image as PILImage

        height, width = image.shape[:2]
        scale = _SIDE / max(height, width)
        size = (max(32, round(width * scale / 32) * 32), max(32, round(height * scale / 32) * 32))
        small = np.asarray(PILImage.fromarray(image).resize(size, PILImage.Resampling.BICUBIC), np.float32)
        normal = (small[..., ::-1] / 255.0 - (0.485, 0.456, 0.406)) / (0.229, 0.224, 0.225)
        seen = self._session.run(self._taps, {"x": normal.transpose(2, 0, 1)[None].astype(np.float32)})
        return np.concatenate([part for a in seen for part in (a[0].mean((1, 2)), a[0].std((1, 2)))])


def _looks() -> dict[str, Callable[[NDArray[np.uint8]], Floats32]]:
    """Name of each kind of features to what computes them of one photo."""
    lite, detector, head = LiteFeatures(), TextDetector(), SceneHead().model
    return {
        "colours": lambda image: np.concatenate([colour_grid(image).ravel(), np.sqrt(colour_histogram(image)).ravel()]),
        "gist": lambda image: gist(image).ravel(),
        "patches": lambda image: described(image, head.vocabularies).astype(np.float32),
        "detector": detector,
        "lite": lambda image: lite.of([image])[0],
    }


@dataclass(frozen=True)
class Way:
    """Features, how many of them each block has, and how they are used.

    Attributes:
        features: Names of kinds of features; ``lite0`` and ``lite2`` are the halves of ``lite``.
        cells: ``"places"`` for GeoCLIP's location embedding and the habitat, ``"habitat"``, or ``"globe"`` for the
            point of the unit sphere instead of the embedding.
        ridge: Of the fit.
        regress: Whether the features are regressed onto the cells' features by least squares with a ridge, as GeoCLIP's
            image encoder is trained to, instead of being fitted in the logit; a factor is fitted out of fold.
    """

    features: tuple[str, ...]
    cells: str = "places"
    ridge: float = RIDGE
    regress: bool = False


WAYS: Final = {
    "nothing (bias alone)": Way(()),
    "colours": Way(("colours",)),
    "gist": Way(("gist",)),
    "patches": Way(("patches",)),
    "text detector": Way(("detector",)),
    "lite0": Way(("lite0",)),
    "lite2": Way(("lite2",)),
    "lite0 + lite2 (ships)": Way(("lite0", "lite2")),
    "... + text detector": Way(("lite0", "lite2", "detector")),
    "... + gist, colours, patches": Way(("lite0", "lite2", "gist", "colours", "patches")),
    "lite0 + lite2, habitat alone": Way(("lite0", "lite2"), "habitat"),
    "lite0 + lite2, globe for embedding": Way(("lite0", "lite2"), "globe"),
    "lite0 + lite2, regressed": Way(("lite0", "lite2"), regress=True),
    "text detector, regressed": Way(("detector",), regress=True),
}


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--only", nargs="+", choices=tuple(WAYS), default=tuple(WAYS), metavar="NAME")
    parser.add_argument("--csv", type=Path)
    args = parser.parse_args(argv)
    bench = _Bench(args.data, args.out)
    print(f"{len(bench.train)} photos out of fold, {len(bench.dev)} of {DEV}; {machine()}")
    rows = bench.rows("density prior", None)
    for name in args.only:
        start = time.perf_counter()
        rows += bench.rows(name, WAYS[name])
        print(f"{name}: {time.perf_counter() - start:.0f} s", file=sys.stderr)
    wide = {column: max(len(column), *(len(str(row[column])) for row in rows)) for column in rows[0]}
    for row in ({column: column for column in wide}, *rows):
        print("  ".join(str(row[column]).ljust(wide[column]) for column in wide).rstrip())
    if args.csv is not None:
        with args.csv.open("w", newline="", encoding="utf-8") as stream:
            writer = csv.DictWriter(stream, rows[0])
            writer.writeheader()
            writer.writerows(rows)


class _Bench:
    """The photos with all their features, the cells, and what the density prior is worth."""

    def __init__(self, data: Path, out: Path) -> None:
        sets = {name: open_photo_set(data / name) for name in (*TRAIN, DEV)}
        self.set = np.concatenate([np.full(len(photos), name) for name, photos in sets.items()])
        self.lat = np.concatenate([photos.lat for photos in sets.values()])
        self.lon = np.concatenate([photos.lon for photos in sets.values()])
        self.features = _all_features(list(sets.values()), out)
        self.features |= dict(zip(("lite0", "lite2"), np.split(self.features["lite"], 2, axis=1), strict=True))
        self.train, self.dev = np.flatnonzero(self.set != DEV), np.flatnonzero(self.set == DEV)
        self.partition = load_default()
        self.density = DensityPrior(self.partition).distribution
        self.log_density = np.log(self.density.p)
        self.true = self.partition.cells_of(self.lat, self.lon)
        self.fold = folds_of(self.lat[self.train], self.lon[self.train])
        self.scorer = Scorer(self.partition)
        self.base = self.scorer.score_one(self.density, self.lat, self.lon)
        self.cells = {kind: _cells(self.partition, kind) for kind in ("places", "habitat", "globe")}

    def rows(self, name: str, way: Way | None) -> list[dict[str, Any]]:
        """A row for each set, and one for all that is out of fold."""
        if way is None:
            p = np.repeat(self.density.p[None].astype(np.float64), len(self.set), axis=0)
        else:
            p = mixed(self.log_density, self._evidence(way), DENSITY_SHARE)
        blocks = (np.log(np.maximum(p[k : k + _AT_ONCE], 1e-30)) for k in range(0, len(p), _AT_ONCE))
        scores = self.scorer.score(blocks, self.lat, self.lon)
        first = np.array([next(iter(self.partition.country_mass(row.astype(np.float32)))) for row in p])
        own = np.array([self.partition.main_country[cell] for cell in self.true])
        chosen = {set_: np.flatnonzero(self.set == set_) for set_ in (*TRAIN, DEV)} | {"all out of fold": self.train}
        return [self._row(name, set_, some, scores, first == own) for set_, some in chosen.items()]

    def _row(
        self, name: str, set_: str, some: NDArray[np.int64], scores: Scores, country: NDArray[np.bool_]
    ) -> dict[str, Any]:
        ours, theirs = (Scores(s.bits[some], s.km[some], s.mass[some]) for s in (scores, self.base))
        gains = difference(ours, theirs, places(self.lat[some], self.lon[some]))
        return {
            "features": name,
            "set": set_,
            "photos": len(some),
            **{f"within_{band:g}": f"{100 * (ours.km <= band).mean():.1f}" for band in BANDS_KM},
            "median_km": f"{np.median(ours.km):.0f}",
            "geoscore": f"{geoscore(ours.km).mean():.0f}",
            "geoscore_gain": "{:+.0f} [{:.0f}, {:.0f}]".format(*gains["geoscore"]),
            "bits_gain": "{:+.2f} [{:.2f}, {:.2f}]".format(*gains["bits"]),
            "country_first": f"{100 * country[some].mean():.1f}",
            "inside_50": f"{100 * (ours.mass <= 0.5).mean():.0f}",
            "inside_80": f"{100 * (ours.mass <= 0.8).mean():.0f}",
        }

    def _evidence(self, way: Way) -> Floats32:
        """(all photos, n): out of fold where there are folds."""
        parts = [self.features[name] for name in way.features] or [np.zeros((len(self.set), 1), np.float32)]
        x, blocks = np.concatenate(parts, axis=1), [part.shape[1] for part in parts]
        cells = self.cells[way.cells]
        found = np.empty((len(self.set), len(cells)), np.float32)
        halves = [(self.train[self.fold != k], self.train[self.fold == k]) for k in range(int(self.fold.max()) + 1)]
        for seen, asked in (*halves, (self.train, self.dev)):
            if way.regress:
                found[asked] = _regressed(x, blocks, seen, asked, cells[self.true[seen]]) @ cells.T
            else:
                model = fit(x[seen], blocks, self.true[seen], cells, self.log_density, ridge=way.ridge)
                found[asked] = model.directions(x[asked]) @ cells.T
        return found * np.float32(self._factor(found[self.train])) if way.regress else found

    def _factor(self, evidence: Floats32) -> float:
        """What evidence out of fold is multiplied by so that the true cells are likeliest."""
        from scipy.optimize import minimize_scalar

        rows, true = np.arange(len(evidence)), self.true[self.train]

        def cost(log_factor: float) -> float:
            p = mixed(self.log_density, evidence * np.float32(np.exp(log_factor)), DENSITY_SHARE)
            return -float(np.log(p[rows, true]).mean())

        return float(np.exp(minimize_scalar(cost, bounds=(-6.0, 4.0), method="bounded", options={"xatol": 0.05}).x))


def _regressed(
    x: Floats32, blocks: Sequence[int], seen: NDArray[np.int64], asked: NDArray[np.int64], wanted: Floats32
) -> Floats32:
    """Ridge regression from photos ``seen`` onto ``wanted`` (m, k), the ridge chosen by leaving one out."""
    each = np.sqrt(np.repeat(blocks, blocks))
    mean, deviation = x[seen].mean(axis=0), x[seen].std(axis=0) + 1e-6
    z = ((x - mean) / deviation / each).astype(np.float64)
    target = wanted - wanted.mean(axis=0)
    values, vectors = np.linalg.eigh(z[seen] @ z[seen].T)
    turned = vectors.T @ target
    errors = {}
    for ridge in np.geomspace(0.03, 300.0, 15):
        smoother = values / (values + ridge)
        left = (target - vectors @ (smoother[:, None] * turned)) / (1.0 - (vectors**2) @ smoother)[:, None]
        errors[ridge] = float((left**2).sum())
    ridge = min(errors, key=lambda r: errors[r])
    return np.asarray(z[asked] @ z[seen].T @ (vectors @ (turned / (values + ridge)[:, None])), np.float32)


def _cells(partition: Partition, kind: str) -> Floats32:
    whole = cell_features(partition, shipped_components())
    if kind == "places":
        return whole
    if kind == "habitat":
        return whole[:, -3:]
    return np.concatenate([unit_vectors(partition.lat, partition.lon), whole[:, -3:]], axis=1).astype(np.float32)


def _all_features(sets: Sequence[Any], out: Path) -> dict[str, Floats32]:
    """Features (all photos, d) by kind, kept in ``out``."""
    looks = _looks()
    found: dict[str, list[Floats32]] = {kind: [] for kind in looks}
    for photos in sets:
        path = out / f"{photos.name}-{photos.fingerprint[:16]}.npz"
        if not path.exists():
            rows: dict[str, list[Floats32]] = {kind: [] for kind in looks}
            for k in range(len(photos)):
                image = photos.pixels(k, at_least=512)
                for kind, look in looks.items():
                    rows[kind].append(look(image))
            content = BytesIO()
            np.savez(content, **{kind: np.stack(values).astype(np.float32) for kind, values in rows.items()})  # type: ignore[arg-type]
            write_whole(path, content.getvalue())
            print(f"{photos.name}: features computed", file=sys.stderr)
        with np.load(path, allow_pickle=False) as kept:
            for kind in looks:
                found[kind].append(kept[kind])
    return {kind: np.concatenate(parts) for kind, parts in found.items()}


if __name__ == "__main__":
    main()
