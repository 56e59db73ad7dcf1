"""``whence train fusion``: simulated photos in, a ranker out, the same each time and from where it stopped."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from data.errors import DatasetError, RequestError
from fusion.examples import load_examples, save_examples
from fusion.ranker import make_ranker
from fusion.ranker_model import TREES, load_model, save_model
from fusion.train_fusion import FusionConfig, simulated_examples, train
from whence import main

pytest.importorskip("wordfreq", reason="the simulator's words need the extra build")

SMALL = FusionConfig(photos=150, rendered=0, rounds=8, workers=1)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a small ranker and the examples that it learnt from."""
    folder = tmp_path_factory.mktemp("ranker")
    train(folder, SMALL)
    return folder


def test_a_trained_ranker_is_opened_by_its_folder_and_says_what_it_learnt_from(trained: Path) -> None:
    model = make_ranker(str(trained)).model
    figures = model.info["out_of_fold"]
    assert "150 simulated photos, seed 0" in model.info["trained_on"]
    assert figures["ranker_nats"] < figures["prior_nats"]
    assert model.trees.num_trees() == model.info["trees"] <= 8
    assert 0.3 <= model.temperature <= 5.0


def test_it_goes_on_from_the_examples_that_are_there_and_ends_with_the_same_trees(
    trained: Path, tmp_path: Path
) -> None:
    kept = sorted((trained / "examples").glob("*.npz"))
    assert kept
    (tmp_path / "examples").mkdir()
    for path in kept:
        (tmp_path / "examples" / path.name).write_bytes(path.read_bytes())
    train(tmp_path, SMALL)
    assert (tmp_path / TREES).read_bytes() == (trained / TREES).read_bytes()


def test_a_damaged_part_is_simulated_again(trained: Path, tmp_path: Path) -> None:
    config = FusionConfig(photos=4, rendered=0, workers=1)
    simulated_examples(tmp_path, config)
    [part] = tmp_path.glob("*.npz")
    before = load_examples(part)
    part.write_bytes(part.read_bytes()[:100])
    again = simulated_examples(tmp_path, config)
    assert before is not None and np.array_equal(again.table, before.table, equal_nan=True)


def test_trees_that_do_not_see_a_group_split_on_none_of_its_columns(trained: Path, tmp_path: Path) -> None:
    from dataclasses import replace

    from fusion.features import FEATURES, GROUPS
    from fusion.train_fusion import grow

    examples = simulated_examples(trained / "examples", SMALL)
    trees = grow(examples, replace(SMALL, without=("pooled", "readers")), rounds=8)
    used = {FEATURES[k] for k in np.flatnonzero(trees.feature_importance())}
    assert used and not used & {*GROUPS["pooled"], *GROUPS["readers"]}


def test_too_few_photos_and_unknown_groups_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(DatasetError, match="too few to learn from"):
        train(tmp_path, FusionConfig(photos=3, rendered=0, workers=1))
    with pytest.raises(RequestError, match="choose of prior"):
        FusionConfig(without=("moon",))
    for arguments, words in (
        (["--without", "moon"], "unknown group 'moon'"),
        (["--rendered", "-1"], "not negative"),
        (["--seed", "-1"], "not negative"),
    ):
        assert main(["train", "fusion", str(tmp_path / "out"), *arguments]) == 2
        assert words in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path, trained: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(DatasetError, match="give another folder"):
        train(tmp_path / "file", SMALL)
    for write in (
        lambda path: save_model(path, load_model(trained)),
        lambda path: save_examples(path / "some.npz", simulated_examples(trained / "examples", SMALL)),
    ):
        with pytest.raises(DatasetError, match="cannot write"):
            write(tmp_path / "file")
