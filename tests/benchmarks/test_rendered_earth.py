"""The table of ways of training on the rendered Earth: what it says of what is known."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from backbone.planet import PlanetPrior
from backbone.planet_weights import read_card
from benchmarks.earth_photos import SceneSet
from benchmarks.earth_world import World
from benchmarks.rendered_earth import fine_alone, main, reduced_world, row_of


@pytest.fixture(scope="module")
def world() -> World:
    return reduced_world()


def number(row: dict[str, object], column: str) -> float:
    value = row[column]
    assert isinstance(value, float)
    return value


def test_the_reduced_world_has_some_two_thousand_cells_in_three_levels(world: World) -> None:
    assert [len(world.partition.at(level)) for level in world.partition.levels] == [1946, 437, 103]
    assert reduced_world().partition == world.partition, "the same wherever it is built"


def test_the_optimum_misses_nothing_and_the_density_much(world: World) -> None:
    test = SceneSet.draw(world, 300, 5, size=32)
    optimum, density = row_of(world, test, "optimum", None), row_of(world, test, "density", None)
    assert abs(number(optimum, "kl")) < 1e-5 < 3.0 < number(density, "kl")
    difference = number(density, "nll") - number(optimum, "nll")
    assert difference == pytest.approx(number(density, "kl"), abs=0.5), "what is missing, by chance and exactly"
    assert abs(number(optimum, "inside_50") - 0.5) < 0.1 and abs(number(optimum, "inside_90") - 0.9) < 0.06


def test_the_command_trains_what_is_missing_and_prints_a_row_for_each_way(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ask = [str(tmp_path), "--scenes", "128", "--seeds", "1", "--tests", "60", "--ways", "hierarchy f*"]
    main([*ask, "--csv", str(tmp_path / "rows.csv")])
    said = capsys.readouterr().out
    assert "hierarchy f*, seed 0" in said and "hierarchy f*: its fine level alone" in said
    with (tmp_path / "rows.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["way"] for row in rows] == ["optimum", "density", "hierarchy f*", "hierarchy f*: its fine level alone"]
    assert all(float(row["nll"]) > float(rows[0]["nll"]) for row in rows[1:])
    main(ask)
    assert "seed 0:" not in capsys.readouterr().out, "what is there already is not trained again"


def test_the_fine_level_alone_is_the_same_network_without_the_others(tmp_path: Path, world: World) -> None:
    main([str(tmp_path), "--scenes", "128", "--seeds", "1", "--part", "0/2", "--ways", "hierarchy f*"])
    [folder] = tmp_path.iterdir()
    alone = PlanetPrior(fine_alone(world, folder))
    scenes = SceneSet.draw(world, 3, 1)
    [whole] = PlanetPrior(folder / "model").predict([scenes.pixels(0)])
    [fine] = alone.predict([scenes.pixels(0)])
    assert read_card(folder / "fine").config["levels"] == ["fine"]
    assert whole.embedding is not None and fine.embedding is not None
    np.testing.assert_allclose(whole.embedding, fine.embedding, rtol=1e-4, atol=1e-5)
    assert not np.array_equal(whole.distribution.p, fine.distribution.p)
