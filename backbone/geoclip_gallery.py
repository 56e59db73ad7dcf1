"""The places that GeoCLIP compares a photo with: its gallery, filled up so that every cell has some; encoded once.

GeoCLIP's own posterior, the softmax over its gallery, weighs a place by how many photos of MP-16 lie there: a cell
without any gets nothing, and a third of the world's street photos lie in such cells. Here a cell ``c`` has the mean
over its own places, times how likely it is before a photo is seen (``density``):

    p(c | photo) ~ density(c) mean over places l in c of exp(s cos(photo, l) / T)

which is the same Bayesian reading of a contrastive network (its best critic is ``log p(l | x) / p(l)``; van den Oord et
al. 2018, eq. 6) with another density in front. Places of a cell are those of the gallery that lie in it, and points of
the cell itself until there are four.
"""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from backbone.geoclip_files import LOCATIONS, REINSTALL
from backbone.geoclip_network import GeoClipNetwork
from data.errors import WeightsError
from data.partition import Partition
from data.user_folders import user_cache
from data.writing import write_whole

__all__ = ["LEAST_PLACES", "Places", "cell_log_p", "default_folder", "encoded", "places_in_cells", "places_of"]

LEAST_PLACES: Final = 4
"""Places that every cell has at least: with 1, photos of streets were told 0.2 nats worse in a simulation."""

_FORMAT: Final = 1  # to be raised where what is kept changes
_AT_ONCE: Final = 2_048
_WIDTH: Final = 512


@dataclass(frozen=True, eq=False)
class Places:
    """Places sorted by cell, and what GeoCLIP makes of them.

    Attributes:
        starts: (n,) first place of each cell; every cell has some.
        features: (k, 512) float32 of length 1, rounded to half precision.
    """

    starts: NDArray[np.int64]
    features: NDArray[np.float32]


def default_folder() -> Path | None:
    """Where places are kept: in the user's cache folder; None for a user without a home folder."""
    return user_cache("geoclip")


def places_of(network: GeoClipNetwork, partition: Partition, folder: Path | None, *, device: str = "cpu") -> Places:
    """The places of ``partition``'s cells: from ``folder``, or encoded in half a minute and kept there.

    Kept under the SHA-256 of the location encoder, of the gallery, of the partition and of what made them; what is
    damaged is made again. 134 MB on disk for the shipped partition. They are rounded to half precision whether they
    come from the disk or not, so that every run says the same.

    Args:
        network: Whose location encoder and gallery.
        partition: The cells.
        folder: Where they are kept; None for nowhere.
        device: Where they are encoded, if they must be.

    Raises:
        WeightsError: The location encoder gives no numbers.
    """
    parts = (_FORMAT, LEAST_PLACES, network.sha256.get(LOCATIONS, ""), network.package, partition.hash)
    digest = hashlib.sha256(json.dumps(parts).encode())
    digest.update(network.gallery.tobytes())
    path = None if folder is None else folder / f"places-{digest.hexdigest()[:32]}.safetensors"
    kept = _read(path, len(partition))
    if kept is None:
        points, starts = places_in_cells(network.gallery, partition)
        features = encoded(network, points, device=device).astype(np.float16)
        if not np.isfinite(features).all():
            raise WeightsError(f"GeoCLIP's location encoder gives no numbers: {REINSTALL}")
        kept = starts, features
        _keep(path, *kept)
    return Places(kept[0], kept[1].astype(np.float32))


def places_in_cells(
    gallery: NDArray[np.float32], partition: Partition
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Places (k, 2) in degrees, sorted by cell, and the first of each cell (n,).

    ``gallery`` (g, 2) float32, and of each cell that has under :data:`LEAST_PLACES` of it as many of its own points as
    are missing.
    """
    cells = partition.cells_of(gallery[:, 0].astype(np.float64), gallery[:, 1].astype(np.float64))
    missing = LEAST_PLACES - np.bincount(cells, minlength=len(partition))
    own = np.arange(LEAST_PLACES) < missing[:, None]  # [n, LEAST_PLACES]
    lat, lon = partition.sample_points(LEAST_PLACES)
    added = np.stack([lat[own], lon[own]], axis=1).astype(np.float32)
    of_cell = np.concatenate([cells.astype(np.int64), np.nonzero(own)[0]])
    order = np.argsort(of_cell, kind="stable")
    return np.concatenate([gallery, added])[order], np.searchsorted(of_cell[order], np.arange(len(partition)))


def encoded(network: GeoClipNetwork, points: NDArray[np.float32], *, device: str = "cpu") -> NDArray[np.float32]:
    """Features (k, 512) of length 1 of ``points`` (k, 2), latitudes and longitudes in degrees."""
    import torch

    encoder = network.locations.to(device)
    rows = np.empty((len(points), _WIDTH), np.float32)
    with torch.inference_mode():
        for start in range(0, len(points), _AT_ONCE):
            some = torch.from_numpy(points[start : start + _AT_ONCE]).to(device)
            rows[start : start + _AT_ONCE] = torch.nn.functional.normalize(encoder(some), dim=1).float().cpu().numpy()
    return rows


def cell_log_p(
    logits: NDArray[np.float32], starts: NDArray[np.int64], log_density: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Log-probabilities (n,) of cells from ``logits`` (k,) of their places, ``s cos / T``; they sum to 1.

    Args:
        logits: Of the places, sorted by cell.
        starts: (n,) first place of each cell.
        log_density: (n,) of each cell before a photo is seen; need not be normalised.
    """
    counts = np.diff(starts, append=len(logits))
    peaks = np.maximum.reduceat(logits, starts)
    # Relative to each cell's own peak, so that no cell's sum vanishes at a low temperature.
    sums = np.add.reduceat(np.exp(logits - np.repeat(peaks, counts)), starts)
    log_p = log_density + peaks.astype(np.float64) + np.log(sums.astype(np.float64) / counts)
    log_p -= log_p.max()
    total: NDArray[np.float64] = log_p - np.log(np.exp(log_p).sum())
    return total


def _read(path: Path | None, n: int) -> tuple[NDArray[np.int64], NDArray[np.float16]] | None:
    """What is kept at ``path``, or None where there is nothing or it is not what was kept."""
    if path is None:
        return None
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "numpy") as file:
            starts, features = file.get_tensor("starts"), file.get_tensor("features")
            digest = (file.metadata() or {}).get("sha256")
    except (OSError, SafetensorError):
        return None
    sound = starts.shape == (n,) and features.dtype == np.float16 and features.shape[1:] == (_WIDTH,)
    return (starts, features) if sound and digest == _digest(starts, features) else None


def _keep(path: Path | None, starts: NDArray[np.int64], features: NDArray[np.float16]) -> None:
    from safetensors.numpy import save

    if path is None:
        return
    content = save({"starts": starts, "features": features}, metadata={"sha256": _digest(starts, features)})
    with suppress(OSError):  # a cache that cannot be kept costs half a minute at the next start
        write_whole(path, content)


def _digest(starts: NDArray[np.int64], features: NDArray[np.float16]) -> str:
    digest = hashlib.sha256(starts.tobytes())
    digest.update(features.data)
    return digest.hexdigest()
