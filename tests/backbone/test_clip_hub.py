"""CLIP from repositories of the hub, on checkpoints that transformers and open_clip themselves write, made small."""

from __future__ import annotations

import json
import logging
import pickle
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from backbone import clip_hub, clip_network
from backbone.clip_licences import STREETCLIP, data_of, is_restricted, licence_of
from backbone.clip_network import DEFAULT, KNOWN, cached_weights, load_network
from backbone.clip_prior import ClipPrior
from backbone.clip_scenes import ClipScenes
from backbone.priors import available_priors, make_prior
from data.errors import OfflineError, RequestError, WeightsError
from tests.backbone.test_clip_scenes import PHOTOS, fake_cache, small_network

SENTENCES = ["A Street View photo in Nagasaki, Japan.", "a photo", "A photo I took in the countryside of Peru."]


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Path]:
    """StreetCLIP's architecture as transformers has it, small and random, and the folder that it was saved in."""
    transformers = pytest.importorskip("transformers")
    import torch

    torch.manual_seed(0)
    config = transformers.CLIPConfig(
        text_config={
            "hidden_size": 32, "intermediate_size": 96, "num_hidden_layers": 2, "num_attention_heads": 2,
            "projection_dim": 24, "vocab_size": 49408, "eos_token_id": 49407, "bos_token_id": 49406,
        },
        vision_config={
            "hidden_size": 48, "intermediate_size": 192, "num_hidden_layers": 2, "num_attention_heads": 3,
            "image_size": 28, "patch_size": 14, "projection_dim": 24,
        },
        projection_dim=24,
    )  # fmt: skip
    model = transformers.CLIPModel(config).eval()
    with torch.no_grad():
        for parameter in model.parameters():  # biases and norms begin at 0 and 1, where a wrong name would not show
            parameter.add_(0.05 * torch.randn_like(parameter))
    folder = tmp_path_factory.mktemp("theirs")
    model.save_pretrained(folder, safe_serialization=True)
    (folder / "preprocessor_config.json").write_text(
        json.dumps({"size": 28, "crop_size": 28, "resample": 3, "image_mean": [0.5, 0.4, 0.3], "image_std": [0.2] * 3})
    )
    return model, folder


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    return tmp_path / "hub"


def kept(hub: Path, repository: str, source: Path, *files: str) -> Path:
    """Files of ``source`` in the hub's cache, as they lie there after a fetch; all where none is named."""
    folder = hub / f"models--{repository.replace('/', '--')}" / "snapshots" / "abc"
    folder.mkdir(parents=True)
    for path in source.iterdir():
        if not files or path.name in files:
            shutil.copy(path, folder / path.name)
    return folder


def test_a_checkpoint_of_transformers_sees_and_reads_as_transformers_does(theirs: tuple[Any, Path], hub: Path) -> None:
    import torch

    model, source = theirs
    kept(hub, "us/street", source)
    network = load_network("hf-hub:us/street", offline=True)
    tokens = network.tokenizer(SENTENCES)
    pixels = torch.stack([network.preprocess(Image.fromarray(photo)) for photo in PHOTOS])
    with torch.inference_mode():
        seen = model.visual_projection(model.vision_model(pixel_values=pixels).pooler_output)
        read = model.text_projection(model.text_model(input_ids=tokens).pooler_output)
        assert network.model.encode_image(pixels).numpy() == pytest.approx(seen.numpy(), abs=1e-4)
        assert network.model.encode_text(tokens).numpy() == pytest.approx(read.numpy(), abs=1e-4)
    assert network.logit_scale == pytest.approx(float(model.logit_scale.detach().exp()), rel=1e-5)
    grey = network.preprocess(Image.new("RGB", (60, 40), (128, 128, 128)))
    assert grey.shape == (3, 28, 28)
    assert grey[:, 14, 14].numpy() == pytest.approx((128 / 255 - np.array([0.5, 0.4, 0.3])) / 0.2, abs=1e-4)
    assert len(network.sha256) == 64 and network.name == "hf-hub:us/street"


