"""The card of a model's weights: what they are, what they were trained on and their sha256. JSON, read strictly."""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from data.errors import WeightsError
from data.printable import printable

__all__ = [
    "FORMAT",
    "FORMAT_VERSION",
    "LARGEST_CARD",
    "LARGEST_TENSORS",
    "WeightsCard",
    "brief",
    "card_from_json",
    "card_to_json",
    "check_name",
    "check_values",
    "fields_from_json",
    "fields_to_json",
    "finite",
    "said_of",
]

FORMAT: Final = "whence-planet"
FORMAT_VERSION: Final = 1
# Far above what any model needs, far below what fills a machine's memory.
LARGEST_CARD: Final = 10**6  # bytes
LARGEST_TENSORS: Final = 4 * 2**30  # bytes

_LONGEST: Final = {"partition_name": 200, "licence": 20_000, "created_with": 100}  # characters
_DEEPEST: Final = 20
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_SHA256: Final = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class WeightsCard:
    """What a model's weights are, as its ``planet.json`` says. Checked when it is made.

    Attributes:
        name: Lowercase letters, digits and ``- _ .``, 64 at most, the first a letter or digit.
        sha256: Of the file of tensors, in hexadecimal digits.
        size_bytes: Of the same file.
        partition_name: Of the partition whose cells it predicts.
        partition_hash: ``Partition.hash`` of that.
        config: Hyper-parameters that the network is built from; what JSON can hold.
        temperature: What the logits are divided by, fitted on held-out photos; finite, above 0.
        data: What it was trained on: photos, licences and the like; what JSON can hold. Shown to users.
        metrics: Measured figures by name; the name says on which set. Finite.
        licence: Of the weights. Shown to users, as written.
        created_with: Version of whence that wrote it.

    Raises:
        WeightsError: A field is of another kind or outside its range.
    """

    name: str
    sha256: str
    size_bytes: int
    partition_name: str
    partition_hash: str
    config: dict[str, Any]
    temperature: float
    data: dict[str, Any]
    metrics: dict[str, float]
    licence: str
    created_with: str

    def __post_init__(self) -> None:
        check_name(self.name)
        for field in ("sha256", "partition_hash"):
            value = getattr(self, field)
            if not isinstance(value, str) or not _SHA256.fullmatch(value):
                raise WeightsError(f"{field} is {brief(value)}: it should be 64 hexadecimal digits")
        if type(self.size_bytes) is not int or not 0 < self.size_bytes <= LARGEST_TENSORS:
            raise WeightsError(f"size_bytes is {brief(self.size_bytes)}: it should be 1 to {LARGEST_TENSORS}")
        for field, longest in _LONGEST.items():
            value = getattr(self, field)
            if not isinstance(value, str) or not value.strip() or len(value) > longest:
                raise WeightsError(f"{field} is {brief(value)}: it should be a text of 1 to {longest} characters")
        temperature = finite(self.temperature)
        if temperature is None or temperature <= 0.0:
            raise WeightsError(f"temperature is {brief(self.temperature)}: it should be a finite number above 0")
        object.__setattr__(self, "temperature", temperature)
        for field in ("config", "data", "metrics"):
            value = getattr(self, field)
            if not isinstance(value, dict):
                raise WeightsError(f"{field} is {brief(value)}: it should be an object with names")
        metrics = {metric: finite(value) for metric, value in self.metrics.items()}
        wrong = next((metric for metric, value in metrics.items() if value is None), None)
        if wrong is not None:
            said = brief(self.metrics[wrong])
            raise WeightsError(f"metric {brief(wrong)} is {said}: it should be a finite number")
        object.__setattr__(self, "metrics", metrics)
        for field in (*_LONGEST, "config", "data", "metrics"):
            check_values(getattr(self, field), field)


def card_to_json(card: WeightsCard) -> bytes:
    """The content of ``planet.json``.

    Raises:
        WeightsError: It is larger than is read again.
    """
    return fields_to_json(asdict(card), FORMAT, FORMAT_VERSION)


