"""One HTTP exchange, bounded in time and size whatever the other side does.

Sockets know timeouts for each packet only: a server that sends a byte a second, in the headers or the TLS handshake
or the body, never meets them. So every wait on the network, the look-up of the name included, is cut to what is left
of one deadline. This module imports httpx; it is itself imported only where something is sent.
"""

from __future__ import annotations

import functools
import socket
import ssl
import threading
import zlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import httpcore
import httpx

from data.errors import LookupFailed
from fusion.web_hosts import is_private

__all__ = ["Cut", "Reply", "Sending", "exchange"]

_SHORTEST_S = 0.001  # a timeout of 0 means "do not wait" to a socket, and a negative one is an error


class Cut(Exception):  # noqa: N818 - what happened; whoever catches it decides whether it is an error
    """The connection ended before the answer did: worth another try."""


@dataclass(frozen=True, slots=True)
class Sending:
    """What is sent.

    Attributes:
        method: ``"GET"`` or ``"POST"``.
        url: With its parameters.
        form: Of the body, or None.
        agent: The User-Agent.
    """

    method: str
    url: httpx.URL
    form: Mapping[str, str] | None
    agent: str


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back.

    Attributes:
        status: Of HTTP.
        headers: By names in lower case; of several with one name the last.
        body: Decompressed; empty unless the status is 200.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes


def exchange(sending: Sending, *, left: Callable[[], float], connect_s: float, read_s: float, most_bytes: int) -> Reply:
    """Send ``sending`` on a connection of its own and read the answer.

    No proxy, no cookies, no redirect, no setting from the environment; certificates are checked.

    Args:
        sending: The request.
        left: Seconds left until the deadline; negative after it.
        connect_s: Longest wait for a connection.
        read_s: Longest wait for any one packet.
        most_bytes: Most bytes of the body, as sent and decompressed.

    Raises:
        Cut: The connection ended too early.
        LookupFailed: Any other failure; the message is a clause: "it took longer than 10 s: ...".
    """
    headers = {"User-Agent": sending.agent, "Accept": "application/json", "Accept-Encoding": "gzip"}
    timeout = {"connect": connect_s, "read": read_s, "write": read_s, "pool": connect_s}
    form = None if sending.form is None else dict(sending.form)
    request = httpx.Request(
        sending.method, sending.url, data=form, headers={**headers, "Connection": "close"}, extensions={}
    )
    plain = request.url.scheme == "http"
    backend = _BoundedBackend(left, private_only=plain)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT) if plain else _trusted()
    try:
        with (
            httpcore.ConnectionPool(ssl_context=context, network_backend=backend, max_connections=1) as pool,
            pool.stream(
                request.method,
                str(request.url),
                headers=request.headers.raw,
                content=request.read() or None,
                extensions={"timeout": timeout},
            ) as response,
        ):
            named = {k.decode("latin-1").lower(): v.decode("latin-1") for k, v in response.headers}
            body = _body(response.iter_stream(), named, most_bytes) if response.status == 200 else b""
            return Reply(response.status, named, body)
    except httpcore.ConnectTimeout as error:
        raise LookupFailed("no connection came about in time: is the server running, and is the network up?") from error
    except httpcore.TimeoutException as error:
        raise LookupFailed("it did not answer in time: try again later") from error
    except httpcore.ConnectError as error:
        raise LookupFailed(_refused(error)) from error
    except (httpcore.NetworkError, httpcore.RemoteProtocolError) as error:
        raise Cut(type(error).__name__) from error


def _refused(error: httpcore.ConnectError) -> str:
    for cause in (*error.args, error.__cause__, error.__context__):
        if isinstance(cause, ssl.SSLError):
            why = getattr(cause, "verify_message", "") or cause.reason or "TLS failed"
            return (
                f"the connection is not safe ({why}): nothing was asked; a server of your own needs a certificate that "
                "is publicly trusted, or an address with http:// on this machine or a private network"
            )
    return f"there is no connection ({error}): is the server running, and is the network up?"


