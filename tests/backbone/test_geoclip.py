"""GeoCLIP as a prior: the package's own answers from the same weights, pooled into cells; encoded once."""

from __future__ import annotations

import dataclasses
import shutil
import subprocess
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

pytest.importorskip("geoclip", reason="the extra whence[geoclip] is not installed")

from PIL import Image

from backbone import geoclip_files, geoclip_gallery, geoclip_proofs
from backbone.base import PriorOutput
from backbone.checked import Check, write_check
from backbone.checked_figures import checked_on
from backbone.density import DensityPrior
from backbone.geoclip_files import CLIP_FILES, MLP, PINNED, carried, package_folder
from backbone.geoclip_gallery import LEAST_PLACES, cell_log_p, encoded, places_in_cells, places_of
from backbone.geoclip_network import GeoClipNetwork, from_package, load_network
from backbone.geoclip_prior import DENSITY_SHARE, PUBLISHED, GeoClipPrior
from backbone.hub_cache import file_sha256
from backbone.priors import available_priors, make_prior
from data.distribution import CellDistribution
from data.errors import OfflineError, RequestError, WeightsError
from data.partition import Partition
from data.photo_sets import open_photo_set
from fusion.demo import sample_photo
from tests.backbone.geoclips import small_clip, small_world
from tests.conftest import REPOSITORY
from tests.small_photos import write_table

_rng = np.random.default_rng(0)
PHOTOS = [_rng.integers(0, 256, size, np.uint8) for size in ((60, 90, 3), (300, 200, 3), (224, 224, 3))]


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_clip(tmp_path_factory.mktemp("clip"))


@pytest.fixture(scope="module")
def network(clip: Path) -> GeoClipNetwork:
    """The small CLIP, the location encoder that the package carries, and the first 400 places of its gallery."""
    whole = load_network(clip, offline=True)
    assert whole.gallery.shape == (100_000, 2)
    return dataclasses.replace(whole, gallery=whole.gallery[:400])


@pytest.fixture(scope="module")
def world(network: GeoClipNetwork) -> Partition:
    return small_world(network.gallery)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("places")


@pytest.fixture(scope="module")
def prior(network: GeoClipNetwork, world: Partition, folder: Path) -> GeoClipPrior:
    return GeoClipPrior(network=network, partition=world, folder=folder, temperature=1.0)


def test_photos_are_prepared_and_places_ranked_as_the_package_does_it(clip: Path, network: GeoClipNetwork) -> None:
    import torch
    import transformers

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it sets warning filters as it is imported
        from geoclip import GeoCLIP

        transformers.utils.logging.disable_progress_bar()
        theirs = GeoCLIP(clip_path=str(clip)).eval()
        transformers.utils.logging.enable_progress_bar()
    theirs.gps_gallery = torch.from_numpy(network.gallery)
    table = encoded(network, network.gallery)
    for path in (sample_photo(), package_folder() / "images" / "Kauai.png"):
        picture = Image.open(path).convert("RGB")
        assert torch.equal(network.preprocess(picture), theirs.image_encoder.preprocess_image(picture))
        places, p = theirs.predict(str(path), top_k=50)
        with torch.inference_mode():
            features = torch.nn.functional.normalize(network.images(network.preprocess(picture)), dim=1)[0].numpy()
        logits = network.logit_scale * (table @ features).astype(np.float64)
        own = np.exp(logits - logits.max())
        own /= own.sum()
        best = np.argsort(-own, kind="stable")[:50]
        assert own[best] == pytest.approx(p.numpy(), rel=1e-4)
        assert np.array_equal(network.gallery[best[:5]], places[:5].numpy())
    same = from_package(theirs)
    assert same.logit_scale == network.logit_scale and same.sha256[MLP] == network.sha256[MLP]


