"""A text as ids: read twice, to count its characters and to number them, and kept for the next time if it is large."""

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
from charlm.text.vocab import Ids, Position, Vocab
from charlm.wording import counted

SMALL = 16 << 20
"""A text of fewer bytes is encoded anew each time, which takes less than a second, and stays in memory."""

_LAYOUT = 1
"""Part of a kept text's key: goes up whenever the same text and settings give other ids or facts."""


@dataclass(frozen=True)
class Encoded:
    """A text's ids and what was learned on the way.

    Attributes:
        vocab: the symbols.
        ids: one for each character, mapped from a file where the text is large.
        counts: how often each code point (or byte value) comes in the text.
        facts: what was met in the files.
    """

    vocab: Vocab
    ids: Ids
    counts: dict[int, int]
    facts: Facts


@attrs.frozen(kw_only=True)
class Kept:
    """What is kept of an encoded text beside its ids: ``counts`` in two lists, which tell the symbols, and facts."""

    points: list[int] = stored(all_of(whole(0, 0x10FFFF)))
    counts: list[int] = stored(all_of(whole(1)))
    facts: Facts


def encode(text: Readable, data: DataConfig, vocab: Vocab | None = None) -> Encoded:
    """Number the characters of a text.

    Args:
        text: what is read.
        data: tells the alphabet, or how often a character must come to be a symbol of its own, and whether
            a newline is ``EOS``.
        vocab: the symbols, if they are those of another text.

    Raises:
        TextError: it cannot be read, there is nothing in it, or it has a character that is no symbol.
    """
    with _reading(text):
        return _encode(text, data, vocab)


def _reading(text: Readable) -> AbstractContextManager[None]:
    """Tell how far the reading of files is: their bytes are digested, counted and numbered."""
    size = None
    if isinstance(text, Files):
        with contextlib.suppress(OSError):  # reading the file will say what is wrong with it
            size = 3 * sum(source.path.stat().st_size for source in text.sources)
    return contextlib.nullcontext() if size is None else progress.task("reading", size)


def _encode(text: Readable, data: DataConfig, vocab: Vocab | None) -> Encoded:
    facts = text.digest()
    key = _key(facts, data, vocab) if sum(facts.sizes) >= SMALL else ""
    if key and (kept := cache.find(key)):
        known = _known(*kept, facts, data, vocab)
        if known is not None:
            return known
    counts = _counted(text, facts)
    if isinstance(text, Files) and _is_blank(counts, data.encoding):
        raise no_text([source.name for source in text.sources], empty=not counts)
    if vocab is None:
        vocab = _vocab(counts, data)
    pieces = _numbered(text, vocab, data.framing == "lines", facts)
    dtype = np.min_scalar_type(len(vocab) - 1)
    ids: Ids | None = None
    if key:
        about = Kept(
            points=list(counts),
            counts=list(counts.values()),
            facts=facts,
        )
        ids = cache.keep(key, attrs.asdict(about), pieces, dtype, sum(counts.values()))
    if ids is None:
        pieces = _numbered(text, vocab, data.framing == "lines", facts)
        ids = _gathered(pieces, sum(counts.values()), dtype)
    return Encoded(vocab, ids, counts, facts)


def _known(
    about: dict[str, Any], ids: Ids, facts: Facts, data: DataConfig, vocab: Vocab | None
) -> Encoded | None:
    """Return what was kept of a text; None if it belongs to another text, or is damaged."""
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
    return Encoded(vocab, ids, counts, kept.facts)


def counts_of(ids: Ids, size: int) -> Any:
    """Return how often each of ``size`` symbols comes, without a copy of the ids in a larger type.

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
        found = np.bincount(points)
        counts[: len(found)] += found
    (present,) = np.nonzero(counts)
    return dict(zip(present.tolist(), counts[present].tolist(), strict=True))


def _is_blank(counts: dict[int, int], encoding: str) -> bool:
    if encoding == BYTES:
        return not counts or bytes(counts).isspace()
    return all(chr(point).isspace() for point in counts)


def _vocab(counts: dict[int, int], data: DataConfig) -> Vocab:
    lines = data.framing == "lines"
    if data.encoding == BYTES:
        return Vocab.of_bytes(lines)
    alphabet = data.alphabet
    if alphabet is None:
        own = (chr(p) for p, count in counts.items() if count >= data.min_count)
        alphabet = "".join(c for c in own if not (lines and c == "\n"))
        if not alphabet:
            most = max((count for p, count in counts.items() if chr(p) != "\n"), default=0)
            raise TextError(
                f"no character occurs {data.min_count} times, as data.min_count asks (the most frequent occurs "
                f"{counted(most, 'time')}); set it lower"
            )
    return Vocab.from_alphabet(alphabet, lines, unknown=data.min_count > 1)


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
        None if vocab is None else vocab.symbols,
    ]
    return hashlib.sha256(repr(made_from).encode("utf-8", "backslashreplace")).hexdigest()[:32]
