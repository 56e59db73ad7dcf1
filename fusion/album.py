"""The answer to an album: where photos of one place were taken, from all of them together."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from PIL import Image as Pillow

from data.distribution import CellDistribution, CellShare
from data.errors import ImageError, RequestError
from data.printable import printable
from detectors.base import Clue, Reading
from fusion.album_clues import shared_clues, shared_readings
from fusion.answer import Answer, Failure
from fusion.effects import Effect
from fusion.ledger import LedgerRow

if TYPE_CHECKING:
    from data.gazetteer import Place
    from fusion.level import Level

__all__ = ["Album", "album_of", "mean_scene", "require_album", "require_several"]

_CONTRADICT: Final = 0.1
_LEAST: Final = 1e-12  # of a probability that something is divided by
"""A photo does not seem to be of the place where it gives the album's region less than this share of what the region
has before any photo is seen. Of photos of the region whose distributions are calibrated no more than this share are
told so: ``P(p(R) < t p0(R) | R) = E[p(R); p(R) < t p0(R)] / p0(R) < t``."""


@dataclass(frozen=True, eq=False)
class Album:
    """Where an album was taken, how sure that is, and why.

    What an ``Answer`` has, the album has under the same name: for all photos together.

    Attributes:
        answer: The joint answer; its ``prior`` is what the visual prior says about the photos together, its clues are
            those of all photos, each counted as often as the one photo has it that shows it most, and its scene is the
            mean of the photos' scenes.
        photos: Each photo's own answer, or why it could not be read, in the order given.
        how: How the photos' distributions were combined, in words.
        photo_of: For each clue (and row of the ledger) the photo that it is taken from, from 0.
        seen_in: For each clue all photos that show it, ascending.
        base: The distribution before any photo is seen, under the same constraints.
    """

    answer: Answer
    photos: Sequence[Answer | Failure]
    how: str
    photo_of: Sequence[int]
    seen_in: Sequence[tuple[int, ...]]
    base: CellDistribution = field(repr=False)

    @property
    def lat(self) -> float:
        """Latitude of the best point, degrees."""
        return self.answer.lat

    @property
    def lon(self) -> float:
        """Longitude of the best point, degrees."""
        return self.answer.lon

    @property
    def radius_km(self) -> float:
        """Radius around the point that holds half of the probability."""
        return self.answer.radius_km

    @property
    def place(self) -> Place | None:
        """The gazetteer's nearest place to the point, or None."""
        return self.answer.place

    @property
    def distribution(self) -> CellDistribution:
        """Probability over the cells."""
        return self.answer.distribution

    @property
    def prior(self) -> CellDistribution:
        """What the visual prior says about the photos together, before any clue."""
        return self.answer.prior

    @property
    def prior_name(self) -> str:
        """Which prior spoke."""
        return self.answer.prior_name

    @property
    def country(self) -> str:
        """The likeliest country, ISO 3166-1 alpha-2."""
        return self.answer.country

    @property
    def countries(self) -> dict[str, float]:
        """ISO 3166-1 alpha-2 code to probability, most probable first."""
        return self.answer.countries

    @property
    def clues(self) -> Sequence[Clue]:
        """The album's clues, those that moved the answer most first."""
        return self.answer.clues

    @property
    def ledger(self) -> Sequence[LedgerRow]:
        """One row per clue, in the same order; ``photo_of`` and ``seen_in`` name its photos."""
        return self.answer.ledger

    @property
    def effects(self) -> Sequence[Effect]:
        """What each step did, in order: the photos together, all clues together, what the user knew already."""
        return self.answer.effects

    def credible_radius_km(self, mass: float) -> float:
        """Radius in km around the point that holds ``mass`` of the probability, 0 < mass < 1."""
        return self.answer.credible_radius_km(mass)

    def top(self, k: int = 5) -> list[CellShare]:
        """The ``k`` likeliest cells."""
        return self.answer.top(k)

    @property
    def failures(self) -> dict[int, Failure]:
        """Number of each photo that could not be read, from 0, to why."""
        return {k: photo for k, photo in enumerate(self.photos) if isinstance(photo, Failure)}

    @cached_property
    def disagreeing(self) -> tuple[int, ...]:
        """Photos, from 0, that do not seem to be from the same place as the others; of two that contradict, both.

        Two photos with the distributions ``p`` and ``q`` are ``sum_c p(c) q(c) / p0(c)`` times as likely if they are of
        one place than if they are of two, with ``p0`` the distribution before any photo is seen. Above 1 they agree;
        below a tenth they contradict each other, which two photos of one place do by chance in no more than a tenth of
        the cases, as far as their distributions are calibrated. A photo is named that contradicts more
        photos than it agrees with.
        """
        read = [k for k, photo in enumerate(self.photos) if isinstance(photo, Answer)]
        p = np.stack([photo.distribution.p for photo in self.photos if isinstance(photo, Answer)]).astype(np.float64)
        together = (p / np.maximum(self.base.p.astype(np.float64), _LEAST)) @ p.T  # [k, k]
        np.fill_diagonal(together, 1.0)
        against = (together < _CONTRADICT).sum(axis=1) > (together > 1.0).sum(axis=1)
        return tuple(k for k, named in zip(read, against.tolist(), strict=True) if named)

    def level(self, confidence: float = 0.8) -> Level | None:
        """The finest of street, city, region, country and continent with at least that probability; None if none has.

        Raises:
            RequestError: The confidence does not lie between 0 and 1.
        """
        return self.answer.level(confidence)

    def to_dict(self, *, top: int = 5, confidence: float = 0.8) -> dict[str, Any]:
        """Plain data as in ``fusion/assets/album.schema.json``; photos are numbered from 1 there, as in words."""
        return {
            "answer": self.answer.to_dict(top=top, confidence=confidence),
            "how": self.how,
            "photos": [
                p.to_dict(top=top, confidence=confidence) if isinstance(p, Answer) else p.to_dict() for p in self.photos
            ],
            "photo_of_clue": [k + 1 for k in self.photo_of],
            "clue_seen_in": [[k + 1 for k in photos] for photos in self.seen_in],
            "disagreeing": [k + 1 for k in self.disagreeing],
        }

    def to_json(self, *, top: int = 5, confidence: float = 0.8) -> str:
        """``to_dict`` as one line of JSON."""
        return json.dumps(self.to_dict(top=top, confidence=confidence), ensure_ascii=True)

    def to_html(self, *, confidence: float = 0.8) -> str:
        """One self-contained HTML page: the joint map, the photos with their numbers and clues, the ledger."""
        from fusion.album_page import album_page  # the page's assets are read only when a map is asked for

        return album_page(self, confidence=confidence)

    def save_map(self, path: str | Path, *, confidence: float = 0.8) -> Path:
        """Write ``to_html`` to ``path`` and return it; a half-written file is never left."""
        from fusion.page import write_text

        return write_text(Path(path), self.to_html(confidence=confidence))

    def _repr_html_(self) -> str:
        from fusion.page import notebook_frame

        return notebook_frame(self)

    def __str__(self) -> str:
        return self.describe()

    def describe(self, *, countries: int = 4, confidence: float = 0.8) -> str:
        """The answer in words, with the photos that could not be read and those that seem to be from elsewhere."""
        from fusion.describe import describe

        shown = replace(self.answer, file=self.title, clues=self.clues_with_photos())
        first, *rest = describe(shown, countries=countries, confidence=confidence).split("\n")
        summary, because = rest[:4], rest[4:]
        return "\n".join([first, *summary, *(f"  {note}" for note in self.notes()), *because])

    @property
    def title(self) -> str:
        """What the album is called: its number of photos, and the name of their folder where they share one."""
        folders = {Path(p.file).absolute().parent for p in self.photos if p.file is not None}
        where = f" in {printable(folders.pop().name)}" if len(folders) == 1 else ""
        return f"album of {len(self.photos)} photo{'' if len(self.photos) == 1 else 's'}{where}"

    def notes(self) -> list[str]:
        """Lines below the summary: how the photos were combined, which disagree, which could not be read."""
        lines = [f"together: {self.how}"]
        lines += [f"{self._called(k)} does not seem to be from the same place" for k in self.disagreeing]
        lines += [f"{self._called(k)} is left out: {printable(str(f.error))}" for k, f in self.failures.items()]
        return lines

    def clues_with_photos(self) -> list[Clue]:
        """The clues, with the photos that show them in front of each clue's sentence."""
        return [
            replace(clue, meaning=f"{_photos(seen)}: {clue.meaning}")
            for clue, seen in zip(self.clues, self.seen_in, strict=True)
        ]

    def _called(self, k: int) -> str:
        name = self.photos[k].file
        return f"photo {k + 1}" + ("" if name is None else f" ({printable(Path(name).name)})")


