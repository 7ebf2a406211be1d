"""The configurations and texts that come with charlm: their folders and names.

They are in the package's ``_bundled`` folder if it was installed from a wheel, else at the top of the checkout.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from glob import escape, glob, has_magic
from pathlib import Path

from charlm.config.reading import read_file
from charlm.config.rules import suggestion
from charlm.errors import ConfigError, MissingTextError, TextError
from charlm.files import exists, home_expanded, path_of, seen, why_unreadable

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
    """Tell whether an argument is a run config: a bundled name, or a YAML file.

    >>> is_config("srnn"), is_config("my.yaml"), is_config("novel.txt")
    (True, True, False)
    """
    if not is_bundled(arg):
        return True
    return any(path.stem == arg and not is_comparison(path) for path in _configs())


def is_comparison(path: Path) -> bool:
    """Tell whether a file is a comparison: it has ``models`` at its top level."""
    root, _ = read_file(path)
    return "models" in root.value


def is_bundled(source: str) -> bool:
    """Tell whether the source of a config is the name of a bundled one, not a YAML file."""
    return not source.lower().endswith(_SUFFIXES)


def names_text(source: str) -> bool:
    """Tell whether a config names its text; a bundled config without a text needs one from the user.

    >>> names_text("lstm"), names_text("small")
    (True, False)
    """
    root, _ = read_file(config_path(source))
    data = root.child("data")
    return data is not None and data.child("text") is not None


def config_path(source: str | Path, comparison: bool = False) -> Path:
    """Return the file of a config, of a run or of a comparison, from a bundled name or the path of a YAML file.

    Errors:
        ConfigError: there is none.
    """
    source = str(path_of(source, "a config"))
    if not is_bundled(source):
        path = Path(home_expanded(source))
        if not exists(path) and (hint := _yaml_meant(path, comparison)):
            raise ConfigError(f"{path}: no such file{hint}")
        return path
    paths = {path.stem: path for path in _configs()}
    if source not in paths:
        names = [name for name, path in paths.items() if is_comparison(path) == comparison]
        raise ConfigError(
            f"no bundled config is named {source!r}{suggestion(source, names)} "
            f"(there are {', '.join(names)}; a file's name ends in .yaml)"
        )
    return paths[source]


def _yaml_meant(path: Path, comparison: bool) -> str:
    """Suggest a config of the wanted kind in the folder of a missing path."""
    candidates = {}
    with contextlib.suppress(OSError):
        for file in path.parent.iterdir():
            if file.suffix.lower() in _SUFFIXES and file.is_file():
                with contextlib.suppress(ConfigError):
                    if is_comparison(file) == comparison:
                        candidates[file.stem.casefold()] = str(seen(file))
    return suggestion(path.stem.casefold(), candidates, candidates.__getitem__)


def located_text(name_or_path: str, folder: Path) -> str:
    """Return a bundled text's name or the ``-`` of standard input unchanged, and any other path made absolute."""
    if name_or_path in ("-", *bundled_texts()):
        return name_or_path
    path = home_expanded(name_or_path)
    if Path(path).is_absolute():
        return path
    start = folder.absolute()
    is_pattern = has_magic(path) and not exists(start / path)
    return str(Path(escape(str(start)) if is_pattern else start) / path)


def resolve_text(name_or_path: str, others: Iterable[str] = ()) -> Path:
    """Return the path of a text, from a bundled name, a path that exists or a pattern (``*.txt``).

    ``others`` are further names that may be meant.

    >>> resolve_text("fox").name
    'fox.txt'

    Errors:
        TextError: there is nothing at the path.
    """
    texts = bundled_texts()
    path = (
        bundled_folder("data") / f"{name_or_path}.txt"
        if name_or_path in texts
        else Path(home_expanded(name_or_path))
    )
    try:
        path.stat()
    except FileNotFoundError:
        if has_magic(name_or_path):
            return path
        hint = _meant(path, [*texts, *others])
        raise MissingTextError(
            name_or_path, f"{name_or_path}: no such text{hint} (bundled texts: {', '.join(texts)})"
        ) from None
    except OSError as error:
        raise TextError(f"{seen(path)}: {why_unreadable(error)}") from None
    except ValueError:
        reason = "a path cannot contain a NUL character or half of a surrogate pair"
        raise TextError(f"{name_or_path!r}: cannot be read: {reason}") from None
    return path


def files_of(path: Path) -> list[Path]:
    """Return the files of a text's path, sorted: a folder's .txt files, a pattern's matches, or the file itself."""
    if path.is_dir():
        return sorted(p for p in path.iterdir() if p.suffix.lower() == ".txt" and not p.is_dir())
    if has_magic(str(path)) and not exists(path):
        matches = map(Path, glob(str(path), recursive=True))  # noqa: PTH207
        return sorted(match for match in matches if match.is_file())
    return [path]


def _meant(path: Path, names: Iterable[str]) -> str:
    """Suggest a text with the same ending in the folder of a missing path; or a name, if the path has no ending."""
    endings = {path.suffix.lower(), ".txt"}
    candidates = {} if path.suffix else {name: name for name in names}
    with contextlib.suppress(OSError):
        for file in path.parent.iterdir():
            if file.suffix.lower() in endings and (file.is_file() or any(files_of(file))):
                candidates[file.stem.casefold()] = str(seen(file))
    return suggestion(path.stem.casefold(), candidates, candidates.__getitem__)


def _configs() -> list[Path]:
    return sorted(bundled_folder("configs").glob("*.yaml"), key=lambda path: path.stem)


def _description(path: Path) -> str:
    with path.open(encoding="utf-8") as file:
        return file.readline().removeprefix("#").strip()
