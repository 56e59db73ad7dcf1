"""Where brands trade: the location sets of the name-suggestion-index as countries, regions and points.

The index says "include these, exclude those": ISO codes, UN M49 groups, outlines of its own (``us-ca.geojson``) and
circles. Codes and groups are those of country-coder (npm ``@rapideditor/country-coder``, ISC). An outline is what it
holds of GeoNames' places: a country where it holds nearly all of that country's people, else the admin-1 regions that
it fills, else a point with a spread.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data.gazetteer import Gazetteer
from data.geodesy import haversine_km
from detectors.brand_table import Area
from detectors.territories import photo_shares

__all__ = ["Areas"]

COUNTRY_FILLED = 0.9
"""An outline with this share of a country's people is that country."""
REGION_FILLED = 0.6
"""An outline holds a region where it has this share of the region's people..."""
OUTLINE_EXPLAINED = 0.75
"""... and is its regions where they have this share of the outline's people; else it is a point."""
DEFAULT_RADIUS_KM = 25.0  # of a circle without a radius, as in the index's own code
LEAST_SIGMA_KM, MOST_SIGMA_KM = 3.0, 120.0
_MAINLAND = {"CN"}  # Hong Kong and Macau have shops of their own

_Ring = NDArray[np.float64]  # (m, 2) longitude, latitude


@dataclass
class _Part:
    """One entry of a location set; ``people`` by country, for what is less than a country."""

    world: bool = False
    countries: set[str] = field(default_factory=set)
    regions: set[str] = field(default_factory=set)
    point: tuple[float, float, float, str] | None = None
    people: dict[str, float] = field(default_factory=dict)


