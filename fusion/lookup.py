"""What every look-up service speaks: a query, the one request that it becomes, and the hits in what came back.

A service opens no connection: it writes a request and reads an answer, both as plain data. Only the client
(``fusion.web``) sends anything, so that manners, caps, record and replay are the same for all of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from detectors.hits import Hit

__all__ = ["Area", "LookupService", "Query", "Request"]

Area = tuple[float, float, float, float]
"""West, south, east, north in degrees; west may exceed east, across the date line."""


@dataclass(frozen=True, slots=True)
class Query:
    """What is to be found: text off the photo that may leave the process, and where it is likely to be.

    Attributes:
        text: A name or an address, as read and cleaned. Nothing private is in it (``fusion.lookup_privacy``).
        kind: Which of the two it is.
        sources: The readings that it came from, as in ``Evidence.sources``.
        areas: Around the likeliest cells, the likeliest first.
        countries: The only countries that are likely, ISO 3166-1 alpha-2, the likeliest first; empty where there is
            doubt.
        near: Ask for what is in ``areas`` only: elsewhere more bear the name than a service lists.
    """

    text: str
    kind: Literal["name", "address"] = "name"
    sources: tuple[str, ...] = ()
    areas: tuple[Area, ...] = ()
    countries: tuple[str, ...] = ()
    near: bool = False


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request as data.

    Attributes:
        url: Without parameters: ``"https://nominatim.openstreetmap.org/search"``.
        params: Of the query string, in order.
        form: Of the body, URL-encoded; with it the request is a POST, without it a GET.
    """

    url: str
    params: Mapping[str, str] = field(default_factory=dict)
    form: Mapping[str, str] | None = None


class LookupService(Protocol):
    """A service that finds places by name."""

    @property
    def name(self) -> str:
        """Short name: ``"nominatim"``; ``Answer.lookups`` and the command line call it so."""

    @property
    def attribution(self) -> str:
        """Whose data it is, for the answer and the map; "" where nobody need be named."""

    @property
    def interval_s(self) -> float:
        """Least seconds between two requests, over all processes of the user; 0 where there is no such rule."""

    @property
    def base_url(self) -> str:
        """Where it is; its host is the only one that its requests may go to."""

    def request(self, query: Query) -> Request | None:
        """What is sent for ``query``; None where the service cannot answer such a query."""

    def hits(self, query: Query, body: Any) -> Sequence[Hit]:
        """The hits in ``body``, the parsed JSON that came back.

        Raises:
            LookupFailed: It is not what the service's documentation says.
        """
