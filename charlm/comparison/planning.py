"""From models, runs and budgets to the plan of a comparison: read the texts, and check what can be compared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TypeAlias

import attrs

from charlm.baselines.measure import Baselines, measure
from charlm.comparison.budgets import EqualBudget, parameters_of
from charlm.comparison.comparable import Contender, Ground, common_ground
from charlm.comparison.finished import FinishedRun
from charlm.comparison.heldout import HeldOutText
from charlm.comparison.plan import Member, Plan
from charlm.config import DataConfig, NamedModel, RunConfig, TrainConfig
from charlm.errors import InputError
from charlm.lm.compute import decide, operations_per_character
from charlm.text.corpus import LineCorpus, StreamCorpus
from charlm.text.preparing import corpus_of, kept_data
from charlm.threads import cores
from charlm.training.budget import Budget
from charlm.training.work import seconds_saved

Corpus: TypeAlias = LineCorpus | StreamCorpus

WINDOW = 20
"""A noisy loss in training is averaged over this many steps."""


@attrs.frozen(kw_only=True)
class Options:
    """How the models of a comparison are trained.

    Attributes:
        seeds: the number of seeds of each model.
        budget: what all of them get.
        kernels: of all models; None: those of the base.
        threads: of each training; None: those of its config, or what suits the work.
        workers: trainings at the same time. All together, they get no more threads than there are cores.
    """

    seeds: int = 5
    budget: EqualBudget = attrs.field(factory=EqualBudget)
    kernels: str | None = None
    threads: int | None = None
    workers: int = 1


def plan_of(
    name: str,
    models: Sequence[NamedModel],
    runs: Sequence[Path] = (),
    options: Options = Options(),
    thresholds: tuple[float, ...] = (),
    base: RunConfig | None = None,
) -> Plan:
    """Return the plan of a comparison.

    Args:
        name: of the comparison.
        models: to be trained.
        runs: the folders of runs that are trained already.
        options: how the models are trained.
        thresholds: see ``Plan``.
        base: has the first seed and the kernels of all models; by default the first model.

    Raises:
        InputError: some of the models cannot be compared; the error names what differs.
        TextError: a text cannot be read.
    """
    texts = _Texts()
    taken = [model.name for model in models] + [path.absolute().name for path in runs]
    trained = [_named_run(path, taken) for path in runs]
    contenders = [texts.contender(model) for model in models]
    finished = [run.contender(called) for called, run in trained]
    names = tuple(c.name for c in (*contenders, *finished))
    _check_once(names)
    ground = _ground([*contenders, *finished])
    configs = [
        attrs.evolve(options.budget.applied(m.config, c.corpus), data=c.data)
        for m, c in zip(models, contenders, strict=True)
    ]
    shared = (base or models[0].config).train if models else TrainConfig()
    configs = _with_compute(configs, contenders, options, options.kernels or shared.kernels)
    members = [
        _member(contender, config, seed, ground)
        for seed in range(shared.seed, shared.seed + options.seeds)
        for config, contender in zip(configs, contenders, strict=True)
    ]
    if ground is None and any(member.budget.steps is None for member in members):
        raise InputError(
            "nothing is held out, so the models are compared after equal numbers of steps; give --budget steps=N"
        )
    members += [_of_run(called, run, ground) for called, run in trained]
    first = (contenders or finished)[0].corpus
    lines = first.vocab.framing == "lines"
    return Plan(
        name=name,
        models=names,
        members=tuple(members),
        thresholds=thresholds,
        notes=(*(ground.notes if ground else ()), *_notes(configs, contenders, options.budget)),
        per_byte=ground is not None and ground.per_byte,
        lines=lines,
        window=min(WINDOW, len(first.train)) if isinstance(first, LineCorpus) and lines else WINDOW,
    )


def baselines_of(plan: Plan) -> Baselines:
    """Return the scores of models without a network, on the symbols and the held-out text of the first model."""
    first = next(member for member in plan.members if member.name == plan.models[0])
    corpus = FinishedRun.read(first.run).corpus if first.run else corpus_of(first.config.data)
    return measure(corpus.vocab, corpus.train_ids, corpus.held_out_ids)


class _Texts:
    """The texts of the models, each read once."""

    def __init__(self) -> None:
        self._kept: dict[tuple[tuple[str, ...], str | None], DataConfig] = {}
        self._read: dict[DataConfig, tuple[Corpus, HeldOutText | None]] = {}

    def contender(self, model: NamedModel) -> Contender:
        """Return a model with its text."""
        given = model.config.data
        places = (given.texts, given.val_file)
        if places not in self._kept:  # standard input can be read only once
            self._kept[places] = kept_data(given)
        kept = self._kept[places]
        data = attrs.evolve(given, text=kept.text, val_file=kept.val_file)
        if data not in self._read:
            corpus = corpus_of(data)
            self._read[data] = corpus, HeldOutText(corpus, data) if corpus.has_held_out else None
        corpus, held_out = self._read[data]
        return Contender(name=model.name, data=data, corpus=corpus, held_out=held_out)


def _check_once(names: Sequence[str]) -> None:
    """Refuse a model that is given several times."""
    for name in names:
        if names.count(name) > 1:
            raise InputError(f"{name}: given {names.count(name)} times; give each model once")


def _ground(contenders: Sequence[Contender]) -> Ground | None:
    """Return the held-out text on which the models are compared; None if none of them holds text out."""
    if any(contender.held_out is not None for contender in contenders):
        return common_ground(contenders)
    short = [c.name for c in contenders if c.data.val_frac > 0 or c.data.val_file is not None]
    if short:
        raise InputError(
            f"the text is too short: not one character of it is held out in {', '.join(short)}; give a longer text"
        )
    finished = [contender.name for contender in contenders if contender.finished]
    if finished:
        raise InputError(
            f"nothing is held out in {', '.join(finished)}: a finished run can be compared only by its score of "
            "held-out text; train it with --val-frac 0.1"
        )
    return None


def _with_compute(
    configs: Sequence[RunConfig], contenders: Sequence[Contender], options: Options, kernels: str
) -> list[RunConfig]:
    """Return the configs with their kernels, the same for all, because times are compared too, and their threads."""
    corpora = [contender.corpus for contender in contenders]
    saved = sum(
        options.seeds * seconds_saved(_reported(config), corpus)
        for config, corpus in zip(configs, corpora, strict=True)
    )
    share = max(1, cores() // options.workers)
    decided = []
    for config, corpus in zip(configs, corpora, strict=True):
        at_once = corpus.batch_size * operations_per_character(config.model, len(corpus.vocab))
        compute = decide(kernels, options.threads or config.train.threads, saved, at_once)
        if options.workers > 1:
            compute = replace(compute, threads=min(compute.threads, share))
        train = attrs.evolve(config.train, **asdict(compute))
        decided.append(attrs.evolve(config, train=train))
    return decided


def _reported(config: RunConfig) -> RunConfig:
    """Return a config that logs each step and samples only at the end."""
    return attrs.evolve(config, train=attrs.evolve(config.train, log_every=1, sample_every=0))


def _of_seed(config: RunConfig, seed: int) -> RunConfig:
    config = _reported(config)
    return attrs.evolve(config, train=attrs.evolve(config.train, seed=seed))


def _named_run(path: Path, taken: Sequence[str]) -> tuple[str, FinishedRun]:
    """Return a run with its name: that of its folder, or its path if others have that name."""
    name = path.absolute().name
    return name if taken.count(name) == 1 else str(path), FinishedRun.read(path)


def _member(contender: Contender, config: RunConfig, seed: int, ground: Ground | None) -> Member:
    """Return a model with a seed."""
    return Member(
        name=contender.name,
        seed=seed,
        config=_of_seed(config, seed),
        text_sha256=contender.corpus.sha256,
        budget=Budget.of(config.train, contender.corpus.steps_per_pass),
        held_out=None if ground is None else ground.span,
    )


def _of_run(name: str, run: FinishedRun, ground: Ground | None) -> Member:
    return Member(
        name=name,
        seed=run.config.train.seed,
        config=run.config,
        text_sha256=run.corpus.sha256,
        budget=Budget.of(run.config.train, run.corpus.steps_per_pass),
        held_out=None if ground is None else ground.span,
        run=run.path,
    )


def _notes(
    configs: Sequence[RunConfig], contenders: Sequence[Contender], budget: EqualBudget
) -> tuple[str, ...]:
    """Return what differs between the models beside what the user asked for."""
    notes = []
    budgets = {
        contender.name: str(Budget.of(config.train, contender.corpus.steps_per_pass))
        for config, contender in zip(configs, contenders, strict=True)
    }
    if len(set(budgets.values())) > 1:
        listed = "; ".join(f"{name}: {said}" for name, said in budgets.items())
        notes.append(
            f"The models are trained for different budgets ({listed}); --budget gives all of them the same."
        )
    if budget.params is not None:
        sizes = ", ".join(
            f"{contender.name}: hidden_dim {config.model.hidden_dim}, "
            f"{parameters_of(config.model, len(contender.corpus.vocab)):,} parameters"
            for config, contender in zip(configs, contenders, strict=True)
        )
        notes.append(
            f"The sizes of the models were chosen for equal numbers of parameters ({sizes})."
        )
    if contenders and contenders[0].held_out is None:
        notes.append("Nothing is held out, so the models are compared by their loss in training.")
    return tuple(notes)
