"""``whence weights check``: a prior's true weights told from others, and its sureness fitted on labelled photos."""

from __future__ import annotations

import argparse
import json
import sys
from typing import TYPE_CHECKING, Any

from data.errors import RequestError
from data.printable import encodable, printable
from fusion.cli_arguments import Commands

if TYPE_CHECKING:
    from backbone.base import Prior
    from backbone.checked import Check, Proof

__all__ = ["add_check", "described_check", "row_of_check"]

_MARKS = {True: "ok", False: "WRONG", None: "told"}
_SHOWN = (
    "held_out_nll", "held_out_median_km", "held_out_geoscore", "held_out_density_geoscore", "held_out_gain",
    "held_out_gain_low", "held_out_within_25_km", "held_out_within_750_km", "held_out_within_2500_km",
    "held_out_inside_half_radius", "held_out_covered",
)  # fmt: skip


def add_check(actions: Commands) -> None:
    """Add ``check`` to the actions of ``whence weights``."""
    check = actions.add_parser(
        "check",
        help="load a prior's weights, tell true ones from others, fit its sureness; exit code 2 where they are wrong",
        description="Loads a prior's weights, fetches them where they are not at hand, and tries what true ones do and "
        "others do not. With labelled photos, on which it was not trained, its worth is measured beside the density "
        "prior's and kept; the sureness of geoclip, clip and pixels is fitted besides, for them to use from then on.",
    )
    check.add_argument("prior", metavar="NAME", help="as for --prior: geoclip, clip, planet:NAME, ...")
    check.add_argument(
        "--photos", metavar="SET", help="labelled photos: a folder with labels.csv, shards, OSV-5M or MP-16"
    )
    check.add_argument("--labels", metavar="CSV", help="a table with names, latitudes and longitudes for them")
    check.add_argument("--missing", choices=("refuse", "skip"), default="refuse", help="photos without a place")
    check.add_argument("--device", default="cpu", metavar="NAME", help="cpu, cuda or cuda:NUMBER (default: cpu)")
    check.add_argument("--offline", action="store_true", help="fetch nothing")
    check.add_argument("--json", action="store_true", help="one JSON object on stdout, nothing else there")
    check.set_defaults(run=_check)


def _check(args: argparse.Namespace) -> int:
    from backbone.checked import write_check
    from backbone.checked_figures import checked_on
    from backbone.checked_proofs import proofs_of
    from backbone.devices import check_device
    from backbone.priors import make_prior
    from data.images import load
    from data.photo_sets import open_photo_set
    from fusion.demo import sample_photo

    if args.labels and not args.photos:
        raise RequestError("--labels are for --photos: give both")
    check_device(args.device)  # before gigabytes are fetched
    photos = None if args.photos is None else open_photo_set(args.photos, labels=args.labels, missing=args.missing)
    prior = make_prior(args.prior, offline=args.offline)
    proofs = proofs_of(prior, load(sample_photo()).pixels, device=args.device)
    sound = all(proof.holds is not False for proof in proofs)
    if not args.json:
        print(_described(prior, proofs))
    check = None
    if photos is not None and sound:
        print(printable(f"none of these photos may be among: {prior.card.trained_on}"), file=sys.stderr)
        check = checked_on(prior, photos, device=args.device, on_photo=_tell)
        write_check(check)
        if not args.json:
            print(described_check(check))
    if args.json:
        print(json.dumps(_row(prior, proofs, check)))
    if not sound:
        said = "nothing was measured" if photos is not None else "what it says means little"
        print(printable(f"whence: {prior.name}: these are not its true weights: {said}"), file=sys.stderr)
    return 0 if sound else 2


def described_check(check: Check) -> str:
    """A check for a person, in lines."""
    lines = {
        "photos": check.photos or "none",
        "temperature": f"{check.temperature:.3g}",
        "measured": "; ".join(f"{name}: {check.figures[name]:,.6g}" for name in _SHOWN if name in check.figures),
        "weights": check.sha256,
    }
    return "\n".join([printable(f"{check.name} (checked)"), *(f"  {a:<12}{printable(b)}" for a, b in lines.items())])


def row_of_check(check: Check) -> dict[str, Any]:
    """A check as JSON has it."""
    from dataclasses import asdict

    return {key: encodable(value) if isinstance(value, str) else value for key, value in asdict(check).items()}


def _described(prior: Prior, proofs: list[Proof]) -> str:
    card = prior.card
    lines = [
        printable(f"{prior.name}: {card.summary}"),
        f"  licence     {printable(card.licence)}",
        f"  trained on  {printable(card.trained_on)}",
        f"  weights     {card.sha256 or 'none'}",
    ]
    return "\n".join(lines + [printable(f"  {_MARKS[proof.holds]:<5} {proof.what}: {proof.said}") for proof in proofs])


def _row(prior: Prior, proofs: list[Proof], check: Check | None) -> dict[str, Any]:
    return {
        "prior": encodable(prior.name),
        "licence": prior.card.licence,
        "sha256": prior.card.sha256,
        "proofs": [{"what": each.what, "said": encodable(each.said), "holds": each.holds} for each in proofs],
        "check": None if check is None else row_of_check(check),
    }


def _tell(done: int, of: int) -> None:
    if done % 50 == 0 or done == of:
        print(f"{done} of {of} photos", file=sys.stderr)
