"""The second pass: the first answer plans what to ask, services are asked, and what they find is weighed with the rest.

Each query goes to the services in turn until one finds something, and no more is asked once the answer is settled. A
service that does not answer costs the look-up, never the answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from data.errors import LookupFailed
from data.printable import printable
from detectors.base import Clue
from detectors.hits import Hit
from detectors.privacy import masked
from fusion.lookup import LookupService, Query, Request
from fusion.lookup_plan import plan_queries, settled, words_of
from fusion.weighed_hits import clues_of_hits

if TYPE_CHECKING:
    from fusion.answer import Answer
    from fusion.web import WebClient

__all__ = ["Lookups", "Planned", "SecondPass"]

_LISTED: Final = 10  # hits of one query: of as many there may be more


@dataclass(frozen=True)
class Planned:
    """What would be asked of a service."""

    service: str
    query: Query
    request: Request


@dataclass(frozen=True)
class Lookups:
    """What was found.

    Attributes:
        clues: Of the kind ``lookup``.
        rows: One for each request, as ``Answer.lookups`` has them.
    """

    clues: Sequence[Clue]
    rows: Sequence[dict[str, Any]]


class SecondPass:
    """Asks services about a photo.

    Args:
        services: In the order in which each query goes to them.
        client: Sends the requests.
    """

    def __init__(self, services: Sequence[LookupService], client: WebClient) -> None:
        self.services = tuple(services)
        self._client = client

    def plan(self, first: Answer) -> list[Planned]:
        """What would be asked after the first answer, if nothing were found; nothing is sent."""
        if settled(first.distribution, first.lat, first.lon):
            return []
        queries = plan_queries(masked(first.readings), first.clues, first.distribution)
        return [
            Planned(service.name, query, request)
            for query in queries
            for service in self.services
            if (request := _request(service, query)) is not None
        ]

    def run(self, first: Answer, again: Callable[[Sequence[Clue]], Answer]) -> Lookups:
        """Ask until all queries are asked or the answer is settled.

        Args:
            first: The first answer.
            again: Clues of look-ups to the answer with them.
        """
        answer, rows, clues = first, list[dict[str, Any]](), list[Clue]()
        found: list[tuple[str, Query, Sequence[Hit]]] = []
        readings = masked(first.readings)  # whoever shows private text on a screen does not send it
        for query in plan_queries(readings, first.clues, first.distribution):
            if settled(answer.distribution, answer.lat, answer.lon):
                break
            if any(words_of(query) < words_of(other) for _, other, _ in found):
                continue  # what says more was found
            before = len(found)
            for row, service, asked, hits in self._ask(query):
                rows.append(row)
                if hits:
                    found.append((service, asked, hits))
            if len(found) > before:
                clues = clues_of_hits(found, readings)
                answer = again(clues)
        return Lookups(clues, rows)

    def _ask(self, query: Query) -> Iterator[tuple[dict[str, Any], str, Query, Sequence[Hit]]]:
        """Put a query to the services in turn, until one finds something."""
        for service in self.services:
            row, hits = self._one(service, query)
            if row is None:
                continue
            near = replace(query, near=True)
            if len(hits) >= _LISTED and query.areas and _asks_otherwise(service, query, near):
                # Too many bear the name to list them all: those near the likeliest place are asked for as well.
                yield row, service.name, query, ()
                row, more = self._one(service, near)
                hits = [*hits, *more]
            if row is not None:
                yield row, service.name, query, hits
            if hits:
                return

    def _one(self, service: LookupService, query: Query) -> tuple[dict[str, Any] | None, Sequence[Hit]]:
        """Ask one service; a row for ``Answer.lookups``, or None where it cannot answer such a query."""
        try:
            asked = self._client.ask(service, query)
        except LookupFailed as error:
            return _row(service, query, _request(service, query), failed=printable(str(error))), ()
        if asked is None:
            return None, ()
        return _row(service, query, asked.request, source=asked.source, found=len(asked.hits)), asked.hits


def _asks_otherwise(service: LookupService, query: Query, near: Query) -> bool:
    """Whether a service can ask for what is near, and does not do so anyway."""
    request = _request(service, near)
    return request is not None and request != _request(service, query)


def _request(service: LookupService, query: Query) -> Request | None:
    """What is sent; None, too, where a service, which may be anybody's, fails on it: the client says so."""
    try:
        request = service.request(query)
        if not (isinstance(request, Request) and isinstance(request.url, str) and isinstance(request.params, Mapping)):
            return None
        return request if isinstance(request.form, Mapping | None) else None
    except Exception:
        return None


def _row(
    service: LookupService,
    query: Query,
    request: Request | None,
    *,
    source: str | None = None,
    found: int = 0,
    failed: str | None = None,
) -> dict[str, Any]:
    fields = {} if request is None else dict(request.params) | dict(request.form or {})
    return {
        "service": service.name,
        "query": query.text,
        "kind": query.kind,
        "url": service.base_url if request is None else request.url,
        "parameters": {str(name): str(value) for name, value in fields.items()},
        "source": source,
        "found": found,
        "failed": failed,
        "attribution": service.attribution,
    }
