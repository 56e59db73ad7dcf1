"""What several priors say about many photos, asked once and kept in a folder, block by block."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from backbone.base import Prior, PriorOutput, temperature_of
from backbone.mixture_pool import log_rows
from backbone.scenes import SCENES, SceneModel
from data.errors import DatasetError, ImageError
from data.partition import Partition
from data.photo_sets import PhotoSet
from data.printable import printable
from data.rebin import rebinned
from data.writing import write_whole

__all__ = ["Gathered", "gathered"]

_log = logging.getLogger(__name__)
_BLOCK: Final = 64  # photos in a file (5 MB for each prior on the shipped cells): what an interruption loses at most
_AT_ONCE: Final = 8  # photos that a prior is asked about together
_NAMED: Final = 5  # photos that cannot be read and are named

Tensors: TypeAlias = dict[str, NDArray[Any]]


@dataclass(frozen=True, eq=False)
class Gathered:
    """What priors say about the photos that could be read.

    Attributes:
        photos: (m,) which of the set they are.
        rows: Of each prior log-probabilities (m, n) float32; (1, n) of one that looks at no pixel.
        scenes: (m, 3) probabilities of ``backbone.scenes.SCENES``, or None.
        gate: Where the scenes come from: ``"member:NAME"`` or the name of a scene model; empty without scenes.
        unreadable: Names of the photos that could not be read.
    """

    photos: NDArray[np.int64]
    rows: list[NDArray[np.float32]]
    scenes: NDArray[np.float64] | None
    gate: str
    unreadable: tuple[str, ...]


def gathered(
    priors: Mapping[str, Prior],
    photos: PhotoSet,
    partition: Partition,
    folder: Path,
    *,
    scenes: SceneModel | None = None,
    device: str = "cpu",
) -> Gathered:
    """What ``priors`` (by name) say about all ``photos``, over the cells of ``partition``.

    Each photo is decoded once. What ``folder`` holds of the same photos and priors is not asked again. The scene is
    that of the first prior that gives one about every photo, else that of ``scenes``. All rows are in memory at the
    end: 80 kB a photo and visual prior on the shipped cells.

    Args:
        priors: What ``make_prior`` was given, to what it made.
        photos: The set.
        partition: Where to: other cells are moved there.
        folder: Where answers are kept; made where there is none.
        scenes: Tells scenes where no prior does; None where none is to be told.
        device: ``"cpu"`` or ``"cuda"``.

    Raises:
        DatasetError: The set's own files are gone, no photo can be read, or ``folder`` cannot be written.
        WeightsError: A prior's weights are damaged.
    """
    visual = {name: prior for name, prior in priors.items() if prior.card.visual}
    asking = _Asking(visual, partition, scenes, device)
    said = [photos.fingerprint, partition.hash, "" if scenes is None else f"{scenes.name} {scenes.card.sha256}"]
    said += [
        f"{name} {prior.card.sha256} {prior.partition.hash} {temperature_of(prior)}" for name, prior in visual.items()
    ]
    key = hashlib.sha256(json.dumps(said).encode()).hexdigest()
    blocks = []
    for start in range(0, len(photos) if asking.needed else 0, _BLOCK):
        path, end = folder / key[:16] / f"{start:09d}.safetensors", min(start + _BLOCK, len(photos))
        block = _kept(path, key)
        if block is None:
            block = asking.block(photos, range(start, end))
            if block["read"].any():  # else it may be a disk that is gone: try again the next time
                _keep(path, key, block)
        blocks.append(block)
        _log.info("%d of %d photos", end, len(photos))
    read = np.concatenate([block["read"] for block in blocks]) if blocks else np.ones(len(photos), bool)
    lost = tuple(photos.key(int(k)) for k in np.flatnonzero(~read))
    if lost:
        more = f" and {len(lost) - _NAMED} more" if len(lost) > _NAMED else ""
        _log.warning("%d photos cannot be read and are left out: %s%s", len(lost), ", ".join(lost[:_NAMED]), more)
    if not read.any():
        raise DatasetError(
            f"none of the {len(photos)} photos of {printable(photos.name)} can be read: see that they are there"
        )
    found, gate = _scenes(blocks, list(visual), "" if scenes is None else scenes.name)
    grey = np.full((32, 32, 3), 128, np.uint8)
    rows = [
        np.concatenate([block[f"p{list(visual).index(name)}"] for block in blocks])
        if name in visual
        else log_rows(rebinned(prior.predict([grey])[0].distribution, partition).p)[None]
        for name, prior in priors.items()
    ]
    return Gathered(np.flatnonzero(read), rows, found, gate, lost)


class _Asking:
    """Asks priors and the scene model about photos."""

    def __init__(
        self, priors: Mapping[str, Prior], partition: Partition, scenes: SceneModel | None, device: str
    ) -> None:
        self._priors, self._partition, self._scenes, self._device = list(priors.values()), partition, scenes, device
        self.needed = bool(priors) or scenes is not None

    def block(self, photos: PhotoSet, which: range) -> Tensors:
        """``read`` (b,), and for the r photos that were: ``p0`` (r, n) ... and ``s0`` (r, 3) ... of each prior.

        Scenes of the scene model are ``s``; NaN where a prior gives none.
        """
        read = np.zeros(len(which), bool)
        found: dict[str, list[NDArray[Any]]] = {}
        for start in range(0, len(which), _AT_ONCE):
            images = []
            for place, index in list(enumerate(which))[start : start + _AT_ONCE]:
                try:
                    images.append(photos.pixels(index))
                    read[place] = True
                except ImageError:
                    continue
            if images:
                for key, value in self._said(images).items():
                    found.setdefault(key, []).append(value)
        none = {f"p{k}": np.zeros((0, len(self._partition)), np.float32) for k in range(len(self._priors))}
        return none | {"read": read} | {key: np.concatenate(values) for key, values in found.items()}

    def _said(self, images: Sequence[NDArray[np.uint8]]) -> Tensors:
        found: Tensors = {}
        for k, prior in enumerate(self._priors):
            outputs = prior.predict(images, device=self._device)
            found[f"p{k}"] = np.stack([log_rows(rebinned(out.distribution, self._partition).p) for out in outputs])
            found[f"s{k}"] = np.array([_scene(out) for out in outputs])
        if self._scenes is not None:
            given = self._scenes.predict(images, device=self._device)
            found["s"] = np.array([[scene[name] for name in SCENES] for scene in given], np.float64)
        return found


def _scene(output: PriorOutput) -> list[float]:
    if output.scene is None or set(output.scene) != set(SCENES):
        return [np.nan] * len(SCENES)
    return [float(output.scene[name]) for name in SCENES]


def _scenes(
    blocks: Sequence[Mapping[str, NDArray[Any]]], names: Sequence[str], model: str
) -> tuple[NDArray[np.float64] | None, str]:
    for key, gate in [*((f"s{k}", f"member:{name}") for k, name in enumerate(names)), ("s", model)]:
        if gate and blocks and any(key in block for block in blocks):
            found = np.concatenate([block[key] for block in blocks if key in block]).astype(np.float64)
            if len(found) and not np.isnan(found).any():
                return found / found.sum(axis=1, keepdims=True), gate
    return None, ""


def _keep(path: Path, key: str, block: Tensors) -> None:
    from safetensors.numpy import save

    content = save(block, metadata={"whence": json.dumps({"opinions-of": key})})
    try:
        write_whole(path, content)
    except OSError as error:
        raise DatasetError(
            f"cannot write {printable(str(path))}: {error.strerror or error}; make room and start again"
        ) from error


def _kept(path: Path, key: str) -> Tensors | None:
    """What ``path`` holds; None where it is not there or damaged, so that it is asked again."""
    from safetensors import SafetensorError, safe_open

    if not path.exists():
        return None
    try:
        with safe_open(path, framework="numpy") as file:
            head: Any = json.loads((file.metadata() or {}).get("whence", "null"))
            if not isinstance(head, dict) or head.get("opinions-of") != key:
                return None
            return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - it is no dictionary
    except (SafetensorError, OSError, ValueError, KeyError) as error:
        _log.warning("%s is damaged and is made again (%s)", printable(str(path)), printable(str(error)))
        return None
