"""PlaNet as a prior of `locate`."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from backbone.planet import PlanetPrior
from backbone.planet_config import PlanetConfig
from backbone.planet_weights import CARD_FILE, read_card, read_tensors, write_card, write_weights
from backbone.priors import available_priors, make_prior
from backbone.train_prior import Recipe, Run, train
from backbone.weights_store import add
from data.errors import RequestError, WeightsError
from fusion.batch import settings_of
from fusion.locator import Locator
from tests.backbone.trained import TOWNS, ColouredPhotos, small_partition
from tests.fusion.parts import FixedText

PARTITION = small_partition()
PHOTOS = ColouredPhotos(200)
RNG = np.random.default_rng(2)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    recipe = Recipe(epochs=6, batch=20, held_out=0.2)
    run = Run("cpu")
    out = tmp_path_factory.mktemp("trained")
    return train(out, PHOTOS, partition=PARTITION, config=PlanetConfig("tiny"), recipe=recipe, run=run, name="towns")


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("WHENCE_WEIGHTS", str(tmp_path / "store"))
    return tmp_path / "store"


class TestPrior:
    def test_a_photo_gets_the_same_answer_alone_and_among_others(self, model: Path) -> None:
        prior = PlanetPrior(model)
        photos = [PHOTOS.pixels(i) for i in range(5)] + [RNG.integers(0, 256, (300, 90, 3)).astype(np.uint8)]
        together = [output.distribution.p for output in prior.predict(photos)]
        alone = [PlanetPrior(model).predict([photo])[0].distribution.p for photo in photos]
        assert all((a == b).all() for a, b in zip(together, alone, strict=True))
        assert prior.predict([]) == []

    def test_its_distribution_is_softened_by_the_temperature_that_was_fitted(self, model: Path, tmp_path: Path) -> None:
        shutil.copytree(model, tmp_path / "hot")
        card = read_card(model)
        fields = {**vars(card), "temperature": 4 * card.temperature}
        write_card(tmp_path / "hot", type(card)(**fields))
        entropies = [
            PlanetPrior(f).predict([PHOTOS.pixels(0)])[0].distribution.entropy() for f in (model, tmp_path / "hot")
        ]
        assert entropies[1] > entropies[0] + 0.5

    def test_the_embedding_is_the_trunks_features(self, model: Path) -> None:
        [output] = PlanetPrior(model).predict([PHOTOS.pixels(0)])
        assert output.embedding is not None and output.embedding.shape == (160,)
        assert output.embedding.dtype == np.float32

    def test_its_card_names_the_photos_and_the_figures(self, model: Path) -> None:
        prior = PlanetPrior(model)
        assert prior.name == "planet:towns" and prior.card.visual and prior.card.trained_on == "coloured"
        assert prior.card.accuracy["held_out_geoscore"] > 3000

    def test_a_photo_can_be_located_by_what_it_looks_like_and_what_it_says(self, model: Path) -> None:
        index = int(np.flatnonzero(PHOTOS.town == 2)[0])
        answer = Locator(PlanetPrior(model), ocr="none").locate(PHOTOS.pixels(index))
        assert (answer.prior_name, answer.country, answer.visual) == ("planet:towns", "AU", True)
        assert abs(answer.lat - TOWNS[2][0]) < 3 and abs(answer.lon - TOWNS[2][1]) < 3
        grey = np.full((60, 60, 3), 128, np.uint8)
        said = Locator(PlanetPrior(model), ocr=FixedText(["Farmacia", "Gran Vía 28, 28013 Madrid"])).locate(grey)
        before = said.prior.countries().get("ES", 0.0)
        assert said.countries["ES"] > before, "clues act on its cells too"

    def test_a_table_tells_two_models_of_one_name_apart(self, model: Path, tmp_path: Path) -> None:
        card = read_card(model)
        tensors = {name: t * 2 if t.is_floating_point() else t for name, t in read_tensors(model, card).items()}
        write_weights(
            tmp_path, tensors, name=card.name, partition=PARTITION, config=card.config, temperature=1.0, data={},
            metrics={}, licence="x",
        )  # fmt: skip
        settings = {settings_of(Locator(PlanetPrior(folder), ocr="none")) for folder in (model, tmp_path)}
        assert len(settings) == 2 and all("prior=planet:towns@" in words for words in settings)

    def test_weights_of_another_network_are_refused_when_they_are_needed(self, model: Path, tmp_path: Path) -> None:
        card = read_card(model)
        tensors = read_tensors(model, card)
        tensors.pop("trunk.0.weight")
        write_weights(
            tmp_path, tensors, name="cut", partition=PARTITION, config=card.config, temperature=1.0, data={},
            metrics={}, licence="x",
        )  # fmt: skip
        with pytest.raises(WeightsError, match="do not fit the network"):
            PlanetPrior(tmp_path).predict([PHOTOS.pixels(0)])

    def test_a_card_that_describes_no_network_is_refused_at_once(self, model: Path, tmp_path: Path) -> None:
        shutil.copytree(model, tmp_path / "odd")
        card = json.loads((model / CARD_FILE).read_text())
        card["config"]["trunk"] = "resnet9000"
        (tmp_path / "odd" / CARD_FILE).write_text(json.dumps(card))
        with pytest.raises(WeightsError, match="no network can be made"):
            PlanetPrior(tmp_path / "odd")

    def test_an_unknown_device_and_one_that_is_not_there_are_refused(self, model: Path) -> None:
        for device in ("tpu", "cuda:x", "cuda:99"):
            with pytest.raises(RequestError, match=device):
                PlanetPrior(model).predict([PHOTOS.pixels(0)], device=device)

    def test_loading_leaves_the_callers_chance_alone(self, model: Path) -> None:
        torch.manual_seed(3)
        before = torch.get_rng_state()
        PlanetPrior(model).predict([PHOTOS.pixels(0)])
        assert torch.equal(before, torch.get_rng_state())

    def test_a_folder_without_weights_is_one_clear_error(self, tmp_path: Path) -> None:
        with pytest.raises(WeightsError):
            PlanetPrior(tmp_path)


def rated(folder: Path, **metrics: float) -> None:
    """The card in ``folder`` with other figures."""
    card = read_card(folder)
    write_card(folder, type(card)(**{**vars(card), "metrics": card.metrics | metrics}))


GOOD = {
    "held_out_gain": 2300.0,  # more than the prior that ships
    "held_out_gain_low": 200.0,
    "held_out_points": 500.0,
    "covered": 0.9,
}


class TestNames:
    def test_a_model_that_was_added_is_a_prior_by_its_name_and_by_its_folder(self, model: Path, store: Path) -> None:
        add(model)
        assert "planet:towns" in available_priors()
        for name in ("planet:towns", "planet", f"planet:{model}"):
            assert make_prior(name).name == "planet:towns"

    def test_auto_takes_the_model_that_gains_most_over_the_density(self, model: Path, store: Path) -> None:
        for name, gain in (("a", 2100.0), ("b", 2300.0), ("c", 2200.0)):
            rated(add(model, name=name), **GOOD | {"held_out_gain": gain})
        assert make_prior("auto").name == "planet:b"
        rated(store / "b", covered=0.1)
        assert make_prior("auto").name == "planet:c" and make_prior("planet").name == "planet:b"

    @pytest.mark.parametrize("short", [{"held_out_gain_low": -5.0}, {"held_out_points": 40.0}, {"covered": 0.02}])
    def test_auto_takes_no_model_that_may_be_worse_or_knows_one_city_only(
        self, short: dict[str, float], model: Path, store: Path
    ) -> None:
        rated(add(model), **GOOD)
        assert make_prior("auto").name == "planet:towns"
        rated(store / "towns", **short)
        assert make_prior("auto").name == "pixels"
        assert make_prior("planet").name == "planet:towns", "asked for, it is taken"

    def test_a_model_of_six_towns_is_seen_to_know_little_of_the_world(self, model: Path) -> None:
        metrics = read_card(model).metrics
        assert 0.0 < metrics["covered"] < 1.0 and metrics["held_out_gain"] > 1000 > metrics["held_out_points"]

    def test_without_models_planet_says_how_to_get_one(self, store: Path) -> None:
        with pytest.raises(WeightsError, match="whence train prior"):
            make_prior("planet")
        with pytest.raises(WeightsError):
            make_prior("planet:towns")
        with pytest.raises(RequestError, match="density:street"):
            make_prior("planets")
        assert make_prior("auto").name == "pixels"
