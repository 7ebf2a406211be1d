"""Errors about a file that cannot be read as the text it should be: what it is, and how to get a text out of it."""

from __future__ import annotations

import codecs
import re
from collections.abc import Sequence

from charlm.errors import TextError, UndecodableTextError
from charlm.text.candidates import Candidate, look
from charlm.text.kinds import HEAD, Kind, free_name, kind_of, quoted
from charlm.text.sources import Source

_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]")
_MANY, _SHORT = 0.05, 16
"""A file of ``_SHORT`` characters or more with this share of control characters is not a text."""


def undecodable(source: Source, encoding: str, error: UnicodeError, read: int) -> TextError:
    """Return the error for a file that the encoding does not decode, of which some bytes were read."""
    kind = _kind_of_file(source)
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
    known = look(source.pieces())
    if known.damaged:
        choice = (
            f"; it is in {known.damaged.upper()}, but damaged in some places, which can be left out"
        )
        options = f"-c -f {known.damaged}"
        return UndecodableTextError(found, choice, _converted(source, options, codec))
    if known.candidates:
        return _to_choose(source, found, codec, known.candidates)
    return UndecodableTextError(found, "; no usual encoding can decode it", "give a text file")


def refuse_disguised(source: Source, text: str) -> None:
    """Refuse a file whose bytes are UTF-8 by chance, by its first characters: UTF-16 may be.

    Raises:
        UndecodableTextError: it is in UTF-16 or UTF-32.
    """
    if len(_CONTROL.findall(text)) < _MANY * len(text) or len(text) < _SHORT:
        return
    found = look(source.pieces()).candidates
    if found and found[0].encoding.startswith(("utf-16", "utf-32")):
        reason = f"{source.name}: many control characters, because it is UTF-16 or UTF-32 without a byte order mark"
        raise _to_choose(source, reason, "utf-8", found)


def more_than_text(source: Source) -> str | None:
    """Say of a file that could be decoded that it is more than a text, if it is."""
    kind = _kind_of_file(source)
    if kind is None:
        return None
    return f"{source.name} is {kind.name}, and the model learns all that is in it; {kind.remedy(source.path)}"


def _kind_of_file(source: Source) -> Kind | None:
    return kind_of(source.path, next(source.pieces(), b"")[:HEAD])


def _to_choose(
    source: Source, reason: str, codec: str, found: Sequence[Candidate]
) -> UndecodableTextError:
    lines = "\n".join(f"  {candidate.encoding:<10}  {candidate.line}" for candidate in found)
    return UndecodableTextError(
        reason,
        f". A line of it in each encoding that can decode all of it:\n{lines}\nChoose the one that you can read",
        _converted(source, f"-f {found[0].encoding}", codec),
        tuple(candidate.encoding for candidate in found),
    )


def _converted(source: Source, options: str, codec: str) -> str:
    wanted = codec.replace("_", "-").removesuffix("-sig")  # iconv has no name for a mark
    new = free_name(source.path, f".{wanted}.txt")
    return f"convert the file with iconv {options} -t {wanted} {quoted(source.path)} > {new}"
