"""A large extract that no network is needed for: names of real ones combined, at made-up places.

What makes an index slow is how many names share a trigram, so names are put together from the words of real ones, of
kinds of shops and of streets, as they are: "Bäckerei Kaufmann", "Kaufmann 217", "Hotel Krems Nord".
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

from data.osm_things import things_in

__all__ = ["write_extract"]

_KINDS = (
    ("shop", "bakery", "Bäckerei"), ("shop", "butcher", "Metzgerei"), ("amenity", "pharmacy", "Apotheke"),
    ("amenity", "restaurant", "Restaurant"), ("amenity", "cafe", "Café"), ("tourism", "hotel", "Hotel"),
    ("shop", "hairdresser", "Friseur"), ("office", "lawyer", "Kanzlei"), ("amenity", "bank", "Banco"),
    ("shop", "supermarket", "Supermercado"),
)  # fmt: skip
_STREETS = ("straße", "weg", "gasse", "platz", "allee", "ring")


def write_extract(out: Path, real: Sequence[Path], things: int, *, seed: int = 0) -> None:
    """Write an extract with ``things`` named ones: 70 % shops, 10 % streets of two nodes, 20 % houses.

    Args:
        out: ``.osm.pbf``; what is there is overwritten.
        real: Extracts whose names are taken apart.
        things: How many.
        seed: Of the choices.
    """
    import osmium
    from osmium.osm.mutable import Node, Way

    draw = random.Random(seed)
    words = sorted({w for path in real for t in things_in(path) for w in t.name.split() if len(w) > 2 and w.isalpha()})
    # Towns: shops and streets lie close together there, and in a town each street is once.
    towns = [(draw.uniform(47.5, 54.5), draw.uniform(6.5, 14.5)) for _ in range(max(things // 400, 1))]
    with osmium.SimpleWriter(str(out), overwrite=True) as writer:
        streets = []
        for k in range(things):
            lat, lon = towns[k % len(towns)]
            lat, lon = lat + draw.gauss(0, 0.01), lon + draw.gauss(0, 0.015)
            share = draw.random()
            if share < 0.7:
                key, value, kind = draw.choice(_KINDS)
                one, other = draw.choice(words), draw.choice(words)
                name = draw.choice(
                    (f"{kind} {one}", f"{one} {other}", f"{one} {draw.randrange(1000)}", f"{kind} zum {one}")
                )
                tags = {"name": name, key: value}
                if draw.random() < 0.3:
                    tags["phone"] = f"+49 {draw.randrange(30, 9999)} {draw.randrange(10**5, 10**8)}"
                if draw.random() < 0.3:
                    tags["website"] = f"https://www.{one.lower()}-{other.lower()}.de/"
                writer.add_node(Node(id=2 * k + 1, location=(lon, lat), tags=tags))
            elif share < 0.9:
                tags = {
                    "building": "yes", "addr:street": draw.choice(words) + draw.choice(_STREETS),
                    "addr:housenumber": str(draw.randrange(1, 200)), "addr:city": draw.choice(words),
                }  # fmt: skip
                writer.add_node(Node(id=2 * k + 1, location=(lon, lat), tags=tags))
            else:
                writer.add_node(Node(id=2 * k + 1, location=(lon, lat)))
                writer.add_node(Node(id=2 * k + 2, location=(lon + 0.002, lat)))
                streets.append(k)
        for k in streets:
            tags = {"name": draw.choice(words) + draw.choice(_STREETS), "highway": "residential"}
            writer.add_way(Way(id=k + 1, nodes=[2 * k + 1, 2 * k + 2], tags=tags))
