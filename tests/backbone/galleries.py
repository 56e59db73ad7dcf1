"""Small galleries for tests: photos whose vectors are known, of places that look like themselves."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from backbone.gallery import Gallery
from backbone.gallery_build import build_gallery
from backbone.gallery_card import Embedding
from data.errors import ImageError

SHA = "5" * 64


class Numbered:
    """Photos whose pixels are their number; some cannot be read."""

    def __init__(
        self,
        lat: NDArray[np.float64],
        lon: NDArray[np.float64],
        *,
        name: str = "made",
        broken: Sequence[int] = (),
        dies_at: int | None = None,
    ) -> None:
        self.lat, self.lon, self.name = lat, lon, name
        self.skipped, self.fingerprint = 0, f"{name} {len(lat)}"
        self.broken, self.dies_at = set(broken), dies_at
        self.asked: list[int] = []

    def __len__(self) -> int:
        return len(self.lat)

    def key(self, index: int) -> str:
        return f"{index:05d}.jpg"

    def pixels(self, index: int, *, at_least: int = 0) -> NDArray[np.uint8]:
        self.asked.append(index)
        if index == self.dies_at:
            raise KeyboardInterrupt
        if index in self.broken:
            raise ImageError("damaged")
        return np.frombuffer(np.int64(index).tobytes(), np.uint8)


class ByTable:
    """An embedding that looks a photo's number up."""

    at_least = 0
    threads = False

    def __init__(self, vectors: NDArray[np.float32], *, name: str = "table", sha256: str = SHA) -> None:
        self.vectors = vectors
        self.embedding = Embedding(name, sha256, vectors.shape[1])

    def embed(self, images: Sequence[NDArray[np.uint8]], *, device: str = "cpu") -> NDArray[np.float32]:
        return self.vectors[[int(np.frombuffer(image.tobytes(), np.int64)[0]) for image in images]]


def scattered(count: int, *, seed: int = 0) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Places (count,) in a few countries."""
    rng = np.random.default_rng(seed)
    towns = np.array([[48.2, 16.4], [-33.9, 151.2], [35.7, 139.7], [40.4, -3.7], [-23.5, -46.6], [52.5, 13.4]])
    town = towns[rng.integers(0, len(towns), count)]
    return town[:, 0] + rng.normal(0, 2.0, count), town[:, 1] + rng.normal(0, 2.0, count)


def telling(
    lat: NDArray[np.float64], lon: NDArray[np.float64], dimensions: int = 8, *, noise: float = 0.02, seed: int = 0
) -> NDArray[np.float32]:
    """Vectors (n, d) that change with the place, smoothly over about 3,000 km."""
    from data.geodesy import unit_vectors

    rng = np.random.default_rng(seed)
    waves = np.sin(unit_vectors(lat, lon) @ rng.normal(0, 2.0, (3, dimensions)) + rng.uniform(0, 6, dimensions))
    return np.asarray(waves + noise * rng.standard_normal(waves.shape), np.float32)


def made(folder: Path, count: int = 200, *, tells: bool = True, **options: object) -> tuple[Gallery, ByTable, Numbered]:
    """A gallery in ``folder``, what embeds for it, and its photos."""
    lat, lon = scattered(count)
    vectors = telling(lat, lon) if tells else np.random.default_rng(9).standard_normal((count, 8)).astype(np.float32)
    embedder, photos = ByTable(vectors), Numbered(lat, lon)
    build_gallery(folder, [photos], embedder, **options)  # type: ignore[arg-type]
    return Gallery(folder), embedder, photos
