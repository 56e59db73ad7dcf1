"""What a locator is built from, by name: what looks at a photo, and the device."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from data.errors import RequestError
from data.printable import printable
from detectors.base import Clue, Reading, TextReader
from detectors.looking import Looker, RegionFinder
from detectors.ocr import PhotoReader
from detectors.plates import PlateReader
from detectors.rapid import RapidEngine
from fusion.lookup import LookupService

if TYPE_CHECKING:
    from fusion.second_pass import SecondPass
    from fusion.tape import Tape

__all__ = ["choose_device", "make_looker", "make_second_pass"]

_MEMBERS: Final = ("name", "attribution", "interval_s", "base_url", "request", "hits")  # of a ``LookupService``
_MOST_TILES: Final = (
    14  # of a photo's parts that are searched for signs and plates; a search of all takes ten times as long
)


def make_looker(ocr: TextReader, regions: RegionFinder | str, *, photos_at_once: int) -> Looker:
    """What reads a photo; where text is not read, regions are not looked for either.

    Args:
        ocr: Reads text.
        regions: What finds signs and plates; ``"auto"`` for the detector that ships, ``"none"``.
        photos_at_once: How many photos share the cores.

    Raises:
        RequestError: ``regions`` names neither.
    """
    threads = None if photos_at_once == 1 else max((os.cpu_count() or 1) // photos_at_once, 1)
    if not isinstance(regions, str):
        finder: RegionFinder | None = regions
    elif regions not in ("auto", "none"):
        raise RequestError(f"unknown regions {regions!r}: choose auto or none")
    elif regions == "none" or ocr.name == "none":
        return Looker(ocr)
    else:
        from detectors.regions import RegionConfig, RegionDetector

        finder = RegionDetector(threads=threads, config=RegionConfig(most_tiles=_MOST_TILES))
    engine = ocr.engine if isinstance(ocr, PhotoReader) and isinstance(ocr.engine, RapidEngine) else None
    return Looker(ocr, finder, PlateReader(engine or RapidEngine(threads=threads)))


def choose_device(name: str, *, needed: bool) -> str:
    """``"cpu"`` or ``"cuda"``.

    Args:
        name: One of them, or ``"auto"`` for a GPU where there is one.
        needed: Whether there is a network that could use it.

    Raises:
        RequestError: It is none of them, or not there.
    """
    if name not in ("auto", "cpu", "cuda"):
        raise RequestError(f"unknown device {name!r}: choose auto, cpu or cuda")
    if name == "cpu" or (name == "auto" and not needed):
        return "cpu"
    import torch  # seconds to import: only where a model can use the GPU, or the user asks for one

    if torch.cuda.is_available():
        return "cuda"
    if name == "cuda":
        raise RequestError("device cuda was asked for, but PyTorch sees no CUDA GPU here: use --device cpu")
    return "cpu"


def make_second_pass(
    lookups: Sequence[LookupService] | str,
    read: Callable[[Sequence[Reading]], Sequence[Clue]],
    *,
    contact: str | None,
    tape: Tape | None,
    offline: bool,
) -> SecondPass | None:
    """What asks services about a photo; None where none is named.

    Args:
        lookups: Services, or their names.
        read: Lines of text to clues, for what a web search finds.
        contact: Of the user, for public services.
        tape: Recorded or replayed.
        offline: Whether the network is forbidden.

    Raises:
        RequestError: A service is unknown, lacks a member or its address is not safe, a public one lacks a contact, or
            there is a tape and no service.
        OfflineError: The network is forbidden and there is no tape to replay.
    """
    if not lookups:
        if tape is not None:
            raise RequestError("a tape is of look-ups, and no service is named: name those that it was recorded with")
        return None
    # The client and its libraries: only who looks things up needs them.
    from fusion.second_pass import SecondPass
    from fusion.services import make_services
    from fusion.web import WebClient

    services = make_services(lookups, read=read) if isinstance(lookups, str) else list(lookups)
    for service in services:
        _require_members(service)
    return SecondPass(services, WebClient(services, contact=contact, tape=tape, offline=offline))


def _require_members(service: object) -> None:
    """Raise RequestError if ``service`` is none that can be asked."""
    if isinstance(service, str):
        raise RequestError(
            f"{printable(repr(service)[:60])} in a list is no look-up service: give the names as one text, with commas "
            'between, as in "nominatim,overpass"'
        )
    lacks = [member for member in _MEMBERS if not hasattr(service, member)]
    if lacks:
        raise RequestError(
            f"the look-up service {type(service).__name__} has no {', '.join(lacks)}: see fusion.lookup.LookupService"
        )
