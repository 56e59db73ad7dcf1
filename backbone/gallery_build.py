"""Builds galleries and changes them: ``whence gallery build``, ``add`` and ``remove``.

Photos are embedded in blocks. Each block is a part of the gallery, written before the card that names it, so that a
build that was killed goes on behind the last whole block, and ends in the same photos, parts and fitted figures as one
that was not; a large gallery's index is then built over all of them. A photo whose key is in the gallery already is not
added again.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from backbone.gallery import Gallery
from backbone.gallery_card import CARD_FILE, GalleryCard, GalleryPart, read_gallery_card, write_gallery_card
from backbone.gallery_embedders import Embedder
from backbone.gallery_fit import ASKED, fitted
from backbone.gallery_index import EXACT_UP_TO, build_index
from backbone.gallery_parts import Places, open_vectors, read_places, write_part
from backbone.unreadable import Unreadable
from backbone.weights_card import check_name
from data.errors import DatasetError, ImageError, RequestError, WeightsError
from data.packed_names import PackedNames
from data.photo_sets import PhotoSet
from data.printable import printable

__all__ = ["BuildReport", "add_photos", "build_gallery", "remove_photos"]

_BLOCK: Final = 2_048  # photos between two checkpoints
_BATCH: Final = 8  # photos that a prior embeds at once
_PATIENCE_S: Final = 2.0  # for another process that changes the same gallery

Vectors = NDArray[np.float16]


@dataclass(frozen=True, slots=True)
class BuildReport:
    """What a build did.

    Attributes:
        added: Photos that are new in the gallery.
        known: Photos that were there already.
        unreadable: Photos that could not be read; their names are in ``unreadable.txt`` in the gallery's folder.
        photos: Photos in the gallery now.
    """

    added: int
    known: int
    unreadable: int
    photos: int


@dataclass(frozen=True)
class _How:
    """How photos are embedded."""

    embedder: Embedder
    device: str = "cpu"
    workers: int = 1
    block: int = _BLOCK
    index_above: int = EXACT_UP_TO
    asked: int = ASKED
    progress: Callable[[int], None] = lambda photos: None


def build_gallery(
    folder: Path,
    sets: Sequence[PhotoSet],
    embedder: Embedder,
    *,
    licence: str = "not stated",
    source: str = "",
    device: str = "cpu",
    workers: int = 1,
    block: int = _BLOCK,
    index_above: int = EXACT_UP_TO,
    asked: int = ASKED,
    progress: Callable[[int], None] = lambda photos: None,
) -> BuildReport:
    """Make a gallery in ``folder`` of the photos of ``sets``, or go on with one that was interrupted.

    Args:
        folder: Of the gallery, which is called as the folder.
        sets: Photos and their places; a photo's key is the name of its set, ``/`` and its key there.
        embedder: What makes vectors of them.
        licence: Of the photos, for the card.
        source: What they are and where they are from, for the card; empty for the names of the sets.
        device: ``"cpu"`` or ``"cuda"``.
        workers: Photos that are decoded at once.
        block: Photos between two checkpoints.
        index_above: A gallery of more photos gets an index.
        asked: Photos that are left out in turn to fit and to measure; fewer are faster.
        progress: Is called with the number of photos that are done, again and again.

    Raises:
        RequestError: There is a finished gallery already.
        DatasetError: No photo can be read, a set is damaged, or the folder cannot be written.
        WeightsError: What was interrupted there was of another embedding, or is damaged; or its name can be none.
    """
    check_name(folder.resolve().name)
    how = _How(embedder, device, workers, block, index_above, asked, progress)
    with _changing(folder):
        if (folder / CARD_FILE).exists():
            card = read_gallery_card(folder)
            if card.finished:
                raise RequestError(
                    f"there is a gallery {card.name} in {printable(str(folder))} already: add to it with `whence "
                    "gallery add`, give another name, or remove that folder"
                )
        else:
            card = GalleryCard(folder.resolve().name, embedder.embedding, licence=licence)
        return _extended(folder, card, sets, how, [source] if source else [photos.name for photos in sets], licence)


def add_photos(
    folder: Path,
    sets: Sequence[PhotoSet],
    embedder: Embedder,
    *,
    licence: str = "",
    source: str = "",
    device: str = "cpu",
    workers: int = 1,
    block: int = _BLOCK,
    index_above: int = EXACT_UP_TO,
    asked: int = ASKED,
    progress: Callable[[int], None] = lambda photos: None,
) -> BuildReport:
    """Add the photos of ``sets`` to the gallery in ``folder``; with no set, finish what was interrupted.

    The arguments are those of :func:`build_gallery`; an empty ``licence`` leaves the card's as it is.

    Raises:
        DatasetError: A set is damaged, the folder cannot be written, or no photo is left.
        WeightsError: There is no gallery, it is damaged, or of another embedding.
    """
    how = _How(embedder, device, workers, block, index_above, asked, progress)
    with _changing(folder):
        card = read_gallery_card(folder)
        said = [source] if source else [photos.name for photos in sets]
        return _extended(folder, card, sets, how, said, licence or card.licence)


def remove_photos(
    folder: Path,
    keys: Sequence[str],
    embedder: Embedder | None = None,
    *,
    index_above: int = EXACT_UP_TO,
    asked: int = ASKED,
) -> tuple[int, list[str]]:
    """Take photos out of the gallery in ``folder``.

    Args:
        folder: Of the gallery.
        keys: What the photos are called: ``set/name``, or ``name`` alone for photos of that name in every set.
        embedder: Must be that of the gallery, where one is given; none is needed, so that photos can always go.
        index_above: A gallery of more photos has an index.
        asked: As for :func:`build_gallery`.

    Returns:
        How many went, and those of ``keys`` that name no photo.

    Raises:
        RequestError: No photo would be left.
        WeightsError: There is no gallery, it is damaged, or of another embedding.
        DatasetError: The folder cannot be written.
    """
    with _changing(folder):
        card = read_gallery_card(folder)
        if embedder is not None:
            _require_embedding(card, embedder)
        parts, places = list(card.parts), [read_places(folder, part) for part in card.parts]
        going, unknown = _named(places, keys)
        count = int(sum(mask.sum() for mask in going))
        if count == card.count:
            raise RequestError(f"no photo would be left of the gallery {card.name}: remove its folder instead")
        if count:
            number = card.next_number
            kept: list[GalleryPart] = []
            for part, of_part, mask in zip(parts, places, going, strict=True):
                if not mask.any():
                    kept.append(part)
                elif not mask.all():
                    rows = np.flatnonzero(~mask)
                    vectors = open_vectors(folder, part, card.embedding.dimensions)[rows]
                    left = Places(of_part.keys.take(rows), of_part.lat[rows], of_part.lon[rows])
                    kept.append(write_part(folder, number, vectors, left))
                    number += 1
            # Rows are numbered anew, so that the index is of no use any more.
            card = replace(card, parts=tuple(kept), index=None, finished=False)
            write_gallery_card(folder, card)
        if count or not card.finished:
            _finish(folder, card, index_above, asked)
        return count, unknown


def _extended(
    folder: Path, card: GalleryCard, sets: Sequence[PhotoSet], how: _How, said: Sequence[str], licence: str
) -> BuildReport:
    _require_embedding(card, how.embedder)
    names = [photos.name for photos in sets]
    if len(set(names)) != len(names):
        raise RequestError(f"two sets of photos are called alike ({', '.join(names)}): their photos' keys would be too")
    # What could not be read before may be mended by now, but not while one build goes on.
    unreadable = Unreadable(folder, 0, known=0 if card.finished else card.unreadable)
    begun = replace(
        card, finished=False, licence=licence, sources=tuple(dict.fromkeys([*card.sources, *said])),
        unreadable=len(unreadable),
    )  # fmt: skip
    before, lost = card.count, 0
    if begun != card:
        write_gallery_card(folder, begun)
    card, done, known = begun, 0, 0
    for photos in sets:
        keys = PackedNames.of(f"{photos.name}/{photos.key(i)}" for i in range(len(photos)))
        there = [read_places(folder, part).keys for part in card.parts]
        new = PackedNames.joined(there).positions(keys) < 0 if there else np.ones(len(keys), bool)
        known += int((~new).sum())
        waiting = [i for i in np.flatnonzero(new).tolist() if keys[i] not in unreadable]
        lost += int(new.sum()) - len(waiting)
        done += len(keys) - len(waiting)
        for start in range(0, len(waiting), how.block):
            block = waiting[start : start + how.block]
            rows, vectors = _embedded(photos, block, how, done)
            unreadable.add(keys[i] for i in sorted(set(block) - set(rows)))
            lost += len(block) - len(rows)
            done += len(block)
            if rows:
                places = Places(keys.take(rows), photos.lat[rows], photos.lon[rows])
                part = write_part(folder, card.next_number, vectors, places)
                card = replace(card, parts=(*card.parts, part))
            card = replace(card, unreadable=len(unreadable))
            write_gallery_card(folder, card)
    if not card.parts:
        raise DatasetError(f"none of the {done} photos can be read: see {printable(str(folder / 'unreadable.txt'))}")
    card = _finish(folder, card, how.index_above, how.asked)
    return BuildReport(card.count - before, known, lost, card.count)


def _embedded(photos: PhotoSet, block: Sequence[int], how: _How, done: int) -> tuple[list[int], Vectors]:
    """Which photos of ``block`` can be read, and their vectors (m, d)."""
    embedder = how.embedder
    lock = threading.Lock()
    counted = done

    def advance() -> None:
        nonlocal counted
        with lock:
            counted += 1
            how.progress(counted)

    def read(index: int) -> NDArray[np.uint8] | NDArray[np.float32] | None:
        try:
            pixels = photos.pixels(index, at_least=embedder.at_least)
        except ImageError:
            return None
        finally:
            advance()
        return embedder.embed([pixels])[0] if embedder.threads else pixels

    rows: list[int] = []
    vectors: list[NDArray[np.float32]] = []
    with ThreadPoolExecutor(how.workers) as pool:
        for start in range(0, len(block), _BATCH * how.workers):
            some = block[start : start + _BATCH * how.workers]
            got = [(index, one) for index, one in zip(some, pool.map(read, some), strict=True) if one is not None]
            rows += [index for index, _ in got]
            if embedder.threads:
                vectors += [np.asarray(one, np.float32) for _, one in got]
            elif got:
                images = [np.asarray(one, np.uint8) for _, one in got]
                vectors += list(embedder.embed(images, device=how.device))
    stacked = np.stack(vectors) if vectors else np.zeros((0, embedder.embedding.dimensions), np.float32)
    return rows, stacked.astype(np.float16)


def _finish(folder: Path, card: GalleryCard, index_above: int, asked: int) -> GalleryCard:
    """Index, fit and measure what the gallery holds, and write its card as finished."""
    index = card.index
    if card.count <= index_above:
        index = None
    elif index is None or index.photos != card.count:
        vectors = [open_vectors(folder, part, card.embedding.dimensions) for part in card.parts]
        number = int(index.file.partition("-")[2].partition(".")[0]) + 1 if index is not None else 0
        index = build_index(
            folder, f"index-{max(number, card.next_number):06d}.usearch", vectors, card.embedding.dimensions,
            before=None if index is None else folder / index.file, known=0 if index is None else index.photos,
        )  # fmt: skip
    versions = {name: version(name) for name in ("numpy", "usearch")}
    card = replace(card, index=index, versions=versions)
    write_gallery_card(folder, card)
    votes, refinement, metrics = fitted(Gallery(folder, unfinished=True), asked)
    card = replace(card, finished=True, votes=votes, refinement=refinement, metrics=metrics)
    write_gallery_card(folder, card)
    _tidy(folder, card)
    return card


def _require_embedding(card: GalleryCard, embedder: Embedder) -> None:
    if card.embedding != embedder.embedding:
        raise WeightsError(
            f"the gallery {card.name} was embedded with {card.embedding}, this is {embedder.embedding}: vectors of two "
            "embeddings cannot be compared; build another gallery"
        )


def _named(places: Sequence[Places], keys: Sequence[str]) -> tuple[list[NDArray[np.bool_]], list[str]]:
    """Which photos of each part have one of the names, and the names that no photo has."""
    wanted, met = set(keys), set()
    masks = []
    for part in places:
        mask = np.zeros(len(part), bool)
        for i, key in enumerate(part.keys):
            hit = {key, key.partition("/")[2]} & wanted
            mask[i] = bool(hit)
            met |= hit
        masks.append(mask)
    return masks, [key for key in dict.fromkeys(keys) if key not in met]


def _tidy(folder: Path, card: GalleryCard) -> None:
    """Take away files of parts and indices that the card does not name: of blocks that were never finished."""
    named = {part.vectors_file for part in card.parts} | {part.places_file for part in card.parts}
    named |= {card.index.file} if card.index is not None else set()
    for pattern in ("part-*.npy*", "part-*.parquet*", "index-*.usearch*", f"{CARD_FILE}.*.part"):
        for path in folder.glob(pattern):
            if path.name not in named:
                path.unlink(missing_ok=True)


@contextmanager
def _changing(folder: Path) -> Iterator[None]:
    """Hold the gallery's lock; what the disk refuses is said as an error of ours."""
    from filelock import FileLock, Timeout

    shown = printable(str(folder))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / ".lock").acquire(timeout=_PATIENCE_S):
            yield
    except Timeout as error:
        raise WeightsError(f"another process is changing the gallery in {shown}: wait for it") from error
    except OSError as error:
        raise DatasetError(
            f"cannot write the gallery in {shown} ({error.strerror or error}): make room, or let this user write there"
        ) from error
    finally:
        # A folder that was made for nothing would look like a broken gallery.
        if folder.is_dir() and {path.name for path in folder.iterdir()} <= {".lock"}:
            (folder / ".lock").unlink(missing_ok=True)
            folder.rmdir()
