"""From a text to ids: one pass counts its characters, another numbers them. The ids of a large text are cached."""

from __future__ import annotations

import contextlib
import hashlib
import unicodedata
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import attrs
import numpy as np

from charlm import progress
from charlm.config.rules import all_of, whole
from charlm.config.schema import BYTES, DataConfig
from charlm.config.stored import made, stored
from charlm.errors import StoredError, TextError
from charlm.text import cache
from charlm.text.reading import NONE, Facts, Files, Readable, no_text
from charlm.text.sources import PIECE
from charlm.text.vocab import END, EOD, EOS, Ids, Position, Vocab
from charlm.wording import counted

SMALL = 16 << 20
"""A text of fewer bytes is encoded again each time, in less than a second, and kept in memory."""

_LAYOUT = 1
"""Part of a cache key; it is increased when the same text and settings give other ids or facts."""


@dataclass(frozen=True)
class Encoded:
    """A text as ids.

    Attributes:
        vocab: the symbols.
        ids: one for each character, mapped from a file if the text is large.
        counts: how often each code point (or byte value) occurs in the text.
        facts: other facts about the text.
    """

    vocab: Vocab
    ids: Ids
    counts: dict[int, int]
    facts: Facts


@attrs.frozen(kw_only=True)
class Kept:
    """The cached description of some ids: ``Encoded.counts`` in two lists, from which the symbols follow, and facts."""

    points: list[int] = stored(all_of(whole(0, 0x10FFFF)))
    counts: list[int] = stored(all_of(whole(1)))
    facts: Facts


def encode(text: Readable, data: DataConfig, vocab: Vocab | None = None) -> Encoded:
    """Return the ids of a text.

    Args:
        text: the text.
        data: the alphabet or the minimum count of a symbol, and whether a newline is ``EOS``.
        vocab: the symbols, if they come from another text.

    Raises:
        TextError: the text cannot be read, is empty, or has a character that is not a symbol.
    """
    with _reading(text):
        return _encode(text, data, vocab)


def _reading(text: Readable) -> AbstractContextManager[None]:
    """Report the progress of reading files: their bytes are read three times."""
    size = None
    if isinstance(text, Files):
        with contextlib.suppress(OSError):  # reading the file will report the error
            size = 3 * sum(source.path.stat().st_size for source in text.sources)
    return contextlib.nullcontext() if size is None else progress.task("reading", size)


def _encode(text: Readable, data: DataConfig, vocab: Vocab | None) -> Encoded:
    facts = text.digest()
    key = _key(facts, data, vocab) if sum(facts.sizes) >= SMALL else ""
    if key and (kept := cache.find(key)):
        cached = _cached(*kept, facts, data, vocab)
        if cached is not None:
            return cached
    counts = _counted(text, facts)
    size = sum(counts.values())
    if isinstance(text, Files) and _is_blank(counts, data.encoding):
        raise no_text([source.name for source in text.sources], empty=not counts)
    if vocab is None:
        vocab = _vocab(counts, data)
    pieces = _numbered(text, vocab, data.framing == "lines", facts)
    dtype = np.min_scalar_type(len(vocab) - 1)
    ids: Ids | None = None
    if key:
        about = Kept(points=list(counts), counts=list(counts.values()), facts=facts)
        ids = cache.keep(key, attrs.asdict(about), pieces, dtype, size)
    if ids is None:
        pieces = _numbered(text, vocab, data.framing == "lines", facts)
        ids = _gathered(pieces, size, dtype)
    return Encoded(vocab, ids, _characters(counts), facts)


