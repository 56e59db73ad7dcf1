"""A prior's sureness is fitted on one half of the photos and its worth measured on the other."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from backbone.base import PriorCard, PriorOutput
from backbone.checked import read_check, write_check
from backbone.checked_figures import checked_on, covered_by
from backbone.checked_proofs import proofs_of
from backbone.density import DensityPrior
from backbone.held_out import held_out_mask
from data.build_partition import build
from data.distribution import CellDistribution
from data.errors import DatasetError
from data.partition import Partition
from data.photo_sets import PhotoSet, open_photo_set
from data.photo_tables import Photos
from tests.small_photos import number_in, photo, write_table

PLACES = 20


@pytest.fixture(scope="module")
def world() -> Partition:
    rng = np.random.default_rng(0)
    lat, lon = rng.uniform(-60, 70, 600), rng.uniform(-180, 180, 600)
    return build(Photos(lat, lon, np.ones(600), np.zeros(600)), name="small")


@pytest.fixture(scope="module")
def photos(world: Partition, tmp_path_factory: pytest.TempPathFactory) -> PhotoSet:
    """60 photos of 20 places, three at each: photo ``i`` is of one grey value, which says where it was taken."""
    folder = tmp_path_factory.mktemp("photos")
    cells = np.random.default_rng(1).choice(len(world), PLACES, replace=False)
    rows = []
    for i in range(3 * PLACES):
        (folder / f"{i:02}.png").write_bytes(photo(i % PLACES, format="PNG"))
        rows.append((f"{i:02}.png", world.lat[cells[i % PLACES]], world.lon[cells[i % PLACES]]))
    write_table(folder / "labels.csv", rows)
    return open_photo_set(folder)


class Guesser:
    """Says the true cell, or for every third place another, each with the same sureness in nats over all others."""

    name = "guesser"

    def __init__(self, world: Partition, photos: PhotoSet, nats: float, temperature: float = 1.0) -> None:
        self.partition, self._photos, self._nats, self.temperature = world, photos, nats, temperature
        self.seen = 0

    @cached_property
    def _cells(self) -> NDArray[np.int32]:
        return self.partition.cells_of(self._photos.lat[:PLACES], self._photos.lon[:PLACES])

    @property
    def card(self) -> PriorCard:
        return PriorCard("guesses", True, "nothing", "none", sha256="c" * 64)

    def logits(self, image: NDArray[np.uint8]) -> NDArray[np.float64]:
        self.seen += 1
        place = number_in(image)
        logits = np.zeros(len(self.partition))
        logits[self._cells[place] if place % 3 else (self._cells[place] + 7) % len(logits)] = self._nats
        return logits

    def predict(self, images: Sequence[NDArray[np.uint8]], *, device: str = "cpu") -> list[PriorOutput]:
        logits = [self.logits(image) / self.temperature for image in images]
        return [PriorOutput(CellDistribution.from_logits(self.partition, each)) for each in logits]


class Fittable(Guesser):
    def at_temperature(self, temperature: float) -> Fittable:
        return Fittable(self.partition, self._photos, self._nats, temperature)


class Scored(Fittable):
    """The same, but what is made of the scores is its own: half of the density stays in it."""

    def scores(self, images: Sequence[NDArray[np.uint8]], *, device: str = "cpu") -> NDArray[np.float32]:
        return np.array([self.logits(image) for image in images], np.float32)

    def log_p(self, scores: NDArray[np.float32], temperature: float) -> NDArray[np.float32]:
        p = np.exp(scores.astype(np.float64) / temperature)
        mixed = 0.5 * p / p.sum() + 0.5 * DensityPrior(self.partition).distribution.p
        return np.log(mixed).astype(np.float32)


def best_temperature(world: Partition, nats: float) -> float:
    """Where the model's own sureness is what it is worth: right for 13 places of 20, three photos each."""
    grid = np.geomspace(0.1, 10.0, 41)
    z = np.exp(nats / grid) + len(world) - 1
    nll = 3 * (13 * (np.log(z) - nats / grid) + 7 * np.log(z)) + np.log(grid) ** 2 / 2
    return float(grid[np.argmin(nll)])


@pytest.mark.parametrize("nats", [6.0, 30.0])
def test_a_prior_that_is_too_sure_is_told_so(nats: float, world: Partition, photos: PhotoSet) -> None:
    check = checked_on(Fittable(world, photos, nats), photos)
    assert check.temperature == pytest.approx(best_temperature(world, nats), rel=0.01)
    as_it_is = checked_on(Guesser(world, photos, nats), photos)
    assert as_it_is.temperature == 1.0
    if nats == 30.0:
        assert check.temperature > 3.0
        assert check.figures["held_out_nll"] < as_it_is.figures["held_out_nll"] - 5.0
    assert check.name == "guesser" and check.sha256 == "c" * 64 and check.partition_hash == world.hash
    assert "60 photos" in check.photos


