"""A pool of rendered lines on disk: one process fills it while another learns from it.

Rendering and learning cost about the same on one core, so each has its own, and a line is learnt from more than once.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from data.errors import DatasetError
from data.opencv import opencv
from detectors.line_image import prepared
from detectors.render_text import Grounds, rendered_line

__all__ = ["CLASSIFIER_MIX", "NOTHING", "READER_MIX", "SHARD", "Lines", "fill", "load_shard", "shards"]

NOTHING = "Zyyy"
"""Label of a line without letters."""
SHARD = 1000
"""Lines in one file."""

READER_MIX: Mapping[str, float] = {"Cyrl": 0.30, "Beng": 0.23, "Deva": 0.23, "Grek": 0.15, "Latn": 0.09}
"""Share of each script among the lines that the recogniser learns from."""
CLASSIFIER_MIX: Mapping[str, float] = {
    "Latn": 0.14, "Cyrl": 0.10, "Hani": 0.07, "Kana": 0.06, NOTHING: 0.09,
    **dict.fromkeys(("Grek", "Hang", "Arab", "Deva", "Beng", "Thai"), 0.04),
    **dict.fromkeys(("Hebr", "Taml", "Telu", "Knda", "Mlym", "Gujr", "Guru", "Sinh", "Laoo", "Khmr", "Mymr", "Geor",
                     "Armn", "Ethi"), 0.30 / 14),
}  # fmt: skip
"""Share of each script among the lines that the classifier learns from."""


@dataclass(frozen=True)
class Lines:
    """Prepared lines side by side.

    Attributes:
        pixels: (32, sum of widths) uint8.
        starts: (n + 1,) int64, column where each line begins, and the end.
        texts: (n) what they say.
        scripts: (n) ISO 15924 codes they were rendered as; ``"Zyyy"`` for none.
    """

    pixels: NDArray[np.uint8]
    starts: NDArray[np.int64]
    texts: Sequence[str]
    scripts: Sequence[str]

    def __len__(self) -> int:
        return len(self.texts)

    def line(self, i: int) -> NDArray[np.uint8]:
        """(32, width) uint8."""
        return self.pixels[:, self.starts[i] : self.starts[i + 1]]


def fill(
    folder: Path, mix: Mapping[str, float], count: int, grounds: Grounds, *, seed: int, for_measuring: bool = False
) -> None:
    """Render those of the shards 0 to ``count`` - 1 of ``folder`` that are not there yet, each from its own seed."""
    opencv().setNumThreads(1)
    folder.mkdir(parents=True, exist_ok=True)
    scripts = list(mix)
    shares = np.array([mix[s] for s in scripts])
    for number in range(count):
        path = folder / f"{number:05d}.npz"
        if path.exists():
            continue
        rng = np.random.default_rng([seed, number])
        images, texts, labels = [], [], []
        for pick in rng.choice(len(scripts), SHARD, p=shares / shares.sum()):
            script = scripts[int(pick)]
            if script == NOTHING:
                line, text = _nothing(rng, grounds), ""
            else:
                line, text = rendered_line(script, rng, grounds, for_measuring=for_measuring)
            images.append(prepared(line))
            texts.append(text)
            labels.append(script if any(c.isalpha() for c in text) else NOTHING)
        said = np.frombuffer(json.dumps([texts, labels]).encode(), np.uint8)
        partial = path.with_suffix(".part.npz")
        starts = np.cumsum([0, *(i.shape[1] for i in images)])
        np.savez(partial, pixels=np.concatenate(images, axis=1), starts=starts, said=said)
        partial.replace(path)


def _nothing(rng: np.random.Generator, grounds: Grounds) -> NDArray[np.uint8]:
    """A part of a photo, or of a plain ground, of the shape of a line."""
    height = int(rng.integers(10, 48))
    width = int(height * rng.uniform(0.8, 8))
    part = grounds.crop(height, width, rng) if rng.random() < 0.9 else None
    if part is None:
        part = np.full((height, width, 3), rng.uniform(0, 255, 3), np.float32)
        part += rng.normal(0, 6, part.shape).astype(np.float32)
    out: NDArray[np.uint8] = np.clip(part, 0, 255).astype(np.uint8)
    return out


def shards(folder: Path) -> list[Path]:
    """Finished shards of a pool, in order."""
    return sorted(p for p in folder.glob("?????.npz"))


def load_shard(path: Path) -> Lines:
    """One shard.

    Raises:
        DatasetError: The file is damaged.
    """
    try:
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            texts, labels = json.loads(file["said"].tobytes())
            return Lines(file["pixels"], file["starts"], texts, labels)
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise DatasetError(f"the shard {path} of rendered lines is damaged ({error}): delete it") from error
