"""Put on PYTHONPATH, it refuses every internet connection of a Python process and notes it in $WHENCE_CI_ATTEMPTS."""

import os
import sys
from pathlib import Path

_LOOK_UPS = ("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr")
_SENDS = ("socket.connect", "socket.sendto", "socket.sendmsg")  # their last argument is the address


def _refuse(event, args):
    # An internet address is a tuple; a path or None stays on the machine.
    if event in _LOOK_UPS or (event in _SENDS and isinstance(args[-1], tuple)):
        with Path(os.environ["WHENCE_CI_ATTEMPTS"]).open("a", encoding="utf-8") as notes:
            notes.write(f"{event} {args!r}\n")
        raise OSError(f"{event}: no network here")


sys.addaudithook(_refuse)
