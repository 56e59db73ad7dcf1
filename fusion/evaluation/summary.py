"""The summary of an evaluation: every figure, what it was made of, and what it was made with, as JSON."""

from __future__ import annotations

import hashlib
import json
import math
import platform
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from backbone.base import PriorCard
from data.geodesy import BANDS_KM, EARTH_RADIUS_KM, geoscore
from data.version import __version__
from fusion.evaluation.calibration import abstention, recall, reliability
from fusion.evaluation.figures import DRAWS, figures, gains, with_intervals
from fusion.evaluation.groups import groups_of, kinds_of
from fusion.evaluation.machine import libraries, machine
from fusion.evaluation.rows import COLUMNS, SYSTEMS
from fusion.evaluation.runs import FORMAT, PLACE_KM, VERSION, PhotoColumns, photo_columns, read_table

if TYPE_CHECKING:
    from data.benchmark_cards import BenchmarkCard
    from data.labelled import LabelledSet
    from fusion.locator import Locator

__all__ = ["Made", "rounded", "summarised"]

_LISTED: Final = 200  # of what was left out, by name
_LIBRARIES: Final = ("numpy", "scipy", "torch", "onnxruntime", "rapidocr", "lightgbm", "opencv-python", "pillow",
                     "pyarrow")  # fmt: skip
_NO_FIGURES: Final = ("answer", "message", "settings")
_MASSES: Final = tuple(k / 20 for k in range(1, 20))

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Made:
    """When a run was started last (UTC, ISO 8601) and how long that took in seconds."""

    started: str
    seconds: float


def summarised(folder: Path, photos: LabelledSet, locators: Mapping[str, tuple[Locator, str]], made: Made) -> str:
    """``summary.json`` of the rows in ``folder``, as text.

    Args:
        folder: Of the run.
        photos: What was evaluated on.
        locators: Each prior's name to what answered, and the settings of its rows.
        made: When.
    """
    # Without what no figure is made of: of 200,000 photos the answers alone are a gigabyte.
    groups = [f"group_{name}" for name in photos.groups]
    table = read_table(folder, [name for name in COLUMNS if name not in _NO_FIGURES] + groups)
    runs, columns = [], None
    for name, (locator, settings) in locators.items():
        columns = photo_columns(table, name)
        card = locator.prior.card
        runs.append({"prior": name, **_of_card(card, photos),
                     "settings": settings, **_figures_of(columns), "human": _human(columns)})  # fmt: skip
    assert columns is not None  # there is at least one prior
    summary = {
        "format": FORMAT,
        "version": VERSION,
        "dataset": _dataset(photos, columns),
        "protocol": {
            "earth_radius_km": EARTH_RADIUS_KM,
            "bands_km": list(BANDS_KM),
            "inclusive": True,
            "failures": "count as misses",
            "utility": next(iter(locators.values()))[0].utility,
            "bootstrap": {"draws": DRAWS, "seed": 0, "places_km": PLACE_KM, "interval": 0.95},
        },
        "runs": runs,
        "made": {
            "whence": __version__,
            "python": platform.python_version(),
            "libraries": dict(libraries(*_LIBRARIES)),
            "machine": machine(),
            **asdict(made),
        },
    }
    return json.dumps(rounded(summary), ensure_ascii=True, indent=1) + "\n"


