"""``charlm.train``: train a model with one call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from charlm.config import Override, RunConfig, Start, is_config, load_config, needs_text
from charlm.errors import InputError
from charlm.files import home_expanded, path_of
from charlm.notebook.live import follow, with_bars
from charlm.notebook.run import Run
from charlm.notebook.settings import in_words_of_python, overrides_of
from charlm.runs.directory import RunDirectory
from charlm.training.loop import Training
from charlm.training.speed import machine_speed
from charlm.training.transfer import start_of


def train(
    *sources: str | Path | RunConfig,
    folder: str | Path | None = None,
    force: bool = False,
    preset: str | None = None,
    init_from: str | Path | None = None,
    finetune: str | Path | None = None,
    resume: str | Path | Run | None = None,
    settings: Mapping[str, Any] | None = None,
    progress: bool = True,
    **keywords: Any,
) -> Run:
    """Train a model, show how it goes, and return the run.

    Ctrl-C (in a notebook: interrupt the kernel) saves the run, ends the training, and the function returns the run,
    which ``Run.resume`` continues. A second Ctrl-C ends it without saving.

    Args:
        sources: a config (a bundled name, a ``.yaml`` file, or what ``charlm.load_config`` returns), texts (files,
            folders, patterns), or a config and texts, as of `charlm train`. Without any, the tutorial.
        folder: of the run; by default ``runs/NAME``, with a number if that exists.
        force: replace the run that is in the folder.
        preset: ``small``, ``medium`` or ``large``, for texts; by default by their size.
        init_from: a run; the training starts from its weights, with its sizes.
        finetune: as ``init_from``, with a lower learning rate and a short warm-up.
        resume: a run to continue, instead of sources.
        settings: values by key of the config, such as ``{"model.layers": 2}``.
        progress: whether to show a bar, the last losses and a sample.
        keywords: values by the name of a key, such as ``steps=1000``, ``hidden_dim=256`` or ``lr=0.002``.
            ``steps``, ``epochs`` or ``max_time`` replaces all three limits of the config.

    Raises:
        ConfigError: a setting has a wrong value.
        TextError: the text cannot be read or used.
        RunExistsError: the folder holds a run already.
        ArgumentError: an argument is of a wrong type, or there is no such setting.

    Example:
        >>> import charlm, tempfile
        >>> run = charlm.train("srnn", steps=50, folder=tempfile.mkdtemp(), progress=False)
        >>> run.samples[-1]["step"]
        46
        >>> run.sample(seed=1, temperature=0.2)
        'a quick brown fox jumped over the lazy dog'
    """
    if resume is not None:
        if sources or folder or force or preset or init_from or finetune:
            raise InputError(
                "train: resume continues a run: leave out the config, the texts, folder, force, preset, init_from "
                "and finetune"
            )
        run = resume if isinstance(resume, Run) else Run(resume)
        return run.resume(settings, progress=progress, **keywords)
    if init_from is not None and finetune is not None:
        raise InputError("train: init_from and finetune both name a run to start from; give one")
    other = init_from if finetune is None else finetune
    start, weights = (None, None) if other is None else start_of(other, tunes=finetune is not None)
    with in_words_of_python():
        config = _config_of(sources, overrides_of(keywords, settings), preset, start)
    training = with_bars(progress, lambda: Training(config, init_from=weights))
    with in_words_of_python():
        directory = _directory(config.name, folder, force)
    with directory.lock():
        training.directory = directory
        follow(training, progress)
    return Run(directory.path)


def _config_of(
    sources: Sequence[str | Path | RunConfig],
    overrides: Sequence[Override],
    preset: str | None,
    start: Start | None,
) -> RunConfig:
    """Return the config that the sources and settings make."""
    if sources and isinstance(sources[0], RunConfig):
        if sources[1:] or overrides or preset:
            raise InputError(
                "train: this config is complete; give texts, settings and preset to charlm.load_config, which makes it"
            )
        if start is not None and start.tunes:
            raise InputError(
                "train: finetune sets a learning rate, but this config is complete; use init_from, and set the rate "
                "in the config"
            )
        return sources[0]
    names = [str(path_of(source, "train: a config or text")) for source in sources]
    source = names[0] if names and is_config(names[0]) else None
    texts = names if source is None else names[1:]
    if needs_text(source) and not texts:
        raise InputError(
            f"{source}: this config has no text; name yours, as in charlm.train({source!r}, 'novel.txt')"
        )
    return load_config(
        source,
        texts=texts,
        overrides=overrides,
        preset=preset,
        start=start,
        speed=machine_speed,
    )


def _directory(name: str, folder: str | Path | None, force: bool) -> RunDirectory:
    if folder is None:
        return RunDirectory.create_default(name)
    path = home_expanded(str(path_of(folder, "train: folder")))
    return RunDirectory.create_named(Path(path), force=force)
