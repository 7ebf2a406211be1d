"""What the model of a run does with a text that it was not trained on: its surprisal, and how far back it looks.

This needs the checkpoint and the text of the run; everything else in a report is in the run's folder.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from charlm.lm.compute import decide, saved_by_reading
from charlm.lm.horizon import (
    SIDE_BY_SIDE,
    STEPS,
    Horizon,
    horizon,
    ngram_bits,
    places_of,
    text_to_read,
)
from charlm.lm.language_model import model_of
from charlm.lm.reader import Reader
from charlm.lm.run_text import corpus_of_run
from charlm.reporting.coloured import Mark
from charlm.reporting.horizon import in_words
from charlm.reporting.scores import marks_of
from charlm.runs.checkpoint import load_checkpoint

PAGE = 1_200
"""The characters whose surprisal is shown."""
PLACES = 100
"""The characters that are predicted to see how far back the model looks."""
READ, COUNTED = 20_000, 1_000_000
"""The most characters among which these places are, and those before them that the n-grams count."""


@dataclass(frozen=True)
class Look:
    """What a model does with a text.

    Attributes:
        part: which part of the run's text it is.
        marks: the beginning of it, coloured by rank.
        bits: the mean surprisal of these characters, in bits.
        horizon: how far back the model looks.
        ngrams: the scores of n-grams at the same places, by the number of characters that they see.
        said: the same in words.
    """

    part: str
    marks: list[Mark]
    bits: float
    horizon: Horizon
    ngrams: dict[int, float]
    said: list[str]


def look(run: Path) -> Look:
    """Read a text with the model of a run.

    Raises:
        CheckpointError: it has no checkpoint, or a damaged one.
        TextError: its text cannot be read again, or is not the same.
    """
    checkpoint = load_checkpoint(run)
    corpus = corpus_of_run(str(run), checkpoint, moved="")
    model = model_of(checkpoint)
    vocab = model.vocab
    ids, begin = text_to_read(corpus.train_ids[-COUNTED:], corpus.held_out_ids, vocab.start)
    ids = ids[: begin + READ]
    places = places_of(begin, len(ids), PLACES)
    steps = STEPS * len(places) + begin + PAGE
    saved = steps * saved_by_reading(model.config, len(vocab), SIDE_BY_SIDE)
    model.kernels = decide("auto", None, saved).functions()
    reader = Reader(model)
    for _ in reader.read(ids[1:begin]):
        pass  # the state before the page
    pieces = list(reader.read(ids[begin : begin + PAGE]))
    bits = sum(float(piece.bits.sum()) for piece in pieces)
    marks = [mark for piece in pieces for mark in marks_of(piece, vocab)]
    report = horizon(model, ids, places)
    ngrams = ngram_bits(corpus.train_ids[-COUNTED:], ids, places, len(vocab))
    part = "held-out part" if len(corpus.held_out_ids) else "training text"
    said = in_words(report, ngrams, vocab.unit, vocab.symbol)
    return Look(part, marks, bits / len(marks), report, ngrams, said)
