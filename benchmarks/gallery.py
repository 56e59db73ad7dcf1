"""Galleries: what IM2GPS over real photos is worth beside density, and what a gallery costs to build, keep and ask.

    python -m benchmarks.gallery accuracy DATA
    python -m benchmarks.gallery photos DATA
    python -m benchmarks.gallery vectors COUNT --places CSV [--dimensions D]

*accuracy*: a gallery of the 268 photos of ``streets_train`` and ``travel_train`` is asked about ``streets_dev`` and
``places_dev`` (dev; nothing was fitted or chosen on them). ``bits``: mean log2 of the probability of the true cell.
Differences have paired 95 % bootstrap intervals, drawn by places of 25 km. ``blind`` is the same vote by all photos of
the gallery alike, with a share fitted in the same way: what is to be had by knowing where the gallery's photos are,
without looking at one. Distances: haversine, R = 6371.0088 km, ``<=``.

*photos*: build rate, bytes and time of a query with the real photos of five sets, 1,017 in all.

*vectors*: the same for made-up vectors of COUNT photos, which lie near a curved surface of 16 dimensions in D, as
embeddings do (independent normal numbers would have no near neighbours at all), at places of MP-16. ``recall``: share
of the true 120 nearest among the 120 that the index names.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from backbone.density import DensityPrior
from backbone.gallery import Gallery
from backbone.gallery_build import build_gallery
from backbone.gallery_card import Embedding
from backbone.gallery_embedders import Im2gpsEmbedder
from backbone.gallery_fit import ASKED, fit_blind
from backbone.gallery_prior import GalleryPrior
from benchmarks.machine import machine
from benchmarks.photo_scores import Scorer, Scores, difference, places
from data.partition import load_default
from data.photo_sets import PhotoSet, Subset, concatenated, open_photo_set
from data.photo_tables import read_coordinates

__all__ = ["main"]

Floats = NDArray[np.float64]

_TRAIN: Final = ("streets_train", "travel_train")
_DEV: Final = ("streets_dev", "places_dev")
_ALL: Final = (*_TRAIN, *_DEV, "shopfronts_dev")
_FIGURES: Final = (
    "bits", "geoscore", "median_km", "within_25_km", "within_200_km", "within_750_km", "within_2500_km", "inside_50",
    "inside_80",
)  # fmt: skip
_QUERIES: Final = 200
_NEIGHBOURS: Final = 120
_SURFACE: Final = 16
_ASKED_MADE_UP: Final = 20  # made-up photos that are left out to fit on: enough to see that it runs


def main() -> None:
    parser = argparse.ArgumentParser(description="what galleries are worth and cost")
    parts = parser.add_subparsers(dest="part", required=True)
    for name in ("accuracy", "photos"):
        parts.add_parser(name).add_argument("data", type=Path)
    vectors = parts.add_parser("vectors")
    vectors.add_argument("count", type=int)
    vectors.add_argument("--dimensions", type=int, default=512)
    vectors.add_argument("--places", type=Path, required=True, metavar="CSV", help="photo_coordinates_100k.csv")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if args.part == "accuracy":
            _accuracy(args.data, Path(folder) / "gallery")
        elif args.part == "photos":
            _photos(args.data, Path(folder) / "gallery")
        else:
            _vectors(args.count, args.dimensions, args.places, Path(folder) / "gallery")
    print(machine())


def _accuracy(data: Path, folder: Path) -> None:
    build_gallery(folder, [open_photo_set(data / name) for name in _TRAIN], Im2gpsEmbedder())
    gallery = Gallery(folder)
    prior = GalleryPrior(gallery)
    print(f"gallery of {len(gallery)} photos, votes {dict(gallery.card.votes)}")
    own = gallery.card.metrics
    print("left out in turn, across folds (its card): " + ", ".join(f"{k[9:]} {v:.4g}" for k, v in own.items()))
    density = DensityPrior(load_default()).distribution
    blind = fit_blind(gallery, density)
    scorer = Scorer(density.partition)
    print(f"{'set':<12}{'answer':<11}" + "".join(f"{name:>28}" for name in _FIGURES))
    for name in _DEV:
        photos = open_photo_set(data / name, missing="skip")
        outputs = [prior.predict([photos.pixels(i)])[0] for i in range(len(photos))]
        said = (np.log(np.maximum(o.distribution.p.astype(np.float64), 1e-30))[None] for o in outputs)
        scores = {
            "density": scorer.score_one(density, photos.lat, photos.lon),
            "blind": scorer.score_one(blind, photos.lat, photos.lon),
            "im2gps": scorer.score(said, photos.lat, photos.lon),
        }
        _print_scores(name, scores, places(photos.lat, photos.lon))


def _print_scores(name: str, scores: dict[str, Scores], place: NDArray[np.int64]) -> None:
    once = np.ones((1, len(place)))
    for label, score in scores.items():
        figures = score.figures()
        print(f"{name:<12}{label:<11}" + "".join(f"{float(figures[f](once)[0]):>28.2f}" for f in _FIGURES))
    for other in ("density", "blind"):
        told = difference(scores["im2gps"], scores[other], place)
        row = (f"{told[f][0]:+.2f} [{told[f][1]:+.2f},{told[f][2]:+.2f}]" for f in _FIGURES)
        print(f"{name:<12}{'- ' + other:<11}" + "".join(f"{cell:>28}" for cell in row))


def _photos(data: Path, folder: Path) -> None:
    sets = [open_photo_set(data / name, missing="skip") for name in _ALL]
    embedder = Im2gpsEmbedder()
    everything = concatenated(sets)
    some = Subset(everything, np.arange(0, len(everything), 5))
    start = time.perf_counter(), time.process_time()
    for i in range(len(some)):
        embedder.embed([some.pixels(i, at_least=embedder.at_least)])
    wall, cpu = ((now - then) / len(some) for now, then in zip(_clocks(), start, strict=True))
    print(f"decode and describe: {1e3 * cpu:.1f} ms of processor a photo, {1e3 * wall:.1f} ms of time")
    _build(folder, sets, embedder)
    gallery = Gallery(folder)
    _ask(gallery)
    prior = GalleryPrior(gallery, embedder)
    pixels = some.pixels(0)
    prior.predict([pixels])
    start = _clocks()
    for i in range(20):
        prior.predict([some.pixels(i)])
    wall, cpu = ((now - then) / 20 for now, then in zip(_clocks(), start, strict=True))
    print(f"im2gps:NAME, decoding included: {1e3 * cpu:.0f} ms of processor a photo, {1e3 * wall:.0f} ms of time")


class _MadeUp:
    """Photos whose pixels are their number."""

    def __init__(self, count: int, table: Path) -> None:
        lat, lon = read_coordinates(table)
        rng = np.random.default_rng(0)
        which = rng.integers(0, len(lat), count)
        self.name, self.skipped, self.fingerprint = "made-up", 0, f"made-up {count}"
        self.lat = np.clip(lat[which] + rng.normal(0.0, 0.01, count), -90.0, 90.0)
        self.lon = np.clip(lon[which] + rng.normal(0.0, 0.01, count), -180.0, 180.0)

    def __len__(self) -> int:
        return len(self.lat)

    def key(self, index: int) -> str:
        return f"{index:08d}.jpg"

    def pixels(self, index: int, *, at_least: int = 0) -> NDArray[np.uint8]:
        return np.frombuffer(np.int64(index).tobytes(), np.uint8)


class _Surface:
    """Vectors near a curved surface, by the number of the photo."""

    at_least = 0
    threads = False

    def __init__(self, dimensions: int) -> None:
        rng = np.random.default_rng(1)
        self.embedding = Embedding("made-up", "", dimensions)
        self._flat = rng.standard_normal((_SURFACE, dimensions)).astype(np.float32)
        self._bent = rng.standard_normal((_SURFACE, dimensions)).astype(np.float32)

    def embed(self, images: Sequence[NDArray[np.uint8]], *, device: str = "cpu") -> NDArray[np.float32]:
        rows = []
        for image in images:
            rng = np.random.default_rng(int(np.frombuffer(image.tobytes(), np.int64)[0]))
            z = rng.standard_normal(_SURFACE).astype(np.float32)
            x = z @ self._flat + np.sin(2.0 * z) @ self._bent
            x += 0.3 * rng.standard_normal(len(x), np.float32)
            rows.append(x / np.linalg.norm(x))
        return np.stack(rows).astype(np.float32)


def _vectors(count: int, dimensions: int, table: Path, folder: Path) -> None:
    embedder = _Surface(dimensions)
    photos: PhotoSet = _MadeUp(count, table)
    start = _clocks()
    for i in range(1_000):
        embedder.embed([photos.pixels(i)])
    print(f"made-up vectors of {dimensions} numbers: {1e3 * (_clocks()[1] - start[1]) / 1_000:.2f} ms each to make")
    _build(folder, [photos], embedder, asked=_ASKED_MADE_UP)
    fresh = _MadeUp(count + _QUERIES, table)
    queries = embedder.embed([fresh.pixels(count + i) for i in range(_QUERIES)])
    _ask(Gallery(folder), queries)


def _build(folder: Path, sets: Sequence[PhotoSet], embedder: object, *, asked: int = ASKED) -> None:
    count = sum(len(photos) for photos in sets)
    start, marks = _clocks(), []

    def progress(done: int) -> None:
        if done == count:
            marks.append(_clocks())

    build_gallery(folder, sets, embedder, progress=progress, asked=asked)  # type: ignore[arg-type]
    end = _clocks()
    read = marks[-1] if marks else end
    size = sum(path.stat().st_size for path in folder.iterdir())
    print(
        f"build of {count:,}: {end[0] - start[0]:,.1f} s of time, {end[1] - start[1]:,.1f} s of processor, of which "
        f"index, fit and figures {end[0] - read[0]:,.1f} and {end[1] - read[1]:,.1f}; "
        f"{size / count:,.0f} bytes a photo on disk"
    )


def _ask(gallery: Gallery, queries: NDArray[np.float32] | None = None) -> None:
    if queries is None:
        queries = gallery.vectors(np.linspace(0, len(gallery) - 1, _QUERIES).astype(np.int64))
    few = queries[:20]
    gallery.nearest(few[:1], _NEIGHBOURS)
    start = _clocks()
    true = [gallery.nearest(query, _NEIGHBOURS, exact=True)[0][0] for query in few]
    exact = (_clocks()[1] - start[1]) / len(few)
    said = f"{_NEIGHBOURS} nearest of {len(gallery):,}: {1e3 * exact:.1f} ms of processor comparing all"
    if gallery.card.index is not None:
        start = _clocks()
        for query in queries:
            gallery.nearest(query, _NEIGHBOURS)
        quick = (_clocks()[1] - start[1]) / len(queries)
        found = [gallery.nearest(query, _NEIGHBOURS)[0][0] for query in few]
        recall = np.mean([len(np.intersect1d(a, b)) / len(a) for a, b in zip(true, found, strict=True)])
        said += f", {1e3 * quick:.1f} ms by the index, recall {100 * recall:.1f} %"
    print(said)


def _clocks() -> tuple[float, float]:
    return time.perf_counter(), time.process_time()


if __name__ == "__main__":
    main()
