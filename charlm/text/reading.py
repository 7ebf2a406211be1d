"""From the bytes of files to code points: decoding, line ends, normalisation.

Texts are processed piece by piece, so a text may be larger than the memory.
"""

from __future__ import annotations

import codecs
import hashlib
import io
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, Literal, Protocol, TypeAlias

import attrs
import numpy as np

from charlm.config.rules import all_of, flag, line, number, one_of, shown, whole
from charlm.config.schema import BYTES
from charlm.config.stored import stored
from charlm.errors import SettingError, TextError
from charlm.text.documents import Separator
from charlm.text.sources import Source, sources_of
from charlm.text.undecodable import refuse_disguised, undecodable
from charlm.text.vocab import END, Points, byte_values, code_points

UTF_8 = "utf-8"
NONE: Literal["none"] = "none"
Form: TypeAlias = Literal["none", "NFC", "NFKC"]

_CHECKED = 16
"""How many pieces at the beginning are examined for possible mistakes."""

_LAST_STARTER = re.compile(r"(?s).*([\0-\u02ff\u3400-\u9fff\uac00-\ud7a3])")
"""Matches up to the last character that no normalisation form combines with the characters before it.

(Latin letters, ideographs, Hangul syllables: their combining class is 0 and none is second in a composition.)
"""


def _repeated(value: Any) -> tuple[str, float]:
    if not isinstance(value, (list, tuple)) or len(value) != 2:
        raise SettingError(f"expected a line and its share, got {shown(value)}")
    return line(value[0]), number(least=0, most=1)(value[1])


@attrs.define
class Facts:
    r"""Facts about a text that was read.

    Attributes:
        sizes: the bytes of each file.
        sha256: the digest of all bytes, as of ``cat FILES | sha256sum``.
        line_ends: the line ends that became a newline: ``\r\n`` or ``\r``.
        marks: the number of byte order marks that were removed.
        composed: whether all examined characters are in the composed form (NFC).
        repeated: the most frequent line at the beginning, and its share of the lines there.
    """

    sizes: list[int] = stored(all_of(whole(0)), attrs.Factory(list))
    sha256: str = stored(line, "")
    line_ends: list[str] = stored(all_of(one_of("\r\n", "\r")), attrs.Factory(list))
    marks: int = stored(whole(0), 0)
    composed: bool = stored(flag, True)
    repeated: tuple[str, float] = stored(_repeated, ("", 0.0))


class Digest(Protocol):
    """A hash object of ``hashlib``."""

    def update(self, data: bytes, /) -> None:
        """Add some bytes."""


class Readable(Protocol):
    """A text that can be read several times."""

    def digest(self) -> Facts:
        """Return facts with the sizes and the digest."""

    def read(self, facts: Facts, digest: Digest | None) -> Iterator[Points]:
        """Yield the text piece by piece; add what is seen to ``facts``, and the bytes to the digest."""


class GivenText:
    """A text in memory; only the normalisation is applied."""

    def __init__(
        self,
        text: str,
        encoding: str = UTF_8,
        normalize: Form = NONE,
        separator: Separator | None = None,
    ) -> None:
        text = text if normalize == NONE else unicodedata.normalize(normalize, text)
        self._points = byte_values(text) if encoding == BYTES else code_points(text)
        self._separator = separator

    def digest(self) -> Facts:
        """Return the digest of the code points: there are no bytes of a file."""
        return Facts(sha256=hashlib.sha256(self._points.tobytes()).hexdigest())

    def read(self, facts: Facts, digest: Digest | None) -> Iterator[Points]:
        """Yield the text in one piece."""
        if digest is not None:
            digest.update(self._points.tobytes())
        if self._separator is None:
            yield self._points
        else:
            yield from map(code_points, self._separator.apply([_text_of(self._points)]))


