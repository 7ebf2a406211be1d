"""Pictures as PNG files. They need matplotlib, the extra ``plot``."""

from __future__ import annotations

import io
import tempfile
from pathlib import Path
from typing import Any

from charlm.errors import InputError, import_extra
from charlm.files import output_error, write_atomically


def new_figure(size: tuple[float, float] = (8, 5), dpi: int = 100) -> Any:
    """Return an empty matplotlib figure; ``size`` is in inches.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    figure = import_extra("matplotlib.figure", "a plot").Figure
    return figure(figsize=size, dpi=dpi, layout="constrained")


def check_picture(path: Path) -> None:
    """Check that a picture can be written, before the long computation of what it shows.

    Raises:
        MissingExtraError: matplotlib is not installed.
        InputError: the name does not end in .png.
        OutputError: no file can be written in the folder.
    """
    new_figure()
    if path.suffix.lower() != ".png":
        raise InputError(f"{path}: a plot is written as PNG; give a name that ends in .png")
    try:
        with tempfile.TemporaryFile(dir=path.parent):
            pass
    except OSError as error:
        raise output_error(path, error) from error


def png(figure: Any) -> bytes:
    """Return a figure as the content of a PNG file."""
    picture = io.BytesIO()
    figure.savefig(picture, format="png")
    return picture.getvalue()


def write_picture(path: Path, figure: Any) -> None:
    """Write a figure as a PNG file.

    Raises:
        OutputError: the file cannot be written.
    """
    write_atomically(path, png(figure))
