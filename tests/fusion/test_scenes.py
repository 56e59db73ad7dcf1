"""The scene on its way: from the prior or a scene model through fusion into the answer, its words, tables and map."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from itertools import groupby
from pathlib import Path

import jsonschema
import numpy as np
import pytest
from numpy.typing import NDArray

from backbone.base import PriorCard, PriorOutput
from backbone.density import DensityPrior
from backbone.scene_head import SceneHead
from backbone.scenes import SCENES, SceneCard
from data.distribution import CellDistribution
from data.errors import RequestError
from data.partition import Partition, load_default
from detectors.base import Clue
from fusion.answer import Answer, Failure
from fusion.batch import locate_into, settings_of
from fusion.cli import main
from fusion.context import NOTHING_KNOWN, Context
from fusion.describe import scene_words
from fusion.locator import Locator
from fusion.pool import Fused, LogLinearPool
from tests.conftest import REPOSITORY
from tests.fusion.parts import FixedText

SCHEMA = json.loads((REPOSITORY / "fusion" / "assets" / "answer.schema.json").read_text())
PIXELS = np.random.default_rng(0).integers(0, 255, (120, 160, 3)).astype(np.uint8)
URBAN = {"indoor": 0.03, "natural": 0.15, "urban": 0.82}
NATURAL = {"indoor": 0.0, "natural": 1.0, "urban": 0.0}


class Says:
    """A scene model that says one thing, and notes what it was shown."""

    name = "says"
    card = SceneCard("says one thing", "nothing", "none", sha256="ab" * 32)

    def __init__(self, scene: Mapping[str, float]) -> None:
        self.scene = scene
        self.shown: list[tuple[int, ...]] = []

    def predict(self, images: Sequence[NDArray[np.uint8]], *, device: str = "cpu") -> list[Mapping[str, float]]:
        self.shown += [image.shape for image in images]
        if any(not image.any() for image in images):
            raise RuntimeError("too dark")
        return [self.scene for _ in images]


class Sees:
    """A prior that knows the scene of every other photo itself."""

    name = "sees"
    card = PriorCard("knows scenes", True, "nothing", "none")

    def __init__(self) -> None:
        self._density = DensityPrior(load_default())

    @property
    def partition(self) -> Partition:
        return self._density.partition

    def predict(self, images: Sequence[NDArray[np.uint8]], *, device: str = "cpu") -> list[PriorOutput]:
        return [
            PriorOutput(self._density.distribution, scene=NATURAL if image.shape[1] % 2 else None) for image in images
        ]


class Listens(LogLinearPool):
    """The pool, and which scenes it was told."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[Mapping[str, float] | None] = []

    def fuse(self, prior: CellDistribution, clues: Sequence[Clue], context: Context = NOTHING_KNOWN) -> Fused:
        self.told.append(context.scene)
        return super().fuse(prior, clues, context)


def test_the_answer_says_what_the_shipped_head_says_of_the_photo() -> None:
    answer = Locator("density", ocr="none", scenes="head").locate(PIXELS)
    assert answer.scene == SceneHead().predict([PIXELS])[0]
    assert Locator("density", ocr="none", scenes="none").locate(PIXELS).scene is None


def test_a_prior_that_knows_the_scene_keeps_its_word() -> None:
    model = Says(URBAN)
    answers = list(Locator(Sees(), ocr="none", scenes=model).locate_many([PIXELS, PIXELS[:, 1:], PIXELS[:, 3:]]))
    assert [answer.scene for answer in answers if isinstance(answer, Answer)] == [URBAN, NATURAL, NATURAL]
    assert model.shown == [(120, 160, 3)]
    assert Locator(Sees(), ocr="none", scenes="none").locate(PIXELS[:, 1:]).scene == NATURAL


@pytest.mark.parametrize("scene", [URBAN, NATURAL, None])
def test_without_a_clue_the_prior_comes_back_whatever_the_scene(scene: Mapping[str, float] | None) -> None:
    model: Says | str = "none" if scene is None else Says(scene)
    answer = Locator("density", ocr=FixedText(["xq", "//"]), scenes=model).locate(PIXELS)
    assert answer.scene == scene and not answer.clues
    assert answer.distribution is answer.prior


