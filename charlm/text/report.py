"""What is known of a text before the first step, and what is odd about it."""

from __future__ import annotations

import shlex
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from charlm.config.schema import BYTES, DataConfig
from charlm.text.encoding import Encoded, counts_of
from charlm.text.order import lines_of, order_of
from charlm.text.reading import NONE
from charlm.text.sources import Source
from charlm.text.undecodable import more_than_text
from charlm.text.vocab import Ids, Vocab
from charlm.wording import counted, cut

RARE = 10
"""A symbol that comes less often is hardly learned."""
OFTEN = 0.1
"""A line that takes this share of all lines is odd."""


@dataclass(frozen=True)
class TextReport:
    """A text as it will be learned.

    Attributes:
        names: of the files.
        bytes: their sizes in all.
        characters: what they hold, line ends and normalisation done; values of bytes where these are the symbols.
        sha256: of their bytes, in order.
        vocab: the symbols.
        parts: symbols to learn from, to measure on and to test on.
        notices: what is odd, a sentence each.
    """

    names: tuple[str, ...]
    bytes: int
    characters: int
    sha256: str
    vocab: Vocab
    parts: tuple[int, int, int]
    notices: tuple[str, ...]

    @property
    def lines(self) -> tuple[str, ...]:
        """What to show of it."""
        files = self.names[0] if len(self.names) == 1 else counted(len(self.names), "file")
        unit = "" if self.vocab.is_bytes else f", {counted(self.characters, 'character')}"
        symbols = "".join(s if len(s) == 1 else f" {s} " for s in self.vocab.symbols)
        listed = "the values of a byte" if self.vocab.is_bytes else cut(repr(symbols), 100)
        return (
            f"{files}: {counted(self.bytes, 'byte')}{unit}, sha256 {self.sha256[:16]}",
            f"symbols: {len(self.vocab)}: {listed}",
            *[f"test: the last {n:,} are kept for a last measurement" for n in self.parts[2:] if n],
        )


def report(
    sources: Sequence[Source], text: Encoded, held_out: Ids, test: Ids, data: DataConfig
) -> TextReport:
    """Look at a text before it is learned."""
    names = tuple(source.name for source in sources)
    markup = [] if data.encoding == BYTES else list(filter(None, map(more_than_text, sources)))
    characters = sum(text.counts.values())
    own = 0 if data.val_file is not None else len(held_out)
    return TextReport(
        names=names,
        bytes=sum(text.facts.sizes),
        characters=characters,
        sha256=text.facts.sha256,
        vocab=text.vocab,
        parts=(len(text.ids) - own - len(test), len(held_out), len(test)),
        notices=(*markup, *_odd(text, held_out, test, data), *_sorted(names, text, data)),
    )


def _sorted(names: Sequence[str], text: Encoded, data: DataConfig) -> list[str]:
    """Say of a text that is learned line by line that its lines are sorted, and what to do about it."""
    order = order_of(lines_of(text.ids, text.vocab)) if data.framing == "lines" else ""
    if not order:
        return []
    facts = text.facts
    plain = data.encoding == BYTES or "\n".encode(data.encoding) == b"\n"
    how = ""
    if plain and not facts.marks and "\r" not in facts.line_ends:
        (file, *more) = [name.removeprefix("text ") for name in names]
        how = f": {'cat FILES | shuf' if more else f'shuf {shlex.quote(file)}'} > shuffled.txt"
    return [
        f"the lines are {order}: the model reads them in this order, so it forgets the first while it learns "
        f"the last; shuffle them first{how}"
    ]


def _odd(text: Encoded, held_out: Ids, test: Ids, data: DataConfig) -> list[str]:
    facts, counts = text.facts, text.counts
    found = []
    if facts.marks:
        found.append("a byte order mark at the beginning was left out")
    if facts.line_ends:
        named = " and ".join({"\r\n": "CRLF", "\r": "CR"}[end] for end in facts.line_ends)
        found.append(f"line ends ({named}) became newlines")
    if ord("\n") not in counts:
        found.append("there is no newline in the text")
    line, share = facts.repeated
    if share >= OFTEN:
        found.append(f"at the beginning, {share:.0%} of the lines are {line!r}")
    if data.encoding == BYTES:
        return found
    if 0xFFFD in counts:
        found.append(
            f"U+FFFD comes {_times(counts[0xFFFD])}: an earlier conversion lost characters there"
        )
    control = [
        chr(p) for p in counts if unicodedata.category(chr(p)) == "Cc" and chr(p) not in "\n\t"
    ]
    if control:
        found.append(f"control characters: {_listed(control, counts)}")
    if not facts.composed and data.normalize == NONE:
        found.append(
            "some letters are not in Unicode's composed form (NFC); charlm train --set "
            "data.normalize=NFC composes them all"
        )
    if data.alphabet is None and data.framing == "stream":
        found += _rare(text, data) + _not_learned(text, held_out, test, data)
    return found


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
        f"characters that come fewer than {RARE} times: {_listed(rare, text.counts)}; charlm train "
        f"--min-count {RARE} makes them one symbol"
    ]


def _not_learned(text: Encoded, held_out: Ids, test: Ids, data: DataConfig) -> list[str]:
    """Name the characters that only come where nothing is learned."""
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
    return [f"only the held-out part has {_listed(only, text.counts)}: the model cannot learn them"]


def _listed(characters: Sequence[str], counts: dict[int, int]) -> str:
    shown = [f"{c!r} (U+{ord(c):04X}, {_times(counts[ord(c)])})" for c in characters[:5]]
    more = f" and {len(characters) - 5} more" if len(characters) > 5 else ""
    return ", ".join(shown) + more


def _times(count: int) -> str:
    return "once" if count == 1 else counted(count, "time")
