"""The whole way of one photo: pixels to prior, text, clues, fusion and answer."""

from __future__ import annotations

import io
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from typing import Protocol, get_args

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow

from backbone.base import Prior, PriorOutput
from backbone.priors import make_prior
from data.distribution import CellDistribution, Utility
from data.errors import RequestError, WhenceError
from data.gazetteer import Gazetteer
from data.gazetteer import load_default as load_gazetteer
from data.images import Image, ImageSource, load
from data.offline import offline_by_environment
from detectors.base import Box, Clue, ClueReader, Reading, TextReader, scaled
from detectors.ocr import make_reader
from detectors.privacy import is_sensitive, mask, masked
from detectors.readers import default_clue_readers
from fusion.answer import Answer, Failure, LedgerRow
from fusion.constraints import Constraints, Exclude, Within
from fusion.map import cover
from fusion.pool import Fused, LogLinearPool

__all__ = ["Locator", "Ranker", "locate"]

_BATCH = 8  # photos that a prior sees at once; decoded photos held in memory
_THUMBNAIL_PX = 1280


class Ranker(Protocol):
    """Prior and clues to a posterior."""

    @property
    def name(self) -> str:
        """Short name."""

    def fuse(self, prior: CellDistribution, clues: Sequence[Clue]) -> Fused:
        """The posterior and what made it; the prior object itself where no clue has any weight."""


class Locator:
    """Locates photos; built once from its parts and used many times.

    Args:
        prior: A prior or its name; ``"auto"`` takes the best whose weights are at hand.
        ocr: A text reader, or ``"rapidocr"``, ``"easyocr:es,en"``, ``"none"``.
        clue_readers: What turns text into clues; None for all that ship.
        ranker: What fuses prior and clues; None for the log-linear pool.
        device: ``"auto"``, ``"cpu"`` or ``"cuda"``.
        offline: True forbids every connection; None takes it from ``WHENCE_OFFLINE``.
        utility: What the point maximises: ``"geoscore"``, ``"distance"`` or ``"mode"``.

    Raises:
        RequestError: If a part is unknown, or ``device`` is not there.
        WeightsError: If a part's weights are missing.

    >>> answer = Locator(ocr="none").locate(np.zeros((64, 64, 3), np.uint8))
    >>> answer.prior_name, answer.distribution is answer.prior
    ('density', True)
    """

    def __init__(
        self,
        prior: Prior | str = "auto",
        *,
        ocr: TextReader | str = "rapidocr",
        clue_readers: Sequence[ClueReader] | None = None,
        ranker: Ranker | None = None,
        device: str = "auto",
        offline: bool | None = None,
        utility: Utility = "geoscore",
    ) -> None:
        self.offline = offline_by_environment() if offline is None else offline
        self.prior: Prior = make_prior(prior) if isinstance(prior, str) else prior
        self.ocr: TextReader | None = make_reader(ocr, offline=self.offline) if isinstance(ocr, str) else ocr
        self.gazetteer: Gazetteer = load_gazetteer()
        self.clue_readers: Sequence[ClueReader] = (
            default_clue_readers(self.gazetteer) if clue_readers is None else tuple(clue_readers)
        )
        self.ranker: Ranker = LogLinearPool() if ranker is None else ranker
        self.device = _device(device, visual=self.prior.card.visual)
        if utility not in get_args(Utility):
            raise RequestError(f"unknown utility {utility!r}: choose one of {', '.join(get_args(Utility))}")
        self.utility = utility

    def locate(self, image: ImageSource, *, within: Within = None, exclude: Exclude = None) -> Answer:
        """Where ``image`` was taken.

        Args:
            image: A path, the bytes of a file, a PIL image or an (H, W, 3) uint8 RGB array.
            within: What is known: ISO country codes (``"ES"``, ``"ES,PT"``) or a box ``"west,south,east,north"``.
            exclude: Countries where it was not taken.

        Raises:
            ImageError: If it cannot be used; the message says why.
            RequestError: If the constraints are malformed or leave nothing.
        """
        constraints = Constraints.parse(within, exclude, self.prior.partition)
        photo = load(image)
        [output] = self.prior.predict([photo.pixels], device=self.device)
        return self._answer(photo, output, constraints)

    def locate_many(
        self, images: Iterable[ImageSource], *, within: Within = None, exclude: Exclude = None
    ) -> Iterator[Answer | Failure]:
        """One answer per image, in order; one that cannot be used becomes a ``Failure``, and the rest goes on.

        Raises:
            RequestError: At once, if the constraints are malformed.
        """
        return self._located(iter(images), Constraints.parse(within, exclude, self.prior.partition))

    def _located(self, sources: Iterator[ImageSource], constraints: Constraints) -> Iterator[Answer | Failure]:
        while batch := list(islice(sources, _BATCH)):
            loaded = [_load_or_failure(source) for source in batch]
            photos = [item for item in loaded if isinstance(item, Image)]
            outputs = iter(self.prior.predict([photo.pixels for photo in photos], device=self.device))
            for item in loaded:
                if isinstance(item, Failure):
                    yield item
                    continue
                try:
                    yield self._answer(item, next(outputs), constraints)
                except WhenceError as error:
                    yield Failure(item.name, error)
                except Exception as error:  # one odd photo must not end a batch, whatever a library raises on it
                    yield Failure(
                        item.name, WhenceError(f"{item.name or 'a photo'} failed unexpectedly: {mask(repr(error))}")
                    )

    def read(self, pixels: NDArray[np.uint8]) -> list[Reading]:
        """All text in ``pixels``, unmasked: for this process only."""
        return [] if self.ocr is None else self.ocr.read(pixels)

    def clues(self, readings: Sequence[Reading]) -> list[Clue]:
        """What ``readings`` say about places, masked."""
        found = [clue for reader in self.clue_readers for clue in reader.clues(readings)]
        return [
            replace(clue, text=mask(clue.text), meaning=mask(clue.meaning), points_to=tuple(map(mask, clue.points_to)))
            for clue in found
        ]

    def _answer(self, photo: Image, output: PriorOutput, constraints: Constraints) -> Answer:
        readings = self.read(photo.pixels)
        clues = self.clues(readings)
        prior = output.distribution
        fused = self.ranker.fuse(prior, clues)
        posterior = constraints.apply(fused.posterior)
        after = posterior.countries()
        rows = [
            LedgerRow.compare(k, constraints.restrict(without).countries(), after, weight)
            for k, (without, weight) in enumerate(zip(fused.without, fused.weights, strict=True))
        ]
        order = sorted(range(len(clues)), key=lambda k: (-abs(rows[k].log_odds), k))
        lat, lon = posterior.point(self.utility)
        private = [reading.box for reading in readings if is_sensitive(reading.text)]
        jpeg, scale = _thumbnail(photo.pixels, private)
        return Answer(
            file=photo.name,
            lat=lat,
            lon=lon,
            radius_km=posterior.radius_km(lat, lon),
            place=self.gazetteer.nearest(lat, lon)[0],
            distribution=posterior,
            prior=prior,
            prior_name=self.prior.name,
            visual=self.prior.card.visual,
            clues=[clues[k] for k in order],
            readings=masked(readings),
            ledger=[replace(rows[k], clue=new) for new, k in enumerate(order)],
            thumbnail=jpeg,
            thumbnail_scale=scale,
            covered=private,
        )


