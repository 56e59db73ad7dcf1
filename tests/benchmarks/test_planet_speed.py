from __future__ import annotations

import re
import time
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image as PILImage

from backbone.hierarchy import CellTree
from backbone.planet import PlanetPrior
from backbone.planet_config import PlanetConfig
from backbone.planet_net import PlanetNet
from backbone.planet_weights import write_weights
from benchmarks.planet_parity import agreement, tf32_convolutions
from benchmarks.planet_runs import Pace, Taken, taken
from benchmarks.planet_speed import hours, main
from benchmarks.speed_photos import copied, drawn, mean_bytes
from data.errors import ImageError
from data.partition import load_default


def figures(out: str, start: str) -> list[float]:
    line = next(line for line in out.splitlines() if line.startswith(start))
    return [
        float(number.replace(",", "")) for number in re.findall(r"\d[\d,]*\.?\d*(?:e[+-]?\d+)?", line[len(start) :])
    ]


def pace(out: str, letter: str) -> float:
    found = re.search(rf"^\({letter}\).*?([\d.,e+]+) photos/s", out, re.M)
    assert found is not None
    return float(found[1].replace(",", ""))


@pytest.fixture(scope="module")
def said() -> str:
    arguments = "--trunk tiny --device cpu --count 8 --size 96x72 --batch 4 --steps 2 --runs 2 --workers 0 --answers 2"
    with redirect_stdout(StringIO()) as out:
        assert main([*arguments.split(), "--epochs", "10", "--parity"]) == 0
    return out.getvalue()


def test_the_script_runs_from_photos_to_hours(said: str) -> None:
    assert min(pace(said, letter) for letter in "abc") > 0
    assert said.count("answers of five crops") == 3
    assert re.search(r"drawn, 96x72, \d+ kB each; 2 runs of 2 steps", said)
    assert "torch" in said.splitlines()[-1]


def test_the_ratio_is_that_of_the_two_medians(said: str) -> None:
    assert figures(said, "ratio (a) to (b):")[0] == pytest.approx(pace(said, "a") / pace(said, "b"), abs=2e-3)


def test_hours_follow_from_the_throughput(said: str) -> None:
    a_pass, ten, _, _ = figures(said, "MP-16, 4.7 M photos:")
    assert a_pass == pytest.approx(4.7e6 / pace(said, "a") / 3600, rel=1e-2)
    assert ten == pytest.approx(10 * a_pass, rel=1e-2)
    assert hours(4_700_000, 10, 1_000.0) == pytest.approx(13.0556, abs=1e-4)


def test_without_a_gpu_it_says_what_is_left_out(said: str) -> None:
    assert "peak GPU memory, training: not measured, no GPU is used" in said
    assert "parity of CPU and GPU: left out, no GPU is used" in said


def test_a_pace_is_the_median_of_its_runs() -> None:
    pace = Pace.of([Taken(10, 1.0, 0.5), Taken(10, 5.0, 0.6), Taken(10, 2.0, 40.0)])
    assert (pace.median, pace.median_processor) == (5.0, 0.06)


def test_a_run_is_timed_from_its_start_to_its_end() -> None:
    run = taken(torch.device("cpu"), lambda: time.sleep(0.05), 3)
    assert run.photos == 3
    assert 0.05 <= run.seconds < 0.5
    assert run.processor < 0.05


def test_drawn_photos_have_the_size_that_was_asked_for_and_places(tmp_path: Path) -> None:
    photos = drawn(tmp_path / "drawn", 3, size=(80, 60))
    assert [photos.pixels(k).shape for k in range(3)] == [(60, 80, 3)] * 3
    assert len(np.unique(photos.lat)) == 3
    assert len({photos.pixels(k).tobytes() for k in range(3)}) == 3
    assert mean_bytes(tmp_path / "drawn") > 1_000


def test_copied_photos_are_those_of_the_folder(tmp_path: Path) -> None:
    PILImage.new("RGB", (40, 30), (200, 10, 10)).save(tmp_path / "red.png")
    photos = copied(tmp_path / "copies", tmp_path, 3)
    assert [tuple(photos.pixels(k)[0, 0]) for k in range(3)] == [(200, 10, 10)] * 3
    (tmp_path / "none").mkdir()
    with pytest.raises(ImageError, match="no photo in folder"):
        copied(tmp_path / "more", tmp_path / "none", 3)


# The answers of two devices.


@pytest.fixture(scope="module")
def prior(tmp_path_factory: pytest.TempPathFactory) -> PlanetPrior:
    partition, config = load_default(), PlanetConfig("tiny")
    torch.manual_seed(0)
    net = PlanetNet(config, CellTree(partition, config.levels))
    folder = tmp_path_factory.mktemp("model")
    write_weights(
        folder, dict(net.state_dict()), name="random", partition=partition, config=config.to_dict(), temperature=0.05,
        data={}, metrics={}, licence="none",
    )  # fmt: skip
    return PlanetPrior(folder)


def test_a_device_agrees_with_itself(prior: PlanetPrior) -> None:
    images = [np.random.default_rng(k).integers(0, 256, (80, 90, 3), np.uint8) for k in range(2)]
    found = agreement(prior, images, ("cpu", "cpu"))
    assert (found.photos, found.largest, found.same_top, found.most_km) == (2, 0.0, 1.0, 0.0)
    assert 0.0 < found.top_p <= 1.0


def test_other_answers_are_seen_to_differ(prior: PlanetPrior, monkeypatch: pytest.MonkeyPatch) -> None:
    images = [np.full((80, 90, 3), shade, np.uint8) for shade in (20, 220)]
    answers, order = prior.predict(images), iter([1, -1])
    monkeypatch.setattr(PlanetPrior, "predict", lambda *_, **__: answers[:: next(order)])
    found = agreement(prior, images, ("cpu", "cuda"))
    apart = np.abs(answers[0].distribution.p.astype(float) - answers[1].distribution.p.astype(float)).max()
    assert found.largest == pytest.approx(apart)
    assert found.largest > 0.0


def test_tf32_is_put_back_as_it_was() -> None:
    def now() -> tuple[str, bool]:
        return torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32

    before = now()
    with tf32_convolutions(False):
        assert now() == ("highest", False)
    assert now() == before
