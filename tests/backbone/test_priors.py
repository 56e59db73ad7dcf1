"""What `auto` takes: the prior that ships, one of the user's own that gains more, and what it passes over."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

import backbone.geoclip_files
import backbone.pixels
from backbone import priors
from backbone.checked import Check, write_check
from backbone.mixture_card import MixtureCard, MixtureMember, mixture_path, write_mixture
from backbone.priors import make_prior, measured_priors
from data.errors import WeightsError
from data.partition import load_default

BETTER = {"held_out_gain": 2000.0, "held_out_gain_low": 1800.0, "held_out_points": 500.0, "covered": 0.9}


@pytest.fixture(autouse=True)
def own_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WHENCE_WEIGHTS", str(tmp_path / "weights"))


@pytest.fixture
def geoclip(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], object]], None]:
    """Makes GeoCLIP's weights at hand, opened by what it is given."""

    def opened_by(make: Callable[[], object]) -> None:
        monkeypatch.setattr(backbone.geoclip_files, "geoclip_at_hand", lambda: True)
        monkeypatch.setattr(priors, "_MAKERS", {**priors._MAKERS, "geoclip": lambda which, offline: make()})

    return opened_by


def checked(**changed: float) -> None:
    """Keep a check of GeoCLIP with these figures."""
    write_check(Check("geoclip", "a" * 64, 1.0, BETTER | changed, "photos", "0", "b" * 64))


def mixed(**changed: float) -> Path:
    """Keep a mixture called own with these figures; its file."""
    cells = load_default().hash
    members = tuple(MixtureMember(name, "", cells, False, "CC0") for name in ("density:people", "density:street"))
    card = MixtureCard(
        name="own", members=members, kind="linear", weights=((0.5, 0.5),), gate="", temperature=1.0, data={},
        metrics=BETTER | changed, licence="CC0", created_with="whence 0",
    )  # fmt: skip
    path = mixture_path("own")
    path.parent.mkdir(parents=True, exist_ok=True)
    write_mixture(path, card)
    return path


def test_as_shipped_it_is_pixels_by_its_own_figures() -> None:
    assert make_prior().name == "pixels"
    [(name, figures)] = measured_priors()
    assert name == "pixels" and figures["held_out_gain_low"] > 0.0 and figures["covered"] > 0.5


def test_a_mixture_that_gains_more_is_taken() -> None:
    mixed()
    assert make_prior("auto").name == "mixture:own"
    mixed(held_out_gain=1.0)
    assert make_prior("auto").name == "pixels"


def test_weights_that_were_checked_here_and_gain_more_are_taken(geoclip: Callable[..., None]) -> None:
    geoclip(lambda: SimpleNamespace(name="geoclip"))
    assert make_prior("auto").name == "pixels", "nothing was measured"
    checked(held_out_covered=0.3)
    assert make_prior("auto").name == "geoclip"


@pytest.mark.parametrize(
    "short",
    [{"held_out_covered": 0.1}, {"covered": 0.4}, {"held_out_gain_low": 0.0}, {"held_out_points": 99.0}],
)
def test_what_may_be_worse_or_was_asked_of_one_place_is_not_taken(
    short: dict[str, float], geoclip: Callable[..., None]
) -> None:
    geoclip(lambda: SimpleNamespace(name="geoclip"))
    checked(**short)
    assert make_prior("auto").name == "pixels"


def test_a_check_of_weights_that_are_not_at_hand_counts_for_nothing() -> None:
    checked()
    assert make_prior("auto").name == "pixels"


def test_one_that_cannot_be_opened_is_passed_over_with_a_warning(
    geoclip: Callable[..., None], caplog: pytest.LogCaptureFixture
) -> None:
    def damaged() -> object:
        raise WeightsError("these weights are damaged")

    geoclip(damaged)
    checked()
    assert make_prior("auto").name == "pixels"
    assert "the prior geoclip is passed over: these weights are damaged" in caplog.text


def test_a_mixture_that_cannot_be_read_is_left_out() -> None:
    mixed().write_text("{")
    assert make_prior("auto").name == "pixels"


def test_where_the_prior_that_ships_is_damaged_it_is_density_with_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    damaged = tmp_path / "pixels.safetensors"
    damaged.write_bytes(backbone.pixels.SHIPPED_PATH.read_bytes()[:-1])
    monkeypatch.setattr(backbone.pixels, "SHIPPED_PATH", damaged)
    assert make_prior("auto").name == "density"
    assert "pixels.safetensors" in caplog.text
    with pytest.raises(WeightsError, match=r"pixels\.safetensors"):
        make_prior("pixels")
