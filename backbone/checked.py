"""What ``whence weights check`` found out about a prior's weights, kept for the prior to use from then on.

A check is a small JSON file in the folder ``.checks`` of the user's own models (``$WHENCE_WEIGHTS``, or the system's
place for a user's data). It holds for the weights with the sha256 that it names and for no other.
"""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from backbone.base import Prior
from backbone.weights_card import brief, check_values, fields_from_json, fields_to_json, finite
from backbone.weights_store import user_folder
from data.errors import WeightsError
from data.printable import printable
from data.writing import write_whole

__all__ = [
    "Check",
    "Fittable",
    "Proof",
    "Proven",
    "Scored",
    "checks_folder",
    "kept_checks",
    "read_check",
    "write_check",
]

_FORMAT: Final = "whence-check"
_VERSION: Final = 1
_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_LONGEST: Final = {"name": 300, "photos": 300, "created_with": 100}  # characters

_log = logging.getLogger(__name__)


class Fittable(Prior, Protocol):
    """A prior whose sureness can be fitted on photos with known places."""

    @property
    def temperature(self) -> float:
        """How much less sure it is than its weights make it; 1 where nothing was fitted."""

    def at_temperature(self, temperature: float) -> Prior:
        """The same prior, with the same network, at another temperature."""


@runtime_checkable
class Scored(Protocol):
    """A :class:`Fittable` whose distribution is not its own at temperature 1, raised to ``1 / temperature``.

    What the network says of a photo is apart from what is made of it, so that many temperatures cost one look.
    """

    def scores(self, images: Sequence[NDArray[np.uint8]], *, device: str = "cpu") -> NDArray[np.float32]:
        """What the network says of each of ``images``, (b, k): all that :meth:`log_p` needs."""

    def log_p(self, scores: NDArray[np.float32], temperature: float) -> NDArray[np.float32]:
        """Log-probabilities (n,) of the cells from one photo's ``scores`` (k,), at ``temperature``."""


@dataclass(frozen=True)
class Proof:
    """One thing that true weights do and others do not.

    Attributes:
        what: What was looked at, in a few words.
        said: What was found.
        holds: Whether it is as it should be; None where it is only told.
    """

    what: str
    said: str
    holds: bool | None = None


@runtime_checkable
class Proven(Protocol):
    """A prior that can tell its true weights from others."""

    def proofs(self, *, device: str = "cpu") -> list[Proof]:
        """What true weights do, tried on these."""


@dataclass(frozen=True)
class Check:
    """What was found out about a prior's weights.

    Attributes:
        name: Of the prior, as ``make_prior`` takes it.
        sha256: Of its weights, in hexadecimal digits, as its card says.
        temperature: Fitted on all ``photos``; finite, above 0.
        figures: Of :func:`backbone.held_out.measured`, and ``covered``; each photo measured at a temperature that was
            fitted on the photos of other places. Empty where nothing was measured.
        photos: The set's name and how many photos it has, for a person; empty where there was none.
        created_with: Version of whence.
        partition_hash: ``Partition.hash`` of the cells that it was measured on; empty where nothing was.

    Raises:
        WeightsError: A field is of another kind or outside its range.
    """

    name: str
    sha256: str
    temperature: float
    figures: Mapping[str, float]
    photos: str
    created_with: str
    partition_hash: str = ""

    def __post_init__(self) -> None:
        for field, longest in _LONGEST.items():
            value = getattr(self, field)
            if not isinstance(value, str) or len(value) > longest:
                raise WeightsError(f"{field} is {brief(value)}: it should be a text of {longest} characters at most")
            check_values(value, field)
        for field in ("sha256", "partition_hash"):
            value = getattr(self, field)
            if not isinstance(value, str) or (value and not _SHA256.fullmatch(value)):
                raise WeightsError(f"{field} is {brief(value)}: it should be 64 hexadecimal digits")
        temperature = finite(self.temperature)
        if temperature is None or temperature <= 0.0:
            raise WeightsError(f"temperature is {brief(self.temperature)}: it should be a finite number above 0")
        if not isinstance(self.figures, Mapping) or any(finite(value) is None for value in self.figures.values()):
            raise WeightsError(f"figures are {brief(self.figures)}: they should be names with finite numbers")
        object.__setattr__(self, "temperature", temperature)
        object.__setattr__(self, "figures", {str(name): float(value) for name, value in self.figures.items()})


def checks_folder() -> Path:
    """Where checks are kept, whether or not it is there.

    Raises:
        WeightsError: This user has no folder for data.
    """
    return user_folder() / ".checks"


def read_check(name: str, sha256: str, *, partition_hash: str = "") -> Check | None:
    """The check that is kept of the prior called ``name`` with these weights, or None.

    A check of other weights or cells, or one that cannot be read, is left where it is, with a warning to the log.

    Args:
        name: Of the prior, as ``make_prior`` takes it.
        sha256: Of the weights that it has now.
        partition_hash: Of the cells that it speaks about now; empty for whichever.
    """
    try:
        path = _path(name)
        content = path.read_bytes()
    except (OSError, WeightsError):  # none was made, or there is no place for any
        return None
    again = f"run `whence weights check {name} --photos SET` again"
    try:
        check = _from_json(content)
    except WeightsError as error:
        _log.warning("%s", printable(f"the check of {name} in {path} is damaged and not used ({error}): {again}"))
        return None
    if check.name != name or check.sha256 != sha256:
        _log.warning("%s", printable(f"the check of {name} was made with other weights and is not used: {again}"))
        return None
    if partition_hash and check.partition_hash not in ("", partition_hash):
        _log.warning("%s", printable(f"the check of {name} was made with other cells and is not used: {again}"))
        return None
    return check


def write_check(check: Check) -> Path:
    """Keep ``check`` in the place of an older one of the same prior; returns its file.

    Raises:
        WeightsError: It cannot be written.
    """
    path = _path(check.name)
    try:
        write_whole(path, fields_to_json(asdict(check), _FORMAT, _VERSION))
    except OSError as error:
        raise WeightsError(
            f"the check cannot be kept in {printable(str(path))} ({error.strerror or error}): mend that, or set "
            "WHENCE_WEIGHTS to another folder"
        ) from error
    return path


def kept_checks() -> list[Check]:
    """All checks that can be read, by name; whether they hold for the weights of today is not looked at."""
    found = []
    try:
        paths = sorted(checks_folder().glob("*.json"))
    except (OSError, WeightsError):
        return []
    for path in paths:
        try:
            found.append(_from_json(path.read_bytes()))
        except (OSError, WeightsError) as error:
            _log.warning("%s", printable(f"the check in {path} cannot be read and is left out ({error})"))
    return sorted(found, key=lambda check: check.name)


def _path(name: str) -> Path:
    # Names of priors have colons and separators; what is left of them must not make two of them one.
    readable = re.sub(r"[^A-Za-z0-9._-]+", "_", name)[:60].strip("._") or "prior"
    return checks_folder() / f"{readable}-{hashlib.sha256(name.encode('utf-8', 'surrogatepass')).hexdigest()[:8]}.json"


def _from_json(content: bytes) -> Check:
    fields: dict[str, Any] = fields_from_json(content, _FORMAT, _VERSION, set(Check.__dataclass_fields__))
    return Check(**fields)
