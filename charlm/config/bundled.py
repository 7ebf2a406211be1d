"""The configurations and texts that come with charlm: where they are and what they are called.

They lie in the package's ``_bundled`` folder when it was installed from a wheel, else at the top of
the checkout, so they are found from any directory.
"""

from __future__ import annotations

from glob import has_magic
from pathlib import Path

from charlm.config.reading import read_file
from charlm.config.rules import suggestion
from charlm.errors import ConfigError, TextError
from charlm.files import path_of, seen, why_unreadable

_PACKAGE = Path(__file__).resolve().parents[1]
_SUFFIXES = (".yaml", ".yml")


def bundled_folder(kind: str) -> Path:
    """Return the folder of the bundled ``configs`` or ``data``."""
    installed = _PACKAGE / "_bundled" / kind
    return installed if installed.is_dir() else _PACKAGE.parent / kind


def bundled_runs() -> list[tuple[str, str]]:
    """Return the name and the one-line description of each bundled run config."""
    return [(path.stem, _description(path)) for path in _configs() if not is_comparison(path)]


def bundled_comparisons() -> list[tuple[str, str]]:
    """Return the name and the one-line description of each bundled comparison."""
    return [(path.stem, _description(path)) for path in _configs() if is_comparison(path)]


def bundled_texts() -> list[str]:
    """Return the names of the bundled texts."""
    return sorted(path.stem for path in bundled_folder("data").glob("*.txt"))


def is_config(arg: str) -> bool:
    """Tell whether an argument means a run config: a bundled one's name, or a YAML file.

    >>> is_config("srnn"), is_config("my.yaml"), is_config("novel.txt")
    (True, True, False)
    """
    if arg.lower().endswith(_SUFFIXES):
        return True
    return any(path.stem == arg and not is_comparison(path) for path in _configs())


def is_comparison(path: Path) -> bool:
    """Tell whether a file is a comparison: it has ``models`` at its top level."""
    root, _ = read_file(path)
    return "models" in root.value


def config_path(source: str | Path) -> Path:
    """Return the file of a config: of the bundled one with that name, or the YAML file itself."""
    source = str(path_of(source, "a config"))
    if source.lower().endswith(_SUFFIXES):
        return Path(source)
    paths = {path.stem: path for path in _configs()}
    if source not in paths:
        raise ConfigError(
            f"no bundled config is named {source!r}{suggestion(source, paths)} "
            f"(there are {', '.join(paths)}; a file's name ends in .yaml)"
        )
    return paths[source]


def located_text(name_or_path: str, folder: Path) -> str:
    """Return a bundled text's name, or the ``-`` of standard input, or a path made absolute."""
    if name_or_path in ("-", *bundled_texts()) or Path(name_or_path).is_absolute():
        return name_or_path
    return str(folder.absolute() / name_or_path)


def resolve_text(name_or_path: str) -> Path:
    """Return the path of a text from a bundled name or a path, which exists or is a pattern (``*.txt``).

    >>> resolve_text("fox").name
    'fox.txt'

    Errors:
        TextError: there is nothing at the path.
    """
    texts = bundled_texts()
    path = (
        bundled_folder("data") / f"{name_or_path}.txt"
        if name_or_path in texts
        else Path(name_or_path)
    )
    try:
        path.stat()
    except FileNotFoundError:
        if has_magic(name_or_path):
            return path
        given = Path(name_or_path).name
        configs = [config.stem for config in _configs()]
        hint = suggestion(given, [*texts, *configs])
        raise TextError(
            f"{name_or_path}: no such text{hint} (bundled texts: {', '.join(texts)})"
        ) from None
    except OSError as error:
        raise TextError(f"{seen(path)}: {why_unreadable(error)}") from None
    except ValueError as error:  # a NUL, or half of a surrogate pair
        raise TextError(f"{name_or_path}: cannot be read: {error}") from None
    return path


def _configs() -> list[Path]:
    return sorted(bundled_folder("configs").glob("*.yaml"), key=lambda path: path.stem)


def _description(path: Path) -> str:
    with path.open(encoding="utf-8") as file:
        return file.readline().removeprefix("#").strip()
