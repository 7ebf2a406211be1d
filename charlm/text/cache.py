"""The ids of large texts, kept in files: mapped into memory, and found again by what they were made from.

An entry is KEY.ids, the ids as they are in memory, and KEY.json, which is written after it and tells the
type, the number and a checksum. A damaged entry is no entry. ``rm -r ~/.cache/charlm/texts`` clears all.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from charlm.files import TEMPORARY_GLOB, cache_folder, replacing
from charlm.text.sources import PIECE
from charlm.text.vocab import Ids

LIMIT = 8 << 30
"""Bytes that all entries may take; those not used for the longest time go first."""
OWN = 0o600
"""The permissions of an entry: a text may be private."""
_DAY = 24 * 3600


def find(key: str) -> tuple[dict[str, Any], Ids] | None:
    """Return what was kept under a key, the ids mapped into memory; None if there is nothing whole."""
    folder = cache_folder("texts")
    if folder is None:
        return None
    ids, about = folder / f"{key}.ids", folder / f"{key}.json"
    try:
        kept = json.loads(about.read_bytes())
        mapped = np.memmap(ids, dtype=kept["dtype"], mode="r")
        if len(mapped) != kept["count"] or _checksum(ids) != kept["crc32"]:
            return None
        os.utime(about)
        return kept["about"], np.asarray(mapped)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def keep(key: str, about: dict[str, Any], pieces: Iterable[Ids], dtype: Any) -> Ids | None:
    """Write ids piece by piece and return them mapped into memory; None if they cannot be written.

    Args:
        key: what they can be found by.
        about: plain data, to be returned with them.
        pieces: the ids, one piece at least.
        dtype: their type.
    """
    folder = cache_folder("texts")
    if folder is None:
        return None
    ids = folder / f"{key}.ids"
    try:
        _make_room(folder)
        crc = count = 0
        with replacing(ids, OWN) as file:
            for piece in pieces:
                data = piece.astype(dtype).tobytes()
                crc, count = zlib.crc32(data, crc), count + len(piece)
                file.write(data)
        entry = {"dtype": np.dtype(dtype).str, "count": count, "crc32": crc, "about": about}
        with replacing(folder / f"{key}.json", OWN) as file:
            file.write(json.dumps(entry).encode())
        return np.asarray(np.memmap(ids, dtype=dtype, mode="r"))
    except OSError:
        return None


def _checksum(path: Path) -> int:
    crc = 0
    with path.open("rb", buffering=0) as file:
        while piece := file.read(PIECE):
            crc = zlib.crc32(piece, crc)
    return crc


def _make_room(folder: Path) -> None:
    """Remove what is left of killed processes, and the entries unused for the longest time above ``LIMIT``."""
    for temporary in folder.glob(TEMPORARY_GLOB):
        with contextlib.suppress(OSError):
            if temporary.stat().st_mtime < time.time() - _DAY:
                temporary.unlink()
    used = 0
    entries = {path: path.stat().st_mtime for path in folder.glob("*.json")}
    for about in sorted(entries, key=entries.__getitem__, reverse=True):
        ids = about.with_suffix(".ids")
        used += ids.stat().st_size if ids.exists() else 0
        if used > LIMIT:
            about.unlink(missing_ok=True)
            ids.unlink(missing_ok=True)
