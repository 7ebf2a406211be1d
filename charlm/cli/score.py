"""`charlm score`: scores a text line by line, or character by character, while it is read."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import click

from charlm import progress
from charlm.baselines.counting import nll_to_bpc
from charlm.cli.eval import data_of
from charlm.cli.terminal.phrases import json_line
from charlm.cli.terminal.screen import Screen
from charlm.cli.terminal.streams import show
from charlm.errors import TextError
from charlm.files import write_atomically
from charlm.lm.compute import decide, saved_by_reading
from charlm.lm.language_model import CharLM, model_of
from charlm.lm.lines import LineScore, Span, line_scores, spans
from charlm.lm.reader import Reader
from charlm.lm.saved import config_of
from charlm.reporting.coloured import RANKS, ansi, ansi_legend
from charlm.reporting.scores import ScorePage, marks_of
from charlm.runs.checkpoint import checkpoint_file, load_checkpoint
from charlm.text.reading import Files
from charlm.text.symbols import passing_text, symbols_of, written
from charlm.text.vocab import Vocab
from charlm.wording import counted, cut, fixed


def score(
    obj: dict[str, Any],
    run: str,
    texts: tuple[str, ...],
    alone: bool,
    per_char: bool,
    color: bool,
    page: Path | None,
    as_json: bool,
    encoding: str | None,
    checkpoint: str | None,
    kernels: str | None,
) -> int:
    """Run ``charlm score`` and return the exit code."""
    screen = Screen(obj)
    forms = {"--per-char": per_char, "--color": color, "--html": page, "--json": as_json}
    asked = [name for name, value in forms.items() if value]
    if len(asked) > 1 and asked != ["--per-char", "--json"]:
        raise click.UsageError(f"{' and '.join(asked)} are different forms of the result: give one")
    loaded = load_checkpoint(run, checkpoint)
    model = model_of(loaded)
    data = data_of(texts, encoding, config_of(loaded).data, model.vocab)
    text = passing_text(data)
    size = _size(text)
    saved = size * saved_by_reading(model.config, len(model.vocab))
    model.kernels = decide(kernels or "auto", None, saved).functions()
    screen.say(f"{checkpoint_file(run, checkpoint)}: {_how_read(model, alone)}")
    total = Total(model.vocab)
    with _progress(2 * size):
        read = _counted(symbols_of(text, model.vocab))
        scored = total.counting(spans(Reader(model), read, alone=alone))
        if page is not None:
            written_page = ScorePage(model.vocab)
            written_page.take(scored)
            write_atomically(page, written_page.html(Path(run).absolute().name, texts).encode())
        else:
            _show_scores(scored, model.vocab, color, per_char, as_json)
    if not total.symbols:
        raise TextError(
            f"{', '.join(texts)}: has no {_numbered(model.vocab)} to score; give a text with at least one"
        )
    screen.say(total.words())
    if page is not None:
        screen.say(f"page written to {page}")
    return 0


def _show_scores(
    scored: Iterable[Span], vocab: Vocab, color: bool, per_char: bool, as_json: bool
) -> None:
    if color:
        click.echo(ansi_legend(RANKS), color=True)
        for span in scored:
            show(ansi(marks_of(span.piece, vocab)))
    elif per_char and not as_json:
        _table(scored, vocab)
    else:
        for line in line_scores(scored, vocab):
            show(_json(line, vocab, per_char) if as_json else _row(line, vocab))


class Total:
    """The score of the whole text."""

    def __init__(self, vocab: Vocab) -> None:
        self._vocab = vocab
        self.symbols = 0
        self.unknown = 0
        self.nll = 0.0

    def counting(self, parts: Iterable[Span]) -> Iterator[Span]:
        """Yield the spans, and add up their scores."""
        for span in parts:
            self.symbols += len(span.points)
            self.nll += float(span.piece.nlls.sum())
            if self._vocab.unknown is not None:
                self.unknown += int((span.piece.ids_T == self._vocab.unknown).sum())
            yield span

    def words(self) -> str:
        """Return the score of the whole text, in the units of `charlm eval`."""
        unit, nll = self._vocab.unit, self.nll / self.symbols
        said = f"{counted(self.symbols, self._vocab.symbol)}: {nll:.4f} nats/{unit}, {nll_to_bpc(nll):.4f} bits/{unit}"
        if self.unknown:
            said += f"; the model does not know {self.unknown:,} of them, which are scored as <UNK>"
        return said


def _how_read(model: CharLM, alone: bool) -> str:
    if model.vocab.eos is not None:
        return f"each {model.vocab.text} from its start to {model.vocab.symbols[-1]}"
    if alone:
        return "each line alone, with an empty state at its start"
    return "the state is carried from line to line"


def _size(text: Files) -> int:
    """Return the size of the files in bytes, as far as it is known before they are read."""
    paths = [source.path for source in text.sources]
    return sum(path.stat().st_size for path in paths if path.is_file())


def _progress(total: int) -> AbstractContextManager[None]:
    """Show the progress, unless the lines go to the terminal, where they show it and a bar would break them."""
    return contextlib.nullcontext() if sys.stdout.isatty() else progress.task("scoring", total)


def _counted(parts: Iterable[Any]) -> Iterator[Any]:
    for points, ids in parts:
        yield points, ids
        progress.advance(len(ids))


def _row(line: LineScore, vocab: Vocab) -> str:
    # of a document, its beginning: it may have many lines
    text = cut(" ".join(line.text.split())) if vocab.framing == "documents" else line.text
    return f"{fixed(line.log_p)}\t{fixed(line.bits_per_symbol)}\t{text}\n"


def _json(line: LineScore, vocab: Vocab, per_char: bool) -> str:
    about: dict[str, Any] = {
        _numbered(vocab): line.line,
        "text": line.text,
        "log_probability": line.log_p,
        f"{vocab.unit}s": line.symbols,
        f"bits_per_{vocab.unit}": line.bits_per_symbol,
    }
    if per_char:
        about |= {"surprisal_bits": line.bits, "ranks": line.ranks}
    return json_line(about) + "\n"


def _numbered(vocab: Vocab) -> str:
    """Return what has a number and a score."""
    return "document" if vocab.framing == "documents" else "line"


def _table(parts: Iterable[Span], vocab: Vocab) -> None:
    show(f"{_numbered(vocab)}\tchar_id\tchar\tsurprisal_bits\trank\n")
    for span in parts:
        rows = zip(span.piece.ids_T, span.piece.bits, span.piece.ranks, strict=True)
        show(
            "".join(
                f"{span.line}\t{place}\t{written(vocab.symbols[i])}\t{fixed(bits)}\t{rank}\n"
                for place, (i, bits, rank) in enumerate(rows, span.begin)
            )
        )
