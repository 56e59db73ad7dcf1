"""The prior that ships: calibrated, alike for neighbours and mirror images, trained anew from photos, damaged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from backbone import frozen_features
from backbone.cell_features import cell_features, habitat
from backbone.checked import Check, Scored, write_check
from backbone.density import DensityPrior
from backbone.frozen_features import make_features
from backbone.pixels import SHIPPED_SHA256, PixelsPrior, mixed
from backbone.pixels_file import FILE, model_from_bytes, model_to_bytes, read_model
from backbone.priors import available_priors, make_prior
from backbone.train_pixels import folds_of, shipped_components, train
from data.errors import DatasetError, OfflineError, RequestError, WeightsError
from data.partition import load_default
from data.photo_sets import open_photo_set
from tests.small_photos import write_table

RNG = np.random.default_rng(0)
PHOTOS = [RNG.integers(0, 256, (60, 80 + 20 * k, 3), dtype=np.uint8) for k in range(3)]


class MeanColour:
    """Features of one's own: the mean of each colour, and a number that tells nothing."""

    name, sha256, licence, blocks = "mean colour", "5" * 64, "CC0", (4,)

    def of(self, images: Sequence[NDArray[np.uint8]], *, device: str = "cpu") -> NDArray[np.float32]:
        return np.array([[*image.mean(axis=(0, 1)), 1.0] for image in images], np.float32)


@pytest.fixture(scope="module")
def shipped() -> PixelsPrior:
    prior = make_prior("pixels", offline=True)
    assert isinstance(prior, PixelsPrior)
    return prior


def test_the_prior_that_ships_says_what_it_is(shipped: PixelsPrior) -> None:
    assert shipped.name == "pixels" and "pixels" in available_priors()
    card = shipped.card
    assert card.visual and "CC BY-SA" in card.licence and len(card.sha256) == 64
    assert card.accuracy["held_out_gain_low"] > 0.0 and card.accuracy["held_out_points"] > 500
    assert (
        0.4 < card.accuracy["held_out_inside_half_radius"] < 0.6
        and 0.7 < card.accuracy["held_out_inside_80_radius"] < 0.9
    )


def test_a_photo_is_answered_the_same_alone_and_among_others(shipped: PixelsPrior) -> None:
    together = shipped.predict(PHOTOS)
    [alone] = shipped.predict(PHOTOS[1:2])
    assert np.array_equal(together[1].distribution.p, alone.distribution.p)
    assert not np.array_equal(together[0].distribution.p, alone.distribution.p)
    assert alone.embedding is not None and alone.embedding.shape == (2560,)
    assert shipped.predict([]) == []


def test_a_photo_and_its_mirror_image_are_answered_alike(shipped: PixelsPrior) -> None:
    one, other = shipped.predict([PHOTOS[0], PHOTOS[0][:, ::-1]])
    assert one.distribution.p == pytest.approx(other.distribution.p, abs=1e-6)


def test_no_place_is_impossible(shipped: PixelsPrior) -> None:
    density = DensityPrior(shipped.partition).distribution.p
    for said in shipped.predict(PHOTOS):
        assert (said.distribution.p >= 0.0999 * density).all()
        assert float(said.distribution.p.sum(dtype=np.float64)) == pytest.approx(1.0, abs=1e-5)


@pytest.mark.parametrize("size", [(16, 16), (16, 900), (900, 16)])
def test_photos_of_any_shape_are_answered(shipped: PixelsPrior, size: tuple[int, int]) -> None:
    [said] = shipped.predict([RNG.integers(0, 256, (*size, 3), dtype=np.uint8)])
    assert np.isfinite(said.distribution.p).all()


def test_a_higher_temperature_makes_it_more_like_the_density(shipped: PixelsPrior) -> None:
    density = DensityPrior(shipped.partition).distribution.p
    own = shipped.predict(PHOTOS[:1])[0].distribution.p
    cool = shipped.at_temperature(1e6).predict(PHOTOS[:1])[0].distribution.p
    assert cool == pytest.approx(density, abs=1e-6) and np.abs(own - density).sum() > 0.1
    assert shipped.temperature < 1e6
    with pytest.raises(ValueError, match="above 0"):
        shipped.at_temperature(0.0)


