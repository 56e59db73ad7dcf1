"""CLIP's networks from open_clip: found in the cache of this machine without importing anything heavy, and loaded."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from backbone.hub_cache import cached_file, file_sha256, hub_trouble
from data.errors import OfflineError, RequestError, WeightsError
from data.offline import offline_by_environment, quiet_libraries
from data.printable import printable

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["DEFAULT", "KNOWN", "ClipNetwork", "cached_weights", "first_at_hand", "load_network"]

DEFAULT: Final = "ViT-B-32/laion2b_s34b_b79k"
"""Architecture and weights that ``clip`` stands for: 600 MB, MIT."""

KNOWN: Final = {
    "ViT-B-32/datacomp_xl_s13b_b90k": "laion/CLIP-ViT-B-32-DataComp.XL-s13B-b90K",
    "ViT-B-32/laion2b_s34b_b79k": "laion/CLIP-ViT-B-32-laion2B-s34B-b79K",
    "ViT-B-32/openai": "timm/vit_base_patch32_clip_224.openai",
    "ViT-B-16/datacomp_xl_s13b_b90k": "laion/CLIP-ViT-B-16-DataComp.XL-s13B-b90K",
    "ViT-B-16/laion2b_s34b_b88k": "laion/CLIP-ViT-B-16-laion2B-s34B-b88K",
    "ViT-L-14/datacomp_xl_s13b_b90k": "laion/CLIP-ViT-L-14-DataComp.XL-s13B-b90K",
    "ViT-L-14/laion2b_s32b_b82k": "laion/CLIP-ViT-L-14-laion2B-s32B-b82K",
}
"""What ``auto`` looks for to its repository on the Hugging Face hub: the cheapest first, of those as cheap the best."""

_FILES: Final = ("open_clip_model.safetensors",)  # never a pickle


@dataclass(frozen=True, eq=False)
class ClipNetwork:
    """A model of open_clip with what belongs to it.

    Attributes:
        name: ``MODEL/PRETRAINED``, which tells its text embeddings from those of another.
        model: Has ``encode_image``, ``encode_text`` and ``logit_scale``; in evaluation mode.
        preprocess: A PIL picture to a tensor (3, s, s).
        tokenizer: Sentences to tokens (n, length).
        sha256: Of its weights, which tells it from other weights of that name; empty where nobody took it.
    """

    name: str
    model: Any
    preprocess: Callable[[Any], Tensor]
    tokenizer: Callable[[Sequence[str]], Tensor]
    sha256: str = ""


def cached_weights(name: str) -> Path | None:
    """The weights of one of :data:`KNOWN` in the hub's cache on this machine, or None; looks at a few files only.

    Of several revisions that are there it is the one that the cache calls ``main``, as it is for the hub's own library;
    without such a name, the only one.
    """
    repository = KNOWN.get(name)
    if repository is None:
        return None
    found = [path for file in _FILES if (path := cached_file(repository, file)) is not None]
    return found[0] if len(found) == 1 else None


def first_at_hand() -> str | None:
    """The first of :data:`KNOWN`, so the cheapest, whose weights are on this machine."""
    return next((name for name in KNOWN if cached_weights(name) is not None), None)


def load_network(name: str = DEFAULT, *, offline: bool = False) -> ClipNetwork:
    """The network called ``MODEL/PRETRAINED``; fetched into the hub's cache where it is not on this machine.

    Args:
        name: As open_clip calls them.
        offline: Open no connection; also where ``WHENCE_OFFLINE`` forbids it.

    Raises:
        RequestError: open_clip knows no such model or weights.
        OfflineError: The weights are not on this machine and the network is forbidden.
        WeightsError: They cannot be fetched, or are damaged.
    """
    offline = offline or offline_by_environment()
    quiet_libraries(offline=offline)
    architecture, _, tag = name.partition("/")
    cached = cached_weights(name)
    if cached is None and name in KNOWN:
        if offline:
            raise _not_loaded(name, cached, offline, OSError())
        _require_hub(name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of timm and huggingface_hub about themselves
        import open_clip  # seconds: torch, torchvision and timm

        if not open_clip.is_pretrained_cfg(architecture, tag):
            raise RequestError(
                f"open_clip knows no {printable(name)!r}: write clip:MODEL/PRETRAINED as in clip:{DEFAULT}; "
                "open_clip.list_pretrained() names them"
            )
        # A file is given by its path, so that what is at hand is used without a question to the hub. How pictures are
        # prepared belongs to the tag, which open_clip does not see then.
        prepared = open_clip.get_pretrained_cfg(architecture, tag)
        try:
            model, _, preprocess = open_clip.create_model_and_transforms(
                architecture,
                pretrained=str(cached) if cached else tag,
                precision="fp32",
                force_quick_gelu=tag == "openai",
                pretrained_image=False,
                weights_only=True,
                **{f"image_{key}": prepared.get(key) for key in ("mean", "std", "interpolation", "resize_mode")},
            )
            tokenizer = open_clip.get_tokenizer(architecture)
        except Exception as error:  # whatever the hub, a damaged file or a cut connection leads to
            raise _not_loaded(name, cached, offline, error) from error
    return ClipNetwork(name, model.eval(), preprocess, tokenizer, _digest(cached or cached_weights(name), model))


def _require_hub(name: str) -> None:
    if (trouble := hub_trouble()) is not None:
        raise _not_loaded(name, None, False, trouble) from trouble


def _digest(path: Path | None, model: Any) -> str:
    """SHA-256 of the file at ``path``; without one, of the names and bytes of the model's tensors."""
    if path is None:
        digest = hashlib.sha256()
        for name, tensor in sorted(model.state_dict().items()):
            digest.update(name.encode("utf-8"))
            digest.update(tensor.contiguous().cpu().numpy())
        return digest.hexdigest()
    return file_sha256(path)


def _not_loaded(name: str, cached: Path | None, offline: bool, error: Exception) -> OfflineError | WeightsError:
    detail = printable(" ".join(str(error).split()))[:200]
    if cached is not None:
        return WeightsError(
            f"CLIP's weights in {printable(str(cached))} do not open ({detail}): delete them and fetch them again"
        )
    if offline:
        return OfflineError(
            f"CLIP's weights {name} are not on this machine, and the network is forbidden: run once without --offline "
            "and WHENCE_OFFLINE, or choose the scene model head (--scenes head)"
        )
    return WeightsError(
        f"CLIP's weights {name} cannot be fetched ({detail}): check the network, or choose the scene model "
        "head (--scenes head)"
    )