class Files:
    r"""The texts of some files as one, in their order.

    A byte order mark is removed, and \r\n and \r become \n, unless the symbols are bytes. If a file does not end in
    a newline, one is added before the next file.

    Args:
        sources: the files.
        encoding: a codec's name, or ``bytes``.
        normalize: none, NFC or NFKC.
        separator: ends the documents of each file with ``END``, if it is given.
    """

    def __init__(
        self,
        sources: Sequence[Source],
        encoding: str = UTF_8,
        normalize: Form = NONE,
        separator: Separator | None = None,
    ) -> None:
        self.sources = sources
        self._separator = separator
        self.encoding = encoding
        self.normalize = normalize

    def digest(self) -> Facts:
        """Return the sizes of the files and the digest of their bytes.

        Raises:
            TextError: a file cannot be read.
        """
        facts = Facts()
        digest = hashlib.sha256()
        for source in self.sources:
            size = 0
            for piece in source.pieces():
                digest.update(piece)
                size += len(piece)
            facts.sizes.append(size)
        facts.sha256 = digest.hexdigest()
        return facts

    def read(self, facts: Facts, digest: Digest | None = None) -> Iterator[Points]:
        """Yield the code points or byte values piece by piece, and add what is seen to ``facts``.

        Raises:
            TextError: a file cannot be read, or has bytes that the encoding does not know.
        """
        after: int | None = None
        for source in self.sources:
            fresh = True
            for points in self._points(source, facts, digest):
                if not len(points):
                    continue
                if fresh and after not in (None, ord("\n"), END):
                    yield np.array([ord("\n")], dtype=np.uint8)
                fresh, after = False, int(points[-1])
                yield points

    def whole(self) -> str:
        """Return the text as one string; bytes that are no UTF-8 are lone surrogates.

        Raises:
            TextError: as of ``read``.
        """
        pieces = self.read(Facts())
        if self.encoding == BYTES:
            return b"".join(piece.tobytes() for piece in pieces).decode(UTF_8, "surrogateescape")
        return "".join(map(_text_of, pieces))

    def _points(self, source: Source, facts: Facts, digest: Digest | None) -> Iterator[Points]:
        pieces = source.pieces() if digest is None else _noted(source.pieces(), digest)
        if self.encoding == BYTES and self._separator is None:
            return (np.frombuffer(piece, dtype=np.uint8) for piece in pieces)
        texts: Iterable[str]
        if self.encoding == BYTES:
            texts = (piece.decode("latin-1") for piece in pieces)
        else:
            texts = _decoded(source, pieces, self.encoding, facts)
        if self.normalize != NONE:
            texts = _normalized(texts, self.normalize)
        return map(code_points, texts if self._separator is None else self._separator.apply(texts))


def read_texts(
    paths: Sequence[str | Path],
    what: str = "text",
    encoding: str = UTF_8,
    normalize: Form = NONE,
) -> str:
    """Return the texts of some files as one string (see ``Files``); bytes that are not UTF-8 are lone surrogates.

    Args:
        paths: files, folders, patterns, or ``-`` for standard input.
        what: a name for the texts in error messages.
        encoding: a codec's name, or ``bytes``.
        normalize: none, NFC or NFKC.

    Raises:
        TextError: something cannot be read or decoded, or there is only white space.
    """
    sources = sources_of(paths, what)
    text = Files(sources, encoding, normalize).whole()
    if not text.strip():
        raise no_text([source.name for source in sources], empty=not text)
    return text


def _text_of(points: Points) -> str:
    if points.dtype == np.uint8:
        return points.tobytes().decode("latin-1")
    return points.tobytes().decode("utf-32-le", "surrogatepass")


def no_text(names: Sequence[str], empty: bool) -> TextError:
    """Return the error for files without text."""
    state = "is empty" if empty else "has nothing but white space"
    return TextError(f"{', '.join(names)}: {state}; give a file with some text in it")


def _noted(pieces: Iterable[bytes], digest: Digest) -> Iterator[bytes]:
    for piece in pieces:
        digest.update(piece)
        yield piece


def _decoded(source: Source, pieces: Iterable[bytes], encoding: str, facts: Facts) -> Iterator[str]:
    decoder = codecs.getincrementaldecoder(encoding)()
    newlines = io.IncrementalNewlineDecoder(decoder, translate=True)
    read = number = 0
    begun = False
    for piece in chain(pieces, [b""]):
        read += len(piece)
        try:
            text = newlines.decode(piece, final=not piece)
        except UnicodeError as error:
            raise undecodable(source, encoding, error, read) from error
        if not text:
            continue
        if not begun:
            if codecs.lookup(encoding).name == UTF_8:
                refuse_disguised(source, text)
            if text[0] == "\ufeff":
                facts.marks += 1
                text = text[1:]
        begun = True
        if number < _CHECKED:
            _look_at(text, number, facts)
        number += 1
        yield text
    met = newlines.newlines
    ends = (met,) if isinstance(met, str) else met or ()
    facts.line_ends += [end for end in ends if end != "\n" and end not in facts.line_ends]


def _look_at(text: str, number: int, facts: Facts) -> None:
    if facts.composed:
        facts.composed = text.isascii() or unicodedata.is_normalized("NFC", text)
    if number == 0 and not facts.repeated[0]:
        lines = [line for line in text.split("\n") if line.strip()]
        for line, count in Counter(lines).most_common(1):
            facts.repeated = (line[:60], count / len(lines) if count >= 10 else 0.0)


def _normalized(texts: Iterable[str], form: Any) -> Iterator[str]:
    held = ""
    for text in texts:
        held += text
        if starter := _LAST_STARTER.match(held):
            cut = starter.start(1)
            yield unicodedata.normalize(form, held[:cut])
            held = held[cut:]
    yield unicodedata.normalize(form, held)
