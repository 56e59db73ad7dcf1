"""Nearest photos inside the best cells say where in them a photo was taken: a prior with a gallery behind it.

A prior tells cells; a gallery of the same embedding then tells, in each of the likeliest cells, which photos of the
cell look most like the photo, and the mass inside the cell is drawn to where they were taken. The cells' masses stay.

With ``z`` the mean of the nearest photos' places, from the cell's mean, and ``s`` the cell's spread, the mass becomes a
Gaussian at ``a z`` with a spread of ``r s``. Both numbers are fitted on the gallery's own photos, each left out in turn
with all photos within 1 km of it, by how alike the nearest photo of the cell is: ``a`` has the least mean square error
``E |y - a z|^2 / s^2`` of the true places ``y``, and ``r`` is the root of that error per axis, at the upper end of its
95 % interval over cells. Where it is not certain that they beat the cell's own mean, and below 1 km, nothing is
changed. So the spread is never less than the error that was measured.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from backbone.base import Prior, PriorCard, PriorOutput, temperature_of
from backbone.gallery import Gallery
from backbone.gallery_card import Embedding
from backbone.gallery_embedders import unit
from backbone.weights_card import finite
from data.distribution import CellDistribution
from data.errors import WeightsError
from data.geodesy import EARTH_RADIUS_KM, lat_lon, unit_vectors
from data.in_cell import InCell
from data.partition import Partition

__all__ = ["RefinedPrior", "Refinement", "fit_refinement"]

Floats = NDArray[np.float64]
Floats32 = NDArray[np.float32]
Indices = NDArray[np.int64]

SPOT_KM: Final = 1.0
"""Photos within this distance of a photo are left out when it is asked about; no cell becomes narrower."""

_CELLS: Final = 32  # of a distribution that are looked into: the likeliest
_NEAREST: Final = 5  # photos of a cell that say where
_MOST_IN_CELL: Final = 1_000  # photos of a cell that are compared; of more, so many at equal steps
_MOST_ASKED: Final = 2_000  # photos that are left out, each in turn
_BINS: Final = 4  # of how alike the nearest is
_LEAST_ASKED, _LEAST_CELLS = 30, 8  # in a bin, and cells that they are of
_DRAWS: Final = 1_000


@dataclass(frozen=True)
class Refinement:
    """What was fitted; see the module's docstring.

    Attributes:
        temperature: Squared distance by which a photo less alike counts ``1 / e`` as much.
        edges: Squared distances of the nearest photo, ascending, one fewer than bins; from the first bin on photos are
            less and less alike.
        toward: ``a`` of each bin, 0 to 1; 0 changes nothing.
        narrowing: ``r`` of each bin, above 0 and at most 1.
        asked: Photos that it was fitted on.
    """

    temperature: float = 1.0
    edges: tuple[float, ...] = ()
    toward: tuple[float, ...] = (0.0,)
    narrowing: tuple[float, ...] = (1.0,)
    asked: int = 0

    def __post_init__(self) -> None:
        numbers = [finite(value) for value in (self.temperature, *self.edges, *self.toward, *self.narrowing)]
        if (
            any(number is None for number in numbers) or not self.temperature > 0.0
            or not len(self.edges) + 1 == len(self.toward) == len(self.narrowing)
            or any(not 0.0 <= a <= 1.0 for a in self.toward) or any(not 0.0 < r <= 1.0 for r in self.narrowing)
        ):  # fmt: skip
            raise WeightsError("its refinement makes no sense: build that gallery again")

    @classmethod
    def of(cls, fields: Mapping[str, Any]) -> Refinement:
        """From a card's ``refinement``.

        Raises:
            WeightsError: They are other fields, or make no sense.
        """
        try:
            lists = {name: tuple(fields[name]) for name in ("edges", "toward", "narrowing")}
            return cls(**(dict(fields) | lists))
        except (TypeError, KeyError) as error:
            raise WeightsError("its refinement is of another whence: build that gallery again") from error

    def to_dict(self) -> dict[str, Any]:
        """For a card."""
        return {name: list(v) if isinstance(v, tuple) else v for name, v in asdict(self).items()}

    def of_nearest(self, square: float) -> tuple[float, float]:
        """``a`` and ``r`` where the nearest photo of a cell is at the squared distance ``square``."""
        k = int(np.searchsorted(self.edges, square, side="right"))
        return self.toward[k], self.narrowing[k]


class RefinedPrior:
    """A prior whose mass inside the likeliest cells is drawn to where a gallery's nearest photos were taken.

    Args:
        prior: Tells the cells, and an embedding.
        gallery: Of the same embedding.

    Attributes:
        prior: As given.
        gallery: As given.

    Raises:
        WeightsError: The gallery is of another embedding, or damaged.
    """

    def __init__(self, prior: Prior, gallery: Gallery) -> None:
        own = getattr(prior, "embedding", None) or Embedding(
            prior.name, prior.card.sha256, gallery.embedding.dimensions
        )
        if own != gallery.embedding:
            raise WeightsError(
                f"the gallery {gallery.name} was embedded with {gallery.embedding}, the prior is {own.name} with "
                f"weights {own.sha256[:12] or 'without a sha256'}: take the prior that the gallery was built with, or "
                f"build one with `whence gallery build PHOTOS -o NAME --by {own.name}`"
            )
        self.prior = prior
        self.gallery = gallery.opened()
        # What the card has was fitted over the shipped cells.
        told = gallery.card.refinement
        if told and told.get("partition") == prior.partition.hash:
            self._refinement = Refinement.of({k: v for k, v in told.items() if k != "partition"})
        else:
            self._refinement = fit_refinement(gallery, prior.partition)
        self._rows, self._ends = gallery.rows_in_cells(prior.partition)

    @property
    def name(self) -> str:
        """The prior's, ``+gallery:`` and the gallery's."""
        return f"{self.prior.name}+gallery:{self.gallery.name}"

    @property
    def partition(self) -> Partition:
        """The prior's."""
        return self.prior.partition

    @property
    def card(self) -> PriorCard:
        """The prior's, whose figures it keeps: they are of cells, which do not change; sha256 of both together."""
        card = self.prior.card
        both = f"{card.sha256} {self.gallery.card.content_sha256}"
        photos = f"{len(self.gallery):,} photos of {'; '.join(self.gallery.card.sources)}"
        return replace(
            card,
            summary=f"{card.summary}; inside the best cells, where the most similar of {photos} were taken",
            licence=f"{card.licence}; photos of the gallery: {self.gallery.card.licence}",
            sha256=hashlib.sha256(both.encode()).hexdigest(),
        )

    @property
    def temperature(self) -> float | None:
        """The prior's; None where it has none."""
        return temperature_of(self.prior)

    @property
    def refinement(self) -> Refinement:
        """What was fitted on the gallery, over the prior's cells."""
        return self._refinement

    def predict(self, images: Sequence[NDArray[np.uint8]], *, device: str = "cpu") -> list[PriorOutput]:
        """The prior's outputs, each with its mass narrowed inside the likeliest cells.

        Raises:
            WeightsError: As the prior's; or it gives no embedding, or a file of the gallery is damaged.
        """
        outputs = []
        for output in self.prior.predict(images, device=device):
            vector = unit_of(output.embedding, self.gallery.embedding)
            outputs.append(replace(output, distribution=self.refined(output.distribution, vector)))
        return outputs

    def refined(self, said: CellDistribution, vector: Floats32) -> CellDistribution:
        """``said`` with its mass narrowed inside its likeliest cells; itself where no cell changes.

        Args:
            said: Over the prior's cells.
            vector: The photo's (d,), as the gallery's are.
        """
        likeliest = np.argsort(-said.p, kind="stable")[:_CELLS]
        changed: list[tuple[int, Floats, float]] = []
        for cell in likeliest.tolist():
            rows = _spread_out(self._rows[self._ends[cell] : self._ends[cell + 1]])
            spread = float(said.spread_km[cell])
            if not len(rows) or spread <= SPOT_KM:
                continue
            square = self.gallery.distances(vector, rows)
            toward, narrowing = self._refinement.of_nearest(float(square.min()))
            if toward > 0.0:
                z = _towards(self.gallery, rows, square, self._refinement.temperature)
                here = unit_vectors(said.lat[cell], said.lon[cell])
                moved = (1.0 - toward) * here + toward * z
                changed.append((cell, moved, max(narrowing * spread, SPOT_KM)))
        if not changed:
            return said
        lat, lon, spreads = said.lat.copy(), said.lon.copy(), said.spread_km.copy()
        for cell, moved, spread in changed:
            lat[cell], lon[cell] = lat_lon(moved)
            spreads[cell] = spread
        return CellDistribution(said.partition, said.p, InCell(lat, lon, spreads, said.spots), said.allowed)


