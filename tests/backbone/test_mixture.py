"""The mixture of priors: its file, its answers, and its fit from photos to card."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from backbone.base import PriorCard, PriorOutput
from backbone.density import DensityPrior
from backbone.mixture import MixturePrior
from backbone.mixture_card import (
    MixtureCard,
    MixtureMember,
    find_mixture,
    installed_mixtures,
    mixture_path,
    read_mixture,
    write_mixture,
)
from backbone.mixture_outputs import gathered
from backbone.planet_config import PlanetConfig
from backbone.priors import available_priors, make_prior
from backbone.scenes import SCENES
from backbone.train_mixture import fit_mixture, members_called
from backbone.train_prior import Recipe, Run, train
from data.distribution import CellDistribution, InCell
from data.errors import DatasetError, RequestError, WeightsError
from data.partition import load_default
from data.rebin import rebinned
from data.spots import Spots
from tests.backbone.trained import TOWNS, ColouredPhotos, small_partition

Images = Sequence[NDArray[np.uint8]]


class Witness:
    """A prior on the shipped cells that knows the colours of the towns in ``known``, elsewhere as unsure as density.

    ``scene`` is what it says a photo shows: natural where it knows the colour, else urban.
    """

    def __init__(self, name: str, known: Sequence[int], *, scene: bool = False, sha256: str = "a" * 64) -> None:
        self.name, self._known, self._scene = name, known, scene
        self.partition = load_default()
        self.card = PriorCard("colours", True, "nothing", "CC0", sha256=sha256)
        self.asked: list[int] = []

    def predict(self, images: Images, *, device: str = "cpu") -> list[PriorOutput]:
        self.asked.append(len(images))
        return [self._output(image) for image in images]

    def _output(self, image: NDArray[np.uint8]) -> PriorOutput:
        p = DensityPrior(self.partition).distribution.p.astype(np.float64)
        town = colour_of(image)
        if town in self._known:
            lat, lon = (
                np.full(self.partition.lat.shape, TOWNS[town][0]),
                np.full(self.partition.lat.shape, TOWNS[town][1]),
            )
            from data.geodesy import haversine_km

            near = haversine_km(lat, lon, self.partition.lat, self.partition.lon)
            p = 0.1 * p + 0.9 * (near < 120) / max((near < 120).sum(), 1)
        kinds = (0.1, 0.8, 0.1) if town in self._known else (0.1, 0.1, 0.8)
        scene = dict(zip(SCENES, kinds, strict=True)) if self._scene else None
        said = CellDistribution(self.partition, (p / p.sum()).astype(np.float32))
        return PriorOutput(said, scene, np.full(3, town, np.float32) if self.name != "blind" else None)


def colour_of(image: NDArray[np.uint8]) -> int:
    colours = np.array([(220, 40, 40), (40, 220, 40), (40, 40, 220), (220, 220, 40), (40, 220, 220), (220, 40, 220)])
    return int(np.argmin(np.abs(colours - image.reshape(-1, 3).mean(axis=0)).sum(axis=1)))


def member(name: str, sha256: str = "", **changed: Any) -> MixtureMember:
    fields = {"partition_hash": load_default().hash, "visual": bool(sha256), "licence": "CC BY 4.0"}
    return MixtureMember(name, sha256, **fields | changed)


def card(**changed: Any) -> MixtureCard:
    fields: dict[str, Any] = {
        "name": "mine", "members": (member("density"), member("density:street")), "kind": "linear",
        "weights": ((0.25, 0.75),), "gate": "", "temperature": 1.0, "data": {"photos": 3, "photos_of": "walks"},
        "metrics": {"held_out_gain": 5.0}, "licence": "CC BY 4.0", "created_with": "0",
    }  # fmt: skip
    return MixtureCard(**fields | changed)


def written(folder: Path, **changed: Any) -> Path:
    path = folder / "mixture.json"
    write_mixture(path, card(**changed))
    return path


GREY = np.full((40, 48, 3), 128, np.uint8)
PHOTOS = ColouredPhotos(6, seed=5)


def pixels(k: int) -> NDArray[np.uint8]:
    return PHOTOS.pixels(k)


# Answers.


def test_a_linear_pool_is_the_weighted_sum(tmp_path: Path) -> None:
    prior = MixturePrior(written(tmp_path))
    first, second = (make_prior(name).predict([GREY])[0].distribution.p for name in ("density", "density:street"))
    [output] = prior.predict([GREY])
    np.testing.assert_allclose(output.distribution.p, 0.25 * first + 0.75 * second, rtol=1e-4, atol=1e-12)
    assert prior.name == "mixture:mine" and not prior.card.visual and output.embedding is None
    assert "density (0.25)" in prior.card.summary and prior.card.accuracy == {"held_out_gain": 5.0}
    assert len(prior.card.sha256) == 64


def test_a_logarithmic_pool_is_the_weighted_product(tmp_path: Path) -> None:
    prior = MixturePrior(written(tmp_path, kind="logarithmic", weights=((0.5, 0.8),)))
    first, second = (
        make_prior(name).predict([GREY])[0].distribution.p.astype(np.float64) for name in ("density", "density:street")
    )
    product = first**0.5 * second**0.8
    [output] = prior.predict([GREY])
    np.testing.assert_allclose(output.distribution.p, product / product.sum(), rtol=1e-3, atol=1e-12)


def test_all_weight_on_one_member_is_that_member_and_no_other_is_made(tmp_path: Path) -> None:
    path = written(tmp_path, members=(member("planet:gone", "b" * 64), member("density")), weights=((0.0, 1.0),))
    [output] = MixturePrior(path).predict([GREY])
    assert np.array_equal(output.distribution.p, make_prior("density").predict([GREY])[0].distribution.p)


def of_two(tmp_path: Path, **changed: Any) -> tuple[MixturePrior, dict[str, Witness]]:
    made = {"blind": Witness("blind", [0, 1], scene=True), "sighted": Witness("sighted", [2, 3, 4])}
    members = tuple(member(name, prior.card.sha256) for name, prior in made.items())
    path = written(tmp_path, members=members, **changed)
    return MixturePrior(path, make=made.__getitem__), made


def test_each_member_is_asked_once_for_a_batch_and_no_answer_depends_on_its_neighbours(tmp_path: Path) -> None:
    prior, made = of_two(tmp_path, kind="logarithmic", weights=((0.7, 0.6),))
    together = prior.predict([pixels(k) for k in range(5)])
    assert [witness.asked for witness in made.values()] == [[5], [5]]
    for k, output in enumerate(together):
        [alone] = prior.predict([pixels(k)])
        assert np.array_equal(alone.distribution.p, output.distribution.p)
    assert prior.predict([]) == []


def test_the_embedding_and_the_scene_are_those_of_the_first_member_that_has_some(tmp_path: Path) -> None:
    prior, _ = of_two(tmp_path)
    [output] = prior.predict([pixels(0)])
    assert output.embedding is not None and output.embedding[0] == colour_of(pixels(0))
    assert output.scene is not None and set(output.scene) == set(SCENES)


def test_weights_follow_the_scene(tmp_path: Path) -> None:
    rows = ((0.5, 0.5), (1.0, 0.0), (0.0, 1.0))
    prior, made = of_two(tmp_path, weights=rows, gate="member:blind")
    image = next(pixels(k) for k in range(6) if colour_of(pixels(k)) in (0, 1))
    [output] = prior.predict([image])  # natural with 0.8, so that the first has most weight
    first, second = (witness.predict([image])[0].distribution.p for witness in made.values())
    np.testing.assert_allclose(output.distribution.p, 0.85 * first + 0.15 * second, rtol=1e-3, atol=1e-10)
    assert prior.card.visual


def test_a_scene_model_can_be_the_gate(tmp_path: Path) -> None:
    rows = ((0.5, 0.5), (1.0, 0.0), (0.0, 1.0))
    prior = MixturePrior(written(tmp_path, weights=rows, gate="head"))
    assert prior.card.visual  # it looks at pixels, though no member does
    image = np.random.default_rng(0).integers(0, 256, (90, 120, 3), np.uint8)
    [output] = prior.predict([image])
    scene = output.scene
    assert scene is not None
    weight = 0.5 * scene["indoor"] + scene["natural"]
    people, street = (make_prior(name).predict([image])[0].distribution.p for name in ("density", "density:street"))
    np.testing.assert_allclose(output.distribution.p, weight * people + (1 - weight) * street, rtol=1e-3, atol=1e-10)


def test_narrowed_cells_stay_narrow_where_the_member_that_narrowed_them_has_the_mass(tmp_path: Path) -> None:
    class Narrow(Witness):
        def _output(self, image: NDArray[np.uint8]) -> PriorOutput:
            p = np.zeros(len(self.partition), np.float32)
            cell = int(self.partition.cells_of(48.2, 16.4)[0])
            p[cell] = 1.0
            lat, lon, spread = self.partition.lat.copy(), self.partition.lon.copy(), np.full(len(p), 3.0)
            lat[cell], lon[cell] = 48.21, 16.41
            told = Spots(np.array([cell]), np.array([48.2]), np.array([16.4]), np.array([0.1]), np.array([0.7]))
            return PriorOutput(CellDistribution(self.partition, p, InCell(lat, lon, spread, told)))

    made: dict[str, Any] = {"density": DensityPrior(load_default()), "narrow": Narrow("narrow", [])}
    path = written(tmp_path, members=(member("density"), member("narrow", "a" * 64)))
    [output] = MixturePrior(path, make=made.__getitem__).predict([GREY])
    cell = int(np.argmax(output.distribution.p))
    assert output.distribution.in_cell is not None
    assert output.distribution.lat[cell] == pytest.approx(48.21, abs=0.01)
    assert output.distribution.spread_km[cell] == pytest.approx(3.0, rel=0.2)
    assert output.distribution.spots is not None
    assert output.distribution.spots.share.tolist() == [pytest.approx(0.7, abs=0.01)]
    elsewhere = int(load_default().cells_of(-33.9, 151.2)[0])
    assert output.distribution.lat[elsewhere] == pytest.approx(load_default().lat[elsewhere])


# What is refused.


def test_a_member_that_has_changed_says_to_fit_again(tmp_path: Path) -> None:
    made = {"one": Witness("one", [0], sha256="c" * 64), "density": DensityPrior(load_default())}
    path = written(tmp_path, members=(member("one", "d" * 64), member("density")))
    with pytest.raises(WeightsError, match=r"one has changed.*fit it again"):
        MixturePrior(path, make=lambda name: made[name]).predict([GREY])  # type: ignore[return-value]
    path = written(tmp_path, members=(member("density", partition_hash="e" * 64), member("density:street")))
    with pytest.raises(WeightsError, match="density has changed"):
        MixturePrior(path).predict([GREY])
    warmer = make_prior("pixels").at_temperature(1.5)  # type: ignore[attr-defined]
    path = written(tmp_path, members=(member("pixels", warmer.card.sha256, temperature=1.5), member("density")))
    assert MixturePrior(path, make=lambda name: warmer if name == "pixels" else make_prior(name)).predict([GREY])
    with pytest.raises(WeightsError, match="pixels has changed"):
        MixturePrior(path).predict([GREY])


def test_a_member_that_is_gone_says_what_it_says_itself(tmp_path: Path) -> None:
    path = written(tmp_path, members=(member("planet:gone", "b" * 64), member("density")))
    with pytest.raises(WeightsError, match="no model is called gone"):
        MixturePrior(path).predict([GREY])


def damaged(content: dict[str, Any], key: str, value: Any) -> bytes:
    return json.dumps(content | {key: value}).encode()


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("format", "whence-planet"), ("version", 2), ("name", "../x"), ("kind", "median"), ("kind", []),
        ("weights", [[0.5, 0.6]]), ("weights", [[1.0]]), ("weights", [["1", 0]]), ("weights", [[-1.0, 2.0]]),
        ("weights", {}), ("weights", [[True, False]]), ("weights", [[0.5, 0.5]] * 3), ("gate", "head"), ("gate", None),
        ("temperature", 0), ("temperature", "1"), ("members", []), ("members", [{}]), ("members", "density"),
        ("metrics", {"held_out_gain": None}), ("data", []), ("licence", ""), ("more", 1),
    ],
)  # fmt: skip
def test_a_damaged_file_is_one_clear_error(key: str, value: Any, tmp_path: Path) -> None:
    path = written(tmp_path)
    path.write_bytes(damaged(json.loads(path.read_text("utf-8")), key, value))
    with pytest.raises(WeightsError, match="fit it again"):
        MixturePrior(path)


@pytest.mark.parametrize("content", [b"", b"{}", b"[1]", b"\xff\xfe", b"{" * 4000, b'{"format": "whence-mixture"'])
def test_what_is_no_mixture_is_one_clear_error(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "mixture.json").write_bytes(content)
    with pytest.raises(WeightsError, match="no sound mixture"):
        MixturePrior(tmp_path)
    with pytest.raises(WeightsError, match="cannot be read"):
        MixturePrior(tmp_path / "nowhere")


def test_members_of_a_file_are_checked_too(tmp_path: Path) -> None:
    path = written(tmp_path)
    good = json.loads(path.read_text("utf-8"))
    bad = ({"name": "mixture:mine"}, {"name": "auto"}, {"sha256": "x"}, {"visual": 1}, {"more": 1}, {"temperature": 0})
    for changed in bad:
        path.write_bytes(damaged(good, "members", [good["members"][0] | changed, good["members"][1]]))
        with pytest.raises(WeightsError, match="fit it again"):
            MixturePrior(path)
    path.write_bytes(damaged(good, "members", [good["members"][0]] * 2))
    with pytest.raises(WeightsError, match="no member twice"):
        MixturePrior(path)


def test_what_is_written_is_what_is_read(tmp_path: Path) -> None:
    gated = card(weights=((0.1, 0.9), (1 / 3, 2 / 3), (0.5, 0.5)), gate="member:density", temperature=0.7)
    write_mixture(tmp_path / "x.json", gated)
    assert read_mixture(tmp_path / "x.json")[0] == gated


# By name.


def test_mixtures_of_the_user_are_found_by_name_and_the_best_without_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WHENCE_WEIGHTS", str(tmp_path))
    with pytest.raises(WeightsError, match="there is no mixture"):
        make_prior("mixture")
    for name, gain in (("good", 9.0), ("poor", 1.0)):
        write_mixture(mixture_path(name), card(name=name, metrics={"held_out_gain": gain}))
    (tmp_path / "broken.mixture.json").write_text("{")
    assert [name for name, _ in installed_mixtures()] == ["good", "poor"]
    assert available_priors()[-2:] == ["mixture:good", "mixture:poor"]
    assert make_prior("mixture:poor").name == "mixture:poor"
    assert make_prior("mixture").name == "mixture:good"
    assert make_prior(f"mixture:{tmp_path / 'poor.mixture.json'}").name == "mixture:poor"
    with pytest.raises(WeightsError, match=r"no mixture is called other.*good, poor"):
        find_mixture("other")
    with pytest.raises(WeightsError, match="cannot be the name"):
        make_prior("mixture:UP")


def test_only_priors_themselves_can_be_mixed() -> None:
    for wrong in ("auto,density", "mixture:x,density", "density", "density,density"):
        with pytest.raises(RequestError):
            members_called(wrong.split(","))
    with pytest.raises(RequestError, match="unknown prior"):
        members_called(["density", "nothing"])


# From photos to a card.


class Photos(ColouredPhotos):
    """In which reads are counted."""

    reads = 0

    def pixels(self, index: int, *, at_least: int = 0) -> NDArray[np.uint8]:
        type(self).reads += 1
        return super().pixels(index, at_least=at_least)


def two() -> dict[str, Any]:
    return {"first": Witness("first", [0, 1, 2]), "second": Witness("second", [3, 4, 5], sha256="b" * 64)}


def far_apart(photos: ColouredPhotos) -> ColouredPhotos:
    """The same towns, but photos of many places, which folds need."""
    rng = np.random.default_rng(9)
    photos.lat, photos.lon = np.array(TOWNS)[photos.town].T + rng.normal(0.0, 0.9, (2, len(photos)))
    return photos


def test_a_mixture_of_priors_that_know_different_towns_beats_both(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    photos = far_apart(ColouredPhotos(31, seed=1, damaged=10))
    found = fit_mixture(two(), photos, tmp_path, name="mine")
    assert found.data["photos"] == 27 and found.data["unreadable"] == 4
    assert "4 photos cannot be read" in caplog.text
    assert min(found.weights[0]) > 0.1 and found.gate == ""
    m = found.metrics
    assert m["held_out_nll"] < m["held_out_best_nll"] - 0.2
    assert m["held_out_geoscore"] > m["held_out_best_geoscore"] > m["held_out_density_geoscore"]
    assert m["held_out_gain_low"] > 0.0 and 0.0 < m["covered"] < 0.5
    assert {"held_out_inside_half_radius", "held_out_inside_80_radius", "held_out_inside_95_radius"} <= set(m)
    assert found.data["nll_of_members"]["first"] > m["held_out_nll"]
    # As a user has it: the same answers from the file.
    write_mixture(tmp_path / "mixture.json", found)
    prior = MixturePrior(tmp_path, make=two().__getitem__)
    outputs = prior.predict([photos.pixels(k) for k in range(1, 10)])
    cells = load_default().cells_of(photos.lat[1:10], photos.lon[1:10])
    own = [np.log(output.distribution.p[cell]) for output, cell in zip(outputs, cells, strict=True)]
    assert -np.mean(own) < m["held_out_best_nll"]


def test_a_gate_is_found_where_a_member_tells_the_scene(tmp_path: Path) -> None:
    priors = {"first": Witness("first", [0, 1, 2], scene=True), "second": Witness("second", [3, 4, 5], sha256="b" * 64)}
    found = fit_mixture(priors, far_apart(ColouredPhotos(24, seed=2)), tmp_path, name="mine")
    assert found.data["scenes"] == "member:first"
    assert f"{found.kind} by scene" in found.data["nll"]


def test_with_a_member_that_misleads_it_is_the_other_alone(tmp_path: Path) -> None:
    class Misled(Witness):
        def _output(self, image: NDArray[np.uint8]) -> PriorOutput:
            other = PHOTOS.pixels(next(k for k in range(6) if colour_of(PHOTOS.pixels(k)) != colour_of(image)))
            return super()._output(other)

    priors: dict[str, Any] = {"misled": Misled("misled", range(6)), "good": Witness("good", range(6), sha256="b" * 64)}
    found = fit_mixture(priors, far_apart(ColouredPhotos(18, seed=3)), tmp_path, name="mine")
    assert found.data["best_member"] == "good"
    assert found.metrics["held_out_nll"] <= found.metrics["held_out_best_nll"]
    assert found.metrics["held_out_geoscore"] >= found.metrics["held_out_best_geoscore"]


def test_a_likelier_mixture_whose_points_are_worse_is_not_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scores = iter(
        [{"held_out_nll": 5.0, "held_out_geoscore": 900.0}, {"held_out_nll": 6.0, "held_out_geoscore": 901.0}]
    )
    monkeypatch.setattr("backbone.train_mixture.measured", lambda *_, **__: dict(next(scores)))
    found = fit_mixture(two(), far_apart(ColouredPhotos(18, seed=1)), tmp_path, name="mine")
    assert found.pool().only is not None and "points" in found.data["why"]
    assert found.metrics["held_out_geoscore"] == found.metrics["held_out_best_geoscore"] == 901.0


def test_what_was_asked_is_not_asked_again(tmp_path: Path) -> None:
    photos, priors = Photos(70, seed=1), two()
    first = gathered(priors, photos, load_default(), tmp_path)
    assert Photos.reads == 70 and sum(priors["first"].asked) == 70
    kept = sorted(tmp_path.rglob("*.safetensors"))
    kept[1].write_bytes(kept[1].read_bytes()[:-7])  # the second block, of 6 photos
    again = gathered(priors, photos, load_default(), tmp_path)
    assert Photos.reads == 76 and sum(priors["first"].asked) == 76
    assert all(np.array_equal(a, b) for a, b in zip(first.rows, again.rows, strict=True))
    changed = two() | {"second": Witness("second", [0], sha256="c" * 64)}
    gathered(changed, photos, load_default(), tmp_path)
    assert Photos.reads == 146
    priors["first"].temperature = 1.3  # type: ignore[attr-defined]
    gathered(priors, photos, load_default(), tmp_path)
    assert Photos.reads == 216, "at another temperature it says something else"


def test_photos_of_which_none_can_be_read_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="none of the 5 photos"):
        gathered(two(), ColouredPhotos(5, damaged=1), load_default(), tmp_path)
    assert not list(tmp_path.rglob("*.safetensors"))


def test_too_few_photos_and_photos_that_were_trained_on_are_warned_about(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    priors = two()
    priors["first"].card = PriorCard("colours", True, "coloured", "CC0", sha256="a" * 64)
    fit_mixture(priors, far_apart(ColouredPhotos(12, seed=1)), tmp_path, name="mine")
    assert "12 photos are too few" in caplog.text and "first was trained on coloured" in caplog.text


def test_a_trained_planet_with_cells_of_its_own_is_mixed_with_density(tmp_path: Path) -> None:
    torch.set_num_threads(1)
    cells = small_partition()
    folder = train(
        tmp_path / "out", ColouredPhotos(120), partition=cells, config=PlanetConfig("tiny", levels=("fine",)),
        recipe=Recipe(epochs=3, batch=16, held_out=0.1), run=Run("cpu"),
    )  # fmt: skip
    names = members_called(["density", f"planet:{folder}"])
    photos = far_apart(ColouredPhotos(14, seed=4))
    write_mixture(tmp_path / "mixture.json", fit_mixture(names, photos, tmp_path / "said", name="mine"))
    prior = make_prior(f"mixture:{tmp_path}/")
    assert prior.partition.hash == load_default().hash and prior.card.visual
    [output] = prior.predict([photos.pixels(0)])
    assert output.distribution.partition.hash == load_default().hash
    own = rebinned(make_prior(f"planet:{folder}").predict([photos.pixels(0)])[0].distribution, load_default())
    assert own.p.sum() == pytest.approx(1.0, abs=1e-5)
    assert prior.card.accuracy["held_out_nll"] <= prior.card.accuracy["held_out_best_nll"] + 1e-9
