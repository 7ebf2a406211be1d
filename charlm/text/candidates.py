"""The encodings that can decode all of a text, the most plausible first, each with a decoded line.

An encoding is plausible if most characters beyond ASCII are among those that its languages use most. This puts the
right encoding among the first, and a person recognises it by its line.
"""

# ruff: noqa: RUF001  (this module is about letters that look alike)

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain

import numpy as np

SHOWN = 5
"""How many candidates are shown."""
_WIDTH = 60
_SAMPLE = 4096
_FEW = 0.05
"""A text with a smaller share of damaged characters beyond ASCII still counts as UTF-8."""
_MARKS = {  # UTF-32 first: its mark begins with the mark of UTF-16
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
UNICODE = ("utf-16le", "utf-16be", "utf-32le", "utf-32be")
_WESTERN = "éèàêâçîôûùëïöäüßñáíóúãõåøæœ“”‘’„–—…«»°¿¡£€"
_CENTRAL = "ąćęłńóśźżáčďéěíňřšťúůýžäöüőűăâîşţ„”–"
_TURKISH, _BALTIC = "ışğüöçİâ’“”", "āčēģīķļņšūžąęėįųõäöü"
_LATIN = {usual[0] for usual in (_WESTERN, _CENTRAL, _TURKISH, _BALTIC)}
_CYRILLIC = "оеаинтсрвлкмдіу«»—–"
_JAPANESE = "いうかがきくけこさしすたっつてでとなにのはまもらりるれをんー、。「」"
_HEBREW, _GREEK = "יוהלאמתרבש", "αοιετσνηυρίάόέής"
_SIMPLIFIED = (
    "的一是不了在人有我他这个们中来上大为和国地到以说时要就出会可也你对生能而子那得于着下自之年过发后作里用道行所然"
    "家事成方多经么去法学如都同现当没动面起看定天分还进好小部其些她开只想日天水听早把老两见门，。“”"
)
_TRADITIONAL = (
    "的一是不了在人有我他這個們中來上大為和國地到以說時要就出會可也你對生能而子那得於著下自之年過發後作裡用道行所然"
    "家事成方多經麼去法學如都同現當沒動面起看定天分還進好小部其些她開只想日天水聽早把老兩見門，。「」"
)
USUAL = {
    "utf-8": "",
    "cp1252": _WESTERN,
    "cp1251": _CYRILLIC,
    "koi8-r": _CYRILLIC,
    "koi8-u": _CYRILLIC,
    "cp1250": _CENTRAL,
    "iso-8859-2": _CENTRAL,
    "shift_jis": _JAPANESE,
    "euc-jp": _JAPANESE,
    "gb18030": _SIMPLIFIED,
    "big5": _TRADITIONAL,
    "euc-kr": "이다는의에을가고를은한지도로하기사리어나시아",
    "cp1253": _GREEK,
    "cp1254": _TURKISH,
    "cp1255": _HEBREW,
    "cp1256": "اليومنتربةعدهسقفك،",
    "cp1257": _BALTIC,
    "tis-620": "านรกอเงมยวทสล่้ัิี",
    "cp866": _CYRILLIC,
    "iso-8859-5": _CYRILLIC,
    "macintosh": _WESTERN,
    "cp850": _WESTERN,
}
"""The encodings that are tried, the most frequent first, with the characters that their languages use most."""
_WIDE = ("utf-16", "utf-32", *UNICODE, "utf-8", "shift_jis", "euc-jp", "gb18030", "big5", "euc-kr")
"""Encodings with several bytes per character; for the others it is enough to know which bytes occur."""


@dataclass(frozen=True)
class Candidate:
    """An encoding that decodes all of a text, and a decoded line."""

    encoding: str
    line: str


@dataclass(frozen=True)
class PossibleEncodings:
    """The encodings that a text may have.

    Attributes:
        candidates: those that decode all of it, the most plausible first.
        damaged: the encoding of a text with a few damaged characters: UTF-8, or that of its byte order mark.
    """

    candidates: list[Candidate]
    damaged: str | None


def possible_encodings(pieces: Iterable[bytes]) -> PossibleEncodings:
    """Return the encodings that a text may have, given its bytes piece by piece."""
    read = _ReadBytes(pieces)
    named = [encoding for mark, encoding in _MARKS.items() if read.begin.startswith(mark)][:1]
    tried = named or (UNICODE if read.has_nul else (*USUAL, *UNICODE))
    scored: dict[str, tuple[float, str]] = {}
    for encoding in tried:
        if read.decodes(encoding):
            is_unicode = encoding.startswith(("utf-16", "utf-32"))
            text = _decoded(read.begin if is_unicode else read.sample, encoding)
            score = _unicode_score(text) if is_unicode else _score(text, USUAL[encoding])
            if (score or named) and all(text != decoded for _, decoded in scored.values()):
                scored[encoding] = score, text
    best = sorted(scored, key=lambda encoding: -scored[encoding][0])
    candidates = [
        Candidate(encoding, _line(scored[encoding][1]))
        for encoding in best[:SHOWN]
        if 3 * scored[encoding][0] >= scored[best[0]][0]
    ]
    damaged = "utf-8" if read.is_mostly_utf_8 else None
    if named and not candidates:
        damaged = named[0]
    return PossibleEncodings(candidates, damaged)


class _ReadBytes:
    """The result of reading a whole text: which encodings decode it, and some of its bytes."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self.begin = self.sample = b""
        self._wide = {name: codecs.getincrementaldecoder(name)() for name in _WIDE}
        lenient = codecs.getincrementaldecoder("utf-8")("replace")
        seen = np.zeros(256, dtype=np.int64)
        broken = beyond_ascii = 0
        for piece in chain(pieces, [b""]):
            self.begin = (self.begin + piece)[:_SAMPLE]
            if self.sample:
                self.sample = (self.sample + piece)[:_SAMPLE]
            elif not piece.isascii():
                self.sample = _around(piece)
            seen += np.bincount(np.frombuffer(piece, np.uint8), minlength=256)
            self._try(piece)
            text = lenient.decode(piece, final=not piece)
            broken += text.count("\ufffd")
            beyond_ascii += len(text) - len(text.encode("ascii", "ignore"))
        self._seen = bytes(np.flatnonzero(seen).tolist())
        self.has_nul = bool(seen[0])
        self.is_mostly_utf_8 = 0 < broken < _FEW * beyond_ascii

    def decodes(self, encoding: str) -> bool:
        """Tell whether an encoding decodes all of the text."""
        if encoding in _WIDE:
            return encoding in self._wide
        try:
            return bool(self._seen.decode(encoding))
        except UnicodeError:
            return False

    def _try(self, piece: bytes) -> None:
        for name, decoder in list(self._wide.items()):
            try:
                decoder.decode(piece, final=not piece)
            except UnicodeError:
                del self._wide[name]


def _around(piece: bytes) -> bytes:
    """Return bytes from the line with the first byte that is not ASCII."""
    first = next(i for i, byte in enumerate(piece) if byte > 127)
    start = max(piece.rfind(b"\n", 0, first) + 1, first - _WIDTH // 2)
    return piece[start : start + _SAMPLE]


def _decoded(data: bytes, encoding: str) -> str:
    return codecs.getincrementaldecoder(encoding)().decode(data).removeprefix("\ufeff")


def _score(text: str, usual: str) -> float:
    """Return the share of the usual characters among those beyond ASCII.

    Usual letters of a Latin alphabet count only if their neighbours are ASCII; those of another script only if no
    neighbour is a Latin letter.
    """
    if not usual:  # UTF-8: text that decodes as UTF-8 is UTF-8
        return 1.0
    beside = r"[^\x00-\x7f]" if usual[0] in _LATIN else "[A-Za-z]"
    usual_ones = re.findall(f"(?<!{beside})[{usual}](?!{beside})", text)
    return len(usual_ones) / max(1, sum(c > "\x7f" for c in text))


def _unicode_score(text: str) -> float:
    """Return 1 for UTF-16 and UTF-32, 0 for other bytes: these decode to rare characters, with few ASCII or spaces."""
    printable = sum(c.isprintable() or c in "\t\n\r" for c in text)
    usual = max(50 * sum(c in " \n\r，。、\u3000" for c in text), 2 * sum(map(str.isascii, text)))
    return float(printable >= 0.98 * len(text) and usual >= len(text) > 0)


def _line(text: str) -> str:
    line = next((line for line in text.splitlines() if line.strip()), "")
    shown = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in line[:_WIDTH])
    return shown.strip() + ("..." if len(line) > _WIDTH else "")
