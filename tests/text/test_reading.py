"""Texts from files, folders and the standard input."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from charlm.errors import TextError
from charlm.text.reading import read_texts

some_text = st.text(st.characters(), min_size=1, max_size=50)


@given(some_text.filter(lambda text: text.strip() and "\r" not in text))
def test_a_file_is_read_as_it_is(tmp_path_factory, text):
    if any(0xD800 <= ord(character) <= 0xDFFF for character in text) or text[0] == "\ufeff":
        return
    path = tmp_path_factory.mktemp("text") / "a.txt"
    path.write_bytes(text.encode())
    assert read_texts([path]) == text


def test_the_byte_order_mark_goes_and_each_line_end_becomes_a_newline(tmp_path):
    path = tmp_path / "dos.txt"
    path.write_bytes(b"\xef\xbb\xbfone\r\ntwo\rthree\n\r\n")
    assert read_texts([path]) == "one\ntwo\nthree\n\n"


def test_texts_are_joined_in_order_with_a_newline_where_one_is_missing(tmp_path):
    for name, content in [("a", "one"), ("b", "two\n"), ("empty", ""), ("c", "three")]:
        (tmp_path / name).write_text(content)
    paths = [tmp_path / name for name in ("c", "b", "empty", "a")]
    assert read_texts(paths) == "three\ntwo\none"
    assert read_texts([str(path) for path in paths]) == "three\ntwo\none"


def test_a_folder_stands_for_the_txt_files_in_it(tmp_path):
    for name in ("b.txt", "a.TXT", "c.md"):
        (tmp_path / name).write_text(name)
    (tmp_path / "runs.txt").mkdir()
    (tmp_path / "runs.txt" / "samples.txt").write_text("what a model wrote is not read again")
    assert read_texts([tmp_path]) == "a.TXT\nb.txt"


def from_stdin(data: bytes | None) -> subprocess.CompletedProcess[bytes]:
    code = "from charlm.text.reading import read_texts; print(ascii(read_texts(['-'])), end='')"
    command = [sys.executable, "-c", code]
    if data is None:
        command = ["sh", "-c", 'exec "$0" "$@" <&-', *command]
    return subprocess.run(command, input=data, capture_output=True, check=False)


def test_a_dash_is_the_standard_input():
    assert from_stdin("é\r\n".encode()).stdout == b"'\\xe9\\n'"
    assert b"TextError: text standard input: is empty" in from_stdin(b"").stderr
    assert b"TextError: text standard input: not UTF-8" in from_stdin(b"\xff").stderr


@pytest.mark.skipif(os.name != "posix", reason="closes the standard input in a POSIX shell")
def test_a_closed_standard_input_is_said():
    assert b"TextError: text standard input: it is closed" in from_stdin(None).stderr


def test_a_missing_file_is_named_as_what_it_is(tmp_path):
    with pytest.raises(TextError, match=r"corpus .*gone\.txt: no such file; give"):
        read_texts([tmp_path / "gone.txt"], what="corpus")


def test_a_folder_without_text_is_refused(tmp_path):
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "a.txt").write_text("a")
    with pytest.raises(TextError, match=r"no \.txt file"):
        read_texts([tmp_path])


@pytest.mark.parametrize(
    ("content", "said"), [("", "is empty"), (" \n\t\n", "nothing but white space")]
)
def test_a_file_without_text_is_refused(tmp_path, content, said):
    path = tmp_path / "none.txt"
    path.write_text(content)
    with pytest.raises(TextError, match=rf"none\.txt: .*{said}"):
        read_texts([path])


@pytest.mark.parametrize(
    ("content", "offset", "wrong", "guess"),
    [
        ("ab\ncafé!".encode("latin-1"), 6, "e9", "LATIN1"),
        ("\ufeffab".encode("utf-16-le"), 0, "ff", "UTF-16"),
        (b"\xef\xbb\xbfab\xe2\x82", 5, "e2 82", "LATIN1"),  # the mark counts: it is in the file
    ],
)
def test_bytes_that_are_not_utf8_are_shown_with_their_offset(
    tmp_path, content, offset, wrong, guess
):
    path = tmp_path / "old.txt"
    path.write_bytes(content)
    with pytest.raises(TextError) as raised:
        read_texts([path])
    said = str(raised.value)
    assert f"old.txt: not UTF-8 at byte offset {offset} (hex {wrong}: " in said
    assert f"`iconv -f {guess} -t UTF-8`" in said


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="has no file permissions to take away")
def test_a_file_that_may_not_be_read_is_said_so(tmp_path):
    path = tmp_path / "secret.txt"
    path.write_text("a")
    path.chmod(0)
    as_root = os.geteuid() == 0
    if as_root:  # root may read everything
        os.seteuid(65534)
    try:
        with pytest.raises(TextError, match=r"secret\.txt: no permission to read it; .*chmod"):
            read_texts([path])
    finally:
        if as_root:
            os.seteuid(0)


def test_any_other_failure_names_the_file_and_the_reason(tmp_path):
    (tmp_path / "file").write_text("a")
    with pytest.raises(TextError, match=r"cannot be read \(.*name too long\)"):
        read_texts([tmp_path / ("x" * 5000)])
    with pytest.raises(TextError, match=r"cannot be read \(Not a directory\)"):
        read_texts([tmp_path / "file" / "inner.txt"])
