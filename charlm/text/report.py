"""Facts about a text before training, and notes about what may be a mistake in it."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np

from charlm.config.schema import BYTES, DataConfig
from charlm.text.encoding import Encoded, counts_of
from charlm.text.lines import Lines, hashes
from charlm.text.order import lines_of, order_of
from charlm.text.reading import NONE
from charlm.text.sources import Source
from charlm.text.undecodable import more_than_text
from charlm.text.vocab import EOD, EOS, UNK, Ids, Vocab
from charlm.wording import counted, cut

RARE = 10
"""A character that occurs less often is hardly learned."""
OFTEN = 0.1
"""A line that makes up this share of the lines gets a note."""
_NAMES = {
    " ": "space",
    "\n": "newline",
    EOS: f"end of line {EOS}",
    EOD: f"end of document {EOD}",
    UNK: f"others {UNK}",
}


@dataclass(frozen=True)
class Documents:
    """The documents of a text.

    Attributes:
        count: the number of documents.
        characters: those of the shortest document, of one in the middle, and of the longest.
        copies: the number of documents that are equal to one before them.
    """

    count: int
    characters: tuple[int, int, int]
    copies: int

    @classmethod
    def of(cls, text: Encoded) -> Documents | None:
        """Return those of a text; None if it is no text of documents."""
        if text.vocab.framing != "documents":
            return None
        documents = Lines.of(text.vocab, text.ids)
        sizes = np.sort(documents.sizes) - 1
        least, middle, most = (int(sizes[place]) for place in (0, len(sizes) // 2, -1))
        different = len(np.unique(hashes(documents, text.vocab)))
        return cls(len(sizes), (least, middle, most), len(sizes) - different)

    def words(self) -> str:
        """Return how many there are, and how long they are."""
        least, middle, most = self.characters
        return f"{self.count:,} documents of {least:,} to {most:,} symbols, half of them of {middle:,} or more"


@dataclass(frozen=True)
class TextReport:
    """A text before it is trained on.

    Attributes:
        names: the files' names.
        bytes: the sum of their sizes.
        characters: the number of characters after decoding and normalisation; of bytes if these are the symbols.
        sha256: the digest of their bytes, in order.
        vocab: the symbols.
        parts: the number of symbols in the training, held-out and test parts.
        notices: what may be a mistake, a sentence each.
        documents: facts about its documents, if it has any.
    """

    names: tuple[str, ...]
    bytes: int
    characters: int
    sha256: str
    vocab: Vocab
    parts: tuple[int, int, int]
    notices: tuple[str, ...]
    documents: Documents | None = None

    @property
    def lines(self) -> tuple[str, ...]:
        """What to print about it."""
        files = self.names[0] if len(self.names) == 1 else counted(len(self.names), "file")
        unit = "" if self.vocab.is_bytes else f", {counted(self.characters, 'character')}"
        symbols = "the values of a byte" if self.vocab.is_bytes else in_words(self.vocab.symbols)
        return (
            f"{files}: {counted(self.bytes, 'byte')}{unit}, sha256 {self.sha256[:16]}",
            *([] if self.documents is None else [self.documents.words()]),
            f"{counted(len(self.vocab), 'symbol')}: {cut(symbols, 100)}",
            *[f"test: the last {n:,} are kept for a final score" for n in self.parts[2:] if n],
        )


def in_words(symbols: Sequence[str]) -> str:
    """Return symbols as a list to read, neighbours in the alphabet as a range.

    Example:
        >>> in_words([*"abcdxy .", EOS])
        "a-d, x, y, space, '.', end of line <EOS>"
    """
    words: list[str] = []
    # in a run of letters, code points and indices rise together
    runs = groupby(enumerate(symbols), lambda p: ord(p[1]) - p[0] if p[1].isalnum() else p[1])
    for run in ([symbol for _, symbol in run] for _, run in runs):
        named = [_NAMES.get(s) or (s if s.isalnum() else repr(s)) for s in run]
        words += [f"{run[0]}-{run[-1]}"] if len(run) > 2 else named
    return ", ".join(words)


def report(
    sources: Sequence[Source], text: Encoded, held_out: Ids, test: Ids, data: DataConfig
) -> TextReport:
    """Return the report about a text."""
    names = tuple(source.name for source in sources)
    markup = [] if data.encoding == BYTES else list(filter(None, map(more_than_text, sources)))
    characters = sum(text.counts.values())
    own = 0 if data.val_file is not None else len(held_out)
    documents = Documents.of(text)
    return TextReport(
        names=names,
        bytes=sum(text.facts.sizes),
        characters=characters,
        sha256=text.facts.sha256,
        vocab=text.vocab,
        parts=(len(text.ids) - own - len(test), len(held_out), len(test)),
        notices=(
            *markup,
            *_odd(text, held_out, test, data),
            *_sorted(text, data),
            *_copies(documents),
        ),
        documents=documents,
    )


def _copies(documents: Documents | None) -> list[str]:
    """Return a note if some documents are equal."""
    if documents is None or not documents.copies:
        return []
    copies, all_of_them = documents.copies, documents.count
    return [f"{copies:,} of the {all_of_them:,} documents are equal to one before them"]


def _sorted(text: Encoded, data: DataConfig) -> list[str]:
    """Return a note if the lines or documents of a text are sorted, and each is a text of its own."""
    order = "" if data.framing == "stream" else order_of(lines_of(text.ids, text.vocab))
    if not order:
        return []
    what = f"{text.vocab.text}s"
    if data.shuffle:
        return [
            f"the {what} are {order}: they were shuffled before the held-out ones were chosen, and are shuffled again "
            "for each pass (data.shuffle)"
        ]
    return [
        f"the {what} are {order}: the model reads them in this order, so it forgets the first ones while it learns "
        "the last ones; --set data.shuffle=true shuffles them"
    ]


def _odd(text: Encoded, held_out: Ids, test: Ids, data: DataConfig) -> list[str]:
    facts, counts = text.facts, text.counts
    notes = []
    if facts.marks:
        notes.append("a byte order mark at the beginning was left out")
    if facts.line_ends:
        named = " and ".join({"\r\n": "CRLF", "\r": "CR"}[end] for end in facts.line_ends)
        notes.append(f"line ends ({named}) became newlines")
    if ord("\n") not in counts and data.framing != "documents":
        notes.append("there is no newline in the text")
    line, share = facts.repeated
    if share >= OFTEN and line != data.separator:
        notes.append(f"at the beginning, {share:.0%} of the lines are {line!r}")
    if data.encoding == BYTES:
        return notes
    if 0xFFFD in counts:
        notes.append(
            f"U+FFFD occurs {_times(counts[0xFFFD])}: an earlier conversion lost characters there"
        )
    control = [
        chr(p) for p in counts if unicodedata.category(chr(p)) == "Cc" and chr(p) not in "\n\t"
    ]
    if control:
        notes.append(f"control characters: {_listed(control, counts)}")
    if not facts.composed and data.normalize == NONE:
        notes.append(
            "some letters are not in Unicode's composed form (NFC); charlm train --set "
            "data.normalize=NFC composes them all"
        )
    if data.alphabet is None and data.framing != "lines":
        notes += _rare(text, data) + _not_learned(text, held_out, test, data)
    return notes


def _rare(text: Encoded, data: DataConfig) -> list[str]:
    if text.vocab.unknown is not None:
        below = [count for count in text.counts.values() if count < data.min_count]
        return (
            [f"{counted(len(below), 'character')}, {_times(sum(below))} in the text, became <UNK>"]
            if below
            else []
        )
    if sum(text.counts.values()) < RARE * RARE * len(text.counts):
        return []  # in a short text every character is rare
    rare = [chr(p) for p, count in text.counts.items() if count < RARE]
    if not rare:
        return []
    return [
        f"characters that occur fewer than {RARE} times: {_listed(rare, text.counts)}; charlm train "
        f"--min-count {RARE} makes them one symbol"
    ]


def _not_learned(text: Encoded, held_out: Ids, test: Ids, data: DataConfig) -> list[str]:
    """Return a note about the characters that occur only in the held-out and test parts."""
    size = len(text.vocab)
    kept = counts_of(test, size)
    if data.val_file is None:
        kept += counts_of(held_out, size)
    if not kept.any():
        return []
    symbols = text.vocab.symbols
    total = np.array([text.counts.get(ord(s), 0) if len(s) == 1 else 0 for s in symbols])
    only = [s for s, n, k in zip(symbols, total, kept, strict=True) if len(s) == 1 and 0 < n == k]
    if not only:
        return []
    return [
        f"only the held-out part has {_listed(only, text.counts)}: the model never sees them in training"
    ]


def _listed(characters: Sequence[str], counts: dict[int, int]) -> str:
    shown = [f"{c!r} (U+{ord(c):04X}, {_times(counts[ord(c)])})" for c in characters[:5]]
    more = f" and {len(characters) - 5} more" if len(characters) > 5 else ""
    return ", ".join(shown) + more


def _times(count: int) -> str:
    return "once" if count == 1 else counted(count, "time")
