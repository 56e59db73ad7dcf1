from __future__ import annotations

import csv
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from backbone.held_out import held_out_mask
from backbone.photo_batches import Batch, held_out_batches, training_batches
from backbone.planet import PlanetPrior
from backbone.planet_config import PlanetConfig
from backbone.planet_weights import read_card
from backbone.processes import Processes
from backbone.train_prior import Recipe, Run, train
from backbone.training import Training
from backbone.training_state import read_state
from backbone.unreadable import Unreadable
from data.errors import DatasetError, ImageError, RequestError, WeightsError
from tests.backbone.trained import TOWNS, ColouredPhotos, small_partition
from tests.conftest import REPOSITORY

PARTITION = small_partition()
TINY = PlanetConfig("tiny")
CPU = Run(device="cpu")
ALONE = Processes(0, 1, torch.device("cpu"))


def rows_of(out: Path) -> list[dict[str, str]]:
    with (out / "log.csv").open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def process(out: Path, *before: str) -> subprocess.Popen[bytes]:
    command = [*(before or (sys.executable, "-m")), "tests.backbone.trained", str(out)]
    return subprocess.Popen(command, cwd=REPOSITORY, env=os.environ | {"OMP_NUM_THREADS": "1"})


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("training")
    assert process(out).wait() == 0
    return out


