"""The files of GeoCLIP: those that the package ``geoclip`` carries, and CLIP's from the Hugging Face hub."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from backbone.hub_cache import cached_file, hub_trouble
from data.errors import OfflineError, WeightsError
from data.printable import printable

__all__ = [
    "CLIP_FILES",
    "CLIP_REPOSITORY",
    "CLIP_REVISION",
    "GALLERY",
    "INSTALL",
    "LOCATIONS",
    "MLP",
    "PINNED",
    "REINSTALL",
    "SCALE",
    "cached_clip",
    "carried",
    "fetched_clip",
    "geoclip_at_hand",
    "package_folder",
    "package_version",
]

CLIP_REPOSITORY: Final = "openai/clip-vit-large-patch14"
CLIP_REVISION: Final = "32bd64288804d66eefd0ccbe215aa642df71cc41"
CLIP_FILES: Final = ("model.safetensors", "config.json", "preprocessor_config.json")  # 1.7 GB; never a pickle

LOCATIONS: Final = "location_encoder_weights.pth"
MLP: Final = "image_encoder_mlp_weights.pth"
SCALE: Final = "logit_scale_weights.pth"
GALLERY: Final = "coordinates_100K.csv"

PINNED: Final[Mapping[str, str]] = {
    "model.safetensors": "a2bf730a0c7debf160f7a6b50b3aaf3703e7e88ac73de7a314903141db026dcb",
    MLP: "5342c391eec961796d04d02f2bd670bfa97b34ce32c656d0e0676581103c2c14",
    LOCATIONS: "94b80ae3af89fca78539e129dd2929d321247f5ceeeb0a31bc2c31041a253394",
    SCALE: "9568e2e09dd19083082bf285b2c0c126867e40dbd275a8ee8c621888b861904e",
    GALLERY: "3a00b1ba58f13443db726533b6399b39609e292df09d4e58792fa5949d1838b1",
}
"""SHA-256 of CLIP's weights at :data:`CLIP_REVISION` and of the files in the wheel of geoclip 1.3.0."""

INSTALL: Final = "pip install 'whence[geoclip]'"
REINSTALL: Final = "pip install --force-reinstall --no-deps geoclip"


def package_folder() -> Path:
    """The folder of the package geoclip, which is not imported for this.

    Raises:
        WeightsError: It is not installed.
    """
    found = find_spec("geoclip")
    if found is None or not found.submodule_search_locations:
        raise WeightsError(f"the prior geoclip needs the package geoclip: {INSTALL}")
    return Path(next(iter(found.submodule_search_locations)))


def package_version() -> str:
    """Version of the package geoclip; ``"unknown"`` where nobody says it."""
    try:
        return version("geoclip")
    except PackageNotFoundError:
        return "unknown"


def carried() -> dict[str, Path]:
    """The files that the package carries, by name.

    Raises:
        WeightsError: It is not installed.
    """
    model = package_folder() / "model"
    return {name: model / "weights" / name for name in (MLP, LOCATIONS, SCALE)} | {
        GALLERY: model / "gps_gallery" / GALLERY
    }


def cached_clip() -> Path | None:
    """The folder with :data:`CLIP_FILES` in the hub's cache on this machine, or None."""
    found = [cached_file(CLIP_REPOSITORY, file, revision=CLIP_REVISION) for file in CLIP_FILES]
    folders = {path.parent for path in found if path is not None}
    return folders.pop() if None not in found and len(folders) == 1 else None


def geoclip_at_hand() -> bool:
    """Whether the package is installed and CLIP's files are in the hub's cache; imports nothing heavy."""
    return find_spec("geoclip") is not None and cached_clip() is not None


def fetched_clip(*, offline: bool) -> Path:
    """The folder with :data:`CLIP_FILES`, fetched into the hub's cache.

    Raises:
        OfflineError: The network is forbidden.
        WeightsError: They cannot be fetched.
    """
    copied = f"copy its files ({', '.join(CLIP_FILES)}) into a folder and name it, as in geoclip:./FOLDER"
    if offline:
        raise OfflineError(
            f"CLIP's weights {CLIP_REPOSITORY} are not on this machine, and the network is forbidden: run once without "
            f"--offline and WHENCE_OFFLINE, or {copied}"
        )
    error = hub_trouble()
    if error is None:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of huggingface_hub about itself
                from huggingface_hub import snapshot_download

                return Path(snapshot_download(CLIP_REPOSITORY, revision=CLIP_REVISION, allow_patterns=list(CLIP_FILES)))
        except Exception as failure:  # whatever the hub, a full disk or a cut connection leads to
            error = failure
    detail = printable(" ".join(str(error).split()))[:200]
    raise WeightsError(
        f"CLIP's weights {CLIP_REPOSITORY} cannot be fetched ({detail}): check the network, or {copied}"
    ) from error