def test_what_is_said_of_cells_is_what_the_formula_says(prior: GeoClipPrior, network: GeoClipNetwork) -> None:
    world = prior.partition
    density = DensityPrior(world).distribution.p.astype(np.float64)
    points, starts = places_in_cells(network.gallery, world)
    table = encoded(network, points).astype(np.float16).astype(np.float64)
    cells = np.repeat(np.arange(len(world)), np.diff(starts, append=len(points)))
    for photo in PHOTOS[:2]:
        [said] = prior.predict([photo])
        assert said.embedding is not None
        weights = np.exp(network.logit_scale * (table @ said.embedding.astype(np.float64)))
        expected = density * np.array([weights[cells == cell].mean() for cell in range(len(world))])
        expected = 0.98 * expected / expected.sum() + 0.02 * density
        assert said.distribution.p == pytest.approx(expected, rel=1e-3)
        assert said.distribution.p.sum(dtype=np.float64) == pytest.approx(1.0, abs=1e-6)
        assert np.linalg.norm(said.embedding) == pytest.approx(1.0, abs=1e-5)
        assert said.embedding.shape == (512,) and said.embedding.dtype == np.float32 and said.scene is None


def test_every_cell_has_places_that_lie_in_it_and_all_of_the_gallery_is_among_them(
    network: GeoClipNetwork, world: Partition
) -> None:
    points, starts = places_in_cells(network.gallery, world)
    counts = np.diff(starts, append=len(points))
    assert counts.min() == LEAST_PLACES and counts.max() > LEAST_PLACES
    of_gallery = np.bincount(world.cells_of(*network.gallery.T.astype(np.float64)), minlength=len(world))
    assert np.array_equal(counts, np.maximum(of_gallery, LEAST_PLACES))
    assert {tuple(row) for row in network.gallery.tolist()} <= {tuple(row) for row in points.tolist()}


def test_no_cell_is_impossible_even_when_it_is_very_sure(prior: GeoClipPrior) -> None:
    [said] = prior.at_temperature(0.05).predict(PHOTOS[:1])
    density = DensityPrior(prior.partition).distribution.p
    assert np.all(said.distribution.p >= 0.99 * DENSITY_SHARE * density) and said.distribution.p.max() > 0.2


def test_pooling_keeps_its_head_where_numbers_are_extreme() -> None:
    starts, density = np.array([0, 2]), np.log(np.array([0.5, 0.5]))
    log_p = cell_log_p(np.array([1e4, -1e4, -1e4, -1e4], np.float32), starts, density)
    assert np.isfinite(log_p).all() and log_p[0] == pytest.approx(0.0) and log_p[1] < -1e4
    assert np.exp(cell_log_p(np.zeros(4, np.float32), starts, density)).sum() == pytest.approx(1.0)


def test_a_photos_answer_does_not_depend_on_its_neighbours(prior: GeoClipPrior) -> None:
    together = prior.predict(PHOTOS)
    for photo, said in zip(PHOTOS, together, strict=True):
        [alone] = prior.predict([photo])
        assert np.array_equal(alone.distribution.p, said.distribution.p)
    assert not np.array_equal(together[0].distribution.p, together[1].distribution.p)
    assert prior.predict([]) == []


