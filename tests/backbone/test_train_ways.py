"""Networks that learn more than classes of cells: kinds of scene, and a mixture of densities."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from backbone.planet import PlanetPrior
from backbone.planet_config import PlanetConfig
from backbone.scenes import SCENES
from backbone.train_prior import Recipe, Run, train
from data.errors import RequestError, WeightsError
from data.geodesy import haversine_km
from tests.backbone.trained import ColouredPhotos, small_partition

PARTITION = small_partition()
PHOTOS = ColouredPhotos(240)
RECIPE = Recipe(epochs=4, batch=16, held_out=0.1)
CPU = Run(device="cpu")


def scenes_of(photos: ColouredPhotos) -> NDArray[np.float32]:
    """Two towns for each kind of scene; of every seventh photo it is not known."""
    labels = np.eye(3, dtype=np.float32)[photos.town // 2]
    labels[::7] = np.nan
    return labels


def trained(out: Path, **fields: object) -> PlanetPrior:
    config = PlanetConfig("tiny", **fields)  # type: ignore[arg-type]
    scenes = None if config.scenes == "none" else scenes_of(PHOTOS)
    return PlanetPrior(train(out, PHOTOS, scenes=scenes, partition=PARTITION, config=config, recipe=RECIPE, run=CPU))


def share_near(prior: PlanetPrior, km: float) -> float:
    new = ColouredPhotos(40, seed=9)
    points = np.array([p.distribution.point("mode") for p in prior.predict([new.pixels(k) for k in range(40)])])
    return float(np.mean(haversine_km(points[:, 0], points[:, 1], new.lat, new.lon) < km))


class TestScenes:
    @pytest.mark.parametrize("use", ["mtn", "isn"])
    def test_it_learns_the_place_and_the_scene_from_photos_of_which_some_have_no_label(
        self, tmp_path: Path, use: str
    ) -> None:
        prior, new = trained(tmp_path, scenes=use), ColouredPhotos(40, seed=9)
        assert share_near(prior, 300.0) > 0.9
        said = [output.scene for output in prior.predict([new.pixels(k) for k in range(40)])]
        assert all(scene is not None and list(scene) == list(SCENES) for scene in said)
        likeliest = [max(scene, key=lambda name: scene[name]) for scene in said if scene is not None]
        wanted = [SCENES[town // 2] for town in new.town]
        assert np.mean(np.array(likeliest) == wanted) > 0.9
        assert sum(said[0].values()) == pytest.approx(1.0, abs=1e-9) if said[0] else False

    def test_scenes_without_labels_and_labels_without_scenes_are_refused_before_anything_is_done(
        self, tmp_path: Path
    ) -> None:
        out = tmp_path / "out"
        for config, scenes in ((PlanetConfig("tiny", scenes="mtn"), None), (PlanetConfig("tiny"), scenes_of(PHOTOS))):
            with pytest.raises(RequestError, match="give both"):
                train(out, PHOTOS, scenes=scenes, partition=PARTITION, config=config, recipe=RECIPE, run=CPU)
        unknown = np.full((len(PHOTOS), 3), np.nan, np.float32)
        for wrong in (unknown, scenes_of(PHOTOS)[1:], 2.0 * scenes_of(PHOTOS)):
            with pytest.raises(RequestError, match="scene"):
                train(
                    out, PHOTOS, scenes=wrong, partition=PARTITION, config=PlanetConfig("tiny", scenes="mtn"),
                    recipe=RECIPE, run=CPU,
                )  # fmt: skip
        assert not out.exists()

    def test_a_training_does_not_go_on_with_other_labels(self, tmp_path: Path) -> None:
        config = PlanetConfig("tiny", levels=("fine",), scenes="mtn")
        few = Recipe(epochs=0.2, batch=16, held_out=0.1)
        train(tmp_path, PHOTOS, scenes=scenes_of(PHOTOS), partition=PARTITION, config=config, recipe=few, run=CPU)
        other = np.roll(scenes_of(PHOTOS), 1, axis=1)
        with pytest.raises(WeightsError, match="scene labels not as then"):
            train(tmp_path, PHOTOS, scenes=other, partition=PARTITION, config=config, recipe=few, run=CPU)


class TestMixture:
    def test_it_learns_the_place(self, tmp_path: Path) -> None:
        prior = trained(tmp_path, levels=("fine",), mixture="middle")
        assert share_near(prior, 300.0) > 0.9

    def test_the_same_training_again_ends_in_the_same_weights(self, tmp_path: Path) -> None:
        first, second = (
            trained(tmp_path / name, levels=("fine",), mixture="coarse").card.sha256 for name in ("first", "second")
        )
        assert first == second

    def test_smoothed_labels_go_with_classes_only(self, tmp_path: Path) -> None:
        config = PlanetConfig("tiny", levels=("fine",), mixture="fine")
        with pytest.raises(RequestError, match="smooth"):
            train(tmp_path, PHOTOS, partition=PARTITION, config=config, recipe=Recipe(smoothing_km=75.0), run=CPU)
