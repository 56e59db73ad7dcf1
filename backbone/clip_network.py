"""CLIP's networks from open_clip: found in the cache of this machine without importing anything heavy, and loaded."""

from __future__ import annotations

import hashlib
import logging
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakValueDictionary

from backbone.clip_licences import HUB, STREETCLIP, is_restricted, licence_of
from backbone.hub_cache import cached_file, file_sha256, hub_trouble
from data.errors import OfflineError, RequestError, WeightsError, WhenceError
from data.offline import offline_by_environment, quiet_libraries
from data.printable import printable

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["ALIASES", "DEFAULT", "KNOWN", "ClipNetwork", "cached_weights", "first_at_hand", "load_network"]

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

ALIASES: Final = MappingProxyType({"streetclip": STREETCLIP})
"""Short names, in lowercase letters, to those of the weights."""

_FILES: Final = ("open_clip_model.safetensors",)  # never a pickle

_log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class ClipNetwork:
    """A model of open_clip with what belongs to it.

    Attributes:
        name: ``MODEL/PRETRAINED`` or ``hf-hub:OWNER/NAME``, which tells its text embeddings from those of another.
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

    def on(self, device: str) -> Any:
        """Its model, on ``device``; what shares the network may have moved it elsewhere."""
        self.model.to(device)
        return self.model

    @property
    def logit_scale(self) -> float:
        """What cosines are multiplied by, as it was learnt."""
        return float(self.model.logit_scale.detach().exp())


_LOADED: Final[WeakValueDictionary[tuple[object, ...], ClipNetwork]] = WeakValueDictionary()
"""Networks in use by name and file: a prior and a scene model with the same weights share one in memory."""


def cached_weights(name: str) -> Path | None:
    """The weights of one of :data:`KNOWN`, or of ``hf-hub:OWNER/NAME``, in the hub's cache on this machine, or None.

    Looks at a few files only.

    Of several revisions that are there it is the one that the cache calls ``main``, as it is for the hub's own library;
    without such a name, the only one.
    """
    if name.startswith(HUB):
        from backbone.clip_hub import weights_at_hand

        return weights_at_hand(name.removeprefix(HUB))
    repository = KNOWN.get(name)
    if repository is None:
        return None
    found = [path for file in _FILES if (path := cached_file(repository, file)) is not None]
    return found[0] if len(found) == 1 else None


def first_at_hand() -> str | None:
    """The first of :data:`KNOWN`, so the cheapest, whose weights are on this machine."""
    return next((name for name in KNOWN if cached_weights(name) is not None), None)


def load_network(name: str = DEFAULT, *, offline: bool = False) -> ClipNetwork:
    """The network called ``name``; fetched into the hub's cache where it is not on this machine.

    One that is in use already is given again. A licence that restricts what may be done, or that we do not know, is
    told to the log at every start; any licence before weights are fetched.

    Args:
        name: ``MODEL/PRETRAINED`` as open_clip calls them, ``hf-hub:OWNER/NAME`` for a repository of the Hugging Face
            hub in one of the layouts of :mod:`backbone.clip_hub`, or one of :data:`ALIASES`.
        offline: Open no connection; also where ``WHENCE_OFFLINE`` forbids it.

    Raises:
        RequestError: open_clip knows no such model or weights, or that can be no repository.
        OfflineError: The weights are not on this machine and the network is forbidden.
        WeightsError: They cannot be fetched, are damaged, or are of a kind that is not read.
    """
    name = ALIASES.get(name.lower(), name)
    offline = offline or offline_by_environment()
    quiet_libraries(offline=offline)
    cached = cached_weights(name)
    if (shared := _LOADED.get(_state(name, cached))) is not None:
        return shared
    network = (_from_hub if name.startswith(HUB) else _from_open_clip)(name, cached, offline)
    if cached is not None and is_restricted(name):
        _log.warning("%s", printable(f"clip:{name}: licence: {licence_of(name)}"))
    cached = cached_weights(name)
    if cached is not None:
        _LOADED[_state(name, cached)] = network
    return network


def _state(name: str, cached: Path | None) -> tuple[object, ...]:
    """What tells weights that were written anew from those before."""
    if cached is None:
        return (name,)
    status = cached.stat()
    return (name, str(cached.resolve()), status.st_size, status.st_mtime_ns)


def _from_open_clip(name: str, cached: Path | None, offline: bool) -> ClipNetwork:
    architecture, _, tag = name.partition("/")
    if cached is None and name in KNOWN:
        _may_be_fetched(name, offline)
    with _quietly():
        import open_clip  # seconds: torch, torchvision and timm

        known = open_clip.is_pretrained_cfg(architecture, tag)
        prepared = open_clip.get_pretrained_cfg(architecture, tag) if known else {}
    if not known:
        raise RequestError(
            f"open_clip knows no {printable(name)!r}: write clip:MODEL/PRETRAINED as in clip:{DEFAULT}, or "
            f"clip:{HUB}OWNER/NAME; open_clip.list_pretrained() names them"
        )
    if cached is None and name not in KNOWN:
        repository, _, file = prepared.get("hf_hub", "").rpartition("/")
        cached = cached_file(repository, _FILES[0]) if repository and not file else None
        # Offline the hub's library looks into its cache for files of other names; what has only an address would be
        # fetched from there.
        if cached is None and not (offline and repository):
            _may_be_fetched(name, offline)
    try:
        with _quietly():
            # A file is given by its path, so that what is at hand is used without a question to the hub. How pictures
            # are prepared belongs to the tag, which open_clip does not see then.
            model, _, preprocess = open_clip.create_model_and_transforms(
                architecture,
                pretrained=str(cached) if cached else tag,
                precision="fp32",
                force_quick_gelu=bool(prepared.get("quick_gelu")),
                pretrained_image=False,
                weights_only=True,
                **{f"image_{key}": prepared.get(key) for key in ("mean", "std", "interpolation", "resize_mode")},
            )
            tokenizer = open_clip.get_tokenizer(architecture)
    except Exception as error:  # whatever the hub, a damaged file or a cut connection leads to
        raise _not_loaded(name, cached, offline, error) from error
    return ClipNetwork(name, model.eval(), preprocess, tokenizer, _digest(cached or cached_weights(name), model))


def _from_hub(name: str, cached: Path | None, offline: bool) -> ClipNetwork:
    from backbone.clip_hub import build, fetch, is_repository

    repository = name.removeprefix(HUB)
    if not is_repository(repository):
        raise RequestError(f"{printable(name)!r} names no repository: write clip:{HUB}OWNER/NAME")
    if cached is None:
        _may_be_fetched(name, offline)
    with _quietly():
        try:
            path = fetch(repository) if cached is None else cached
            cached = path
            model, preprocess, tokenizer = build(path)
        except WhenceError as error:
            raise WeightsError(f"clip:{name}: {error}") from error
        except Exception as error:  # as above
            raise _not_loaded(name, cached, offline, error) from error
    return ClipNetwork(name, model.eval(), preprocess, tokenizer, _digest(path, model))


@contextmanager
def _quietly() -> Iterator[None]:
    """Without what timm and huggingface_hub warn of, and without what open_clip tells Python's root logger."""
    root, nothing = logging.getLogger(), logging.NullHandler()

    def unless_root(record: logging.LogRecord) -> bool:
        return record.name != "root"

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        # With a handler there, a first message does not configure the logging of the whole process.
        root.addHandler(nothing)
        root.addFilter(unless_root)
        try:
            yield
        finally:
            root.removeFilter(unless_root)
            root.removeHandler(nothing)


def _may_be_fetched(name: str, offline: bool) -> None:
    """Tell the licence of what is about to be fetched, once it is certain that it may be and that the hub answers."""
    if offline:
        raise _not_loaded(name, None, offline, OSError())
    _require_hub(name)
    _log.warning("%s", printable(f"fetching CLIP's weights {name}; licence: {licence_of(name)}"))


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
    instead = "a prior or scene model that ships (--prior pixels, --scenes head)"
    if offline:
        return OfflineError(
            f"CLIP's weights {printable(name)} are not on this machine, and the network is forbidden: run once without "
            f"--offline and WHENCE_OFFLINE, or choose {instead}"
        )
    return WeightsError(
        f"CLIP's weights {printable(name)} cannot be fetched ({detail}): check the network, or choose {instead}"
    )
