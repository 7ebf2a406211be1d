"""Make the complete settings of a comparison: of a file, or of models, texts and grids from the command line."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import attrs

from charlm.config.bundled import config_path
from charlm.config.comparison_schema import ComparisonConfig, NamedModel
from charlm.config.grid import name_of_point, points_of
from charlm.config.load import Override, load_config, names_of, skeleton_of, with_located_text
from charlm.config.names import name_of, plain_name
from charlm.config.nodes import ConfigNode, Problem
from charlm.config.presets import needs_text
from charlm.config.reading import read_file
from charlm.config.structure import structured
from charlm.errors import ConfigError, SettingError
from charlm.files import path_of
from charlm.wording import dotted


def load_comparison_config(source: str | Path) -> ComparisonConfig:
    """Return the complete configuration of a comparison, by bundled name or YAML file.

    Errors:
        ConfigError: as of ``load_config``.

    >>> [model.name for model in load_comparison_config("srnn-vs-lstm").models]
    ['srnn', 'lstm']
    """
    path = config_path(path_of(source, "load_comparison_config: source"), comparison=True)
    root, problems = read_file(path)
    if "models" not in root.value:
        raise ConfigError(
            f"{path}: this is one run, not a comparison (it has no models:); name two runs or more"
        )
    skeleton = skeleton_of(path.stem, str(path))
    root = root.over(ConfigNode.of({"name": path.stem, "base": {}}, str(path)))
    base, models = root.value["base"], root.value["models"]
    if base.child("name"):
        problems.append(
            Problem(
                base.value["name"].key_location, "unknown key; the comparison itself has the name"
            )
        )
    base = _over_name(root.value["name"], with_located_text(base, path.parent).over(skeleton))
    if isinstance(models.value, list):
        entries = [with_located_text(entry, path.parent) for entry in models.value]
        models = attrs.evolve(models, value=[_named_model(entry, base) for entry in entries])
    root = attrs.evolve(root, value={**root.value, "base": base, "models": models})
    return structured(ComparisonConfig, root, problems)


def named_models(
    sources: Sequence[str | Path],
    *,
    texts: Sequence[str | Path] = (),
    grid: Sequence[str] = (),
) -> list[NamedModel]:
    """Return the models of run configs (paths or bundled names), each with its complete configuration.

    Args:
        sources: the configs; without one, the preset that suits the size of the texts.
        texts: replace the texts of all configs, as of ``load_config``.
        grid: ``KEY=VALUE,VALUE...``: each config gives one model for each combination of values, named by them.

    Errors:
        ConfigError: a config or a value of the grid is wrong, or a config has no text; all are reported.

    >>> [model.name for model in named_models(["srnn"], grid=["model.hidden_dim=5,9"])]
    ['hidden_dim=5', 'hidden_dim=9']
    """
    names: list[str | None] = [*names_of(sources, "named_models: sources")]
    points = points_of(grid)
    models, complaints = [], []
    for source in names or [None]:
        if needs_text(source) and not texts:
            complaints.append(
                f"{source}: this config has no text; name yours, as in charlm compare {source} ... novel.txt"
            )
            continue
        for point in points:
            values = [Override("--grid", key, value) for key, value in point]
            try:
                run = load_config(source, texts=texts, overrides=values)
            except ConfigError as error:
                complaints += [line for line in str(error).split("\n") if line not in complaints]
                continue
            of_grid = [name_of_point(point)] * bool(point)
            of_run = [run.name] * (not point or len(names) > 1)
            name = ",".join(of_run + of_grid)
            models.append(NamedModel(name=name, config=attrs.evolve(run, name=name)))
    if complaints:
        raise ConfigError("\n".join(complaints))
    return models


def comparison_of(
    sources: Sequence[str | Path],
    *,
    texts: Sequence[str | Path] = (),
    grid: Sequence[str] = (),
) -> ComparisonConfig:
    """Return the comparison of two models or more, as ``named_models`` makes them. It has no thresholds.

    The first model is the base.

    Errors:
        ConfigError: a config is wrong, two models have one name, or they cannot be compared.

    >>> [model.name for model in comparison_of(["srnn", "gru"]).models]
    ['srnn', 'gru']
    """
    sources = names_of(sources, "comparison_of: sources")
    if not sources and not texts:
        raise ConfigError("expected two configs or more to compare, got none")
    models = named_models(sources, texts=texts, grid=grid)
    try:
        return ComparisonConfig(
            name=_comparison_name(models, sources, texts, grid),
            base=models[0].config,
            models=tuple(models),
            thresholds=(),
        )
    except SettingError as error:
        raise _blaming_model(error, models, sources) from None


def _comparison_name(
    models: Sequence[NamedModel],
    sources: Sequence[str | Path],
    texts: Sequence[str | Path],
    grid: Sequence[str],
) -> str:
    """Return the name of a comparison: of its models, or of the settings of its grid, and of its text.

    >>> comparison_of(["srnn"], grid=["model.hidden_dim=5,9", "model.layers=1,2"]).name
    'srnn-hidden_dim-layers'
    """
    parts = [plain_name(Path(source).stem) for source in sources] if grid else []
    parts = parts or [model.name for model in models if not grid]
    settings = [option.partition("=")[0].strip().rpartition(".")[2] for option in grid]
    named = "-".join(["-vs-".join(parts)] * bool(parts) + settings)
    return plain_name("-".join([named, *(name_of(str(text)) for text in texts[:1])]))


def _over_name(name: ConfigNode, run: ConfigNode) -> ConfigNode:
    if not isinstance(run.value, dict):
        return run
    return ConfigNode({"name": name}, run.location, run.key_location).over(run)


def _named_model(entry: ConfigNode, base: ConfigNode) -> ConfigNode:
    config = entry.over(base)
    if isinstance(config.value, dict):
        name = entry.child("name") or ConfigNode.missing(entry, "name")
        return attrs.evolve(entry, value={"name": name, "config": _over_name(name, config)})
    return attrs.evolve(entry, value={"name": entry, "config": entry})


def _blaming_model(
    error: SettingError, models: Sequence[NamedModel], sources: Sequence[str | Path]
) -> ConfigError:
    if len(error.path) > 3:  # ("models", index, "config", KEY...)
        index = int(error.path[1])
        named = sources[index] if len(sources) == len(models) else models[index].name
        return ConfigError(f"{named}: {dotted(error.path[3:])}: {error.reason}")
    return ConfigError(f"{', '.join(map(str, sources))}: {error.reason}")