def test_places_are_encoded_once_and_a_damaged_cache_is_made_again(
    network: GeoClipNetwork, world: Partition, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[int] = []
    made = encoded(network, places_in_cells(network.gallery, world)[0])

    def counted(network: GeoClipNetwork, points: NDArray[np.float32], *, device: str) -> NDArray[np.float32]:
        calls.append(len(points))
        return made  # what the encoder says, without waiting for it five times

    monkeypatch.setattr(geoclip_gallery, "encoded", counted)

    def said() -> NDArray[np.float32]:
        return GeoClipPrior(network=network, partition=world, folder=tmp_path).predict(PHOTOS[:1])[0].distribution.p

    first = said()
    [kept] = tmp_path.iterdir()
    assert np.array_equal(said(), first) and len(calls) == 1
    content = kept.read_bytes()
    for damaged in (content[:-7], b"", content[:-1] + bytes([content[-1] ^ 1])):
        kept.write_bytes(damaged)
        assert np.array_equal(said(), first)
        assert kept.read_bytes() == content
    assert len(calls) == 4
    other = dataclasses.replace(network, gallery=network.gallery[::-1].copy())
    places_of(other, world, tmp_path)
    assert len(calls) == 5 and len(list(tmp_path.iterdir())) == 2


def test_a_folder_that_cannot_be_written_costs_time_and_nothing_else(
    network: GeoClipNetwork, world: Partition, folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("in the way")
    small = dataclasses.replace(network, gallery=network.gallery[:50])
    assert np.isfinite(places_of(small, small_world(small.gallery), tmp_path / "file").features).all()


def test_a_second_process_says_the_same(clip: Path, network: GeoClipNetwork, prior: GeoClipPrior, folder: Path) -> None:
    again = dataclasses.replace(load_network(clip), gallery=network.gallery)
    other = GeoClipPrior(network=again, partition=prior.partition, folder=folder, temperature=1.0)
    assert again.digest == network.digest
    for one, two in zip(prior.predict(PHOTOS), other.predict(PHOTOS), strict=True):
        assert np.array_equal(one.distribution.p, two.distribution.p)


@pytest.mark.parametrize("temperature", [0.0, -1.0, float("nan"), float("inf")])
def test_a_temperature_that_is_none_is_refused(prior: GeoClipPrior, temperature: float) -> None:
    with pytest.raises(RequestError, match="above 0"):
        prior.at_temperature(temperature)


def test_a_higher_temperature_is_less_sure(prior: GeoClipPrior) -> None:
    cold, own, hot = (prior.at_temperature(t).predict(PHOTOS[:1])[0].distribution.entropy() for t in (0.3, 1.0, 3.0))
    assert cold < own < hot
    features = prior.scores(PHOTOS[:1])[0]
    assert np.exp(prior.log_p(features, 3.0)) == pytest.approx(
        prior.at_temperature(3.0).predict(PHOTOS[:1])[0].distribution.p, rel=1e-4
    )


def test_a_check_that_is_kept_is_used_until_the_weights_change(
    network: GeoClipNetwork, world: Partition, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    monkeypatch.setenv("WHENCE_WEIGHTS", str(tmp_path))
    unfitted = GeoClipPrior(network=network, partition=world, folder=folder)
    assert unfitted.temperature == 1.0 and "not fitted" in unfitted.card.summary
    write_check(Check("geoclip", network.digest, 1.75, {"held_out_gain": 9.0}, "streets, 40 photos", "0", world.hash))
    fitted = GeoClipPrior(network=network, partition=world, folder=folder)
    assert fitted.temperature == 1.75 and fitted.card.accuracy["held_out_gain"] == 9.0
    assert "streets, 40 photos" in fitted.card.summary and not caplog.records
    changed = dataclasses.replace(network, sha256={**network.sha256, CLIP_FILES[0]: "0" * 64})
    assert GeoClipPrior(network=changed, partition=world, folder=folder).temperature == 1.0
    assert "other weights" in caplog.text


def test_its_temperature_is_fitted_on_photos_and_used_from_then_on(
    prior: GeoClipPrior, network: GeoClipNetwork, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WHENCE_WEIGHTS", str(tmp_path / "store"))
    rng, rows = np.random.default_rng(0), []
    for i in range(24):
        Image.fromarray(rng.integers(0, 256, (40, 40, 3), np.uint8)).save(tmp_path / f"{i:02}.png")
        rows.append((f"{i:02}.png", *network.gallery[i].tolist()))
    write_table(tmp_path / "labels.csv", rows)
    check = checked_on(prior, open_photo_set(tmp_path))
    assert check.temperature > 2.0  # a network from chance is worth nothing, and is made to say so
    assert check.figures["covered"] == prior.card.accuracy["covered"] > check.figures["held_out_covered"]
    write_check(check)
    fitted = GeoClipPrior(network=network, partition=prior.partition, folder=folder)
    assert fitted.temperature == check.temperature
    assert fitted.card.accuracy["held_out_nll"] == check.figures["held_out_nll"]
    assert fitted.predict(PHOTOS[:1])[0].distribution.entropy() > prior.predict(PHOTOS[:1])[0].distribution.entropy()


def test_the_card_tells_what_was_published_from_what_was_measured(prior: GeoClipPrior) -> None:
    card = prior.card
    assert card.visual and "MIT" in card.licence and "MP-16" in card.trained_on and len(card.sha256) == 64
    assert set(card.accuracy) == {*PUBLISHED, "covered"} and all(name.startswith("published_") for name in PUBLISHED)
    assert 0.9 < card.accuracy["covered"] <= 1.0
    assert prior.name == "geoclip"


def test_the_package_carries_what_is_pinned() -> None:
    if geoclip_files.package_version() != "1.3.0":
        pytest.skip("another version of geoclip")
    assert {name: file_sha256(path) for name, path in carried().items()} == {
        name: pinned for name, pinned in PINNED.items() if name != CLIP_FILES[0]
    }


def test_weights_from_chance_are_found_out_and_the_true_location_encoder_is_not(
    prior: GeoClipPrior, network: GeoClipNetwork
) -> None:
    holds = {proof.what: proof.holds for proof in prior.proofs()}
    assert holds.pop("photo of Kauai") is False and holds.pop(CLIP_FILES[0]) is False
    assert all(holds.values()) and "location encoder" in holds
    import torch

    wrong = dataclasses.replace(network, locations=torch.nn.Linear(2, 512))
    assert geoclip_proofs.proven_locations(wrong).holds is False


def test_a_prior_that_puts_the_photo_of_kauai_to_hawaii_passes(partition: Partition) -> None:
    """Stands for true weights, which are not on this machine: it knows that one photo and no other."""

    class Knows:
        def __init__(self) -> None:
            self.partition = partition

        def predict(self, images: list[NDArray[np.uint8]], *, device: str = "cpu") -> list[PriorOutput]:
            density = DensityPrior(partition).distribution
            there = np.zeros(len(partition), np.float32)
            there[partition.cells_of(np.array([22.15]), np.array([-159.65]))] = 1.0
            return [
                PriorOutput(density if np.ptp(image) == 0 else CellDistribution(partition, there)) for image in images
            ]

    assert geoclip_proofs.proven_photo(Knows()).holds is True  # type: ignore[arg-type]


def test_without_the_package_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(geoclip_files, "find_spec", lambda name: None)
    with pytest.raises(WeightsError, match=r"pip install 'whence\[geoclip\]'"):
        make_prior("geoclip")
    assert "geoclip" not in available_priors()


def test_without_a_network_it_is_one_error_within_seconds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")  # nobody listens there
    started = time.monotonic()
    with pytest.raises(WeightsError, match="check the network, or copy its files"):
        make_prior("geoclip")
    assert time.monotonic() - started < 5.0
    assert "geoclip" not in available_priors()


def test_a_package_that_does_not_import_is_installed_anew_and_clips_weights_are_kept(
    clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(folder: Path) -> None:
        raise ImportError("huggingface-hub>=1.3.0,<2.0 is required")

    monkeypatch.setattr("backbone.geoclip_network._image_tower", refuse)
    with pytest.raises(WeightsError, match=r"is required\): pip install 'whence\[geoclip\]'$"):
        load_network(clip)


@pytest.mark.parametrize(
    ("variable", "value"),
    [("ALL_PROXY", "socks5://127.0.0.1:9"), ("ALL_PROXY", "gopher://127.0.0.1:9"), ("HF_ENDPOINT", "127.0.0.1:9")],
)
def test_whatever_keeps_the_hub_from_answering_is_one_error(
    variable: str, value: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv(variable, value)
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    with pytest.raises(WeightsError, match="check the network, or copy its files"):
        make_prior("geoclip")


def test_offline_without_clip_is_one_error_and_no_connection(tmp_path: Path) -> None:
    code = (
        "import socket\n"
        "from backbone.priors import make_prior\n"
        "from data.errors import OfflineError\n"
        "socket.socket.connect = lambda *args: print('a connection')\n"
        "try: make_prior('geoclip', offline=True)\n"
        "except OfflineError as error: print(error)\n"
    )  # in a process of its own: a library that was told to be offline stays so
    env = {"PATH": "/usr/bin:/bin", "HF_HUB_CACHE": str(tmp_path), "PYTHONPATH": str(REPOSITORY), "HOME": str(tmp_path)}
    asked = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=env)
    assert asked.stdout.startswith("CLIP's weights openai/clip-vit-large-patch14 are not on this machine")


def in_hubs_cache(clip: Path, cache: Path) -> Path:
    snapshot = cache / "models--openai--clip-vit-large-patch14" / "snapshots" / geoclip_files.CLIP_REVISION
    shutil.copytree(clip, snapshot)
    return snapshot


def test_clip_in_the_hubs_cache_is_found_without_a_network_and_only_the_true_one_is_taken(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    snapshot = in_hubs_cache(clip, tmp_path)
    assert geoclip_files.cached_clip() == snapshot and "geoclip" in available_priors()
    with pytest.raises(WeightsError, match="not those that GeoCLIP was made with"):
        load_network()
    monkeypatch.setattr(
        "backbone.geoclip_network.PINNED", {**PINNED, CLIP_FILES[0]: file_sha256(snapshot / CLIP_FILES[0])}
    )
    assert load_network().folder == snapshot
    (snapshot / "config.json").unlink()
    assert geoclip_files.cached_clip() is None


@pytest.mark.parametrize("damage", ["cut", "lacks a tensor", "pickle only", "no config"])
def test_damaged_weights_are_one_error_and_never_replaced_by_chance(damage: str, clip: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    folder = Path(shutil.copytree(clip, tmp_path / "clip"))
    weights = folder / CLIP_FILES[0]
    if damage == "cut":
        weights.write_bytes(weights.read_bytes()[:-100])
    elif damage == "lacks a tensor":
        tensors = load_file(weights)
        del tensors["visual_projection.weight"]
        save_file(tensors, weights, metadata={"format": "pt"})
    elif damage == "pickle only":
        weights.rename(folder / "pytorch_model.bin")
    else:
        (folder / "config.json").unlink()
    with pytest.raises(WeightsError):
        load_network(folder, offline=False)


def test_a_folder_is_named_with_a_separator_and_a_device_is_checked(clip: Path, prior: GeoClipPrior) -> None:
    made = make_prior(f"geoclip:{clip}/")
    assert isinstance(made, GeoClipPrior) and made.network.folder == clip and made.name == "geoclip"
    with pytest.raises(RequestError, match=r"geoclip:\./FOLDER"):
        make_prior("geoclip:large")
    with pytest.raises(RequestError, match="unknown device"):
        prior.predict(PHOTOS[:1], device="tpu")


def test_to_list_priors_nothing_heavy_is_imported(tmp_path: Path) -> None:
    code = (
        "import sys; from backbone.priors import available_priors; available_priors(); "
        "print({'torch', 'transformers', 'geoclip', 'huggingface_hub', 'scipy'} & set(sys.modules))"
    )
    env = {"PATH": "/usr/bin:/bin", "HF_HOME": str(tmp_path), "PYTHONPATH": str(REPOSITORY), "HOME": str(tmp_path)}
    asked = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=env)
    assert asked.stdout.strip() == "set()"


def test_offline_error_is_an_error_of_its_own() -> None:
    with pytest.raises(OfflineError, match="--offline"):
        geoclip_files.fetched_clip(offline=True)
