"""CLIP's checkpoints on the Hugging Face hub, by their repository: found in its cache, fetched, and built.

Two layouts are read. open_clip's own, ``open_clip_config.json`` with ``open_clip_model.safetensors``; and that of
transformers' ``CLIPModel``, ``config.json`` with ``model.safetensors`` or, as StreetCLIP has it, ``pytorch_model.bin``
(read with ``weights_only=True``, so that nothing in it is run). open_clip 3 does not read the second, so its tensors
are renamed here; transformers is not needed for that.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from backbone.hub_cache import cached_file
from data.errors import WeightsError

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["build", "fetch", "is_repository", "weights_at_hand"]

_LAYOUTS: Final = (
    ("open_clip_config.json", "open_clip_model.safetensors"),
    ("config.json", "model.safetensors"),
    ("config.json", "pytorch_model.bin"),
)
"""What describes the network and what holds its tensors, the best layout first."""

_PICTURES: Final = "preprocessor_config.json"  # of transformers' layout: how pictures are prepared; may be missing

# What transformers' CLIPTextConfig and CLIPVisionConfig leave out of config.json where it is so.
_TEXT: Final[Mapping[str, Any]] = {
    "vocab_size": 49408, "hidden_size": 512, "intermediate_size": 2048, "num_hidden_layers": 12,
    "num_attention_heads": 8, "max_position_embeddings": 77, "hidden_act": "quick_gelu", "layer_norm_eps": 1e-5,
}  # fmt: skip
_VISION: Final[Mapping[str, Any]] = {
    "hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 12, "num_attention_heads": 12,
    "image_size": 224, "patch_size": 32, "hidden_act": "quick_gelu", "layer_norm_eps": 1e-5, "num_channels": 3,
}  # fmt: skip

_NAMES: Final = (
    ("text_model.embeddings.token_embedding.", "token_embedding."),
    ("text_model.embeddings.position_embedding.weight", "positional_embedding"),
    ("text_model.encoder.layers.", "transformer.resblocks."),
    ("text_model.final_layer_norm.", "ln_final."),
    ("vision_model.embeddings.class_embedding", "visual.class_embedding"),
    ("vision_model.embeddings.patch_embedding.", "visual.conv1."),
    ("vision_model.embeddings.position_embedding.weight", "visual.positional_embedding"),
    ("vision_model.pre_layrnorm.", "visual.ln_pre."),
    ("vision_model.encoder.layers.", "visual.transformer.resblocks."),
    ("vision_model.post_layernorm.", "visual.ln_post."),
    (".layer_norm1.", ".ln_1."),
    (".layer_norm2.", ".ln_2."),
    (".mlp.fc1.", ".mlp.c_fc."),
    (".mlp.fc2.", ".mlp.c_proj."),
    (".self_attn.out_proj.", ".attn.out_proj."),
)
"""Parts of transformers' names of tensors to those of open_clip's."""


def is_repository(name: str) -> bool:
    """Whether ``name`` can be a repository of the hub, ``OWNER/NAME``.

    >>> is_repository("geolocal/StreetCLIP"), is_repository("../../etc")
    (True, False)
    """
    return re.fullmatch(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*", name, re.ASCII) is not None and ".." not in name


def weights_at_hand(repository: str) -> Path | None:
    """The file of tensors of ``repository`` in the hub's cache on this machine, beside what describes it, or None."""
    for described, tensors in _LAYOUTS:
        path = cached_file(repository, tensors)
        if path is not None and (path.parent / described).is_file():
            return path
    return None


def fetch(repository: str) -> Path:
    """Fetch ``repository`` into the hub's cache; returns its file of tensors.

    Raises:
        WeightsError: It holds no CLIP in a layout that is read.
        Exception: Whatever the hub, its library or the network come up with.
    """
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError

    for described, tensors in _LAYOUTS:
        try:
            hf_hub_download(repository, described)
            path = Path(hf_hub_download(repository, tensors))
        except LocalEntryNotFoundError:  # not that there is no such file: the hub did not answer
            raise
        except EntryNotFoundError:
            continue
        if described == "config.json":
            with suppress(EntryNotFoundError):
                hf_hub_download(repository, _PICTURES)
        return path
    raise WeightsError(
        "the repository holds no CLIP that whence reads: neither open_clip_model.safetensors with "
        "open_clip_config.json nor model.safetensors or pytorch_model.bin with config.json; choose another"
    )


