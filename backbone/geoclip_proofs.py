"""What GeoCLIP's true weights do and others do not, tried without any photo but the one that the package carries."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from backbone.base import Prior
from backbone.checked import Proof
from backbone.density import DensityPrior
from backbone.geoclip_files import CLIP_FILES, PINNED, carried, package_folder
from backbone.geoclip_gallery import encoded
from backbone.geoclip_network import GeoClipNetwork
from backbone.hub_cache import file_sha256
from data.geodesy import haversine_km
from data.images import load
from data.partition import Partition

__all__ = ["proofs", "proven_files", "proven_locations", "proven_photo"]

_PINNED_PACKAGE: Final = "1.3.0"

_CITIES: Final = np.array(
    [[48.8566, 2.3522], [51.5074, -0.1278], [-33.8688, 151.2093], [35.6762, 139.6503]], np.float32
)  # Paris, London, Sydney, Tokyo
_COSINES: Final = (0.4431, 0.2898, 0.2229)  # of Paris with the others, by the location encoder of geoclip 1.3.0
_COSINE_OFF: Final = 0.002

_VALLEY: Final = (22.15, -159.65)  # Kalalau, on Kauai: the photo shows it from its lookout
_NEAR_KM: Final = 500.0  # all of Hawaii
_MORE_THAN_DENSITY: Final = 20.0
_MORE_THAN_GREY: Final = 5.0


def proofs(prior: Prior, network: GeoClipNetwork, *, device: str = "cpu") -> list[Proof]:
    """Of ``prior``, which is GeoCLIP with ``network``: its files, what it makes of cities, and of a photo of Kauai.

    Raises:
        WeightsError: The weights give no numbers.
        RequestError: There is no such device.
    """
    return [*proven_files(network), proven_locations(network, device=device), proven_photo(prior, device=device)]


def proven_files(network: GeoClipNetwork) -> list[Proof]:
    """The SHA-256 of each file, of what is in it and not of what it is called, beside the pinned one."""
    paths = carried()
    if network.folder is not None:
        paths = {CLIP_FILES[0]: network.folder / CLIP_FILES[0]} | paths
    found = []
    for name, path in paths.items():
        digest = file_sha256(path, read=True)
        if digest == PINNED[name]:
            found.append(Proof(name, f"sha256 {digest}, as pinned", True))
        elif name != CLIP_FILES[0] and network.package != _PINNED_PACKAGE:
            found.append(Proof(name, f"sha256 {digest}; none is known of geoclip {network.package}"))
        else:
            found.append(Proof(name, f"sha256 {digest}, which is not the pinned {PINNED[name]}", False))
    return found


def proven_locations(network: GeoClipNetwork, *, device: str = "cpu") -> Proof:
    """How like each other the location encoder finds four cities, beside what it found when this was written."""
    features = encoded(network, _CITIES, device=device)
    found = (features[1:] @ features[0]).tolist()
    holds = bool(np.allclose(found, _COSINES, atol=_COSINE_OFF))
    said, right = (", ".join(f"{cosine:.4f}" for cosine in cosines) for cosines in (found, _COSINES))
    return Proof("location encoder", f"Paris is like London, Sydney, Tokyo by {said}; {right} is right", holds)


def proven_photo(prior: Prior, *, device: str = "cpu") -> Proof:
    """Whether the photo of Kauai in the package is put to Hawaii: far more than any photo is, and than a grey one."""
    what, path = "photo of Kauai", package_folder() / "images" / "Kauai.png"
    if not path.is_file():
        return Proof(what, "this package of geoclip does not carry it")
    photo = load(path).pixels
    at_all, of_photo, of_grey = (
        _near_valley(p, prior.partition)
        for p in (
            DensityPrior(prior.partition).distribution.p,
            *(said.distribution.p for said in prior.predict([photo, np.full_like(photo, 128)], device=device)),
        )
    )
    holds = of_photo >= _MORE_THAN_DENSITY * at_all and of_photo >= _MORE_THAN_GREY * of_grey
    said = f"Hawaii {of_photo:.1%}; of a grey picture {of_grey:.2%}; before any is seen {at_all:.2%}"
    return Proof(what, said, bool(holds))


def _near_valley(p: NDArray[np.float32], partition: Partition) -> float:
    return float(p[haversine_km(*_VALLEY, partition.lat, partition.lon) <= _NEAR_KM].sum(dtype=np.float64))
