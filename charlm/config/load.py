"""Make the complete settings of a run from a config, texts and ``--set``.

The layers, from lowest to highest: the schema's defaults, the config file, texts on the command
line, overrides. They are merged as trees and checked once, at the end.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import attrs

from charlm.config.bundled import config_path, is_bundled, located_text
from charlm.config.names import name_of
from charlm.config.nodes import ConfigNode, Location, Problem, error_of
from charlm.config.older import file_of_today
from charlm.config.presets import (
    PRESETS,
    TIMED,
    needs_text,
    preset_for,
    size_of,
    trains_as_a_preset,
)
from charlm.config.reading import read_file, read_value
from charlm.config.recipe import TEXT, recipe, recipe_of
from charlm.config.rules import checked, duration, one_of, seconds_of
from charlm.config.schema import SECTIONS, RunConfig
from charlm.config.start import Start
from charlm.config.structure import structured
from charlm.errors import ConfigError, SettingError, require
from charlm.files import path_of
from charlm.wording import dotted

TUTORIAL = "srnn"
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
    speed: Callable[[], float] | None = None,
) -> RunConfig:
    """Return the complete configuration of a run.

    Args:
        source: a bundled config's name or the path of a YAML file; None means the tutorial's
            simple RNN, or, with texts, the preset that suits their size.
        texts: names or paths that replace the config's text. They bring their own alphabet, a held-out
            tenth and the framing (lines for a list, else stream), and without a source the first names
            the run. If a bundled config has its own text, only its model is used; the preset for the
            texts gives the rest.
        overrides: ``key.path=value``, or ``Override``; they replace all other values. If neither a source nor a preset
            is given, ``recipe`` chooses dropout for how often the texts will be read, and sizes for a
            ``train.max_time``.
        preset: one of ``PRESETS``, instead of a source.
        start: the run whose weights this one starts from. Its network replaces that of a preset; a source that is
            no preset, and overrides, must agree with it.
        speed: measures this machine, as ``recipe`` counts it; None takes it to be that of the presets.

    Errors:
        ConfigError: with one line for each problem, ``FILE:LINE:COLUMN: KEY: REASON``.
        ArgumentError: an argument is of a wrong type.

    >>> load_config("lstm", overrides=["model.hidden_dim=64"]).model.hidden_dim
    64
    """
    texts = names_of(texts, "load_config: texts")
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
    skeleton = (
        skeleton_of(name_of(texts[0]), "TEXT") if own_text else skeleton_of(path.stem, str(path))
    )
    root = file_of_today(with_located_text(root, path.parent).over(skeleton))
    if texts:
        framing = root.find(("data", "framing")).value
        # a separator in a config of one's own says what its texts are like
        if framing != "documents" and not is_bundled(source or ""):
            framing = "stream"
        root = _texts_node(texts, framing).over(root)
    given = ConfigNode.of({}, SET)
    for override in overrides:
        node, more = _override_node(override)
        given = with_located_text(node, Path.cwd()).over(given)
        problems += more
    if own_text and preset is None and source in TIMED:
        root = _for_time_and_text(root, source, given, texts, speed).over(root)
    if start is not None:
        root = start.over(root)
    root, chosen = given.over(root), given.over(chosen)
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


def names_of(names: Sequence[str | Path], where: str) -> list[str]:
    """Return names or paths as strings; a single string is refused, as it would be a list of characters."""
    require(where, names, (list, tuple), "a list, such as ['novel.txt']")
    return [str(path_of(name, where)) if name != "" else "" for name in names]


def with_located_text(run: ConfigNode, folder: Path) -> ConfigNode:
    """Return a run whose texts are paths from a folder, or bundled names."""

    def locate(text: ConfigNode) -> ConfigNode:
        if isinstance(text.value, list):
            return attrs.evolve(text, value=[locate(item) for item in text.value])
        if isinstance(text.value, str) and text.value:
            return attrs.evolve(text, value=located_text(text.value, folder))
        return text

    return run.edited(("data", "text"), locate).edited(("data", "val_file"), locate)


def _for_time_and_text(
    root: ConfigNode,
    preset: str,
    given: ConfigNode,
    texts: Sequence[str],
    speed: Callable[[], float] | None,
) -> ConfigNode:
    """Return the settings that suit the texts and the training time: the given one, or that of the preset."""
    size = size_of(texts) or TEXT  # standard input has a size only when it is read
    time = given.find(("train", "max_time")).value
    try:
        seconds = seconds_of(duration(time))
    except SettingError:  # none, or one that is refused later
        passes = _passes(given.over(root), size)
        return ConfigNode.of(recipe_of(preset, size, passes).settings(), "TEXT")
    chosen = recipe(seconds, size, 1.0 if speed is None else speed())
    return ConfigNode.of(chosen.settings(), f"--max-time {time}").over(
        read_file(config_path(chosen.preset))[0]
    )


def _passes(run: ConfigNode, size: int) -> float | None:
    """Return how often a training with a number of updates or epochs reads its text; None if it has neither number."""

    def number(section: str, key: str) -> float:
        value = run.find((section, key)).value
        # a wrong value is refused later
        return float(min(value, sys.maxsize)) if isinstance(value, (int, float)) else math.inf

    read = number("train", "steps") * number("data", "batch_size") * number("data", "seq_length")
    passes = min(number("train", "epochs"), read / size)
    return None if passes == math.inf else passes


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


def skeleton_of(name: str, source: str) -> ConfigNode:
    """Return a run with a name and empty sections."""
    return ConfigNode.of({"name": name, **{section: {} for section in SECTIONS}}, source)
