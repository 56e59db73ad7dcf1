"""Google's S2 cells as numpy functions over arrays of ids.

The Earth is projected on the six faces of a cube, each face is divided into four again and again (level 0 to 30), and a
Hilbert curve numbers the cells: a ``uint64`` with 3 bits of face, two bits a level, and a closing 1. Everything here
takes arrays of any shape and agrees bit for bit on ids with ``s2sphere`` (and so with S2's quadratic projection);
``benchmarks/s2.py`` checks that and prints the ratio in speed.

The Hilbert curve is table-driven as in S2's own code, but six bits at a time: 30 levels are exactly five steps.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from data.geodesy import EARTH_RADIUS_KM, lat_lon

__all__ = [
    "MAX_LEVEL",
    "all_neighbours",
    "area_km2",
    "cell_ids",
    "centre",
    "children",
    "corners",
    "face_cells",
    "from_token",
    "is_valid",
    "level_of",
    "neighbours",
    "parent",
    "range_max",
    "range_min",
    "token",
]

MAX_LEVEL: Final = 30
"""The finest level: leaf cells of about a square centimetre."""

Ids = NDArray[np.uint64]
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_SIZE: Final = 1 << MAX_LEVEL
_POS_BITS: Final = 2 * MAX_LEVEL + 1
_STEP_BITS: Final = 6
_STEPS: Final = MAX_LEVEL // _STEP_BITS
_STEP_MASK: Final = (1 << _STEP_BITS) - 1
_SWAP: Final = 1
_INVERT: Final = 2
# Points are worked off in blocks whose temporaries stay in the processor's cache: 2 to 3 times faster.
_BLOCK: Final = 1 << 13


def _hilbert_tables() -> tuple[Ints, Ints]:
    """Tables of six levels at once: ``(i, j, orientation) -> (position, orientation)`` and back, both packed."""
    pos_to_ij = np.array([[0, 1, 3, 2], [0, 2, 3, 1], [3, 2, 0, 1], [3, 1, 0, 2]])
    pos_to_orientation = np.array([_SWAP, 0, 0, _INVERT | _SWAP])
    start, pos = np.meshgrid(np.arange(4), np.arange(1 << (2 * _STEP_BITS)), indexing="ij")
    i, j, orientation = np.zeros_like(pos), np.zeros_like(pos), start
    for step in reversed(range(_STEP_BITS)):
        quarter = (pos >> (2 * step)) & 3
        ij = pos_to_ij[orientation, quarter]
        i, j = (i << 1) | (ij >> 1), (j << 1) | (ij & 1)
        orientation = orientation ^ pos_to_orientation[quarter]
    packed_ij = (i << _STEP_BITS) | j
    to_pos = np.empty(start.size, np.int64)
    to_ij = np.empty(start.size, np.int64)
    to_pos[(packed_ij << 2) | start] = (pos << 2) | orientation
    to_ij[(pos << 2) | start] = (packed_ij << 2) | orientation
    return to_pos, to_ij


_TO_POS, _TO_IJ = _hilbert_tables()


def cell_ids(lat: ArrayLike, lon: ArrayLike, level: int = MAX_LEVEL) -> Ids:
    """Ids of the cells of ``level`` that contain the points (degrees; the two broadcast).

    Raises:
        ValueError: A coordinate that is not finite, a latitude beyond a pole, or a level outside 0 to 30.

    >>> str(token(cell_ids(48.8584, 2.2945, level=12)))
    '47e66ff'
    """
    _check_level(level)
    lat, lon = np.broadcast_arrays(np.asarray(lat, np.float64), np.asarray(lon, np.float64))
    if not (np.isfinite(lat).all() and np.isfinite(lon).all() and (np.abs(lat) <= 90.0).all()):
        raise ValueError("coordinates must be finite degrees, latitudes within -90 to 90")
    flat_lat, flat_lon = lat.ravel(), lon.ravel()
    ids = np.empty(flat_lat.size, np.uint64)
    for start in range(0, ids.size, _BLOCK):
        block = slice(start, start + _BLOCK)
        ids[block] = _from_face_ij(*_face_ij(flat_lat[block], flat_lon[block]))
    return (ids if level == MAX_LEVEL else _to_level(ids, level)).reshape(lat.shape)


def parent(ids: ArrayLike, level: int) -> Ids:
    """Ids of the ancestors at ``level`` (a cell is its own ancestor at its own level).

    Raises:
        ValueError: An id that is no cell, or a cell coarser than ``level``.
    """
    _check_level(level)
    ids = _checked(ids)
    if (level_of(ids) < level).any():
        raise ValueError(f"a cell coarser than level {level} has no ancestor there")
    return _to_level(ids, level)


def level_of(ids: ArrayLike) -> Ints:
    """Levels of cells, 0 (a face of the cube) to 30 (a leaf); ValueError for an id that is no cell."""
    lsb = _lsb(_checked(ids))
    levels: Ints = MAX_LEVEL - (np.bitwise_count(lsb - np.uint64(1)).astype(np.int64) >> 1)
    return levels


def is_valid(ids: ArrayLike) -> NDArray[np.bool_]:
    """Whether each id is one of a cell: a face below 6 and the closing 1 at an even bit."""
    ids = np.asarray(ids, np.uint64)
    valid: NDArray[np.bool_] = (ids >> np.uint64(_POS_BITS) < 6) & (_lsb(ids) & np.uint64(0x1555555555555555) != 0)
    return valid


def range_min(ids: ArrayLike) -> Ids:
    """Smallest id of any leaf cell inside each cell; ValueError for an id that is no cell."""
    ids = _checked(ids)
    first: Ids = ids - (_lsb(ids) - np.uint64(1))
    return first


def range_max(ids: ArrayLike) -> Ids:
    """Largest id of any leaf cell inside each cell; ValueError for an id that is no cell."""
    ids = _checked(ids)
    last: Ids = ids + (_lsb(ids) - np.uint64(1))
    return last


def children(ids: ArrayLike) -> Ids:
    """The four cells (..., 4) that make up each cell, along the Hilbert curve.

    Raises:
        ValueError: An id that is no cell, or a leaf.
    """
    ids = _checked(ids)
    lsb = _lsb(ids)
    if (lsb == 1).any():
        raise ValueError("a leaf cell has no children")
    first = ids - lsb + (lsb >> np.uint64(2))
    step = lsb >> np.uint64(1)
    four: Ids = np.stack([first + np.uint64(k) * step for k in range(4)], axis=-1)
    return four


def face_cells() -> Ids:
    """The six cells (6,) of level 0 that make up the Earth."""
    return (np.arange(6, dtype=np.uint64) << np.uint64(_POS_BITS)) | np.uint64(1 << (_POS_BITS - 1))


def token(ids: ArrayLike) -> NDArray[np.str_]:
    """Tokens of cells: the id in hexadecimal without its trailing zeros (``"X"`` for id 0).

    >>> str(token(cell_ids(0.0, 0.0, level=0)))
    '1'
    """
    ids = np.asarray(ids, np.uint64)
    digits = np.array(list("0123456789abcdef"))
    nibbles = (ids[..., None] >> np.arange(60, -4, -4, dtype=np.uint64)) & np.uint64(15)
    text = np.ascontiguousarray(digits[nibbles.astype(np.int64)]).view("<U16")[..., 0]
    tokens: NDArray[np.str_] = np.where(ids == 0, "X", np.strings.rstrip(text, "0"))
    return tokens


def from_token(tokens: ArrayLike) -> Ids:
    """Ids of tokens.

    Raises:
        ValueError: Something that is not one to sixteen hexadecimal digits.
    """
    tokens = np.asarray(tokens, np.str_)
    values = []
    for text in tokens.ravel().tolist():
        if not (1 <= len(text) <= 16 and set(text) <= set("0123456789abcdefABCDEF")):
            raise ValueError(f"not a cell's token: {text[:40]!r}")
        values.append(int(text.ljust(16, "0"), 16))
    return np.array(values, np.uint64).reshape(tokens.shape)


def centre(ids: ArrayLike) -> tuple[Floats, Floats]:
    """Latitude and longitude in degrees of the cells' centres (in the projection, as S2 defines them).

    Raises:
        ValueError: An id that is no cell.
    """
    ids = _checked(ids)
    face, i, j, size = _cell_ij(ids)
    u, v = (_st_to_uv((2 * (k & -size) + size) * (0.5 / _SIZE)) for k in (i, j))
    return lat_lon(_xyz(face, u, v))


def corners(ids: ArrayLike) -> Floats:
    """Latitudes and longitudes (..., 4, 2) in degrees of the cells' corners, counter-clockwise.

    Raises:
        ValueError: An id that is no cell.
    """
    return np.stack(lat_lon(_corner_vectors(_checked(ids))), axis=-1)


def area_km2(ids: ArrayLike) -> Floats:
    """Areas of cells in square kilometres, exact on the sphere.

    Two spherical triangles each, by Van Oosterom and Strackee (1983), with the determinant taken over differences so
    that small cells keep their digits.

    Raises:
        ValueError: An id that is no cell.
    """
    raw = _corner_vectors(_checked(ids))
    a, b, c, d = np.moveaxis(raw / np.linalg.norm(raw, axis=-1, keepdims=True), -2, 0)
    steradians = _triangle(a, b, c) + _triangle(a, c, d)
    return steradians * EARTH_RADIUS_KM**2


def neighbours(ids: ArrayLike) -> Ids:
    """The four cells (..., 4) of the same level across each edge: down, right, up, left on the face.

    As s2sphere's: across an edge of the cube those of levels 29 and 30 may lie one leaf, a centimetre, aside.

    Raises:
        ValueError: An id that is no cell.
    """
    return _offset(_checked(ids), ((0, -1), (1, 0), (0, 1), (-1, 0)))


def all_neighbours(ids: ArrayLike) -> Ids:
    """The cells (..., 8) of the same level that touch each cell: the four of ``neighbours``, then four at the corners.

    Only three cells meet at a corner of the cube; the place of the one that does not exist holds id 0. On the
    coarsest two levels the same cell can come more than once.

    Raises:
        ValueError: An id that is no cell.
    """
    return _offset(_checked(ids), ((0, -1), (1, 0), (0, 1), (-1, 0), (-1, -1), (1, -1), (1, 1), (-1, 1)))


def _check_level(level: int) -> None:
    if not 0 <= level <= MAX_LEVEL:
        raise ValueError(f"S2 has the levels 0 to {MAX_LEVEL}, not {level}")


def _checked(ids: ArrayLike) -> Ids:
    ids = np.asarray(ids, np.uint64)
    valid = is_valid(ids)
    if not valid.all():
        raise ValueError(f"not an S2 cell: {int(ids[~valid].ravel()[0]):#018x}")
    return ids


def _lsb(ids: Ids) -> Ids:
    # On a single 0 numpy warns of the overflow that is meant.
    with np.errstate(over="ignore"):
        return ids & (~ids + np.uint64(1))


def _to_level(ids: Ids, level: int) -> Ids:
    lsb = 1 << (2 * (MAX_LEVEL - level))
    return (ids & np.uint64((1 << 64) - lsb)) | np.uint64(lsb)


def _face_ij(lat: Floats, lon: Floats) -> tuple[Ints, Ints, Ints]:
    """Face and leaf coordinates of points (n,), exactly as S2 computes them from degrees."""
    # numpy's own sin and cos differ from the C library's in the last bit on some processors, which moves a point on a
    # cell's edge to its neighbour. The complex exponential goes to the C library's sincos everywhere.
    phi, lam = np.exp(1j * np.radians(lat)), np.exp(1j * np.radians(lon))
    x, y, z = lam.real * phi.real, lam.imag * phi.real, phi.imag
    ax, ay, az = np.abs(x), np.abs(y), np.abs(z)
    on_x = (ax > ay) & (ax > az)
    on_y = ~on_x & (ay > az) & (ay >= ax)
    main = np.where(on_x, x, np.where(on_y, y, z))
    far = main < 0
    # Faces 0 to 2 look along +x, +y, +z, faces 3 to 5 the opposite way, with u and v exchanged.
    first, second = np.where(on_x, y, -x), np.where(on_x | on_y, z, -y)
    u, v = np.where(far, second, first) / main, np.where(far, first, second) / main
    face = 2 - 2 * on_x.astype(np.int64) - on_y + 3 * far
    return face, _st_to_ij(_uv_to_st(u)), _st_to_ij(_uv_to_st(v))


def _uv_to_st(u: Floats) -> Floats:
    half = np.abs(u)
    half *= 3.0
    half += 1.0
    np.sqrt(half, out=half)
    half *= 0.5
    return np.where(u >= 0, half, 1.0 - half)


def _st_to_uv(s: ArrayLike) -> Floats:
    s = np.asarray(s, np.float64)
    uv: Floats = np.where(s >= 0.5, (1.0 / 3.0) * (4 * s * s - 1), (1.0 / 3.0) * (1 - 4 * (1 - s) * (1 - s)))
    return uv


def _st_to_ij(s: Floats) -> Ints:
    # s lies in [0, 1], so that truncation is the floor and only s = 1 lies beyond the last leaf.
    return np.minimum((s * _SIZE).astype(np.int64), _SIZE - 1)


def _from_face_ij(face: Ints, i: Ints, j: Ints) -> Ids:
    bits = face & _SWAP
    ids = face << (_POS_BITS - 1)
    for step in reversed(range(_STEPS)):
        shift = step * _STEP_BITS
        key = ((i >> shift) & _STEP_MASK) << (_STEP_BITS + 2)
        key |= ((j >> shift) & _STEP_MASK) << 2
        key |= bits
        packed = _TO_POS.take(key, mode="clip")
        bits = packed & 3
        packed >>= 2
        packed <<= 2 * shift
        ids |= packed
    # The shift runs over the sign of int64, so it is done on the same bits as uint64.
    leaves: Ids = (ids.view(np.uint64) << np.uint64(1)) | np.uint64(1)
    return leaves


def _cell_ij(ids: Ids) -> tuple[Ints, Ints, Ints, Ints]:
    """Face, leaf coordinates i and j next to the centre, and size in leaves of each cell."""
    face = (ids >> np.uint64(_POS_BITS)).astype(np.int64)
    positions = (ids >> np.uint64(1)).astype(np.int64)
    bits = face & _SWAP
    i, j = np.zeros_like(face), np.zeros_like(face)
    for step in reversed(range(_STEPS)):
        packed = _TO_IJ[(((positions >> (2 * step * _STEP_BITS)) & 0xFFF) << 2) | bits]
        i = (i << _STEP_BITS) | (packed >> (_STEP_BITS + 2))
        j = (j << _STEP_BITS) | ((packed >> 2) & _STEP_MASK)
        bits = packed & 3
    size = np.int64(1) << (MAX_LEVEL - level_of(ids))
    return face, i, j, size


def _xyz(face: Ints, u: Floats, v: Floats) -> Floats:
    """Vectors (..., 3), not of unit length, of points (u, v) on the faces."""
    one = np.ones_like(u)
    faces = [face == k for k in range(5)]
    x = np.select(faces, [one, -u, -u, -one, v], v)
    y = np.select(faces, [u, one, -v, -v, -one], u)
    z = np.select(faces, [v, v, one, -u, -u], -one)
    return np.stack([x, y, z], axis=-1)


def _corner_vectors(ids: Ids) -> Floats:
    face, i, j, size = _cell_ij(ids)
    low_i, low_j = i & -size, j & -size
    u0, u1 = (_st_to_uv(k * (1.0 / _SIZE)) for k in (low_i, low_i + size))
    v0, v1 = (_st_to_uv(k * (1.0 / _SIZE)) for k in (low_j, low_j + size))
    return np.stack([_xyz(face, u, v) for u, v in ((u0, v0), (u1, v0), (u1, v1), (u0, v1))], axis=-2)


def _triangle(a: Floats, b: Floats, c: Floats) -> Floats:
    determinant = np.sum(a * np.cross(b - a, c - a), axis=-1)
    cosines = 1.0 + np.sum(a * b, axis=-1) + np.sum(b * c, axis=-1) + np.sum(c * a, axis=-1)
    excess: Floats = 2.0 * np.arctan2(np.abs(determinant), cosines)
    return excess


def _offset(ids: Ids, steps: tuple[tuple[int, int], ...]) -> Ids:
    """Cells (..., len(steps)) that lie the given numbers of cells away; 0 for those across two edges of a face."""
    # From the leaf next to the centre, as S2 does: around the cube's edges rounding may miss by a leaf.
    face, i, j, size = _cell_ij(ids)
    di, dj = np.array(steps, np.int64).T
    ni, nj = i[..., None] + di * size[..., None], j[..., None] + dj * size[..., None]
    outside_i, outside_j = (ni < 0) | (ni >= _SIZE), (nj < 0) | (nj >= _SIZE)
    shape = ni.shape
    on_face, on_i, on_j = _wrap(np.broadcast_to(face[..., None], shape).ravel(), ni.ravel(), nj.ravel())
    lsb = np.broadcast_to(_lsb(ids)[..., None], shape).ravel()
    found = (_from_face_ij(on_face, on_i, on_j) & (~lsb + np.uint64(1))) | lsb
    return np.where(outside_i & outside_j, np.uint64(0), found.reshape(shape))


def _wrap(face: Ints, i: Ints, j: Ints) -> tuple[Ints, Ints, Ints]:
    """Leaf coordinates just beyond a face's edge, on the face that lies there; others unchanged."""
    out = np.flatnonzero((i < 0) | (i >= _SIZE) | (j < 0) | (j >= _SIZE))
    face, i, j = face.copy(), i.copy(), j.copy()
    if out.size:
        # One leaf beyond the edge, in the linear projection: exact, and enough to find the leaf next door (as in S2).
        u, v = (((2 * np.clip(k[out], -1, _SIZE) + 1 - _SIZE) / _SIZE).astype(np.float64) for k in (i, j))
        vectors = _xyz(face[out], u, v)
        axis = np.argmax(np.abs(vectors), axis=-1)
        main = np.take_along_axis(vectors, axis[:, None], axis=-1)[:, 0]
        x, y, z = vectors.T
        new_face = axis + np.where(main < 0, 3, 0)
        faces = [new_face == k for k in range(5)]
        u = np.select(faces, [y, -x, -x, z, z], -y) / main
        v = np.select(faces, [z, z, -y, y, -x], -x) / main
        face[out], i[out], j[out] = new_face, _st_to_ij(0.5 * (u + 1.0)), _st_to_ij(0.5 * (v + 1.0))
    return face, i, j