def locate(
    image: ImageSource, *, within: Within = None, exclude: Exclude = None, offline: bool | None = None
) -> Answer:
    """Where ``image`` was taken, with the parts that ship; for many photos build one ``Locator``.

    See ``Locator.locate`` for the arguments and the errors raised.
    """
    return Locator(offline=offline).locate(image, within=within, exclude=exclude)


def _load_or_failure(source: ImageSource) -> Image | Failure:
    try:
        return load(source)
    except WhenceError as error:
        return Failure(str(source) if isinstance(source, str | os.PathLike) else None, error)


def _device(name: str, *, visual: bool) -> str:
    if name not in ("auto", "cpu", "cuda"):
        raise RequestError(f"unknown device {name!r}: choose auto, cpu or cuda")
    if name == "cpu" or (name == "auto" and not visual):
        return "cpu"
    import torch  # seconds to import: only where a model can use the GPU, or the user asks for one

    if torch.cuda.is_available():
        return "cuda"
    if name == "cuda":
        raise RequestError("device cuda was asked for, but PyTorch sees no CUDA GPU here: use --device cpu")
    return "cpu"


def _thumbnail(pixels: NDArray[np.uint8], private: Sequence[Box]) -> tuple[bytes, float]:
    """The photo as a small JPEG with the boxes of private text painted over, and its scale."""
    picture = Pillow.fromarray(pixels)
    scale = min(1.0, _THUMBNAIL_PX / max(picture.size))
    if scale < 1.0:
        size = max(1, round(picture.width * scale)), max(1, round(picture.height * scale))
        picture = picture.resize(size, reducing_gap=2.0)
    if private:
        picture = Pillow.fromarray(cover(np.asarray(picture), [scaled(box, scale) for box in private]))
    stream = io.BytesIO()
    picture.save(stream, "JPEG", quality=85)
    return stream.getvalue(), scale
