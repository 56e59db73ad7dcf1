"""``whence weights``: the models at hand, listed, checked and added to."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from data.errors import WeightsError
from data.printable import encodable, printable
from fusion.cli_arguments import Commands, path_argument
from fusion.cli_check import add_check, described_check, row_of_check

if TYPE_CHECKING:
    from backbone.weights_store import InstalledWeights

__all__ = ["add_weights"]

# The figures by which `auto` goes.
_FIRST = (
    "held_out_geoscore",
    "held_out_density_geoscore",
    "held_out_gain",
    "held_out_gain_low",
    "held_out_points",
    "covered",
)
_LONGEST = 300  # characters of a value in the list; --json gives all


def add_weights(commands: Commands) -> None:
    """Add ``weights`` and its sub-commands."""
    weights = commands.add_parser(
        "weights",
        help="list, check or add trained models",
        description="A model of PlaNet is a folder with planet.safetensors and planet.json, in $WHENCE_WEIGHTS or the "
        "system's place for a user's data. Listed besides: the prior that ships, mixtures, and CLIP's weights in the "
        "Hugging Face hub's cache, which are others'.",
    )
    actions = weights.add_subparsers(dest="action", required=True, metavar="ACTION")
    shown = actions.add_parser(
        "list", help="the models at hand with data, figures and licence; priors that were checked"
    )
    shown.add_argument("--json", action="store_true", help="one JSON object a line on stdout, nothing else there")
    shown.add_argument(
        "--fetchable", action="store_true", help="also CLIP's that are fetched when asked for, with their licences"
    )
    shown.set_defaults(run=_list)
    verify = actions.add_parser("verify", help="check sha256, tensors and partition; exit code 2 where one is wrong")
    verify.add_argument(
        "models", nargs="*", metavar="NAME", help="or the path of a folder, such as ./NAME; default: all"
    )
    verify.set_defaults(run=_verify)
    add = actions.add_parser("add", help="check a model and copy it to the user's own")
    add.add_argument("folder", type=path_argument, metavar="FOLDER", help="the model's folder, or its planet.json")
    add.add_argument("--name", metavar="NAME", help="what to call it (default: its own name)")
    add.add_argument("--replace", action="store_true", help="put it in the place of one of the same name")
    add.set_defaults(run=_add)
    add_check(actions)


def _list(args: argparse.Namespace) -> int:
    from backbone.checked import kept_checks
    from backbone.weights_store import installed
    from fusion.cli_open_weights import open_weights
    from fusion.cli_own_priors import own_priors

    models, others = installed(), open_weights(fetchable=args.fetchable)
    for model in models:
        print(json.dumps(_row(model)) if args.json else _described(model))
    for own in own_priors():
        print(
            json.dumps(own.row()) if args.json else _told(own.name, "file", own.path, own.shipped, own.fault, own.card)
        )
    for other in others:
        print(json.dumps(other.row()) if args.json else other.described())
    for check in kept_checks():
        print(json.dumps({"checked": row_of_check(check)}) if args.json else described_check(check))
    if not models:
        _say_none()
    return 0


def _verify(args: argparse.Namespace) -> int:
    from backbone.weights_store import installed

    models = args.models or installed()
    wrong = False
    for model in models:
        name = model if isinstance(model, str) else model.name
        findings = _findings(model)
        wrong |= bool(findings)
        for finding in findings:
            print(printable(f"whence: {name}: {finding}"), file=sys.stderr)
        if not findings:
            print(printable(f"{name}: sound"))
    if not models:
        _say_none()
    return 2 if wrong else 0


def _findings(model: str | InstalledWeights) -> list[str]:
    from backbone.weights_store import verify

    if isinstance(model, str):
        try:
            return verify(model)
        except WeightsError as error:  # of that name there is none: the others are looked at all the same
            return [str(error)]
    fault = [model.fault] if model.fault else []
    # Where there is no card there is no more to find; a fault of files that are sound is one of their place.
    return fault if model.card is None else verify(model.folder) or fault


def _add(args: argparse.Namespace) -> int:
    from backbone.weights_store import add

    print(printable(str(add(args.folder, name=args.name, replace=args.replace))))
    return 0


def _say_none() -> None:
    from backbone.weights_store import user_folder

    try:
        folder = user_folder()
        said = f"none is in {folder}{'' if folder.is_dir() else ', which does not exist'}"
    except WeightsError as error:
        said = str(error)
    print(printable(f"no PlaNet is at hand: whence ships none, and {said}"), file=sys.stderr)


def _row(model: InstalledWeights) -> dict[str, Any]:
    from dataclasses import asdict

    return {
        "name": model.name,
        "folder": encodable(str(model.folder)),
        "shipped": model.shipped,
        "fault": model.fault or None,
        "card": None if model.card is None else asdict(model.card),
    }


def _described(model: InstalledWeights) -> str:
    from dataclasses import asdict

    card = None if model.card is None else asdict(model.card)
    return _told(model.name, "folder", model.folder, model.shipped, model.fault, card)


def _told(name: str, kind: str, path: Path, shipped: bool, fault: str, card: Mapping[str, Any] | None) -> str:
    lines = {kind: printable(f"{path}{' (shipped)' if shipped else ''}")}
    if fault:
        lines["FAULT"] = printable(fault)
    if card is not None:
        if "partition_name" in card:
            lines["partition"] = _cut(f"{card['partition_name']} ({card['partition_hash'][:12]})")
        lines |= {
            "trained on": _cut(_listed(card["data"])),
            "measured": _cut(_listed(card["metrics"])),
            "licence": _cut(card["licence"]),
        }
    return "\n".join([name, *(f"  {label:<11}{text}" for label, text in lines.items())])


def _listed(values: Mapping[str, object]) -> str:
    if set(values) == {"trained_on"}:
        return str(values["trained_on"])
    values = {name: values[name] for name in (*_FIRST, *values) if name in values}
    texts = {
        key: f"{value:,.6g}" if isinstance(value, float) else value if isinstance(value, str) else json.dumps(value)
        for key, value in values.items()
    }
    return "; ".join(f"{key}: {text}" for key, text in texts.items()) or "nothing said"


def _cut(text: str) -> str:
    shown = printable(text)
    return shown if len(shown) <= _LONGEST else f"{shown[:_LONGEST]}... (--json gives all)"
