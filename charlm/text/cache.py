"""The ids of large texts, kept in files: mapped into memory, and found again by what they were made from.

An entry is KEY.ids, the ids as they are in memory, and KEY.json, which is written after it and holds what is
known of them, and a digest of all that and of the ids. A damaged entry is ignored, and made again.
``rm -r ~/.cache/charlm/texts`` clears all.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import attrs
import numpy as np

from charlm.config.rules import line, one_of, whole
from charlm.config.stored import read_json, stored
from charlm.errors import SettingError, StoredError
from charlm.files import TEMPORARY_GLOB, cache_folder, regular, replacing
from charlm.text.sources import PIECE
from charlm.text.vocab import Ids

LIMIT = 8 << 30
"""Bytes that all entries may take; those not used for the longest time go first."""
OWN = 0o600
"""The permissions of an entry: a text may be private."""
MOST = 256 << 20
"""Bytes of a description: at most some hundred for each of Unicode's characters."""
_DAY = 24 * 3600


def _plain(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise SettingError("expected keys and values")
    return value


@attrs.frozen
class Entry:
    """What KEY.json holds.

    Attributes:
        dtype: the ids' type, as numpy writes it.
        count: how many they are.
        about: the caller's own.
        sha256: of these three and of the ids.
    """

    dtype: str = stored(one_of("|u1", "<u2", "<u4", ">u2", ">u4"))
    count: int = stored(whole(1))
    about: dict[str, Any] = stored(_plain)
    sha256: str = stored(line)


def find(key: str) -> tuple[dict[str, Any], Ids] | None:
    """Return what was kept under a key, the ids mapped into memory; None if there is nothing whole."""
    folder = cache_folder("texts")
    if folder is None:
        return None
    ids, about = folder / f"{key}.ids", folder / f"{key}.json"
    try:
        entry = read_json(Entry, about, MOST)
        with open(ids, "rb", opener=regular) as file:
            if os.fstat(file.fileno()).st_size != entry.count * np.dtype(entry.dtype).itemsize:
                return None
            mapped = np.memmap(file, dtype=entry.dtype, mode="r")
        digest = _digest(entry)
        for begin in range(0, len(mapped), PIECE):
            digest.update(mapped[begin : begin + PIECE].data)
        if digest.hexdigest() != entry.sha256:
            return None
        os.utime(about)
        return entry.about, np.asarray(mapped)
    except (OSError, StoredError):
        return None


def keep(
    key: str, about: dict[str, Any], pieces: Iterable[Ids], dtype: Any, count: int
) -> Ids | None:
    """Write ids piece by piece and return them mapped into memory; None if they cannot be written.

    Args:
        key: what they can be found by.
        about: plain data, to be returned with them.
        pieces: the ids, one piece at least.
        dtype: their type.
        count: how many they are.
    """
    folder = cache_folder("texts")
    if folder is None:
        return None
    ids = folder / f"{key}.ids"
    entry = Entry(np.dtype(dtype).str, count, about, "")
    try:
        _make_room(folder)
        digest = _digest(entry)
        with replacing(ids, OWN) as file:
            for piece in pieces:
                data = piece.astype(dtype).tobytes()
                digest.update(data)
                file.write(data)
        whole_entry = attrs.evolve(entry, sha256=digest.hexdigest())
        with replacing(folder / f"{key}.json", OWN) as file:
            file.write(json.dumps(attrs.asdict(whole_entry, recurse=False)).encode())
        return np.asarray(np.memmap(ids, dtype=dtype, mode="r"))
    except OSError:
        return None


def _digest(entry: Entry) -> hashlib._Hash:
    """Return the digest of what is known of some ids, which they are to follow."""
    known = [entry.dtype, entry.count, entry.about]
    return hashlib.sha256(json.dumps(known, sort_keys=True).encode())


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
