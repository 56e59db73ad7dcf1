"""Under which licence CLIP's weights are given, and what they were trained on, by the name of the weights."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final, NamedTuple

__all__ = ["HUB", "STREETCLIP", "data_of", "is_restricted", "licence_of"]

HUB: Final = "hf-hub:"
"""What the name of a checkpoint on the Hugging Face hub begins with; its repository, ``owner/name``, follows."""

STREETCLIP: Final = f"{HUB}geolocal/StreetCLIP"
"""StreetCLIP (Haas, Alberti, Skreta 2023), which may not be used commercially."""


class _Terms(NamedTuple):
    licence: str
    data: str


_LAION: Final = _Terms("MIT (LAION)", "LAION-2B: 2 billion pictures of the web with English captions")
_DATACOMP: Final = _Terms("MIT (LAION, DataComp)", "DataComp-1B: 1.4 billion pictures of the web with captions")
_OPENAI: Final = _Terms(
    "MIT (OpenAI; the copy of timm says Apache 2.0)", "400 million pictures of the web with captions, chosen by OpenAI"
)

_BY_TAG: Final = MappingProxyType({"laion2b_": _LAION, "datacomp_xl_": _DATACOMP, "openai": _OPENAI})
"""What open_clip's tags begin with to what their makers say of them."""

_BY_REPOSITORY: Final = MappingProxyType(
    {
        STREETCLIP: _Terms(
            "CC BY-NC 4.0: not for commercial use (geolocal/StreetCLIP)",
            "1.1 million street-level photos with captions made of their places, on top of OpenAI's CLIP",
        ),
        f"{HUB}openai/clip-vit-base-patch32": _OPENAI,
        f"{HUB}openai/clip-vit-base-patch16": _OPENAI,
        f"{HUB}openai/clip-vit-large-patch14": _OPENAI,
        f"{HUB}openai/clip-vit-large-patch14-336": _OPENAI,
    }
)


def licence_of(name: str) -> str:
    """Licence of the weights called ``MODEL/PRETRAINED`` or ``hf-hub:OWNER/NAME``; or where to look for it.

    >>> licence_of("ViT-B-32/laion2b_s34b_b79k"), licence_of(STREETCLIP)
    ('MIT (LAION)', 'CC BY-NC 4.0: not for commercial use (geolocal/StreetCLIP)')
    >>> licence_of("hf-hub:somebody/clip")
    'not known to whence: see https://huggingface.co/somebody/clip'
    """
    terms = _terms(name)
    if terms is not None:
        return terms.licence
    place = f"https://huggingface.co/{name.removeprefix(HUB)}" if name.startswith(HUB) else "the page of its makers"
    return f"not known to whence: see {place}"


def data_of(name: str) -> str:
    """What the weights of that name were trained on."""
    terms = _terms(name)
    return "pictures and captions, by the makers of the weights" if terms is None else terms.data


def is_restricted(name: str) -> bool:
    """Whether what may be done with these weights is known to be restricted, or is not known."""
    terms = _terms(name)
    return terms is None or not terms.licence.startswith("MIT")


def _terms(name: str) -> _Terms | None:
    if name.startswith(HUB):
        return _BY_REPOSITORY.get(name)
    tag = name.partition("/")[2]
    return next((terms for begin, terms in _BY_TAG.items() if tag.startswith(begin)), None)
