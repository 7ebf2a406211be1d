"""The score of each line of a text, or of each document, if a model learned documents. The text is read once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from charlm.baselines.counting import nll_to_bpc
from charlm.lm.reader import Piece, Reader
from charlm.text.symbols import NEWLINE, text_of_points
from charlm.text.vocab import END, Ids, Points, Vocab


@dataclass(frozen=True)
class Span:
    """Symbols of one line or document: all of a short one, a part of a long one.

    Attributes:
        line: the number of the line, from 1.
        begin: the place of the first symbol in the line, from 1.
        points: their code points, or values of bytes.
        piece: what the model predicted.
        ends: whether the line ends here.
    """

    line: int
    begin: int
    points: Points
    piece: Piece
    ends: bool


@dataclass(frozen=True)
class LineScore:
    """The score of a line or document. Its end counts as one symbol; the last line of a stream may have no end.

    Attributes:
        line: its number, from 1.
        text: the line as the model read it, without its end.
        log_p: the log-probability in nats: the sum over its symbols.
        symbols: the number of symbols.
        bits: the surprisal of each symbol, in bits.
        ranks: how likely each was among all symbols, 1 for the likeliest.
    """

    line: int
    text: str
    log_p: float
    symbols: int
    bits: tuple[float, ...]
    ranks: tuple[int, ...]

    @property
    def bits_per_symbol(self) -> float:
        """The mean surprisal, which does not depend on the length of the line."""
        return nll_to_bpc(-self.log_p / self.symbols)


def spans(
    reader: Reader, text: Iterable[tuple[Points, Ids]], *, alone: bool = False
) -> Iterator[Span]:
    """Read a text, and yield its lines (or documents) as they are scored.

    Args:
        reader: the model, at the beginning of the text.
        text: its code points and ids, in parts.
        alone: begin every line with an empty state, as if there were no other lines.
    """
    line, begin, end = 1, 1, END if reader.vocab.framing == "documents" else NEWLINE
    for points, ids in text:
        for first, last in _bounds(points, end) if alone else [(0, len(points))]:
            done = first
            for piece in reader.read(ids[first:last]):
                read = points[done : done + len(piece.ids_T)]
                for start, stop in _bounds(read, end):
                    ends = bool(read[stop - 1] == end)
                    span = Span(line, begin, read[start:stop], piece[start:stop], ends)
                    yield span
                    line, begin = (line + 1, 1) if span.ends else (line, begin + stop - start)
                done += len(read)
            if alone and points[last - 1] == end:
                reader.restart()


def line_scores(parts: Iterable[Span], vocab: Vocab) -> Iterator[LineScore]:
    """Yield the score of each line when it ends. Only one line is in memory."""
    line: list[Span] = []
    for span in parts:
        line.append(span)
        if span.ends:
            yield _score(line, vocab)
            line = []
    if line:
        yield _score(line, vocab)


def _score(line: list[Span], vocab: Vocab) -> LineScore:
    pieces = [span.piece for span in line]
    nlls = np.concatenate([piece.nlls for piece in pieces])
    text = text_of_points([span.points for span in line], vocab)
    return LineScore(
        line=line[0].line,
        text=text[:-1] if line[-1].ends else text,
        log_p=-float(nlls.sum()),
        symbols=len(nlls),
        bits=tuple(np.concatenate([piece.bits for piece in pieces]).tolist()),
        ranks=tuple(np.concatenate([piece.ranks for piece in pieces]).tolist()),
    )


def _bounds(points: Points, mark: int) -> Iterator[tuple[int, int]]:
    """Yield where the lines of some code points begin and end; a mark is the last of a line."""
    start = 0
    for end in (*(np.flatnonzero(points == mark) + 1).tolist(), len(points)):
        if start < end:
            yield start, end
        start = end
