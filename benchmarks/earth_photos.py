"""Sets of painted scenes that stand where sets of photos do, held in memory.

python -m benchmarks.earth_photos SHEET.png      # paints a sheet of 48 scenes, north to south
"""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from backbone.scenes import SCENES
from benchmarks.earth_attributes import ATTRIBUTES, INDEX
from benchmarks.earth_scenes import render
from benchmarks.earth_world import Scenes, World, shipped_world

__all__ = ["SceneSet", "contact_sheet"]


@dataclass(frozen=True, eq=False)
class SceneSet:
    """Scenes of one world with their pictures; reads as a set of photos.

    Attributes:
        name: Short name, for logs and keys.
        scenes: Where each was taken and what it shows.
        images: The pictures (n, size, size, 3), RGB.
        seed: What places, attributes and nuisances were drawn with.
        world: Which world it is: its seed and its partition's hash.
    """

    name: str
    scenes: Scenes
    images: NDArray[np.uint8]
    seed: int
    world: str

    @classmethod
    def draw(cls, world: World, n: int, seed: int, *, size: int = 64, name: str = "scenes") -> SceneSet:
        """Draw and paint ``n`` scenes, 12 KB each at a ``size`` of 64 pixels; the same for the same ``seed``."""
        scenes = world.sample(n, seed)
        return cls(name, scenes, render(scenes.attributes, seed, size), seed, f"{world.seed} {world.partition.hash}")

    @property
    def skipped(self) -> int:
        """No scene was left out."""
        return 0

    @property
    def lat(self) -> NDArray[np.float64]:
        """Latitudes (n,) in degrees."""
        return self.scenes.lat

    @property
    def lon(self) -> NDArray[np.float64]:
        """Longitudes (n,) in degrees."""
        return self.scenes.lon

    def scene_labels(self) -> NDArray[np.float32]:
        """1 for the kind of each scene, 0 for the others: (n, 3), in the order of ``backbone.scenes.SCENES``."""
        kinds = np.array([SCENES.index(name) for name in ATTRIBUTES[INDEX["scene"]].values])
        labels: NDArray[np.float32] = np.eye(len(SCENES), dtype=np.float32)[
            kinds[self.scenes.attributes[:, INDEX["scene"]]]
        ]
        return labels

    def __len__(self) -> int:
        return len(self.scenes)

    def key(self, index: int) -> str:
        """Name of scene ``index``, from 0, in this set."""
        return f"{self.name}/{self.seed}/{index:06d}"

    def pixels(self, index: int, *, at_least: int = 0) -> NDArray[np.uint8]:
        """The whole picture (size, size, 3), whatever ``at_least``: it is never decoded smaller."""
        picture: NDArray[np.uint8] = self.images[index]
        return picture

    @property
    def fingerprint(self) -> str:
        """SHA-256 (hex) over the world, the names and the labels."""
        digest = hashlib.sha256(f"{self.name} {self.seed} {self.world} {self.images.shape}\n".encode())
        for array in (self.lat, self.lon, self.scenes.attributes):
            digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()


def contact_sheet(world: World, seed: int = 5, rows: int = 6, columns: int = 8, size: int = 64) -> NDArray[np.uint8]:
    """Scenes beside each other, north to south: (rows * (size + 2), columns * (size + 2), 3)."""
    drawn = SceneSet.draw(world, rows * columns, seed, size=size)
    tiles = drawn.images[np.argsort(-drawn.lat)].reshape(rows, columns, size, size, 3)
    framed = np.pad(tiles, ((0, 0), (0, 0), (1, 1), (1, 1), (0, 0)))
    sheet: NDArray[np.uint8] = framed.transpose(0, 2, 1, 3, 4).reshape(rows * (size + 2), columns * (size + 2), 3)
    return sheet


def main(argv: Sequence[str] | None = None) -> None:
    """Paint a sheet of scenes."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("sheet", type=Path, help="PNG file to write")
    parser.add_argument("--seed", type=int, default=5)
    parser.add_argument("--zoom", type=int, default=3, help="pixels of the file to a pixel of a scene (default 3)")
    args = parser.parse_args(argv)
    sheet = contact_sheet(shipped_world(), args.seed)
    Image.fromarray(sheet.repeat(args.zoom, axis=0).repeat(args.zoom, axis=1)).save(args.sheet)
    print(f"wrote {args.sheet}")


if __name__ == "__main__":
    main()
