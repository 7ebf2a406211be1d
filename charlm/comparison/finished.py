"""Runs that are trained already, as models of a comparison."""

from __future__ import annotations

from pathlib import Path

import attrs

from charlm.comparison.comparable import Contender
from charlm.comparison.heldout import HeldOutText
from charlm.config import RunConfig
from charlm.lm.compute import decide, saved_by_reading
from charlm.lm.language_model import CharLM, model_of
from charlm.lm.run_text import corpus_of_run
from charlm.lm.saved import config_of
from charlm.runs.checkpoint import Checkpoint, load_checkpoint
from charlm.text.corpus import LineCorpus, StreamCorpus


@attrs.frozen
class FinishedRun:
    """A run with its weights, the best in training if it has them, and its text.

    Raises:
        CheckpointError: there is no run, or it is damaged.
        TextError: its text is missing, or has changed.
    """

    path: Path
    checkpoint: Checkpoint
    config: RunConfig
    corpus: LineCorpus | StreamCorpus

    @classmethod
    def read(cls, path: Path) -> FinishedRun:
        """Read the run in a folder."""
        checkpoint = load_checkpoint(path)
        corpus = corpus_of_run(path, checkpoint, moved="")
        return cls(path, checkpoint, config_of(checkpoint), corpus)

    def contender(self, name: str) -> Contender:
        """Return the run as a model of a comparison."""
        data = self.config.data
        held_out = HeldOutText(self.corpus, data) if self.corpus.has_held_out else None
        return Contender(name=name, data=data, corpus=self.corpus, held_out=held_out, finished=True)

    def model(self) -> CharLM:
        """Return the model."""
        model = model_of(self.checkpoint)
        saved = saved_by_reading(model.config, len(model.vocab)) * len(self.corpus.held_out_ids)
        model.kernels = decide("auto", None, saved).functions()
        return model
