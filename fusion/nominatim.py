"""Nominatim: OpenStreetMap's search of names and addresses (https://nominatim.org/release-docs/latest/api/Search/)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from data.errors import LookupFailed
from data.geodesy import haversine_km
from detectors.hits import Hit
from fusion.hit_parts import agreement, asked_text, country_of, number, osm_id, point, shown, words_agreement
from fusion.lookup import Query, Request
from fusion.web_hosts import manners_of, server_address

__all__ = ["Nominatim"]

_LIMIT = 10
_MOST_COUNTRIES = 3
_LEAST_SIGMA_KM = 0.05
_MOST_SIGMA_KM = 2000.0  # a box around Fiji or Russia spans the date line, and with it the world


class Nominatim:
    """Names and addresses anywhere on the Earth.

    The first area of a query is its ``viewbox``, with ``bounded=0``: that leaves out what is farther off where a
    namesake lies inside (the server adds a penalty outside of it, and drops what is half a point worse than the best).
    So it is sent only for a query that asks for what is ``near``; otherwise it would hide that a name is borne
    elsewhere too. Likely countries, if there are no more than three, are sent as ``countrycodes``.

    Args:
        base_url: Of the server, without ``/search``.

    Raises:
        RequestError: The address is none, or is not safe.

    >>> service = Nominatim("http://127.0.0.1:8088")
    >>> service.request(Query("Café Wolf", areas=((9.4, 47.0, 9.7, 47.3),), near=True)).params["viewbox"]
    '9.4,47.0,9.7,47.3'
    """

    name = "nominatim"
    attribution = "© OpenStreetMap contributors, ODbL 1.0"

    def __init__(self, base_url: str = "https://nominatim.openstreetmap.org") -> None:
        self._base_url = server_address(base_url)

    @property
    def base_url(self) -> str:
        """Of the server."""
        return self._base_url

    @property
    def interval_s(self) -> float:
        """1 on the public server, 0 on one's own."""
        manners = manners_of(self._base_url)
        return manners.interval_s if manners is not None else 0.0

    def request(self, query: Query) -> Request | None:
        """A free-form search; None where nothing is left to search for."""
        text = asked_text(query.text)
        if text is None:
            return None
        params = {
            "q": text,
            "format": "jsonv2",
            "addressdetails": "1",
            "namedetails": "1",
            "limit": str(_LIMIT),
            "accept-language": "en",
        }
        if query.near and query.areas:
            west, south, east, north = query.areas[0]
            if west < east and south < north:  # a box across the date line cannot be written
                params |= {"viewbox": f"{west},{south},{east},{north}", "bounded": "0"}
        countries = [code.lower() for code in query.countries if country_of(code)]
        if 0 < len(countries) <= _MOST_COUNTRIES:
            params["countrycodes"] = ",".join(countries)
        return Request(f"{self._base_url}/search", params)

    def hits(self, query: Query, body: Any) -> Sequence[Hit]:
        """The places found, in Nominatim's order; what has no point on the Earth is left out.

        Raises:
            LookupFailed: ``body`` is no list of places.
        """
        if not isinstance(body, list):
            raise LookupFailed(
                "Nominatim answered something else than a list of places: is it one of version 4 or later?"
            )
        found = (_hit(query, place) for place in body[:_LIMIT])
        return [hit for hit in found if hit is not None]


def _hit(query: Query, place: Any) -> Hit | None:
    if not isinstance(place, Mapping):
        return None
    spot = point(place.get("lat"), place.get("lon"))
    if spot is None:
        return None
    label = shown(place.get("display_name"), 400)
    names = _names(place, label)
    fit = agreement(query.text, names)
    if query.kind == "address":
        fit = max(fit, words_agreement(query.text, label))
    address = place.get("address")
    kind, of = shown(place.get("category"), 40), shown(place.get("type"), 40)
    return Hit(
        name=shown(place.get("name")) or next(iter(names), ""),
        lat=spot[0],
        lon=spot[1],
        sigma_km=_sigma_km(place.get("boundingbox")),
        what=f"{kind}={of}" if kind and of else kind,
        address=label,
        country=country_of(address.get("country_code")) if isinstance(address, Mapping) else "",
        id=osm_id(place.get("osm_type"), place.get("osm_id")),
        fit=fit,
    )


def _names(place: Mapping[str, Any], label: str) -> list[str]:
    details = place.get("namedetails")
    values = list(details.values()) if isinstance(details, Mapping) else []
    names = [shown(value) for value in (place.get("name"), *values[:60], label.partition(",")[0])]
    return [name for name in dict.fromkeys(names) if name]


def _sigma_km(box: Any) -> float:
    """Half the diagonal of a bounding box: south, north, west, east."""
    if not isinstance(box, list) or len(box) != 4:
        return _LEAST_SIGMA_KM
    low, high = point(box[0], box[2]), point(box[1], box[3])
    if low is None or high is None or number(box[0]) == number(box[1]):
        return _LEAST_SIGMA_KM
    half = 0.5 * float(haversine_km(low[0], low[1], high[0], high[1]))
    return min(max(half, _LEAST_SIGMA_KM), _MOST_SIGMA_KM)
