"""What CLIP makes of sentences and of photos, as unit vectors; those of sentences are computed once and kept on disk.

Several sentences may stand for one thing: its vector is the mean of theirs, scaled to length 1 (Radford et al. 2021,
section 3.1.4).
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from backbone.clip_network import ClipNetwork
from data.errors import WeightsError
from data.printable import printable
from data.user_folders import user_cache
from data.writing import write_whole

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Sentences", "default_folder", "image_embeddings", "text_embeddings", "texts_key"]

Sentences = Sequence[Sequence[str]]
"""For each thing the sentences that stand for it: as many for each."""

_AT_ONCE: Final = 32  # photos that a GPU sees at once
_SENTENCES_AT_ONCE: Final = 64
_MANY: Final = 2_000  # sentences: from here on a processor takes long enough to say so

_log = logging.getLogger(__name__)


def default_folder() -> Path | None:
    """Where text embeddings are kept: in the user's cache folder; None for a user without a home folder."""
    return user_cache("clip")


def texts_key(network: str, sha256: str, sentences: Sentences) -> str:
    """What text embeddings depend on, as 32 hexadecimal digits: the network's name and weights, and every sentence."""
    content = json.dumps([network, sha256, [list(some) for some in sentences]])
    return hashlib.sha256(content.encode("utf-8")).hexdigest()[:32]


def text_embeddings(
    network: ClipNetwork, sentences: Sentences, *, folder: Path | None, device: str = "cpu"
) -> NDArray[np.float32]:
    """Unit embeddings (things, d), in the order of ``sentences``; from ``folder``, or computed and kept there.

    A file that is damaged is written anew; one that cannot be written costs the same time again.

    Args:
        network: What reads them.
        sentences: At least one for each thing, and as many for each.
        folder: Where they are kept; None to keep nothing.
        device: Where they are computed.

    Raises:
        WeightsError: The weights give no numbers.
    """
    if not sentences:
        return np.zeros((0, 0), np.float32)
    key = texts_key(network.name, network.sha256, sentences)
    path = None if folder is None else folder / f"{key}.safetensors"
    kept = _read(path, len(sentences))
    if kept is None:
        kept = _embedded(network, sentences, device)
        if not np.isfinite(kept).all():
            raise _no_numbers(network)
        _keep(path, kept)
    return kept


def image_embeddings(
    network: ClipNetwork, images: Sequence[NDArray[np.uint8]], *, device: str = "cpu", batch: int | None = None
) -> NDArray[np.float32]:
    """Unit embeddings (n, d) of images (H, W, 3) uint8 RGB.

    Args:
        network: What looks at them.
        images: As many as there are.
        device: Where they are computed.
        batch: Photos seen at once; None for 32 on a GPU and 1 on a processor, where a photo's embedding then does not
            depend on its neighbours.

    Raises:
        WeightsError: The weights give no numbers.
    """
    import torch
    from PIL import Image as Pillow

    if not len(images):
        return np.zeros((0, 0), np.float32)
    model = network.on(device)
    step = batch or (_AT_ONCE if device.startswith("cuda") else 1)
    rows = []
    with torch.inference_mode():
        for start in range(0, len(images), step):
            pixels = [network.preprocess(Pillow.fromarray(image)) for image in images[start : start + step]]
            rows.append(_unit(model.encode_image(torch.stack(pixels).to(device))).float().cpu().numpy())
    seen = np.concatenate(rows).astype(np.float32, copy=False)
    if not np.isfinite(seen).all():
        raise _no_numbers(network)
    return seen


def _no_numbers(network: ClipNetwork) -> WeightsError:
    name = printable(network.name)
    return WeightsError(f"the weights of clip:{name} give no numbers: delete them and fetch them again")


def _embedded(network: ClipNetwork, sentences: Sentences, device: str) -> NDArray[np.float32]:
    import torch

    forms = len(sentences[0])
    every = [sentence for some in sentences for sentence in some]
    if len(every) >= _MANY:
        _log.warning(
            "%s", printable(f"clip:{network.name} reads {len(every):,} sentences, once, which may take minutes")
        )
    model = network.on(device)
    with torch.inference_mode():
        vectors = _vectors(model, network.tokenizer(every), device)
        means = vectors.reshape(len(sentences), forms, -1).mean(dim=1)
        return np.asarray(_unit(means).numpy(), np.float32)


def _vectors(model: Any, tokens: Tensor, device: str) -> Tensor:
    """Unit vectors (m, d) float32 of rows of tokens (m, context), in their order."""
    import torch

    order = torch.argsort(_ends(tokens), stable=True)  # those that are as long go together
    parts = [
        _unit(_read_by(model, tokens[order[k : k + _SENTENCES_AT_ONCE]].to(device))).float().cpu()
        for k in range(0, len(tokens), _SENTENCES_AT_ONCE)
    ]
    return torch.cat(parts)[torch.argsort(order)]


def _ends(tokens: Tensor) -> Tensor:
    """Where in each row of tokens (m, context) the sentence ends: at its largest, by CLIP's vocabulary."""
    return tokens.argmax(dim=1)


def _read_by(model: Any, tokens: Tensor) -> Tensor:
    """``model.encode_text``, without the padding where that makes no difference.

    CLIP's own text network lets no token see those after it and takes what stands at the last: of 77 positions some 16
    matter for a place's name, which is five to seven times cheaper. Other text networks get all.
    """
    import open_clip
    import torch

    plain = type(model) is open_clip.CLIP and model.text_pool_type == "argmax" and model.attn_mask is not None
    if not plain or model.transformer.get_cast_dtype() != torch.float32 or model.text_projection is None:
        whole: Tensor = model.encode_text(tokens)
        return whole
    ends = _ends(tokens)
    length = int(ends.max()) + 1
    x = model.token_embedding(tokens[:, :length]) + model.positional_embedding[:length]
    x = model.ln_final(model.transformer(x, attn_mask=model.attn_mask[:length, :length]))
    x = x[torch.arange(len(tokens), device=x.device), ends]
    projected: Tensor = (
        model.text_projection(x) if isinstance(model.text_projection, torch.nn.Linear) else x @ model.text_projection
    )
    return projected


def _unit(vectors: Tensor) -> Tensor:
    unit: Tensor = vectors / vectors.norm(dim=-1, keepdim=True)
    return unit


def _read(path: Path | None, rows: int) -> NDArray[np.float32] | None:
    """Embeddings kept at ``path``, or None where there are none or they are not what was kept."""
    if path is None:
        return None
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "numpy") as file:
            texts, digest = file.get_tensor("texts"), (file.metadata() or {}).get("sha256")
    except (OSError, SafetensorError):
        return None
    sound = texts.dtype == np.float32 and texts.ndim == 2 and len(texts) == rows
    return texts if sound and digest == hashlib.sha256(texts.tobytes()).hexdigest() else None


def _keep(path: Path | None, texts: NDArray[np.float32]) -> None:
    from safetensors.numpy import save

    if path is None:
        return
    content = save({"texts": texts}, metadata={"sha256": hashlib.sha256(texts.tobytes()).hexdigest()})
    with suppress(OSError):  # a cache that cannot be kept costs that time at the next start
        write_whole(path, content)
