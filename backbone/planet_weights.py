"""A trained prior on disk: one folder with its tensors, a card that says what they are, and its partition.

::

    <folder>/planet.safetensors   the tensors
    <folder>/planet.json          the card: pins the tensors' sha256 and the partition's hash
    <folder>/partition.parquet    the partition, where it is not the shipped one

The card is written last and pins the rest, so that what a killed process leaves does not read as a model. Nothing here
is ever unpickled, and whose names and shapes the tensors should have is for the network to say.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final

from backbone.weights_card import (
    LARGEST_CARD,
    LARGEST_TENSORS,
    WeightsCard,
    brief,
    card_from_json,
    card_to_json,
    said_of,
)
from data.assets import check_asset, read_asset
from data.errors import DatasetError, WeightsError
from data.partition import LEVELS, Partition, load, load_default, save
from data.printable import printable
from data.version import __version__
from data.writing import write_whole

if TYPE_CHECKING:
    import torch

__all__ = [
    "CARD_FILE",
    "PARTITION_FILE",
    "TENSORS_FILE",
    "WeightsCard",
    "check_tensors",
    "packed",
    "read_card",
    "read_partition_of",
    "read_tensors",
    "unpacked",
    "write_card",
    "write_weights",
]

CARD_FILE: Final = "planet.json"
TENSORS_FILE: Final = "planet.safetensors"
PARTITION_FILE: Final = "partition.parquet"

_LARGEST_PARTITION: Final = 256 * 2**20  # bytes; the shipped one has 0.7 MB
_CURE: Final = "fetch or train that model again (a shipped one: reinstall whence)"


def write_weights(
    folder: str | Path,
    tensors: Mapping[str, torch.Tensor],
    *,
    name: str,
    partition: Partition,
    config: Mapping[str, Any],
    temperature: float,
    data: Mapping[str, Any],
    metrics: Mapping[str, float],
    licence: str,
    created_with: str = __version__,
) -> WeightsCard:
    """Write a model into ``folder``, which is made where there is none, and return its card as it will be read.

    A model that stood there is replaced. Stopped in the middle, the folder holds the old model, the new one, or what
    :func:`read_card` and the other readers refuse; never a mixture that reads as whole.

    Args:
        folder: Where to.
        tensors: By name, on any device; floats must be finite.
        name: See :class:`WeightsCard` for this and the rest.
        partition: Whole, not one of its coarser levels. Kept beside the tensors unless it is the shipped one.
        config: Hyper-parameters.
        temperature: Of the calibration.
        data: What it was trained on.
        metrics: Measured figures.
        licence: Of the weights.
        created_with: Version of whence.

    Raises:
        WeightsError: Something of it cannot be kept, or the folder cannot be written.
    """
    folder = Path(folder)
    if partition.level != LEVELS[0]:
        raise WeightsError(f"{partition.name!r} is a level of another partition: give that one, it holds all levels")
    content = packed(tensors)
    card = WeightsCard(
        name=name, sha256=hashlib.sha256(content).hexdigest(), size_bytes=len(content), partition_name=partition.name,
        partition_hash=partition.hash, config=dict(config), temperature=temperature, data=dict(data),
        metrics=dict(metrics), licence=licence, created_with=created_with,
    )  # fmt: skip
    text = card_to_json(card)
    own = partition.hash != load_default().hash
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix=".partial-", dir=folder, ignore_cleanup_errors=True) as made:
            # All that can fail for want of room is done before the old model is touched.
            write_whole(Path(made, TENSORS_FILE), content)
            if own:
                save(partition, Path(made, PARTITION_FILE))
            write_whole(Path(made, CARD_FILE), text)
            # Without its card the folder holds no model; the new one comes last.
            (folder / CARD_FILE).unlink(missing_ok=True)
            if own:
                Path(made, PARTITION_FILE).replace(folder / PARTITION_FILE)
            else:
                (folder / PARTITION_FILE).unlink(missing_ok=True)
            for name in (TENSORS_FILE, CARD_FILE):
                Path(made, name).replace(folder / name)
    except (OSError, ValueError, DatasetError) as error:  # ValueError: a path with a NUL in it
        raise _unwritable(folder, error) from error
    return card_from_json(text)


def write_card(folder: str | Path, card: WeightsCard) -> None:
    """Write or replace the card in ``folder`` alone, for instance with figures that were measured later.

    Raises:
        WeightsError: It cannot be written, or is larger than a card may be.
    """
    text = card_to_json(card)
    try:
        write_whole(Path(folder) / CARD_FILE, text)
    except OSError as error:
        raise _unwritable(Path(folder), error) from error


def read_card(folder: str | Path) -> WeightsCard:
    """The card of the model in ``folder``, checked strictly; the tensors are not looked at.

    Raises:
        WeightsError: There is none, or it is no card that this whence reads.
    """
    path = Path(folder) / CARD_FILE
    size = _size(path)
    if size > LARGEST_CARD:
        raise WeightsError(f"{_shown(path)} has {size} bytes, a card has {LARGEST_CARD} at most: {_CURE}")
    try:
        with path.open("rb") as stream:
            content = stream.read(LARGEST_CARD + 1)  # it may have grown since
    except OSError as error:
        raise _unreadable(path, error) from error
    try:
        return card_from_json(content)
    except WeightsError as error:
        raise WeightsError(f"{_shown(path)} is no sound card of a model ({said_of(error)}): {_CURE}") from error


def check_tensors(folder: str | Path, card: WeightsCard, *, size_only: bool = False) -> None:
    """Check the file of tensors against its size and sha256 in ``card`` without holding it in memory.

    Args:
        folder: Of the model.
        card: Its card.
        size_only: Leave out the sha256, which takes a second a gigabyte.

    Raises:
        WeightsError: It is missing, cannot be read, or is not the one that the card pins.
    """
    path = _tensors_path(folder, card)
    if not size_only:
        check_asset(path, card.sha256, error=WeightsError, cure=_CURE)


def read_tensors(folder: str | Path, card: WeightsCard) -> dict[str, torch.Tensor]:
    """The tensors of the model in ``folder`` by name, on the CPU, checked against the sha256 in ``card``.

    Raises:
        WeightsError: They are missing, cannot be read, are not those that the card pins, or are no safetensors file.
    """
    return unpacked(_tensors_path(folder, card), card.sha256)


def unpacked(path: Path, sha256: str) -> dict[str, torch.Tensor]:
    """The tensors in the safetensors file at ``path`` by name, on the CPU, checked against its ``sha256``.

    Raises:
        WeightsError: As :func:`read_tensors`.
    """
    content = read_asset(path, sha256, error=WeightsError, cure=_CURE)
    # Lazy: torch takes two seconds, and a card is read without it.
    from safetensors import SafetensorError
    from safetensors.torch import load as unpack

    try:
        return dict(sorted(unpack(content).items()))  # it gives them in another order every time
    # A type that torch lacks is a KeyError, a shape that fits no data an AssertionError or a RuntimeError.
    except (SafetensorError, ValueError, KeyError, TypeError, RuntimeError, AssertionError, MemoryError) as error:
        raise WeightsError(f"{_shown(path)} is no sound safetensors file ({said_of(error)}): {_CURE}") from error


def read_partition_of(folder: str | Path, card: WeightsCard) -> Partition:
    """The partition of the model in ``folder``: the one beside the tensors, and where there is none the shipped one.

    Raises:
        WeightsError: It cannot be read, or is not the one that the card names.
    """
    path = Path(folder) / PARTITION_FILE
    try:
        beside = path.is_symlink() or path.exists()
        if beside and _size(path) > _LARGEST_PARTITION:
            raise WeightsError(f"{_shown(path)} is larger than any partition ({_LARGEST_PARTITION} bytes): {_CURE}")
        partition = load(path) if beside else load_default()
    except OSError as error:
        raise _unreadable(path, error) from error
    except DatasetError as error:
        raise WeightsError(f"the partition of the model {card.name} cannot be used: {said_of(error)}") from error
    if partition.hash != card.partition_hash:
        found = _shown(path) if beside else f"the shipped one, {printable(partition.name)},"
        cure = _CURE if beside else f"put its own {PARTITION_FILE} beside {TENSORS_FILE} in {_shown(path.parent)}"
        raise WeightsError(
            f"the model {card.name} was trained on the partition {printable(card.partition_name)} "
            f"(hash {card.partition_hash[:12]}...), and {found} is another (hash {partition.hash[:12]}...): {cure}"
        )
    return partition


def packed(tensors: Mapping[str, torch.Tensor]) -> bytes:
    """The content of a safetensors file of these tensors.

    Raises:
        WeightsError: There is none, one is not finite, or they are too large.
    """
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import save as pack

    if not tensors:
        raise WeightsError("a model without any tensor cannot be written: give the network's state_dict()")
    try:
        kept = {key: tensor.detach().cpu().contiguous() for key, tensor in tensors.items()}
        broken = [
            key for key, tensor in kept.items() if tensor.is_floating_point() and not torch.isfinite(tensor).all()
        ]
        if not broken:
            content = pack(kept)
    except (SafetensorError, ValueError, TypeError, RuntimeError, AttributeError) as error:
        raise WeightsError(f"the tensors cannot be written as safetensors: {said_of(error)}") from error
    if broken:
        raise WeightsError(f"tensor {brief(broken[0])} has values that are not finite: go back to an earlier state")
    if len(content) > LARGEST_TENSORS:
        raise WeightsError(f"the tensors take {len(content)} bytes, at most {LARGEST_TENSORS} are read: shrink them")
    return content


def _tensors_path(folder: str | Path, card: WeightsCard) -> Path:
    """Where the tensors are; first a look at the size, which costs nothing."""
    path = Path(folder) / TENSORS_FILE
    size = _size(path)
    if size != card.size_bytes:
        raise WeightsError(f"{_shown(path)} is damaged ({size} bytes, expected {card.size_bytes}): {_CURE}")
    return path


def _size(path: Path) -> int:
    try:
        if path.exists() and not path.is_file():
            raise OSError("it is not a file")
        return path.stat().st_size
    except FileNotFoundError as error:
        raise WeightsError(
            f"there is no whole model in {_shown(path.parent)}: {path.name} is missing: {_CURE}"
        ) from error
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: Exception) -> WeightsError:
    return WeightsError(f"{_shown(path)} cannot be read ({_reason(error)}): {_CURE}")


def _unwritable(folder: Path, error: Exception) -> WeightsError:
    said = _reason(error)
    return WeightsError(f"cannot write the model to {_shown(folder)} ({said}): make room, or choose another folder")


def _reason(error: Exception) -> str:
    return error.strerror if isinstance(error, OSError) and error.strerror else said_of(error)


def _shown(path: Path) -> str:
    return printable(str(path))