def _cached(
    about: dict[str, Any], ids: Ids, facts: Facts, data: DataConfig, vocab: Vocab | None
) -> Encoded | None:
    """Return a cached text; None if the entry belongs to another text or is damaged."""
    try:
        kept = made(Kept, about, "kept")
        counts = dict(zip(kept.points, kept.counts, strict=False))
        vocab = _vocab(counts, data) if vocab is None else vocab
    except (StoredError, TextError):
        return None
    if (
        not len(kept.points) == len(kept.counts) == len(counts)
        or sum(kept.counts) != len(ids)
        or (kept.facts.sha256, kept.facts.sizes) != (facts.sha256, facts.sizes)
        or ids.dtype != np.min_scalar_type(len(vocab) - 1)
        or int(ids.max()) >= len(vocab)
    ):
        return None
    return Encoded(vocab, ids, _characters(counts), kept.facts)


def counts_of(ids: Ids, size: int) -> Any:
    """Return how often each of ``size`` symbols occurs, without copying all ids to a larger type.

    Example:
        >>> counts_of(np.array([0, 2, 2], np.uint8), 4)
        array([1, 0, 2, 0])
    """
    counts = np.zeros(size, dtype=np.int64)
    for begin in range(0, len(ids), PIECE):
        counts += np.bincount(ids[begin : begin + PIECE], minlength=size)
    return counts


def _counted(text: Readable, facts: Facts) -> dict[int, int]:
    counts = np.zeros(0x110000, dtype=np.int64)
    for points in text.read(facts, None):
        in_piece = np.bincount(points)
        counts[: len(in_piece)] += in_piece
    (present,) = np.nonzero(counts)
    return dict(zip(present.tolist(), counts[present].tolist(), strict=True))


def _characters(counts: dict[int, int]) -> dict[int, int]:
    """Return counts without that of the ends of documents."""
    return {point: count for point, count in counts.items() if point != END}


def _is_blank(counts: dict[int, int], encoding: str) -> bool:
    counts = _characters(counts)
    if encoding == BYTES:
        return not counts or bytes(counts).isspace()
    return all(chr(point).isspace() for point in counts)


def _vocab(counts: dict[int, int], data: DataConfig) -> Vocab:
    ends, end = data.framing != "stream", EOD if data.framing == "documents" else EOS
    if data.encoding == BYTES:
        return Vocab.of_bytes(ends, end)
    alphabet, lines = data.alphabet, data.framing == "lines"
    if alphabet is None:
        counts = _characters(counts)
        own = (chr(p) for p, count in counts.items() if count >= data.min_count)
        alphabet = "".join(c for c in own if not (lines and c == "\n"))
        if not alphabet:
            most = max((count for p, count in counts.items() if chr(p) != "\n"), default=0)
            raise TextError(
                f"no character occurs {data.min_count} times, as data.min_count asks (the most frequent occurs "
                f"{counted(most, 'time')}); set it lower"
            )
    return Vocab.from_alphabet(alphabet, ends, unknown=data.min_count > 1, end=end)


def _numbered(text: Readable, vocab: Vocab, lines: bool, facts: Facts) -> Iterator[Ids]:
    digest = hashlib.sha256()
    place = Position()
    for points in text.read(Facts(), digest):
        yield vocab.encode_points(points, lines=lines, before=place)
        place = place.after(points)
    if digest.hexdigest() != facts.sha256:
        raise TextError("the text was changed while it was read; start again when it is complete")


def _gathered(pieces: Iterator[Ids], count: int, dtype: Any) -> Ids:
    ids = np.empty(count, dtype=dtype)
    end = 0
    for piece in pieces:
        ids[end : end + len(piece)] = piece
        end += len(piece)
    return ids


def _key(facts: Facts, data: DataConfig, vocab: Vocab | None) -> str:
    made_from = [
        _LAYOUT,
        facts.sha256,
        facts.sizes,
        data.encoding,
        data.normalize,
        unicodedata.unidata_version if data.normalize != NONE else "",
        data.alphabet,
        data.min_count,
        data.framing,
        *([data.separator] if data.framing == "documents" else []),
        None if vocab is None else vocab.symbols,
    ]
    return hashlib.sha256(repr(made_from).encode("utf-8", "backslashreplace")).hexdigest()[:32]
