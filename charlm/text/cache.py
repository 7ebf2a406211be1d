"""A cache for the ids of large texts: files that are mapped into memory.

An entry has two files. KEY.ids holds the ids as they are in memory. KEY.json is written after it and holds a
description of the ids and a digest of both. A damaged entry is ignored and made again.
``rm -r ~/.cache/charlm/texts`` clears the cache.
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
"""The maximum bytes of all entries; the least recently used are removed first."""
OWN = 0o600
"""The permissions of an entry: a text may be private."""
MOST = 256 << 20
"""The maximum bytes of a description: some hundred for each Unicode character."""
_DAY = 24 * 3600


def _plain(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise SettingError("expected keys and values")
    return value


@attrs.frozen
class Entry:
    """The content of KEY.json.

    Attributes:
        dtype: the type of the ids, as numpy writes it.
        count: the number of ids.
        about: data of the caller.
        sha256: the digest of these three and of the ids.
    """

    dtype: str = stored(one_of("|u1", "<u2", "<u4", ">u2", ">u4"))
    count: int = stored(whole(1))
    about: dict[str, Any] = stored(_plain)
    sha256: str = stored(line)


def find(key: str) -> tuple[dict[str, Any], Ids] | None:
    """Return the data and the mapped ids under a key; None if there is no undamaged entry."""
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
        key: the name of the entry.
        about: plain data that ``find`` returns with the ids.
        pieces: the ids, in at least one piece.
        dtype: the type of the ids.
        count: the number of ids.
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
    """Return the digest of a description; the ids are to be added."""
    description = [entry.dtype, entry.count, entry.about]
    return hashlib.sha256(json.dumps(description, sort_keys=True).encode())


def _make_room(folder: Path) -> None:
    """Remove files of killed processes, and above ``LIMIT`` the least recently used entries."""
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
