"""A text as symbols, for commands that read it once; and the visible form of a symbol."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from charlm.config import DataConfig
from charlm.text.documents import Separator
from charlm.text.preparing import source_paths
from charlm.text.reading import Facts, Files
from charlm.text.sources import STDIN, Source, StandardInput, sources_of
from charlm.text.vocab import END, Ids, Points, Position, Vocab

NEWLINE = ord("\n")


def passing_text(data: DataConfig) -> Files:
    """Return the text of a config's data section, to be read once; standard input is not copied to a file.

    Raises:
        TextError: there is no such text.
    """
    sources: list[Source] = []
    for path in source_paths(data.texts):
        sources += [StandardInput()] if path == STDIN else sources_of([path])
    return Files(sources, data.encoding, data.normalize, Separator.of(data))


def symbols_of(text: Files, vocab: Vocab) -> Iterator[tuple[Points, Ids]]:
    """Yield the code points of a text (or the values of its bytes) and their ids, piece by piece.

    For a model of lines, empty lines are left out, and the last line gets an end.

    Raises:
        TextError: it cannot be read or decoded, or has characters that the model does not know.
    """
    place, after, lines = Position(), NEWLINE, vocab.framing == "lines"
    for points in text.read(Facts()):
        before, place = place, place.after(points)
        ids = vocab.encode_points(points, lines=lines, before=before)
        previous = np.append(after, points[:-1])
        after = int(points[-1])
        if not lines:
            yield points, ids
        else:
            kept = (points != NEWLINE) | (previous != NEWLINE)
            yield points[kept], ids[kept]
    if lines and after != NEWLINE:
        yield np.array([NEWLINE], np.uint8), np.array([vocab.eos])


def beginning(text: Files, vocab: Vocab, most: int) -> tuple[Points, Ids]:
    """Return at most ``most`` first symbols of a text: code points and ids; see ``symbols_of``."""
    parts: list[tuple[Points, Ids]] = []
    left = most
    for points, ids in symbols_of(text, vocab):
        parts.append((points[:left], ids[:left]))
        left -= len(parts[-1][1])
        if left <= 0:
            break
    none = np.zeros(0, np.uint8)
    return (
        np.concatenate([none, *(points for points, _ in parts)]),
        np.concatenate([none, *(ids for _, ids in parts)]),
    )


def text_of_points(points: Sequence[Points], vocab: Vocab) -> str:
    """Return code points as a text; bytes that are not UTF-8 become lone surrogates. The last may be ``END``."""
    if vocab.is_bytes:
        values = np.concatenate(points)
        end = chr(END) if len(values) and values[-1] == END else ""
        data = values[: len(values) - len(end)].astype(np.uint8).tobytes()
        return data.decode("utf-8", "surrogateescape") + end
    return "".join(
        part.astype("<u4").tobytes().decode("utf-32-le", "surrogatepass") for part in points
    )


def written(symbol: str) -> str:
    r"""Return a symbol without control characters, for tables.

    Example:
        >>> [written(symbol) for symbol in ("a", " ", "\n", "\\", "<0x41>", "<0xC3>", "<EOS>")]
        ['a', ' ', '\\n', '\\\\', 'A', '<0xC3>', '<EOS>']
    """
    if len(symbol) == len("<0x41>") and symbol.startswith("<0x"):
        value = int(symbol[3:5], 16)
        symbol = chr(value) if value < 0x80 else symbol
    if len(symbol) == 1 and (symbol == "\\" or not (symbol.isprintable())):
        return repr(symbol)[1:-1]
    return symbol