def fit_refinement(gallery: Gallery, partition: Partition) -> Refinement:
    """What the gallery's photos say of each other inside the cells of ``partition``; see the module's docstring."""
    rows, ends = gallery.rows_in_cells(partition)
    cells = np.repeat(np.arange(len(partition)), np.diff(ends))
    open_cells = (np.diff(ends)[cells] > 1) & (partition.spread_km[cells] > SPOT_KM)
    candidates = rows[open_cells]
    of_cell = dict(zip(candidates.tolist(), cells[open_cells].tolist(), strict=True))
    asked = np.sort(np.random.default_rng(0).permutation(np.sort(candidates))[:_MOST_ASKED])
    where = unit_vectors(gallery.lat, gallery.lon)
    vectors = gallery.vectors(asked)
    told: list[tuple[int, int, Indices, Floats]] = []
    for row, vector in zip(asked.tolist(), vectors, strict=True):
        cell = of_cell[row]
        others = rows[ends[cell] : ends[cell + 1]]
        apart = np.linalg.norm(where[others] - where[row], axis=1) * EARTH_RADIUS_KM
        others = _spread_out(others[apart > SPOT_KM])
        if len(others):
            told.append((row, cell, others, gallery.distances(vector, others)))
    if len(told) < _LEAST_ASKED:
        return Refinement(asked=len(told))
    temperature = max(float(np.median([square.min() for *_, square in told])), 1e-9)
    here = partition.vectors[[cell for _, cell, *_ in told]]
    y = where[[row for row, *_ in told]] - here
    z = np.array([_towards(gallery, others, square, temperature) for _, _, others, square in told]) - here
    scale = EARTH_RADIUS_KM / partition.spread_km[[cell for _, cell, *_ in told]].astype(np.float64)[:, None]
    nearest = np.array([square.min() for *_, square in told])
    edges = np.quantile(nearest, np.arange(1, _BINS) / _BINS)
    which = np.searchsorted(edges, nearest, side="right")
    cell_of = np.array([cell for _, cell, *_ in told])
    fits = [_fit(y[which == k] * scale[which == k], z[which == k] * scale[which == k], cell_of[which == k])
            for k in range(_BINS)]  # fmt: skip
    return Refinement(
        temperature, tuple(edges.tolist()), tuple(a for a, _ in fits), tuple(r for _, r in fits), len(told)
    )


