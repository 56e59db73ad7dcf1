"""Occlusion maps: heat lies where the answer comes from, and nowhere else."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from backbone.base import PriorCard, PriorOutput
from backbone.density import DensityPrior
from backbone.occlusion import (
    Fill,
    Occlusion,
    Windows,
    covered,
    mean_heat,
    occlusion_map,
    predict_covered,
    windows_of,
)
from backbone.targets import cell_target, country_target, likeliest_cell, likeliest_country
from data import s2
from data.distribution import CellDistribution
from data.errors import RequestError
from data.partition import Partition


class RedPatch:
    """The redder a place of the photo is, the more it is Japan: log-odds over the density prior."""

    name = "red"
    card = PriorCard("a patch", visual=True, trained_on="nothing", licence="none")

    def __init__(self, partition: Partition, rows: slice, columns: slice, nats: float = 4.0) -> None:
        self.partition = partition
        self._place, self._nats = (rows, columns), nats
        [output] = DensityPrior(partition).predict([np.zeros((8, 8, 3), np.uint8)])
        self._log_p = np.log(output.distribution.p.astype(np.float64))
        self._japan = partition.country_shares("JP").astype(np.float64)
        self.batches: list[int] = []

    def predict(self, images: Sequence[NDArray[np.uint8]], *, device: str = "cpu") -> list[PriorOutput]:
        self.batches.append(len(images))
        out = []
        for image in images:
            rgb = image[self._place].astype(np.float64)
            red = float(np.clip((rgb[..., 0] - rgb[..., 1:].max(axis=-1)) / 255.0, 0.0, 1.0).mean())
            logits = self._log_p + self._nats * red * self._japan
            out.append(PriorOutput(CellDistribution.from_logits(self.partition, logits)))
        return out


def red_square(height: int = 90, width: int = 120) -> NDArray[np.uint8]:
    photo = np.full((height, width, 3), (90, 120, 110), np.uint8)
    photo[20:40, 70:100] = (255, 0, 0)
    return photo


@pytest.fixture(scope="module")
def prior(partition: Partition) -> RedPatch:
    return RedPatch(partition, slice(20, 40), slice(70, 100))


@pytest.mark.parametrize("fill", ["around", "mean"])
def test_the_heat_peaks_on_the_patch_that_the_prior_looks_at_and_is_zero_elsewhere(
    prior: RedPatch, partition: Partition, fill: Fill
) -> None:
    told = occlusion_map(prior, red_square(), country_target(partition, "JP"), Occlusion((0.3, 0.15), fill=fill))
    assert told.heat.shape == (90, 120) and told.heat.dtype == np.float32
    row, column = np.unravel_index(int(told.heat.argmax()), told.heat.shape)
    assert 20 <= row < 40 and 70 <= column < 100
    assert told.heat.max() > 0.5
    reach = 27  # the larger window's side: what lies further from the patch is in no window that touches it
    far = np.ones(told.heat.shape, bool)
    far[max(20 - reach, 0) : 40 + reach, 70 - reach : 100 + reach] = False
    assert far.any() and np.abs(told.heat[far]).max() < 1e-5


def test_what_speaks_against_the_target_is_negative(prior: RedPatch, partition: Partition) -> None:
    told = occlusion_map(prior, red_square(), country_target(partition, "US"))
    row, column = np.unravel_index(int(told.heat.argmin()), told.heat.shape)
    assert 20 <= row < 40 and 70 <= column < 100 and told.heat.min() < -0.1
    assert told.heat.max() < 1e-5


def test_a_window_over_the_whole_patch_takes_all_that_it_gave(prior: RedPatch, partition: Partition) -> None:
    target, photo = country_target(partition, "JP"), red_square()
    with_it, without = (
        target.log_odds(prior.predict([each])[0].distribution) for each in (photo, covered(photo, (65, 15, 105, 45)))
    )
    assert with_it - without == pytest.approx(4.0, abs=0.2)


def test_batches_give_what_one_by_one_gives(prior: RedPatch, partition: Partition) -> None:
    target = country_target(partition, "JP")
    alone = occlusion_map(prior, red_square(), target, Occlusion(batch=1))
    prior.batches.clear()
    together = occlusion_map(prior, red_square(), target, Occlusion(batch=32))
    assert max(prior.batches) == 32 and sum(prior.batches) == len(together.windows) + 1
    assert np.array_equal(alone.drops, together.drops) and np.array_equal(alone.heat, together.heat)


def test_windows_are_asked_about_in_their_order(prior: RedPatch) -> None:
    windows = [(65, 15, 105, 45), (0, 60, 20, 80)]
    japan = prior.partition.country_shares("JP").astype(np.float64)
    here, away = (d.p @ japan for d in predict_covered(prior, red_square(), windows, Occlusion(batch=1)))
    assert here < 0.5 * away


@pytest.mark.parametrize(("height", "width"), [(64, 64), (40, 900), (900, 40), (16, 16), (301, 203)])
def test_windows_hold_every_pixel_and_none_outside(height: int, width: int) -> None:
    how = Occlusion((0.5, 0.2, 0.07))
    windows = windows_of(height, width, how)
    for size in range(3):
        held = np.zeros((height, width), bool)
        for left, top, right, bottom in windows.boxes[windows.size == size].tolist():
            assert 0 <= left < right <= width and 0 <= top < bottom <= height
            held[top:bottom, left:right] = True
        assert held.all()


def test_the_mean_over_windows_is_the_one_that_the_docstring_gives() -> None:
    windows = Windows(np.array([[0, 0, 2, 1], [1, 0, 3, 1], [0, 0, 3, 1]]), np.array([0, 0, 1]))
    heat = mean_heat(1, 3, windows, np.array([1.0, 3.0, 4.0], np.float32))
    assert heat.tolist() == [[(1 + 4) / 2, (2 + 4) / 2, (3 + 4) / 2]]


def test_what_is_covered_is_gone_and_shows_no_edge_on_an_even_photo() -> None:
    even = np.full((60, 60, 3), (200, 40, 10), np.uint8)
    marked = even.copy()
    marked[25:35, 25:35] = (0, 255, 0)
    assert np.array_equal(covered(marked, (20, 20, 40, 40), "around"), even)
    assert not np.array_equal(covered(marked, (20, 20, 40, 40), "mean"), even)
    for fill in ("around", "mean", "blur"):
        out = covered(marked, (20, 20, 40, 40), fill)
        outside = np.ones((60, 60), bool)
        outside[20:40, 20:40] = False
        assert np.array_equal(out[outside], marked[outside]) and marked[30, 30].tolist() == [0, 255, 0]
        assert np.ptp(out[25:35, 25:35].reshape(-1, 3), axis=0).max() < 120
    assert covered(marked, (0, 0, 60, 60)).std(axis=(0, 1)).max() == 0.0


def test_a_prior_that_looks_at_no_pixel_has_no_map(partition: Partition) -> None:
    with pytest.raises(RequestError, match="looks at no pixel"):
        occlusion_map(DensityPrior(partition), red_square(), country_target(partition, "JP"))


def test_odds_are_exact_near_certainty(partition: Partition, density: CellDistribution) -> None:
    target = cell_target(partition, 5)
    logits = np.zeros(len(partition))
    logits[5] = 60.0
    sure = CellDistribution.from_logits(partition, logits)
    assert target.log_odds(sure) == pytest.approx(60.0 - np.log(len(partition) - 1), abs=0.01)
    assert likeliest_cell(sure).shares[5] == 1.0 and likeliest_country(density).code == "US"
    assert country_target(partition, "es").probability(density) == pytest.approx(density.countries()["ES"], abs=1e-6)


def test_cells_go_by_index_token_and_point(partition: Partition) -> None:
    index = int(partition.cells_of([40.4168], [-3.7038])[0])
    by_index = cell_target(partition, index)
    for text in (by_index.code, by_index.code.upper(), "40.4168,-3.7038", " 40.4168, -3.7038 "):
        assert np.array_equal(cell_target(partition, text).shares, by_index.shares)
    assert by_index.shares.sum() == 1.0


def test_what_cannot_be_a_target_says_what_to_do(partition: Partition, density: CellDistribution) -> None:
    leaf = str(s2.token(s2.cell_ids([1.0], [1.0]))[0])
    for text, says in (
        *(("zz", "LAT,LON"), (leaf, "no cell of the partition"), ("91,0", "no point")),
        *(("a,b", "no point"), ("1,2,3", "no point")),
    ):
        with pytest.raises(RequestError, match=says):
            cell_target(partition, text)
    with pytest.raises(RequestError, match="there is no cell"):
        cell_target(partition, len(partition))
    with pytest.raises(RequestError, match="ISO 3166"):
        country_target(partition, "XX")
    nowhere = CellDistribution.from_logits(
        partition, np.where(partition.country_shares("JP") > 0, -np.inf, 0.0).astype(np.float64)
    )
    with pytest.raises(RequestError, match="name another country"):
        country_target(partition, "JP").require_mass(nowhere)


def test_settings_that_make_no_sense_are_refused() -> None:
    for bad in ({"sizes": ()}, {"sizes": (0.0,)}, {"sizes": (1.5,)}, {"step": 0.0}, {"batch": 0}, {"fill": "red"}):
        with pytest.raises(RequestError):
            Occlusion(**bad)
