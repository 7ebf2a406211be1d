r"""Documents in a text: a separator ends one, and so does the end of a file.

A separator is a line (``---``, or an empty line), or a pattern between slashes, which is searched for in each line.
It is left out, with the newlines around it. ``END`` takes its place, so a document may have newlines. Texts are
processed piece by piece.
"""

from __future__ import annotations

import re
import shlex
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Iterator

from charlm.config.rules import pattern_of
from charlm.config.schema import BYTES, DataConfig
from charlm.text.vocab import END

LOOKED_AT = 1 << 20
"""Characters in which separators are looked for, if there is only one document."""
SHOWN, LONGEST = 3, 40
"""The most separators that are proposed, and the longest of them."""
NEWLINES = "\r\n"
"""What is left out at the beginning and at the end of a document; bytes may have line ends of two characters."""


class Separator:
    r"""Ends the documents of texts with ``END``.

    Args:
        separator: a line, or a pattern between slashes; None: a whole text is one document.

    Example:
        >>> pieces = Separator("---").apply(["one\ntwo\n--", "-\n\nthree\n"])
        >>> "".join(pieces).split(chr(END))
        ['one\ntwo', 'three', '']
        >>> "".join(Separator("/^(?=def )/").apply(["def a\n x\ndef b\n"])).split(chr(END))
        ['def a\n x', 'def b', '']
    """

    def __init__(self, separator: str | None) -> None:
        self._find: Callable[[str], Iterable[re.Match[str]]] | None = None
        if separator is not None:
            # spaces at the end of a line cannot be seen
            line = rf"^{re.escape(separator)}[ \t]*\r?$"
            self._find = re.compile(pattern_of(separator) or line).finditer

    @classmethod
    def of(cls, data: DataConfig) -> Separator | None:
        """Return the separator of a config, for texts in its encoding; None if the text has no documents."""
        given = data.separator
        if data.framing != "documents":
            return None
        if given is not None and data.encoding == BYTES:  # bytes are the characters of latin-1
            given = given.encode("utf-8", "surrogateescape").decode("latin-1")
        elif given is not None and data.normalize != "none":
            given = unicodedata.normalize(data.normalize, given)
        return cls(given)

    def apply(self, texts: Iterable[str]) -> Iterator[str]:
        """Yield the pieces of a file with ``END`` after each document; documents without a character are left out."""
        document = _Document()
        for text in texts if self._find is None else _whole_lines(texts):
            yield "".join(self._divided(text, document))
        yield document.end()

    def _divided(self, text: str, document: _Document) -> Iterator[str]:
        """Yield the parts of some lines, with the ends of documents."""
        begin = at = 0
        if self._find is not None:
            for line in _lines(text):
                for match in self._find(line):
                    yield document.add(text[begin : at + match.start()])
                    yield document.end()
                    begin = at + match.end()
                at += len(line)
        yield document.add(text[begin:])


class _Document:
    """A document that is read; newlines at its end may turn out to be within it."""

    def __init__(self) -> None:
        self._has_text = False
        self._newlines = ""

    def add(self, text: str) -> str:
        """Return what is certain to belong to the document."""
        text = self._newlines + text if self._has_text else text.lstrip(NEWLINES)
        sure = text.rstrip(NEWLINES)
        self._has_text = self._has_text or bool(sure)
        self._newlines = text[len(sure) :]
        return sure

    def end(self) -> str:
        """Return the end of the document, and begin another."""
        ended = chr(END) if self._has_text else ""
        self._has_text, self._newlines = False, ""
        return ended


def _whole_lines(texts: Iterable[str]) -> Iterator[str]:
    """Yield a text in pieces that end with a newline, except the last."""
    rest = ""
    for text in texts:
        end = text.rfind("\n") + 1
        if end:
            yield rest + text[:end]
            rest = text[end:]
        else:
            rest += text
    yield rest


def _lines(text: str) -> Iterator[str]:
    r"""Yield lines with their ends; only ``\n`` ends one."""
    begin = 0
    while begin < len(text):
        end = text.find("\n", begin) + 1 or len(text)
        yield text[begin:end]
        begin = end


def one_document(text: str, separator: str | None) -> str:
    r"""Return why a text with one document cannot be learned, and which of its lines may separate documents.

    Example:
        >>> print(one_document("a\n\nb\n\nc", None))
        the text is one document, and at least 2 are needed: each file is a document, because data.separator is ...; ...
    """
    if separator is None:
        why = "each file is a document, because data.separator is null; give more files, or what separates documents"
    elif pattern_of(separator):
        why = f"the pattern {separator} fits no line of it, or only at its beginning or end; give another"
    else:
        why = f"no line within it is {separator!r}; give another separator"
    lines = Counter(line.rstrip() for line in text.split("\n"))
    possible = [
        f"--separator {shlex.quote(line)} ({count:,} lines)"
        for line, count in sorted(lines.items(), key=lambda found: (not found[0], -found[1]))
        if count > 1 and line != separator and _may_separate(line)
    ]
    listed = f". In this text it may be: {', '.join(possible[:SHOWN])}" if possible else ""
    return f"the text is one document, and at least 2 are needed: {why}{listed}"


def _may_separate(line: str) -> bool:
    """Tell whether a line has no word of its own, or is a name in brackets such as <|endoftext|>."""
    return len(line) <= LONGEST and (
        not any(map(str.isalnum, line)) or (line[0] + line[-1] in ("<>", "[]"))
    )
