"""Evaluates priors on photos whose places are known: answers into a folder, and the figures made of them.

A run goes on where it was stopped, gives the same rows whatever the number of workers, and reads each photo once for
all priors.
"""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from backbone.base import Prior
from data.errors import ImageError, RequestError
from data.geodesy import haversine_km
from data.images import ImageSource
from data.printable import printable
from data.writing import write_whole
from fusion.answer import Answer, Failure
from fusion.batch import settings_of
from fusion.evaluation.journal import Journal, writing
from fusion.evaluation.read_once import ReadOnce
from fusion.evaluation.rows import Labelled, failed_row, labelled, labels_of, located_row
from fusion.evaluation.runs import SUMMARY, Run, open_run
from fusion.evaluation.shown import Shown
from fusion.evaluation.summary import Made, summarised
from fusion.locator import Locator

if TYPE_CHECKING:
    from data.labelled import LabelledSet

__all__ = ["Counted", "evaluate"]

_AT_ONCE: Final = 8  # photos a worker that are taken together


@dataclass(slots=True)
class Counted:
    """What became of the rows of a run, one a photo and prior.

    Attributes:
        located: Written with an answer.
        failed: Written with an error.
        before: There before.
        unasked: Written with an answer that came without a look-up, which failed.
    """

    located: int = 0
    failed: int = 0
    before: int = 0
    unasked: int = 0


def evaluate(
    photos: LabelledSet,
    out: Path,
    priors: Sequence[Prior | str] = ("auto",),
    *,
    locator: Locator | None = None,
    ocr: str | None = None,
    retry_errors: bool = False,
    counted: Counted | None = None,
    on_row: Callable[[], None] = lambda: None,
) -> Run:
    """Locate every photo with each prior and write the answers, thumbnails and figures to ``out``.

    Args:
        photos: What is evaluated on.
        out: Folder of the run; one that holds a part of this run is gone on with.
        priors: Priors or their names; each once.
        locator: Whose other parts answer, its ``workers`` photos at once; None for all that ship, without maps of this
            machine.
        ocr: The text reader's name with its languages, which the rows' settings name; None for the name alone.
        retry_errors: Do those again whose row is an error.
        counted: Counted up as it goes, for a caller who looks when it was interrupted.
        on_row: Called after each row, those that were there before as well.

    Raises:
        RequestError: No photos, a prior twice, a locator that reveals private text, or ``out`` holds another set,
            answers made with other settings, or those of a prior that is not named.
        WeightsError: Weights of a prior are missing.
        DatasetError: What is in ``out`` is damaged, or is something else.
        WhenceError: It cannot be written. Rows that were written stay, and the same call goes on with them.
    """
    if not len(photos):
        raise RequestError(f"{photos.name} has no photos to evaluate on")
    counted = Counted() if counted is None else counted
    started, clock = datetime.now(UTC).isoformat(timespec="seconds"), time.monotonic()
    locators, looker = _locators(priors, locator)
    made_with = {name: settings_of(one, ocr=ocr) for name, one in locators.items()}
    human_km = _human_km(photos)
    with Journal(out, photos.fingerprint) as journal:

        def missing(name: str, file: str) -> bool:
            state = journal.state(name, file, made_with[name])
            return state is None or (state == "error" and retry_errors)

        others = sorted(journal.priors - set(locators))
        if others:
            raise RequestError(
                f"{printable(str(out))} has answers of {', '.join(others)}, which would be lost: name that prior as "
                "well (--prior), or another folder"
            )
        shown = Shown(out)
        for name in locators:
            for file in photos.files:
                if not missing(name, file):
                    counted.before += 1
                    shown.note(journal.row(name, file))
                    on_row()
        first = next(iter(locators.values()))
        step = _AT_ONCE * first.workers
        for start in range(0, len(photos), step):
            chunk = range(start, min(start + step, len(photos)))
            hashes: dict[int, str] = {}
            known: dict[int, Labelled] = {}
            for name, one in locators.items():
                todo = [k for k in chunk if missing(name, photos.files[k])]
                sources = [_source(photos, k) for k in todo]
                for k, source in zip(todo, sources, strict=True):
                    if k not in hashes:
                        hashes[k] = _sha256(source)
                        known[k] = _known(photos, k, human_km)
                results = _results(one, sources)
                for k, result in zip(todo, results, strict=True):
                    head = known[k], name, hashes[k], made_with[name]
                    row = _row(result, one, *head)
                    # The picture first: of a photo whose row is there it is not made again.
                    shown.note(row, result.thumbnail if isinstance(result, Answer) else None)
                    journal.append(row)
                    counted.located += isinstance(result, Answer)
                    counted.unasked += isinstance(result, Answer) and any(one["failed"] for one in result.lookups)
                    counted.failed += isinstance(result, Failure)
                    on_row()
            if looker is not None:
                looker.forget()
        shown.finish()
        order = [(name, file) for name in locators for file in photos.files]
        number = {file: k for k, file in enumerate(photos.files)}

        def labels(file: str) -> dict[str, object]:
            return labels_of(float(human_km[number[file]]), _groups(photos, number[file]))

        with writing(out):
            (out / SUMMARY).unlink(missing_ok=True)  # until there is one of these rows
        journal.finish(order, list(photos.groups), labels)
    made = Made(started, round(time.monotonic() - clock, 1))
    summary = summarised(out, photos, {name: (one, made_with[name]) for name, one in locators.items()}, made)
    with writing(out):
        write_whole(out / SUMMARY, summary.encode("utf-8"))
    return open_run(out)


