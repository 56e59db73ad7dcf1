"""The look-up services by their names, as ``--web`` lists them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from data.errors import RequestError
from data.printable import printable
from detectors.base import Clue, Reading
from fusion.lookup import LookupService
from fusion.nominatim import Nominatim
from fusion.overpass import Overpass
from fusion.searxng import SearXNG

__all__ = ["SERVICES", "make_services"]

SERVICES = ("nominatim", "overpass", "searxng")
"""The names that :func:`make_services` knows."""


def make_services(
    names: str,
    *,
    read: Callable[[Sequence[Reading]], Sequence[Clue]],
    nominatim_url: str | None = None,
    overpass_url: str | None = None,
    searxng_url: str | None = None,
) -> list[LookupService]:
    """The services that ``names`` lists, in its order.

    Args:
        names: Separated by commas, each with or without its server: ``"nominatim=http://127.0.0.1:8088,overpass"``.
        read: Lines of text to clues, for what a web search finds.
        nominatim_url: Of the server where ``names`` says none; None for the public one.
        overpass_url: Likewise.
        searxng_url: Likewise, but there is no public one.

    Raises:
        RequestError: A name is not known or stands there twice, an address is none, or SearXNG has none.

    >>> [service.base_url for service in make_services("nominatim=http://127.0.0.1:8088,overpass", read=lambda _: [])]
    ['http://127.0.0.1:8088', 'https://overpass-api.de/api/interpreter']
    """
    out: list[LookupService] = []
    for part in filter(None, (part.strip() for part in names.split(","))):
        name, _, url = (piece.strip() for piece in part.partition("="))
        name = name.lower()
        if any(service.name == name for service in out):
            raise RequestError(f"the look-up service {name} is named twice: name it once")
        if name == "nominatim":
            address = url or nominatim_url
            out.append(Nominatim(address) if address else Nominatim())
        elif name == "overpass":
            address = url or overpass_url
            out.append(Overpass(address) if address else Overpass())
        elif name == "searxng":
            address = url or searxng_url
            if not address:
                raise RequestError(
                    "no SearXNG server is public to programs: name one of your own, as in searxng=http://127.0.0.1:8888"
                )
            out.append(SearXNG(address, read))
        else:
            raise RequestError(
                f"there is no look-up service '{printable(name[:60])}': the services are {', '.join(SERVICES)}"
            )
    if not out:
        raise RequestError(f"no look-up service is named: the services are {', '.join(SERVICES)}")
    return out
