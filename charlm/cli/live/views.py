"""What `charlm train` prints on stdout: losses, scores and samples, in a form for each framing of the text."""

from __future__ import annotations

from typing import Protocol

from charlm.cli.terminal.layout import filled
from charlm.cli.terminal.phrases import marked
from charlm.cli.terminal.scores import shown_perplexity
from charlm.cli.terminal.screen import Screen
from charlm.reporting.verdicts import History, Verdicts
from charlm.training.events import Evaluated, Event, Logged, Sampled
from charlm.training.loop import Training
from charlm.wording import fixed

VERDICT = " " * 14
"""The indentation of the lines below a held-out score."""


class Viewer(Protocol):
    """Shows the events of a training."""

    def show(self, event: Event) -> None:
        """Show an event, or ignore it."""
        ...


class LineView:
    """One line a step, as in the tutorial: the loss, a tab, and a sample."""

    def __init__(self, screen: Screen, training: Training) -> None:
        self._screen = screen
        self._unit = training.corpus.vocab.unit
        self._loss: str | None = None

    def show(self, event: Event) -> None:
        """Print the event, if it belongs on stdout."""
        match event:
            case Logged():
                self._loss = fixed(event.loss, 10)
            case Sampled():
                self._flush("\t" + marked(event.sample))
            case Evaluated():
                self._flush()
                nats, bits = fixed(event.score.nll), fixed(event.score.bpc)
                self._screen.result(f"held-out {nats} nats/{self._unit}, {bits} bits/{self._unit}")
            case _:
                self._flush()

    def _flush(self, sample: str = "") -> None:
        if self._loss is not None or sample:
            self._screen.result((self._loss or "") + sample)
            self._loss = None


class TextView:
    """Losses, held-out scores with their meaning beside the baselines, and samples, those of a stream as blocks.

    The training loss of lines is per line, their held-out score per character.
    """

    def __init__(self, screen: Screen, training: Training) -> None:
        self._screen = screen
        self._unit = training.corpus.vocab.unit
        self._framing = training.corpus.vocab.framing
        self._verdicts: Verdicts | None = None
        if training.corpus.has_held_out and training.directory is not None:
            directory = training.directory
            history = History.read(directory)
            self._verdicts = Verdicts(training.corpus, directory.path, history)

    def show(self, event: Event) -> None:
        """Print the event, if it belongs on stdout."""
        match event:
            case Logged():
                unit = "line" if self._framing == "lines" else self._unit
                self._screen.result(
                    f"step {event.step:>6}   loss     {fixed(event.loss)} nats/{unit}"
                )
                if self._verdicts is not None:
                    self._verdicts.logged(event.step, event.loss)
            case Evaluated():
                score = event.score
                self._screen.result(
                    f"step {event.step:>6}   held-out {fixed(score.nll)} nats/{self._unit}, "
                    f"{fixed(score.bpc)} bits/{self._unit}, perplexity {shown_perplexity(score.perplexity)}"
                )
                said = self._verdicts and self._verdicts.evaluated(event.step, score.nll)
                if said:
                    self._screen.result(filled(said, VERDICT, VERDICT))
            case Sampled() if self._framing == "lines":
                self._screen.result(f"step {event.step:>6}   sample   {marked(event.sample)}")
            case Sampled():
                cut = "" if event.sample.complete else " cut: it had no end"
                self._screen.result(
                    f"--- sample at step {event.step} ---\n{event.sample.text}\n---{cut}"
                )
