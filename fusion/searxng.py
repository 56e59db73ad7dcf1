"""SearXNG: a web search whose results' titles and snippets our own readers of text look through for places.

What a page says is data: it is read as the lines of a sign are, cut short, and never followed, shown as markup or asked
again (https://docs.searxng.org/dev/search_api.html).
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from data.errors import LookupFailed
from detectors.base import Box, Clue, Reading
from detectors.hits import Hit
from fusion.hit_parts import asked_text, shown, words_agreement
from fusion.lookup import Query, Request
from fusion.web_hosts import server_address

__all__ = ["SearXNG"]

_MOST_RESULTS = 8
_MOST_POINTS = 3  # of one result
_LEAST_NATS = 2.0  # a point that is hardly likelier than chance is no find
_LONGEST_TITLE = 150
_LONGEST_SNIPPET = 300  # what the readers look at of a line
_LONGEST_URL = 500
_TAG = re.compile(r"<[^<>]{0,300}>")


class SearXNG:
    """Pages of the web that name places.

    Args:
        base_url: Of the server; there is no public one to be used by programs. Its settings have to allow
            ``search.formats: [html, json]``.
        read: Our readers of clues: lines of text to clues.

    Raises:
        RequestError: The address is none, or is not safe.
    """

    name = "searxng"
    attribution = ""
    interval_s = 1.0  # it asks the engines behind it, which shut out whoever asks faster

    def __init__(self, base_url: str, read: Callable[[Sequence[Reading]], Sequence[Clue]]) -> None:
        self._base_url = server_address(base_url)
        self._read = read

    @property
    def base_url(self) -> str:
        """Of the server."""
        return self._base_url

    def request(self, query: Query) -> Request | None:
        """A search for the text as it is; None where nothing is left to search for."""
        text = asked_text(query.text)
        # "!" chooses an engine, "!!" leaves for another site, ":" a language: none of them begins a name.
        text = text.lstrip("!:<?. ") if text is not None else None
        return Request(f"{self._base_url}/search", {"q": text, "format": "json"}) if text else None

    def hits(self, query: Query, body: Any) -> Sequence[Hit]:
        """Points that the clues in the first results' titles and snippets point to, result by result.

        Raises:
            LookupFailed: ``body`` holds no list of results, or an empty one because no engine answered.
        """
        if not isinstance(body, Mapping) or not isinstance(body.get("results"), list):
            raise LookupFailed("SearXNG answered something else than a list of results: is this its address?")
        if not body["results"] and body.get("unresponsive_engines"):
            # Kept for a month, it would say that nothing bears the name.
            raise LookupFailed("none of the engines behind SearXNG answered: try again later")
        out: list[Hit] = []
        for i, result in enumerate(body["results"][:_MOST_RESULTS]):
            if isinstance(result, Mapping):
                out += self._found(query, result, i)
        return out

    def _found(self, query: Query, result: Mapping[str, Any], index: int) -> list[Hit]:
        """The hits in one result: read by itself, so that no two pages make one address."""
        title, snippet = _plain(result.get("title"), _LONGEST_TITLE), _plain(result.get("content"), _LONGEST_SNIPPET)
        # Each has a box of its own, far from the other: they are not two lines of one sign.
        readings = [
            Reading(f"w{2 * index + k}", text, _box(2 * index + k), confidence=1.0, engine="searxng")
            for k, text in enumerate((title, snippet))
            if text
        ]
        if not readings:
            return []
        fit = words_agreement(query.text, f"{title} {snippet}")
        points = [p for clue in self._read(readings) for p in clue.evidence.points if p.log_lr >= _LEAST_NATS]
        best = sorted(dict.fromkeys(points), key=lambda p: -p.log_lr)[:_MOST_POINTS]
        page = result.get("url")
        link = page[:_LONGEST_URL] if isinstance(page, str) and re.match("https?://", page) else ""
        return [
            Hit(title, p.lat, p.lon, sigma_km=p.sigma_km, what="web page", id=shown(link, _LONGEST_URL), fit=fit)
            for p in best
        ]


def _plain(value: Any, longest: int) -> str:
    """A text without markup, of one line."""
    if not isinstance(value, str):
        return ""
    return shown(html.unescape(_TAG.sub(" ", value[: 8 * longest])), longest)


def _box(line: int) -> Box:
    top = 1000.0 * line
    return (0.0, top), (600.0, top), (600.0, top + 20.0), (0.0, top + 20.0)
