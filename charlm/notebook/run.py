"""A run in Python: its model, numbers, samples, scores and picture, and how it continues."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import attrs
import numpy as np

from charlm import display
from charlm.config import RunConfig, load_config
from charlm.errors import TextError
from charlm.files import home_expanded, path_of
from charlm.lm.compute import decide, saved_by_reading
from charlm.lm.language_model import CharLM, load_model, model_of
from charlm.lm.model import described
from charlm.lm.run_text import Split, corpus_of_run, part_of, text_ids
from charlm.lm.saved import config_of
from charlm.lm.scoring import Evaluation, score_text
from charlm.notebook.live import follow, with_bars
from charlm.notebook.rows import Rows
from charlm.notebook.settings import in_words_of_python, overrides_of
from charlm.reporting.pictures import content_of
from charlm.reporting.plot import curves
from charlm.reporting.report.facts import Facts
from charlm.runs.checkpoint import load_checkpoint, no_run
from charlm.runs.directory import RunDirectory
from charlm.runs.listing import RunStatus, status
from charlm.runs.mark import is_run
from charlm.text.preparing import kept_data
from charlm.text.sizes import unknown_sizes_of_part
from charlm.training.loop import Training
from charlm.wording import fixed, short


class Run:
    """A run: a training in a folder, finished or not. Everything is read from the folder when it is asked for.

    Args:
        folder: of the run, such as ``runs/srnn``, or a file in it.

    Raises:
        CheckpointError: no run is there.
        ArgumentError: ``folder`` is not a path.

    Example:
        >>> import charlm, tempfile
        >>> folder = tempfile.mkdtemp()
        >>> run = charlm.train("srnn", steps=20, folder=folder, progress=False)
        >>> again = charlm.Run(folder)
        >>> again.status.state, again.status.step, len(again.metrics)
        ('finished', 20, 4)
        >>> again.model.config.cell
        'rnn'
        >>> again.resume(steps=40, progress=False).status.step
        40
    """

    def __init__(self, folder: str | Path) -> None:
        path = Path(home_expanded(str(path_of(folder, "Run: folder"))))
        self.path = path.parent if path.is_file() else path
        if not is_run(self.path):
            raise no_run(path)
        self._directory = RunDirectory(self.path)

    @property
    def config(self) -> RunConfig:
        """The complete config."""
        return load_config(self._directory.config)

    @property
    def status(self) -> RunStatus:
        """How far it is, and whether it runs, has finished, was stopped or failed."""
        return status(self._directory)

    @property
    def metrics(self) -> Rows:
        """The logged numbers, in their order: ``step``, ``loss``, ``held_out_nll``, ``seconds``, ..."""
        return Rows(self._directory.read_metrics()[0])

    @property
    def samples(self) -> Rows:
        """The texts sampled while it trained, each with its ``step``."""
        return Rows({"step": step, "text": text} for step, text in self._directory.read_samples())

    @property
    def model(self) -> CharLM:
        """The model, loaded anew: the best by held-out score if there is one, else the last.

        Raises:
            CheckpointError: it is damaged, or the run ended before it was saved.
        """
        return load_model(self.path)

    def sample(self, length: int | None = None, **how: Any) -> str:
        """Return a text sampled from the model; the arguments are those of ``CharLM.sample``."""
        return self.model.sample(length, **how)

    def score(
        self,
        *texts: str | Path,
        split: Split = "val",
        cold: bool = False,
        dynamic: bool = False,
        mix: bool = False,
        progress: bool = True,
    ) -> Evaluation:
        """Return the model's score of a part of the run's text that it was not trained on, or of other texts.

        Args:
            texts: names or paths of other texts; by default the run's own.
            split: the part of its own text, ``val`` or ``test``.
            cold: begin with an empty state, not with the state after the text before.
            dynamic: learn from the text, from each piece after its score.
            mix: mix with n-grams of the training text.
            progress: whether to show a bar, if it takes long.

        Raises:
            TextError: a text cannot be read, or there is no such part.
        """
        how = {"cold": cold, "dynamic": dynamic, "mix": mix}
        return with_bars(progress, lambda: self._score(texts, split, **how))

    def _score(
        self, texts: Sequence[str | Path], split: Split, cold: bool, dynamic: bool, mix: bool
    ) -> Evaluation:
        checkpoint = load_checkpoint(self.path)
        model, data = model_of(checkpoint), config_of(checkpoint).data
        own = not texts
        train = None
        if own or dynamic or mix:
            corpus = corpus_of_run(self.path, checkpoint, data, moved="")
            train = corpus.train_ids
        if own:
            before, scored = part_of(corpus, split, data)
            if not len(scored):
                raise TextError(
                    f"{self.path}: no part of its text is kept for {split}: give a text to score, as in "
                    f"run.score('other.txt'), or train with {split}_frac=0.1"
                )
            ids, begin = np.append(before, scored), len(before)
            unknown = unknown_sizes_of_part(corpus, data, split)
        else:
            names = tuple(str(path_of(text, "score: a text")) for text in texts)
            other = attrs.evolve(data, text=names, val_file=None)
            (ids, unknown), begin = text_ids(kept_data(other), model.vocab), 1
        saved = saved_by_reading(model.config, len(model.vocab)) * len(ids[begin:])
        model.kernels = decide("auto", None, saved).functions()
        return score_text(
            model, ids, begin, train, cold=cold, dynamic=dynamic, mix=mix, unknown=unknown
        )

    def plot(self) -> Any:
        """Return the loss curves beside the baselines, as a matplotlib ``Figure``.

        Raises:
            MissingExtraError: matplotlib is not installed.
        """
        figure = curves([Facts.read(self.path)])
        # by itself, matplotlib shows a figure in a notebook only after pyplot was imported
        figure._repr_png_ = partial(content_of, figure)
        return figure

    def resume(
        self, settings: Mapping[str, Any] | None = None, *, progress: bool = True, **keywords: Any
    ) -> Run:
        """Continue the training from its last checkpoint, as if it had never stopped.

        Args:
            settings: settings that change, as of ``charlm.train``; only budgets and reports may.
            progress: whether to show the training.
            keywords: settings too, such as ``steps=2000``.

        Raises:
            ConfigError: a setting has changed that must not.
            RunBusyError: another process trains it.
        """
        overrides = overrides_of(keywords, settings)
        config = load_config(self._directory.config, overrides=overrides)
        with in_words_of_python(), self._directory.lock():
            checkpoint = load_checkpoint(self.path, "last")
            training = with_bars(
                progress, lambda: Training(config, self._directory, resume=checkpoint)
            )
            follow(training, progress)
        return self

    def _facts(self) -> list[tuple[str, str]]:
        now = self.status
        done = f"{now.step:,} of {now.steps:,}" if now.steps else f"{now.step:,}"
        facts = [("state", now.state), ("steps", done), ("model", described(self.config.model))]
        if now.loss is not None:
            facts.append(("loss", short(now.loss)))
        if now.best_nll is not None:
            facts.append(
                ("best held-out score", f"{fixed(now.best_nll)} at step {now.best_step:,}")
            )
        return facts

    def __repr__(self) -> str:
        facts = "; ".join(f"{name}: {value}" for name, value in self._facts())
        return f"<Run {self.path}; {facts}>"

    def _repr_html_(self) -> str:
        shown = display.table(self._facts(), caption=f"Run {self.path}")
        samples = self.samples
        return shown + (display.text(samples[-1]["text"]) if samples else "")
