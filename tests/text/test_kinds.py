"""Files that are no plain texts are named for what they are, with a command that makes a text of them."""

from __future__ import annotations

import bz2
import gzip
import lzma
import re
import shlex
import shutil
import subprocess
import tarfile
import zipfile
from pathlib import Path

import pytest

from charlm.config import DataConfig
from charlm.errors import TextError
from charlm.text.preparing import corpus_of
from charlm.text.reading import read_texts

TEXT = "The old house stood by the river, très près.\nSo it was.\n" * 30


def archive(path: Path, files: dict[str, str]) -> None:
    with zipfile.ZipFile(path, "w") as target:
        for name, content in files.items():
            target.writestr(name, content)


def tar(path: Path) -> None:
    Path("inside.txt").write_text(TEXT, "utf-8")
    with tarfile.open(path, "w") as target:
        target.add("inside.txt")
    Path("inside.txt").unlink()


def by_pandoc(path: Path) -> None:
    if not shutil.which("pandoc"):
        pytest.skip("pandoc is not installed")
    command = ["pandoc", "-f", "markdown", "-o", str(path)]
    subprocess.run(command, input=TEXT.encode(), check=True)


BINARY = b"\x00\xff\x81\xfe" * 50
FILES = {
    "novel.txt.gz": (lambda path: path.write_bytes(gzip.compress(TEXT.encode())), "a gzip file"),
    "novel.bz2": (lambda path: path.write_bytes(bz2.compress(TEXT.encode())), "a bzip2 file"),
    "the novel.xz": (lambda path: path.write_bytes(lzma.compress(TEXT.encode())), "an xz file"),
    "-novel.gz": (lambda path: path.write_bytes(gzip.compress(TEXT.encode())), "a gzip file"),
    "novel.zip": (lambda path: archive(path, {"a.txt": TEXT, "é.bin": "\xff"}), "a ZIP archive"),
    "novel.docx": (by_pandoc, "a Word document (docx)"),
    "novel.odt": (by_pandoc, "an OpenDocument file (odt)"),
    "novel.epub": (by_pandoc, "an EPUB book"),
    "b.docx": (lambda path: archive(path, {"word/x": "\xff"}), "a Word document (docx)"),
    "b.odt": (lambda path: archive(path, {"content.xml": "\xff"}), "an OpenDocument file (odt)"),
    "b.epub": (lambda path: archive(path, {"META-INF/container.xml": "\xff"}), "an EPUB book"),
    "b.xlsx": (lambda path: archive(path, {"xl/x": "\xff"}), "a spreadsheet (xlsx)"),
    "damaged.zip": (lambda path: path.write_bytes(b"PK\x03\x04" + BINARY), "a ZIP archive"),
    "novel.pdf": (lambda path: path.write_bytes(b"%PDF-1.5\n%" + BINARY), "a PDF document"),
    "novel.doc": (
        lambda path: path.write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + BINARY),
        "an old Office document",
    ),
    "page.png": (lambda path: path.write_bytes(b"\x89PNG\r\n\x1a\n" + BINARY), "a PNG image"),
    "page.jpg": (lambda path: path.write_bytes(b"\xff\xd8\xff\xe0" + BINARY), "a JPEG image"),
    "model.npy": (lambda path: path.write_bytes(b"\x93NUMPY" + BINARY), "an array of numpy's"),
}


@pytest.mark.parametrize("name", FILES)
def test_a_file_is_named_and_the_advice_makes_a_text_of_it(tmp_path, monkeypatch, name):
    make, kind = FILES[name]
    monkeypatch.chdir(tmp_path)
    make(tmp_path / name)
    with pytest.raises(TextError) as raised:
        read_texts([tmp_path / name])
    said = str(raised.value)
    assert f"{name}: it is {kind}; " in said
    command = re.search(r"(?:unpack it|make a text of it): (.*?)(?:, and give .*)?$", said)
    if command is None:
        assert "plain text" in said
        return
    if name.startswith(("novel", "the", "-")) and not name.endswith(("pdf", "doc")):
        subprocess.run(["bash", "-ec", command[1]], check=True, cwd=tmp_path)
        (made,) = [path for path in tmp_path.iterdir() if path.name != name]
        assert "très près." in read_texts([made])


def test_an_archive_of_tar_is_unpacked(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    tar(tmp_path / "a.tar")
    corpus = corpus_of(DataConfig(text="a.tar", framing="stream", alphabet=None))
    (note,) = [notice for notice in corpus.notices if "archive" in notice]
    assert "a.tar is a tar archive, and the model learns all that is in it; unpack it: " in note
    subprocess.run(["bash", "-ec", note.rsplit("unpack it: ")[1]], check=True, cwd=tmp_path)
    assert read_texts(["inside.txt"]) == TEXT


def test_what_is_made_does_not_replace_another_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("novel.txt").write_text("mine")
    Path("novel.txt.gz").write_bytes(gzip.compress(TEXT.encode()))
    with pytest.raises(TextError) as raised:
        read_texts(["novel.txt.gz"])
    assert shlex.split(str(raised.value))[-1] == "novel-2.txt"


MARKUP = {
    "page.html": ("<!DOCTYPE html>\n<p>A page</p>\n" * 20, "an HTML page"),
    "page.txt": ("\ufeff\n <HTML>\n<p>A page</p>\n" * 20, "an HTML page"),
    "a.rtf": ("{\\rtf1 A text}\n" * 20, "a document in Rich Text Format (RTF)"),
    "a.pdf": ("%PDF-1.4 a text\n" * 20, "a PDF document"),
}


@pytest.mark.parametrize("name", MARKUP)
def test_a_text_with_markup_is_learned_and_named(tmp_path, name):
    content, kind = MARKUP[name]
    (tmp_path / name).write_text(content, "utf-8")
    corpus = corpus_of(DataConfig(text=str(tmp_path / name), framing="stream", alphabet=None))
    said = f"{name} is {kind}, and the model learns all that is in it; "
    assert any(said in notice for notice in corpus.notices)
    data = DataConfig(text=str(tmp_path / name), framing="stream", alphabet=None, encoding="bytes")
    assert not any(kind in notice for notice in corpus_of(data).notices)


def test_utf_16_without_a_mark_is_no_utf_8(tmp_path):
    for encoding in ("utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"):
        (tmp_path / "a.txt").write_bytes(TEXT.replace("è", "e").encode(encoding))
        with pytest.raises(
            TextError, match=r"a\.txt: many control characters, because it is UTF-16"
        ):
            read_texts([tmp_path / "a.txt"])
    (tmp_path / "a.txt").write_text("a text with \0 in it, and \x1b[0m colours\n" * 20)
    assert "\0" in read_texts([tmp_path / "a.txt"])
