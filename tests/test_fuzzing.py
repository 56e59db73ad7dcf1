"""The first hostile inputs of every target of :mod:`tests.fuzzing`; the long run is its command."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fuzzed_images import corpus, image_is_held
from tests.fuzzing import TARGETS, Target, run_seeds

REPOSITORY = Path(__file__).resolve().parent.parent
INPUTS = {"images": 600, "readings": 40, "partitions": 250, "results": 250, "weights": 250}


@pytest.mark.parametrize("name", sorted(TARGETS))
def test_hostile_inputs_give_an_answer_or_the_promised_error(name: str) -> None:
    run_seeds(TARGETS[name], range(INPUTS.get(name, 100)))


def test_a_seed_makes_the_same_input_every_time() -> None:
    for target in TARGETS.values():
        assert target.make(random.Random(7)) == target.make(random.Random(7))


def test_the_files_that_are_damaged_are_sound_before() -> None:
    for content in corpus():
        image_is_held(content)


def test_a_fault_is_reported_with_its_seed() -> None:
    def check(content: bytes) -> None:
        if content == b"2":
            raise ZeroDivisionError

    target = Target("numbers", lambda rng: str(rng.randrange(9)).encode(), check)
    with pytest.raises(AssertionError, match=r"target numbers, seed \d+: ZeroDivisionError"):
        run_seeds(target, range(100))


def test_the_long_command_tells_what_it_ran_and_runs_a_file_again(tmp_path: Path) -> None:
    sound = tmp_path / "sound.bin"
    sound.write_bytes(corpus()[0])
    command = [sys.executable, "-m", "tests.fuzzing", "--file", str(sound), "images"]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert "images: no fault" in done.stdout
    command = [sys.executable, "-m", "tests.fuzzing", "--minutes", "0.05", "results"]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert "inputs (seeds 1000000 to" in done.stdout and "0 faults of 0 kinds" in done.stdout
