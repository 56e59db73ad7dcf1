"""A mixture of priors on disk: one JSON file with its members, their weights and what it was worth. Read strictly.

A mixture called NAME is the file ``NAME.mixture.json`` in the folder of the user's models; elsewhere it is a file
``mixture.json``, or the folder that holds it. Its members are not in it: it pins their sha256.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from backbone.mixture_pool import Pool
from backbone.scenes import SCENES
from backbone.weights_card import (
    LARGEST_CARD,
    WeightsCard,
    brief,
    check_name,
    fields_from_json,
    fields_to_json,
    finite,
    said_of,
)
from backbone.weights_store import user_folder
from data.errors import WeightsError
from data.printable import printable
from data.writing import write_whole

__all__ = [
    "MIXTURE_FILE",
    "MixtureCard",
    "MixtureMember",
    "find_mixture",
    "installed_mixtures",
    "mixture_path",
    "read_mixture",
    "write_mixture",
]

MIXTURE_FILE: Final = "mixture.json"

_FORMAT: Final = "whence-mixture"
_VERSION: Final = 1
_SUFFIX: Final = f".{MIXTURE_FILE}"
_MOST: Final = 64  # members
_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_CURE: Final = "fit it again (`whence train mixture`)"


@dataclass(frozen=True)
class MixtureMember:
    """One of the priors that are mixed, as it was when the weights were fitted.

    Attributes:
        name: What ``make_prior`` makes it of.
        sha256: Of its weights, in hexadecimal digits; empty where it has none.
        partition_hash: Of the cells that it speaks about.
        visual: Whether it looks at the pixels.
        licence: Of its weights or table.
        temperature: What its evidence was divided by; None where it has none.

    Raises:
        WeightsError: A field is of another kind.
    """

    name: str
    sha256: str
    partition_hash: str
    visual: bool
    licence: str
    temperature: float | None = None

    def __post_init__(self) -> None:
        for field, most in (("name", 4_096), ("licence", 20_000)):
            value = getattr(self, field)
            if not isinstance(value, str) or not value.strip() or len(value) > most:
                raise WeightsError(f"a member's {field} is {brief(value)}: it should be a text")
        for field in ("sha256", "partition_hash"):
            value = getattr(self, field)
            if not isinstance(value, str) or not (_SHA256.fullmatch(value) or (field == "sha256" and not value)):
                raise WeightsError(f"a member's {field} is {brief(value)}: it should be 64 hexadecimal digits")
        if type(self.visual) is not bool:
            raise WeightsError(f"a member's visual is {brief(self.visual)}: it should be true or false")
        if self.temperature is not None:
            temperature = finite(self.temperature)
            if temperature is None or not temperature > 0.0:
                raise WeightsError(f"a member's temperature is {brief(self.temperature)}: it should be above 0")
            object.__setattr__(self, "temperature", temperature)
        if self.name.partition(":")[0] in ("auto", "mixture"):
            raise WeightsError(f"{brief(self.name)} cannot be a member of a mixture: name priors themselves")


@dataclass(frozen=True)
class MixtureCard:
    """What a mixture is, as its file says. Checked when it is made.

    Attributes:
        name: Lowercase letters, digits and ``- _ .``, as for a model.
        members: The priors, in the order of the weights.
        kind: ``"linear"`` or ``"logarithmic"``.
        weights: A row for each of ``backbone.scenes.SCENES`` where they depend on the scene, else one row; a number for
            each member.
        gate: Where the scene comes from: ``"member:NAME"``, or the name of a scene model; empty where the weights do
            not depend on it.
        temperature: What the pooled log-probabilities are divided by.
        data: The photos that it was fitted on, and how; what JSON can hold.
        metrics: Measured figures by name, out of fold, under the names of a model's card. Finite.
        licence: Of the members, as written.
        created_with: Version of whence that wrote it.

    Raises:
        WeightsError: A field is of another kind or outside its range.
    """

    name: str
    members: tuple[MixtureMember, ...]
    kind: str
    weights: tuple[tuple[float, ...], ...]
    gate: str
    temperature: float
    data: dict[str, Any]
    metrics: dict[str, float]
    licence: str
    created_with: str

    def __post_init__(self) -> None:
        # What it has in common with a model's card is checked as there.
        like_a_model = WeightsCard(
            name=self.name, sha256="0" * 64, size_bytes=1, partition_name="shipped", partition_hash="0" * 64, config={},
            temperature=self.temperature, data=self.data, metrics=self.metrics, licence=self.licence,
            created_with=self.created_with,
        )  # fmt: skip
        object.__setattr__(self, "temperature", like_a_model.temperature)
        object.__setattr__(self, "metrics", like_a_model.metrics)
        if not 1 <= len(self.members) <= _MOST:
            raise WeightsError(f"it has {len(self.members)} members: it should have 1 to {_MOST}")
        twice = len({member.name for member in self.members}) < len(self.members)
        if twice or any(len(row) != len(self.members) for row in self.weights):
            raise WeightsError("it should have one weight for each member in each row, and no member twice")
        if not isinstance(self.gate, str) or len(self.gate) > 4_200:
            raise WeightsError(f"gate is {brief(self.gate)}: it should be a text")
        if len(self.weights) != (len(SCENES) if self.gate else 1):
            raise WeightsError(f"it has {len(self.weights)} rows of weights, which does not fit its gate")
        source = self.gate.partition("member:")[2]
        if self.gate.startswith("member:") and source not in {member.name for member in self.members}:
            raise WeightsError(f"its gate is {brief(self.gate)}, which is none of its members")
        try:
            self.pool()
        except (ValueError, TypeError) as error:
            raise WeightsError(said_of(error)) from error

    def pool(self) -> Pool:
        """The pool.

        Raises:
            ValueError: Kind or weights make none.
        """
        return Pool(self.kind, np.array(self.weights, np.float64), self.temperature)  # type: ignore[arg-type]

    def fields(self) -> dict[str, Any]:
        """What its file says, by name."""
        return asdict(self) | {"members": [asdict(m) for m in self.members], "weights": [list(w) for w in self.weights]}


def write_mixture(path: str | Path, card: MixtureCard) -> None:
    """Write a mixture's file, which appears complete or not at all.

    Raises:
        WeightsError: It cannot be written, or is larger than is read again.
    """
    content = fields_to_json(card.fields(), _FORMAT, _VERSION)
    try:
        write_whole(Path(path), content)
    except (OSError, ValueError) as error:  # ValueError: a path with a NUL in it
        raise WeightsError(
            f"cannot write the mixture to {_shown(Path(path))} ({said_of(error)}): make room, or choose another folder"
        ) from error


def read_mixture(path: str | Path) -> tuple[MixtureCard, str]:
    """The mixture in the file at ``path``, or in the ``mixture.json`` of a folder; and the sha256 of the file.

    Raises:
        WeightsError: There is none, or it is none that this whence reads.
    """
    path = Path(path)
    try:
        path = path / MIXTURE_FILE if path.is_dir() else path
        with path.open("rb") as stream:
            content = stream.read(LARGEST_CARD + 1)
    except (OSError, ValueError) as error:
        raise WeightsError(
            f"the mixture {_shown(path)} cannot be read ({said_of(error)}): check the path, or {_CURE}"
        ) from error
    try:
        fields = fields_from_json(content, _FORMAT, _VERSION, set(MixtureCard.__dataclass_fields__))
        card = MixtureCard(**fields | {"members": _members(fields["members"]), "weights": _weights(fields["weights"])})
    except WeightsError as error:
        raise WeightsError(f"{_shown(path)} is no sound mixture ({said_of(error)}): {_CURE}") from error
    return card, hashlib.sha256(content).hexdigest()


def mixture_path(name: str) -> Path:
    """Where the user's mixture called ``name`` is, or would be.

    Raises:
        WeightsError: It can be no name, or this user has no folder for models.
    """
    check_name(name)
    return user_folder() / f"{name}{_SUFFIX}"


def installed_mixtures() -> list[tuple[str, MixtureCard]]:
    """Names and cards of the user's sound mixtures, by name. Damaged ones are left out."""
    found = []
    for path in _files():
        try:
            name = path.name.removesuffix(_SUFFIX)
            check_name(name)
            found.append((name, read_mixture(path)[0]))
        except WeightsError:
            continue
    return found