def unit_of(vector: NDArray[np.float32] | None, embedding: Embedding) -> Floats32:
    """A prior's embedding as a gallery keeps it: of IM2GPS as it is, of all others at length 1.

    Raises:
        WeightsError: There is none, it has another length, or is not finite.
    """
    if embedding.name == "im2gps" and vector is not None and vector.shape == (embedding.dimensions,):
        return vector
    return unit(vector, embedding)


def _fit(y: Floats, z: Floats, cells: Indices) -> tuple[float, float]:
    """``a`` and ``r`` of true places ``y`` (m, 3) and nearest photos' ``z`` (m, 3), in spreads of their cells."""
    unchanged = (0.0, 1.0)
    names, cell = np.unique(cells, return_inverse=True)
    square = (z**2).sum()
    if len(y) < _LEAST_ASKED or len(names) < _LEAST_CELLS or not square > 0.0:
        return unchanged
    a = float(np.clip((y * z).sum() / square, 0.0, 1.0))
    moved, still = ((y - a * z) ** 2).sum(axis=1) / 2.0, (y**2).sum(axis=1) / 2.0
    # Cells are drawn, not photos: photos of a cell are alike.
    drawn = np.random.default_rng(0).multinomial(len(names), np.full(len(names), 1.0 / len(names)), _DRAWS)
    weights = drawn[:, cell].astype(np.float64)
    total = np.maximum(weights.sum(axis=1), 1e-12)
    error, error_still = (weights @ values / total for values in (moved, still))
    r = float(np.sqrt(np.quantile(error, 0.975)))
    certain = float(np.quantile(error_still - error, 0.025)) > 0.0
    return (a, r) if a > 0.0 and certain and 0.0 < r < 1.0 else unchanged


def _towards(gallery: Gallery, rows: Indices, square: Floats, temperature: float) -> Floats:
    """Unit vector (3,) of the weighted mean place of the photos nearest among ``rows``."""
    nearest = np.argsort(square, kind="stable")[:_NEAREST]
    weights = np.exp(-(square[nearest] - square[nearest[0]]) / temperature)
    total = weights @ unit_vectors(gallery.lat[rows[nearest]], gallery.lon[rows[nearest]])
    return np.asarray(total / np.linalg.norm(total))


def _spread_out(rows: Indices) -> Indices:
    """``rows``, or of too many some at equal steps."""
    if len(rows) <= _MOST_IN_CELL:
        return rows
    return rows[np.linspace(0, len(rows) - 1, _MOST_IN_CELL).round().astype(np.int64)]
