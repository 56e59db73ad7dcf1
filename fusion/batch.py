"""Many photos into one result file, where a second start goes on with the first."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from backbone.base import temperature_of
from data.version import __version__
from fusion.answer import Answer, Failure
from fusion.constraints import Exclude, Within
from fusion.locator import Locator
from fusion.results import PhotoKey, ResultFile, row_of

__all__ = ["Tally", "locate_into", "settings_of"]


@dataclass(slots=True)
class Tally:
    """What became of the photos of a run.

    Attributes:
        located: Rows written with an answer.
        failed: Rows written with an error.
        done_before: Photos that had an answer already.
        failed_before: Photos that had an error already, and were not tried again.
    """

    located: int = 0
    failed: int = 0
    done_before: int = 0
    failed_before: int = 0

    def __str__(self) -> str:
        words = f"located {self.located:,}, failed {self.failed:,}"
        if self.done_before or self.failed_before:
            words += f"; there before: located {self.done_before:,}, failed {self.failed_before:,}"
        if self.failed_before:
            words += " (--retry-errors does those again)"
        return words


def settings_of(
    locator: Locator,
    *,
    ocr: str | None = None,
    within: Within = None,
    exclude: Exclude = None,
    top: int = 5,
    confidence: float = 0.8,
) -> str:
    """What answers depend on, in words: rows of different settings do not share a file.

    Clue readers of your own are not named: name them in settings of your own.

    Args:
        locator: What locates.
        ocr: The reader's name with its languages; None for the name alone.
        within: See :meth:`Locator.locate`.
        exclude: See :meth:`Locator.locate`.
        top: Likeliest cells in a row.
        confidence: Of the level in a row.

    >>> locator = Locator("density:street", ocr="none", scenes="none", ranker="pool")
    >>> settings_of(locator, within="ES").partition(" prior")[2]
    '=density:street ocr=none regions=none scenes=none fusion=pool utility=geoscore top=5 confidence=0.8 within=ES'
    """
    reader = ocr or locator.ocr.name
    regions = "none" if locator.looker.finder is None else "auto"
    weights = locator.prior.card.sha256[:12]  # two models of one name do not share a table
    prior = f"{locator.prior.name}@{weights}" if weights else locator.prior.name
    temperature = temperature_of(locator.prior)  # a check may have fitted another since
    if temperature is not None:
        prior += f"/{temperature:.6g}"
    scenes = "none"
    if locator.scenes is not None:
        weights = locator.scenes.card.sha256[:12]
        scenes = f"{locator.scenes.name}@{weights}" if weights else locator.scenes.name
    words = f"whence {__version__} prior={prior} ocr={reader} regions={regions} scenes={scenes}"
    words += f" fusion={locator.ranker.name} utility={locator.utility} top={top} confidence={confidence:g}"
    words += " reveal" if locator.reveal else ""
    if locator.places:
        words += " places=" + ",".join(f"{index.name}@{index.meta['sha256'][:12]}" for index in locator.places)
    if locator.second_pass is not None:
        servers = (f"{service.name}={service.base_url}" for service in locator.second_pass.services)
        words += " web=" + ",".join(servers)
    for name, value in (("within", within), ("not", exclude)):
        if value is not None:
            parts = value if isinstance(value, Sequence) and not isinstance(value, str) else [value]
            words += f" {name}={','.join(map(str, parts))}"
    return words


def locate_into(
    out: str | Path,
    photos: Iterable[str | Path],
    locator: Locator,
    *,
    settings: str | None = None,
    within: Within = None,
    exclude: Exclude = None,
    top: int = 5,
    confidence: float = 0.8,
    retry_errors: bool = False,
    tally: Tally | None = None,
    on_result: Callable[[Answer | Failure | None], None] = lambda result: None,
) -> Tally:
    """Locate ``photos`` and write a row for each to ``out`` as it goes; what has a row there is not done again.

    Args:
        out: Path that ends in ``.csv``, ``.jsonl`` or ``.parquet``; its columns are in
            :data:`fusion.result_formats.COLUMNS`, its JSON in ``fusion/assets/answer.schema.json``.
        photos: Paths. One given twice is done once; one that changed since its row was written is done again.
        locator: Its ``workers`` photos are decoded and read at once.
        settings: What the rows are made with; None for what :func:`settings_of` says.
        within: See :meth:`Locator.locate`.
        exclude: See :meth:`Locator.locate`.
        top: Likeliest cells in a row.
        confidence: Of the level in a row.
        retry_errors: Do those again whose row is an error.
        tally: Counted up as it goes, for a caller who looks when it was interrupted.
        on_result: Called after each photo, with None for one that had its row before.

    Raises:
        RequestError: Malformed constraints; an ending that is none of the three; rows there were made with other
            settings; another process is writing to the file.
        DatasetError: ``out`` is there and is no result file.
        WhenceError: It cannot be written. Rows that were written stay, and the same call goes on with them.
    """
    if settings is None:
        settings = settings_of(locator, within=within, exclude=exclude, top=top, confidence=confidence)
    tally = Tally() if tally is None else tally
    begun: deque[PhotoKey] = deque()

    def missing() -> Iterator[Path]:
        for path in dict.fromkeys(map(Path, photos)):
            # Before the photo is read: one that changes meanwhile is then done again by the next run.
            key = PhotoKey.of(path)
            state = file.state(key)
            if state is None or (state == "error" and retry_errors):
                begun.append(key)
                yield path
                continue
            if state == "error":
                tally.failed_before += 1
            else:
                tally.done_before += 1
            on_result(None)

    with ResultFile(Path(out), settings) as file:
        for result in locator.locate_many(missing(), within=within, exclude=exclude):
            file.write(row_of(result, begun.popleft(), settings, top=top, confidence=confidence))
            if isinstance(result, Answer):
                tally.located += 1
            else:
                tally.failed += 1
            on_result(result)
    return tally
