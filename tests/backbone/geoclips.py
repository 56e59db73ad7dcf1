"""GeoCLIP with the weights that its package carries and a small CLIP from chance, in a folder as the hub keeps it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from data.build_partition import build
from data.partition import Partition
from data.photo_tables import Photos

__all__ = ["small_clip", "small_world"]


def small_clip(folder: Path, *, seed: int = 0) -> Path:
    """A CLIP of GeoCLIP's kind: 768 dimensions out, the rest small; with a tokenizer, which the package asks for."""
    transformers = pytest.importorskip("transformers")
    torch = pytest.importorskip("torch")
    bars = transformers.utils.logging.is_progress_bar_enabled()
    transformers.utils.logging.disable_progress_bar()
    config = transformers.CLIPConfig(
        projection_dim=768,
        text_config={
            "hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2,
            "vocab_size": 8, "projection_dim": 768, "bos_token_id": 0, "eos_token_id": 2,
        },
        vision_config={
            "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2,
            "patch_size": 56, "image_size": 224, "projection_dim": 768,
        },
    )  # fmt: skip
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = transformers.CLIPModel(config)
    with torch.no_grad():
        model.visual_projection.weight.normal_(0.0, 0.5, generator=torch.Generator().manual_seed(seed))
    model.save_pretrained(folder)
    transformers.CLIPImageProcessor().save_pretrained(folder)
    (folder / "vocab.json").write_text(json.dumps({"<|startoftext|>": 0, "a</w>": 1, "<|endoftext|>": 2, "a": 3}))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    if bars:
        transformers.utils.logging.enable_progress_bar()
    return folder


def small_world(gallery: np.ndarray[tuple[int, int], np.dtype[np.float32]]) -> Partition:
    """A partition of the whole Earth with few cells, made of the places in ``gallery`` (g, 2) degrees."""
    lat, lon = gallery.T.astype(np.float64)
    return build(Photos(lat, lon, np.ones(len(lat)), np.zeros(len(lat))), name="small")
