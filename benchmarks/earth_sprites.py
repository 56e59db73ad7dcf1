"""Small pictures that the rendered Earth's scenes are put together from, drawn in letters on a grid of 64 to the side.

Each letter is a material of ``COLOURS``; ``.`` lets through what is behind. ``WALL``, ``ROOF``, ``CAR`` and the other
names in capitals are materials whose colour a scene chooses.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["BANKS", "COLOURS", "MATERIALS", "Bank"]

Bank = NDArray[np.uint8]
"""Pictures (values, height, width) of materials; 0 lets through."""

COLOURS: Final = {
    "k": (34, 32, 36),
    "w": (242, 242, 238),
    "r": (208, 40, 38),
    "y": (246, 208, 40),
    "b": (36, 78, 196),
    "g": (62, 150, 62),
    "d": (26, 84, 46),
    "n": (104, 72, 46),
    "m": (128, 128, 130),
    "l": (190, 190, 188),
    "o": (236, 128, 40),
    "h": (150, 190, 88),
    "t": (196, 176, 96),
    "G": (82, 104, 134),
    "D": (74, 52, 42),
    "W": (200, 200, 200),
    "V": (200, 200, 200),
    "R": (120, 60, 50),
    "C": (150, 150, 150),
}
"""Letter to red, green and blue. W: wall, V: its second colour, R: roof, C: a car or a sofa; scenes choose these."""

MATERIALS: Final = {letter: k for k, letter in enumerate(COLOURS, 1)}
"""Letter to material; 0 is nothing."""


def _bank(*pictures: str) -> Bank:
    """Pictures as arrays of one size: each is centred and stands on the lowest row."""
    rows = [picture.split() for picture in pictures]
    height, width = max(map(len, rows)), max(len(line) for picture in rows for line in picture)
    bank = np.zeros((len(rows), height, width), np.uint8)
    for k, picture in enumerate(rows):
        left = (width - len(picture[0])) // 2
        for y, line in enumerate(picture, height - len(picture)):
            for x, letter in enumerate(line, left):
                bank[k, y, x] = MATERIALS.get(letter, 0)
    return bank


_PLANTS = _bank(
    """
    ....mmm.....
    ...mllmm....
    ..mlllmmm...
    ..mlmmmmmk..
    .mllmmkmmmm.
    mllmmmkkmmmm
    mmmmmkkkmmmk
    """,
    """
    ..t...t...t..
    t...t...t...t
    t..t..t.t.t.t
    .t.t.t.t.t.t.
    .th..th..t.t.
    tthththt.hth.
    hththhthhthth
    hhhhhhhhhhhhh
    """,
    """
    ....gg....
    ....gg....
    gg..gg....
    gg..gg..gg
    gg..gg..gg
    ggggggg.gg
    ....gggggg
    ....gg....
    ....gg....
    ....gg....
    ....gg....
    """,
    """
    ..gg...gg..
    .gggg.gggg.
    gg..ggg..gg
    g.gggggg..g
    .gg.nn.gg..
    .g..nn..g..
    .....nn....
    .....nn....
    .....nn....
    ....nn.....
    ....nn.....
    ....nn.....
    ....nn.....
    ....nn.....
    """,
    """
    ....gggg....
    ..gggghgg...
    .gghggggggg.
    gggggghggggg
    gghgggggghgg
    gggggghggggg
    .gggggggggg.
    ...ggggg....
    .....nn.....
    .....nn.....
    .....nn.....
    .....nn.....
    """,
    """
    .....d.....
    .....d.....
    ....ddd....
    ....ddd....
    ...ddddd...
    ....ddd....
    ...ddddd...
    ..ddddddd..
    ...ddddd...
    ..ddddddd..
    .ddddddddd.
    ..ddddddd..
    ddddddddddd
    .....n.....
    .....n.....
    """,
    """
    ....ooo.......
    ...oooo..ooo..
    .oohhooohhooo.
    oohhhoohhhhooo
    ohhhhhohhhhho.
    hhhohhhhhohhhh
    hhhhhhhhhhhhhh
    .hhhhhhhhhhhh.
    """,
)

_SIGNS = _bank(
    """
    ....y....
    ...yyy...
    ..yykyy..
    .yyykyyy.
    yyyykyyyy
    .yyykyyy.
    ..yyyyy..
    ...yyy...
    ....y....
    ....m....
    ....m....
    ....m....
    """,
    """
    ....r....
    ...rrr...
    ...rwr...
    ..rrwrr..
    ..rwkwr..
    .rrwkwrr.
    .rwwwwwr.
    rrrrrrrrr
    ....m....
    ....m....
    ....m....
    ....m....
    """,
    """
    ....r....
    ...rrr...
    ...ryr...
    ..rryrr..
    ..rykyr..
    .rrykyrr.
    .ryyyyyr.
    rrrrrrrrr
    ....m....
    ....m....
    ....m....
    ....m....
    """,
    """
    bbbbbbbbb
    bbbbwbbbb
    bbbwwwbbb
    bbwbwbwbb
    bbbbwbbbb
    bbbbwbbbb
    bbbbbbbbb
    ....m....
    ....m....
    ....m....
    ....m....
    ....m....
    """,
    """
    gggggggggggg
    gwwwgwwwwwwg
    gggggggggggg
    gwwwwwgwwwgg
    gggggggggggg
    ..m......m..
    ..m......m..
    ..m......m..
    ..m......m..
    """,
    """
    ..rrrrr..
    .rrrrrrr.
    rrrrrrrrr
    rwwwwwwwr
    rwwwwwwwr
    rrrrrrrrr
    .rrrrrrr.
    ..rrrrr..
    ....m....
    ....m....
    ....m....
    ....m....
    """,
)

_BOLLARDS = _bank(
    "wwww wwww kkkk kkkk wwww wwww wwww wwww",
    "wwww rrrr rrrr rrrr wwww wwww wwww wwww",
    "rrrr wwww wwww rrrr rrrr wwww wwww rrrr",
    ".yy. yyyy yyyy yyyy yyyy yyyy yyyy yyyy",
    "kkkk kkkk yyyy yyyy kkkk kkkk yyyy yyyy",
    ".gg. gggg gggg gggg wwww gggg gggg gggg",
    "bbbbbb bbbbbb kllllk kllllk kllllk kllllk",
    ".oo. oooo oooo oooo .ww. .ww. .ww. .ww.",
)

_POLES = _bank(
    """
    .....nn.....
    nnnnnnnnnnnn
    k....nn....k
    .....nn.....
    """
    + ".....nn..... " * 19,
    """
    .....nn.....
    nnnnnnnnnnnn
    .....nn.....
    .....nn.....
    nnnnnnnnnnnn
    .....nn.....
    nnnnnnnnnnnn
    """
    + ".....nn..... " * 16,
    """
    ..l..lll..l.
    ..lllllllll.
    .....lll....
    """
    + ".....lll.... " * 20,
    """
    .....mm.....
    ....m..m....
    mmmmmmmmmmmm
    ....m..m....
    .....mm.....
    mmmmmmmmmmmm
    """
    + "....m..m.... .....mm..... ....m..m.... ...m....m... " * 4
    + "...m....m... ",
    """
    ..kkkkkkk...
    .kk.....kk..
    yyyy....kk..
    yyyy....kk..
    .yy.....kk..
    """
    + "........kk.. " * 18,
    """
    ...nn..nn...
    ...nn..nn...
    ...nnnnnn...
    ...nn..nn...
    """
    + "...nn..nn... ...nn..nn... ...nn..nn... ...nnnnnn... " * 4
    + "...nn..nn... ...nn..nn... ...nn..nn... ",
)

_ROOFS = (
    ["..llll..........", "..llll..........", "RRRRRRRRRRRRRRRR", "WWWWWWWWWWWWWWWW"],
    [
        ".......RR.......",
        ".....RRRRRR.....",
        "....RRRRRRRR....",
        "..RRRRRRRRRRRR..",
        ".RRRRRRRRRRRRRR.",
        "RRRRRRRRRRRRRRRR",
    ],
    [
        ".......RR.......",
        ".......RR.......",
        "......RRRR......",
        "......RRRR......",
        ".....RRRRRR.....",
        ".....RRRRRR.....",
        "....RRRRRRRR....",
        "...RRRRRRRRRR...",
        "..RRRRRRRRRRRR..",
        "RRRRRRRRRRRRRRRR",
    ],
    ["...RRRRRRRRRR...", "..RRRRRRRRRRRR..", "RRRRRRRRRRRRRRRR", "RRRRRRRRRRRRRRRR"],
)
_FLOOR = [".WVWVWVWVWVWVWV.", ".WWGGWWVVWWGGWV.", ".VVGGVVVVVVGGVW.", ".WVWVWVWVWVWVWV."]
_GROUND = [".WVWVWVWVWVWVWV.", ".WWGGWWDDWWGGWV.", ".VVGGVVDDVVGGVW.", ".WVWVWVDDWVWVWV.", ".VWVWVWDDVWVWVW."]

# Roof by roof, each with one, two and five storeys: value roof * 3 + storeys.
_BUILDINGS = _bank(*("\n".join(roof + _FLOOR * (storeys - 1) + _GROUND) for roof in _ROOFS for storeys in (1, 2, 5)))

_CARS = _bank(
    """
    ..CCCCCC..
    .CGGGGGGC.
    .CGGGGGGC.
    CCCCCCCCCC
    rrCCCCCCrr
    rrCCwwCCrr
    CCCCCCCCCC
    kk......kk
    """,
)

_CLOUDS = _bank(
    """
    .....www......
    ..wwwwwwww....
    .wwwwwwwwwwww.
    wwwwwwwwwwwwww
    ..llllllllll..
    """,
    """
    ......wwwww.......
    ..wwwwwwwwwwwww...
    wwwwwwwwwwwwwwwwww
    """,
)

_SOCKETS = _bank(
    """
    ...lllll...
    .llkkkkkll.
    .lkmmmmmkl.
    lkmmmmmmmkl
    lkmkmmmkmkl
    lkmmmmmmmkl
    .lkmmmmmkl.
    .llkkkkkll.
    ...lllll...
    """,
    """
    lllllllll
    llkklkkll
    llkklkkll
    llkklkkll
    llkklkkll
    lllllllll
    llllkllll
    lllkkklll
    lllllllll
    """,
    """
    yyyyyyyyy
    ykyyyyyky
    ykkyyykky
    yykkykkyy
    yyykykyyy
    yyyyyyyyy
    yyyykyyyy
    yyyykyyyy
    yyyyyyyyy
    """,
    """
    wwwwwwwwwww
    wwwwkkkwwww
    wwwwkkkwwww
    wwwwwwwwwww
    wwwwwwwwwww
    wkkkwwwkkkw
    wkkkwwwkkkw
    wwwwwwwwwww
    wwwwwwwwwrr
    """,
    """
    bbbbbbbbbbbbb
    bwwwbwwwbwwwb
    bwwwbwwwbwwwb
    bwwwbwwwbwwwb
    bwwwbkkkbwwwb
    bwwwbkkkbwwwb
    bbbbbbbbbbbbb
    """,
)

_SOFAS = _bank(
    """
    .CCCCCCCCCCCCCCCCCCCC.
    .CCCCCCCCCCCCCCCCCCCC.
    CC.CCCCCCCCCCCCCCCC.CC
    CCCCCCCCCCCCCCCCCCCCCC
    CCCkkkkkkkkkkkkkkkkCCC
    CCCCCCCCCCCCCCCCCCCCCC
    CCCCCCCCCCCCCCCCCCCCCC
    .k..................k.
    """,
    """
    nnnnnnnnnnnnnnnnnnnn
    nnnnnnnnnnnnnnnnnnnn
    .n................n.
    .n.....CCCCCC.....n.
    .n.....CCCCCC.....n.
    .n.....C....C.....n.
    """,
)

BANKS: Final = {
    "plants": _PLANTS,
    "sign": _SIGNS,
    "bollard": _BOLLARDS,
    "pole": _POLES,
    "building": _BUILDINGS,
    "car": _CARS,
    "cloud": _CLOUDS,
    "socket": _SOCKETS,
    "sofa": _SOFAS,
}
"""Name to pictures; those named after an attribute are in the order of its values (without "hidden")."""
