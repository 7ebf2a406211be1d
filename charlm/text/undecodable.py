"""What is said of a file that is not the text that it is taken for: what it is, and what makes a text of it."""

from __future__ import annotations

import codecs
import re

from charlm.errors import TextError, UndecodableTextError
from charlm.text.candidates import candidates
from charlm.text.kinds import HEAD, Kind, kind_of, quoted, target
from charlm.text.sources import Source

_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]")
_MANY = 0.05
"""A text with this share of control characters is none, though its bytes decode."""


def undecodable(source: Source, encoding: str, error: UnicodeError, read: int) -> TextError:
    """Return the error for a file that the encoding does not decode, of which some bytes were read."""
    kind = kind_of_file(source)
    if kind is not None:
        return TextError(f"{source.name}: it is {kind.name}; {kind.remedy(source.path)}")
    codec = codecs.lookup(encoding).name
    found = f"{source.name}: not {'UTF-8' if codec == 'utf-8' else encoding}"
    if isinstance(error, UnicodeDecodeError):
        offset = read - len(error.object) + error.start
        wrong = error.object[error.start : error.end][:8].hex(" ")
        found += f" at byte offset {offset} (hex {wrong}: {error.reason})"
    else:
        found += f" ({error})"
    return _with_candidates(source, found, codec)


def disguised(source: Source, text: str) -> TextError | None:
    """Return the error for a file whose bytes are UTF-8 by chance, by its first characters: UTF-16 may be."""
    if len(_CONTROL.findall(text)) < _MANY * len(text):
        return None
    error = _with_candidates(source, f"{source.name}: many control characters", "utf-8")
    return error if error.encodings else None


def kind_of_file(source: Source) -> Kind | None:
    """Return what kind of file it is, if it is known not to be a plain text."""
    return kind_of(source.path, next(source.pieces(), b"")[:HEAD])


def _with_candidates(source: Source, found: str, codec: str) -> UndecodableTextError:
    tried = candidates(source.pieces())
    if not tried:
        return UndecodableTextError(
            found, "; no usual encoding makes a text of it", "give a text file"
        )
    lines = "\n".join(f"  {candidate.encoding:<10}  {candidate.line}" for candidate in tried)
    wanted = codec.replace("_", "-")
    files = f"{quoted(source.path)} > {target(source.path, f'.{wanted}.txt')}"
    command = f"iconv -f {tried[0].encoding} -t {wanted} {files}"
    return UndecodableTextError(
        found,
        f". A line of it in the encodings that decode all of it:\n{lines}\nTake the one that reads right",
        f"convert the file with {command}",
        tuple(candidate.encoding for candidate in tried),
    )
