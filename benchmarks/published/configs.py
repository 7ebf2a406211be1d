"""The configs of the tables: a YAML file each, in this folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from charlm.config import Override, RunConfig, load_config

FOLDER = Path(__file__).parent


def config_of(name: str, **settings: Any) -> RunConfig:
    """Return the config of a table with other values, by key with ``__`` for its dot.

    Example:
        >>> config_of("languages", model__cell="gru").model.cell
        'gru'
    """
    overrides = [
        Override("benchmark", key.replace("__", "."), str(value)) for key, value in settings.items()
    ]
    return load_config(FOLDER / f"{name}.yaml", overrides=overrides)
