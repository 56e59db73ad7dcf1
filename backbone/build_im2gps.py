"""Rebuilds ``backbone/assets/im2gps.safetensors``: the dictionary of textons and the scales of the descriptors.

    python -m backbone.build_im2gps DATA [--out FILE]

DATA holds the sets of photos ``streets_train`` and ``travel_train``. Where they were taken is used for one thing: two
photos within 25 km say nothing about how far unlike photos are apart.
"""

from __future__ import annotations

import argparse
import hashlib
from pathlib import Path

import numpy as np

from backbone.im2gps import IM2GPS_PATH, WEIGHTS, blocks_of
from backbone.textons import learn_textons
from data.geodesy import haversine_km
from data.photo_sets import concatenated, open_photo_set
from data.writing import write_whole

__all__ = ["main"]

_TEXTONS = 256
_SETS = ("streets_train", "travel_train")
_APART_KM = 25.0


def main() -> None:
    """Learn, measure and write."""
    from safetensors.numpy import save

    parser = argparse.ArgumentParser(description="rebuild the textons of IM2GPS")
    parser.add_argument("data", type=Path)
    parser.add_argument("--out", type=Path, default=IM2GPS_PATH)
    args = parser.parse_args()
    photos = concatenated([open_photo_set(args.data / name) for name in _SETS])
    images = [photos.pixels(k, at_least=320) for k in range(len(photos))]
    textons = learn_textons(images, _TEXTONS)
    blocks = [blocks_of(image, textons) for image in images]
    apart = haversine_km(photos.lat[:, None], photos.lon[:, None], photos.lat, photos.lon) > _APART_KM
    scales = []
    for name in WEIGHTS:
        x = np.stack([block[name] for block in blocks]).astype(np.float64)
        square = (x**2).sum(axis=1)
        scales.append(np.sqrt((square[:, None] + square - 2.0 * x @ x.T)[apart].mean()))
        print(f"{name}: {x.shape[1]} numbers, scale {scales[-1]:.4g}")
    content = save({"textons": textons, "scales": np.array(scales, np.float64)})
    write_whole(args.out, content)
    print(f"{args.out}: {len(content)} bytes, sha256 {hashlib.sha256(content).hexdigest()}")


if __name__ == "__main__":
    main()