def find_mixture(which: str) -> Path:
    """The file of a mixture.

    Args:
        which: Its name; a path, where there is a separator in it; the best of those at hand, where it is empty.

    Raises:
        WeightsError: There is none of that name.
    """
    if any(mark in which for mark in "/\\"):
        return Path(which)
    at_hand = installed_mixtures()
    if not which:
        if not at_hand:
            raise WeightsError("there is no mixture of priors here: fit one with `whence train mixture --name NAME`")
        return mixture_path(max(at_hand, key=lambda entry: entry[1].metrics.get("held_out_gain", float("-inf")))[0])
    path = mixture_path(which)
    if not path.exists():
        names = ", ".join(name for name, _ in at_hand) or "none"
        raise WeightsError(
            f"no mixture is called {which} in {_shown(path.parent)} (at hand: {names}): fit it with `whence train "
            f"mixture --name {which}`, or give its path with a separator (./{which})"
        )
    return path


def _files() -> list[Path]:
    try:
        return sorted(path for path in user_folder().iterdir() if path.name.endswith(_SUFFIX) and path.is_file())
    except (OSError, WeightsError):
        return []


def _members(said: object) -> tuple[MixtureMember, ...]:
    wanted = set(MixtureMember.__dataclass_fields__)
    if not isinstance(said, list) or any(not isinstance(one, Mapping) or set(one) != wanted for one in said):
        raise WeightsError(f"members should be a list of objects with {', '.join(sorted(wanted))}")
    return tuple(MixtureMember(**one) for one in said)


def _weights(said: object) -> tuple[tuple[float, ...], ...]:
    if not isinstance(said, list) or any(not isinstance(row, list) for row in said):
        raise WeightsError("weights should be a list of lists of numbers")
    numbers = [[finite(value) for value in row] for row in said]
    if any(value is None for row in numbers for value in row):
        raise WeightsError("weights should be finite numbers")
    return tuple(tuple(value for value in row if value is not None) for row in numbers)


def _shown(path: Path) -> str:
    return printable(str(path))
