"""How `charlm sample` shows texts: plain, as JSON lines, or character by character with probabilities."""

from __future__ import annotations

import json
import sys
import unicodedata
from typing import Any, Protocol

from charlm.cli.terminal.phrases import json_line
from charlm.cli.terminal.streams import show
from charlm.lm.choices import NEXT_BEST, Choice
from charlm.text.vocab import Vocab
from charlm.wording import CUT_MARK, fixed

ESCAPES = {"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"}
"""The escapes in a field of a table with tabs."""


class Shown(Protocol):
    """Shows texts one after the other, piece by piece, without keeping them in memory."""

    def begin(self, number: int, prime: str) -> None:
        """Begin a text, counted from 1."""

    def add(self, characters: str) -> None:
        """Show more of the text."""

    def end(self, complete: bool) -> None:
        """End the text."""


class Plain:
    """Texts as they are.

    Args:
        of: the number of texts, for a numbered line before each; None for no such line.
        after: printed after each text.
        marks: whether a text that was cut at the limit gets a mark.
    """

    def __init__(self, of: int | None, after: str, marks: bool) -> None:
        self._of = of
        self._after = after
        self._marks = marks

    def begin(self, number: int, prime: str) -> None:
        """Begin a text, counted from 1."""
        border = "" if self._of is None else f"--- {number} of {self._of} ---\n"
        show(border + prime)

    def add(self, characters: str) -> None:
        """Show more of the text."""
        show(characters)

    def end(self, complete: bool) -> None:
        """End the text."""
        show((CUT_MARK if self._marks and not complete else "") + self._after)


class JsonLines:
    """An object on a line for each text, written while the text is generated.

    Args:
        about: the first fields of each object.
    """

    def __init__(self, about: dict[str, Any]) -> None:
        self._about = about

    def begin(self, number: int, prime: str) -> None:
        """Begin a text, counted from 1."""
        head = json_line({"number": number, **self._about, "prime": prime})
        show(f'{head[:-1]}, "text": "')

    def add(self, characters: str) -> None:
        """Show more of the text."""
        show(json_line(characters)[1:-1])

    def end(self, complete: bool) -> None:
        """End the text."""
        show(f'", "complete": {json.dumps(complete)}}}\n')


class Probabilities:
    """A line for each character: a table on a terminal, columns with tabs elsewhere, or JSON.

    Args:
        vocab: the symbols.
        as_json: whether each line is a JSON object.
        of: the number of texts.
    """

    def __init__(self, vocab: Vocab, as_json: bool, of: int) -> None:
        self._vocab = vocab
        self._as_json = as_json
        self._of = of
        self._is_table = sys.stdout.isatty() and not as_json

    def head(self) -> None:
        """Show the names of the columns."""
        if self._is_table:
            show("char      probability  rank  next best\n")
        elif not self._as_json:
            best = [f"next_{n}\tprobability_{n}" for n in range(1, NEXT_BEST + 1)]
            show("\t".join(["text", "symbol_id", "char", "probability", "rank", *best]) + "\n")

    def add(self, number: int, choice: Choice) -> None:
        """Show a character of a text, counted from 1."""
        symbols = self._vocab.symbols
        symbol = symbols[choice.symbol]
        if self._as_json:
            best = [[symbols[other], round(p, 6)] for other, p in choice.others]
            about = {"text": number, "symbol_id": choice.symbol, "char": symbol}
            p = round(choice.probability, 6)
            show(json_line({**about, "probability": p, "rank": choice.rank, "next": best}) + "\n")
        elif self._is_table:
            best_shown = "  ".join(f"{visible(symbols[o])} {fixed(p)}" for o, p in choice.others)
            place = f"{visible(symbol):<10}{fixed(choice.probability):>11}{choice.rank:>6}"
            show(f"{place}  {best_shown}\n")
        else:
            pairs = [(symbols[o], f"{p:.6f}") for o, p in choice.others]
            pairs += [("", "")] * (NEXT_BEST - len(pairs))
            begin = [str(number), str(choice.symbol), _field(symbol)]
            cells = [*begin, f"{choice.probability:.6f}", str(choice.rank)]
            show("\t".join([*cells, *(_field(cell) for pair in pairs for cell in pair)]) + "\n")

    def border(self, number: int) -> None:
        """Show on a terminal where a text begins, if there are several."""
        if self._is_table and self._of > 1:
            show(f"--- {number} of {self._of} ---\n")


def visible(symbol: str) -> str:
    r"""Return the visible form of a symbol for a table.

    Example:
        >>> visible("a"), visible("\n"), visible("\u0301"), visible("<EOS>")
        ("'a'", "'\\n'", "'\\u0301'", '<EOS>')
    """
    if len(symbol) != 1:
        return symbol
    return ascii(symbol) if unicodedata.category(symbol).startswith("M") else repr(symbol)


def _field(text: str) -> str:
    return "".join(ESCAPES.get(character, character) for character in text)
