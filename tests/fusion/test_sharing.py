"""Who has which characters."""

from __future__ import annotations

from fusion.sharing import shares_of, spans_of


def kept(holder: str, kind: str) -> float:
    return 0.0 if holder == kind else 0.5 if holder == "wording" else 1.0


def shared(*clues: tuple[str, tuple[str, ...]]) -> tuple[dict[int, float], dict[int, list[tuple[int, float]]]]:
    spans, kinds = [spans_of(sources) for _, sources in clues], [kind for kind, _ in clues]
    shares = shares_of(range(len(clues)), spans, kinds, kept)
    return dict(shares.free), {k: list(v) for k, v in shares.nested.items()}


def test_a_source_is_a_reading_or_characters_of_it() -> None:
    assert spans_of(["r1:2-5", "r2"]) == [("r1", 2, 5), ("r2", 0, 1 << 30)]


def test_what_touches_does_not_overlap() -> None:
    assert shared(("place", ("r1:0-5",)), ("language", ("r1:5-9",))) == ({0: 1.0, 1: 1.0}, {})


def test_a_later_clue_is_nested_in_the_last_holder_by_shares() -> None:
    free, nested = shared(
        ("direction", ("r1:0-5", "r2:0-5")),
        ("place", ("r1:0-5",)),
        ("language", ("r1:0-5", "r2:0-5", "r3:0-4", "r4:0-4")),
    )
    assert free == {0: 1.0, 1: 0.0, 2: 0.5}
    assert nested == {0: [(1, 1.0), (2, 0.25)], 1: [(2, 0.25)]}


def test_the_same_kind_says_it_only_once() -> None:
    assert shared(("place", ("r1",)), ("place", ("r1",))) == ({0: 1.0, 1: 0.0}, {})


def test_what_comes_after_a_repeated_clue_finds_the_first_holder() -> None:
    assert shared(("place", ("r1",)), ("place", ("r1",)), ("language", ("r1",))) == (
        {0: 1.0, 1: 0.0, 2: 0.0},
        {0: [(2, 1.0)]},
    )


def test_kinds_that_know_the_language_keep_less_of_it() -> None:
    assert shared(("wording", ("r1",)), ("language", ("r1", "r2")))[1] == {0: [(1, 0.25)]}


def test_a_clue_without_sources_is_whole() -> None:
    assert shared(("place", ())) == ({0: 1.0}, {})
