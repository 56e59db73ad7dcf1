"""How GeoCLIP's scores of places are pooled into cells: a choice, measured with a simulated eye on the true map.

CLIP's weights are not at hand where this is run, but GeoCLIP's location encoder is. A photo's features are made up from
those of its true place: that direction, by a share between 0.05 and 0.6, a direction of four other places together, by
up to 0.3, and chance. The nearest place of the gallery is then within 25 km, 200 km, 2,500 km for the shares that are
printed; GeoCLIP's makers published 34 %, 51 %, 84 % on IM2GPS3k. Where photos are taken is real, so is where the
gallery has places, and so is which places look alike to GeoCLIP: it is that which tells the ways of pooling apart.

    python -m benchmarks.geoclip_pooling streets_dev=FOLDER travel_train=FOLDER places_dev=FOLDER \
        > benchmarks/results/geoclip_pooling.txt

For each way: nats of the true cell at the best temperature of a grid, that temperature, and nats at temperature 1.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from backbone.density import DensityPrior
from backbone.geoclip_gallery import cell_log_p, default_folder, encoded, places_of
from backbone.geoclip_network import GeoClipNetwork, random_network
from data.geodesy import haversine_km
from data.partition import Partition, load_default
from data.photo_sets import open_photo_set

TEMPERATURES = (0.4, 0.5, 0.7, 1.0, 1.4, 2.0)
SHARES = (0.0, 0.005, 0.02, 0.05, 0.1)
SEED = 0

Floats = NDArray[np.float64]


def seen(network: GeoClipNetwork, gallery: NDArray[np.float32], lat: Floats, lon: Floats) -> NDArray[np.float32]:
    """Features (m, 512) of made-up photos at ``lat``, ``lon`` (m,) degrees."""
    rng = np.random.default_rng(SEED)
    mean = gallery.mean(axis=0)
    true = unit(encoded(network, np.stack([lat, lon], axis=1).astype(np.float32)) - mean)
    others = gallery[rng.integers(0, len(gallery), (len(true), 4))]
    other = unit(np.einsum("mk,mkd->md", rng.dirichlet(np.ones(4), len(true)), others) - mean)
    own, wrong = rng.uniform(0.05, 0.6, (len(true), 1)), rng.uniform(0.0, 0.3, (len(true), 1))
    chance = unit(rng.standard_normal(true.shape))
    return unit(own * true + wrong * other + np.sqrt(1.0 - own**2 - wrong**2) * chance).astype(np.float32)


def unit(vectors: NDArray[np.floating]) -> NDArray[np.floating]:
    """``vectors`` (m, d) of length 1."""
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True))


def ways(
    cosines: NDArray[np.float32], of_gallery: NDArray[np.float32], starts: NDArray[np.int64], cells: NDArray[np.int32],
    density: Floats, scale: float,
) -> Iterator[tuple[str, Floats]]:  # fmt: skip
    """Each way's name and probabilities of the cells (n,), before the density's share."""
    yield "density x mean over places", np.exp(cell_log_p(cosines * np.float32(scale), starts, np.log(density)))
    p = np.exp(scale * (of_gallery - of_gallery.max()).astype(np.float64))
    yield "sum over the gallery", np.bincount(cells, weights=p / p.sum(), minlength=len(density)).astype(np.float64)


def measure(name: str, folder: Path, network: GeoClipNetwork, partition: Partition) -> None:
    """Print a table for the photos in ``folder``; their pixels are not looked at."""
    photos = open_photo_set(folder, missing="skip")
    gallery = network.gallery.astype(np.float64)
    places = places_of(network, partition, default_folder())
    encoded_gallery = encoded(network, network.gallery)
    density = DensityPrior(partition).distribution.p.astype(np.float64)
    cells, truth = partition.cells_of(*gallery.T), partition.cells_of(photos.lat, photos.lon)
    nats: dict[tuple[str, float, float], list[float]] = {}
    km = []
    for i, features in enumerate(seen(network, encoded_gallery, photos.lat, photos.lon)):
        cosines, of_gallery = places.features @ features, encoded_gallery @ features
        lat, lon = gallery[int(of_gallery.argmax())]
        km.append(float(haversine_km(lat, lon, photos.lat[i], photos.lon[i])))
        for t in TEMPERATURES:
            for way, p in ways(cosines, of_gallery, places.starts, cells, density, network.logit_scale / t):
                for share in SHARES:
                    mixed = (1.0 - share) * p[truth[i]] + share * density[truth[i]]
                    nats.setdefault((way, share, t), []).append(-math.log(max(mixed, 1e-30)))
    within = ", ".join(f"{np.mean(np.array(km) <= band):.0%} within {band:,} km" for band in (25, 200, 2_500))
    nowhere = np.mean(np.bincount(cells, minlength=len(partition))[truth] == 0)
    print(f"\n{name}: {len(photos)} places, {nowhere:.0%} in cells without a place of the gallery; nearest: {within}")
    print(f"density alone: {-np.log(density[truth]).mean():.3f} nats")
    for way, share in dict.fromkeys((way, share) for way, share, _ in nats):
        means = {t: float(np.mean(nats[way, share, t])) for t in TEMPERATURES}
        best = min(means, key=lambda t: means[t])
        print(f"  {way:<27} {share:>5.1%} density  {means[best]:7.3f} nats at {best:<4} {means[1.0]:7.3f} at 1")


def main() -> None:
    network, partition = random_network(), load_default()
    print(f"GeoCLIP {network.package}'s location encoder, {partition!r}, seed {SEED}")
    for argument in sys.argv[1:]:
        name, _, folder = argument.partition("=")
        measure(name, Path(folder), network, partition)


if __name__ == "__main__":
    main()
