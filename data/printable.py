r"""Text of strangers, made safe to show: names of files and what was read in a photo reach terminals and files.

A terminal obeys escape sequences, a carriage return or a backspace hides what stands before it, and an override of the
writing direction makes ``gpj.exe`` look like ``exe.jpg``. So what is shown says ``\x1b`` instead of sending it.
"""

from __future__ import annotations

import re

__all__ = ["encodable", "printable"]

# Controls; separators of lines and paragraphs; marks, embeddings, overrides and isolates of the writing direction;
# characters that take no room, annotate or tag; halves of surrogate pairs. The joiners U+200C and U+200D stay: Persian,
# the scripts of India and emoji are spelled with them.
_STEERING = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\ud800-\udfff\U000e0000-\U000e007f]"
)


def printable(text: str) -> str:
    r"""``text`` in one line without a character that steers what shows it; such are escaped as Python writes them.

    The result can be encoded in UTF-8, also where ``text`` is the name of a file that is not UTF-8. What is harmless
    stays as it is, in every script; so does a backslash, which makes this a text to read and not to parse.

    >>> print(printable("a\x1b[2J\r\nb\u202egpj.exe"), printable("Café 東京 مقهى.jpg"))
    a\x1b[2J\r\nb\u202egpj.exe Café 東京 مقهى.jpg
    """
    return _STEERING.sub(lambda match: match[0].encode("unicode_escape").decode("ascii"), text)


def encodable(text: str) -> str:
    r"""``text`` as UTF-8 can hold it: halves of surrogate pairs are escaped, all else stays.

    Python reads bytes of a file's name that are no UTF-8 as such halves, which few readers of JSON take.

    >>> print(encodable("caf\udce9\n.jpg") == "caf\\udce9\n.jpg")
    True
    """
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
