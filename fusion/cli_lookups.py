"""``whence locate --web``: look-ups on a network, what would be asked, and tapes of what was."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from data.errors import RequestError, WhenceError
from data.printable import printable
from fusion.cli_arguments import path_argument

if TYPE_CHECKING:
    from fusion.answer import Answer
    from fusion.locator import Locator
    from fusion.tape import Tape

__all__ = ["add_lookups", "print_plan", "tape_of", "warn_of_failures"]


def add_lookups(parser: argparse.ArgumentParser, *, dry_run: bool = True) -> None:
    """Add ``--web``, ``--contact``, ``--record``, ``--replay`` and, where wanted, ``--dry-run``."""
    parser.add_argument(
        "--web", metavar="NAMES", help="services to ask about what was read, with commas between: "
        "nominatim, overpass, searxng=URL; each may have =URL, a server of your own. Never asked: plates, phone "
        "numbers, e-mail addresses, persons' names, the picture",
    )  # fmt: skip
    parser.add_argument(
        "--contact", metavar="EMAIL_OR_URL", help="how the people of a public service can reach you, which they demand "
        "(also: WHENCE_CONTACT)",
    )  # fmt: skip
    if dry_run:
        parser.add_argument(
            "--dry-run", action="store_true", help="print what would be asked, and of whom, and ask nothing; with --web"
        )
    else:
        parser.set_defaults(dry_run=False)
    tape = parser.add_mutually_exclusive_group()
    tape.add_argument("--record", type=path_argument, metavar="FILE", help="write what services answer to FILE")
    tape.add_argument(
        "--replay", type=path_argument, metavar="FILE", help="answer from FILE what was recorded there; opens no "
        "connection"
    )  # fmt: skip


def tape_of(args: argparse.Namespace) -> Tape | None:
    """The tape that ``--record`` or ``--replay`` names, an empty one to replay for a dry run, or None.

    Raises:
        RequestError: It cannot be written or read, or no service is named.
        DatasetError: It is no tape.
    """
    path: Path | None = args.record or args.replay
    if args.web == "":  # as of a variable that is not set: quietly asking nobody is not what was meant
        raise RequestError("--web names no look-up service: name some, or leave it out")
    if (path is not None or args.dry_run) and not args.web:
        option = "--dry-run" if path is None else "--record" if args.record else "--replay"
        raise RequestError(f"{option} goes with --web NAMES: the services that are asked")
    if path is None and not args.dry_run:
        return None
    from fusion.tape import Tape

    if path is None or args.dry_run:
        return Tape(Path("dry run"), {})  # nothing is on it, and with a tape to replay nothing can be sent
    return Tape.record(path) if args.record else Tape.replay(path)


def print_plan(
    locator: Locator, photos: Sequence[Path], within: str | None, exclude: list[str] | None, *, as_json: bool
) -> int:
    """Print what would be asked about each photo; returns the exit code."""
    from fusion.answer import Failure

    failed = 0
    for photo in photos:
        try:
            planned = locator.plan(photo, within=within, exclude=None if exclude is None else ",".join(exclude))
        except WhenceError as error:
            failed += 1
            if as_json:
                print(Failure(str(photo), error).to_json())
            else:
                print(f"whence: {printable(str(error))}", file=sys.stderr)
            continue
        rows = [
            {
                "service": one.service,
                "query": one.query.text,
                "kind": one.query.kind,
                "url": one.request.url,
                "parameters": dict(one.request.params) | dict(one.request.form or {}),
            }
            for one in planned
        ]
        if as_json:
            print(json.dumps({"file": printable(str(photo)), "planned": rows}))
            continue
        print(printable(str(photo)))
        if not rows:
            print("  nothing would be asked")
        for row in rows:
            print(printable(f"  {row['service']}: {row['kind']} '{row['query']}'"))
            print(printable(f"    {row['url']} {json.dumps(row['parameters'], ensure_ascii=False)}"))
    if not as_json:
        print(
            "nothing was asked; a service is asked only where those before it find nothing, and none once the answer "
            "is settled",
            file=sys.stderr,
        )
    return 2 if failed else 0


def warn_of_failures(answer: Answer) -> None:
    """Say on stderr which look-ups failed: the answer came without them."""
    for failed in dict.fromkeys(row["failed"] for row in answer.lookups if row.get("failed")):
        print(printable(f"whence: a look-up failed, the answer comes without it: {failed}"), file=sys.stderr)
