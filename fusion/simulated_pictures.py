"""Simulated photos that are drawn and read by the real detectors, to check those that are simulated as text.

The signs and plates of a scene (``fusion.simulate.scene_of``) are drawn into a picture, seen from the side, small and
blurred, as ``detectors.paste_regions`` does for the region detector; then the looker and the clue readers of a
``Locator`` read it. What one sees is what the fonts on this machine write: a sign whose letters none has is left out.
Seconds a photo.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from data.images import load
from data.opencv import opencv
from data.partition import Partition
from data.partition import load_default as load_partition
from data.version import __version__
from detectors.draw_plates import LOOKS, draw_plate
from detectors.paste_regions import Boxes, corners_of, free_place, paste, sign_of
from detectors.privacy import masked
from detectors.render_fonts import Face, faces_by_script
from detectors.script import script_of
from fusion.clue_rows import clue_of, clue_values, keep_row, kept_rows, reading_of, reading_values
from fusion.context import Context
from fusion.simulate import Plate, Scene, Sign, Simulated, scene_of

if TYPE_CHECKING:
    from fusion.locator import Locator

__all__ = ["is_written", "picture_of", "rendered"]

Pixels = NDArray[np.uint8]
Rng = np.random.Generator

_WIDTH, _HEIGHT = 960, 720
_LINE_PX: Final = 24.0  # median height of a line's letters
_PLATE_PX: Final = 90.0  # median width of a plate
_SPREAD: Final = 0.5  # standard deviation of the logarithm of either


def rendered(
    count: int,
    seed: int,
    partition: Partition | None = None,
    *,
    start: int = 0,
    grounds: Sequence[Path] = (),
    keep: Path | None = None,
) -> Iterator[Simulated]:
    """Photos ``start`` to ``start + count - 1`` of a seed: the scenes of :func:`fusion.simulate.simulate`, drawn.

    Their source is ``"rendered"``. Nothing is looked up, and no scene is told.

    Args:
        count: How many.
        seed: Not negative.
        partition: Of the priors; the shipped one if None.
        start: Number of the first.
        grounds: Photos to draw onto, which may be trained on and show no text; without any, a ground is drawn.
        keep: A file of JSON lines for what was read, which is not read again as long as the scenes, the grounds and
            the version of whence stay what they were; None keeps nothing.

    Raises:
        DatasetError: Word lists or fonts are not installed.
        ImageError: A ground is no photo.
    """
    partition = load_partition() if partition is None else partition
    known = {(row["seed"], row["number"]): row for row in (() if keep is None else kept_rows(keep))}
    made_by = [__version__, *(ground.name for ground in grounds)]
    for number in range(start, start + count):
        rng = np.random.default_rng([seed, number])
        scene = scene_of(rng, partition)
        drawn = [scene.lat, scene.lon, *(sign.lines for sign in scene.signs), *(p.text for p in scene.plates if p.real)]
        written = zlib.crc32(repr([made_by, *drawn]).encode())
        row = known.get((seed, number))
        if row is None or row["written"] != written:
            told = _read(picture_of(scene, rng, grounds))
            row = {"seed": seed, "number": number, "written": written, **told}
            if keep is not None:
                keep_row(keep, row)
        context = Context([reading_of(values) for values in row["readings"]], None, scene.prior.name)
        clues = [clue_of(values) for values in row["clues"]]
        prior = scene.prior
        yield Simulated(scene.lat, scene.lon, prior.distribution, prior.name, clues, context, "rendered")


def picture_of(scene: Scene, rng: Rng, grounds: Sequence[Path] = ()) -> Pixels:
    """(720, 960, 3) uint8 RGB: the scene's signs and plates on some ground; what finds no room is left out.

    What is no text is not drawn: a ground has its own.
    """
    picture = _photo(grounds[int(rng.integers(len(grounds)))]) if grounds else _ground(rng)
    taken: Boxes = []
    for sign in scene.signs:
        drawn = None if sign.noise else _drawn(sign, rng)
        if drawn is not None:
            high = _LINE_PX * float(np.exp(rng.normal(0.0, _SPREAD))) * len(sign.lines)
            picture = _put(picture, *drawn, high, rng, taken, low=False)
    for plate in scene.plates:
        if plate.real:
            flat = _plate(plate, rng)
            high = _PLATE_PX * float(np.exp(rng.normal(0.0, _SPREAD))) * flat.shape[0] / flat.shape[1]
            picture = _put(picture, flat, None, high, rng, taken, low=True)
    return picture


def _put(
    picture: Pixels, thing: Pixels, alpha: Pixels | None, high: float, rng: Rng, taken: Boxes, *, low: bool
) -> Pixels:
    """``thing`` in the picture where there is room, its box added to ``taken``."""
    aspect = thing.shape[1] / thing.shape[0]
    wide = min(high * aspect, 0.85 * _WIDTH)
    high = wide / aspect
    place = free_place(_WIDTH, _HEIGHT, wide, high, rng, taken, low=low)
    if place is None:
        return picture
    picture, box = paste(picture, thing, corners_of(*place, wide, high, rng, most_squeeze=0.5), rng, alpha)
    taken.append(box)
    return picture


def is_written(sign: Sign) -> bool:
    """Whether a sign is one that a font on this machine writes.

    Raises:
        DatasetError: No font is installed.
    """
    return not sign.noise and bool(_faces_of(sign))


def _faces_of(sign: Sign) -> Sequence[Face]:
    """Fonts that write all of a sign; none for an empty one."""
    if not any(line.strip() for line in sign.lines):
        return ()
    return [face for face in _faces(script_of("".join(sign.lines))) if all(map(face.has, sign.lines))]


def _drawn(sign: Sign, rng: Rng) -> tuple[Pixels, Pixels] | None:
    if not (faces := _faces_of(sign)):
        return None
    return sign_of(sign.lines, faces[int(rng.integers(len(faces)))], rng)


def _plate(plate: Plate, rng: Rng) -> Pixels:
    looks = [look for look in LOOKS if look.name[:2] == plate.country] or list(LOOKS)
    look = looks[int(rng.integers(len(looks)))]
    return draw_plate(look, plate.text.replace("\n", "|"), rng)


def _photo(path: Path) -> Pixels:
    sized: Pixels = opencv().resize(load(path).pixels, (_WIDTH, _HEIGHT), interpolation=opencv().INTER_AREA)
    return sized


def _ground(rng: Rng) -> Pixels:
    """Blotches of a few sizes: light and shade, walls and leaves, without anything written."""
    cv2 = opencv()
    picture = np.full((_HEIGHT, _WIDTH, 3), rng.uniform(60.0, 190.0) + rng.normal(0.0, 12.0, 3), np.float32)
    for cells, strength in ((4, 45.0), (16, 20.0), (80, 10.0)):
        blotches = rng.normal(0.0, strength * rng.uniform(0.3, 1.0), (cells * 3 // 4, cells, 1)).astype(np.float32)
        picture += cv2.resize(blotches, (_WIDTH, _HEIGHT), interpolation=cv2.INTER_CUBIC)[:, :, None]
    for _ in range(int(rng.integers(2, 12))):  # windows, doors, cars
        x, y = int(rng.integers(_WIDTH)), int(rng.integers(_HEIGHT))
        w, h = int(rng.integers(30, 300)), int(rng.integers(30, 300))
        picture[y : y + h, x : x + w] = 0.4 * picture[y : y + h, x : x + w] + rng.uniform(0.0, 140.0, 3)
    grainy = cv2.GaussianBlur(picture, (0, 0), 1.0) + rng.normal(0.0, 4.0, picture.shape)
    return np.asarray(np.clip(grainy, 0, 255), np.uint8)


@lru_cache(maxsize=64)
def _faces(script: str) -> Sequence[Face]:
    families = faces_by_script(held_out=False, scripts=("Latn",))
    script = {"Hira": "Kana", "Zyyy": "Latn"}.get(script, script)
    return [face for family in families.get(script, ()) for face in family]


def _read(picture: Pixels) -> Mapping[str, Any]:
    locator = _locator()
    looked = locator.looker.look(picture)
    return {
        "readings": [reading_values(reading) for reading in masked(looked.readings)],
        "clues": [clue_values(clue) for clue in locator.clues(looked.readings, looked.plates)],
    }


@lru_cache(maxsize=1)
def _locator() -> Locator:
    from fusion.locator import Locator  # what reads: a second to build, and not needed for what was kept

    return Locator("density", scenes="none", offline=True, ranker="pool", places="none")
