"""Networks trained on a few real photos, and what each said of photos it had not seen: kept, not trained again."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from backbone.crops import five_crops
from backbone.planet import PlanetPrior
from backbone.planet_config import PlanetConfig
from backbone.train_prior import Recipe, Run, train
from data.partition import LEVELS, Partition
from data.photo_sets import PhotoSet, Subset

__all__ = ["WAYS", "Answers", "Decoded", "Way"]

Floats32 = NDArray[np.float32]
Indices = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Way:
    """A way of training.

    Attributes:
        trunk: Of ``backbone.trunks.TRUNKS``.
        pixels: Side of its squares.
        levels: Those with a classifier.
        smoothing_km: Reach of smoothed labels; 0 for none.
        start_at_density: Whether the biases start there, or at nothing.
        blind: Whether every photo is shown as a grey square.
        epochs: Passes over the photos to choose from.
    """

    trunk: str
    pixels: int
    levels: tuple[str, ...]
    smoothing_km: float
    start_at_density: bool = True
    blind: bool = False
    epochs: tuple[float, ...] = (3.0, 12.0)


_FLAT: Final = LEVELS[:1]
WAYS: Final[Mapping[str, Way]] = MappingProxyType(
    {
        **{f"tiny, flat, {tau} km": Way("tiny", 64, _FLAT, tau) for tau in (0, 75, 300, 1000)},
        "tiny, f*, 0 km": Way("tiny", 64, LEVELS, 0, epochs=(12.0,)),
        "tiny, f*, 300 km": Way("tiny", 64, LEVELS, 300),
        "tiny, flat, 300 km, from nothing": Way("tiny", 64, _FLAT, 300, start_at_density=False, epochs=(12.0,)),
        "tiny, flat, 300 km, blind": Way("tiny", 64, _FLAT, 300, blind=True),
        "tiny, f*, 300 km, blind": Way("tiny", 64, LEVELS, 300, blind=True, epochs=(12.0,)),
        "mobilenet, flat, 300 km": Way("mobilenet_v3_small", 128, _FLAT, 300, epochs=(6.0,)),
    }
)
"""Name of each way of training to what it is."""

_BATCH: Final = 32
_SIDE: Final = 192  # shorter side at which photos are kept: enough for the smallest square of 128 in training
_AT_ONCE: Final = 16


class Decoded:
    """A set of photos decoded once and kept small; reads as a set of photos."""

    def __init__(self, photos: PhotoSet, side: int = _SIDE) -> None:
        self.name, self.lat, self.lon, self.skipped = photos.name, photos.lat, photos.lon, photos.skipped
        self.fingerprint = f"{photos.fingerprint} {side}"
        self._keys = [photos.key(k) for k in range(len(photos))]
        self._images = [_small(photos.pixels(k, at_least=2 * side), side) for k in range(len(photos))]

    def __len__(self) -> int:
        return len(self._images)

    def key(self, index: int) -> str:
        """What the set itself calls photo ``index``."""
        return self._keys[index]

    def pixels(self, index: int, *, at_least: int = 0) -> NDArray[np.uint8]:
        """(H, W, 3) of photo ``index``, its shorter side as small as it was kept, whatever ``at_least``."""
        return self._images[index]


class _Grey:
    """A set of photos of which nothing can be seen."""

    def __init__(self, photos: PhotoSet) -> None:
        self.name, self.lat, self.lon, self.skipped = photos.name, photos.lat, photos.lon, photos.skipped
        self.fingerprint, self.key = f"grey {photos.fingerprint}", photos.key

    def __len__(self) -> int:
        return len(self.lat)

    def pixels(self, index: int, *, at_least: int = 0) -> NDArray[np.uint8]:
        """A grey square."""
        return np.full((_SIDE, _SIDE, 3), 128, np.uint8)


def _small(photo: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    height, width = photo.shape[:2]
    scale = side / min(height, width)
    size = (max(round(width * scale), side), max(round(height * scale), side))
    return np.asarray(Image.fromarray(photo).resize(size, Image.Resampling.BOX if scale < 1 else None))


@dataclass(eq=False)
class Answers:
    """Log-probabilities that trained networks give, kept in a folder; trains what is missing.

    Attributes:
        out: The folder.
        photos: All photos, those to train on and the others.
        partition: The cells.
    """

    out: Path
    photos: PhotoSet
    partition: Partition

    def of(self, name: str, epochs: float, seed: int, chosen: Indices, asked: Indices, what: str) -> Floats32:
        """Log-probabilities (m, n) about photos ``asked`` of way ``name`` trained on photos ``chosen``."""
        plain = "".join(c if c.isalnum() else "_" for c in name)
        path = self.out / f"{plain}-{epochs:g}-{seed}-{what}.npy"
        if not path.exists():
            start = time.perf_counter()
            found = self._trained(name, epochs, seed, chosen, asked)
            partial = path.with_suffix(".partial.npy")
            np.save(partial, found)
            partial.replace(path)
            print(f"{path.stem}: {len(chosen)} photos, {time.perf_counter() - start:.0f} s", file=sys.stderr)
        return np.asarray(np.load(path), np.float32)

    def _trained(self, name: str, epochs: float, seed: int, chosen: Indices, asked: Indices) -> Floats32:
        way = WAYS[name]
        photos: PhotoSet = _Grey(self.photos) if way.blind else self.photos
        with TemporaryDirectory(dir=self.out) as folder:
            trained = train(
                Path(folder),
                Subset(photos, chosen),
                held_out=Subset(photos, asked[:1]),  # its own temperature and figures are not used
                partition=self.partition,
                config=PlanetConfig(way.trunk, way.pixels, way.levels),
                recipe=Recipe(
                    epochs=epochs, batch=_BATCH, smoothing_km=way.smoothing_km, start_at_density=way.start_at_density,
                    seed=seed,
                ),
                run=Run(device="cpu", checkpoint_minutes=60.0),
            )  # fmt: skip
            model = PlanetPrior(trained)
            found = [
                model.log_posterior(np.stack([five_crops(photos.pixels(int(k)), model.pixels) for k in some]))[0]
                for some in np.split(asked, range(_AT_ONCE, len(asked), _AT_ONCE))
            ]
        return np.concatenate(found).astype(np.float32)

    def out_of_fold(self, name: str, epochs: float, seed: int, photos: Indices, fold: Indices, what: str) -> Floats32:
        """Log-probabilities (m, n) about ``photos`` (m,), each from a network that saw no photo of its fold."""
        found = np.empty((len(photos), len(self.partition)), np.float32)
        count = int(fold.max()) + 1
        for k in range(count):
            asked = fold == k
            found[asked] = self.of(name, epochs, seed, photos[~asked], photos[asked], f"{what}_{k}of{count}")
        return found
