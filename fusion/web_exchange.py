"""A request and what becomes of it: its turn, retries, redirects on the same server, and the JSON in the end."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from data.errors import LookupFailed
from fusion.lookup import Request
from fusion.web_hosts import server_of
from fusion.web_pace import Clock

if TYPE_CHECKING:
    from fusion.web_send import Reply, Sending

__all__ = ["Limits", "Resting", "fetch"]

_REDIRECTS = (301, 302, 307, 308)  # 303 asks for a GET of something else, which no service here answers with
_LONGEST_URL = 8000
_LONGEST_FORM = 16_000


@dataclass(frozen=True, slots=True)
class Limits:
    """How long and how much a look-up may take."""

    total_s: float = 10.0  # of one query with all its retries and redirects, from the start of its first turn
    connect_s: float = 5.0  # for a connection
    read_s: float = 8.0  # for any one packet; Overpass thinks before it sends the first
    most_bytes: int = 2 << 20  # of a body, decompressed; forty places with all their names are 100 KB
    retries: int = 2  # after 429, 5xx or a connection that was cut
    longest_retry_after_s: float = 5.0  # a server that asks to wait longer is left alone instead
    most_redirects: int = 3  # on the same server


class Resting(LookupFailed):
    """The server asked to be left alone, for ``seconds``."""

    def __init__(self, message: str, seconds: float) -> None:
        super().__init__(message)
        self.seconds = seconds


def fetch(
    request: Request, *, agent: str, limits: Limits, clock: Clock, turn: Callable[[float], AbstractContextManager[None]]
) -> str:
    """The body that answers ``request``, as text.

    Args:
        request: Its URL has been held against the service's address.
        agent: The User-Agent.
        limits: How long and how much.
        clock: What tells the time and waits.
        turn: Waits for the turn to ask, so many seconds at most, and holds it; every single request takes one.

    Raises:
        LookupFailed: Nothing usable came; the message is a clause that follows the service's name.
    """
    from fusion.web_send import Cut, exchange  # imports httpx: only where something is sent

    sending, tries, hops = _sending(request, agent), 0, 0
    deadline: float | None = None

    def left() -> float:
        return math.inf if deadline is None else deadline - clock.steady()

    while True:
        with turn(left()):
            # The wait for the first turn is bounded by itself; what follows is all within the deadline.
            deadline = clock.steady() + limits.total_s if deadline is None else deadline
            if left() <= 0.0:
                raise _late(limits)
            try:
                reply: Reply | None = exchange(
                    sending,
                    left=left,
                    connect_s=limits.connect_s,
                    read_s=limits.read_s,
                    most_bytes=limits.most_bytes,
                )
            except Cut:
                reply = None
        why = "it cut the connection" if reply is None else f"it answered {reply.status}"
        if reply is not None and reply.status == 200:
            return _text(reply.body)
        if reply is not None and reply.status in _REDIRECTS:
            hops += 1
            sending = _redirected(sending, reply, hops, limits)
            continue
        if reply is not None and reply.status != 429 and reply.status < 500:
            raise LookupFailed(_refusal(reply.status))
        wait = _wait(reply, tries, limits, clock, why)
        if tries == limits.retries:
            raise LookupFailed(f"{why}, {tries + 1} times: try again later")
        if wait >= left():
            raise LookupFailed(f"{why}, and there is no time left to try again: try later")
        tries += 1
        clock.sleep(wait)


def _sending(request: Request, agent: str) -> Sending:
    import httpx

    from fusion.web_send import Sending

    try:
        url = httpx.URL(request.url, params=dict(request.params)) if request.params else httpx.URL(request.url)
        form = None if request.form is None else {str(k): str(v) for k, v in request.form.items()}
        length = sum(len(k.encode()) + len(v.encode()) for k, v in (form or {}).items())
    except (httpx.InvalidURL, UnicodeError, ValueError, TypeError) as error:
        raise LookupFailed("what is to be asked cannot be written as a request: it was not sent") from error
    if len(str(url)) > _LONGEST_URL or length > _LONGEST_FORM:
        raise LookupFailed("what is to be asked is too long for a request: it was not sent")
    return Sending("GET" if form is None else "POST", url, form, agent)


def _redirected(sending: Sending, reply: Reply, hops: int, limits: Limits) -> Sending:
    import httpx

    from fusion.web_send import Sending

    if hops > limits.most_redirects:
        raise LookupFailed(f"it redirects more than {limits.most_redirects} times: name its final address")
    try:
        target = sending.url.join(reply.headers.get("location", ""))
        new = server_of(str(target))
    except (httpx.InvalidURL, KeyError, UnicodeError, ValueError) as error:
        raise LookupFailed("it redirects to no address: name its final address") from error
    old = server_of(str(sending.url))
    better = (old[0], old[2]) == ("http", 80) and (new[0], new[2]) == ("https", 443)
    if new[1] != old[1] or not (better or (new[0], new[2]) == (old[0], old[2])) or target.userinfo:
        raise LookupFailed("it redirects to another server, which is not asked: name that address if you trust it")
    if len(str(target)) > _LONGEST_URL:
        raise LookupFailed("it redirects to an address that is too long: name its final address")
    return Sending(sending.method, target, sending.form, sending.agent)


def _wait(reply: Reply | None, tries: int, limits: Limits, clock: Clock, why: str) -> float:
    """Seconds until the next try."""
    asked = None if reply is None else _retry_after(reply.headers.get("retry-after", ""), clock.wall())
    if asked is None:
        return float(2**tries)
    if asked > limits.longest_retry_after_s:
        raise Resting(f"{why} and wants to be left alone for {asked:.0f} s: try again then", asked)
    return asked


def _retry_after(value: str, now: float) -> float | None:
    """Seconds from ``now`` that a ``Retry-After`` header asks for; None where it says nothing."""
    value = value.strip()
    if value.isascii() and value.isdigit():
        return float(value[:9])
    try:
        moment = parsedate_to_datetime(value)
        return max(0.0, (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() - now)
    except (ValueError, TypeError, OverflowError, IndexError):
        return None


def _refusal(status: int) -> str:
    if status in (401, 403):
        return f"it answered {status}: it does not serve us; see its rules of use, or run a server of your own"
    if status in (404, 405):
        return f"it answered {status}: its address is likely not the right one"
    if status < 400:
        return f"it answered {status}, not with places: its address is likely not the right one"
    return f"it answered {status}: it does not understand what was asked; is its version too old or too new?"


def _late(limits: Limits) -> LookupFailed:
    return LookupFailed(f"it did not answer within {limits.total_s:g} s: try again later")


def _text(body: bytes) -> str:
    try:
        return body.decode("utf-8-sig")  # JSON is UTF-8 whatever a header says (RFC 8259)
    except UnicodeDecodeError as error:
        raise LookupFailed("its answer is not UTF-8, which JSON must be: its settings need mending") from error
