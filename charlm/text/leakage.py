"""Held-out text that is in the training part too: such text is easy to predict, so the score is too good.

A hash stands for every 16 characters (a gram). Equal grams of both parts, with equal neighbours, make a copied span.
In a block or a line with small changes, half of the grams or more are from one place of the training part. From a
long training part, only grams whose hash begins with some zeros are kept, so long copies are still found.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from charlm import progress
from charlm.config.bundled import resolve_text
from charlm.config.schema import DataConfig
from charlm.files import seen
from charlm.text.corpus import LineCorpus, StreamCorpus
from charlm.text.vocab import BYTES, Ids, Vocab
from charlm.wording import counted, cut

SPAN = 100
"""A copy has this many characters or more: in prose by one author, spans of 60 are repeated by chance."""
GRAM = 16
BLOCK = 200
"""Characters of a stream that are judged together."""
MOST_TRAIN, MOST_HELD_OUT = 32_000_000, 4_000_000
"""Of longer parts, these many characters next to each other are compared."""
FEWEST, NOTED = 500, 0.005
"""The fewest characters of a held-out part, and the smallest share of it that is in the other, for a note."""
_KEPT = 1 << 21
"""Grams of the training part that are kept."""
_PLACES = 4
"""Places of a gram in the training part that are tried."""
_FEWEST = 8
"""Grams of a line or block that has few changes."""
_CHUNK, _ROWS = 1 << 18, 1 << 12
_FACTOR = 0x9E3779B97F4A7C15
_INVERSE = pow(_FACTOR, -1, 1 << 64)

Numbers = npt.NDArray[Any]


class Copy(NamedTuple):
    """A span of the held-out part that is in the training part.

    Attributes:
        length: in characters.
        at: where it begins in the held-out part.
        source: where it begins in the training part.
    """

    length: int
    at: int
    source: int


class Leakage(NamedTuple):
    """How much of a held-out part is in the training part.

    Attributes:
        compared: characters of the training part and of the held-out part that were compared.
        copied: characters of the held-out part in copied spans, or in lines that the training part has too.
        lines: the number of these lines.
        changed: about how many more are in blocks (of lines: in lines) that differ from a training text by little.
        longest: the longest copied span; its length is 0 if there is none.
    """

    compared: tuple[int, int]
    copied: int
    lines: int
    changed: int
    longest: Copy

    @property
    def share(self) -> float:
        """The part of the held-out characters that are copied, with changes or without."""
        return (self.copied + self.changed) / max(1, self.compared[1])


def leakage(train: Ids, held_out: Ids, end: int | None = None) -> Leakage:
    """Return how much of a held-out part is in the training part.

    Args:
        train: the symbols of the training part; of a long one, the end is compared.
        held_out: those of the held-out part; of a long one, the beginning is compared.
        end: the symbol at the end of a line, if each line is judged for itself.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> text = rng.integers(0, 20, 50_000).astype(np.uint8)
        >>> found = leakage(text[:45_000], np.concatenate([text[45_000:], text[1_000:1_300]]))
        >>> found.copied, found.longest
        (300, Copy(length=300, at=5000, source=1000))
    """
    skipped = max(0, len(train) - MOST_TRAIN)
    train, held_out = train[skipped:], held_out[:MOST_HELD_OUT]
    bits = max(0, (len(train) - 1).bit_length() - _KEPT.bit_length() + 1)
    with progress.task("comparing", None):
        sources, keys = _grams(train, bits)
        order = np.argsort(keys, kind="stable")
        at, wanted = _grams(held_out, bits)
        ours, theirs, rare = _matches(at, wanted, keys[order], sources[order])
    if end is None:
        covered, longest = _copies(train, held_out, ours, theirs)
        units = np.arange(len(held_out)) // max(BLOCK, 2 * _FEWEST << bits)
    else:
        covered, longest = _same_lines(train, held_out, end)
        units = np.cumsum(held_out == end) - (held_out == end)
    changed = _changed(units, covered, at, ours[rare], theirs[rare])
    return Leakage(
        compared=(len(train), len(held_out)),
        copied=int(covered.sum()),
        lines=0 if end is None else int(covered[held_out == end].sum()),
        changed=changed,
        longest=longest._replace(source=longest.source + skipped),
    )


def _grams(ids: Ids, bits: int) -> tuple[Numbers, Numbers]:
    """Return the places and hashes of those grams whose hash begins with ``bits`` zeros."""
    factors = np.full(_CHUNK + GRAM - 1, _FACTOR, np.uint64)
    inverses = np.full(_CHUNK, _INVERSE, np.uint64)
    factors, inverses = np.cumprod(factors), np.cumprod(inverses)
    places, hashes = [], []
    for begin in range(0, len(ids) - GRAM + 1, _CHUNK):
        chunk = ids[begin : begin + _CHUNK + GRAM - 1].astype(np.uint64) + np.uint64(1)
        sums = np.concatenate([np.zeros(1, np.uint64), np.cumsum(chunk * factors[: len(chunk)])])
        count = len(chunk) - GRAM + 1
        found = (sums[GRAM:] - sums[:-GRAM]) * inverses[:count]
        kept = np.flatnonzero(found >> np.uint64(64 - bits) == 0) if bits else np.arange(count)
        places.append(kept + begin)
        hashes.append(found[kept])
    if not places:
        return np.zeros(0, np.int64), np.zeros(0, np.uint64)
    return np.concatenate(places), np.concatenate(hashes)


def _matches(
    at: Numbers, wanted: Numbers, keys: Numbers, sources: Numbers
) -> tuple[Numbers, Numbers, Numbers]:
    """Return the places of equal grams in the held-out part and in the training part, and whether the gram is rare.

    Of the places in the training part, each gram has the first few; a gram with more of them is not rare.
    """
    first, stop = np.searchsorted(keys, wanted), np.searchsorted(keys, wanted, "right")
    same = [np.flatnonzero(first + k < stop) for k in range(_PLACES)]
    ours = np.concatenate([at[some] for some in same])
    theirs = np.concatenate([sources[first[some] + k] for k, some in enumerate(same)])
    rare = np.concatenate([(stop - first)[some] <= _PLACES for some in same])
    return ours, theirs, rare


def _copies(
    train: Ids, held_out: Ids, ours: Numbers, theirs: Numbers
) -> tuple[npt.NDArray[np.bool_], Copy]:
    """Return which characters of the held-out part are copied, and the longest copy."""
    covered, longest = np.zeros(len(held_out), bool), Copy(0, 0, 0)
    for begin, stop, shift in _runs(train, held_out, ours, theirs):
        covered[begin:stop] = True
        longest = max(
            longest, Copy(stop - begin, begin, begin + shift), key=lambda copy: copy.length
        )
    return covered, longest


def _same_lines(train: Ids, held_out: Ids, end: int) -> tuple[npt.NDArray[np.bool_], Copy]:
    """Return which characters of the held-out part are in lines of the training part, and the longest such line."""
    covered, longest = np.zeros(len(held_out), bool), Copy(0, 0, 0)
    known: dict[str, int] = {}
    for begin, line in _lines(train, end):
        known.setdefault(line, begin)
    for begin, line in _lines(held_out, end):
        if line in known:
            covered[begin : begin + len(line)] = True
            longest = max(
                longest, Copy(len(line), begin, known[line]), key=lambda copy: copy.length
            )
    return covered, longest


def _lines(ids: Ids, end: int) -> Iterator[tuple[int, str]]:
    """Yield where each line begins, and its symbols as characters, with the symbol at its end."""
    begin = 0
    for line in ids.astype("<u4").tobytes().decode("utf-32-le", "surrogatepass").split(chr(end)):
        if line:
            yield begin, line + chr(end)
        begin += len(line) + 1


def _runs(
    train: Ids, held_out: Ids, ours: Numbers, theirs: Numbers
) -> Iterator[tuple[int, int, int]]:
    """Yield the beginning, the end and the distance in the training part of each copy of ``SPAN`` or more."""
    shifts = theirs - ours
    order = np.lexsort((ours, shifts))
    ours, shifts = ours[order], shifts[order]
    # grams that overlap, at one distance from the training part, are parts of one copy
    new = np.ones(len(ours), bool)
    new[1:] = (shifts[1:] != shifts[:-1]) | (ours[1:] - ours[:-1] > GRAM)
    starts = np.flatnonzero(new)
    ends = np.flatnonzero(np.append(new[1:], len(new) > 0))
    first, last, shift = ours[starts], ours[ends] + GRAM, shifts[starts]
    long = _long(train, held_out, first, last, shift)
    reached, at = -1, None
    for begin, stop, ahead in zip(*(n[long].tolist() for n in (first, last, shift)), strict=True):
        if ahead == at and begin < reached:
            continue
        start = begin - _equal(held_out[:begin][::-1], train[: begin + ahead][::-1])
        end = stop + _equal(held_out[stop:], train[stop + ahead :])
        reached, at = end, ahead
        if np.array_equal(held_out[start:end], train[start + ahead : end + ahead]):
            yield start, end, ahead


def _long(train: Ids, held_out: Ids, first: Numbers, last: Numbers, shift: Numbers) -> Numbers:
    """Return which runs of grams are in copies of ``SPAN`` or more: their neighbours on both sides are equal too."""
    kept = []
    for some in np.array_split(np.arange(len(first)), len(first) // _ROWS + 1):
        length = last[some] - first[some]
        for edge, way in ((last[some], np.arange(SPAN)), (first[some], -1 - np.arange(SPAN))):
            ours = edge[:, np.newaxis] + way
            theirs = ours + shift[some, np.newaxis]
            inside = (ours >= 0) & (ours < len(held_out)) & (theirs >= 0) & (theirs < len(train))
            same = inside & (held_out.take(ours, mode="clip") == train.take(theirs, mode="clip"))
            length += np.where(same.all(1), SPAN, same.argmin(1))
        kept.append(some[length >= SPAN])
    return np.concatenate(kept)


def _equal(first: Ids, second: Ids) -> int:
    """Return how many characters two texts have in common at their beginnings."""
    done, size = 0, 64
    while True:
        a, b = first[done : done + size], second[done : done + size]
        count = min(len(a), len(b))
        differ = a[:count] != b[:count]
        if differ.any():
            return done + int(differ.argmax())
        if count < size:
            return done + count
        done, size = done + size, 2 * size


def _changed(units: Numbers, covered: Numbers, at: Numbers, ours: Numbers, theirs: Numbers) -> int:
    """Return the characters of those units that are not copied, but have half of their grams from one place."""
    if not len(ours):
        return 0
    count = int(units[-1]) + 1
    grams = np.bincount(units[at], minlength=count)
    most = np.zeros(count, np.int64)
    # two grids of distances, so that a small change of the distance splits only one
    for half in (0, 32):
        places = (units[ours] << 32) + ((theirs - ours + half) >> 6) + (1 << 31)
        places, votes = np.unique(places, return_counts=True)
        np.maximum.at(most, places >> 32, votes)
    sizes, exact = np.bincount(units), np.bincount(units, covered)
    changed = (grams >= _FEWEST) & (2 * most >= grams) & (2 * exact < sizes)
    return int((sizes - exact)[changed].sum())


def leakage_note(corpus: LineCorpus | StreamCorpus, data: DataConfig) -> str | None:
    """Return a note if much of a held-out part is in the training part: how much, where, and what to do."""
    vocab, train, held_out = corpus.vocab, corpus.train_ids, corpus.held_out_ids
    if len(held_out) < FEWEST:
        return None
    found = leakage(train, held_out, vocab.eos)
    if found.share < NOTED:
        return None
    (length, at, _), ends_texts = found.longest, vocab.eos is not None
    example = vocab.decode(held_out[at : at + min(max(0, length - ends_texts), SPAN)])
    if ends_texts:
        ends = held_out[: found.compared[1]] == vocab.eos
        copied = f"{found.lines:,} of {int(ends.sum()):,} {vocab.text}s"
        where = f"; for example {cut(example, 40)!r}"
        file = "FILES" if corpus.report is None else _file(data)
        repair = f"to keep one of each line: awk '!seen[$0]++' {file} > unique.txt"
        if vocab.framing == "documents":
            repair = "keep one of each document"
    else:
        copied = f"{counted(found.copied, 'character')} in spans of {SPAN} or more"
        where = (
            f"; the longest span, {length:,} characters, begins with {cut(example, 40)!r}, at "
            f"{_places(vocab, train, held_out, found.longest, data.val_file is None)}"
        )
        repair = "remove the copies, or score another text: --val-file TEXT"
    if data.val_file is not None:
        repair = "remove the copies from one of the two texts"
    changed = f"about {counted(found.changed, 'character')} with small changes"
    said = [copied] * bool(found.copied) + [changed] * bool(found.changed)
    compared = ", ".join(
        f"the {name} {compared:,} of the {size:,} {part} characters"
        for name, part, compared, size in (
            ("last", "training", found.compared[0], len(train)),
            ("first", "held-out", found.compared[1], len(held_out)),
        )
        if compared < size
    )
    return (
        f"{found.share:.1%} of the held-out part is in the training part too: {' and '.join(said)}"
        f"{where if length else ''}. So the held-out score is better than that of new text; {repair}"
        + (f" (compared: {compared})" if compared else "")
    )


def _file(data: DataConfig) -> str:
    """Return the only file of a text, as a word for the shell."""
    paths = [resolve_text(text) for text in data.texts]
    return shlex.quote(str(seen(paths[0]))) if len(paths) == 1 and paths[0].is_file() else "FILES"


def _places(vocab: Vocab, train: Ids, held_out: Ids, copy: Copy, follows: bool) -> str:
    """Return where a copy begins, in lines of the text if there are any; the held-out part may follow the other."""
    newline = next((k for k, s in enumerate(vocab.symbols) if s in ("\n", BYTES[ord("\n")])), None)
    word, source, at, before = "character", copy.source, copy.at, len(train) * follows
    if newline is not None:
        ends, word = train == newline, "line"
        source, before = int(ends[:source].sum()), int(ends.sum()) * follows
        at = int((held_out[:at] == newline).sum())
    other = "" if follows else " of the other text"
    return f"{word} {at + before + 1:,}, and at {word} {source + 1:,}{other}"
