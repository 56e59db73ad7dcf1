"""The whole way of one photo: pixels to prior, text, clues, fusion and answer."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from copy import copy
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Literal, Protocol, get_args

import numpy as np
from numpy.typing import NDArray

from backbone.album_prior import AlbumPrior
from backbone.base import Prior, PriorOutput
from backbone.density import DensityPrior
from backbone.gallery import Gallery
from backbone.gallery_refine import RefinedPrior
from backbone.gallery_store import find_gallery
from backbone.priors import make_prior
from backbone.scenes import SceneModel, make_scene_model
from data.distribution import CellDistribution, Utility
from data.errors import DatasetError, ImageError, OfflineError, RequestError, WeightsError, WhenceError
from data.gazetteer import Gazetteer
from data.gazetteer import load_default as load_gazetteer
from data.images import ImageSource, load
from data.offline import offline_by_environment, quiet_libraries
from data.osm_index import PlaceIndex
from data.osm_regions import open_regions
from data.printable import printable
from detectors.base import Box, Clue, ClueReader, Reading, TextReader
from detectors.looking import RegionFinder
from detectors.map_reader import MapReader
from detectors.ocr import make_reader
from detectors.plates import PlateReading
from detectors.privacy import hidden, is_sensitive, mask, masked
from detectors.readers import default_clue_readers
from fusion.album import Album, album_of, mean_scene, require_album, require_several
from fusion.among_shops import among_shops
from fusion.answer import Answer, Failure
from fusion.constraints import Constraints, Exclude, Within
from fusion.context import NOTHING_KNOWN, Context
from fusion.describe import percent
from fusion.effects import SENTENCES, Step, effects_of
from fusion.evidence import strength
from fusion.ledger import ledger_of, point_and_radius_km
from fusion.locator_parts import choose_device, make_looker, make_second_pass
from fusion.lookup import LookupService
from fusion.pool import Fused
from fusion.ranker import make_ranker
from fusion.revealing import revealed
from fusion.second_pass import Planned
from fusion.stream import finished
from fusion.view import reduced, thumbnail

if TYPE_CHECKING:
    from backbone.occlusion import Occlusion
    from backbone.targets import Target
    from fusion.explain import Explanation, What
    from fusion.tape import Tape

__all__ = ["Locator", "Ranker", "locate"]

_BATCH = 8  # photos that a prior sees at once
_OF_THE_INSTALLATION = (DatasetError, WeightsError, OfflineError)  # not of one photo: every other would fail alike
_MOST_CLUES = 200  # each costs a posterior of its own in the ledger


@dataclass(frozen=True, slots=True)
class _Seen:
    """What is left of a photo once its text has been read: small enough for a batch of them to wait in memory."""

    name: str | None
    view: NDArray[np.uint8]  # (H, W, 3) RGB, no side over VIEW_PX
    readings: list[Reading]  # masked
    clues: list[Clue]  # masked
    private: list[Box]  # boxes of what was masked, in pixels of the photo
    thumbnail: bytes
    thumbnail_scale: float


class Ranker(Protocol):
    """Prior and clues to a posterior."""

    @property
    def name(self) -> str:
        """Short name."""

    def fuse(self, prior: CellDistribution, clues: Sequence[Clue], context: Context = NOTHING_KNOWN) -> Fused:
        """The posterior and what made it; the prior object itself where no clue has any weight, whatever the context.

        Args:
            prior: Before any clue.
            clues: With evidence.
            context: What else is known of the photo: how far clues are to be trusted may depend on it.
        """


class Locator:
    """Locates photos; built once from its parts and used many times.

    Args:
        prior: A prior or its name; ``"auto"`` takes the best whose weights are at hand.
        ocr: A text reader, or ``"rapidocr"``, ``"easyocr:es,en"``, ``"none"``.
        regions: What finds signs and plates; ``"auto"`` is the detector that ships wherever text is read, ``"none"``
            reads the whole photo only.
        scenes: What tells indoor, natural and urban photos apart where the prior does not, or ``"auto"``, ``"head"``,
            ``"clip"``, ``"none"``, see :func:`backbone.scenes.make_scene_model`.
        reveal: Leave private text (plates, phone numbers, e-mail addresses) unmasked in the answer's readings, its
            clues and its picture. For one's own screen: such an answer is not to be passed on.
        clue_readers: What turns text into clues; None for all that ship.
        ranker: What fuses prior and clues, or ``"auto"`` for the trained ranker that ships, ``"pool"`` for the
            log-linear pool, or a folder that ``whence train fusion`` made.
        places: Maps on this machine in which signs are looked up, as :class:`data.osm_index.PlaceIndex`, or ``"auto"``
            for all at hand, ``"none"``, or names of ``whence places`` (``"krems,monaco"``).
        device: ``"auto"``, ``"cpu"`` or ``"cuda"``.
        gallery: A gallery, its name or its folder, that was built with the prior's own embedding: its photos narrow the
            point inside the likeliest cells, see :class:`backbone.gallery_refine.RefinedPrior`.
        lookups: Services that are asked about what was read, as :class:`fusion.lookup.LookupService` or by their names
            (``"nominatim,overpass,searxng=http://127.0.0.1:8888"``); none by default, and then nothing is asked.
        contact: Your e-mail address or a URL, which public services demand; None takes it from ``WHENCE_CONTACT``.
        tape: Records what services answer, or replays it without a network.
        offline: True forbids every connection; None takes it from ``WHENCE_OFFLINE``.
        utility: What the point maximises: ``"geoscore"``, ``"distance"`` or ``"mode"``.
        workers: How many photos ``locate_many`` decodes and reads at once, each in a thread of its own; the text
            reader named by ``ocr`` then shares the cores among them. A part given as an object must bear that.

    Raises:
        RequestError: If a part is unknown, ``device`` is not there, or ``workers`` is less than 1; if a service's
            address is not safe, or a public one is to be asked without a contact.
        OfflineError: If services are to be asked, the network is forbidden and there is no tape to replay.
        DatasetError: If a map on this machine is missing or damaged.
        WeightsError: If a part's weights are missing, or the gallery is of another embedding than the prior's.

    >>> answer = Locator("density", ocr="none").locate(np.zeros((64, 64, 3), np.uint8))
    >>> answer.prior_name, answer.distribution is answer.prior
    ('density', True)
    """

    def __init__(
        self,
        prior: Prior | str = "auto",
        *,
        ocr: TextReader | str = "rapidocr",
        regions: RegionFinder | str = "auto",
        scenes: SceneModel | str = "auto",
        reveal: bool = False,
        clue_readers: Sequence[ClueReader] | None = None,
        ranker: Ranker | str = "auto",
        places: Sequence[PlaceIndex] | str = "auto",
        device: str = "auto",
        gallery: Gallery | str | os.PathLike[str] | None = None,
        lookups: Sequence[LookupService] | str = (),
        contact: str | None = None,
        tape: Tape | None = None,
        offline: bool | None = None,
        utility: Utility = "geoscore",
        workers: int = 1,
    ) -> None:
        if workers < 1:
            raise RequestError(f"workers must be at least 1, not {workers}")
        self.workers = workers
        self.offline = offline_by_environment() if offline is None else offline
        quiet_libraries(offline=self.offline)
        self.prior: Prior = make_prior(prior, offline=self.offline) if isinstance(prior, str) else prior
        if gallery is not None:
            opened = gallery if isinstance(gallery, Gallery) else Gallery(find_gallery(gallery))
            self.prior = RefinedPrior(self.prior, opened)
        self.ocr: TextReader = (
            make_reader(ocr, offline=self.offline, photos_at_once=workers) if isinstance(ocr, str) else ocr
        )
        self.scenes = make_scene_model(scenes, offline=self.offline) if isinstance(scenes, str) else scenes
        self.reveal = reveal
        self.looker = make_looker(self.ocr, regions, photos_at_once=workers)
        self.gazetteer: Gazetteer = load_gazetteer()
        self.places: Sequence[PlaceIndex] = open_regions(places) if isinstance(places, str) else tuple(places)
        own = default_clue_readers(self.gazetteer) if clue_readers is None else tuple(clue_readers)
        self.clue_readers: Sequence[ClueReader] = (MapReader(self.places), *own) if self.places else own
        self.ranker: Ranker = make_ranker(ranker) if isinstance(ranker, str) else ranker
        self._asked_device = device
        self.device = self._choose_device()
        if utility not in get_args(Utility):
            raise RequestError(f"unknown utility {utility!r}: choose one of {', '.join(get_args(Utility))}")
        self.utility = utility
        self._albums: AlbumPrior | None = None
        self.second_pass = make_second_pass(
            lookups, self._read_page, contact=contact, tape=tape, offline=self.offline
        )  # fmt: skip

    def with_prior(self, prior: Prior | str) -> Locator:
        """A locator with another prior that shares all other parts with this one; without a gallery.

        Args:
            prior: As for the class.

        Raises:
            RequestError: The prior is unknown.
            WeightsError: Its weights are missing.
        """
        other = copy(self)
        other.prior = make_prior(prior, offline=self.offline) if isinstance(prior, str) else prior
        other._albums = None
        other.device = other._choose_device()
        other.__dict__.pop("_unseen", None)  # kept for this one's partition
        return other

    def _choose_device(self) -> str:
        card = self.prior.card
        network = (card.visual and card.gpu) or (self.scenes is not None and self.scenes.card.network)
        return choose_device(self._asked_device, needed=network)

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
        seen = self._see(image)
        [output] = self.predict([seen.view])
        return self._answer(seen, output, constraints)

    def plan(self, image: ImageSource, *, within: Within = None, exclude: Exclude = None) -> list[Planned]:
        """What services would be asked about ``image``, the first first; nothing is sent.

        With hits fewer are asked: a query goes to the next service only where one finds nothing, and none once the
        answer is settled. The arguments and errors are those of :meth:`locate`.

        Raises:
            RequestError: The locator was made without services.
        """
        if self.second_pass is None:
            raise RequestError("nothing is planned without services to ask: name some (lookups=..., --web NAMES)")
        constraints = Constraints.parse(within, exclude, self.prior.partition)
        seen = self._see(image)
        [output] = self.predict([seen.view])
        return self.second_pass.plan(self._fused(seen.clues, seen.readings, output, constraints))

    def explain(
        self,
        image: ImageSource,
        target: Target | str | None = None,
        *,
        what: What = "all",
        how: Occlusion | None = None,
    ) -> Explanation:
        """Which part of ``image`` carries the answer: one place after the other is covered, and it is answered again.

        Args:
            image: As for :meth:`locate`.
            target: An ISO country code, a cell (its S2 token or ``"LAT,LON"``), or ``"cell"`` for the likeliest cell;
                None for the likeliest country.
            what: ``"all"`` for the answer, ``"prior"`` for the visual prior alone.
            how: Sizes of the windows, and what they are covered with.

        Raises:
            ImageError: The photo cannot be used.
            RequestError: The target is unknown or has no probability, or nothing in the photo moved the answer.
        """
        from fusion.explain import explain  # needed by few, and it needs this module's types

        return explain(self, image, target, what=what, how=how)

    def locate_many(
        self, images: Iterable[ImageSource], *, within: Within = None, exclude: Exclude = None
    ) -> Iterator[Answer | Failure]:
        """One answer per image, in order; one that cannot be used becomes a ``Failure``, and the rest goes on.

        Images are taken some ``workers + 8`` ahead of the answers: a file must stay until its answer came.

        Raises:
            RequestError: At once, if the constraints are malformed.
            DatasetError, WeightsError, OfflineError: A part of the installation is missing or damaged, whatever the
                image: the batch ends.
        """
        # A caller may fill one array again and again: what is taken ahead must not change until it is looked at.
        sources = (source.copy() if isinstance(source, np.ndarray) else source for source in images)
        return self._located(sources, Constraints.parse(within, exclude, self.prior.partition))

    def locate_album(self, images: Iterable[ImageSource], *, within: Within = None, exclude: Exclude = None) -> Album:
        """Where ``images`` were taken, given that it was one place: one of the finest cells and those next to it.

        What the prior says about each photo is combined by the LSTM that stands beside its weights, where one does and
        did better on held-out albums, else by a product that is discounted for what photos of one place share
        (``backbone.albums``). Clues of all photos are one evidence: what several photos show counts once
        (``fusion.album_clues``). The album's scene is the mean of its photos' scenes, None where no photo has one, and
        clues are trusted as in such a photo. A photo that cannot be used is a ``Failure`` among the album's photos.

        Args:
            images: In the order in which they were taken, which an LSTM goes by.
            within: As for ``locate``.
            exclude: As for ``locate``.

        Raises:
            RequestError: There is no photo, a photo alone instead of a list, or the constraints are malformed or leave
                nothing.
            ImageError: None of the photos can be used.
            WeightsError: The LSTM beside the prior is damaged or belongs to another.
        """
        require_several(images)
        constraints = Constraints.parse(within, exclude, self.prior.partition)
        together = self._albums = self._albums or AlbumPrior(self.prior)
        sources = (source.copy() if isinstance(source, np.ndarray) else source for source in images)
        outputs: list[PriorOutput] = []
        photos = list(self._located(sources, constraints, outputs))
        require_album(photos)
        joint, how = together.combine(outputs)
        scene = mean_scene(photos)

        def answered(clues: list[Clue], readings: list[Reading]) -> Answer:
            kept = [clues[k] for k in _strongest(clues)]
            answer = self._fused(kept, readings, PriorOutput(joint, scene), constraints, "photos")
            located = [photo for photo in photos if isinstance(photo, Answer)]
            owed = dict.fromkeys(credit for photo in located for credit in photo.attributions)
            return replace(answer, lookups=[row for photo in located for row in photo.lookups], attributions=list(owed))

        return album_of(photos, how, constraints.restrict(together.base), answered)

    def _located(
        self, sources: Iterator[ImageSource], constraints: Constraints, kept: list[PriorOutput] | None = None
    ) -> Iterator[Answer | Failure]:
        """Answers; into ``kept`` goes what the prior said about each photo that has one."""
        # The threads decode and read while this one asks the prior and fuses.
        for ready in finished(self._see_or_failure, sources, workers=self.workers, most=_BATCH):
            views = [item.view for item in ready if isinstance(item, _Seen)]
            outputs = iter(self._predict_each(views))
            for item in ready:
                if isinstance(item, Failure):
                    yield item
                    continue
                try:
                    output = next(outputs)
                    if isinstance(output, Exception):
                        raise output
                    answer = self._answer(item, output, constraints)
                    if kept is not None:
                        kept.append(output)
                    yield answer
                except _OF_THE_INSTALLATION:
                    raise
                except Exception as error:
                    yield _failure(item.name, error)

    def predict(self, views: Sequence[NDArray[np.uint8]]) -> list[PriorOutput]:
        """The prior's output for each view, with the scene model's word where the prior says nothing of the scene."""
        outputs = list(self.prior.predict(views, device=self.device))
        silent = [k for k, output in enumerate(outputs) if output.scene is None]
        if self.scenes is not None and silent:
            told = self.scenes.predict([views[k] for k in silent], device=self.device)
            for k, scene in zip(silent, told, strict=True):
                outputs[k] = replace(outputs[k], scene=scene)
        return outputs

    def _predict_each(self, views: Sequence[NDArray[np.uint8]]) -> Sequence[PriorOutput | Exception]:
        """The prior's output for each view; where a batch fails, one by one, and the error where one fails."""
        try:
            return self.predict(views)
        except _OF_THE_INSTALLATION:
            raise
        except Exception as error:  # whatever a model raises on one odd photo
            if len(views) < 2:
                return [error] * len(views)
            return [self._predict_each([view])[0] for view in views]

    def _see_or_failure(self, source: ImageSource) -> _Seen | Failure:
        try:
            return self._see(source)
        except _OF_THE_INSTALLATION:
            raise
        except Exception as error:  # one odd photo must not end a batch, whatever a library raises on it
            return _failure(str(source) if isinstance(source, str | os.PathLike) else None, error)

    def _see(self, source: ImageSource) -> _Seen:
        """Load a photo, read its text, and let its pixels go."""
        photo = load(source)
        looked = self.looker.look(photo.pixels)
        readings = looked.readings
        private = [*looked.private, *(r.box for r in readings if is_sensitive(r.text))]
        view = reduced(photo.pixels)
        if self.reveal:
            private = []
        jpeg, scale = thumbnail(view, view.shape[1] / photo.width, private)
        shown = readings if self.reveal else masked(readings)
        return _Seen(photo.name, view, shown, self.clues(readings, looked.plates), private, jpeg, scale)

    def read(self, pixels: NDArray[np.uint8]) -> list[Reading]:
        """All text in ``pixels``, that of plates marked, unmasked: for this process only."""
        return self.looker.look(pixels).readings

    def clues(self, readings: Sequence[Reading], plates: Sequence[PlateReading] = ()) -> list[Clue]:
        """What ``readings`` and ``plates`` say about places; of more than 200 clues, as on a timetable, the strongest.

        They are masked, unless the locator reveals. Readings of plates tell what the plates tell, and nothing else.
        """
        text = [reading for reading in readings if reading.region != "plate"]
        found = [clue for reader in self.clue_readers for clue in reader.clues(text)]
        if self.looker.plates is not None:
            found += self.looker.plates.clues(plates, reveal=self.reveal)
        found = [found[k] for k in _strongest(found)]
        if self.reveal:
            return [revealed(clue, text) for clue in found]
        return [_masked(clue) for clue in found]

    def _read_page(self, readings: Sequence[Reading]) -> list[Clue]:
        """What a web page says about places: its lines as those of a sign, but not looked up once more."""
        return [
            _masked(clue)
            for reader in self.clue_readers
            if not isinstance(reader, MapReader)
            for clue in reader.clues(readings)
        ]

    def _answer(self, seen: _Seen, output: PriorOutput, constraints: Constraints) -> Answer:
        answer = self._fused(seen.clues, seen.readings, output, constraints)
        if self.second_pass is not None:

            def again(found: Sequence[Clue]) -> Answer:
                return self._fused([*seen.clues, *found], seen.readings, output, constraints)

            found = self.second_pass.run(answer, again)
            if found.clues:
                answer = again(found.clues)
                credits = (row["attribution"] for row in found.rows if row["found"])
                owed = dict.fromkeys(filter(None, [*answer.attributions, *credits]))
                answer = replace(answer, attributions=list(owed))
            answer = replace(answer, lookups=found.rows)
        return replace(
            answer,
            file=seen.name,
            thumbnail=seen.thumbnail,
            thumbnail_scale=seen.thumbnail_scale,
            covered=seen.private,
        )

    def _fused(
        self,
        clues: Sequence[Clue],
        readings: Sequence[Reading],
        output: PriorOutput,
        constraints: Constraints,
        looked: Literal["picture", "photos"] = "picture",
    ) -> Answer:
        """The answer without a picture: that of one photo, or of several together."""
        prior = output.distribution
        context = Context(readings, output.scene, self.prior.name)
        fused = self.ranker.fuse(prior, among_shops(clues, prior.partition), context)
        posterior, share = constraints.measured(fused.posterior)

        rows = ledger_of(fused, posterior, constraints, self.utility)
        lat, lon, radius_km = point_and_radius_km(posterior, self.utility)
        card = self.prior.card
        steps: list[Step] = []
        if card.visual:
            steps.append(Step(looked, SENTENCES[looked], prior))
        if clues:
            together = {1: "the one clue", 2: "both clues together"}.get(len(clues), f"all {len(clues)} clues together")
            steps.append(Step("clues", together, fused.posterior))
        if constraints:
            lay = f"{percent(share)} of the probability lay {constraints.words()}"
            steps.append(Step("within", lay, posterior))
        return Answer(
            file=None,
            lat=lat,
            lon=lon,
            radius_km=radius_km,
            place=self.gazetteer.nearest(lat, lon)[0],
            distribution=posterior,
            prior=prior,
            prior_name=self.prior.name,
            visual=card.visual,
            clues=[clues[row.clue] for row in rows],
            readings=readings,
            ledger=[replace(row, clue=new) for new, row in enumerate(rows)],
            effects=effects_of(self._unseen if card.visual else prior, steps, self.utility),
            text_sought=self.ocr.name != "none",
            scene=output.scene,
            attributions=self.map_credits(clues),
        )

    def map_credits(self, clues: Sequence[Clue]) -> list[str]:
        """Whose data the maps on this machine are, where ``clues`` have any of them."""
        # By what they do not begin with: a map's name that looks like a plate is masked.
        services = () if self.second_pass is None else self.second_pass.services
        begin = tuple(f"{service.name} " for service in services)
        told = any(clue.kind == "lookup" and not clue.meaning.startswith(begin) for clue in clues)
        return list(dict.fromkeys(str(index.meta["attribution"]) for index in self.places)) if told else []

    @cached_property
    def _unseen(self) -> CellDistribution:
        """Where photos are taken: what is known before a picture is looked at."""
        return DensityPrior(self.prior.partition).distribution


