"""Types of files that are not plain text, recognised by their first bytes, and how to convert them to text."""

from __future__ import annotations

import shlex
import shutil
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from charlm.files import seen

HEAD = 4096
"""How many bytes at the beginning are examined."""


@dataclass(frozen=True)
class Kind:
    """A type of files.

    Attributes:
        name: its usual name, with an article.
        remedy: advice for a file of this type, given its path.
    """

    name: str
    remedy: Callable[[Path], str]


def kind_of(path: Path, head: bytes) -> Kind | None:
    """Return the type of a file from its first bytes; None if it may be plain text."""
    for at, mark, kind in _MARKS:
        if head[at : at + len(mark)] == mark:
            return _in_archive(path) if kind is _ZIP else kind
    begin = head.lstrip(b"\xef\xbb\xbf \t\r\n")[:15].lower()
    return _HTML if begin.startswith((b"<!doctype html", b"<html")) else None


def free_name(path: Path, ending: str = ".txt") -> str:
    """Return an unused name in the current folder for the text made from a file, quoted for a shell."""
    stem = path.name.removesuffix(path.suffix)
    stem = stem.removesuffix(".txt")
    name, number = f"{stem}{ending}", 1
    while Path(name).exists():
        number += 1
        name = f"{stem}-{number}{ending}"
    return quoted(name)


def quoted(path: Path | str) -> str:
    """Return a path quoted for a shell, relative to the current folder if it is inside it."""
    shown = str(seen(Path(path)))
    return shlex.quote(f"./{shown}" if shown.startswith("-") else shown)


def _unpacked(program: str) -> Callable[[Path], str]:
    return lambda path: f"unpack it: {program} -dc < {quoted(path)} > {free_name(path)}"


def _unzipped(path: Path) -> str:
    return f"unpack it: python3 -m zipfile -e {quoted(path)} {free_name(path, '')}, and give the files or their folder"


def _converted(*commands: str) -> Callable[[Path], str]:
    """Return advice: the first command whose program is installed, or else to save the text by hand."""

    def remedy(path: Path) -> str:
        for command in commands:
            if shutil.which(command.split()[0]):
                filled = command.format(
                    path=quoted(path), text=free_name(path), stem=free_name(path, "")
                )
                return f"make a text of it: {filled}"
        names = " or ".join(command.split()[0] for command in commands)
        return f"save it as plain text (UTF-8) with the program that opens it, or convert it with {names}"

    return remedy


def _no_text(path: Path) -> str:
    return "give a file with plain text"


_OFFICE = "soffice --headless --convert-to txt:Text {path}"
_PANDOC = "pandoc -t plain {path} -o {text}"
_ZIP = Kind("a ZIP archive", _unzipped)
_HTML = Kind("an HTML page", _converted(_PANDOC, "lynx -dump -nolist {path} > {text}"))
_IMAGE = _converted("tesseract {path} {stem}")
_MARKS: list[tuple[int, bytes, Kind]] = [
    (0, b"\x1f\x8b", Kind("a gzip file", _unpacked("gzip"))),
    (4, b"1AY&SY", Kind("a bzip2 file", _unpacked("bzip2"))),
    (0, b"\xfd7zXZ\0", Kind("an xz file", _unpacked("xz"))),
    (0, b"\x28\xb5\x2f\xfd", Kind("a Zstandard file", _unpacked("zstd"))),
    (0, b"PK\x03\x04", _ZIP),
    (0, b"7z\xbc\xaf\x27\x1c", Kind("a 7-Zip archive", _no_text)),
    (0, b"Rar!\x1a\x07", Kind("a RAR archive", _no_text)),
    (257, b"ustar", Kind("a tar archive", lambda path: f"unpack it: tar -xf {quoted(path)}")),
    (0, b"%PDF-", Kind("a PDF document", _converted("pdftotext {path} {text}"))),
    (0, b"{\\rtf", Kind("a document in Rich Text Format (RTF)", _converted(_PANDOC, _OFFICE))),
    (0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", Kind("an old Office document", _converted(_OFFICE))),
    (0, b"%!PS", Kind("a PostScript document", _converted("ps2ascii {path} {text}"))),
    (0, b"\x89PNG\r\n", Kind("a PNG image", _IMAGE)),
    (0, b"\xff\xd8\xff", Kind("a JPEG image", _IMAGE)),
    (0, b"GIF87a", Kind("a GIF image", _IMAGE)),
    (0, b"GIF89a", Kind("a GIF image", _IMAGE)),
    (0, b"II*\0", Kind("a TIFF image", _IMAGE)),
    (0, b"MM\0*", Kind("a TIFF image", _IMAGE)),
    (8, b"WEBP", Kind("a WebP image", _IMAGE)),
    (8, b"WAVE", Kind("a sound", _no_text)),
    (0, b"ID3\x03", Kind("a sound", _no_text)),
    (0, b"ID3\x04", Kind("a sound", _no_text)),
    (0, b"OggS", Kind("a sound or a video", _no_text)),
    (4, b"ftyp", Kind("a sound or a video", _no_text)),
    (0, b"SQLite format 3\0", Kind("an SQLite database", _no_text)),
    (0, b"\x7fELF", Kind("a program", _no_text)),
    (0, b"\x93NUMPY", Kind("an array of numpy's", _no_text)),
]
_ARCHIVED = {
    "word/": Kind("a Word document (docx)", _converted(_PANDOC, _OFFICE)),
    "ppt/": Kind("a presentation (pptx)", _converted(_OFFICE)),
    "xl/": Kind("a spreadsheet (xlsx)", _no_text),
    "META-INF/container.xml": Kind(
        "an EPUB book", _converted(_PANDOC, "ebook-convert {path} {text}")
    ),
    "content.xml": Kind("an OpenDocument file (odt)", _converted(_PANDOC, _OFFICE)),
}


def _in_archive(path: Path) -> Kind:
    """Return the type of a ZIP archive by its content: many documents are ZIP archives."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (OSError, zipfile.BadZipFile, ValueError):
        names = []
    for begin, kind in _ARCHIVED.items():
        if any(name.startswith(begin) for name in names):
            return kind
    return _ZIP
