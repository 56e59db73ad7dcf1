"""Nothing private leaves in a query: what is tried here never passes, and names of shops and streets do."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from detectors.person_names import is_person_like
from detectors.privacy import MASK, mask
from fusion.lookup_privacy import LEAST_LETTERS, MOST_CHARACTERS, askable, askable_address, cleaned
from fusion.private_marks import (
    has_account,
    has_code,
    has_date,
    has_path,
    has_position,
    is_addressed,
    is_masked,
    is_plate_with_slips,
)

PRIVATE = {
    "plates": """
B-AB 123|W 12345 X|AB-123-CD|1234 ABC|KA 05 MH 1234|京A·12345|粤B 1234警|品川 300 あ 12-34|12가 3456
서울 12가 3456|А123ВС 77|А 123 ВС 77 RUS|KR OIZBS|WOB ZK 295|GA 482 KR|ABC 1D23|DL 8C AF 5030|LAGOS ABC-123 DE
DUBAI A 12345|٢٣٤٥ أ ب ج|กข 1234|34 ABC 123|ZH 123 456|BMW1234|S 0I2 BSZ|12 34 56|B · AB 1 2 3|Taxi W-12345X
AA – 229 – BB|ＡＢ－１２３－ＣＤ|A\u200bB-1\u200b23-CD
""",
    "phones": """
+34 91 123 45 67|(415) 555-0100|415.555.0100|0664 / 123 45 67|0664–123–45–67|Tel. 12345|Tel: 112|☎ 4567
Тел. 22-33-44|電話 03-1234-5678|هاتف ٠٦٦٤١٢٣٤٥٦٧|1-800-FLOWERS|０６６４１２３４５６７|Fon 06 64 12 34 5
Pizzeria Roma Tel. 2345|Hotel Sol 7012|06\u00a064\u202f12\u200934 56|0664_123_45_67|Handy 0664*1234567
+43(0)664/1234567
""",
    "mail": """
info@hotel-sol.es|info @ hotel - sol . es|info (at) hotel-sol.es|info[at]hotel.es|info at hotel dot es
info©hotel.es|E-Mail: info hotel.es|hans.mueller＠gmail.com|info{at}hotel.es
Hotel Sol info@sol.es
""",
    "coordinates": """
48.20849, 16.37208|48.20849N 16.37208E|N 48°12'30.5" E 16°22'19.5"|N 48 12.509 E 16 22.325
4812.5090N 01622.3250E|48.2, 16.37|48,20849 16,37208|Lat 48.2 Lon 16.4|33U 601234 5340123|33UXP0123456789
8FWR5H4F+2X|5H4F+2X Wien|u2edk8n2x|///filled.count.soap|filled.count.soap|48N 16E|geo:48.2,16.3
Hotel Sol 48.2085;16.3721|٤٨.٢٠٨٤٩, ١٦.٣٧٢٠٨
""",
    "files": """
IMG_1234.jpg|IMG 1234|DSC01234.JPG|C:\\Users\\Anna\\photo|/home/anna/photos|~/photos/wien|photo.png
https://example.com/menu|example.com/menu|example.com?id=5|file:///etc/passwd|holiday in wien.heic|photo . jpg
example.com:8080|\\\\server\\share|./menu
""",
    "times": """
12.03.2024|2024-03-12 12:30|12:30|8:00 - 18:00|Mo-Fr 8-18 Uhr|12 March 2024|March 12, 2024|20240312 123000
2024年3月12日|Sat 12 Mar 2024|12 марта 2024|12 de julio de 2024|Opening 9am|３月１２日
""",
    "handles": """
@hotelsol|#hotelsol|fb: hotelsol|instagram/hotelsol|Insta hotelsol|Hotel Sol @hotelsol|follow #sol
""",
    "accounts": """
AT61 1904 3002 3457 3201|IBAN AT61|BIC GIBAATWW|4111 1111 1111 1111|Kto. 1234|Konto Nr. 12345|UID ATU12345678
CNPJ 12.345.678/0001-90|Hotel 12345|Passport No 1234
""",
    "addressed": """
c/o Krautwurst Hauptstraße 5|Happy Birthday Gottfried Krautwurst|Mein Name ist Gottfried|In memoriam Gottfried
z. Hd. Krautwurst|Me llamo Gottfried|WLAN Passwort: sonne|WiFi password sunshine|Mot de passe soleil|密码 sonne
""",
    "nothing": """