def test_tensors_in_a_bin_file_are_read_without_running_anything_in_it(
    theirs: tuple[Any, Path], hub: Path, tmp_path: Path
) -> None:
    import torch

    model, source = theirs
    folder = kept(hub, "us/street", source, "config.json", "preprocessor_config.json")
    torch.save(model.state_dict(), folder / "pytorch_model.bin")
    network = load_network("hf-hub:us/street", offline=True)
    assert torch.equal(network.model.positional_embedding, model.text_model.embeddings.position_embedding.weight)

    class Evil:
        def __reduce__(self) -> tuple[Any, ...]:
            return (Path.touch, (tmp_path / "ran",))

    with (folder / "pytorch_model.bin").open("wb") as stream:
        pickle.dump(Evil(), stream)
    with pytest.raises(WeightsError, match=r"pytorch_model\.bin do not open"):
        load_network("hf-hub:us/street", offline=True)
    assert not (tmp_path / "ran").exists()


def test_a_checkpoint_of_open_clip_is_read_with_its_own_preparation(hub: Path) -> None:
    from safetensors.torch import save_file

    text = {"context_length": 77, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 2}
    vision = {"image_size": 32, "layers": 2, "width": 32, "patch_size": 8, "head_width": 16}
    folder = hub / "models--us--open" / "snapshots" / "abc"
    folder.mkdir(parents=True)
    config: dict[str, dict[str, Any]] = {"model_cfg": {"embed_dim": 32, "vision_cfg": vision, "text_cfg": text}}
    prepared = {"mean": [0.5] * 3, "std": [0.4] * 3, "interpolation": "bilinear", "resize_mode": "squash"}
    (folder / "open_clip_config.json").write_text(json.dumps(config | {"preprocess_cfg": prepared}))
    ours = small_network().model
    save_file(ours.state_dict(), folder / "open_clip_model.safetensors")
    network = load_network("hf-hub:us/open", offline=True)
    assert (network.model.token_embedding.weight == ours.token_embedding.weight).all()
    assert "0.4" in str(network.preprocess)
    del network  # what is in use is not read again
    config["model_cfg"]["text_cfg"] = text | {"hf_tokenizer_name": "us/words"}
    (folder / "open_clip_config.json").write_text(json.dumps(config))
    with pytest.raises(WeightsError, match="without CLIP's own vocabulary"):
        load_network("hf-hub:us/open", offline=True)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"model_type": "siglip"}, "not a 'clip'"),
        ({"text_config": {"hidden_act": "gelu"}}, "same activation"),
        ({"text_config": {"vocab_size": 21128}}, "CLIP's own vocabulary"),
        ({"vision_config": {"layer_norm_eps": 1e-6}}, "layer_norm_eps"),
        ({"text_config_dict": {"hidden_act": "gelu"}}, "same activation"),
    ],
)
def test_a_checkpoint_of_another_kind_is_refused_by_name(
    theirs: tuple[Any, Path], hub: Path, change: dict[str, Any], said: str
) -> None:
    folder = kept(hub, "us/street", theirs[1])
    config = json.loads((folder / "config.json").read_text())
    for key, value in change.items():
        config[key] = {**config.get(key, {}), **value} if isinstance(value, dict) else value
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(WeightsError, match=said) as told:
        load_network("hf-hub:us/street", offline=True)
    assert "clip:hf-hub:us/street" in str(told.value) and "choose another" in str(told.value)


def test_a_damaged_checkpoint_is_one_error(theirs: tuple[Any, Path], hub: Path) -> None:
    folder = kept(hub, "us/street", theirs[1])
    whole = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(whole[:-100])
    with pytest.raises(WeightsError, match=r"model\.safetensors do not open"):
        load_network("hf-hub:us/street", offline=True)
    (folder / "model.safetensors").write_bytes(whole)
    (folder / "config.json").write_text("{")
    with pytest.raises(WeightsError, match="do not open"):
        load_network("hf-hub:us/street", offline=True)


@pytest.mark.parametrize("name", ["hf-hub:", "hf-hub:street", "hf-hub:../../etc", "hf-hub:a/b/c", "hf-hub:a/.."])
def test_what_can_be_no_repository_is_refused(name: str) -> None:
    with pytest.raises(RequestError, match="names no repository"):
        make_prior(f"clip:{name}")


