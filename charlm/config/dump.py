"""A complete configuration as commented YAML, to read, keep and run again."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import attrs
from ruamel.yaml import YAML

from charlm.config.bundled import located_text
from charlm.config.schema import RunConfig
from charlm.config.structure import to_dict

_HEADER = "# All settings of a charlm run, with their meanings.\n"
_WIDEST = 44  # longer lines push their comments out of the section's column


def to_yaml(config: RunConfig, *, ascii_only: bool = False) -> str:
    """Return the configuration as commented YAML; loading it gives an equal configuration.

    Paths are made absolute, because the YAML may be moved. With ``ascii_only``, other characters are escaped.

    >>> print(to_yaml(RunConfig()).splitlines()[1])
    name: srnn  # the run's directory is runs/NAME
    """
    lines = [_HEADER]
    data = to_dict(config)
    located = [located_text(text, Path.cwd()) for text in config.data.texts]
    data["data"]["text"] = located[0] if isinstance(config.data.text, str) else located
    if config.data.val_file is not None:
        data["data"]["val_file"] = located_text(config.data.val_file, Path.cwd())
    for section in attrs.fields(RunConfig):
        value, doc = data[section.name], section.metadata["doc"]
        if not isinstance(value, dict):
            lines.append(f"{section.name}: {_written(value, ascii_only)}  # {doc}\n")
            continue
        lines.append(f"\n# {doc}\n{section.name}:\n")
        entries = {
            f"  {field.name}: {_written(value[field.name], ascii_only)}": field.metadata["doc"]
            for field in attrs.fields(type(getattr(config, section.name)))
        }
        width = max((len(entry) for entry in entries if len(entry) <= _WIDEST), default=0)
        lines += [f"{entry:{width}}  # {doc}\n" for entry, doc in entries.items()]
    return "".join(lines)


def _written(value: object, ascii_only: bool) -> str:
    if isinstance(value, list):
        return f"[{', '.join(_written(item, ascii_only) for item in value)}]"
    yaml = YAML(typ="safe", pure=True)
    yaml.allow_unicode = not ascii_only
    yaml.default_flow_style = True
    if isinstance(value, str) and not value.isprintable():
        # The only style in which YAML keeps every character; ruamel.yaml types it as always None.
        yaml.default_style = '"'  # type: ignore[assignment]
    yaml.width = sys.maxsize
    stream = io.StringIO()
    yaml.dump([value], stream)
    return stream.getvalue().strip("\n")[1:-1]
