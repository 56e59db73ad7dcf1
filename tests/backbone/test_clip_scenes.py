"""CLIP's scenes, on the real architecture made small: the weights are random, all that is around them is not."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from backbone import clip_network, clip_scenes
from backbone.clip_network import DEFAULT, KNOWN, ClipNetwork, cached_weights, first_at_hand, load_network
from backbone.clip_prompts import NOUNS, TEMPLATES
from backbone.clip_scenes import ClipScenes, text_key
from backbone.hub_cache import hub_cache
from backbone.scenes import CATEGORIES, SCENES, make_scene_model, scene_of_categories
from data.errors import OfflineError, RequestError, WeightsError
from tests.conftest import REPOSITORY

PHOTOS = [np.random.default_rng(k).integers(0, 256, (40 + 7 * k, 64, 3), dtype=np.uint8) for k in range(5)]


def small_network(seed: int = 0, name: str = "small/random") -> ClipNetwork:
    import open_clip
    import torch

    torch.manual_seed(seed)
    model = open_clip.CLIP(
        embed_dim=32,
        vision_cfg={"image_size": 32, "layers": 2, "width": 32, "patch_size": 8, "head_width": 16},
        text_cfg={"context_length": 77, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 2},
    )
    preprocess = open_clip.image_transform(32, is_train=False)
    return ClipNetwork(name, model.eval(), preprocess, open_clip.get_tokenizer("ViT-B-32"))


@pytest.fixture(scope="module")
def network() -> ClipNetwork:
    return small_network()


def test_the_three_scenes_are_the_sums_of_their_categories(network: ClipNetwork, tmp_path: Path) -> None:
    scenes = ClipScenes(network=network, folder=tmp_path)
    for coarse, fine in zip(scenes.predict(PHOTOS), scenes.categories(PHOTOS), strict=True):
        assert tuple(coarse) == SCENES and tuple(fine) == tuple(CATEGORIES)
        assert coarse == scene_of_categories(fine)
        assert sum(coarse.values()) == pytest.approx(1.0, abs=1e-9)


def test_every_category_has_prompts_and_no_noun_stands_for_two() -> None:
    nouns = [noun for nouns in NOUNS.values() for noun in nouns]
    assert list(NOUNS) == list(CATEGORIES) and len(set(nouns)) == len(nouns)
    assert all(form.count("{}") == 1 for form in TEMPLATES)


def test_a_photo_that_is_like_a_noun_is_of_its_category(network: ClipNetwork, tmp_path: Path) -> None:
    scenes = ClipScenes(network=network, folder=tmp_path)
    texts = scenes.texts()
    nouns = [noun for nouns in NOUNS.values() for noun in nouns]
    wanted = nouns.index("a glacier")

    class Sees:  # the network, whose picture is the text itself
        logit_scale = network.model.logit_scale

        def to(self, device: str) -> Sees:
            return self

        def encode_image(self, pixels: object) -> object:
            import torch

            # The texts of random weights lie close together: only what tells this one from the rest.
            return torch.from_numpy(texts[wanted] - texts.mean(axis=0))[None]

    seeing = ClipScenes(
        network=ClipNetwork(network.name, Sees(), network.preprocess, network.tokenizer), folder=tmp_path
    )
    logits = seeing._logits(PHOTOS[:1], "cpu")[0]
    assert int(logits.argmax()) == wanted
    assert np.ptp(logits) > 1.0  # cosines alone differ by less: the logit scale is there


def test_a_batch_says_what_photos_one_by_one_say(network: ClipNetwork, tmp_path: Path) -> None:
    alone = ClipScenes(network=network, folder=tmp_path).categories(PHOTOS)
    together = ClipScenes(network=network, folder=tmp_path, batch=3).categories(PHOTOS)
    for one, other in zip(alone, together, strict=True):
        assert list(one.values()) == pytest.approx(list(other.values()), abs=1e-6)
    assert alone == ClipScenes(network=network, folder=tmp_path).categories(PHOTOS)
    assert ClipScenes(network=network, folder=tmp_path).categories([]) == []
    assert alone[0] != alone[1]


def test_texts_are_embedded_once_and_kept(
    network: ClipNetwork, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = ClipScenes(network=network, folder=tmp_path)
    texts = first.texts()
    assert texts.shape == (sum(map(len, NOUNS.values())), 32) and texts.dtype == np.float32
    assert np.linalg.norm(texts, axis=1) == pytest.approx(1.0, abs=1e-5)
    [kept] = tmp_path.iterdir()
    assert kept.stem == text_key("small/random")
    monkeypatch.setattr(ClipScenes, "_embedded", lambda self: pytest.fail("embedded again"))
    assert np.array_equal(ClipScenes(network=network, folder=tmp_path).texts(), texts)
    assert first.texts() is texts


@pytest.mark.parametrize("damage", ["cut", "flipped", "empty"])
def test_a_damaged_cache_is_built_again(network: ClipNetwork, tmp_path: Path, damage: str) -> None:
    texts = ClipScenes(network=network, folder=tmp_path).texts()
    [kept] = tmp_path.iterdir()
    sound = kept.read_bytes()
    broken = {"cut": sound[:-9], "flipped": sound[:-9] + bytes([sound[-9] ^ 1]) + sound[-8:], "empty": b""}[damage]
    kept.write_bytes(broken)
    assert np.array_equal(ClipScenes(network=network, folder=tmp_path).texts(), texts)
    assert kept.read_bytes() == sound


def test_other_weights_and_other_prompts_have_texts_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    keys = {text_key("small/random"), text_key("small/other"), text_key("small/random", "ab")}
    monkeypatch.setattr(clip_scenes, "TEMPLATES", (*TEMPLATES, "a drawing of {}."))
    assert len(keys | {text_key("small/random")}) == 4


def test_a_cache_that_cannot_be_written_costs_no_answer(network: ClipNetwork, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    assert ClipScenes(network=network, folder=tmp_path / "file" / "below").predict(PHOTOS[:1])


def test_weights_that_give_no_numbers_are_named(tmp_path: Path) -> None:
    import torch

    broken = small_network(name="small/broken")
    with torch.no_grad():
        broken.model.logit_scale.fill_(float("nan"))
    with pytest.raises(WeightsError, match="give no numbers"):
        ClipScenes(network=broken, folder=tmp_path).predict(PHOTOS[:1])


def fake_cache(folder: Path, name: str, content: bytes = b"") -> Path:
    path = folder / f"models--{KNOWN[name].replace('/', '--')}" / "snapshots" / "abc" / "open_clip_model.safetensors"
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    return path


def test_what_is_at_hand_is_found_cheapest_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    assert first_at_hand() is None
    large = fake_cache(tmp_path, "ViT-L-14/laion2b_s32b_b82k")
    assert first_at_hand() == "ViT-L-14/laion2b_s32b_b82k" and cached_weights("ViT-L-14/laion2b_s32b_b82k") == large
    path = fake_cache(tmp_path, DEFAULT)
    assert first_at_hand() == DEFAULT and cached_weights(DEFAULT) == path


def test_of_two_revisions_the_one_called_main_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    first = fake_cache(tmp_path, DEFAULT)
    second = first.parent.parent / "def" / first.name
    second.parent.mkdir()
    second.write_bytes(b"")
    assert cached_weights(DEFAULT) is None  # which of them is anybody's guess
    refs = first.parent.parent.parent / "refs"
    refs.mkdir()
    for path in (first, second):
        (refs / "main").write_text(path.parent.name)
        assert cached_weights(DEFAULT) == path
    (refs / "main").write_text("gone")
    assert cached_weights(DEFAULT) is None


@pytest.fixture
def tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Weights of a small architecture whose tag wants pictures prepared in a way of its own, in the hub's cache."""
    import open_clip.factory
    import open_clip.pretrained
    from safetensors.torch import save_file

    name = "whence-tiny/wide"
    text = {"context_length": 77, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 2}
    vision = {"image_size": 32, "layers": 2, "width": 32, "patch_size": 8, "head_width": 16}
    config = {"embed_dim": 32, "vision_cfg": vision, "text_cfg": text}
    way = {"mean": (0.5,) * 3, "std": (0.4,) * 3, "interpolation": "bilinear", "resize_mode": "squash"}
    monkeypatch.setitem(open_clip.factory._MODEL_CONFIGS, "whence-tiny", config)
    monkeypatch.setitem(open_clip.pretrained._PRETRAINED, "whence-tiny", {"wide": {"hf_hub": "us/tiny/", **way}})
    monkeypatch.setitem(KNOWN, name, "us/tiny")
    monkeypatch.setattr(clip_network, "_require_hub", lambda name: None)
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    path = fake_cache(tmp_path / "hub", name)
    save_file(small_network().model.state_dict(), path)
    return path


