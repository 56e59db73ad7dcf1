"""A small map that tests write themselves, as OpenStreetMap XML."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from xml.sax.saxutils import quoteattr

__all__ = ["Extract"]


class Extract:
    """Nodes, ways and relations, written in their order."""

    def __init__(self) -> None:
        self._nodes: list[str] = []
        self._ways: list[str] = []
        self._relations: list[str] = []
        self._number = 0

    def node(self, lat: float, lon: float, **tags: str) -> int:
        """A node; ``_`` in a key is a colon."""
        self._number += 1
        self._nodes.append(f'<node id="{self._number}" lat="{lat}" lon="{lon}">{_tags(tags)}</node>')
        return self._number

    def way(self, points: Sequence[tuple[float, float]], *, missing: int = 0, **tags: str) -> int:
        """A way through new nodes at ``points``; closed where the last is the first. ``missing`` nodes lack."""
        numbers = [self.node(*point) for point in points]
        if len(points) > 2 and points[0] == points[-1]:
            numbers[-1] = numbers[0]
        return self.way_of([*numbers, *(10**9 + k for k in range(missing))], **tags)

    def way_of(self, nodes: Sequence[int], **tags: str) -> int:
        """A way through nodes that are there."""
        self._number += 1
        refs = "".join(f'<nd ref="{n}"/>' for n in nodes)
        self._ways.append(f'<way id="{self._number}">{refs}{_tags(tags)}</way>')
        return self._number

    def relation(self, ways: Sequence[int], **tags: str) -> int:
        """A relation with outer ``ways``."""
        self._number += 1
        members = "".join(f'<member type="way" ref="{n}" role="outer"/>' for n in ways)
        self._relations.append(f'<relation id="{self._number}">{members}{_tags(tags)}</relation>')
        return self._number

    def write(self, path: Path, *, ways_first: bool = False) -> Path:
        """Write it and return ``path``."""
        parts = [*self._nodes, *self._ways, *self._relations]
        if ways_first:
            parts = [*self._ways, *self._nodes, *self._relations]
        path.write_text(
            f'<?xml version="1.0" encoding="UTF-8"?>\n<osm version="0.6">{"".join(parts)}</osm>\n', encoding="utf-8"
        )
        return path


def _tags(tags: Mapping[str, str]) -> str:
    return "".join(f"<tag k={quoteattr(key.replace('_', ':'))} v={quoteattr(value)}/>" for key, value in tags.items())
