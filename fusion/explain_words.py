"""An explanation in words: which places of the photo carry the target, and which speak against it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from data.printable import printable
from detectors.base import bounds
from fusion.coverings import LEAST_NATS
from fusion.describe import percent

if TYPE_CHECKING:
    from fusion.explain import Explanation, Part

__all__ = ["describe_explanation", "effect", "place_name", "quoted", "title"]

_SHOWN: Final = 6
_TEXT: Final = 40  # letters of a text that are quoted
_KINDS: Final = {"sign": "the sign", "plate": "the licence plate", "area": "the area"}


def describe_explanation(told: Explanation) -> str:
    """A few lines: the target, what carries it, what speaks against it, and how that was found out."""
    lines = [printable(told.file or "photo"), f"  {title(told)}:"]
    carries = [part for part in told.parts if part.drop >= LEAST_NATS][:_SHOWN]
    against = [part for part in reversed(told.parts) if part.drop <= -LEAST_NATS][:_SHOWN]
    for heading, parts in (("carried by", carries), ("against it", against)):
        if parts:
            lines.append(f"  {heading}:")
            lines += [f"    {place_name(part)}: {effect(told, part)}" for part in parts]
    if not carries and not against:
        lines.append(f"  no place by itself moves it by {LEAST_NATS:g} nats")
    if told.without_text is not None:
        lines.append(f"  without any text: {percent(told.without_text)}")
    lines.append(
        f"  {told.coverings} places covered, {told.read_again} of them with text that was read; "
        f"prior: {printable(told.prior_name)}"
    )
    if told.attributions:
        lines.append(printable(f"  map data: {'; '.join(told.attributions)}"))
    return "\n".join(lines)


def title(told: Explanation) -> str:
    """What the target is and how probable."""
    of = " by the visual prior alone" if told.what == "prior" else ""
    return f"what carries {told.target.name}, {percent(told.probability)}{of}"


def place_name(part: Part) -> str:
    """The part for a person: its text, masked, and its kind and place in pixels."""
    left, top, right, bottom = (round(value) for value in bounds(part.box))
    where = f"at {left},{top} to {right},{bottom}"
    if part.kind == "line":
        return f"'{quoted(part.text)}' {where}"
    text = f" '{quoted(part.text)}'" if part.text else ""
    return f"{_KINDS[part.kind]}{text} {where}"


def effect(told: Explanation, part: Part) -> str:
    """What covering the part does to the target's probability."""
    odds = round(-part.drop, 1) + 0.0  # no -0.0
    return f"{percent(told.probability)} -> {percent(part.probability)} without it ({odds:+.1f} log-odds)"


def quoted(text: str) -> str:
    """``text`` safe for a terminal and not too long."""
    text = printable(text)
    return text if len(text) <= _TEXT else text[: _TEXT - 1].rstrip() + "…"
