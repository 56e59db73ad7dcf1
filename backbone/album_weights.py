"""The weights of an album's LSTM on disk: two files beside the prior whose embeddings it reads.

::

    <folder>/planet.safetensors, planet.json, ...   the prior
    <folder>/album.safetensors                      the tensors
    <folder>/album.json                             the card: pins the tensors' sha256 and the prior's

As with a prior, the card is written last, read strictly, and nothing here is ever unpickled.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final

from backbone.planet_weights import packed, read_card, unpacked
from backbone.weights_card import (
    LARGEST_CARD,
    LARGEST_TENSORS,
    WeightsCard,
    brief,
    check_values,
    fields_from_json,
    fields_to_json,
    finite,
    said_of,
)
from data.errors import WeightsError
from data.printable import printable
from data.version import __version__
from data.writing import write_whole

if TYPE_CHECKING:
    import torch

__all__ = [
    "ALBUM_CARD_FILE",
    "ALBUM_TENSORS_FILE",
    "AlbumCard",
    "AlbumConfig",
    "read_album_card",
    "read_album_tensors",
    "write_album",
]

ALBUM_CARD_FILE: Final = "album.json"
ALBUM_TENSORS_FILE: Final = "album.safetensors"

_FORMAT: Final = "whence-album"
_VERSION: Final = 1
_LARGEST: Final = 65_536  # features, hidden units
_OF_SIZE: Final = re.compile(r"held_out_nll_lstm_[0-9]{1,9}")
_CURE: Final = "train it again (`whence train album`), or remove album.json and album.safetensors there"


@dataclass(frozen=True, slots=True)
class AlbumConfig:
    """What the network is.

    Attributes:
        features: Length of a photo's embedding.
        hidden: Units of the LSTM, in each direction.
        bidirectional: Whether it also reads the album from its end.
        dropout: Share of the LSTM's outputs that are left out in training.

    Raises:
        WeightsError: A value is none of these.
    """

    features: int
    hidden: int = 256
    bidirectional: bool = False
    dropout: float = 0.2

    def __post_init__(self) -> None:
        for name in ("features", "hidden"):
            value = getattr(self, name)
            if type(value) is not int or not 1 <= value <= _LARGEST:
                raise WeightsError(f"{name} is {brief(value)}: it should be a whole number from 1 to {_LARGEST}")
        if type(self.bidirectional) is not bool:
            raise WeightsError(f"bidirectional is {brief(self.bidirectional)}: it should be true or false")
        share = finite(self.dropout)
        if share is None or not 0.0 <= share < 1.0:
            raise WeightsError(f"dropout is {brief(self.dropout)}: it should be a number from 0 to below 1")

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> AlbumConfig:
        """The configuration that a card describes.

        Raises:
            WeightsError: It has other fields, or values that make no network.
        """
        if set(fields) != set(cls.__dataclass_fields__):
            raise WeightsError(f"its config has the fields {brief(sorted(map(str, fields)))}: another whence wrote it")
        return cls(**fields)


@dataclass(frozen=True)
class AlbumCard:
    """What the weights of an album's LSTM are, as ``album.json`` says. Checked when it is made.

    Attributes:
        prior_name: Of the prior whose embeddings it reads.
        prior_sha256: Of that prior's tensors: with no other prior it means anything.
        sha256: Of its own file of tensors, in hexadecimal digits.
        size_bytes: Of the same file.
        config: An :class:`AlbumConfig`.
        temperature: What its log-probabilities are divided by, fitted on held-out albums; finite, above 0.
        dependency: Of the discounted product (``backbone.albums``), fitted on the same albums; 0 to 1.
        data: What it was trained on; what JSON can hold.
        metrics: Measured figures by name. Finite.
        licence: Of the weights.
        created_with: Version of whence that wrote it.

    Raises:
        WeightsError: A field is of another kind or outside its range.
    """

    prior_name: str
    prior_sha256: str
    sha256: str
    size_bytes: int
    config: dict[str, Any]
    temperature: float
    dependency: float
    data: dict[str, Any]
    metrics: dict[str, float]
    licence: str
    created_with: str

    def __post_init__(self) -> None:
        # What it has in common with a prior's card is checked as there.
        like_a_prior = WeightsCard(
            name=self.prior_name, sha256=self.sha256, size_bytes=self.size_bytes, partition_name="that of its prior",
            partition_hash=self.prior_sha256, config=self.config, temperature=self.temperature, data=self.data,
            metrics=self.metrics, licence=self.licence, created_with=self.created_with,
        )  # fmt: skip
        AlbumConfig.from_dict(self.config)
        dependency = finite(self.dependency)
        if dependency is None or not 0.0 <= dependency <= 1.0:
            raise WeightsError(f"dependency is {brief(self.dependency)}: it should be a number from 0 to 1")
        object.__setattr__(self, "dependency", dependency)
        object.__setattr__(self, "temperature", like_a_prior.temperature)
        object.__setattr__(self, "metrics", like_a_prior.metrics)
        check_values(self.prior_sha256, "prior_sha256")

    @property
    def network(self) -> AlbumConfig:
        """What the network is."""
        return AlbumConfig.from_dict(self.config)

    def beats_product(self, photos: int) -> bool:
        """Whether the LSTM was likelier than the discounted product on held-out albums, by the card's own figures.

        Those of about as many ``photos`` decide (``held_out_nll_lstm_4`` is of 4 to 7), those of fewer where there is
        no figure for so many, and all where there is none for fewer. Without any figure it counts as better.
        """
        sizes = [int(n.rpartition("_")[2]) for n in self.metrics if _OF_SIZE.fullmatch(n)]
        measured = max((size for size in sizes if size <= photos), default=None)
        suffix = "" if measured is None else f"_{measured}"
        ours, theirs = (self.metrics.get(f"held_out_nll_{way}{suffix}") for way in ("lstm", "product"))
        return ours is None or theirs is None or ours < theirs


def write_album(
    folder: str | Path,
    tensors: Mapping[str, torch.Tensor],
    *,
    config: AlbumConfig,
    temperature: float,
    dependency: float,
    data: Mapping[str, Any],
    metrics: Mapping[str, float],
    licence: str,
) -> AlbumCard:
    """Write an album's LSTM into the folder of its prior, and return its card as it will be read.

    Stopped in the middle, the folder holds the LSTM of before, the new one, or none.

    Args:
        folder: Of the prior, whose card is read for its sha256.
        tensors: By name; floats must be finite.
        config: What the network is.
        temperature: See :class:`AlbumCard` for this and the rest.
        dependency: Of the discounted product.
        data: What it was trained on.
        metrics: Measured figures.
        licence: Of the weights.

    Raises:
        WeightsError: There is no prior, something of it cannot be kept, or the folder cannot be written.
    """
    folder = Path(folder)
    prior = read_card(folder)
    content = packed(tensors)
    card = AlbumCard(
        prior_name=prior.name, prior_sha256=prior.sha256, sha256=hashlib.sha256(content).hexdigest(),
        size_bytes=len(content), config=asdict(config), temperature=temperature, dependency=dependency,
        data=dict(data), metrics=dict(metrics), licence=licence, created_with=__version__,
    )  # fmt: skip
    text = fields_to_json(asdict(card), _FORMAT, _VERSION)
    try:
        with TemporaryDirectory(prefix=".partial-", dir=folder, ignore_cleanup_errors=True) as made:
            write_whole(Path(made, ALBUM_TENSORS_FILE), content)
            write_whole(Path(made, ALBUM_CARD_FILE), text)
            (folder / ALBUM_CARD_FILE).unlink(missing_ok=True)  # without its card there is no LSTM
            for name in (ALBUM_TENSORS_FILE, ALBUM_CARD_FILE):
                Path(made, name).replace(folder / name)
    except OSError as error:
        raise WeightsError(
            f"cannot write the album's weights to {_shown(folder)} ({error.strerror or error}): make room, or choose "
            "another folder"
        ) from error
    return card


def read_album_card(folder: str | Path, prior_sha256: str) -> AlbumCard | None:
    """The card of the LSTM beside the prior in ``folder``, checked strictly; None where there is no LSTM.

    Args:
        folder: Of the prior.
        prior_sha256: Of the prior's tensors.

    Raises:
        WeightsError: It is no card that this whence reads, or belongs to another prior.
    """
    path = Path(folder) / ALBUM_CARD_FILE
    try:
        if not path.is_symlink() and not path.exists():
            return None
        with path.open("rb") as stream:
            content = stream.read(LARGEST_CARD + 1)
    except (OSError, ValueError) as error:
        raise WeightsError(f"{_shown(path)} cannot be read ({said_of(error)}): {_CURE}") from error
    try:
        card = AlbumCard(**fields_from_json(content, _FORMAT, _VERSION, set(AlbumCard.__dataclass_fields__)))
    except WeightsError as error:
        raise WeightsError(f"{_shown(path)} is no sound card of an album's LSTM ({said_of(error)}): {_CURE}") from error
    if card.prior_sha256 != prior_sha256:
        raise WeightsError(
            f"{_shown(path)} belongs to another prior ({card.prior_name}, sha256 {card.prior_sha256[:12]}...) than the "
            f"one beside it (sha256 {prior_sha256[:12]}...): {_CURE}"
        )
    return card


def read_album_tensors(folder: str | Path, card: AlbumCard) -> dict[str, torch.Tensor]:
    """The tensors beside the prior in ``folder`` by name, on the CPU, checked against the sha256 in ``card``.

    Raises:
        WeightsError: They are missing, cannot be read, are not those that the card pins, or are no safetensors file.
    """
    path = Path(folder) / ALBUM_TENSORS_FILE
    try:
        size = path.stat().st_size
    except OSError as error:
        raise WeightsError(f"{_shown(path)} cannot be read ({error.strerror or error}): {_CURE}") from error
    if size != card.size_bytes or size > LARGEST_TENSORS:
        raise WeightsError(f"{_shown(path)} is damaged ({size} bytes, expected {card.size_bytes}): {_CURE}")
    return unpacked(path, card.sha256)


def _shown(path: Path) -> str:
    return printable(str(path))