def _body(chunks: Iterable[bytes], headers: Mapping[str, str], most_bytes: int) -> bytes:
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if not (kind in ("application/json", "text/json") or (kind.startswith("application/") and kind.endswith("+json"))):
        shown = kind[:40] if kind.isascii() and kind.isprintable() else "another type"
        raise LookupFailed(
            f"it answered with {shown or 'no type'}, not with JSON: is this the address of such a server, and does it "
            "give out JSON?"
        )
    coding = headers.get("content-encoding", "identity").strip().lower()
    if coding not in ("identity", "gzip", "x-gzip", ""):
        raise LookupFailed("its answer is compressed in a way that was not asked for: its settings need mending")
    length = headers.get("content-length", "")
    if length.isascii() and length.isdigit() and (len(length) > 15 or int(length) > most_bytes):
        raise _too_large(most_bytes)
    unpack = zlib.decompressobj(wbits=31) if "gzip" in coding else None
    sent, parts, size = 0, [], 0
    for chunk in chunks:
        sent += len(chunk)
        try:
            # Never more than one byte over the cap: a kilobyte of gzip may stand for a megabyte.
            part = chunk if unpack is None else unpack.decompress(chunk, most_bytes + 1 - size)
        except zlib.error as error:
            raise LookupFailed("its answer is damaged, no gzip: try again later") from error
        size += len(part)
        if size > most_bytes or sent > most_bytes:
            raise _too_large(most_bytes)
        parts.append(part)
    if unpack is not None and not unpack.eof:
        raise Cut("the gzip ends too early")
    return b"".join(parts)


def _too_large(most_bytes: int) -> LookupFailed:
    return LookupFailed(f"its answer is larger than {most_bytes >> 10} KB, which no list of places is: it was not read")


@functools.cache
def _trusted() -> ssl.SSLContext:
    return httpx.create_ssl_context(trust_env=False)


class _BoundedBackend(httpcore.NetworkBackend):
    """Connections whose every wait ends at the deadline; with ``private_only`` to private addresses only."""

    def __init__(self, left: Callable[[], float], *, private_only: bool) -> None:
        self._left, self._private_only = left, private_only

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        failure: Exception = httpcore.ConnectError("the name stands for no address")
        for address in _addresses(host, port, min(timeout or self._left(), self._left())):
            if self._private_only and not is_private(address):
                raise LookupFailed(
                    "its name stands for an address outside every private network, and what is asked would be sent "
                    "unencrypted: write https://"
                )
            try:
                wait = _bounded(timeout, self._left, httpcore.ConnectTimeout)
                stream = httpcore.SyncBackend().connect_tcp(address, port, wait, local_address, socket_options)
                return _BoundedStream(stream, self._left)
            except httpcore.ConnectError as error:  # another of its addresses may do
                failure = error
        raise failure


class _BoundedStream(httpcore.NetworkStream):
    def __init__(self, stream: httpcore.NetworkStream, left: Callable[[], float]) -> None:
        self._stream, self._left = stream, left

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, _bounded(timeout, self._left, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, _bounded(timeout, self._left, httpcore.WriteTimeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        wait = _bounded(timeout, self._left, httpcore.ConnectTimeout)
        return _BoundedStream(self._stream.start_tls(ssl_context, server_hostname, wait), self._left)

    def get_extra_info(self, info: str) -> object:
        return self._stream.get_extra_info(info)


def _bounded(timeout: float | None, left: Callable[[], float], late: type[httpcore.TimeoutException]) -> float:
    remaining = left()
    if remaining <= 0.0:
        raise late("the deadline is over")
    return max(_SHORTEST_S, remaining if timeout is None else min(timeout, remaining))


def _addresses(host: str, port: int, timeout: float) -> list[str]:
    """The addresses of ``host``, IPv4 and IPv6 as the system ranks them.

    The system's resolver knows no deadline, so it is asked in a thread that is left behind when it takes too long.
    """
    found: list[str] = []
    failed: list[OSError] = []

    def resolve() -> None:
        try:
            infos = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            found.extend(dict.fromkeys(str(info[4][0]) for info in infos))
        except (OSError, UnicodeError) as error:
            failed.append(error if isinstance(error, OSError) else OSError(str(error)))

    thread = threading.Thread(target=resolve, daemon=True)
    thread.start()
    thread.join(max(_SHORTEST_S, timeout))
    if thread.is_alive():
        raise httpcore.ConnectTimeout("the name was not looked up in time")
    if failed:
        raise httpcore.ConnectError(f"its name cannot be looked up: {failed[0].strerror or failed[0]}") from failed[0]
    return found
