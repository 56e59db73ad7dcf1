"""Small OpenStreetMap files that tests write, and indexes of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from xml.sax.saxutils import quoteattr

from data.osm_build import build_index
from data.osm_index import PlaceIndex


@dataclass
class SmallMap:
    """Nodes and ways; written as OSM XML."""

    nodes: list[str] = field(default_factory=list)
    ways: list[str] = field(default_factory=list)

    def node(self, lat: float, lon: float, **tags: str) -> int:
        number = len(self.nodes) + 1
        inner = _tags(tags)
        self.nodes.append(f'<node id="{number}" version="1" lat="{lat:.7f}" lon="{lon:.7f}">{inner}</node>')
        return number

    def way(self, points: Sequence[tuple[float, float]], **tags: str) -> None:
        refs = "".join(f'<nd ref="{self.node(lat, lon)}"/>' for lat, lon in points)
        self.ways.append(f'<way id="{len(self.ways) + 1}" version="1">{refs}{_tags(tags)}</way>')

    def write(self, path: Path) -> Path:
        body = "\n".join([*self.nodes, *self.ways])
        path.write_text(f'<?xml version="1.0" encoding="UTF-8"?>\n<osm version="0.6">\n{body}\n</osm>\n', "utf-8")
        return path

    def index(self, folder: Path, name: str = "small") -> PlaceIndex:
        extract = self.write(folder / f"{name}.osm")
        build_index(extract, folder / f"{name}.places.sqlite", name=name)
        return PlaceIndex.open(folder / f"{name}.places.sqlite")


def _tags(tags: Mapping[str, str]) -> str:
    named = ((key.replace("__", ":"), value) for key, value in tags.items())
    return "".join(f"<tag k={quoteattr(key)} v={quoteattr(value)}/>" for key, value in named)
