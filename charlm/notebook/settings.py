"""Settings of a config as arguments of a Python function."""

from __future__ import annotations

import contextlib
import difflib
import json
from collections.abc import Iterator, Mapping
from os import PathLike, fspath
from types import NoneType
from typing import Any

from charlm.config import Override, replacing_budget
from charlm.config.keys import key_meant, keys
from charlm.errors import ArgumentError, InputError, require


def overrides_of(
    keywords: Mapping[str, Any], settings: Mapping[str, Any] | None = None
) -> list[Override]:
    """Return what keywords and full keys set. A limit of the run replaces all limits.

    Args:
        keywords: values by the name of a key without its section, or by its name in other programs, such as ``lr``.
        settings: values by full key, such as ``model.hidden_dim``.

    Raises:
        ArgumentError: no key has such a name, or a value is no plain data.

    Example:
        >>> overrides_of({"lr": 0.1})[0]
        Override(origin='lr =', key='train.learning_rate', value='0.1')
    """
    require("settings", settings, (Mapping, NoneType), "a dict, such as {'model.layers': 2}")
    overrides = [
        *(
            Override(f"{key} =", str(key), _yaml(key, value))
            for key, value in (settings or {}).items()
        ),
        *(
            Override(f"{word} =", _key(word), _yaml(word, value))
            for word, value in keywords.items()
        ),
    ]
    return replacing_budget(overrides)


@contextlib.contextmanager
def in_words_of_python() -> Iterator[None]:
    """Let errors in the block name the arguments of ``charlm.train``, and not options of the command line."""
    try:
        yield
    except InputError as error:
        words = str(error).replace("--force", "force=True")
        for option in ("init-from", "finetune"):
            words = words.replace(f"--{option}", option.replace("-", "_"))
        error.args = (words,)
        raise


def _key(word: str) -> str:
    key = key_meant(word)
    if key == "data.text":
        raise ArgumentError(
            f"{word}: give texts without a keyword, as in charlm.train('novel.txt')"
        )
    if key is not None:
        return key
    names = [key.rpartition(".")[2] for key in keys()]
    close = difflib.get_close_matches(word, names, n=1)
    advice = f"did you mean {close[0]}?" if close else f"the settings are {', '.join(names)}"
    raise ArgumentError(f"{word}: there is no setting of this name; {advice}")


def _yaml(name: str, value: Any) -> str:
    """Return a value as text that is read as YAML."""
    try:
        return json.dumps(value, default=_plain, ensure_ascii=False)
    except (TypeError, ValueError, AttributeError):
        raise ArgumentError(
            f"{name}: expected a number, text, True, False, None or a list of these, got {value!r}"
        ) from None


def _plain(value: Any) -> Any:
    if isinstance(value, PathLike):
        return fspath(value)
    return value.item()  # a number of numpy
