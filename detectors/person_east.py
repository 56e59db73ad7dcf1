"""Names of people in Han and Hangul, written without spaces: 王伟, 陳美玲, 山田太郎, 김민준."""

from __future__ import annotations

import re
from typing import Final

from data.folding import is_han_or_kana
from detectors.person_table import PersonNames

__all__ = ["is_eastern_name", "is_eastern_script"]

_DOCTORS: Final = tuple(
    """診所 诊所 牙醫 牙医 牙科 律師 律师 醫院 医院 醫師 医师 中醫 中医 法律 事務所 事务所 會計師 代書
    歯科 内科 外科 眼科 皮膚科 小児科 整形 耳鼻 産婦人科 クリニック 税理士 司法書士 行政書士 弁護士
    치과 내과 외과 의원 한의원 변호사 법무사 세무사 안과 피부과 정형 소아과 이비인후과 약국""".split()  # noqa: SIM905
)
_TITLES: Final = tuple("先生 女士 小姐 さん 様 君 博士 教授 医生 醫生 老師 老师 씨 님 선생 박사 교수".split())  # noqa: SIM905
# What shops and places end in, though people's names may hold the sign as well.
_SHOPS: Final = frozenset(
    "店家館馆屋堂樓楼園园行房院所社廳厅坊記记號号城市局寺廟庙宮宫站場场路街道巷村鎮镇鄉乡區区县縣町丁目駅橋桥門门"
    "江河湖海島岛港"
)
_MOST_GIVEN: Final = 2  # signs of a given name
_SURNAME: Final = (3, 2, 1)
_GAP = re.compile(r"[\s・·,，、　]+")


def is_eastern_script(text: str) -> bool:
    """Whether most letters of ``text`` are Han, kana or Hangul.

    >>> is_eastern_script("山田 太郎"), is_eastern_script("Café 一"), is_eastern_script("김민준")
    (True, False, True)
    """
    letters = [c for c in text if c.isalpha()]
    return bool(letters) and 2 * sum(is_han_or_kana(c) or "\uac00" <= c <= "\ud7a3" for c in letters) > len(letters)


def is_eastern_name(text: str, names: PersonNames) -> bool:
    """Whether ``text``, of an eastern script, is a person's full name, or that with a profession or a title.

    A surname of the table and a given name of the table, or one of two signs that given names are made of. In a
    longer text only in front of a doctor's, a lawyer's or a like word.

    >>> from detectors.person_table import person_names
    >>> [is_eastern_name(t, person_names()) for t in ("王秀英", "山田 太郎", "김민준", "陳志明牙醫診所", "王家餐館")]
    [True, True, True, True, False]
    """
    runs = ["".join(c for c in run if c.isalpha() or c == "々") for run in _GAP.split(text)]
    whole = "".join(runs)
    parts = [run for run in runs if run]
    if len(parts) == 2 and all(len(part) <= 3 for part in parts):
        surname, given = parts
        if surname in names.surnames and (given in names.given or _is_made(given, names)):
            return True
    for title in (*_TITLES, *_DOCTORS):
        at = whole.find(title)
        if at > 0 and (_is_full_name(whole[:at], names) or (title in _DOCTORS and _may_be_full(whole[:at], names))):
            return True
        # 王先生, 김 씨: a surname with a title.
        if title in _TITLES and at > 0 and whole[:at] in names.surnames and at + len(title) == len(whole):
            return True
    return _is_full_name(whole, names)


def _is_full_name(run: str, names: PersonNames) -> bool:
    for size in _SURNAME:
        surname, given = run[:size], run[size:]
        if not given or surname not in names.surnames or _SHOPS.intersection(given[-1:]):
            continue
        if given in names.given or _is_made(given, names):
            return True
    return False


def _may_be_full(run: str, names: PersonNames) -> bool:
    """Whether a surname of one sign and two more may be a name, of which the table need know no more."""
    return len(run) == 1 + _MOST_GIVEN and run[:1] in names.surnames and not _SHOPS.intersection(run)


def _is_made(given: str, names: PersonNames) -> bool:
    return 1 <= len(given) <= _MOST_GIVEN and not _SHOPS.intersection(given) and names.syllables.issuperset(given)