def locate(
    image: ImageSource, *, within: Within = None, exclude: Exclude = None, offline: bool | None = None
) -> Answer:
    """Where ``image`` was taken, with the parts that ship; for many photos build one ``Locator``.

    See ``Locator.locate`` for the arguments and the errors raised.
    """
    return Locator(offline=offline).locate(image, within=within, exclude=exclude)


def _strongest(clues: Sequence[Clue]) -> list[int]:
    """Which clues are fused: all, or of too many the strongest, in their order."""
    strongest = sorted(range(len(clues)), key=lambda k: -strength(clues[k].evidence))[:_MOST_CLUES]
    return sorted(strongest)


def _masked(clue: Clue) -> Clue:
    """``clue`` without private text; a plate's sentence holds none, and its format ("GB: AA00 AAA") looks like one."""
    if clue.kind == "plate":
        return replace(clue, text=hidden(clue.text))
    return replace(clue, text=mask(clue.text), meaning=mask(clue.meaning), points_to=tuple(map(mask, clue.points_to)))


def _failure(name: str | None, error: Exception) -> Failure:
    if isinstance(error, WhenceError):
        return Failure(name, error)
    if isinstance(error, MemoryError):
        return Failure(name, ImageError(f"{name or 'a photo'} does not fit into memory: make it smaller"))
    return Failure(name, WhenceError(f"{name or 'a photo'} failed unexpectedly: {printable(mask(repr(error)))}"))
