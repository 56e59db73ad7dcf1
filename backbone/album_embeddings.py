"""Embeddings of many photos by a prior's frozen trunk, computed once and kept in a folder, block by block."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from backbone.photo_batches import held_out_batches
from backbone.planet import PlanetPrior
from data.errors import DatasetError, WeightsError
from data.photo_sets import PhotoSet, Subset
from data.printable import printable
from data.writing import write_whole

__all__ = ["embeddings_of"]

_BLOCK: Final = 1_024  # photos in a file: what an interruption loses at most
_AT_ONCE: Final = 8


def embeddings_of(
    prior: PlanetPrior,
    photos: PhotoSet,
    folder: Path,
    *,
    device: str = "cpu",
    workers: int = 0,
    done: Callable[[int], None] = lambda count: None,
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Features (n, d) of all ``photos`` as ``prior`` gives them, and which photos (n,) could be read.

    What ``folder`` holds already is not computed again; the row of a photo that cannot be read is 0. Of a block
    in which no photo can be read nothing is kept: it is tried again the next time.

    Args:
        prior: Whose trunk.
        photos: The set.
        folder: Where to keep them; made where there is none.
        device: ``"cpu"`` or ``"cuda"``.
        workers: Processes that decode photos; 0 decodes in this one.
        done: Called after each block with the number of photos that are there.

    Raises:
        DatasetError: The set's own files are gone, none of the photos can be read, or the folder cannot be written.
        WeightsError: The folder holds the embeddings of other photos, or the prior's weights are damaged.
    """
    rows, read = [], []
    for start in range(0, len(photos), _BLOCK):
        some = Subset(photos, np.arange(start, min(start + _BLOCK, len(photos))))
        said = hashlib.sha256(f"{prior.card.sha256} {some.fingerprint}".encode()).hexdigest()
        path = folder / f"{start:09d}.safetensors"
        block = _kept(path, said) if path.exists() else None
        if block is None:
            block = _computed(prior, some, device, workers)
            if block[1].any():
                _keep(path, said, *block)
        rows.append(block[0])
        read.append(block[1])
        done(start + len(some))
    if not any(some.any() for some in read):
        raise DatasetError(
            f"none of {len(photos)} photos of {printable(photos.name)} can be read: see that they are there"
        )
    width = max(block.shape[1] for block in rows)
    whole = [block if block.shape[1] else np.zeros((len(block), width), np.float32) for block in rows]
    return np.concatenate(whole), np.concatenate(read)


def _computed(
    prior: PlanetPrior, photos: PhotoSet, device: str, workers: int
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Features (n, d) and which were read; (n, 0) where none was, since nobody knows ``d`` then."""
    found = np.zeros((len(photos), 0), np.float32)
    read = np.zeros(len(photos), bool)
    for batch in held_out_batches(photos, prior.pixels, batch=_AT_ONCE, workers=workers):
        if not len(batch.indices):
            continue
        features = prior.log_posterior(batch.pixels.movedim(-3, -1).contiguous().numpy(), device=device)[1]
        if not found.shape[1]:
            found = np.zeros((len(photos), features.shape[1]), np.float32)
        found[batch.indices], read[batch.indices] = features, True
    return found, read


def _keep(path: Path, said: str, rows: NDArray[np.float32], read: NDArray[np.bool_]) -> None:
    from safetensors.numpy import save

    content = save({"embeddings": rows, "read": read}, metadata={"whence": json.dumps({"embeddings-of": said})})
    try:
        write_whole(path, content)
    except OSError as error:
        raise DatasetError(f"cannot write {path}: {error.strerror or error}; make room and start again") from error


def _kept(path: Path, said: str) -> tuple[NDArray[np.float32], NDArray[np.bool_]] | None:
    """What ``path`` holds; None where it is damaged, so that it is computed again.

    Raises:
        WeightsError: It is of other photos or of another prior.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            head: Any = json.loads((file.metadata() or {}).get("whence", "null"))
            rows, read = file.get_tensor("embeddings"), file.get_tensor("read")
    except (SafetensorError, OSError, ValueError, KeyError):
        return None
    if not isinstance(head, dict) or head.get("embeddings-of") != said:
        raise WeightsError(
            f"{printable(str(path.parent))} holds embeddings of other photos or of another prior: give the same, or "
            "another folder, or remove that one"
        )
    return rows, read