def rounded(value: Any) -> Any:
    """``value`` as JSON takes it: numbers to 9 digits, null for NaN and infinity."""
    if isinstance(value, Mapping):
        return {str(key): rounded(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [rounded(item) for item in value]
    if isinstance(value, float | np.floating):
        return float(f"{value:.9g}") if math.isfinite(value) else None
    return value


def _taught(card: PriorCard, photos: LabelledSet) -> bool:
    """Whether a prior's card names the set; one that is just a word, as of a folder "photos", is no name."""
    named = {word.replace("-", "") for word in re.findall(r"[\w-]+", f"{card.summary} {card.trained_on}".lower())}
    a_name = photos.card is not None or not photos.name.isalpha()
    return card.visual and a_name and photos.name.lower().replace("-", "") in named


def _of_card(card: PriorCard, photos: LabelledSet) -> dict[str, Any]:
    return {
        "visual": card.visual,
        "summary": card.summary,
        "trained_on": card.trained_on,
        "trained_on_this_set": _taught(card, photos),
        "licence": card.licence,
        "weights_sha256": card.sha256 or None,
    }


def _dataset(photos: LabelledSet, columns: PhotoColumns) -> dict[str, Any]:
    card = photos.card
    rows = sorted(f"{file} {sha}" for file, sha in zip(columns.file, columns.texts("sha256"), strict=True))
    return {
        "name": photos.name,
        "photos": len(photos),
        "places": int(columns.place.max()) + 1,
        "with_point": int((~np.isnan(photos.lat)).sum()),
        "with_country": sum(map(bool, photos.country)),
        "fingerprint": photos.fingerprint,
        "labels_sha256": photos.labels_sha256,
        "photos_sha256": hashlib.sha256("\n".join(rows).encode()).hexdigest(),
        "left_out_count": len(photos.left_out),
        "left_out": dict(sorted(photos.left_out.items())[:_LISTED]),
        "notes": list(photos.notes),
        "card": None if card is None else _known_benchmark(card),
    }


def _known_benchmark(card: BenchmarkCard) -> dict[str, Any]:
    """What a reader of the figures must know of the benchmark; not its list of photos."""
    return {key: value for key, value in asdict(card).items() if key != "ids"}


def _figures_of(columns: PhotoColumns) -> dict[str, Any]:
    """All figures of one prior."""
    place, exact = columns.place, columns.exact_km
    systems = columns.systems
    return {
        "photos": len(columns),
        "failed": int(sum(map(bool, columns.texts("error")))),
        "with_text": int((columns.reals("readings") > 0).sum()),
        "with_clue": int((columns.reals("clues") > 0).sum()),
        "systems": {
            name: {figure: asdict(x) for figure, x in with_intervals(one, place, exact).items()}
            for name, one in systems.items()
        },
        "gain": gains(systems["text"], systems["prior"], place, exact),
        "groups": {
            group: {
                value: {"photos": len(some)} | {name: _in_short(some, name) for name in SYSTEMS}
                for value, some in parts.items()
            }
            for group, parts in groups_of(columns).items()
        },
        "kinds": kinds_of(columns),
        "calibration": {name: _calibration(columns, name) for name in SYSTEMS},
        "abstention": {name: _abstention(columns, name) for name in SYSTEMS},
        "recall": {name: list(map(list, recall(systems[name]["area_km2"]).items())) for name in SYSTEMS},
    }


def _in_short(columns: PhotoColumns, system: str) -> dict[str, float]:
    found = figures(columns.systems[system], columns.exact_km, calibration=False)
    return {name: value for name, value in found.items() if not name.startswith(("recall_", "region_"))}


def _calibration(columns: PhotoColumns, system: str) -> dict[str, Any]:
    one = columns.systems[system]
    found: dict[str, Any] = {"country": [asdict(b) for b in reliability(one["sure"], one["right"])]}
    for band, sure, right in _bands(columns, system):
        found[band] = [asdict(b) for b in reliability(sure, right)]
    within = one["within"][~np.isnan(one["within"])]
    found["radius"] = [[mass, float((within <= mass).mean())] for mass in _MASSES] if len(within) else []
    return found


def _abstention(columns: PhotoColumns, system: str) -> dict[str, Any]:
    one = columns.systems[system]
    found = {"country": abstention(one["sure"], one["right"])}
    return found | {band: abstention(sure, right) for band, sure, right in _bands(columns, system)}


def _bands(columns: PhotoColumns, system: str) -> list[tuple[str, Floats, Floats]]:
    """Of each band: its name, the probability that the answer gives it, and whether it was met."""
    km = columns.systems[system]["km"]
    found = []
    for band in BANDS_KM:
        left_out = np.isnan(km) | (columns.exact_km > band)
        right = np.where(left_out, np.nan, (km <= band).astype(np.float64))
        found.append((f"{band:g}", columns.reals(f"{system}_p_{band:g}"), right))
    return found


def _human(columns: PhotoColumns) -> dict[str, Any] | None:
    """What people's guesses are worth, and who was nearer in how many rounds; None where nobody guessed."""
    human = columns.reals("human_km")
    ours = columns.systems["text"]["km"]
    both = ~np.isnan(human) & ~np.isnan(ours)
    if not both.any():
        return None
    human, ours = human[both], ours[both]
    return {
        "rounds": len(human),
        "won": int((ours < human).sum()),
        "lost": int((ours > human).sum()),
        "median_km": float(np.median(human)),
        "median_km_ours": float(np.median(ours)),
        "geoscore": float(geoscore(human).mean()),
        "geoscore_ours": float(geoscore(ours).mean()),
        **{f"within_{band:g}": 100.0 * float((human <= band).mean()) for band in BANDS_KM},
    }
