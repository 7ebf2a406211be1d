"""A model of another program as a run of charlm: the weights, the symbols, and a config that has no text."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import attrs

from charlm import __version__
from charlm.config import DataConfig, RunConfig, from_dict, to_dict, to_yaml
from charlm.config.schema import BYTES
from charlm.errors import CheckpointError, ModelFileError, SettingError, TextError
from charlm.exports.torch_files import TorchFile, read_torch_file
from charlm.exports.torch_layout import Layout
from charlm.files import read_whole, why_unreadable
from charlm.lm.model import Model
from charlm.lm.sampling import STREAM_LENGTH
from charlm.runs.checkpoint import Checkpoint
from charlm.runs.directory import RunDirectory
from charlm.text.vocab import Vocab
from charlm.wording import counted

NO_TEXT = "unknown.txt"
"""The text of an imported model's config: charlm does not know on what the model was trained."""
MOST = 64 << 20
"""The largest file of an alphabet in bytes."""


def imported(path: Path, name: str, alphabet: Path | None = None) -> Checkpoint:
    """Return a model in a file of PyTorch as a checkpoint.

    Args:
        path: a safetensors file, or one of ``torch.save``, with a ``state_dict``.
        name: of the run.
        alphabet: a file with the symbols in the order of their ids: a text of these characters, or JSON.

    Raises:
        ModelFileError: the file is not such a file, or charlm has no such model.
        TextError: the symbols do not fit the model.
    """
    file = read_torch_file(path)
    try:
        layout = Layout(file.tensors)
    except (ModelFileError, SettingError) as error:
        raise ModelFileError(f"{path}: {error}") from error
    vocab = _vocab(file, layout.symbols, alphabet)
    config = RunConfig(name=name, model=layout.config, data=_data(path, vocab, file.description))
    model = Model(vocab, config.model, line_limit=STREAM_LENGTH, normalize=config.data.normalize)
    try:
        model.load_arrays(layout.arrays())
    except CheckpointError as error:
        raise ModelFileError(f"{path}: {error}") from error
    state = {
        "charlm": __version__,
        "line_limit": STREAM_LENGTH,
        "step": 0,
        "text_sha256": None,
    }
    return Checkpoint(model.arrays(), to_dict(config), vocab.to_list(), state, str(path))


def write_run(directory: RunDirectory, checkpoint: Checkpoint) -> None:
    """Write a run that has ended: with a config, a checkpoint and a summary, and without logs."""
    config = from_dict(checkpoint.config, checkpoint.source)
    directory.write_config(to_yaml(config))
    directory.write_meta(
        {
            "started": datetime.now(timezone.utc).isoformat(timespec="seconds"),
            "command": shlex.join(sys.argv),
            "charlm": __version__,
            "imported": checkpoint.source,
        }
    )
    directory.save(checkpoint)
    reason = f"imported from {checkpoint.source}"
    directory.write_summary({"state": "finished", "reason": reason[:1000], "step": 0})


def _data(path: Path, vocab: Vocab, about: Mapping[str, Any]) -> DataConfig:
    data = DataConfig(
        text=NO_TEXT,
        framing=vocab.framing,
        encoding=BYTES if vocab.is_bytes else "utf-8",
        alphabet=None,
    )
    try:
        return attrs.evolve(data, normalize=about.get("normalize", "none"))
    except SettingError as error:
        raise ModelFileError(f"{path}: its description: {error}") from error


def _vocab(file: TorchFile, count: int, alphabet: Path | None) -> Vocab:
    """Return the symbols: of a file, or of those entries of the model's file that can be its symbols."""
    if alphabet is not None:
        symbols = _symbols_of(_read_alphabet(alphabet), count)
        if symbols is None:
            raise TextError(
                f"{alphabet}: expected the {counted(count, 'symbol')} of the model in the order of their ids: a text "
                "of these characters, each once, or a JSON list"
            )
        return _checked(str(alphabet), symbols)
    entries = {**file.facts, **file.description}
    found = {str(key): _symbols_of(value, count) for key, value in entries.items()}
    fitting = {key: symbols for key, symbols in sorted(found.items()) if symbols is not None}
    if not fitting:
        raise TextError(
            f"{file.path}: it has no list of the model's {counted(count, 'symbol')}; give it with --alphabet FILE: a "
            "text of these characters in the order of their ids, or a JSON list"
        )
    if len({tuple(symbols) for symbols in fitting.values()}) > 1:
        raise TextError(
            f"{file.path}: its entries {', '.join(fitting)} give the symbols different ids; say which are right with "
            "--alphabet FILE"
        )
    key, symbols = next(iter(fitting.items()))
    return _checked(f"{file.path}: {key}", symbols)


def _checked(where: str, symbols: list[str]) -> Vocab:
    try:
        return Vocab.from_list(symbols)
    except TextError as error:
        raise TextError(f"{where}: {error}") from error


def _read_alphabet(path: Path) -> Any:
    try:
        text = read_whole(path, MOST).decode("utf-8")
    except OSError as error:
        raise TextError(f"{path}: {why_unreadable(error)}") from error
    except UnicodeDecodeError as error:
        raise TextError(f"{path}: byte {error.start} is not UTF-8; save it as UTF-8") from error
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return data if isinstance(data, (list, dict)) else text


def _symbols_of(value: Any, count: int) -> list[str] | None:
    r"""Return the symbols in a text, in a list, or in a dictionary of ids and symbols; None if they are not there.

    Example:
        >>> _symbols_of("ab\n", 2), _symbols_of({"b": 1, "a": 0}, 2), _symbols_of({"0": "a", "1": "b"}, 2)
        (['a', 'b'], ['a', 'b'], ['a', 'b'])
    """
    if isinstance(value, str):
        line = value.removesuffix("\n")
        value = line if len(line) == count else value
    if isinstance(value, dict):
        pairs = list(value.items())
        if all(isinstance(symbol, str) for _, symbol in pairs):
            pairs = [(symbol, number) for number, symbol in pairs]
        numbers = {str(number): symbol for symbol, number in pairs}
        value = [numbers.get(str(n)) for n in range(count)] if len(pairs) == count else None
    if not isinstance(value, (str, list, tuple)) or len(value) != count:
        return None
    symbols = list(value)
    return symbols if all(isinstance(symbol, str) and symbol for symbol in symbols) else None
