"""Which servers may be asked: checked addresses, private networks, and the public servers that have rules for all."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import Final

from data.errors import RequestError
from data.printable import printable

__all__ = ["Manners", "is_private", "manners_of", "server_address", "server_of"]

_LONGEST = 500
# Names that a public name server does not give out: RFC 6762, RFC 8375, ICANN's .internal, and the usual .lan.
_PRIVATE_ENDINGS = (".localhost", ".local", ".lan", ".internal", ".home.arpa")


@dataclass(frozen=True, slots=True)
class Manners:
    """What a public server asks of whoever uses it.

    Attributes:
        interval_s: Least seconds between two requests.
        per_day: Most requests in a day (UTC); who needs more runs a server of his own.
    """

    interval_s: float
    per_day: int


# https://operations.osmfoundation.org/policies/nominatim/: at most one request a second for the whole application, an
# identifying User-Agent, cached answers, no bulk. Overpass asks for restraint without a figure; it gets the same.
_PUBLIC: Final = {
    "nominatim.openstreetmap.org": Manners(interval_s=1.0, per_day=300),
    "overpass-api.de": Manners(interval_s=1.0, per_day=300),
}


def manners_of(url: str) -> Manners | None:
    """What the public server at ``url`` asks for; None for every other server.

    >>> manners_of("https://z.overpass-api.de/api/interpreter")
    Manners(interval_s=1.0, per_day=300)
    >>> manners_of("http://127.0.0.1:8088") is None
    True
    """
    _, host, _ = server_of(url)
    return next((asks for name, asks in _PUBLIC.items() if host == name or host.endswith("." + name)), None)


def server_of(url: str) -> tuple[str, str, int]:
    """Scheme, host in ASCII lower case, and port of ``url``, an address that :func:`server_address` has passed.

    >>> server_of("https://Example.org/search")
    ('https', 'example.org', 443)
    """
    import httpx  # only where something is looked up

    parsed = httpx.URL(url)
    return parsed.scheme, parsed.raw_host.decode("ascii"), parsed.port or {"http": 80, "https": 443}[parsed.scheme]


def server_address(url: str) -> str:
    """``url`` as it is used, without a slash at its end.

    Raises:
        RequestError: It is no address of a server, holds a password or parameters, or is not encrypted although the
            host is neither this machine nor on a private network.

    >>> server_address("http://127.0.0.1:8088/")
    'http://127.0.0.1:8088'
    """
    import httpx

    shown = printable(url[:_LONGEST])
    if len(url) > _LONGEST or re.search(r"[\x00-\x20\x7f\\]", url):
        raise RequestError(f"'{shown}' is no server's address: write it as https://HOST/PATH")
    try:
        parsed = httpx.URL(url)
        scheme, host, _ = server_of(url)
    except (httpx.InvalidURL, KeyError, UnicodeError, ValueError) as error:
        raise RequestError(f"'{shown}' is no server's address: write it as https://HOST/PATH") from error
    if parsed.port == 0 or (parsed.port or 1) > 65535:
        raise RequestError(f"'{shown}' names no port: ports are 1 to 65535")
    if not host or host.endswith(".") or host.startswith("."):
        raise RequestError(f"'{shown}' names no host: write it as https://HOST/PATH")
    if parsed.userinfo or parsed.query or parsed.fragment or "?" in url or "#" in url:
        raise RequestError(
            f"an address with a password, parameters or a fragment would be shown in answers: leave them out of "
            f"https://{host}"
        )
    if scheme == "http" and not _is_private_host(host):
        raise RequestError(
            f"what is asked of {host} would be sent unencrypted: write https://, or run the server on this machine or "
            "a private network (10.*, 172.16.*, 192.168.*, a name without dots, or one that ends in "
            f"{', '.join(_PRIVATE_ENDINGS)})"
        )
    return str(parsed).rstrip("/")


def is_private(address: str) -> bool:
    """Whether the IP ``address`` is this machine's own or on a private network.

    A link-local one is neither: the machines of clouds tell their secrets at such.

    >>> [is_private(a) for a in ("127.0.0.1", "192.168.1.5", "fd00::1", "169.254.169.254", "8.8.8.8", "::ffff:8.8.8.8")]
    [True, True, True, False, False, False]
    """
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped is not None:
        ip = ip.ipv4_mapped
    return ip.is_loopback or (
        ip.is_private and not (ip.is_link_local or ip.is_unspecified or ip.is_reserved or ip.is_multicast)
    )


def _is_private_host(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        # A name is held against the addresses that it stands for when the connection is opened.
        return "." not in host or host.endswith(_PRIVATE_ENDINGS)
    return is_private(host)