def test_without_a_network_it_is_one_error_before_the_hub_tries_again_and_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")  # nobody listens there
    monkeypatch.setattr("open_clip.create_model_and_transforms", None)
    with pytest.raises(WeightsError, match="--scenes head"):
        load_network(DEFAULT)
    with pytest.raises(OfflineError, match="--scenes head"):
        load_network(DEFAULT, offline=True)


def test_weights_at_hand_see_pictures_prepared_as_fetched_ones_do(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    at_hand = load_network("whence-tiny/wide")
    monkeypatch.setattr(clip_network, "cached_weights", lambda name: None)
    monkeypatch.setattr("open_clip.factory.download_pretrained", lambda *_, **__: str(tiny))
    fetched = load_network("whence-tiny/wide")
    assert str(at_hand.preprocess) == str(fetched.preprocess) and "0.4" in str(at_hand.preprocess)
    picture = Image.fromarray(PHOTOS[0])
    assert np.array_equal(at_hand.preprocess(picture), fetched.preprocess(picture))


def test_other_weights_of_one_name_have_another_card_other_texts_and_other_settings(tiny: Path) -> None:
    from safetensors.torch import save_file

    from fusion.batch import settings_of
    from fusion.locator import Locator

    told = []
    for seed in (0, 1):
        save_file(small_network(seed).model.state_dict(), tiny)
        network = load_network("whence-tiny/wide")
        scenes = ClipScenes(network=network, folder=tiny.parent)
        assert scenes.card.sha256 == hashlib.sha256(tiny.read_bytes()).hexdigest()
        told.append((text_key(network.name, network.sha256), settings_of(Locator(ocr="none", scenes=scenes))))
    assert told[0][0] != told[1][0] and told[0][1] != told[1][1]


def test_the_hubs_name_for_a_file_is_its_digest_and_weights_from_elsewhere_have_one(
    tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content, blob = tiny.read_bytes(), tiny.parent / ("0123456789abcdef" * 4)
    blob.write_bytes(content)
    tiny.unlink()
    tiny.symlink_to(blob)
    assert load_network("whence-tiny/wide").sha256 == blob.name
    monkeypatch.setattr(clip_network, "cached_weights", lambda name: None)
    monkeypatch.setattr("open_clip.factory.download_pretrained", lambda *_, **__: str(tiny))
    digest = load_network("whence-tiny/wide").sha256
    assert len(digest) == 64 and digest == load_network("whence-tiny/wide").sha256


def test_texts_are_embedded_on_the_device_that_was_asked_for(network: ClipNetwork, tmp_path: Path) -> None:
    done: list[str] = []

    class Watched:
        logit_scale, encode_image = network.model.logit_scale, network.model.encode_image

        def to(self, device: str) -> None:
            done.append(device)

        def encode_text(self, tokens: object) -> object:
            done.append("texts")
            return network.model.encode_text(tokens)

    watched = ClipNetwork(network.name, Watched(), network.preprocess, network.tokenizer)
    ClipScenes(network=watched, folder=tmp_path).predict(PHOTOS[:1], device="cpu:0")
    assert done[:2] == ["cpu:0", "texts"]


def test_the_hubs_cache_is_looked_for_where_the_hub_has_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    for name in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_HOME"):
        monkeypatch.delenv(name, raising=False)
    for settings in ({"HF_HOME": str(tmp_path / "h")}, {"XDG_CACHE_HOME": str(tmp_path / "x")}):
        for name in ("HF_HOME", "XDG_CACHE_HOME"):
            monkeypatch.delenv(name, raising=False)
        for name, value in settings.items():
            monkeypatch.setenv(name, value)
        asked = subprocess.run(
            [sys.executable, "-c", "from huggingface_hub.constants import HF_HUB_CACHE; print(HF_HUB_CACHE)"],
            capture_output=True, text=True, check=True, env=dict(os.environ),
        )  # fmt: skip
        assert hub_cache() == Path(asked.stdout.strip())


def test_to_find_out_that_there_are_no_weights_nothing_heavy_is_imported(tmp_path: Path) -> None:
    code = (
        "import sys; from backbone.clip_network import first_at_hand; assert first_at_hand() is None; "
        "print({'torch', 'open_clip', 'huggingface_hub', 'scipy'} & set(sys.modules))"
    )
    env = {"PATH": "/usr/bin:/bin", "HF_HOME": str(tmp_path), "PYTHONPATH": str(REPOSITORY)}
    asked = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=env)
    assert asked.stdout.strip() == "set()"


def test_offline_without_weights_is_one_clear_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    code = (
        "from backbone.scenes import make_scene_model\n"
        "from data.errors import OfflineError\n"
        "try: make_scene_model('clip', offline=True)\n"
        "except OfflineError as error: print(error)\n"
    )  # in a process of its own: a library that was told to be offline stays so
    env = {"PATH": "/usr/bin:/bin", "HF_HUB_CACHE": str(tmp_path), "PYTHONPATH": str(REPOSITORY), "HOME": str(tmp_path)}
    asked = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=env)
    assert asked.stdout.startswith(f"CLIP's weights {DEFAULT} are not on this machine, and the network is forbidden")


def test_damaged_weights_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    fake_cache(tmp_path, DEFAULT, b"no weights")
    with pytest.raises(WeightsError, match=r"open_clip_model\.safetensors do not open"):
        load_network(DEFAULT)


@pytest.mark.parametrize("name", ["clip:ViT-B-32/nobody", "clip:ViT-B-32", "clip:"])
def test_weights_that_open_clip_does_not_know_are_refused(name: str) -> None:
    with pytest.raises(RequestError, match="open_clip knows no"):
        make_scene_model(name)


def test_offline_error_is_told_from_a_failed_fetch() -> None:
    refused = clip_network._not_loaded("a/b", None, True, RuntimeError("x"))
    failed = clip_network._not_loaded("a/b", None, False, RuntimeError("no route"))
    assert isinstance(refused, OfflineError) and isinstance(failed, WeightsError) and "no route" in str(failed)
