"""The client of all look-up services: the only thing in whence that opens a connection.

A service says what to ask and reads what came (``fusion.lookup``); this asks. It keeps the manners of public servers,
bounds time and size, keeps answers, records and replays. Whatever goes wrong is a ``LookupFailed``, so that the answer
comes without the look-up.
"""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any, Literal

from data.errors import LookupFailed, OfflineError, RequestError
from data.offline import offline_by_environment
from data.printable import printable
from data.user_folders import user_cache
from data.version import __version__
from detectors.hits import Hit
from fusion.hit_parts import country_of, shown
from fusion.lookup import LookupService, Query, Request
from fusion.tape import Tape
from fusion.web_cache import AnswerCache
from fusion.web_exchange import Limits, Resting, fetch
from fusion.web_hosts import manners_of, server_address, server_of
from fusion.web_pace import Clock, NoTurn, Pace

__all__ = ["Asked", "Limits", "WebClient"]

_MOST_HITS = 100
_LONGEST_CONTACT = 200
_LONGEST_NAME = 60  # of a service
_CONTACT = re.compile(r"(?:https?://|mailto:)?[A-Za-z0-9._%+~-]+(?:@|\.)[A-Za-z0-9._%+~/?=&@:-]+")
_PATIENCE = 3  # failures in a row until a server is left alone
_PAUSE_S = 60.0  # the first time; twice as long each time that it fails again
_LONGEST_PAUSE_S = 3600.0


@dataclass(frozen=True, slots=True)
class Asked:
    """A query that was answered.

    Attributes:
        service: Of whom.
        request: What was asked, complete but for the User-Agent.
        source: Where the answer came from: ``"network"``, ``"cache"`` or ``"tape"``.
        hits: What was found, the service's best first.
    """

    service: str
    request: Request
    source: Literal["network", "cache", "tape"]
    hits: tuple[Hit, ...]


class WebClient:
    """Asks look-up services, with manners and within bounds. May be used by several threads.

    Args:
        services: Whom it may ask; nobody else is asked, whatever a picture or an answer says.
        contact: An e-mail address or a URL at which whoever runs a server reaches the user, part of the User-Agent;
            None takes the environment's ``WHENCE_CONTACT``. Public servers demand one.
        offline: Whether the network is forbidden; also where ``WHENCE_OFFLINE`` says so. A tape is replayed anyway.
        cache: The folder of kept answers; None for the user's cache folder. How often a server was asked is always
            noted in the latter, since all processes have to meet there.
        limits: How long and how much an answer may take.
        tape: Records what comes, or replays it: then nothing is sent.
        clock: What tells the time and waits.

    Raises:
        OfflineError: The network is forbidden and there is no tape to replay.
        RequestError: Two services have one name; a name or an interval is none; an address is none or not safe; the
            contact is none or is missing.

    >>> from fusion.nominatim import Nominatim
    >>> WebClient([Nominatim("http://127.0.0.1:8088")]).agent
    'whence/0.1.0'
    """

    def __init__(
        self,
        services: Sequence[LookupService],
        *,
        contact: str | None = None,
        offline: bool = False,
        cache: Path | None = None,
        limits: Limits = Limits(),  # noqa: B008 - frozen
        tape: Tape | None = None,
        clock: Clock = Clock(),  # noqa: B008 - frozen
    ) -> None:
        self._tape, self._limits, self._clock = tape, limits, clock
        if (offline or offline_by_environment()) and not (tape is not None and tape.replays):
            raise OfflineError(
                "look-ups need a network, which is forbidden (--offline, offline=True or WHENCE_OFFLINE): allow it, "
                "leave the look-ups out, or replay a tape"
            )
        self._addresses = {_checked_name(service): server_address(service.base_url) for service in services}
        if len(self._addresses) != len(services):
            raise RequestError("two look-up services have the same name: leave one out, or name them apart")
        contact = _checked_contact(contact or os.environ.get("WHENCE_CONTACT") or None)
        public = [name for name, address in self._addresses.items() if manners_of(address) is not None]
        if public and contact is None and not (tape is not None and tape.replays):
            raise RequestError(
                f"whoever asks the public server of {public[0]} has to say how to be reached: give your e-mail address "
                "or a URL as the contact (--contact, contact=... or WHENCE_CONTACT), or name a server of your "
                "own"
            )
        self.agent = f"whence/{__version__}" + (f" ({contact})" if contact else "")
        self._cache = AnswerCache(cache if cache is not None else user_cache("lookups"))
        self._pace = Pace(user_cache("pace"), clock)
        self._failures: dict[str, int] = {}  # server -> in a row
        self._rests_until: dict[str, float] = {}  # server -> by the steady clock

    def ask(self, service: LookupService, query: Query) -> Asked | None:
        """Ask ``service`` for ``query``; None where it says that it cannot answer such a query.

        Raises:
            LookupFailed: There is no answer; the message says why and what to do. Nothing else is raised.
        """
        with _of_anybody(service, "what was to be asked"):
            written = service.request(query)
            request = None if written is None else _of_texts(written)
        return None if request is None else self._asked(service, query, request)

    def _asked(self, service: LookupService, query: Query, request: Request) -> Asked:
        tape = self._tape
        if tape is not None and tape.replays:
            return Asked(service.name, request, "tape", _hits(service, query, tape.play(service.name, request)))
        self._check_target(service, request)
        kept = self._kept(service, query, request)
        if kept is not None:
            body, hits = kept
        else:
            try:
                body = self._fetched(service, request)
                hits = _hits(service, query, body)
            except LookupFailed as error:
                if tape is not None:
                    tape.add(service.name, request, failure=str(error))
                raise
            self._cache.put(request, body, self._clock.wall())
        if tape is not None:
            tape.add(service.name, request, body=body)
        return Asked(service.name, request, "network" if kept is None else "cache", hits)

    def _check_target(self, service: LookupService, request: Request) -> None:
        address = self._addresses.get(service.name)
        if address is None:
            raise LookupFailed(f"{service.name} is none of the services of this client: it was not asked")
        if not (request.url == address or request.url.startswith(address + "/")):
            raise LookupFailed(f"{service.name} wants to ask another address than its own, {address}: it was not asked")

    def _kept(self, service: LookupService, query: Query, request: Request) -> tuple[str, tuple[Hit, ...]] | None:
        body = self._cache.get(request, self._clock.wall())
        try:
            return None if body is None else (body, _hits(service, query, body))
        except LookupFailed:  # it made sense once, to another version of the service
            self._cache.drop(request)
            return None

    def _fetched(self, service: LookupService, request: Request) -> str:
        _, host, port = server_of(request.url)
        server = f"{host}:{port}"
        asks = manners_of(request.url)
        interval_s = max(service.interval_s, asks.interval_s if asks is not None else 0.0)

        def turn(patience_s: float) -> AbstractContextManager[None]:
            per_day = asks.per_day if asks is not None else None
            return self._pace.turn(server, interval_s=interval_s, per_day=per_day, patience_s=patience_s)

        if offline_by_environment():  # set since this client was made
            raise LookupFailed("WHENCE_OFFLINE forbids the network: nothing was asked")
        rest = self._rests_until.get(server, 0.0) - self._clock.steady()
        if rest > 0.0:
            raise LookupFailed(f"{service.name} at {host} is left alone for {rest:.0f} s more after it failed")
        try:
            body = fetch(request, agent=self.agent, limits=self._limits, clock=self._clock, turn=turn)
        except LookupFailed as error:
            self._note_failure(server, error)
            raise LookupFailed(f"{service.name} at {host}: {error}") from error
        self._failures.pop(server, None)
        return body

    def _note_failure(self, server: str, error: LookupFailed) -> None:
        """A server that is down must not cost a batch of photos ten seconds for each query."""
        if isinstance(error, NoTurn):
            return
        failures = self._failures[server] = self._failures.get(server, 0) + 1
        seconds = min(error.seconds, _LONGEST_PAUSE_S) if isinstance(error, Resting) else 0.0
        if failures >= _PATIENCE:
            again = min(failures - _PATIENCE, 10)
            seconds = max(seconds, min(_PAUSE_S * 2**again, _LONGEST_PAUSE_S))
        if seconds > 0.0:
            self._rests_until[server] = self._clock.steady() + seconds


