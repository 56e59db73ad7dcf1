"""Albums of the rendered Earth: scenes of one cell, independent or copied in part, and the best to be said of them.

All photos of an album are taken in one cell ``c``, drawn as photos are. With a share ``r`` of copies, an album has a
base value ``b`` for each attribute, drawn from ``P(b | c)``; each photo that shows the attribute shows ``b`` with
probability ``r``, else a value of its own from ``P(a | c)``. So photos of one album resemble each other more than the
cell explains, as photos of one walk do. The posterior of who reads all attributes is still exact, for each attribute::

    P(a_1 .. a_k | c) = sum_b P(b | c) prod_j [ r 1(a_j = b) + (1 - r) P(a_j | c) ]

over the photos ``j`` that show it. With ``r = 0`` that is the product of independent photos.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.earth_attributes import ATTRIBUTES, GROUPS, INDEX, SCENES, SHOWN
from benchmarks.earth_scenes import render
from benchmarks.earth_world import Scenes, World, points_in

__all__ = ["SceneAlbums", "album_log_posterior"]

Floats = NDArray[np.float64]
Floats32 = NDArray[np.float32]
Values = NDArray[np.int8]


@dataclass(frozen=True, eq=False)
class SceneAlbums:
    """Albums of ``k`` scenes each, of which any first few are an album too.

    Attributes:
        cell: Index (n,) of the cell of each album.
        lat: Latitude (n, k) in degrees of each photo.
        lon: Longitude (n, k) in degrees.
        attributes: Values (n, k, K) int8 of ``ATTRIBUTES``.
        copies: The share of copies.
        seed: What all was drawn with.
    """

    cell: NDArray[np.int32]
    lat: Floats
    lon: Floats
    attributes: Values
    copies: float
    seed: int

    def __len__(self) -> int:
        return len(self.cell)

    @classmethod
    def draw(cls, world: World, n: int, k: int, seed: int, *, copies: float = 0.0) -> SceneAlbums:
        """``n`` albums of ``k`` photos with a share ``copies`` of copied attributes; the same for the same ``seed``."""
        random = np.random.default_rng([seed, 0xA1B])
        cells = random.choice(len(world.p0), n, p=world.p0).astype(np.int32)
        each = np.repeat(cells, k)
        lat, lon = points_in(world.partition, each, random)
        values = np.zeros((n, k, len(ATTRIBUTES)), np.int8)
        scene = _values(world.table("scene")[cells], k, copies, random)
        values[..., INDEX["scene"]] = scene
        shown = random.random((n, k, len(GROUPS))) < np.array(SHOWN)[scene]
        for number, attribute in enumerate(ATTRIBUTES[1:], 1):
            has_part = np.array([kind in attribute.scenes for kind in SCENES])[scene]
            drawn = _values(world.table(attribute.name)[cells], k, copies, random)
            values[..., number] = np.where(shown[..., GROUPS.index(attribute.group)] & has_part, drawn, 0)
        return cls(cells, lat.reshape(n, k), lon.reshape(n, k), values, copies, seed)

    def paint(self) -> NDArray[np.uint8]:
        """The pictures (n, k, 64, 64, 3): light, horizon and the like are each photo's own, also where it is a copy."""
        n, k = self.lat.shape
        pictures: NDArray[np.uint8] = render(self.attributes.reshape(n * k, -1), self.seed).reshape(n, k, 64, 64, 3)
        return pictures

    def as_scenes(self) -> Scenes:
        """The album's truth, as a scene's: the cell, where its first photo was taken, and what that shows."""
        return Scenes(self.cell, self.lat[:, 0], self.lon[:, 0], self.attributes[:, 0])


def album_log_posterior(world: World, attributes: Values, copies: float) -> Floats32:
    """Log-probability (n, n_cells) in nats of each cell given all photos: the best that any model can say.

    Args:
        world: The world.
        attributes: Values (n, k, K) of each album's photos.
        copies: The share of copies that they were drawn with.
    """
    logits = np.repeat(np.log(world.p0)[None], len(attributes), axis=0)
    for number, attribute in enumerate(ATTRIBUTES):
        table = world.table(attribute.name).T  # (values, n_cells), 0 for "hidden"
        for album, row in zip(attributes[..., number], logits, strict=True):
            seen = album if attribute.name == "scene" else album[album > 0]
            if len(seen):
                row += np.log(_likelihood(table, seen, copies))
    logits -= logits.max(axis=1, keepdims=True)
    logits -= np.log(np.exp(logits).sum(axis=1, keepdims=True))
    return np.asarray(logits, np.float32)


def _likelihood(table: Floats, seen: Values, copies: float) -> Floats:
    """(n_cells,) probability of the values ``seen`` of one attribute, given the cell."""
    own = (1.0 - copies) * table[seen]  # (j, n_cells)
    # A base that no photo shows leaves each of them to chance.
    different = np.unique(seen)
    total: Floats = (1.0 - table[different].sum(axis=0)) * own.prod(axis=0)
    for base in different.tolist():
        total = total + table[base] * (own + copies * (seen == base)[:, None]).prod(axis=0)
    return total


def _values(p: Floats, k: int, copies: float, random: np.random.Generator) -> NDArray[np.int64]:
    """Values (n, k) from probabilities (n, v) of each album, a share of them copies of one value of the album's."""

    def drawn(count: int) -> NDArray[np.int64]:
        chance = random.random((len(p), count, 1))
        found: NDArray[np.int64] = (chance > np.cumsum(p[:, None, :-1], axis=2)).sum(axis=2)
        return found

    return np.where(random.random((len(p), k)) < copies, drawn(1), drawn(k))