class TestTraining:
    def test_it_learns_where_the_colours_are(self, finished: Path) -> None:
        prior, new = PlanetPrior(finished / "model"), ColouredPhotos(60, seed=9)
        answers = prior.predict([new.pixels(i) for i in range(60)])
        points = np.array([a.distribution.point("mode") for a in answers])
        towns = np.array(TOWNS)[new.town]
        near = np.abs(points - towns).max(axis=1) < 3.0
        assert near.mean() > 0.9

    def test_the_card_says_what_it_learnt_from_and_how_good_it_is_beside_the_density(self, finished: Path) -> None:
        card = read_card(finished / "model")
        assert card.partition_hash == PARTITION.hash
        assert card.config == TINY.to_dict()
        assert (
            card.data["recipe"]["smoothing_km"] == 50.0 and card.data["photos"] + card.metrics["held_out_photos"] > 200
        )
        assert card.metrics["held_out_geoscore"] > card.metrics["held_out_density_geoscore"] + 1000

    def test_the_log_has_a_row_for_each_pass_with_what_it_is_worth_on_photos_held_out(self, finished: Path) -> None:
        rows = rows_of(finished)
        assert [round(float(row["epoch"])) for row in rows if row["held_out_nll"]] == [1, 2, 3, 4]
        nll = [float(row["held_out_nll"]) for row in rows if row["held_out_nll"]]
        assert nll[-1] < nll[0]
        assert float(rows[-1]["rate"]) < 1e-5, "the rate has come down"

    def test_photos_that_cannot_be_read_are_counted_named_and_left_out(self, finished: Path) -> None:
        named = set((finished / "unreadable.txt").read_text().split())
        photos = ColouredPhotos(240, damaged=40)
        trained = ~held_out_mask(photos.lat, photos.lon, 0.1)
        assert named == {f"photo-{i}" for i in range(0, 240, 40)}
        data = read_card(finished / "model").data
        of_trained = sum(trained[i] for i in range(0, 240, 40))
        assert (data["unreadable"], data["held_out_unreadable"]) == (of_trained, 6 - of_trained)
        assert rows_of(finished)[-1]["unreadable"] == str(of_trained)

    def test_ctrl_c_keeps_what_was_learnt_since_the_last_checkpoint(self, tmp_path: Path) -> None:
        photos, config = ColouredPhotos(96), PlanetConfig("tiny", levels=("fine",))
        recipe, seen = Recipe(epochs=50, batch=16, held_out=0.1), 0

        class Interrupting(ColouredPhotos):
            def pixels(self, index: int, *, at_least: int = 0) -> NDArray[np.uint8]:
                nonlocal seen
                seen += 1
                if seen == 100:
                    os.kill(os.getpid(), signal.SIGINT)
                return super().pixels(index, at_least=at_least)

        with pytest.raises(KeyboardInterrupt):
            train(tmp_path, Interrupting(96), partition=PARTITION, config=config, recipe=recipe, run=CPU)
        assert step_of(tmp_path / "checkpoint.safetensors") >= 6
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
        with pytest.raises(WeightsError, match="epochs not as then"):
            shorter = Recipe(epochs=1, batch=16, held_out=0.1)
            train(tmp_path, photos, partition=PARTITION, config=config, recipe=shorter, run=CPU)

    @pytest.mark.parametrize("after", [7, 40])
    def test_killed_and_started_again_it_ends_in_the_same_weights(
        self, finished: Path, after: int, tmp_path: Path
    ) -> None:
        running = process(tmp_path)
        checkpoint = tmp_path / "checkpoint.safetensors"
        deadline = time.monotonic() + 120
        while not (checkpoint.exists() and step_of(checkpoint) >= after):
            assert running.poll() is None and time.monotonic() < deadline
            time.sleep(0.01)
        running.send_signal(signal.SIGKILL)
        running.wait()
        assert not (tmp_path / "model").exists()
        assert process(tmp_path).wait() == 0
        assert read_card(tmp_path / "model").sha256 == read_card(finished / "model").sha256
        rows, wanted = (rows_of(out) for out in (tmp_path, finished))
        for row in (*rows, *wanted):
            row.pop("photos_per_s")
        assert rows == wanted
        assert (tmp_path / "unreadable.txt").read_text() == (finished / "unreadable.txt").read_text()

    def test_two_processes_learn_the_same_network_together(self, finished: Path, tmp_path: Path) -> None:
        launcher = (sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", "-m")
        assert process(tmp_path, *launcher).wait() == 0
        card = read_card(tmp_path / "model")
        assert card.data["device"] == "2 x cpu"
        assert rows_of(tmp_path)[-1]["step"] == rows_of(finished)[-1]["step"], "they share the batches"
        assert card.metrics["held_out_geoscore"] > card.metrics["held_out_density_geoscore"] + 1000
        assert card.data["unreadable"] == read_card(finished / "model").data["unreadable"]

    def test_another_seed_another_network(self, finished: Path, tmp_path: Path) -> None:
        photos = ColouredPhotos(60)
        sums = set()
        for seed in (0, 1):
            recipe = Recipe(epochs=1, batch=30, held_out=0.0, seed=seed)
            out = train(tmp_path / str(seed), photos, partition=PARTITION, config=TINY, recipe=recipe, run=CPU)
            sums.add(read_card(out).sha256)
        assert len(sums) == 2

    def test_decoding_in_other_processes_changes_nothing(self, tmp_path: Path) -> None:
        photos, recipe = ColouredPhotos(60), Recipe(epochs=1, batch=30, held_out=0.0)
        outs = [
            train(tmp_path / str(n), photos, partition=PARTITION, config=TINY, recipe=recipe, run=Run("cpu", workers=n))
            for n in (0, 2)
        ]
        assert read_card(outs[0]).sha256 == read_card(outs[1]).sha256

    def test_the_full_size_network_learns_six_photos_by_heart(self, tmp_path: Path) -> None:
        """Inception v3, all of it, but of pictures of 139 pixels, for the test's sake."""
        recipe = Recipe(epochs=7, batch=6, rate=2e-3, held_out=0.0, warm_up=0.2)
        train(
            tmp_path,
            SixTowns(),
            partition=PARTITION,
            config=PlanetConfig(pixels=139, dropout=0.0),
            recipe=recipe,
            run=CPU,
        )
        losses = [float(row["loss"]) for row in rows_of(tmp_path)]
        assert losses[-1] < 0.2 * losses[0], losses


class SixTowns(ColouredPhotos):
    """One photo of each town."""

    def __init__(self) -> None:
        super().__init__(200)
        first = [int(np.flatnonzero(self.town == town)[0]) for town in range(len(TOWNS))]
        self.town, self.lat, self.lon, self._noise = (x[first] for x in (self.town, self.lat, self.lon, self._noise))


def step_of(checkpoint: Path) -> int:
    found = re.search(rb'\\"step\\": (\d+)', checkpoint.read_bytes()[:100_000])
    return int(found[1]) if found else 0


class Vanishing(ColouredPhotos):
    """Photos on a disk that goes away after so many were read."""

    def __init__(self, n: int, *, after: int) -> None:
        super().__init__(n)
        self._left = after

    def pixels(self, index: int, *, at_least: int = 0) -> NDArray[np.uint8]:
        self._left -= 1
        if self._left < 0:
            raise ImageError("gone")
        return super().pixels(index)


class TestWhatGoesWrong:
    def test_photos_that_go_away_in_the_middle_end_it_and_leave_the_checkpoint_of_before(self, tmp_path: Path) -> None:
        recipe = Recipe(epochs=60, batch=50, held_out=0.0)
        with pytest.raises(DatasetError, match="see that they are there"):
            train(tmp_path, Vanishing(50, after=2_000), partition=PARTITION, config=TINY, recipe=recipe, run=CPU)
        assert not (tmp_path / "model").exists()
        losses = [float(row["loss"]) for row in rows_of(tmp_path)]
        assert len(losses) < 60 and min(losses[:40]) > 0

    def test_a_loss_that_is_no_number_ends_it_and_names_the_rate(self, tmp_path: Path) -> None:
        photos, recipe = ColouredPhotos(40), Recipe(epochs=3, batch=20, held_out=0.0)
        broken = Training(tmp_path, photos, photos, PARTITION, TINY, recipe, CPU, ALONE)
        with torch.no_grad():
            next(broken.net.parameters()).fill_(float("nan"))
        with pytest.raises(WeightsError, match="lower --rate"):
            broken.learn()
        assert not (tmp_path / "checkpoint.safetensors").exists()

    def test_the_shards_being_gone_is_not_taken_for_a_damaged_photo(self, tmp_path: Path) -> None:
        class Gone(ColouredPhotos):
            def pixels(self, index: int, *, at_least: int = 0) -> NDArray[np.uint8]:
                raise DatasetError("shard-000.tar cannot be opened")

        with pytest.raises(DatasetError, match=r"^shard-000\.tar cannot be opened$"):
            train(tmp_path, Gone(40), partition=PARTITION, config=TINY, run=CPU)

    def test_lists_of_unreadable_photos_of_several_processes_are_joined(self, tmp_path: Path) -> None:
        first, second = Unreadable(tmp_path, 0, known=0), Unreadable(tmp_path, 1, known=0)
        first.add(["a", "b", "a"])
        second.add(["b", "c"])
        first.add(["b"])
        assert (len(first), first.gather(tmp_path)) == (2, 3)
        assert (tmp_path / "unreadable.txt").read_text().split() == ["a", "b", "c"]
        assert len(Unreadable(tmp_path, 0, known=1)) == 1, "what came after the checkpoint will come again"

    def test_a_photo_that_cannot_be_read_takes_nothing_from_the_others(self, tmp_path: Path) -> None:
        """The loss is a sum over the whole batch's size, whoever has how many of its photos."""
        photos, recipe = ColouredPhotos(16), Recipe(batch=8, held_out=0.0)
        steps = Training(tmp_path, photos, photos, PARTITION, TINY, recipe, CPU, ALONE)
        steps.net.eval()
        [whole] = training_batches(photos, 64, batch=8, steps=range(1), seed=0)
        parts = [Batch(whole.indices[k], whole.pixels[k], ()) for k in (slice(0, 3), slice(3, 8))]
        together = float(steps._loss(steps.net, whole).detach())
        assert sum(float(steps._loss(steps.net, part).detach()) for part in parts) == pytest.approx(together, rel=1e-5)

    def test_a_checkpoint_keeps_moments_in_the_layout_of_their_weights(self, tmp_path: Path) -> None:
        photos, recipe = ColouredPhotos(20), Recipe(epochs=1, batch=10, held_out=0.0)
        Training(tmp_path, photos, photos, PARTITION, TINY, recipe, CPU, ALONE).learn()
        again = Training(tmp_path, photos, photos, PARTITION, TINY, recipe, CPU, ALONE)
        read_state(tmp_path / "checkpoint.safetensors", again.net, again.optimiser, again.plan())
        strides = [(p.stride(), s["exp_avg"].stride()) for p, s in again.optimiser.state.items()]
        assert len(strides) > 10 and all(a == b for a, b in strides)


class TestWhatIsRefused:
    def test_a_set_of_which_most_cannot_be_read_ends_the_training(self, tmp_path: Path) -> None:
        with pytest.raises(DatasetError, match="cannot be read"):
            train(tmp_path, ColouredPhotos(40, damaged=1), partition=PARTITION, config=TINY, run=CPU)

    def test_a_folder_with_another_training_is_not_gone_on_with(self, tmp_path: Path) -> None:
        photos, recipe = ColouredPhotos(40), Recipe(epochs=1, batch=20, held_out=0.0)
        train(tmp_path, photos, partition=PARTITION, config=TINY, recipe=recipe, run=CPU)
        other = Recipe(epochs=1, batch=20, held_out=0.0, rate=2e-3)
        with pytest.raises(WeightsError, match=r"another training \(rate not as then\)"):
            train(tmp_path, photos, partition=PARTITION, config=TINY, recipe=other, run=CPU)

    def test_a_damaged_checkpoint_says_what_to_do(self, tmp_path: Path) -> None:
        (tmp_path / "checkpoint.safetensors").write_bytes(b"\x00" * 50)
        with pytest.raises(WeightsError, match="remove it to begin anew"):
            train(tmp_path, ColouredPhotos(40), partition=PARTITION, config=TINY, run=CPU)

    def test_nothing_to_train_on_is_said(self, tmp_path: Path) -> None:
        with pytest.raises(DatasetError, match="leaves 1 photos"):
            train(tmp_path, ColouredPhotos(1), partition=PARTITION, config=TINY, recipe=Recipe(held_out=0.0), run=CPU)

    @pytest.mark.parametrize("wrong", [{"licence": " "}, {"name": "../x"}])
    def test_what_no_card_can_say_is_refused_before_the_training(self, wrong: dict[str, str], tmp_path: Path) -> None:
        out, photos = tmp_path / "out", ColouredPhotos(40)
        with pytest.raises(WeightsError):
            train(out, photos, partition=PARTITION, config=TINY, run=CPU, **wrong)  # type: ignore[arg-type]
        assert not out.exists()

    def test_a_file_in_the_place_of_the_folder_is_said(self, tmp_path: Path) -> None:
        (tmp_path / "out").write_text("")
        with pytest.raises(DatasetError, match="give another folder"):
            train(tmp_path / "out", ColouredPhotos(40), partition=PARTITION, config=TINY, run=CPU)

    @pytest.mark.parametrize("wrong", [{"epochs": 0}, {"batch": 1}, {"rate": float("nan")}, {"held_out": 1.0}])
    def test_a_recipe_out_of_range_is_refused(self, wrong: dict[str, float]) -> None:
        with pytest.raises(RequestError):
            Recipe(**wrong)  # type: ignore[arg-type]

    @pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
    def test_a_gpu_that_is_not_there_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(RequestError, match="--device cpu"):
            train(tmp_path, ColouredPhotos(40), partition=PARTITION, config=TINY, run=Run(device="cuda"))


class TestBatches:
    def test_all_photos_are_seen_once_in_a_pass_whoever_sees_them(self) -> None:
        photos = ColouredPhotos(24)
        alone = [b.indices for b in training_batches(photos, 64, batch=8, steps=range(6), seed=1)]
        assert sorted(np.concatenate(alone[:3])) == sorted(np.concatenate(alone[3:])) == list(range(24))
        shares = [
            [b.indices for b in training_batches(photos, 64, batch=8, steps=range(6), seed=1, rank=r, world=2)]
            for r in range(2)
        ]
        for k in range(6):
            assert sorted([*shares[0][k], *shares[1][k]]) == sorted(alone[k])

    def test_steps_begun_in_the_middle_are_those_of_the_whole(self) -> None:
        photos = ColouredPhotos(20)
        whole = [b.pixels for b in training_batches(photos, 64, batch=8, steps=range(5), seed=1)]
        late = [b.pixels for b in training_batches(photos, 64, batch=8, steps=range(3, 5), seed=1)]
        assert all(torch.equal(a, b) for a, b in zip(whole[3:], late, strict=True))

    def test_held_out_photos_come_once_in_order_five_squares_of_each(self) -> None:
        batches = list(held_out_batches(ColouredPhotos(7, damaged=6), 64, batch=4))
        assert [list(b.indices) for b in batches] == [[1, 2, 3], [4, 5]]
        assert [b.unreadable for b in batches] == [(0,), (6,)] and batches[0].pixels.shape == (3, 5, 3, 64, 64)

    def test_about_the_share_that_was_asked_for_is_held_out_and_a_spot_is_never_divided(self) -> None:
        rng = np.random.default_rng(0)
        lat, lon = rng.uniform(-60, 70, 20_000), rng.uniform(-180, 180, 20_000)
        mask = held_out_mask(lat, lon, 0.1)
        assert 0.09 < mask.mean() < 0.11
        spot: NDArray[np.float64] = 48.2 + rng.uniform(0, 1e-4, 100)
        assert len(set(held_out_mask(spot, np.full(100, 16.37), 0.5))) == 1