class Areas:
    """Turns location sets into areas.

    Args:
        gazetteer: Whose places tell what an outline holds.
        outlines: The index's ``featureCollection.json``.
        borders: country-coder's ``borders.json``.
    """

    def __init__(self, gazetteer: Gazetteer, outlines: Path, borders: Path) -> None:
        self._lat, self._lon, population = (np.asarray(c, np.float64) for c in gazetteer.positions())
        self._people = np.maximum(population, 100.0)
        ids = np.arange(len(self._lat))
        self._country = gazetteer.countries_of(ids)
        self._region = np.array([gazetteer.place(int(i)).admin1 for i in ids])
        self._by_country = _sums(self._country, self._people)
        self._by_region = _sums(self._region, self._people)
        self._shares = photo_shares()
        self._outlines = {f["id"].lower(): f["geometry"] for f in json.loads(outlines.read_text("utf-8"))["features"]}
        self._known = json.loads(borders.read_text("utf-8"))["features"]
        self._codes: dict[str, dict[str, Any]] = {}
        for feature in self._known:
            p = feature["properties"]
            keys = [p.get(k) for k in ("iso1A2", "iso1A3", "m49", "wikidata", "nameEn")] + p.get("aliases", [])
            self._codes.update({k.lower(): feature for k in keys if k})

    def area(self, location_set: Mapping[str, Sequence[Any]]) -> Area | None:
        """The area of a location set, or None where nothing of it is known."""
        parts = [self._part(entry) for entry in location_set.get("include", ["001"])]
        if not parts:
            return None
        without = [self._part(entry) for entry in location_set.get("exclude", ())]
        gone = {c for part in without for c in part.countries}
        gone_regions = {r for part in without for r in part.regions}
        if any(part.world for part in parts):
            return Area(1.0 - sum(self._shares.get(c, 0.0) for c in gone), tuple(sorted(gone)), world=True)
        countries = {c for part in parts for c in part.countries} - gone
        regions = {r for part in parts for r in part.regions if r[:2] not in countries | gone} - gone_regions
        points = tuple(part.point for part in parts if part.point and part.point[3] not in countries | gone)
        share = sum(self._shares.get(c, 0.0) for c in countries)
        for part in parts:
            share += sum(
                self._shares.get(c, 1e-6) * people / self._by_country[c]
                for c, people in part.people.items()
                if c not in countries | gone
            )
        if not (countries or regions or points) or share <= 0.0:
            return None
        return Area(min(share, 1.0), tuple(sorted(countries)), tuple(sorted(regions)), points)

    def _part(self, entry: str | list[float]) -> _Part:
        if isinstance(entry, list):
            lon, lat, radius = (*entry, DEFAULT_RADIUS_KM)[:3]
            return self._circle(lat, lon, radius)
        return self._named(str(entry).lower())

    @functools.cache  # noqa: B019 - lives as long as the build
    def _named(self, name: str) -> _Part:
        if name in {"001", "q2"}:
            return _Part(world=True)
        if name in self._outlines:
            return self._outline(self._outlines[name])
        feature = self._codes.get(name)
        if feature is None:
            return _Part()
        p = feature["properties"]
        code = p.get("iso1A2", "")
        if code in self._by_country:
            return _Part(countries={code} | (set() if code in _MAINLAND else self._dependencies(code)))
        if feature["geometry"]:
            return self._outline(feature["geometry"])
        group = {p.get("m49"), p["wikidata"]} - {None}
        members = (f["properties"] for f in self._known if group & set(f["properties"].get("groups", ())))
        codes = {m.get("iso1A2") or m.get("country", "") for m in members}
        return _Part(countries={"FR" if c == "FX" else c for c in codes} & set(self._by_country))

    def _dependencies(self, code: str) -> set[str]:
        own = (f["properties"] for f in self._known if f["properties"].get("country") == code)
        return {p["iso1A2"] for p in own if p.get("iso1A2") in self._by_country}

    def _circle(self, lat: float, lon: float, radius_km: float) -> _Part:
        distance = np.asarray(haversine_km(lat, lon, self._lat, self._lon))
        inside = np.flatnonzero(distance <= radius_km)
        if not len(inside):
            inside = np.array([int(distance.argmin())])
        country = _largest(self._country[inside], self._people[inside])
        # A disk of that radius has this standard deviation along each axis.
        sigma = min(max(radius_km / 2.0, LEAST_SIGMA_KM), MOST_SIGMA_KM)
        return _Part(
            point=(round(lat, 3), round(lon, 3), round(sigma, 1), country),
            people=_sums(self._country[inside], self._people[inside]),
        )

    def _outline(self, geometry: Mapping[str, Any]) -> _Part:
        polygons = geometry["coordinates"] if geometry["type"] == "MultiPolygon" else [geometry["coordinates"]]
        inside = np.flatnonzero(self._inside([[np.asarray(ring)[:, :2] for ring in rings] for rings in polygons]))
        if not len(inside):
            lon, lat = np.concatenate([np.asarray(rings[0])[:, :2] for rings in polygons]).mean(axis=0)
            return self._circle(float(lat), float(lon), DEFAULT_RADIUS_KM)
        people = self._people[inside]
        total = float(people.sum())
        by_country = _sums(self._country[inside], people)
        by_region = _sums(self._region[inside], people)
        filled = {c for c, n in by_country.items() if n >= COUNTRY_FILLED * self._by_country[c]}
        if sum(by_country[c] for c in filled) >= COUNTRY_FILLED * total:
            return _Part(countries=filled)
        regions = {r for r, n in by_region.items() if r and n >= REGION_FILLED * self._by_region[r]}
        if sum(by_region[r] for r in regions) >= OUTLINE_EXPLAINED * total:
            return _Part(regions=regions, people=by_country)
        weight = people / total
        lat, lon = float(weight @ self._lat[inside]), float(weight @ self._lon[inside])  # outlines stay off 180 degrees
        distance = np.asarray(haversine_km(lat, lon, self._lat[inside], self._lon[inside]))
        sigma = min(max(float(np.sqrt(weight @ distance**2 / 2.0)), LEAST_SIGMA_KM), MOST_SIGMA_KM)
        country = _largest(self._country[inside], people)
        return _Part(point=(round(lat, 3), round(lon, 3), round(sigma, 1), country), people=by_country)

    def _inside(self, polygons: Iterable[Sequence[_Ring]]) -> NDArray[np.bool_]:
        """Which places (n,) lie in any of ``polygons``, by the even-odd rule over their rings."""
        out = np.zeros(len(self._lat), bool)
        for rings in polygons:
            low, high = rings[0].min(axis=0), rings[0].max(axis=0)
            box = (self._lon >= low[0]) & (self._lon <= high[0]) & (self._lat >= low[1]) & (self._lat <= high[1])
            near = np.flatnonzero(box)
            odd = np.zeros(len(near), bool)
            for ring in rings:
                odd ^= _crossings(ring, self._lon[near], self._lat[near])
            out[near] |= odd
        return out


def _crossings(ring: _Ring, x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Whether a ray to the right from each point (n,) crosses ``ring`` an odd number of times."""
    odd = np.zeros(len(x), bool)
    for (x0, y0), (x1, y1) in zip(ring, np.roll(ring, -1, axis=0), strict=True):
        if y0 != y1:
            odd ^= ((y0 > y) != (y1 > y)) & (x < (x1 - x0) * (y - y0) / (y1 - y0) + x0)
    return odd


def _sums(keys: NDArray[np.str_], values: NDArray[np.float64]) -> dict[str, float]:
    names, at = np.unique(keys, return_inverse=True)
    return dict(zip(names.tolist(), np.bincount(at, values).tolist(), strict=True))


def _largest(keys: NDArray[np.str_], values: NDArray[np.float64]) -> str:
    sums = _sums(keys, values)
    return max(sums, key=lambda k: sums[k])