def fields_to_json(fields: Mapping[str, Any], format: str, version: int) -> bytes:
    """The content of a card of this format that has these fields.

    Raises:
        WeightsError: It is larger than is read again.
    """
    whole = {"format": format, "version": version} | dict(fields)
    text = (json.dumps(whole, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode()
    if len(text) > LARGEST_CARD:
        raise WeightsError(f"the card would have {len(text)} bytes, {LARGEST_CARD} at most are read: say less in it")
    return text


def card_from_json(content: bytes) -> WeightsCard:
    """The card whose ``planet.json`` has this content, checked strictly: what has a name that no card has is refused.

    Raises:
        WeightsError: It is none that this whence reads.
    """
    return WeightsCard(**fields_from_json(content, FORMAT, FORMAT_VERSION, set(WeightsCard.__dataclass_fields__)))


def fields_from_json(content: bytes, format: str, version: int, wanted: Collection[str]) -> dict[str, Any]:
    """The fields ``wanted`` of a card of this format, checked strictly: no other, none twice, no number that is none.

    Raises:
        WeightsError: It is no card of this format and version, or has other fields.
    """
    if len(content) > LARGEST_CARD:
        raise WeightsError(f"it has more than {LARGEST_CARD} bytes")
    try:
        fields = json.loads(content.decode("utf-8"), object_pairs_hook=_once_each, parse_constant=_refused)
    except (ValueError, RecursionError) as error:  # no UTF-8, no JSON, or a whole number of thousands of digits
        raise WeightsError(said_of(error)) from error
    if not isinstance(fields, dict) or fields.pop("format", None) != format:
        raise WeightsError(f"it does not say that its format is {format}")
    found = fields.pop("version", None)
    if type(found) is not int or found != version:
        raise WeightsError(f"its format has version {brief(found)}, this whence reads {version}: update it")
    if missing := sorted(set(wanted) - set(fields)):
        raise WeightsError(f"it lacks {', '.join(missing)}")
    if foreign := sorted(set(fields) - set(wanted)):
        raise WeightsError(f"it has {brief(foreign[0])}, which no card has")
    return fields


def check_name(name: object) -> None:
    """Check that ``name`` can be the name of a model, and with that of a folder.

    Raises:
        WeightsError: It cannot.

    >>> check_name("streets-v1.2")
    >>> check_name("../streets")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    data.errors.WeightsError: '../streets' cannot be the name of a model: ...
    """
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise WeightsError(
            f"{brief(name)} cannot be the name of a model: use 1 to 64 of a-z, 0-9, - _ . (no sign first)"
        )


def said_of(error: Exception) -> str:
    """What a library says of a damaged file, which may quote bytes of it: one line that is safe to show."""
    lines = str(error).splitlines()
    return printable(lines[0] if lines else type(error).__name__)[:300]


def brief(value: object) -> str:
    """``value`` as Python writes it, in 80 characters at most that are safe to show."""
    try:
        said = repr(value)
    except ValueError:  # a whole number with more digits than Python writes
        said = "a number of thousands of digits"
    return printable(said if len(said) <= 80 else said[:77] + "...")


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        twice = Counter(name for name, _ in pairs).most_common(1)[0][0]
        raise ValueError(f"{brief(twice)} stands in it twice")
    return fields


def _refused(constant: str) -> object:
    raise ValueError(f"{constant} is no number")


def check_values(value: object, where: str, depth: int = 0) -> None:
    """Refuse what JSON cannot hold, or would give back as something else.

    Raises:
        WeightsError: It says where in ``where`` that is.
    """
    if depth > _DEEPEST:
        raise WeightsError(f"{where} is nested more than {_DEEPEST} deep")
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError:
            raise WeightsError(f"{where} has half of a surrogate pair in {brief(value)}") from None
    elif isinstance(value, dict):
        for key, inner in value.items():
            if not isinstance(key, str):
                raise WeightsError(f"{where} has the key {brief(key)}: keys should be texts")
            check_values(key, where, depth + 1)
            check_values(inner, where, depth + 1)
    elif isinstance(value, list):
        for inner in value:
            check_values(inner, where, depth + 1)
    elif type(value) is float:
        if not math.isfinite(value):
            raise WeightsError(f"{where} has {value}: numbers should be finite")
    elif type(value) is int:
        if not -(2**63) <= value < 2**63:
            raise WeightsError(f"{where} has a whole number of more than 64 bits")
    elif value is not None and type(value) is not bool:
        raise WeightsError(f"{where} has {brief(value)}, a {type(value).__name__}, which JSON does not give back")


def finite(value: object) -> float | None:
    """``value`` as a float where it is a finite number, else None."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None
