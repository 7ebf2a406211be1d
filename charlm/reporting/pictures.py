"""Pictures as PNG files. They need matplotlib, the extra ``plot``."""

from __future__ import annotations

import io
import tempfile
from pathlib import Path
from typing import Any

from charlm.errors import InputError, MissingExtraError
from charlm.files import output_error, write_atomically


def require_matplotlib() -> Any:
    """Return matplotlib's Figure class.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise MissingExtraError("a plot", "matplotlib") from None
    return Figure


def check_picture(path: Path) -> None:
    """Fail before the work whose result is to be drawn, not after it.

    Raises:
        MissingExtraError: matplotlib is not installed.
        InputError: the name does not end in .png.
        OutputError: the folder takes no file.
    """
    require_matplotlib()
    if path.suffix.lower() != ".png":
        raise InputError(f"{path}: a plot is written as PNG; give a name that ends in .png")
    try:
        with tempfile.TemporaryFile(dir=path.parent):
            pass
    except OSError as error:
        raise output_error(path, error) from error


def write_picture(path: Path, figure: Any) -> None:
    """Write a figure as a PNG file.

    Raises:
        OutputError: the file cannot be written.
    """
    picture = io.BytesIO()
    figure.savefig(picture, format="png")
    write_atomically(path, picture.getvalue())
