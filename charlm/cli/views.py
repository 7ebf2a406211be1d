"""What `charlm train` prints on stdout: losses, scores and samples, as they suit the text's framing."""

from __future__ import annotations

from typing import Protocol

from charlm.baselines.counting import nll_to_bpc
from charlm.cli.output import Screen, marked
from charlm.training.events import Evaluated, Event, Logged, Sampled, Started


class Viewer(Protocol):
    """What is shown every event."""

    def show(self, event: Event) -> None:
        """Show an event, or pass it over."""
        ...


class LineView:
    """The tutorial's lines: the loss, a tab, and a text of the model's."""

    def __init__(self, screen: Screen, unit: str) -> None:
        self._screen = screen
        self._unit = unit
        self._loss: str | None = None

    def show(self, event: Event) -> None:
        """Print what belongs on stdout of an event."""
        if isinstance(event, Sampled):
            self._flush("\t" + marked(event.sample))
        elif not isinstance(event, Logged):
            self._flush()
        else:
            self._loss = f"{event.loss:.10f}"
        if isinstance(event, Evaluated):
            score = event.score
            self._screen.result(
                f"held-out {score.nll:.4f} nats/{self._unit}, {score.bpc:.4f} bits/{self._unit}"
            )

    def _flush(self, sample: str = "") -> None:
        if self._loss is not None or sample:
            self._screen.result((self._loss or "") + sample)
            self._loss = None


class StreamView:
    """Losses per character, beside what counting single characters would reach, and samples as blocks."""

    def __init__(self, screen: Screen, unit: str) -> None:
        self._screen = screen
        self._unit = unit
        self._baseline = ""

    def show(self, event: Event) -> None:
        """Print what belongs on stdout of an event."""
        if isinstance(event, Started) and event.unigram_nll is not None:
            bits = nll_to_bpc(event.unigram_nll)
            self._baseline = f"   (unigram {event.unigram_nll:.4f} nats, {bits:.4f} bits)"
        elif isinstance(event, Logged):
            self._screen.result(
                f"step {event.step:>6}   loss     {event.loss:.4f} nats/{self._unit}"
            )
        elif isinstance(event, Evaluated):
            score = event.score
            self._screen.result(
                f"step {event.step:>6}   held-out {score.nll:.4f} nats/{self._unit}, "
                f"{score.bpc:.4f} bits/{self._unit}{self._baseline}"
            )
        elif isinstance(event, Sampled):
            self._screen.result(f"--- sample at step {event.step} ---\n{event.sample.text}\n---")
