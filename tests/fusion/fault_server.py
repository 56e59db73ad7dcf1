"""An HTTP server on loopback whose every path fails in its own way; what it was asked is kept in ``seen``."""

from __future__ import annotations

import functools
import gzip
import json
import ssl
import threading
import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

GOOD = json.dumps([{"name": "Café Wolf", "lat": 47.14, "lon": 9.52}], ensure_ascii=False).encode()
DRIP_S = 0.05


@dataclass(frozen=True)
class Seen:
    """A request as it came in; times by the steady clock, which all processes of a machine share."""

    method: str
    path: str
    params: dict[str, list[str]]
    form: dict[str, list[str]]
    headers: dict[str, str]
    at: float


class FaultServer:
    """A context manager; ``url(fault)`` is the address under which ``fault`` happens."""

    def __init__(self, certificate: Path | None = None) -> None:
        self.seen: list[Seen] = []
        self.raw = b""  # what comes under "raw"
        self.stop = threading.Event()
        self._certificate = certificate

    def __enter__(self) -> FaultServer:
        owner = self

        class Handler(_Handler):
            faults = owner

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.handle_error = lambda *_: None  # type: ignore[method-assign]  # clients hang up: on purpose
        if self._certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(self._certificate)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)

    def url(self, fault: str) -> str:
        scheme = "http" if self._certificate is None else "https"
        return f"{scheme}://127.0.0.1:{self._server.server_port}/{fault}"

    def count(self, fault: str) -> int:
        return sum(seen.path.startswith(f"/{fault}/") for seen in self.seen)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    faults: FaultServer

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        length = int(self.headers.get("Content-Length", 0))
        form = parse_qs(self.rfile.read(length).decode())
        headers = {name.lower(): value for name, value in self.headers.items()}
        params = parse_qs(parts.query)
        self.faults.seen.append(Seen(self.command, parts.path, params, form, headers, time.monotonic()))
        fault = parts.path.split("/")[1]
        self.close_connection = True
        FAULTS[fault](self, self.faults.count(fault))

    def do_POST(self) -> None:
        self.do_GET()

    def log_message(self, *_: Any) -> None:
        pass

    def reply(self, body: bytes = GOOD, status: int = 200, kind: str = "application/json", **headers: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        for name, value in {"Content_Length": str(len(body)), "Set_Cookie": "a=b", **headers}.items():
            if value:
                self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def drip(self, content: bytes) -> None:
        for i in range(len(content)):
            self.wfile.write(content[i : i + 1])
            if self.faults.stop.wait(DRIP_S):
                return

    def hang_up(self) -> None:
        self.wfile.flush()
        self.connection.close()


def _drip_body(handler: _Handler, _: int) -> None:
    handler.reply(b"", Content_Length=str(10**6))
    handler.drip(b" " * 10**6)


def _drip_headers(handler: _Handler, _: int) -> None:
    handler.drip(b"HTTP/1.1 200 OK\r\nX-Slow: " + b"a" * 10**6)


def _endless(handler: _Handler, _: int) -> None:
    handler.send_response(200)
    handler.send_header("Content-Type", "application/json")
    handler.end_headers()
    for _ in range(50):
        handler.wfile.write(b" " * (1 << 20))


def _cut_body(handler: _Handler, _: int) -> None:
    handler.reply(GOOD[:10], Content_Length=str(len(GOOD)))


def _cut_headers(handler: _Handler, _: int) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Ty")


def _redirect(handler: _Handler, target: str, status: int = 302) -> None:
    handler.reply(b"", status, Location=target)


def _slow(handler: _Handler, _: int) -> None:
    handler.faults.stop.wait(0.15)
    handler.reply()


@functools.cache
def bomb() -> bytes:
    """400 MB of blanks in 400 KB, made in little memory."""
    packer = zlib.compressobj(9, wbits=31)
    return b"".join(packer.compress(b" " * (1 << 20)) for _ in range(400)) + packer.flush()


FAULTS: dict[str, Callable[[_Handler, int], object]] = {
    "good": lambda h, n: h.reply(),
    "slow": _slow,
    "zipped": lambda h, n: h.reply(gzip.compress(GOOD), Content_Encoding="gzip"),
    "hangs": lambda h, n: h.faults.stop.wait(30),
    "drips-body": _drip_body,
    "drips-headers": _drip_headers,
    "says-429": lambda h, n: h.reply(b"", 429),
    "says-429-once": lambda h, n: h.reply(b"", 429, Retry_After="3") if n == 1 else h.reply(),
    "says-429-until-a-date": lambda h, n: (
        h.reply(b"", 429, Retry_After="Fri, 27 Nov 2026 00:00:04 GMT") if n == 1 else h.reply()
    ),
    "says-429-for-an-hour": lambda h, n: h.reply(b"", 429, Retry_After="3600"),
    "says-500-twice": lambda h, n: h.reply(b"", 500) if n <= 2 else h.reply(),
    "says-503": lambda h, n: h.reply(b"", 503, Retry_After="1"),
    "says-403": lambda h, n: h.reply(GOOD, 403),
    "says-404": lambda h, n: h.reply(GOOD, 404),
    "malformed": lambda h, n: h.reply(b'[{"name": "Caf'),
    "deep": lambda h, n: h.reply(b"[" * 500_000),
    "huge-number": lambda h, n: h.reply(b"[" + b"9" * 100_000 + b"]"),
    "other-json": lambda h, n: h.reply(b'{"places": []}'),
    "50-mb": lambda h, n: h.reply(b" " * 1000, Content_Length=str(50 << 20)),
    "50-mb-undeclared": _endless,
    "gzip-bomb": lambda h, n: h.reply(bomb(), Content_Encoding="gzip"),
    "half-a-gzip": lambda h, n: h.reply(gzip.compress(GOOD)[:-12], Content_Encoding="gzip"),
    "no-gzip": lambda h, n: h.reply(GOOD, Content_Encoding="gzip"),
    "brotli": lambda h, n: h.reply(GOOD, Content_Encoding="br"),
    "redirects-away": lambda h, n: _redirect(h, "http://localhost:9/search"),
    "redirects-to-another-port": lambda h, n: _redirect(h, "http://127.0.0.1:9/search"),
    "redirects-to-a-file": lambda h, n: _redirect(h, "file:///etc/passwd"),
    "redirects-nowhere": lambda h, n: _redirect(h, "http://["),
    "redirects-in-circles": lambda h, n: _redirect(h, "/redirects-in-circles/search"),
    "redirects-here": lambda h, n: _redirect(h, "/good/search?q=moved", 307),
    "cut-in-the-headers": _cut_headers,
    "cut-in-the-body": _cut_body,
    "cut-at-once": lambda h, n: h.hang_up(),
    "html": lambda h, n: h.reply(b"<html>welcome</html>", kind="text/html; charset=utf-8"),
    "html-named-json": lambda h, n: h.reply(b"<html>welcome</html>"),
    "latin-1": lambda h, n: h.reply(GOOD.decode().encode("latin-1"), kind="application/json; charset=utf-8"),
    "utf-16": lambda h, n: h.reply(GOOD.decode().encode("utf-16"), kind="application/json; charset=utf-16"),
    "no-http": lambda h, n: h.wfile.write(b"220 mail.example.org ESMTP\r\n"),
    "raw": lambda h, n: h.wfile.write(h.faults.raw),
    "empty": lambda h, n: h.reply(b""),
}
