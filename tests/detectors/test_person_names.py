"""What names a person, and what only looks as if it did."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from data.errors import DatasetError
from detectors import person_table
from detectors.build_person_names import build
from detectors.person_names import is_person_like, stray_names
from detectors.person_table import FORMAT, PERSON_NAMES, parsed, person_names

PERSONS = """
Dr. med. Anna Schmidt|Rechtsanwalt Hans Müller|MARIA GONZALEZ|maria gonzalez|Müller, Hans|Hans-Peter Meier
J. R. Smith|A. Novák|J.R. Smith|Smith J.|Bäckerei Hans Müller|HANS MULLER BÄCKEREI|Hans Müller's Bakery
HansMüller|HAN5 MÜLLER|Иванов Иван|ИВАНОВА МАРИЯ ПЕТРОВНА|И. И. Иванов|Иванов И.И.|Салон Ивановой Марии Петровны
г-жа Захарова|Familie Krautwurst|Fam. Gruber|Herr Müller|Frau Kitzmantel|Notar Mag. Huber|Zahnarzt Dr. Weber
Dr. Kitzmantel|Xhelal Müller|Anna Kitzmantel|Xhelal Bajramović|John Smith, M.D.|Prof. Dr. K. Weber|Mr. Smith
Miss Teresa Evans|Studio legale Avv. Mario Rossi|Dott.ssa Giulia Bianchi|Maître Dupont|Dra. Ana López
García López|José da Silva|Jan van Dijk|Ludwig von Beethoven|Hans und Maria Müller|An Nguyễn|Bà Vũ Mai Hồ
Stef die Bont|Annemijn van den Bosch|Jens Koch|A n n a Schmidt|ANNASCHMIDT|Γιώργος Παπαδόπουλος
ΓΙΩΡΓΟΣ ΠΑΠΑΔΟΠΟΥΛΟΣ|Nguyễn Văn An|محمد علي|د. أحمد محمود|דוד כהן|ד״ר רחל לוי|राजेश शर्मा|डॉ. अनिल गुप्ता|王伟
王秀英|陳美玲|陳志明牙醫診所|王先生|山田太郎|山田 太郎|김민준|Ahmet Yılmaz|Sri Wahyuni|Giovanni Bianchi
Paweł Wójcik|John O'Brien|Patrick O’Neill|Mary-Ann McDonald|Carole Davidson-Campbell|Mario Elías Aguilar
Hans Müller, Hauptstraße 5|Jürgen Ｓｃｈｍｉｄｔ
"""
OTHERS = """
Café Maria|St. Anna Apotheke|Rue Jean Jaurès|Martin-Luther-Straße 5|Dr.-Karl-Renner-Platz 1|Giorgio Armani
Santa Maria|Hotel Victoria|San Francisco|Bäckerei Müller|Müller & Söhne|Müller & Schmidt|Gasthof Post
Pizzeria Bella Napoli|Golden Dragon|Blumen Huber|Kirche St. Johannes|Hotel Maria Theresia|Casa Rosa|Mama Rosa
Mr. Pizza|Lycée Victor Hugo|Burger King|H&M|Starbucks Coffee|Аптека|Продукты|Мир цветов|Кафе Мария
улица Льва Толстого|東京|王家餐館|이마트|北京烤鸭店|松屋|すき家|Farmácia São João|Fischer Sport|Elektro Müller
Via Giuseppe Garibaldi 12|Boulevard Victor Hugo|Main Street|Krone|Maria|Sagrada Familia|Trattoria da Mario
Zum Goldenen Hirschen|Raiffeisenbank Krems|Calle Mayor 5|مطعم علي|קפה יוסף|Bar Roma|Casino de Monte Carlo
King's Head|Mühleholz II|CenturyLink|Rua Antônio Alves da Silva|C/ Mayor|R. Augusta 25|Hà Nội|Nhà hàng Hồ Tây
Preston, Lancaster|Reformas y Construcciones, S.L.|Müller S. A.|Metro Jean Jaurès|12345||---
"""


def rows(table: str) -> list[str]:
    return [text for line in table.strip().splitlines() for text in line.split("|")]


@pytest.mark.parametrize("text", rows(PERSONS))
def test_this_is_a_person(text: str) -> None:
    assert is_person_like(text)


@pytest.mark.parametrize("text", rows(OTHERS))
def test_this_is_none(text: str) -> None:
    assert not is_person_like(text)


def test_a_name_beside_an_address_is_seen_unless_a_trade_stands_with_it() -> None:
    assert stray_names("Krautwurst,")
    assert stray_names("山田太郎")
    assert not stray_names("Gasthof Krautwurst")
    assert not stray_names("1010 Wien")


def test_a_line_without_end_takes_no_time() -> None:
    assert is_person_like("Hans Müller " * 50_000)
    assert not is_person_like("a-" * 100_000)


def test_the_table_is_what_its_build_makes_of_names() -> None:
    names = parsed(build({"g": {"Anna Lena", "José", "Dr.", "X", "伟"}, "s": {"de la Cruz", "Müller", "José", "Bar"}}))
    assert names.given == {"anna", "lena", "jose", "伟"}
    assert names.surnames == {"cruz", "muller", "jose"}
    assert names.syllables == {"伟"}
    assert build({"g": {"B", "Bo"}, "s": set()}) == build({"s": set(), "g": {"Bo", "B"}})


def test_the_shipped_table_is_small_and_sorted() -> None:
    content = PERSON_NAMES.read_bytes()
    assert len(content) < 400_000
    lines = gzip.decompress(content).decode().splitlines()
    assert lines[0] == FORMAT
    assert lines[1:] == sorted(lines[1:], key=lambda line: line.split("\t")[0])
    assert len(person_names().given) > 25_000 and len(person_names().surnames) > 25_000


@pytest.mark.parametrize(
    "damage", [b"", b"\x1f\x8b", gzip.compress(b"something else\nanna\tg\n"), gzip.compress(b"\xff")]
)
def test_a_damaged_table_is_said(damage: bytes) -> None:
    with pytest.raises(DatasetError, match="reinstall whence"):
        parsed(damage)


def test_another_file_in_its_place_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = tmp_path / "person_names.txt.gz"
    other.write_bytes(build({"g": {"Anna"}, "s": set()}))
    monkeypatch.setattr(person_table, "PERSON_NAMES", other)
    with pytest.raises(DatasetError, match="damaged"):
        person_names.__wrapped__()