def test_figures_are_those_of_the_other_half(world: Partition, photos: PhotoSet) -> None:
    """A prior that is right in one half and wrong in the other gets from each half the temperature the other needs."""
    half = held_out_mask(photos.lat, photos.lon, 0.5)
    assert 5 < half[:PLACES].sum() < 15

    class OneSided(Fittable):
        def logits(self, image: NDArray[np.uint8]) -> NDArray[np.float64]:
            place = number_in(image)
            logits = np.zeros(len(self.partition))
            logits[self._cells[place] if half[place] else (self._cells[place] + 7) % len(logits)] = 20.0
            return logits

        def at_temperature(self, temperature: float) -> Fittable:
            return OneSided(self.partition, self._photos, self._nats, temperature)

    figures = checked_on(OneSided(world, photos, 20.0), photos).figures
    # Where it is right it is made unsure (T = 10), where it is wrong it is sure of that: both cost more than 1 nat.
    assert figures["held_out_nll"] > float(np.log(len(world)))


def test_what_a_prior_makes_of_its_scores_is_used_and_each_photo_is_looked_at_once(
    world: Partition, photos: PhotoSet
) -> None:
    prior = Scored(world, photos, 30.0)
    check = checked_on(prior, photos)
    assert prior.seen == 60
    plain = checked_on(Fittable(world, photos, 30.0), photos)
    # With half of the density in it, a wrong guess costs little, and it may stay surer.
    assert check.temperature < plain.temperature


def test_figures_are_kept_under_the_names_that_auto_compares(
    world: Partition, photos: PhotoSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WHENCE_WEIGHTS", str(tmp_path))
    check = checked_on(Fittable(world, photos, 8.0), photos)
    names = {"held_out_gain", "held_out_gain_low", "held_out_points", "covered", "held_out_covered", "unreadable"}
    assert names <= set(check.figures)
    assert check.figures["held_out_points"] == 60 and check.figures["held_out_gain_low"] > 0
    assert check.figures["covered"] == check.figures["held_out_covered"] == covered_by(world, photos.lat, photos.lon)
    write_check(check)
    assert read_check("guesser", "c" * 64, partition_hash=world.hash) == check


def test_photos_that_cannot_be_read_are_counted_and_too_few_are_refused(
    world: Partition, photos: PhotoSet, tmp_path: Path
) -> None:
    rows = []
    for i in range(24):
        (tmp_path / f"{i:02}.png").write_bytes(photo(i % PLACES, format="PNG") if i else b"no photo")
        rows.append((f"{i:02}.png", photos.lat[i % PLACES], photos.lon[i % PLACES]))
    write_table(tmp_path / "labels.csv", rows)
    told: list[tuple[int, int]] = []
    check = checked_on(
        Fittable(world, photos, 8.0), open_photo_set(tmp_path), on_photo=lambda done, of: told.append((done, of))
    )
    assert check.figures["unreadable"] == 1.0 and check.figures["held_out_points"] == 23 and len(told) == 23
    write_table(tmp_path / "labels.csv", [(row[0], 10.0, 10.0) for row in rows])
    with pytest.raises(DatasetError, match="from several places"):
        checked_on(Fittable(world, photos, 8.0), open_photo_set(tmp_path))
    for i in range(12, 24):
        (tmp_path / f"{i:02}.png").unlink()
    write_table(tmp_path / "labels.csv", rows[:12])
    with pytest.raises(DatasetError, match="20 at least"):
        checked_on(Fittable(world, photos, 8.0), open_photo_set(tmp_path))


def test_a_prior_that_does_not_look_is_found_out(world: Partition, photos: PhotoSet) -> None:
    picture = np.random.default_rng(0).integers(0, 256, (40, 40, 3), np.uint8)

    class Blind(Guesser):
        def predict(self, images: Sequence[NDArray[np.uint8]], *, device: str = "cpu") -> list[PriorOutput]:
            return DensityPrior(self.partition).predict(images)

    found = {proof.what: proof.holds for proof in proofs_of(Blind(world, photos, 1.0), picture)}
    assert found["what it sees matters"] is False and found["one photo twice"] is True
    seeing = {
        proof.what: proof.holds
        for proof in proofs_of(Guesser(world, photos, 9.0), picture[:, :, :1].repeat(3, 2) // 8 + 40)
    }
    assert seeing["what it sees matters"] is True
