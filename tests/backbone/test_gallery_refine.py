"""Nearest photos inside the best cells: the point comes nearer, the masses stay, and the spread is honest."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from backbone.albums import multiplied
from backbone.base import PriorCard, PriorOutput
from backbone.gallery import Gallery
from backbone.gallery_build import build_gallery
from backbone.gallery_prior import GalleryPrior
from backbone.gallery_refine import RefinedPrior, Refinement, fit_refinement
from data.distribution import CellDistribution
from data.errors import WeightsError
from data.geodesy import destination, haversine_km, unit_vectors
from data.partition import Partition
from tests.backbone.galleries import SHA, ByTable, Numbered, made

CELLS, IN_CELL, ASKED = 25, 40, 300


def _inside(partition: Partition, cells: NDArray[np.int64], seed: int) -> tuple[NDArray[np.float64], ...]:
    """A place in each of ``cells``, as its Gaussian has them, none in another cell."""
    rng = np.random.default_rng(seed)
    lat, lon = np.zeros(len(cells)), np.zeros(len(cells))
    todo = np.arange(len(cells))
    while len(todo):
        km = partition.spread_km[cells[todo]] * np.sqrt(-2.0 * np.log(rng.uniform(size=len(todo))))
        lat[todo], lon[todo] = destination(
            partition.lat[cells[todo]], partition.lon[cells[todo]], rng.uniform(0, 360, len(todo)), km
        )
        todo = todo[partition.cells_of(lat[todo], lon[todo]) != cells[todo]]
    return lat, lon


def _local(lat: NDArray[np.float64], lon: NDArray[np.float64]) -> NDArray[np.float32]:
    """Vectors that change within tens of km."""
    rng = np.random.default_rng(5)
    waves = np.sin(unit_vectors(lat, lon) @ rng.normal(0, 120.0, (3, 24)) + rng.uniform(0, 6, 24))
    noisy = waves + 0.05 * np.random.default_rng(len(lat)).standard_normal(waves.shape)
    return np.asarray(noisy / np.linalg.norm(noisy, axis=1, keepdims=True), np.float32)


class Told:
    """A prior that gives half of its mass to the true cell."""

    name = "table"

    def __init__(self, partition: Partition, cells: NDArray[np.int64], vectors: NDArray[np.float32]) -> None:
        self.partition, self.cells, self.vectors = partition, cells, vectors
        self.card = PriorCard("told", True, "nothing", "CC0", sha256=SHA)

    def predict(self, images: Sequence[NDArray[np.uint8]], *, device: str = "cpu") -> list[PriorOutput]:
        numbers = [int(np.frombuffer(image.tobytes(), np.int64)[0]) for image in images]
        return [PriorOutput(self.said(k), embedding=3.0 * self.vectors[k]) for k in numbers]

    def said(self, k: int) -> CellDistribution:
        p = np.full(len(self.partition), 0.4 / len(self.partition))
        p[self.cells[k]] += 0.5
        p[(self.cells[k] + 7) % len(self.partition)] += 0.1
        return CellDistribution(self.partition, (p / p.sum()).astype(np.float32))


def image(k: int) -> NDArray[np.uint8]:
    return np.frombuffer(np.int64(k).tobytes(), np.uint8)


@pytest.fixture(scope="module")
def cells(partition: Partition) -> NDArray[np.int64]:
    wide = np.flatnonzero((partition.spread_km > 20.0) & (partition.spread_km < 60.0) & (partition.photos > 3))
    return np.random.default_rng(2).permutation(wide)[:CELLS]


@pytest.fixture(scope="module")
def gallery(partition: Partition, cells: NDArray[np.int64], tmp_path_factory: pytest.TempPathFactory) -> Gallery:
    lat, lon = _inside(partition, np.repeat(cells, IN_CELL), 0)
    folder = tmp_path_factory.mktemp("galleries") / "local"
    build_gallery(folder, [Numbered(lat, lon)], ByTable(_local(lat, lon)), asked=4)
    return Gallery(folder)


@pytest.fixture(scope="module")
def asked(partition: Partition, cells: NDArray[np.int64]) -> tuple[Told, NDArray[np.float64], NDArray[np.float64]]:
    own = np.random.default_rng(3).choice(cells, ASKED)
    lat, lon = _inside(partition, own, 1)
    return Told(partition, own, _local(lat, lon)), lat, lon


def test_the_mass_in_the_true_cell_comes_nearer_and_its_spread_is_true(
    gallery: Gallery, asked: tuple[Told, NDArray[np.float64], NDArray[np.float64]]
) -> None:
    told, lat, lon = asked
    prior = RefinedPrior(told, gallery)
    assert prior.temperature is None and prior.card.sha256 not in ("", told.card.sha256)
    assert prior.name == "table+gallery:local" and min(prior.refinement.narrowing) < 0.8
    before, after, scaled, inside = [], [], [], []
    for k in range(ASKED):
        [output] = prior.predict([image(k)])
        said, cell = output.distribution, told.cells[k]
        plain = told.said(k)
        assert np.array_equal(said.p, plain.p), "the masses of cells stay"
        before.append(haversine_km(plain.lat[cell], plain.lon[cell], lat[k], lon[k]))
        after.append(haversine_km(said.lat[cell], said.lon[cell], lat[k], lon[k]))
        scaled.append(after[-1] / said.spread_km[cell])
        inside.append(after[-1] <= 1.1774 * said.spread_km[cell])
        changed = np.flatnonzero(said.spread_km != plain.spread_km)
        assert set(changed.tolist()) <= {int(cell)} | set(gallery_cells(gallery, told.partition))
        assert np.all(said.spread_km <= plain.spread_km)
    assert np.median(after) < 0.75 * np.median(before)
    assert np.mean(np.square(scaled)) / 2.0 < 1.15, "the error per axis is no more than the spread"
    assert 0.45 < np.mean(inside) < 0.85


def gallery_cells(gallery: Gallery, partition: Partition) -> list[int]:
    return np.unique(partition.cells_of(gallery.lat, gallery.lon)).tolist()


def test_a_cell_without_photos_is_not_changed(gallery: Gallery, partition: Partition, cells: NDArray[np.int64]) -> None:
    told = Told(partition, cells[:1], np.ones((1, 24), np.float32))
    prior = RefinedPrior(told, gallery)
    p = np.zeros(len(partition), np.float32)
    elsewhere = [c for c in range(60) if c not in gallery_cells(gallery, partition)]
    p[elsewhere] = 1.0 / len(elsewhere)
    said = CellDistribution(partition, p)
    assert prior.refined(said, gallery.vectors([0])[0]) is said


def test_an_embedding_that_tells_nothing_changes_nothing(
    partition: Partition, cells: NDArray[np.int64], tmp_path: Path
) -> None:
    lat, lon = _inside(partition, np.repeat(cells, 20), 0)
    noise = np.random.default_rng(0).standard_normal((len(lat), 16)).astype(np.float32)
    noise /= np.linalg.norm(noise, axis=1, keepdims=True)
    build_gallery(tmp_path / "noise", [Numbered(lat, lon)], ByTable(noise), asked=4)
    gallery = Gallery(tmp_path / "noise")
    assert set(fit_refinement(gallery, partition).narrowing) == {1.0}
    told = Told(partition, np.repeat(cells, 20), noise)
    [output] = RefinedPrior(told, gallery).predict([image(3)])
    assert output.distribution.in_cell is None


def test_a_gallery_of_another_embedding_is_refused(gallery: Gallery, partition: Partition, tmp_path: Path) -> None:
    other, _, _ = made(tmp_path / "other", 12, asked=3)
    told = Told(partition, np.zeros(1, np.int64), np.ones((1, 24), np.float32))
    told.card = PriorCard("told", True, "nothing", "CC0", sha256="7" * 64)
    with pytest.raises(WeightsError, match="take the prior that the gallery was built with"):
        RefinedPrior(told, gallery)
    told.card, told.name = PriorCard("told", True, "nothing", "CC0", sha256=SHA), "other"
    with pytest.raises(WeightsError, match="--by other"):
        RefinedPrior(told, gallery)
    told.name, told.vectors = "table", np.ones((1, 23), np.float32)
    with pytest.raises(WeightsError, match="24 finite numbers"):
        RefinedPrior(told, gallery).predict([image(0)])
    with pytest.raises(WeightsError, match="--by table`"):  # not `--by im2gps:...`, whose vectors are other ones
        RefinedPrior(GalleryPrior(gallery, ByTable(gallery.vectors([0]))), other)


def test_what_was_fitted_is_kept_and_read_strictly(gallery: Gallery, partition: Partition) -> None:
    told = dict(gallery.card.refinement)
    assert told.pop("partition") == partition.hash
    assert Refinement.of(told) == fit_refinement(gallery, partition)
    for wrong in ({}, told | {"more": 1}, told | {"toward": [2.0] * 4}, told | {"narrowing": [0.0] * 4},
                  told | {"edges": []}, told | {"temperature": "1"}):  # fmt: skip
        with pytest.raises(WeightsError, match="build that gallery again"):
            Refinement.of(wrong)


def test_albums_keep_where_their_photos_lie_in_the_cells(
    gallery: Gallery, asked: tuple[Told, NDArray[np.float64], NDArray[np.float64]], density: CellDistribution
) -> None:
    told, _, _ = asked
    photos = [RefinedPrior(told, gallery).predict([image(k)])[0].distribution for k in (0, 1)]
    cell = int(told.cells[0])
    joint = multiplied(photos, density)
    assert joint.in_cell is not None
    assert photos[0].spread_km[cell] < told.partition.spread_km[cell]
    spreads = [photo.spread_km[cell] for photo in photos]
    assert joint.spread_km[cell] >= np.sqrt(np.mean(np.square(spreads))) - 1e-9
    coarse = joint.at_level("coarse")
    assert coarse.in_cell is not None and coarse.in_cell.lat.shape == (len(told.partition.at("coarse")),)


def test_planet_and_a_gallery_by_planet_go_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    from backbone.gallery_embedders import make_embedder
    from backbone.hierarchy import CellTree
    from backbone.planet_config import PlanetConfig
    from backbone.planet_net import PlanetNet
    from backbone.planet_weights import write_weights
    from backbone.priors import make_prior
    from tests.backbone.trained import ColouredPhotos, small_partition

    monkeypatch.setenv("WHENCE_WEIGHTS", str(tmp_path))
    torch.manual_seed(0)
    own, config = small_partition(), PlanetConfig("tiny")
    net = PlanetNet(config, CellTree(own, config.levels))
    write_weights(
        tmp_path / "towns", net.state_dict(), name="towns", partition=own, config=config.to_dict(), temperature=1.0,
        data={}, metrics={}, licence="CC0",
    )  # fmt: skip
    photos, embedder = ColouredPhotos(12), make_embedder("planet:towns")
    build_gallery(tmp_path / "g" / "by-planet", [photos], embedder, asked=3)
    gallery, planet = Gallery(tmp_path / "g" / "by-planet"), make_prior("planet:towns")
    assert gallery.embedding == embedder.embedding and gallery.embedding.sha256 == planet.card.sha256
    assert gallery.nearest(embedder.embed([photos.pixels(7)]), 1)[0][0, 0] == 7
    refined = RefinedPrior(planet, gallery)
    assert refined.name == "planet:towns+gallery:by-planet" and refined.partition == own
    told, plain = (prior.predict([photos.pixels(7)])[0] for prior in (refined, planet))
    assert np.array_equal(told.distribution.p, plain.distribution.p)
    assert make_prior(f"im2gps:{gallery.folder}").predict([photos.pixels(7)])[0].embedding is not None
