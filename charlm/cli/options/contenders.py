"""What `charlm compare` is given: a comparison, configs, runs that are trained already, and texts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import attrs
import click

from charlm.cli.terminal.layout import table
from charlm.config import (
    ComparisonConfig,
    NamedModel,
    Reference,
    RunConfig,
    bundled_comparisons,
    bundled_runs,
    comparison_of,
    is_config,
    load_comparison_config,
    load_config,
    located_text,
    named_models,
    resolve_text,
)
from charlm.config.bundled import config_path, is_bundled, is_comparison
from charlm.config.names import name_of, plain_name
from charlm.errors import InputError
from charlm.files import exists, home_expanded
from charlm.runs.mark import is_run


@attrs.frozen
class Contenders:
    """The models to compare.

    Attributes:
        name: of the comparison.
        models: to be trained.
        runs: the folders of runs that are trained already.
        thresholds: losses to be reached, where nothing is held out.
        seeds: the number of seeds of the models.
        base: has their first seed and their kernels; None if there is nothing to train.
        references: known scores of the held-out text.
    """

    name: str
    models: tuple[NamedModel, ...]
    runs: tuple[Path, ...]
    thresholds: tuple[float, ...]
    seeds: int
    base: RunConfig | None
    references: tuple[Reference, ...] = ()


def contenders_of(sources: Sequence[str], grid: Sequence[str]) -> Contenders:
    """Return what the arguments of the command name.

    Raises:
        InputError: they are no comparison.
    """
    if not sources:
        raise InputError(
            f"name a comparison, or two or more configs or runs; the comparisons are\n{_bundled()}"
        )
    runs = [Path(home_expanded(source)) for source in sources if _is_run(source)]
    others = [source for source in sources if not _is_run(source)]
    comparisons = [source for source in others if _is_comparison(source)]
    configs = [source for source in others if source not in comparisons and is_config(source)]
    texts = [source for source in others if source not in (*comparisons, *configs)]
    for text in texts:
        if text != "-":
            names = [name for name, _ in (*bundled_comparisons(), *bundled_runs())]
            resolve_text(located_text(text, Path.cwd()), names)
    if comparisons:
        if len(sources) > len(texts) + 1 or grid:
            raise InputError(
                f"{comparisons[0]}: this is a comparison of several models; leave out --grid and all other "
                "configs and runs"
            )
        return _as_given(_on_texts(load_comparison_config(comparisons[0]), texts))
    if not runs:
        return _as_given(comparison_of(configs, texts=texts, grid=grid))
    models = named_models(configs, texts=texts, grid=grid) if configs or grid or texts else []
    names = [*(model.name for model in models), *(run.absolute().name for run in runs)]
    if len(names) < 2:
        raise InputError(
            f"{sources[0]}: one model alone; name another run or config to compare it with"
        )
    base = models[0].config if models else None
    name = plain_name("-vs-".join(names))
    return Contenders(name, tuple(models), tuple(runs), (), 5, base)


def _as_given(config: ComparisonConfig) -> Contenders:
    return Contenders(
        config.name,
        config.models,
        (),
        config.thresholds,
        config.seeds,
        config.base,
        config.references,
    )


def _on_texts(config: ComparisonConfig, texts: Sequence[str]) -> ComparisonConfig:
    """Return a comparison of the same networks on other texts, trained as a preset."""
    if not texts:
        return config
    run = load_config(texts=texts)
    models = [
        attrs.evolve(model, config=attrs.evolve(run, name=model.name, model=model.config.model))
        for model in config.models
    ]
    name = plain_name(f"{config.name}-{name_of(texts[0])}")
    return attrs.evolve(  # thresholds and references are those of the text in the config
        config, name=name, base=run, models=tuple(models), thresholds=(), references=()
    )


def _is_run(source: str) -> bool:
    path = Path(home_expanded(source))
    return is_run(path) or (path.suffix == ".safetensors" and is_run(path.parent))


def _is_comparison(source: str) -> bool:
    if is_bundled(source):
        return source in dict(bundled_comparisons())
    path = config_path(source, comparison=True)
    return exists(path) and is_comparison(path)


def _bundled() -> str:
    return table(bundled_comparisons(), "<=", "  ")


def list_bundled() -> None:
    """Print the bundled comparisons."""
    click.echo(_bundled())
