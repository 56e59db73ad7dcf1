"""What an answer owes to look-ups, in words: what was asked of whom, what failed, and whose data the maps are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from data.printable import printable

if TYPE_CHECKING:
    from fusion.answer import Answer

__all__ = ["lookup_lines"]

_SHOWN = 6


def lookup_lines(answer: Answer) -> list[str]:
    """A line for what was asked of each service, one for each failure, and one for whose map data the answer has."""
    lines = []
    for service in dict.fromkeys(row["service"] for row in answer.lookups):
        rows = [row for row in answer.lookups if row["service"] == service and not row["failed"]]
        asked = [f"'{row['query']}' ({row['found'] or 'nothing'} found)" for row in rows[:_SHOWN]]
        more = f" and {len(rows) - _SHOWN} more" if len(rows) > _SHOWN else ""
        if asked:
            lines.append(printable(f"asked {service}: {', '.join(asked)}{more}"))
    failed = dict.fromkeys(row["failed"] for row in answer.lookups if row["failed"])
    lines += [printable(f"not answered: {reason}") for reason in failed]
    if answer.attributions:
        lines.append(printable(f"map data: {'; '.join(answer.attributions)}"))
    return lines
