"""The ranker's files: LightGBM's own text format, and a card that says what it is for.

A model is a folder with ``fusion.txt`` (the trees) and ``fusion.json`` (the card: columns, sha256 of the trees,
temperature, share of the pool, what it learned from and how it was measured). Opening checks that the trees are the
card's and that the columns are those that this version makes.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from data.assets import read_asset
from data.errors import DatasetError, WeightsError
from data.printable import printable
from data.writing import write_whole
from fusion.features import FEATURES, beside_trees, without_evidence
from fusion.load_lightgbm import lightgbm

if TYPE_CHECKING:
    from lightgbm import Booster

__all__ = [
    "CARD", "SHIPPED_CARD", "SHIPPED_SHA256", "SHIPPED_TREES", "SHIPPED_TREES_SHA256", "TREES", "RankerModel",
    "load_model", "save_model", "shipped_model",
]  # fmt: skip

CARD: Final = "fusion.json"
TREES: Final = "fusion.txt"
SHIPPED_CARD: Final = Path(__file__).parent / "assets" / CARD
SHIPPED_TREES: Final = Path(__file__).parent / "assets" / TREES
SHIPPED_TREES_SHA256: Final = "0b059d8870720e01f0f075ed2affe116505c9c8824a7627a4840de0ed5d0f3ca"
SHIPPED_SHA256: Final = "bd43d2401853acef5da478f7143c925ee4f34085d2329346329611fb537044c8"

_FORMAT: Final = 1
_REINSTALL: Final = "reinstall whence"
_CURE: Final = "train it again with `whence train fusion`, or leave it out to take the one that ships"


@dataclass(frozen=True, eq=False)
class RankerModel:
    """Trees over the columns of ``fusion.features``, and what their scores are used with.

    Attributes:
        trees: LightGBM's booster; its raw score is ``s``.
        temperature: ``T``, above 0: what the evidence term is divided by.
        pool_share: ``a``, 0 to 1: how much of the pool's evidence is in the evidence term beside the trees.
        info: What it learned from, and figures.
    """

    trees: Booster
    temperature: float
    pool_share: float
    info: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def sha256(self) -> str:
        """Of the trees as text, in hexadecimal digits."""
        return hashlib.sha256(self.trees.model_to_string().encode("ascii")).hexdigest()

    def told(self, gain: NDArray[np.float64], table: NDArray[np.float32]) -> NDArray[np.float64]:
        """(r,) nats: the evidence term of rows, ``[a E + s(x, e) - s(x, none)] / T``; what it takes is of the rows."""
        return np.asarray((beside_trees(gain, table, self.pool_share) + self.scores(table)) / self.temperature)

    def scores(self, table: NDArray[np.float32]) -> NDArray[np.float64]:
        """(r,) ``s(x, e) - s(x, none)`` of rows (r, len(FEATURES))."""
        both = np.concatenate([table, without_evidence(table)])
        raw = np.asarray(self.trees.predict(both, raw_score=True, num_threads=1), np.float64)
        return raw[: len(table)] - raw[len(table) :]


def save_model(folder: Path, model: RankerModel) -> None:
    """Write both files into ``folder``, each whole.

    Raises:
        DatasetError: They cannot be written.
    """
    trees = model.trees.model_to_string().encode("ascii")
    card = {
        "format": _FORMAT,
        "trees_sha256": hashlib.sha256(trees).hexdigest(),
        "temperature": model.temperature,
        "pool_share": model.pool_share,
        "features": list(FEATURES),
        "info": dict(model.info),
    }
    content = (json.dumps(card, indent=1, ensure_ascii=True) + "\n").encode("ascii")
    try:
        write_whole(folder / TREES, trees)
        write_whole(folder / CARD, content)
    except OSError as error:
        raise DatasetError(f"cannot write {printable(str(folder))}: {error.strerror}; give another folder") from error


def load_model(folder: Path) -> RankerModel:
    """The model in ``folder``.

    Raises:
        WeightsError: A file is missing or damaged, is another version's, or is for other columns.
    """
    return _opened(folder / CARD, _read(folder / CARD), folder / TREES, _CURE)


def _opened(path: Path, content: bytes, trees_path: Path, cure: str) -> RankerModel:
    """The model of a card at ``path`` with ``content``, and of the trees at ``trees_path``."""
    try:
        card = json.loads(content)
        version, features = card["format"], card["features"]
        temperature, share = float(card["temperature"]), float(card["pool_share"])
        sha256, info = str(card["trees_sha256"]), dict(card["info"])
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
        raise WeightsError(f"{printable(str(path))} is no card of a fusion model: {_CURE}") from error
    if version != _FORMAT or features != list(FEATURES):
        odd = sorted(set(map(str, features)) ^ set(FEATURES)) if isinstance(features, list) else []
        what = f"other columns ({', '.join(odd[:4])}{', ...' if len(odd) > 4 else ''})" if odd else "another version"
        raise WeightsError(f"{printable(str(path))} is for {printable(what)} of whence: {_CURE}")
    if not (math.isfinite(temperature) and temperature > 0.0 and 0.0 <= share <= 1.0):
        raise WeightsError(f"{printable(str(path))} has a temperature or share out of range: {_CURE}")
    trees = read_asset(trees_path, sha256, error=WeightsError, cure=cure)
    return RankerModel(_booster(trees_path, trees), temperature, share, info)


@lru_cache(maxsize=1)
def shipped_model() -> RankerModel:
    """The model that ships, opened once.

    Raises:
        WeightsError: It is missing or damaged.
    """
    card = read_asset(SHIPPED_CARD, SHIPPED_SHA256, error=WeightsError)
    return _opened(SHIPPED_CARD, card, SHIPPED_TREES, _REINSTALL)


def _booster(path: Path, text: bytes) -> Booster:
    library = lightgbm()
    try:
        booster: Booster = library.Booster(model_str=text.decode("ascii"))
        names = booster.feature_name()
    except (library.basic.LightGBMError, UnicodeDecodeError) as error:
        raise WeightsError(f"{printable(str(path))} is no LightGBM model: {_CURE}") from error
    if names != list(FEATURES):
        raise WeightsError(f"{printable(str(path))} was trained on other columns than its card says: {_CURE}")
    return booster


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise WeightsError(f"{printable(str(path))} cannot be read ({error.strerror or error}): {_CURE}") from error