...|-- 12 --|12345|1234 5678|OK|AB|A1|東|•••• •••|Taxi ••••|\u202e\u202c
xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
""",
    "persons": """
Dr. med. Anna Schmidt|Bäckerei Hans Müller|MARIA GONZALEZ|Müller, Hans|J. R. Smith|Mr. John Smith
Jean-Pierre Dupont|Иванов Иван Петрович|ИП Иванов А.А.|Giovanni Bianchi|José da Silva|Γιώργος Παπαδόπουλος
محمد علي|דוד כהן|राजेश शर्मा|王秀英|陳志明牙醫診所|山田 太郎|김민준|Nguyễn Văn An|Familie Huber|hans-mueller.de
Hans Müller, Hauptstraße 5|Hauptstraße 5, 1010 Wien, Hans Müller|Krautwurst, Hauptstraße 5, 1010 Wien
Hans \u202eMüller|«Hans» «Müller»|Ｈａｎｓ Ｍüller|!g Hans Müller|Hans_Müller|HansMüller
""",
}

NAMES = """
Studio 54|7-Eleven|24h Shop|Café 1900|Club 1900|Magazin 2000|Rössli|Apotheke zum Goldenen Adler|www.hotel-sol.es
Trattoria da Mario|Farmácia São João|Café Maria|St. Anna Apotheke|スターバックス コーヒー|Starbucks
お好み焼き 千房|北京烤鸭店|이마트|Аптека 36,6|Ресторан Пушкин|Магазин Продукты 24|Ταβέρνα Ο Πλάτανος|مطعم بيروت
Billa|Hotel Europa|Gasthof Zur Post|Boucherie du Marché|El Corte Inglés|Panadería San José|Pastelaria Belém
Restaurante O Gaúcho|McDonald's|Marks & Spencer|Sainsbury's|The Red Lion|King's Head|Fish & Chips
Nhà hàng Quán Ăn Ngon|ร้านอาหาร|होटल ताज|קפה גרג|Eczane|Simit Sarayı|Żabka|Pod Złotym Lwem|Lékárna U Anděla
Müller & Söhne|Bäckerei Müller|Giorgio Armani|Lycée Victor Hugo|San Francisco|東京|Raiffeisenbank
Memory Lane Pub|Telegram Bar|Instant Coffee
"""
ADDRESSES = """
Hauptstraße 5, 1010 Wien|12 Main Street|Calle Mayor 5, 28013 Madrid|Rua 21 de Abril 15|1010 Wien|75001 Paris
ул. Ленина 15|東京都千代田区丸の内1丁目9番1号|улица Льва Толстого, 16|Via Roma 3, 00184 Roma RM
350 5th Ave, New York, NY 10118|12345 Ventura Blvd, Studio City, CA 91604|Place du 8 Mai 1945
Av. 9 de Julio 1234|서울특별시 종로구 세종대로 175|Jl. Sudirman No. 25|Łódź, ul. Piotrkowska 104
Blk 123 Ang Mo Kio Ave 6|شارع الحمرا 12|Herrengasse 12|Kärntner Straße 12/3/4|Plaza de España s/n
1052 Budapest, Váci u. 12|Grev Turegatan 3, 114 46 Stockholm|Baker Street 221B|Boulevard Victor Hugo 12
Dr.-Karl-Renner-Platz 1|Martin-Luther-Straße 5|רחוב דיזנגוף 50|İstiklal Caddesi 120|Rue Jean Jaurès 12
Gasthof Krautwurst, Hauptstraße 5
"""


def rows(table: str) -> list[str]:
    return [text for line in table.strip("\n").split("\n") for text in line.split("|")]


INVISIBLE = re.compile("[\u200b-\u200f\u202a-\u202e\u00ad]")
ATTACKS = [text for table in PRIVATE.values() for text in rows(table)]
ATTACKS += ["info\n@hotel.es", "Hans\nMüller", "Dr.\r\nAnna\u2028Schmidt", "KR-\nAB 123"]
# Pieces that hypothesis puts together in any order, with anything between.
PIECES = [*ATTACKS, *rows(NAMES), *rows(ADDRESSES)]
BETWEEN = [" ", "\n", ", ", "\u202e", "-", "@", "/"]


@pytest.mark.parametrize("text", ATTACKS)
def test_this_is_never_asked(text: str) -> None:
    assert askable(text) is None
    assert askable_address(text) is None


@pytest.mark.parametrize("text", rows(NAMES) + rows(ADDRESSES))
def test_this_is_asked_as_it_stands(text: str) -> None:
    assert askable(text) == text


@pytest.mark.parametrize("text", [t for t in rows(ADDRESSES) if t not in ("12 Main Street", "Place du 8 Mai 1945")])
def test_this_is_asked_as_an_address(text: str) -> None:
    assert askable_address(text) == text


OWN_MARKS: dict[str, tuple[Callable[[str], bool], ...]] = {
    "plates": (is_masked, has_code, is_plate_with_slips),
    "phones": (is_masked, has_account),
    "mail": (has_path,),
    "coordinates": (has_position,),
    "files": (has_path,),
    "times": (has_date,),
    "handles": (has_path,),
    "accounts": (has_account,),
    "persons": (is_person_like,),
    "addressed": (is_addressed,),
}
# Numbers that only their length gives away, a path's mark between them, and a name that only the house beside it does.
BY_OTHERS = {"4111 1111 1111 1111", "Hotel 12345", "Hotel Sol 7012", "0664_123_45_67"} | {
    "Krautwurst, Hauptstraße 5, 1010 Wien"
}


@pytest.mark.parametrize("kind", OWN_MARKS)
def test_each_attack_is_seen_for_what_it_is(kind: str) -> None:
    for text in {*rows(PRIVATE[kind])} - BY_OTHERS:
        line = " ".join(unicodedata.normalize("NFKC", INVISIBLE.sub("", text)).split())
        assert any(mark(line) for mark in OWN_MARKS[kind]), text


def test_a_plate_is_seen_though_neither_mask_nor_road_sign_knows_it() -> None:
    for text in ("PRYL-38", "XS8 L365", "93 تونس 28", "YZU-E", "JBvV-86", "CBNB", "NCEL-003", "ตก 0 กรุงเทพมหานคร"):
        assert mask(text) == text and has_code(text), text
        assert askable(text) is None
    for text in ("Studio 54", "CAFE 21", "24h Shop", "Аптека 36,6", "IKEA", "1st Avenue Books", "Школа №1236"):
        assert not has_code(text), text


def test_there_are_enough_of_both() -> None:
    assert len(ATTACKS) >= 150
    assert len(rows(NAMES) + rows(ADDRESSES)) >= 60


def test_a_name_is_no_address() -> None:
    assert askable_address("Hotel Europa") is None


def test_what_stands_on_a_plate_is_never_asked_whatever_it_looks_like() -> None:
    assert askable("Hotel Europa") is not None
    assert askable("Hotel Europa", region="plate") is None
    assert askable_address("Herrengasse 12", region="plate") is None


def test_only_a_postal_code_is_cut_out_where_it_looks_like_a_plate() -> None:
    assert askable("10 Downing St, London SW1A 2AA") == "10 Downing St, London"
    assert askable("Rembrandtplein 17, 1017 CT Amsterdam") == "Rembrandtplein 17, Amsterdam"
    assert askable("10 Downing St, London, B-AB 123") is None


def test_commands_of_search_engines_and_marks_of_direction_are_taken_off() -> None:
    assert askable("!!g Hotel :de Europa") == "g Hotel de Europa"
    assert askable('\u202eHotel\u202c\x00 "Europa"\n<b>') == "Hotel Europa b"
    assert askable("Hotel|Europa[name~x];out;") != "Hotel|Europa[name~x];out;"


def _holds_nothing_private(text: str) -> None:
    assert mask(text) == text and MASK not in text
    assert not has_path(text) and not has_position(text) and not has_account(text) and not is_plate_with_slips(text)
    assert not is_person_like(text)
    assert len(text) <= MOST_CHARACTERS and sum(c.isalpha() for c in text) >= LEAST_LETTERS // 2
    assert not any(unicodedata.category(c) in ("Cc", "Cf", "Co", "Cs", "Zl", "Zp") for c in text)
    assert text == cleaned(text) == " ".join(text.split())


ANYTHING = st.lists(
    st.one_of(st.sampled_from(PIECES), st.text(max_size=12), st.sampled_from(BETWEEN)),
    min_size=1,
    max_size=4,
).map("".join)


@settings(deadline=None, max_examples=400)
@given(ANYTHING)
@example("10 Downing St, London SW1A 2AA")
@example("½ Hotel Sol ﷺ")
def test_whatever_is_asked_holds_nothing_private_and_is_asked_the_same_again(text: str) -> None:
    for ask in (askable, askable_address):
        asked = ask(text)
        if asked is not None:
            _holds_nothing_private(asked)
            assert ask(asked) == asked
