"""Look-up services on loopback that know what a test tells them, and remember every byte that they were sent."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote_plus, urlsplit


def place(name: str, lat: float, lon: float, country: str, **more: Any) -> dict[str, Any]:
    """A shop as Nominatim has one."""
    return {
        "name": name,
        "lat": str(lat),
        "lon": str(lon),
        "category": "shop",
        "type": "bakery",
        "display_name": f"{name}, High Street, Town",
        "namedetails": {"name": name},
        "address": {"country_code": country},
        "osm_type": "node",
        "osm_id": 7,
        **more,
    }


@dataclass(frozen=True)
class Asked:
    """A request: of which service, for what, and with which parameters."""

    service: str
    text: str
    parameters: dict[str, str]


@dataclass
class TownServer:
    """A context manager.

    Attributes:
        places: Nominatim's, by what is asked.
        near: The same where it is asked for what is near.
        pages: SearXNG's results, by what is asked.
        elements: Overpass's, whatever is asked.
        asked: The requests, in order.
    """

    places: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    near: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    pages: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    elements: list[dict[str, Any]] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)
    _raw: list[bytes] = field(default_factory=list)

    def __enter__(self) -> TownServer:
        town = self

        class Handler(_Handler):
            owner = town

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)

    def url(self, service: str) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self._server.server_port}/{service}"

    @property
    def texts(self) -> list[str]:
        """What was asked for, in order."""
        return [asked.text for asked in self.asked]

    @property
    def received(self) -> str:
        """Every byte that came, in small letters, as it was and with its escapes undone."""
        raw = b"\n".join(self._raw).decode("latin-1")
        return f"{raw}\n{unquote_plus(raw)}".lower()


class _Handler(BaseHTTPRequestHandler):
    owner: TownServer

    def do_GET(self) -> None:
        town = self.owner
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        town._raw.append(self.raw_requestline + bytes(self.headers) + body)
        parts = urlsplit(self.path)
        service = parts.path.split("/")[1]
        fields = parse_qs(parts.query) | parse_qs(body.decode())
        parameters = {name: values[0] for name, values in fields.items()}
        text = parameters.get("q", parameters.get("data", ""))
        town.asked.append(Asked(service, text, parameters))
        answers: dict[str, Any] = {
            "nominatim": (town.near if "viewbox" in parameters else town.places).get(text, []),
            "searxng": {"results": town.pages.get(text, [])},
            "overpass": {"elements": town.elements},
        }
        content = json.dumps(answers[service]).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def do_POST(self) -> None:
        self.do_GET()

    def log_message(self, *_: Any) -> None:
        pass