def album_of(
    photos: Sequence[Answer | Failure],
    how: str,
    base: CellDistribution,
    answered: Callable[[list[Clue], list[Reading]], Answer],
) -> Album:
    """The album of photos that were located one by one.

    Args:
        photos: Each photo's own answer, or why there is none.
        how: How their distributions were combined.
        base: The distribution before any photo is seen, under the photos' constraints.
        answered: Clues, and readings named as their sources are, to the joint answer, whose clues are some of those
            given, the same objects.
    """
    of_photo = [(p.clues, p.readings) if isinstance(p, Answer) else ((), ()) for p in photos]
    shared = shared_clues(of_photo)
    readings = shared_readings([readings for _, readings in of_photo], shared)
    answer = answered([one.clue for one in shared], readings)
    whose = {id(one.clue): one for one in shared}
    in_order = [whose[id(clue)] for clue in answer.clues]
    return Album(answer, photos, how, [one.photo for one in in_order], [one.seen_in for one in in_order], base)


def mean_scene(photos: Sequence[Answer | Failure]) -> dict[str, float] | None:
    """Scene to probability: the mean over the photos that have a scene, or None where none has."""
    scenes: list[Mapping[str, float]] = [p.scene for p in photos if isinstance(p, Answer) and p.scene is not None]
    names = dict.fromkeys(name for scene in scenes for name in scene)
    return {name: sum(scene.get(name, 0.0) for scene in scenes) / len(scenes) for name in names} if scenes else None


def require_several(images: object) -> None:
    """Check that ``images`` is no single photo, of whatever kind ``data.images`` takes.

    Raises:
        RequestError: It is one.
    """
    single = (str, os.PathLike, bytes, bytearray, memoryview, Pillow.Image)
    if isinstance(images, single) or (isinstance(images, np.ndarray) and images.ndim < 4):
        raise RequestError("an album is several photos: give a list of them")


def require_album(photos: Sequence[Answer | Failure]) -> None:
    """Check that there is a photo that was read.

    Raises:
        RequestError: There is no photo.
        ImageError: None could be read.
    """
    if not photos:
        raise RequestError("an album without a photo says nothing: give at least one")
    failures = [photo for photo in photos if isinstance(photo, Failure)]
    if len(failures) == len(photos):
        raise ImageError(f"none of the album's {len(photos)} photos can be used; the first: {failures[0].error}")


def _photos(seen: Sequence[int]) -> str:
    numbers = ", ".join(str(k + 1) for k in seen[:8]) + (", ..." if len(seen) > 8 else "")
    return f"photo{'' if len(seen) == 1 else 's'} {numbers}"
