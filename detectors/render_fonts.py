"""The fonts that the line recogniser learns from: which installed font can write which script.

Fonts are read from the machine, Debian's packages named in ``assets/SOURCES.md``; none is shipped. A few families of
each script are held out: no line is ever rendered in them for training, so that they measure what an unseen lettering
costs.
"""

from __future__ import annotations

import logging
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from data.errors import DatasetError

__all__ = ["FONT_FOLDER", "SCRIPTS", "Face", "faces_by_script"]

FONT_FOLDER = Path("/usr/share/fonts")
"""Where Debian's packages put fonts."""

# Letters that a font must have to be used for a script (ISO 15924); "Kana" stands for both kana.
_LETTERS: Mapping[str, str] = {
    "Latn": "AaBbGgRrZzéßñ",
    "Cyrl": "АаБбЖжЩщЫыЯя",
    "Grek": "ΑαΓγΨψΩωάέή",
    "Hani": "東京店小市路",
    "Kana": "あかんアカン",
    "Hang": "가한국서울점",
    "Arab": "ابتثجحمي",
    "Hebr": "אבגהשת",
    "Deva": "कखगमर्ाि",
    "Beng": "কখগমর্াি",
    "Taml": "கஙசமாி",
    "Telu": "కఖగమాి",
    "Knda": "ಕಖಗಮಾಿ",
    "Mlym": "കഖഗമാി",
    "Gujr": "કખગમાિ",
    "Guru": "ਕਖਗਮਾਿ",
    "Sinh": "කඛගමාි",
    "Thai": "กขคมาิ",
    "Laoo": "ກຂຄມາິ",
    "Khmr": "កខគមាិ",
    "Mymr": "ကခဂမာိ",
    "Geor": "აბგდევზ",
    "Armn": "ԱԲԳաբգ",
    "Ethi": "ሀለሐመሠረ",
}
SCRIPTS = tuple(_LETTERS)
"""ISO 15924 codes of the scripts that are rendered; ``"Kana"`` is both kana."""

# Families whose glyphs for a script are placeholders, fractions of another design, or unlike anything on a sign.
_UNFIT = ("AmiriQuran", "KacstQurn", "mry_Kacst", "Symbola", "NotoMusic", "StamSefarad", "GFSSolomos", "NotoSansMono")
_UNFIT_FOR: Mapping[str, tuple[str, ...]] = {
    "Latn": ("nakula", "sahadeva", "fantuwua", "ipa", "UnBatang"),
    "Cyrl": ("nakula", "sahadeva", "ipa", "BIZUD", "cmunvi", "Nanum", "wqy", "VL", "LXGW"),
    "Grek": ("nakula", "sahadeva", "ipa", "BIZUD", "cmunvi", "Nanum", "wqy", "VL", "LXGW", "GFSOlga"),
    "Hebr": ("VL",),
    "Hani": ("Nanum",),
}
_HELD_OUT: Mapping[str, tuple[str, ...]] = {
    "Latn": ("Play", "YanoneKaffeesatz", "Tinos", "BebasNeue"),
    "Cyrl": ("Play", "YanoneKaffeesatz", "Tinos", "PTF", "BebasNeue"),
    "Grek": ("Play", "GFSArtemisia", "Tinos", "Comfortaa"),
    "Beng": ("Lohit-Bengali", "Mukti", "LikhanNormal"),
    "Deva": ("Lohit-Devanagari", "Sarai", "AnnapurnaSIL"),
    "Hani": ("wqy", "SmileySans"),
    "Kana": ("ReggaeOne", "VL"),
    "Hang": ("UnDotum", "BMJUA", "NanumMyeongjo"),
    "Arab": ("Scheherazade", "homa", "KacstPoster"),
    "Hebr": ("KeterYG", "NachlieliCLM"),
    "Thai": ("Waree", "Purisa", "NotoSerifThai"),
    "Taml": ("Lohit-Tamil", "NotoSerifTamil"),
    "Telu": ("Lohit-Telugu", "Mandali", "Ramaraja"),
    "Knda": ("Lohit-Kannada", "Navilu"),
    "Mlym": ("Lohit-Malayalam", "Manjari", "Meera"),
    "Gujr": ("Lohit-Gujarati", "aakar"),
    "Guru": ("Lohit-Gurmukhi", "Saab"),
    "Sinh": ("lklug",),
    "Laoo": ("Phetsarath",),
    "Khmr": ("Busra", "KhmerOSbokor"),
    "Mymr": ("PadaukBook",),
    "Geor": ("BPG_Glaho", "BPG_Nateli", "DejaVuSerif"),
    "Armn": ("DejaVuSerif",),
    "Ethi": ("jiret", "AbyssinicaSIL"),
}
# Of a family with many cuts (Noto Sans Devanagari has 36) only so many are used, or it would be half of what is seen.
_CUTS = 14


@dataclass(frozen=True, slots=True)
class Face:
    """One font file that can write a script.

    Attributes:
        path: The file; of a collection its first face.
        family: File name up to the first hyphen; cuts of one family share it.
        letters: Code points that it has glyphs for.
    """

    path: Path
    family: str
    letters: frozenset[int]

    def has(self, text: str) -> bool:
        """Whether there is a glyph for every letter of ``text``; joiners and spaces need none."""
        return all(ord(c) in self.letters or c in " \u200c\u200d" for c in text)


@cache
def faces_by_script(
    *, held_out: bool, folder: Path = FONT_FOLDER, scripts: tuple[str, ...] = SCRIPTS
) -> Mapping[str, tuple[tuple[Face, ...], ...]]:
    """Families of installed fonts by script, each a tuple of its cuts; none for a script that no font writes.

    Args:
        held_out: The families that are kept for measuring, else those for training.
        folder: Where to look, with all folders below.
        scripts: Which must have a font.

    Raises:
        DatasetError: One of ``scripts`` has no font there.
    """
    # Lazy: only the training needs it.
    from fontTools.ttLib import TTFont

    logging.getLogger("fontTools").setLevel(logging.ERROR)  # it tells of every odd table in every font
    found: dict[str, dict[str, list[Face]]] = {script: {} for script in SCRIPTS}
    for path in sorted(p for p in folder.rglob("*") if p.suffix in (".ttf", ".otf", ".ttc")):
        if path.stem.startswith(_UNFIT):
            continue
        with TTFont(path, fontNumber=0, lazy=True) as font:
            try:
                letters = frozenset(font.getBestCmap() or ())
            except Exception:  # a font that its own library cannot read is of no use, whatever is wrong with it
                continue
        family = path.stem if path.stem.startswith("Lohit") else path.stem.split("-")[0]
        for script, needed in _LETTERS.items():
            kept = path.stem.startswith(_HELD_OUT.get(script, ()))
            fit = not path.stem.startswith(_UNFIT_FOR.get(script, ()))
            if kept == held_out and fit and all(ord(c) in letters for c in needed):
                found[script].setdefault(family, []).append(Face(path, family, letters))
    missing = [script for script in scripts if not found[script]]
    if missing:
        raise DatasetError(
            f"no font under {folder} writes {', '.join(missing)}: install the Debian packages that "
            "detectors/assets/SOURCES.md names"
        )
    return {
        script: tuple(tuple(_some(faces)) for _, faces in sorted(families.items()))
        for script, families in found.items()
    }


def _some(faces: list[Face]) -> list[Face]:
    """At most ``_CUTS`` of them, always the same ones."""
    return sorted(faces, key=lambda f: (zlib.crc32(f.path.name.encode()), f.path.name))[:_CUTS]