def _locators(priors: Sequence[Prior | str], locator: Locator | None) -> tuple[dict[str, Locator], ReadOnce | None]:
    """A locator for each prior by its name, and what remembers the text of a photo where there are several."""
    if not priors:
        raise RequestError("name a prior to evaluate (--prior)")
    if locator is None:
        locator = Locator(priors[0], places="none")
        priors = [locator.prior, *priors[1:]]
    if locator.reveal:
        raise RequestError("an evaluation is written with private text masked: give a locator that does not reveal it")
    locators: dict[str, Locator] = {}
    for prior in priors:
        one = locator.with_prior(prior)
        if one.prior.name in locators:  # also under two names, as of auto and what that is
            raise RequestError(
                f"the prior {one.prior.name} is named twice: give each once, and two models of one name a folder each"
            )
        locators[one.prior.name] = one
    if len(locators) == 1:
        return locators, None
    looker = ReadOnce(locator.looker)
    for one in locators.values():
        one.looker = looker
    return locators, looker


def _known(photos: LabelledSet, k: int, human_km: NDArray[np.float64]) -> Labelled:
    return labelled(
        photos.files[k], float(photos.lat[k]), float(photos.lon[k]), photos.country[k], float(photos.exact_km[k]),
        float(human_km[k]), _groups(photos, k),
    )  # fmt: skip


def _groups(photos: LabelledSet, k: int) -> dict[str, str]:
    return {name: values[k] for name, values in photos.groups.items()}


def _human_km(photos: LabelledSet) -> NDArray[np.float64]:
    if photos.human is None:
        return np.full(len(photos), math.nan)
    return haversine_km(photos.human["lat"], photos.human["lon"], photos.lat, photos.lon)


def _source(photos: LabelledSet, index: int) -> ImageSource | ImageError:
    try:
        return photos.source(index)
    except ImageError as error:  # of a shard, which is opened here
        return error


def _sha256(source: ImageSource | ImageError) -> str:
    """Of a file's bytes, of pixels; empty where neither can be read."""
    if isinstance(source, np.ndarray):
        return hashlib.sha256(repr(source.shape).encode() + np.ascontiguousarray(source).tobytes()).hexdigest()
    if isinstance(source, bytes):
        return hashlib.sha256(source).hexdigest()
    if isinstance(source, str | Path):
        try:
            with Path(source).open("rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest()
        except OSError:
            return ""
    return ""


def _results(locator: Locator, sources: Sequence[ImageSource | ImageError]) -> Iterator[Answer | Failure]:
    located = locator.locate_many([source for source in sources if not isinstance(source, ImageError)])
    for source in sources:
        yield Failure(None, source) if isinstance(source, ImageError) else next(located)


def _row(
    result: Answer | Failure, locator: Locator, known: Labelled, prior: str, sha256: str, settings: str
) -> dict[str, object]:
    if isinstance(result, Answer):
        row: dict[str, object] = located_row(known, result, locator, prior, sha256, settings)
        return row
    return failed_row(known, result, prior, sha256, settings)
