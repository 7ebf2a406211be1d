"""Errors about files that are not text or have another encoding, with advice how to convert them."""

from __future__ import annotations

import codecs
import re
from collections.abc import Sequence

from charlm.errors import TextError, UndecodableTextError
from charlm.text.candidates import Candidate, possible_encodings
from charlm.text.kinds import HEAD, Kind, free_name, kind_of, quoted
from charlm.text.sources import Source

_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]")
_MANY, _SHORT = 0.05, 16
"""A file with this share of control characters is not text, unless it has fewer than ``_SHORT`` characters."""


def undecodable(source: Source, encoding: str, error: UnicodeError, read: int) -> TextError:
    """Return the error for a file that the encoding cannot decode; ``read`` is the number of bytes read so far."""
    kind = _kind_of_file(source)
    if kind is not None:
        return TextError(f"{source.name}: it is {kind.name}; {kind.remedy(source.path)}")
    codec = codecs.lookup(encoding).name
    reason = f"{source.name}: not {'UTF-8' if codec == 'utf-8' else encoding}"
    if isinstance(error, UnicodeDecodeError):
        offset = read - len(error.object) + error.start
        wrong = error.object[error.start : error.end][:8].hex(" ")
        reason += f" at byte offset {offset} (hex {wrong}: {error.reason})"
    else:
        reason += f" ({error})"
    encodings = possible_encodings(source.pieces())
    if encodings.damaged:
        choice = f"; it is in {encodings.damaged.upper()}, but damaged in some places, which can be left out"
        options = f"-c -f {encodings.damaged}"
        return UndecodableTextError(reason, choice, _converted(source, options, codec))
    if encodings.candidates:
        return _to_choose(source, reason, codec, encodings.candidates)
    return UndecodableTextError(reason, "; no usual encoding can decode it", "give a text file")


def refuse_disguised(source: Source, text: str) -> None:
    """Refuse a file in UTF-16 or UTF-32 whose bytes are UTF-8 by chance, by its first characters.

    Raises:
        UndecodableTextError: it is in UTF-16 or UTF-32.
    """
    if len(_CONTROL.findall(text)) < _MANY * len(text) or len(text) < _SHORT:
        return
    candidates = possible_encodings(source.pieces()).candidates
    if candidates and candidates[0].encoding.startswith(("utf-16", "utf-32")):
        reason = f"{source.name}: many control characters, because it is UTF-16 or UTF-32 without a byte order mark"
        raise _to_choose(source, reason, "utf-8", candidates)


def more_than_text(source: Source) -> str | None:
    """Return a note if a decoded file is not plain text, such as HTML."""
    kind = _kind_of_file(source)
    if kind is None:
        return None
    return f"{source.name} is {kind.name}, and the model learns all that is in it; {kind.remedy(source.path)}"


def _kind_of_file(source: Source) -> Kind | None:
    return kind_of(source.path, next(source.pieces(), b"")[:HEAD])


def _to_choose(
    source: Source, reason: str, codec: str, candidates: Sequence[Candidate]
) -> UndecodableTextError:
    lines = "\n".join(f"  {candidate.encoding:<10}  {candidate.line}" for candidate in candidates)
    return UndecodableTextError(
        reason,
        f". A line of it in each encoding that can decode all of it:\n{lines}\nChoose the one that you can read",
        _converted(source, f"-f {candidates[0].encoding}", codec),
        tuple(candidate.encoding for candidate in candidates),
    )


def _converted(source: Source, options: str, codec: str) -> str:
    target = codec.replace("_", "-").removesuffix("-sig")  # iconv has no name for a mark
    new = free_name(source.path, f".{target}.txt")
    return f"convert the file with iconv {options} -t {target} {quoted(source.path)} > {new}"