def test_its_scores_say_at_any_temperature_what_it_says(shipped: PixelsPrior) -> None:
    assert isinstance(shipped, Scored)
    [scores] = shipped.scores(PHOTOS[:1])
    for temperature in (shipped.temperature, 3.0):
        [said] = shipped.at_temperature(temperature).predict(PHOTOS[:1])
        log_p = shipped.log_p(scores, temperature)
        assert log_p.dtype == np.float32 and np.exp(log_p) == pytest.approx(said.distribution.p, rel=1e-4)


def test_a_check_that_is_kept_sets_its_temperature(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WHENCE_WEIGHTS", str(tmp_path))
    plain = PixelsPrior()
    write_check(Check("pixels", SHIPPED_SHA256, 1.75, {"held_out_gain": 9.0}, "streets, 40 photos", "0"))
    fitted = PixelsPrior()
    assert fitted.temperature == 1.75 != plain.temperature and "streets, 40 photos" in fitted.card.summary
    assert fitted.card.accuracy["held_out_gain"] == 9.0 != plain.card.accuracy["held_out_gain"]
    assert fitted.at_temperature(2.0).card == plain.card
    write_check(Check("pixels", "0" * 64, 1.75, {}, "", "0"))
    assert PixelsPrior().temperature == plain.temperature


def test_photos_of_the_world_are_likelier_than_under_the_density(shared_data: Path, shipped: PixelsPrior) -> None:
    photos = open_photo_set(shared_data / "places_dev")
    some = range(0, len(photos), 12)
    cells = shipped.partition.cells_of(photos.lat[some], photos.lon[some])
    density = DensityPrior(shipped.partition).distribution.p
    said = shipped.predict([photos.pixels(k, at_least=512) for k in some])
    gain = [np.log2(one.distribution.p[cell] / density[cell]) for one, cell in zip(said, cells, strict=True)]
    assert np.mean(gain) > 0.3


def test_the_share_of_the_density_is_mixed_in() -> None:
    log_density = np.log(np.array([0.5, 0.3, 0.2]))
    evidence = np.array([[0.0, 2.0, -1.0]])
    e = np.exp(log_density + evidence[0])
    assert mixed(log_density, evidence, 0.25)[0] == pytest.approx(0.75 * e / e.sum() + 0.25 * np.exp(log_density))


def test_what_kind_of_place_a_cell_is_has_mean_0_and_deviation_1() -> None:
    partition = load_default()
    p = DensityPrior(partition).distribution.p.astype(np.float64)
    found = habitat(partition)
    assert found.shape == (len(partition), 3)
    assert p @ found == pytest.approx(0.0, abs=1e-3) and p @ found.astype(np.float64) ** 2 == pytest.approx(
        1.0, abs=0.01
    )
    madrid, steppe = partition.cells_of(np.array([40.417, 47.0]), np.array([-3.703, 68.0]))
    assert found[madrid, 0] < found[steppe, 0] and found[madrid, 2] < found[steppe, 2]


def test_a_fine_cell_has_what_its_parent_has() -> None:
    partition = load_default()
    components = RNG.normal(size=(len(partition.at("middle")), 2)).astype(np.float32)
    cells = cell_features(partition, components)
    assert cells.shape == (len(partition), 5)
    assert np.array_equal(cells[:, :2], components[partition.parents("middle")])


def coloured(folder: Path, count: int = 52) -> Path:
    """Photos whose colour tells whether they are of Australia (red) or of Norway (blue)."""
    rows = []
    for k in range(count):
        south = k % 2 == 0
        colour = (190, 90, 60) if south else (70, 100, 180)
        grain = RNG.integers(-20, 20, (24, 32, 3))
        pixels = np.clip(np.array(colour) + grain, 0, 255).astype(np.uint8)
        (folder / "images").mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(folder / "images" / f"{k}.png")
        rows.append((f"{k}.png", -23.7 - k % 7, 133.9 + k % 5) if south else (f"{k}.png", 60.0 + k % 7, 9.0 + k % 3))
    write_table(folder / "labels.csv", rows)
    return folder


def test_it_is_trained_from_photos_and_read_again(tmp_path: Path) -> None:
    photos = open_photo_set(coloured(tmp_path / "photos"))
    file = train(tmp_path / "out", photos, MeanColour(), ridge=1e-2, name="colours", licence="CC0")
    prior = PixelsPrior(file.parent, features=MeanColour())
    assert prior.name == "pixels:colours" and prior.card.licence == "CC0"
    figures = prior.card.accuracy
    assert figures["held_out_photos"] == 52 and figures["held_out_gain_low"] > 500.0
    red, blue = (np.full((20, 20, 3), colour, np.uint8) for colour in ((190, 90, 60), (70, 100, 180)))
    south, north = (said.distribution.countries() for said in prior.predict([red, blue]))
    assert south["AU"] > 3 * north["AU"] and north["NO"] > 3 * south["NO"]
    # Features that are kept are not computed again, and the same photos make the same file.
    content = file.read_bytes()
    file.unlink()
    blind = type("Blind", (MeanColour,), {"of": None})()
    again = train(tmp_path / "out", photos, blind, ridge=1e-2, name="colours", licence="CC0")
    assert again == file and file.read_bytes() == content
    with pytest.raises(WeightsError, match="other weights"):
        PixelsPrior(file, features=type("Other", (MeanColour,), {"sha256": "6" * 64})())


def test_photos_that_cannot_be_read_are_left_out_and_too_few_are_refused(tmp_path: Path) -> None:
    folder = coloured(tmp_path / "photos", 52)
    for k in range(3):
        (folder / "images" / f"{k}.png").write_bytes(b"no image")
    with pytest.raises(DatasetError, match="49 of 52 photos can be read: it takes 50"):
        train(tmp_path / "out", open_photo_set(folder), MeanColour())
    rows = [(f"{k}.png", 48.2, 16.3 + 0.001 * k) for k in range(52)]
    write_table(folder / "labels.csv", rows)
    coloured(folder, 52)
    write_table(folder / "labels.csv", rows)
    with pytest.raises(DatasetError, match="fewer than 5 places"):
        train(tmp_path / "out", open_photo_set(folder), MeanColour())


def test_photos_of_one_place_are_in_one_fold() -> None:
    lat = np.concatenate([np.full(4, 48.2), np.linspace(-40, 40, 16)])
    lon = np.concatenate([16.3 + 0.01 * np.arange(4), np.linspace(0, 100, 16)])
    fold = folds_of(lat, lon)
    assert len(set(fold[:4].tolist())) == 1 and np.bincount(fold).tolist() == [4, 4, 4, 4, 4]


def test_a_model_that_is_no_model_or_of_other_cells_is_refused(tmp_path: Path, shipped: PixelsPrior) -> None:
    model = shipped._model
    with pytest.raises(WeightsError, match="no pixels prior at"):
        PixelsPrior(tmp_path / FILE)
    (tmp_path / FILE).write_bytes(b"nothing")
    with pytest.raises(WeightsError, match="this is no pixels prior"):
        PixelsPrior(tmp_path)
    other = replace(model, card=replace(model.card, partition_hash="0" * 64))
    (tmp_path / FILE).write_bytes(model_to_bytes(other))
    with pytest.raises(WeightsError, match="speaks about the cells"):
        PixelsPrior(tmp_path)
    regression = replace(model.regression, bias=model.regression.bias[:-1])
    with pytest.raises(WeightsError, match="do not fit each other"):
        model_from_bytes(model_to_bytes(replace(model, regression=regression)))
    with pytest.raises(WeightsError, match="temperature"):
        replace(model.card, temperature=0.0)
    read, _ = read_model(Path(frozen_features.__file__).parent / "assets")
    assert np.array_equal(read.components, model.components) and np.array_equal(shipped_components(), model.components)


def test_features_that_need_a_network_say_so_and_unknown_ones_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    with pytest.raises(OfflineError, match="run once without"):
        make_features("mobilenet_v3_small", offline=True)
    monkeypatch.setattr(
        "torch.hub.load_state_dict_from_url", lambda *args, **kwargs: (_ for _ in ()).throw(OSError("no"))
    )
    with pytest.raises(WeightsError, match="could not be fetched"):
        make_features("mobilenet_v3_small")
    for name in ("tiny", "resnet"):
        with pytest.raises(RequestError, match="unknown features"):
            make_features(name)


def test_imagenet_features_are_those_of_the_trunk_on_both_sides(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch
    from torchvision.models import mobilenet_v3_small

    from backbone import trunks

    torch.manual_seed(0)
    net = mobilenet_v3_small(weights=None)
    file = tmp_path / "weights.pth"
    torch.save(net.state_dict(), file)
    monkeypatch.setattr(trunks, "_cached", lambda weights: file)
    monkeypatch.setattr(
        "torchvision.models._api.WeightsEnum.get_state_dict",
        lambda *args, **kwargs: torch.load(file, weights_only=True),
    )
    features = make_features("mobilenet_v3_small", offline=True)
    assert features.blocks == (576,) and len(features.sha256) == 64
    one, other = features.of([PHOTOS[0], PHOTOS[0][:, ::-1]])
    assert one == pytest.approx(other, abs=1e-4) and one.std() > 0.0


def test_the_trunks_see_what_their_own_network_sees() -> None:
    pytest.importorskip("onnx", reason="writing a trunk needs the build extra")
    import onnxruntime
    import timm
    import torch

    from backbone.export_trunk import trunk_bytes

    torch.manual_seed(0)
    net = timm.create_model("tf_efficientnet_lite0", pretrained=False).eval()
    for module in net.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_(0.0, 0.3)
            module.running_var.uniform_(0.5, 2.0)
    session = onnxruntime.InferenceSession(trunk_bytes(as_packaged(net)))
    pixels = RNG.integers(0, 256, (1, 3, 75, 101)).astype(np.float32)
    with torch.inference_mode():
        wanted = net.forward_features((torch.from_numpy(pixels) - 127.0) / 128.0).mean(dim=(2, 3)).numpy()
    [found] = session.run(None, {"pixels": pixels})
    assert found.shape == (1, 1280) and np.corrcoef(wanted[0], found[0])[0, 1] > 0.99
    with pytest.raises(WeightsError, match="no weights of an EfficientNet-Lite"):
        trunk_bytes({"_conv_stem.weight": np.zeros((32, 3, 3, 3), np.float32)})


def as_packaged(net: Any) -> dict[str, NDArray[np.float32]]:
    """The tensors of timm's network under the names of the packages."""
    layers = {"_conv_stem": net.conv_stem, "_bn0": net.bn1, "_conv_head": net.conv_head, "_bn1": net.bn2}
    for number, block in enumerate(block for stage in net.blocks for block in stage):
        if hasattr(block, "conv_pwl"):
            parts = {
                "_expand_conv": block.conv_pw,
                "_bn0": block.bn1,
                "_depthwise_conv": block.conv_dw,
                "_bn1": block.bn2,
            }
            parts |= {"_project_conv": block.conv_pwl, "_bn2": block.bn3}
        else:
            parts = {
                "_depthwise_conv": block.conv_dw,
                "_bn1": block.bn1,
                "_project_conv": block.conv_pw,
                "_bn2": block.bn2,
            }
        layers |= {f"_blocks.{number}.{name}": layer for name, layer in parts.items()}
    return {f"{name}.{key}": t.numpy() for name, layer in layers.items() for key, t in layer.state_dict().items()}
