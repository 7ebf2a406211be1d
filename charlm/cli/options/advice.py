"""Commands and options that are added to errors about texts: what to type next."""

from __future__ import annotations

import contextlib
import json
import shlex
from collections.abc import Iterator
from pathlib import Path

import attrs

from charlm.cli.terminal.phrases import program
from charlm.config import DataConfig, bundled_comparisons, bundled_runs, located_text, resolve_text
from charlm.config.schema import BYTES
from charlm.errors import ConfigError, MissingTextError, TextError, UndecodableTextError
from charlm.files import home_expanded
from charlm.runs.mark import is_run


@contextlib.contextmanager
def encoding_offered(data: DataConfig, how: str = "--encoding {}") -> Iterator[None]:
    """Add the option for the encoding (``how``) to the error about a text that cannot be decoded."""
    try:
        yield
    except UndecodableTextError as error:
        ways = [f"{how.format(name)} (for all texts given)" for name in error.encodings[:1]]
        ways.append(error.convert)
        # an alphabet, for example, excludes it: its symbols are not bytes
        with contextlib.suppress(ConfigError):
            attrs.evolve(data, encoding=BYTES)
            ways.append(f"learn its bytes with {how.format(BYTES)}")
        raise TextError(f"{error.reason}{error.choice}: {'; or '.join(ways)}") from error


def check_text(argument: str) -> None:
    """Refuse an argument that is neither a text nor a config."""
    if argument in dict(bundled_comparisons()):
        raise ConfigError(
            f"{argument}: this is a comparison of models; to run it: {program()} compare {argument}"
        )
    if is_run(Path(home_expanded(argument))):
        again = f"{program()} train --resume {shlex.quote(argument)}"
        raise TextError(f"{argument}: this is a run, not a text; to resume it: {again}")
    if argument != "-":
        configs = [name for name, _ in bundled_runs()]
        resolve_text(located_text(argument, Path.cwd()), configs)


@contextlib.contextmanager
def text_asked_for(run: Path, data: DataConfig) -> Iterator[None]:
    """Add the option for the new place to the error about the missing text of a resumed run."""
    try:
        yield
    except MissingTextError as error:
        command = f"{program()} train --resume {shlex.quote(str(run))} {_moved(error.path, data)}"
        raise TextError(f"{error}; if it was moved, give its new place: {command}") from error
    except UndecodableTextError as error:
        raise TextError(
            f"{error.reason}: {run} was trained on another text; restore that text"
        ) from error


def _moved(path: str, data: DataConfig) -> str:
    """Return the option that names the texts of a run, with PATH for the missing text."""
    if path not in data.texts:
        return "--val-file PATH"
    if isinstance(data.text, str):
        return "--set data.text=PATH"
    named = ", ".join("PATH" if text == path else json.dumps(text) for text in data.texts)
    return f"--set {shlex.quote(f'data.text=[{named}]')}"
