"""What a map knows under a name that was read: points where the photo may have been taken."""

from __future__ import annotations

import math
from dataclasses import dataclass

__all__ = ["Hit"]


@dataclass(frozen=True, slots=True)
class Hit:
    """One thing that a map, or a web page, has under what was asked.

    Attributes:
        name: As it has it, unmasked.
        lat: Latitude, degrees.
        lon: Longitude, degrees.
        sigma_km: How far from the point a photo of it stands: 0.1 for a shop, more for a street or a town.
        what: What it is: ``"shop=bakery"``, ``"highway=residential"``, ``"place=town"``, ``"web page"``; or "".
        address: Its address in one line, or "".
        country: ISO 3166-1 alpha-2, or "".
        id: Of it at its source: ``"node/123"``, a URL; or "".
        fit: How well what was read agrees with it, 0 to 1.
    """

    name: str
    lat: float
    lon: float
    sigma_km: float = 0.1
    what: str = ""
    address: str = ""
    country: str = ""
    id: str = ""
    fit: float = 1.0

    def __post_init__(self) -> None:
        if not (-90.0 <= self.lat <= 90.0 and -180.0 <= self.lon <= 180.0):
            raise ValueError(f"not a point on the Earth: {self.lat}, {self.lon}")
        if not (math.isfinite(self.sigma_km) and self.sigma_km > 0.0 and 0.0 <= self.fit <= 1.0):
            raise ValueError("sigma_km must be positive and fit lie in [0, 1]")
