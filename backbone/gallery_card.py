"""The card of a gallery: what embedded its photos, how many there are, in which files, and what was fitted on them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from backbone.weights_card import (
    LARGEST_CARD,
    brief,
    check_name,
    check_values,
    fields_from_json,
    fields_to_json,
    finite,
)
from data.errors import WeightsError
from data.printable import printable
from data.version import __version__
from data.writing import write_whole

__all__ = [
    "CARD_FILE",
    "Embedding",
    "GalleryCard",
    "GalleryPart",
    "IndexFile",
    "read_gallery_card",
    "write_gallery_card",
]

CARD_FILE: Final = "gallery.json"

_FORMAT: Final = "whence-gallery"
_VERSION: Final = 1
_LARGEST_COUNT: Final = 10**9
_LARGEST_DIMENSIONS: Final = 65_536
_LONGEST: Final = 20_000  # characters of a text
_HEX: Final = frozenset("0123456789abcdef")


@dataclass(frozen=True, slots=True)
class Embedding:
    """What turns photos into vectors.

    Attributes:
        name: ``"im2gps"``, or the name of a prior.
        sha256: Of its weights, in hexadecimal digits; empty where it has none.
        dimensions: Length of a vector.
    """

    name: str
    sha256: str
    dimensions: int

    def __str__(self) -> str:
        return f"{self.name} ({self.dimensions} numbers, weights {self.sha256[:12] or 'without a sha256'})"


@dataclass(frozen=True, slots=True)
class GalleryPart:
    """Some of a gallery's photos, in two files: ``part-NUMBER.npy`` (vectors) and ``part-NUMBER.parquet`` (places).

    Attributes:
        number: Of the part; a part that is changed gets a new one.
        photos: How many.
        vectors: The sha256 of the first file.
        places: The sha256 of the second.
    """

    number: int
    photos: int
    vectors: str
    places: str

    @property
    def vectors_file(self) -> str:
        """Name of the file of vectors."""
        return f"part-{self.number:06d}.npy"

    @property
    def places_file(self) -> str:
        """Name of the file of keys and places."""
        return f"part-{self.number:06d}.parquet"


@dataclass(frozen=True, slots=True)
class IndexFile:
    """The file of the search index.

    Attributes:
        file: Its name.
        photos: How many it holds: the first so many of the gallery.
        size_bytes: Its size.
        sha256: Its hash.
    """

    file: str
    photos: int
    size_bytes: int
    sha256: str


@dataclass(frozen=True)
class GalleryCard:
    """What a gallery is, as its ``gallery.json`` says. Checked when it is made.

    Attributes:
        name: Lowercase letters, digits and ``- _ .``; that of its folder.
        embedding: What embedded the photos.
        finished: Whether the last change was carried through; until then nothing answers from it.
        parts: The photos, in order.
        index: The search index, or None where all photos are compared.
        sources: What the photos are and where they are from, in words.
        licence: Of the photos, in words.
        unreadable: How many photos of the last ``build`` or ``add`` could not be read.
        votes: What is fitted for the prior ``im2gps:NAME``, see ``backbone.gallery_votes``; empty before.
        refinement: What is fitted for narrowing inside cells, see ``backbone.gallery_refine``; empty before.
        metrics: Measured figures by name. Finite.
        versions: Package to its version when it was written.

    Raises:
        WeightsError: A field is of another kind or outside its range.
    """

    name: str
    embedding: Embedding
    finished: bool = False
    parts: tuple[GalleryPart, ...] = ()
    index: IndexFile | None = None
    sources: tuple[str, ...] = ()
    licence: str = "not stated"
    unreadable: int = 0
    votes: Mapping[str, Any] = field(default_factory=dict)
    refinement: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=lambda: {"whence": __version__})

    def __post_init__(self) -> None:
        check_name(self.name)
        _require_text(self.embedding.name, "the embedding's name", empty=False)
        if self.embedding.sha256:
            _require_hash(self.embedding.sha256, "the embedding's sha256")
        _require_count(self.embedding.dimensions, "dimensions", 1, _LARGEST_DIMENSIONS)
        _require_count(self.unreadable, "unreadable", 0)
        if type(self.finished) is not bool:
            raise WeightsError(f"finished is {brief(self.finished)}: it should be true or false")
        for part in self.parts:
            _require_count(part.number, "number of a part", 0)
            _require_count(part.photos, "photos of a part", 1)
            _require_hash(part.vectors, "vectors of a part")
            _require_hash(part.places, "places of a part")
        if len({part.number for part in self.parts}) != len(self.parts):
            raise WeightsError("two of its parts have one number")
        if self.index is not None:
            _require_text(self.index.file, "the index's file", empty=False)
            if Path(self.index.file).name != self.index.file:
                raise WeightsError(f"the index's file is {brief(self.index.file)}: it should be a name in the folder")
            _require_count(self.index.photos, "photos of the index", 1, self.count)
            _require_count(self.index.size_bytes, "size of the index", 1, 2**62)
            _require_hash(self.index.sha256, "the index's sha256")
        for text in (*self.sources, self.licence):
            _require_text(text, "what it says of its photos", empty=True)
        for label in ("votes", "refinement", "metrics", "versions"):
            value = getattr(self, label)
            if not isinstance(value, Mapping):
                raise WeightsError(f"{label} is {brief(value)}: it should be an object with names")
            check_values(dict(value), label)
        wrong = next((name for name, value in self.metrics.items() if finite(value) is None), None)
        if wrong is not None:
            raise WeightsError(f"metric {brief(wrong)} is {brief(self.metrics[wrong])}: it should be a finite number")

    @property
    def count(self) -> int:
        """How many photos it holds."""
        return sum(part.photos for part in self.parts)

    @property
    def content_sha256(self) -> str:
        """Of all that answers depend on: embedding, photos, search index, and what was fitted on them."""
        told = {
            "embedding": asdict(self.embedding), "parts": [(part.vectors, part.places) for part in self.parts],
            "index": None if self.index is None else self.index.sha256, "votes": dict(self.votes),
            "refinement": dict(self.refinement),
        }  # fmt: skip
        return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()

    @property
    def next_number(self) -> int:
        """A number that no part has."""
        return max((part.number for part in self.parts), default=-1) + 1


def read_gallery_card(folder: Path) -> GalleryCard:
    """The card in ``folder``.

    Raises:
        WeightsError: There is none, or it is damaged or of another version.
    """
    path = folder / CARD_FILE
    shown = printable(str(path))
    try:
        if path.exists() and not path.is_file():
            raise OSError("it is not a file")
        with path.open("rb") as stream:
            content = stream.read(LARGEST_CARD + 1)
    except FileNotFoundError:
        raise WeightsError(
            f"no gallery in {printable(str(folder))}: `whence gallery build PHOTOS -o NAME` makes one, "
            "`whence gallery list` shows those at hand"
        ) from None
    except OSError as error:
        raise WeightsError(f"{shown} cannot be read ({error.strerror or error}): build that gallery again") from error
    try:
        fields = fields_from_json(content, _FORMAT, _VERSION, set(GalleryCard.__dataclass_fields__))
        return _card_of(fields)
    except WeightsError as error:
        raise WeightsError(f"{shown} is no card of a gallery ({error}): build that gallery again") from error


def write_gallery_card(folder: Path, card: GalleryCard) -> None:
    """Write the card into ``folder``, whole or not at all.

    Raises:
        WeightsError: It is larger than is read again.
        OSError: It cannot be written.
    """
    card = replace(card, versions=dict(card.versions) | {"whence": __version__})
    write_whole(folder / CARD_FILE, fields_to_json(asdict(card), _FORMAT, _VERSION))


def _card_of(fields: dict[str, Any]) -> GalleryCard:
    try:
        embedding = Embedding(**fields.pop("embedding"))
        parts = tuple(GalleryPart(**part) for part in fields.pop("parts"))
        index = fields.pop("index")
        sources = tuple(fields.pop("sources"))
        return GalleryCard(
            embedding=embedding, parts=parts, index=None if index is None else IndexFile(**index), sources=sources,
            **fields,
        )  # fmt: skip
    except TypeError as error:
        raise WeightsError("a field has another form than a gallery's") from error


def _require_text(value: object, label: str, *, empty: bool) -> None:
    if not isinstance(value, str) or len(value) > _LONGEST or not (empty or value.strip()):
        raise WeightsError(f"{label} is {brief(value)}: it should be a text of at most {_LONGEST} characters")
    check_values(value, label)


def _require_hash(value: object, label: str) -> None:
    if not isinstance(value, str) or len(value) != 64 or not set(value) <= _HEX:
        raise WeightsError(f"{label} is {brief(value)}: it should be 64 hexadecimal digits")


def _require_count(value: object, label: str, least: int, most: int = _LARGEST_COUNT) -> None:
    if type(value) is not int or not least <= value <= most:
        raise WeightsError(f"{label} is {brief(value)}: it should be a whole number from {least} to {most}")
