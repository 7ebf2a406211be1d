"""Pictures as PNG or SVG files. They need matplotlib, the extra ``plot``."""

from __future__ import annotations

import errno
import io
import os
import tempfile
import warnings
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


def check_picture(path: Path, *kinds: str) -> None:
    """Check that a picture can be written, before the long computation of what it shows.

    Args:
        path: its file.
        kinds: the endings of names that are allowed; by default .png.

    Raises:
        MissingExtraError: matplotlib is not installed.
        InputError: the name has another ending.
        OutputError: no file can be written in the folder.
    """
    new_figure()
    kinds = kinds or (".png",)
    if path.suffix.lower() not in kinds:
        names = " or ".join(kind[1:].upper() for kind in kinds)
        raise InputError(
            f"{path}: a plot is written as {names}; give a name that ends in {' or '.join(kinds)}"
        )
    check_writable(path)


def check_writable(path: Path) -> None:
    """Check that a file can be written.

    Raises:
        OutputError: no file can be written in its folder, or it is a folder.
    """
    try:
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        with tempfile.TemporaryFile(dir=path.parent):
            pass
    except OSError as error:
        raise output_error(path, error) from error


def content_of(figure: Any, kind: str = "png") -> bytes:
    """Return a figure as the content of a PNG or SVG file."""
    picture = io.BytesIO()
    with warnings.catch_warnings():
        # a letter that the font lacks, in the name of a run, is drawn as a box
        warnings.filterwarnings("ignore", message="Glyph ")
        figure.savefig(picture, format=kind)
    return picture.getvalue()


def write_picture(path: Path, figure: Any) -> None:
    """Write a figure as the kind of file that its name ends in: .png or .svg.

    Raises:
        OutputError: the file cannot be written.
    """
    write_atomically(path, content_of(figure, path.suffix[1:].lower()))
