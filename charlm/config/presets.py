"""Which bundled config a text gets."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path

from charlm.config.bundled import files_of, is_bundled, located_text, names_text
from charlm.config.lists import is_list

TIMED = ("small", "medium", "large")
"""Bundled configs for a text of the user, for a training of 3, 15 and 60 minutes."""
LISTS = "lists"
PRESETS = (*TIMED, LISTS)
MEDIUM_FROM, LARGE_FROM = 2_000_000, 20_000_000
"""Bytes from which a text gets a larger preset."""


def trains_as_a_preset(source: str | None) -> bool:
    """Tell whether only the model of a config is used with another text.

    >>> trains_as_a_preset("lstm"), trains_as_a_preset("small"), trains_as_a_preset("my.yaml")
    (True, False, False)
    """
    return source is not None and is_bundled(source) and names_text(source)


def needs_text(source: str | None) -> bool:
    """Tell whether a config needs a text: a bundled one that names none does.

    >>> needs_text("small"), needs_text("lstm"), needs_text("my.yaml")
    (True, False, False)
    """
    return source is not None and is_bundled(source) and not names_text(source)


def preset_for(texts: Sequence[str]) -> str:
    """Return the preset for some texts: that for lists, or that for their size.

    >>> preset_for(["fox"])
    'small'
    """
    files = _files(texts)
    if is_list(files):
        return LISTS
    size = size_of(texts)
    return TIMED[(size >= MEDIUM_FROM) + (size >= LARGE_FROM)]


def size_of(texts: Sequence[str]) -> int:
    """Return the bytes of all files of some texts; what cannot be read counts as none."""
    size = 0
    for file in _files(texts):
        with contextlib.suppress(OSError):  # reading it later gives the error
            size += file.stat().st_size if file.is_file() else 0
    return size


def _files(texts: Sequence[str]) -> list[Path]:
    files: list[Path] = []
    for text in texts:
        with contextlib.suppress(OSError):
            files += files_of(Path(located_text(text, Path.cwd())))
    return files