def _checked_contact(contact: str | None) -> str | None:
    if contact is None:
        return None
    contact = contact.strip(" ")
    if len(contact) > _LONGEST_CONTACT or not _CONTACT.fullmatch(contact):
        raise RequestError(
            f"the contact '{printable(contact[:_LONGEST_CONTACT])}' is neither an e-mail address nor a URL: write it "
            "as name@example.org or https://example.org/me"
        )
    return contact


def _checked_name(service: LookupService) -> str:
    """The name of a service, which may be anybody's."""
    name, address, interval_s = service.name, service.base_url, service.interval_s
    if not isinstance(name, str) or not name.strip() or printable(name) != name or len(name) > _LONGEST_NAME:
        raise RequestError("a look-up service has no name that can be shown: give it a short one, like 'nominatim'")
    if not isinstance(address, str) or not isinstance(service.attribution, str):
        raise RequestError(f"base_url and attribution of {name} must be texts: mend that service")
    number = isinstance(interval_s, int | float) and math.isfinite(interval_s) and interval_s >= 0
    if not number:
        raise RequestError(f"interval_s of {name} must be seconds, 0 or more: mend that service")
    return name


def _of_texts(request: Request) -> Request:
    """``request`` with numbers as texts; raises TypeError for what is none."""
    if not isinstance(request, Request) or not isinstance(request.url, str):
        raise TypeError("no request")
    form = None if request.form is None else _texts(request.form)
    return Request(request.url, _texts(request.params), form)


def _texts(fields: Mapping[str, Any]) -> dict[str, str]:
    if not all(isinstance(key, str) and isinstance(value, str | int | float) for key, value in fields.items()):
        raise TypeError("no text")
    return {key: str(value) for key, value in fields.items()}


def _of_hit(hit: Hit) -> Hit:
    """``hit`` with texts that can be shown, whoever made it; raises TypeError for what is none."""
    if not isinstance(hit, Hit) or not isinstance(hit.name, str):
        raise TypeError("no hit")
    return replace(
        hit,
        name=shown(hit.name),
        what=shown(hit.what, 100),
        address=shown(hit.address, 400),
        country=country_of(hit.country),
        id=shown(hit.id, 500),
    )


def _hits(service: LookupService, query: Query, body: str) -> tuple[Hit, ...]:
    try:
        content: Any = json.loads(body)
    except (ValueError, RecursionError) as error:  # numbers of thousands of digits are ValueErrors, too
        raise LookupFailed(f"what {service.name} answered is no JSON that can be read: try again later") from error
    with _of_anybody(service, "what came"):
        return tuple(map(_of_hit, islice(service.hits(query, content), _MOST_HITS)))


@contextmanager
def _of_anybody(service: LookupService, on: str) -> Iterator[None]:
    """A service may be anybody's, and no look-up may cost the answer: whatever it raises is a failed look-up."""
    try:
        yield
    except LookupFailed:
        raise
    except Exception as error:
        raise LookupFailed(
            f"{service.name} failed on {on} ({type(error).__name__}): leave it out, and report it"
        ) from error
