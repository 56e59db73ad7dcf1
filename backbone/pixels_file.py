"""What is kept of a pixels prior: one safetensors file, with a card as JSON in its header.

Nothing in it is ever unpickled. Tensors: ``components`` (groups, c), ``mean`` (d,), ``deviation`` (d,), ``weights``
(d, k), ``bias`` (k,).
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from backbone.log_bilinear import LogBilinear
from backbone.weights_card import (
    LARGEST_CARD,
    brief,
    check_name,
    check_values,
    fields_from_json,
    fields_to_json,
    finite,
    said_of,
)
from data.errors import WeightsError
from data.printable import printable

__all__ = ["FILE", "PixelsCard", "PixelsModel", "model_from_bytes", "model_to_bytes", "read_model"]

FILE: Final = "pixels.safetensors"
"""What a model's file is called in a folder of its own."""

_FORMAT: Final = "whence-pixels"
_VERSION: Final = 1
_LARGEST: Final = 2**28  # bytes
_TENSORS: Final = ("components", "mean", "deviation", "weights", "bias")
_CURE: Final = "train it again (`whence train pixels`), or get it again"


@dataclass(frozen=True)
class PixelsCard:
    """What a model is.

    Attributes:
        name: Lowercase letters, digits and ``- _ .``.
        features: As :func:`backbone.frozen_features.make_features` takes it.
        features_sha256: Of the weights of those.
        partition_name: Of the partition whose cells it speaks about.
        partition_hash: ``Partition.hash`` of that.
        temperature: What the evidence of the pixels is divided by; above 0.
        density_share: Share of the density prior that is mixed in, 0 to 1.
        trained_on: Photos and their licences. Shown to users.
        licence: Of the weights. Shown to users.
        metrics: Measured figures by name.
        created_with: Version of whence that wrote it.

    Raises:
        WeightsError: A field is of another kind or outside its range.
    """

    name: str
    features: str
    features_sha256: str
    partition_name: str
    partition_hash: str
    temperature: float
    density_share: float
    trained_on: str
    licence: str
    metrics: dict[str, float]
    created_with: str

    def __post_init__(self) -> None:
        check_name(self.name)
        for field, value in asdict(self).items():
            check_values(value, field)
            if field not in ("temperature", "density_share", "metrics") and not isinstance(value, str):
                raise WeightsError(f"{field} is {brief(value)}: it should be a text")
        temperature, share = finite(self.temperature), finite(self.density_share)
        if temperature is None or temperature <= 0.0:
            raise WeightsError(f"temperature is {brief(self.temperature)}: it should be a finite number above 0")
        if share is None or not 0.0 <= share <= 1.0:
            raise WeightsError(f"density_share is {brief(self.density_share)}: it should lie in 0 to 1")
        if not isinstance(self.metrics, dict) or any(finite(value) is None for value in self.metrics.values()):
            raise WeightsError("metrics should be an object of finite numbers")


@dataclass(frozen=True, eq=False)
class PixelsModel:
    """A model: its card, its regression, and what it knows of the cells of the middle level, (groups, c) float32."""

    card: PixelsCard
    regression: LogBilinear
    components: NDArray[np.float32]


def model_to_bytes(model: PixelsModel) -> bytes:
    """The file of a model; large tensors are rounded to float16."""
    from safetensors.numpy import save

    r = model.regression
    tensors: dict[str, NDArray[Any]] = {
        "components": model.components.astype(np.float16),
        "mean": r.mean.astype(np.float32),
        "deviation": r.deviation.astype(np.float32),
        "weights": r.weights.astype(np.float16),
        "bias": r.bias.astype(np.float32),
    }
    card = fields_to_json(asdict(model.card), _FORMAT, _VERSION).decode()
    return bytes(save(tensors, metadata={"whence": card}))


def model_from_bytes(content: bytes) -> PixelsModel:
    """What :func:`model_to_bytes` gave.

    Raises:
        WeightsError: It is none, or its tensors do not fit each other.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        tensors = load(content)
        header = json.loads(content[8 : 8 + min(int.from_bytes(content[:8], "little"), LARGEST_CARD)])
        text = header["__metadata__"]["whence"].encode()
        t: dict[str, NDArray[Any]] = {name: tensors[name].astype(np.float32) for name in _TENSORS}
    except (SafetensorError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise WeightsError(f"this is no pixels prior ({said_of(error)}): {_CURE}") from error
    card = PixelsCard(**fields_from_json(text, _FORMAT, _VERSION, set(PixelsCard.__dataclass_fields__)))
    d, k = t["weights"].shape if t["weights"].ndim == 2 else (0, 0)
    fits = t["mean"].shape == t["deviation"].shape == (d,) and t["bias"].shape == (k,) and t["components"].ndim == 2
    finite_all = all(np.isfinite(t[name]).all() for name in _TENSORS if name != "deviation")
    if not (d and k and fits and finite_all and bool(np.all(t["deviation"] > 0.0))):
        raise WeightsError(f"the tensors of this pixels prior do not fit each other: {_CURE}")
    return PixelsModel(card, LogBilinear(t["mean"], t["deviation"], t["weights"], t["bias"]), t["components"])


def read_model(path: Path) -> tuple[PixelsModel, str]:
    """The model in the file ``path``, or in the folder ``path``, and its sha256.

    Raises:
        WeightsError: It is missing or damaged.
    """
    file = path / FILE if path.is_dir() else path
    shown = printable(str(file))
    try:
        if file.stat().st_size > _LARGEST:
            raise WeightsError(f"{shown} is too large for a pixels prior")
        content = file.read_bytes()
    except OSError as error:
        raise WeightsError(f"no pixels prior at {shown} ({error.strerror or error}): {_CURE}") from error
    try:
        return model_from_bytes(content), hashlib.sha256(content).hexdigest()
    except WeightsError as error:
        raise WeightsError(f"{shown}: {error}") from error