@pytest.mark.parametrize("name", ["clip", "clip:StreetCLIP", f"clip:{STREETCLIP}", "clip:RN50/cc12m"])
def test_without_a_network_a_prior_is_one_error(name: str, hub: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")  # nobody listens there
    monkeypatch.setattr("open_clip.create_model_and_transforms", None)
    monkeypatch.setattr(clip_hub, "fetch", None)
    with pytest.raises(WeightsError, match="--prior pixels"):
        make_prior(name)
    with pytest.raises(OfflineError, match="--prior pixels"):
        make_prior(name, offline=True)


def test_what_is_fetched_is_the_best_layout_that_is_there(
    theirs: tuple[Any, Path], hub: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    import huggingface_hub
    from huggingface_hub.errors import LocalEntryNotFoundError, RemoteEntryNotFoundError

    offered = {"config.json", "pytorch_model.bin", "preprocessor_config.json"}
    model, source = theirs

    def download(repository: str, file: str) -> str:
        import httpx
        import torch

        if not offered:
            raise LocalEntryNotFoundError("cut off")
        if file not in offered:
            raise RemoteEntryNotFoundError(file, response=httpx.Response(404, request=httpx.Request("GET", "http://x")))
        folder = hub / "models--geolocal--StreetCLIP" / "snapshots" / "abc"
        folder.mkdir(parents=True, exist_ok=True)
        if file == "pytorch_model.bin":
            torch.save(model.state_dict(), folder / file)
        else:
            shutil.copy(source / file, folder / file)
        return str(folder / file)

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", download)
    monkeypatch.setattr(clip_network, "_require_hub", lambda name: None)
    network = load_network("streetclip")
    assert network.name == STREETCLIP and cached_weights(STREETCLIP) is not None
    assert "fetching" in caplog.text and "CC BY-NC 4.0: not for commercial use" in caplog.text
    assert f"clip:{STREETCLIP}" in available_priors()

    del network
    caplog.clear()
    again = load_network("StreetCLIP", offline=True)
    assert "CC BY-NC 4.0: not for commercial use" in caplog.text and "fetching" not in caplog.text
    prior = ClipPrior(network=again)
    assert prior.name == f"clip:{STREETCLIP}" and "CC BY-NC" in prior.card.licence

    for left, said in (({"config.json"}, "no CLIP that whence reads"), (set(), r"cannot be fetched \(cut off\)")):
        offered.intersection_update(left)
        with pytest.raises(WeightsError, match=said):
            load_network("hf-hub:us/empty")


def test_a_prior_and_a_scene_model_with_the_same_weights_share_one_network(
    theirs: tuple[Any, Path], hub: Path, tmp_path: Path
) -> None:
    folder = kept(hub, "us/street", theirs[1])
    prior = ClipPrior("hf-hub:us/street", offline=True, folder=tmp_path)
    scenes = ClipScenes("hf-hub:us/street", offline=True, folder=tmp_path)
    assert scenes._network is prior._network
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes())  # written anew: what is there now is not what was loaded
    assert load_network("hf-hub:us/street", offline=True) is not prior._network


def test_the_licence_of_each_known_network_is_told_and_of_others_where_to_look(
    hub: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert {licence_of(name).split()[0] for name in KNOWN} == {"MIT"} and not any(map(is_restricted, KNOWN))
    assert is_restricted(STREETCLIP) and "street-level" in data_of(STREETCLIP)
    assert is_restricted("hf-hub:us/street") and "https://huggingface.co/us/street" in licence_of("hf-hub:us/street")
    assert "page of its makers" in licence_of("RN50/cc12m")
    monkeypatch.setattr(clip_network, "_require_hub", lambda name: None)
    monkeypatch.setattr("open_clip.create_model_and_transforms", None)
    with caplog.at_level(logging.WARNING), pytest.raises(WeightsError):
        load_network(DEFAULT)
    assert caplog.messages[0] == f"fetching CLIP's weights {DEFAULT}; licence: MIT (LAION)"


def test_what_open_clip_tells_the_root_logger_is_not_shown_and_logging_is_left_as_it_was(
    hub: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    root = logging.getLogger()
    monkeypatch.setattr(root, "handlers", [])
    with pytest.raises(OfflineError):
        load_network("ViT-L-14/openai", offline=True)
    assert not root.handlers and not root.filters and "ERROR" not in capsys.readouterr().err
    root.warning("of somebody else")
    assert capsys.readouterr().err == "of somebody else\n"


def test_clip_at_hand_stands_among_the_priors(hub: Path) -> None:
    assert not any(name.startswith("clip") for name in available_priors())
    fake_cache(hub, DEFAULT)
    assert f"clip:{DEFAULT}" in available_priors()