def test_fusion_is_told_the_scene_and_the_pool_takes_nothing_from_it() -> None:
    ranker = Listens()
    lines = FixedText(["MADRID", "cero emisiones"])
    told = [
        Locator("density", ocr=lines, scenes=Says(scene), ranker=ranker).locate(PIXELS).distribution.p
        for scene in (URBAN, NATURAL)
    ]
    # The ledger may fuse again without a clue: with the same scene.
    assert [scene for scene, _ in groupby(ranker.told)] == [URBAN, NATURAL]
    assert np.array_equal(told[0], told[1])


def test_json_has_the_scene_in_its_order_or_null() -> None:
    for model, expected in ((Says(URBAN), URBAN), ("none", None)):
        content = json.loads(Locator("density", ocr="none", scenes=model).locate(PIXELS).to_json())
        jsonschema.validate(content, SCHEMA)
        assert content["scene"] == expected
        assert expected is None or tuple(content["scene"]) == SCENES
    for wrong in ({"urban": 1.0}, {**URBAN, "lunar": 0.0}, {**URBAN, "urban": 1.2}, "urban"):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(content | {"scene": wrong}, SCHEMA)


def test_words_and_map_say_the_scene() -> None:
    answer = Locator("density", ocr="none", scenes=Says(URBAN)).locate(PIXELS)
    assert "  scene: outdoors, urban (82 %)" in str(answer).splitlines()
    assert "scene: outdoors, urban (82 %)" in answer.to_html()
    silent = Locator("density", ocr="none", scenes="none").locate(PIXELS)
    assert "scene" not in str(silent) and "scene:" not in silent.to_html()
    assert scene_words({"indoor": 0.96, "natural": 0.02, "urban": 0.02}) == "indoors (96.0 %)"


def test_a_photo_that_the_scene_model_cannot_bear_is_one_failure() -> None:
    locator = Locator("density", ocr="none", scenes=Says(URBAN))
    results = list(locator.locate_many([PIXELS, np.zeros_like(PIXELS), PIXELS]))
    assert [isinstance(result, Failure) for result in results] == [False, True, False]
    assert isinstance(results[1], Failure) and "too dark" in str(results[1])


@pytest.mark.parametrize("ending", [".csv", ".parquet", ".jsonl"])
def test_tables_have_the_likeliest_scene(ending: str, tmp_path: Path) -> None:
    from PIL import Image

    photo, out = tmp_path / "a.png", tmp_path / f"r{ending}"
    Image.fromarray(PIXELS).save(photo)
    locate_into(out, [photo, tmp_path / "none.png"], Locator("density", ocr="none", scenes=Says(URBAN)))
    if ending == ".jsonl":
        rows = [json.loads(line) for line in out.read_text().splitlines()]
        assert rows[0]["scene"] == URBAN and "scene" not in rows[1]
        return
    if ending == ".csv":
        with out.open(newline="") as stream:
            found = [(row["scene"], row["scene_probability"]) for row in csv.DictReader(stream)]
        assert found == [("urban", "0.82"), ("", "")]
        return
    import pyarrow.parquet as pq

    assert pq.read_table(out).select(["scene", "scene_probability"]).to_pylist() == [
        {"scene": "urban", "scene_probability": 0.82},
        {"scene": None, "scene_probability": None},
    ]


def test_rows_of_two_scene_models_do_not_share_a_file() -> None:
    told = {settings_of(Locator("density", ocr="none", scenes=model)) for model in ("none", "head", Says(URBAN))}
    assert len(told) == 3
    assert f" scenes=head@{SceneHead().card.sha256[:12]} " in sorted(told)[0] and " scenes=none " in sorted(told)[1]


def test_the_command_takes_a_scene_model(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from PIL import Image

    photo = tmp_path / "a.png"
    Image.fromarray(PIXELS).save(photo)
    assert main(["locate", str(photo), "--ocr", "none", "--scenes", "head"]) == 0
    assert "\n  scene: " in capsys.readouterr().out
    assert main(["locate", str(photo), "--ocr", "none", "--scenes", "none", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["scene"] is None
    assert main(["locate", str(photo), "--ocr", "none", "--scenes", "lunar"]) == 2
    assert "choose auto, head, clip, clip:MODEL/PRETRAINED or none" in capsys.readouterr().err


def test_an_unknown_scene_model_is_refused_at_once() -> None:
    with pytest.raises(RequestError, match="unknown scene model"):
        Locator("density", ocr="none", scenes="lunar")
