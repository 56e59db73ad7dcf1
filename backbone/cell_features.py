"""What a cell is like, as numbers: where photos look alike, and what kind of place it is.

The first columns are principal components of GeoCLIP's location embedding (Vivanco Cepeda, Nayak and Shah, NeurIPS
2023) at the cells of the partition's middle level, by how much of the density prior they tell apart: that encoder was
trained to agree with CLIP's embedding of photos, so places that look alike are near each other in it. A fine cell has
its parent's. The last three say what a fine cell has more of than its neighbours: street photos or people's photos,
inhabitants, land.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from backbone.density import DensityPrior
from data.errors import WeightsError
from data.partition import Partition

__all__ = ["cell_features", "habitat", "location_components"]

LEVEL: Final = "middle"
_SETTLED_KM2: Final = 25_000.0  # as in the density prior
_FLOOR: Final = 1e-9  # of a probability
_MOST: Final = 4.0  # nats
_AT_ONCE: Final = 2_048

Floats32 = NDArray[np.float32]


def cell_features(partition: Partition, components: Floats32) -> Floats32:
    """(n, k + 3) features of the fine cells, from :func:`location_components` (groups, k) of their middle level."""
    return np.concatenate([components[partition.parents(LEVEL)], habitat(partition)], axis=1)


def habitat(partition: Partition) -> Floats32:
    """(n, 3): log-ratios of street photos to people's photos, and of inhabitants and of land to all photos.

    Under the density prior each has mean 0 and deviation 1; none is over 4 nats before that.
    """
    density, street, people = (
        DensityPrior(partition, name).distribution.p.astype(np.float64)
        for name in ("density", "density:street", "density:people")
    )
    population = partition.population.astype(np.float64)
    land = np.minimum(partition.area_km2, _SETTLED_KM2)
    columns = []
    for over, under in ((street, people), (_shares(population), density), (_shares(land), density)):
        ratio = np.clip(np.log((over + _FLOOR) / (under + _FLOOR)), -_MOST, _MOST)
        ratio -= density @ ratio
        columns.append(ratio / max(np.sqrt(density @ ratio**2), _FLOOR))
    return np.stack(columns, axis=1).astype(np.float32)


def _shares(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    return counts / counts.sum() if counts.any() else counts


def location_components(partition: Partition, count: int) -> Floats32:
    """(groups, count) float32: GeoCLIP's location embedding at the middle cells, reduced. Build time only.

    Components are those of the covariance under the density prior, scaled so that the first has deviation 1 and the
    others the square root of theirs beside its: small ones say little, but not as little as the embedding has them.

    Raises:
        WeightsError: The package ``geoclip`` is not installed.
    """
    try:
        import warnings

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch's, of how the package is compiled
            from geoclip import LocationEncoder
    except ImportError as error:
        raise WeightsError("the location embedding comes with geoclip: pip install 'whence[geoclip]'") from error
    import torch

    groups = partition.at(LEVEL)
    places = torch.tensor(np.stack([groups.lat, groups.lon], axis=1), dtype=torch.float32)
    encoder = LocationEncoder().eval()
    with torch.inference_mode():
        said = torch.cat(
            [torch.nn.functional.normalize(encoder(some), dim=1) for some in torch.split(places, _AT_ONCE)]
        )
    embedding = said.double().numpy()
    fine = DensityPrior(partition).distribution.p.astype(np.float64)
    weight = np.bincount(partition.parents(LEVEL), weights=fine, minlength=len(groups))
    centred = embedding - weight @ embedding
    values, vectors = np.linalg.eigh((centred * weight[:, None]).T @ centred)
    values, vectors = values[::-1][:count], vectors[:, ::-1][:, :count]
    # The sign of a component is a matter of the library: the largest entry is made positive.
    vectors = vectors * np.sign(vectors[np.abs(vectors).argmax(axis=0), np.arange(count)])
    whitened = centred @ vectors / np.sqrt(values)
    return np.asarray(whitened * np.sqrt(values / values[0]), np.float32)