def build(weights: Path) -> tuple[Any, Any, Any]:
    """Model, preparation of pictures and tokenizer from a file of tensors and what stands beside it.

    Raises:
        WeightsError: They are of a kind of CLIP that is not read.
        Exception: Whatever a damaged file leads to.
    """
    import open_clip

    if weights.name == _LAYOUTS[0][1]:
        text = json.loads((weights.parent / _LAYOUTS[0][0]).read_text(encoding="utf-8"))["model_cfg"]["text_cfg"]
        if text.get("hf_tokenizer_name") or text.get("hf_model_name"):
            raise WeightsError("it is a CLIP without CLIP's own vocabulary, which whence does not read: choose another")
        folder = f"local-dir:{weights.parent}"
        model, _, prepare = open_clip.create_model_and_transforms(folder, precision="fp32", weights_only=True)
        return model, prepare, open_clip.get_tokenizer(folder)
    config = json.loads((weights.parent / "config.json").read_text(encoding="utf-8"))
    model = _built(config)
    model.load_state_dict(dict(_renamed(_tensors(weights))))
    vision = {**_VISION, **_part(config, "vision")}
    return model, _preparation(weights.parent / _PICTURES, vision["image_size"]), open_clip.get_tokenizer("ViT-B-32")


def _built(config: Mapping[str, Any]) -> Any:
    """open_clip's network, with random weights, of what transformers' ``config.json`` describes."""
    import open_clip

    if config.get("model_type") != "clip":
        raise WeightsError(f"it is a {str(config.get('model_type'))[:40]!r}, not a 'clip': choose another checkpoint")
    text, vision = {**_TEXT, **_part(config, "text")}, {**_VISION, **_part(config, "vision")}
    plain = {
        "the same activation in both networks, gelu or quick_gelu": text["hidden_act"] == vision["hidden_act"]
        and text["hidden_act"] in ("gelu", "quick_gelu"),
        "layer_norm_eps of 1e-5": text["layer_norm_eps"] == vision["layer_norm_eps"] == 1e-5,
        "CLIP's own vocabulary": text["vocab_size"] == _TEXT["vocab_size"]
        and text["max_position_embeddings"] == _TEXT["max_position_embeddings"],
        "three colours": vision["num_channels"] == 3,
    }
    if lacking := [what for what, holds in plain.items() if not holds]:
        raise WeightsError(f"it is a CLIP without {lacking[0]}, which whence does not read: choose another checkpoint")
    return open_clip.CLIP(
        embed_dim=config.get("projection_dim", 512),
        vision_cfg={
            "image_size": vision["image_size"],
            "layers": vision["num_hidden_layers"],
            "width": vision["hidden_size"],
            "patch_size": vision["patch_size"],
            "head_width": vision["hidden_size"] // vision["num_attention_heads"],
            "mlp_ratio": vision["intermediate_size"] / vision["hidden_size"],
        },
        text_cfg={
            "context_length": text["max_position_embeddings"],
            "vocab_size": text["vocab_size"],
            "width": text["hidden_size"],
            "heads": text["num_attention_heads"],
            "layers": text["num_hidden_layers"],
            "mlp_ratio": text["intermediate_size"] / text["hidden_size"],
        },
        quick_gelu=text["hidden_act"] == "quick_gelu",
    )


def _part(config: Mapping[str, Any], which: str) -> dict[str, Any]:
    """What is said of one of the two networks; older files say it twice, the second time with more weight."""
    said = {**(config.get(f"{which}_config") or {}), **(config.get(f"{which}_config_dict") or {})}
    return {key: value for key, value in said.items() if value is not None}


def _tensors(weights: Path) -> dict[str, Tensor]:
    import torch
    from safetensors.torch import load_file

    tensors: dict[str, Tensor] = (
        load_file(weights)
        if weights.suffix == ".safetensors"
        else torch.load(weights, map_location="cpu", weights_only=True)
    )
    return {name: tensor.float() for name, tensor in tensors.items() if not name.endswith("position_ids")}


def _renamed(tensors: Mapping[str, Tensor]) -> Iterator[tuple[str, Tensor]]:
    """Tensors by open_clip's names: queries, keys and values in one, projections the other way round."""
    import torch

    for name, tensor in tensors.items():
        if name in ("visual_projection.weight", "text_projection.weight"):
            yield {"v": "visual.proj", "t": "text_projection"}[name[0]], tensor.T.contiguous()
        elif ".self_attn.q_proj." in name:
            three = [tensors[name.replace(".q_proj.", f".{which}_proj.")] for which in "qkv"]
            kind = name.rpartition(".")[2]
            yield _by_parts(name).replace(f".self_attn.q_proj.{kind}", f".attn.in_proj_{kind}"), torch.cat(three)
        elif ".self_attn.k_proj." not in name and ".self_attn.v_proj." not in name:
            yield _by_parts(name), tensor


def _by_parts(name: str) -> str:
    for theirs, ours in _NAMES:
        name = name.replace(theirs, ours)
    return name


def _preparation(path: Path, side: int) -> Any:
    """How a picture becomes a tensor (3, side, side): transformers' file about that, or what OpenAI's CLIP wants."""
    import open_clip

    said = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    how = {"mean": said.get("image_mean"), "std": said.get("image_std")}
    kind = "bilinear" if said.get("resample", 3) == 2 else "bicubic"
    given = {key: tuple(value) for key, value in how.items() if value}
    return open_clip.image_transform(side, is_train=False, interpolation=kind, **given)
