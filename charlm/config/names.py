"""Names of runs that are safe as folder names in every shell and on every system.

A shell gives names such as ``*`` or ``my novel`` another meaning: ``rm -r runs/*`` deletes every run.
"""

from __future__ import annotations

import os
import re
import unicodedata
from pathlib import Path

from charlm.files import exists, home_expanded

UNNAMED = "text"
"""The name of a run whose text has no name: standard input, a pipe, a text called ``***``."""
LONGEST = 60
"""Characters in a name, of four bytes at most: file systems take 255 bytes, and a number may follow."""

_OTHERS = re.compile(r"[^\w.]+")  # the dash too: several become one
_WILD = re.compile(r"[*?[]")
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\.|$)", re.IGNORECASE)  # devices of Windows


def plain_name(name: str) -> str:
    """Return a name in letters, digits, dots, dashes and underscores that begins with no dot or dash.

    >>> plain_name("my novel (2)"), plain_name(".hidden"), plain_name("*")
    ('my-novel-2', 'hidden', 'text')
    """
    safe = _OTHERS.sub("-", unicodedata.normalize("NFC", name)).lstrip(".-")
    safe = safe[:LONGEST].rstrip(".-") or UNNAMED
    return f"{UNNAMED}-{safe}" if _RESERVED.match(safe) else safe


def name_of(text: str) -> str:
    """Return the name of a run on a text: of its file or folder; of a pattern, what is before the first wild card.

    >>> name_of("novels/old.txt"), name_of("letters/**/*.txt"), name_of("chapter-*.txt")
    ('old', 'letters', 'chapter')
    """
    path = Path(_absolute(text))
    if text == "-" or path.parts[1:2] in (("dev",), ("proc",)):  # such as <(command)
        return UNNAMED
    fixed, *wild = _WILD.split(home_expanded(text), maxsplit=1)
    return plain_name(Path(_absolute(fixed)).name if wild and not exists(path) else path.stem)


def _absolute(path: str) -> str:
    return os.path.abspath(home_expanded(path))  # noqa: PTH100
