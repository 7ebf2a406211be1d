"""Make complete settings from a config, texts and ``--set``.

The layers, from lowest to highest: the schema's defaults, the config file, texts on the command
line, overrides. They are merged as trees and checked once, at the end.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path

import attrs

from charlm.config.bundled import config_path, files_of, is_bundled, located_text, names_text
from charlm.config.comparison_schema import ComparisonConfig, NamedModel
from charlm.config.grid import name_of_point, points_of
from charlm.config.lists import is_list
from charlm.config.names import name_of, plain_name
from charlm.config.nodes import ConfigNode, Location, Problem, error_of
from charlm.config.older import file_of_today
from charlm.config.reading import read_file, read_value
from charlm.config.rules import checked, one_of
from charlm.config.schema import SECTIONS, RunConfig
from charlm.config.start import Start
from charlm.config.structure import structured
from charlm.errors import ConfigError, SettingError, require
from charlm.files import path_of
from charlm.wording import dotted

TUTORIAL = "srnn"
LISTS = "lists"
PRESETS = ("small", "medium", "large", LISTS)
"""Bundled configs for a text of the user: three by training time, 3, 15 and 60 minutes, and one for lists."""
MEDIUM_FROM, LARGE_FROM = 2_000_000, 20_000_000
"""Bytes from which a text gets a larger preset."""
BUDGETS = ("train.steps", "train.epochs", "train.max_time")
"""The limits of a run; it ends at the first that it reaches."""
SET = "--set"


@attrs.frozen
class Override:
    """A setting given on the command line; ``origin`` is the option that the user typed.

    >>> load_config("srnn", overrides=[Override("--steps", "train.steps", "20")]).train.steps
    20
    """

    origin: str
    key: str
    value: str

    def __str__(self) -> str:
        """Return what the user typed, as the location of the value in messages."""
        typed = f"{self.key}={self.value}" if self.origin == SET else self.value
        return f"{self.origin} {typed}"


def replacing_budget(overrides: Sequence[Override]) -> list[Override]:
    """Let a limit of the run among some overrides replace all limits of the config.

    >>> [str(o) for o in replacing_budget([Override("--epochs", "train.epochs", "2")])]
    ['--epochs null', '--epochs null', '--epochs null', '--epochs 2']
    """
    limits = [override for override in overrides if override.key in BUDGETS]
    unset = [Override(override.origin, key, "null") for override in limits[:1] for key in BUDGETS]
    return [*unset, *overrides]


def load_config(
    source: str | Path | None = None,
    *,
    texts: Sequence[str | Path] = (),
    overrides: Sequence[str | Override] = (),
    preset: str | None = None,
    start: Start | None = None,
) -> RunConfig:
    """Return the complete configuration of a run.

    Args:
        source: a bundled config's name or the path of a YAML file; None means the tutorial's
            simple RNN, or, with texts, the preset that suits their size.
        texts: names or paths that replace the config's text. They bring their own alphabet, a held-out
            tenth and the framing (lines for a list, else stream), and without a source the first names
            the run. If a bundled config has its own text, only its model is used; the preset for the
            texts gives the rest.
        overrides: ``key.path=value``, or ``Override``; they replace all other values.
        preset: one of ``PRESETS``, instead of a source.
        start: the run whose weights this one starts from. Its network replaces that of a preset; a source that is
            no preset, and overrides, must agree with it.

    Errors:
        ConfigError: with one line for each problem, ``FILE:LINE:COLUMN: KEY: REASON``.
        ArgumentError: an argument is of a wrong type.

    >>> load_config("lstm", overrides=["model.hidden_dim=64"]).model.hidden_dim
    64
    """
    texts = _names(texts, "load_config: texts")
    require("load_config: overrides", overrides, (list, tuple), "a list, such as ['train.steps=9']")
    for override in overrides:
        require(
            "load_config: an override", override, (str, Override), "text, such as train.steps=9"
        )
    source = None if source is None else str(path_of(source, "load_config: source"))
    own_text = source is None and bool(texts)
    source = _base(source, preset, texts)
    path = config_path(source or TUTORIAL)
    root, problems = read_file(path)
    if "models" in root.value:
        raise ConfigError(
            f"{path}: this is a comparison of models, not one run; use charlm compare"
        )
    chosen = root if source is not None and not needs_text(source) else ConfigNode.of({}, "")
    if texts and trains_as_a_preset(source):
        root = _for_other_texts(root, texts)
    skeleton = _skeleton(name_of(texts[0]), "TEXT") if own_text else _skeleton(path.stem, str(path))
    root = file_of_today(_with_located_text(root, path.parent).over(skeleton))
    if texts:
        framing = root.find(("data", "framing")).value
        # a separator in a config of one's own says what its texts are like
        if framing != "documents" and not is_bundled(source or ""):
            framing = "stream"
        root = _texts_node(texts, framing).over(root)
    if start is not None:
        root = start.over(root)
    for override in overrides:
        node, more = _override_node(override)
        root = _with_located_text(node, Path.cwd()).over(root)
        chosen = node.over(chosen)
        problems += more
    if start is not None and (unfit := [*start.contradictions(chosen)]):
        raise error_of([*problems, *unfit])
    return structured(RunConfig, root, problems)


def _base(source: str | None, preset: str | None, texts: Sequence[str]) -> str | None:
    """Return the config to start from: the source, or the preset, by default that for the size of the texts."""
    if preset is None:
        return preset_for(texts) if source is None and texts else source
    checked(one_of(*PRESETS), "preset", preset)
    if source is not None:
        raise ConfigError(
            f"--preset {preset}: the config {source} is given too; choose one of them"
        )
    if not texts:
        raise ConfigError(
            f"--preset {preset}: a preset needs a text of yours; name one, as in "
            f"charlm train --preset {preset} novel.txt"
        )
    return preset


def trains_as_a_preset(source: str | None) -> bool:
    """Tell whether only the model of a config is used with another text.

    >>> trains_as_a_preset("lstm"), trains_as_a_preset("small"), trains_as_a_preset("my.yaml")
    (True, False, False)
    """
    return source is not None and is_bundled(source) and names_text(source)


def needs_text(source: str | None) -> bool:
    """Tell whether a config needs a text: a bundled one that names none does.

    >>> needs_text("small"), needs_text("lstm"), needs_text("my.yaml")
    (True, False, False)
    """
    return source is not None and is_bundled(source) and not names_text(source)


def preset_for(texts: Sequence[str]) -> str:
    """Return the preset for some texts: that for lists, or that for their size.

    >>> preset_for(["fox"])
    'small'
    """
    files: list[Path] = []
    for text in texts:
        with contextlib.suppress(OSError):  # reading it later gives the error
            files += files_of(Path(located_text(text, Path.cwd())))
    if is_list(files):
        return LISTS
    size = 0
    for file in files:
        with contextlib.suppress(OSError):
            size += file.stat().st_size if file.is_file() else 0
    return PRESETS[(size >= MEDIUM_FROM) + (size >= LARGE_FROM)]


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
    skeleton = _skeleton(path.stem, str(path))
    root = root.over(ConfigNode.of({"name": path.stem, "base": {}}, str(path)))
    base, models = root.value["base"], root.value["models"]
    if base.child("name"):
        problems.append(
            Problem(
                base.value["name"].key_location, "unknown key; the comparison itself has the name"
            )
        )
    base = _over_name(root.value["name"], _with_located_text(base, path.parent).over(skeleton))
    if isinstance(models.value, list):
        entries = [_with_located_text(entry, path.parent) for entry in models.value]
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
    names: list[str | None] = [*_names(sources, "named_models: sources")]
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
    sources = _names(sources, "comparison_of: sources")
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


def _names(names: Sequence[str | Path], where: str) -> list[str]:
    """Return names or paths as strings; a single string is refused, as it would be a list of characters."""
    require(where, names, (list, tuple), "a list, such as ['novel.txt']")
    return [str(path_of(name, where)) if name != "" else "" for name in names]


def _with_located_text(run: ConfigNode, folder: Path) -> ConfigNode:
    def locate(text: ConfigNode) -> ConfigNode:
        if isinstance(text.value, list):
            return attrs.evolve(text, value=[locate(item) for item in text.value])
        if isinstance(text.value, str) and text.value:
            return attrs.evolve(text, value=located_text(text.value, folder))
        return text

    return run.edited(("data", "text"), locate).edited(("data", "val_file"), locate)


def _for_other_texts(run: ConfigNode, texts: Sequence[str]) -> ConfigNode:
    preset, _ = read_file(config_path(preset_for(texts)))
    return attrs.evolve(preset, value={**preset.value, "model": run.value["model"]})


def _texts_node(texts: Sequence[str], framing: str) -> ConfigNode:
    located = [located_text(text, Path.cwd()) if text else text for text in texts]
    data = {
        "text": located if len(located) > 1 else located[0],
        "framing": framing,
        "alphabet": None,
        "val_frac": 0.1,
        "test_frac": 0.0,
        "val_file": None,
    }
    return ConfigNode.of({"data": data}, "TEXT")


def _override_node(override: str | Override) -> tuple[ConfigNode, list[Problem]]:
    if isinstance(override, str):
        key, equals, value = override.partition("=")
        if not equals:
            location = Location(f"{SET} {override}")
            problem = Problem(location, "expected key=value, such as model.layers=2")
            return ConfigNode({}, location, location), [problem]
        override = Override(SET, key, value)
    path = tuple(override.key.strip().split("."))
    node, problems = read_value(override.value, str(override), path)
    for depth in range(len(path) - 1, -1, -1):
        location = Location(str(override), key=dotted(path[:depth]))
        node = ConfigNode({path[depth]: node}, location, location)
    return node, problems


def _skeleton(name: str, source: str) -> ConfigNode:
    return ConfigNode.of({"name": name, **{section: {} for section in SECTIONS}}, source)


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
