"""Texts from files, folders and the standard input."""

from __future__ import annotations

import os
import subprocess
import sys
import unicodedata

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from charlm.errors import TextError
from charlm.text import sources
from charlm.text.reading import _LAST_STARTER, Facts, Files, read_texts
from charlm.text.sources import Source

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


def from_stdin(data: bytes | None, cache) -> subprocess.CompletedProcess[bytes]:
    code = "from charlm.text.reading import read_texts; print(ascii(read_texts(['-'])), end='')"
    command = [sys.executable, "-c", code]
    if data is None:
        command = ["sh", "-c", 'exec "$0" "$@" <&-', *command]
    environment = {**os.environ, "XDG_CACHE_HOME": str(cache)}
    return subprocess.run(command, input=data, capture_output=True, check=False, env=environment)


def test_a_dash_is_the_standard_input(tmp_path):
    assert from_stdin("é\r\n".encode(), tmp_path).stdout == b"'\\xe9\\n'"
    said = b"TextError: text standard input (kept as "
    for data, problem in ((b"", b": is empty"), (b"\xff", b": not UTF-8")):
        stderr = from_stdin(data, tmp_path).stderr
        assert said in stderr
        assert problem in stderr


def test_where_no_copy_of_the_standard_input_can_be_kept_it_is_kept_in_the_temporary_folder(
    tmp_path,
):
    (tmp_path / "file").touch()
    assert from_stdin(b"ab", tmp_path / "file").stdout == b"'ab'"


@pytest.mark.skipif(os.name != "posix", reason="closes the standard input in a POSIX shell")
def test_a_closed_standard_input_is_said(tmp_path):
    assert b"TextError: text standard input: it is closed" in from_stdin(None, tmp_path).stderr


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
    ("content", "offset", "wrong", "shown"),
    [
        ("ab\ncafé!".encode("latin-1"), 6, "e9", "  cp1252      café!"),
        ("\ufeffab".encode("utf-16-le"), 0, "ff", "  utf-16      ab"),
        (b"\xef\xbb\xbfab\xe2\x82", 5, "e2 82", ""),  # the mark counts: it is in the file
    ],
)
def test_bytes_that_are_not_utf8_are_shown_with_their_offset(
    tmp_path, content, offset, wrong, shown
):
    path = tmp_path / "old.txt"
    path.write_bytes(content)
    with pytest.raises(TextError) as raised:
        read_texts([path])
    said = str(raised.value)
    assert f"old.txt: not UTF-8 at byte offset {offset} (hex {wrong}: " in said
    assert shown in said


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="has no file permissions to take away")
def test_a_file_that_may_not_be_read_is_said_so(tmp_path):
    path = tmp_path / "secret.txt"
    path.write_text("a")
    path.chmod(0)
    as_root = os.geteuid() == 0
    if as_root:  # root may read everything
        os.seteuid(65534)
    try:
        with pytest.raises(TextError, match=r"secret\.txt: cannot be read: no permission; .*chmod"):
            read_texts([path])
    finally:
        if as_root:
            os.seteuid(0)


def test_any_other_failure_names_the_file_and_the_reason(tmp_path):
    (tmp_path / "file").write_text("a")
    with pytest.raises(TextError, match=r"cannot be read: the name is too long"):
        read_texts([tmp_path / ("x" * 5000)])
    with pytest.raises(TextError, match=r"cannot be read: a part of the path is a file"):
        read_texts([tmp_path / "file" / "inner.txt"])


ENCODINGS = [
    "utf-8",
    "utf-16",
    "utf-32-be",
    "cp1252",
    "shift_jis",
    "gb18030",
    "utf-7",
    "iso2022_jp",
    "bytes",
]


@pytest.mark.parametrize("encoding", ENCODINGS)
@given(text=st.text(st.sampled_from("ab\r\n é+-あ語\u0301"), max_size=40), piece=st.integers(1, 9))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_a_text_read_in_pieces_is_the_text_read_whole(tmp_path, monkeypatch, encoding, text, piece):
    data = text.encode("utf-8" if encoding == "bytes" else encoding, "ignore")
    path = tmp_path / "a.txt"
    path.write_bytes(data)
    monkeypatch.setattr(sources, "PIECE", piece)
    found = b"".join(
        points.astype("<u4").tobytes()
        for points in Files([Source(path, "a")], encoding).read(Facts())
    ).decode("utf-32-le")
    if encoding == "bytes":
        assert found == data.decode("latin-1")
    else:
        whole = data.decode(encoding).removeprefix("\ufeff")
        assert found == whole.replace("\r\n", "\n").replace("\r", "\n")


@pytest.mark.parametrize("form", ["NFC", "NFKC"])
@given(
    text=st.text(
        st.sampled_from("aeﬁ \u0301\u0327\u1100\u1161\u11a8가각か\u3099\u0344ક\u0ac7\u0bc6\u0bbe"),
        max_size=30,
    ),
    piece=st.integers(1, 9),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_normalising_in_pieces_is_normalising_the_whole(tmp_path, monkeypatch, form, text, piece):
    path = tmp_path / "a.txt"
    path.write_text(text + ".")
    monkeypatch.setattr(sources, "PIECE", piece)
    assert read_texts([path], normalize=form) == unicodedata.normalize(form, text + ".")


def test_where_a_normalised_text_is_cut_nothing_ever_joins():
    """Each character that is cut before keeps its place whatever stands in front of it."""
    marks = [chr(p) for p in range(0x110000) if unicodedata.decomposition(chr(p)) == ""]
    joining = [c for c in marks if unicodedata.combining(c)]
    starters = [c for c in map(chr, range(0xD7A4)) if _LAST_STARTER.match(c)]
    assert not set(joining) & set(starters)
    composed = [
        unicodedata.normalize("NFD", chr(p))
        for p in range(0xAC00)
        if unicodedata.decomposition(chr(p))[:1] not in ("", "<")
    ]
    seconds = {pair[1] for pair in composed if len(pair) > 1}
    assert not any(_LAST_STARTER.match(second) for second in seconds)


@pytest.mark.parametrize(
    ("encoding", "data"),
    [
        ("ascii", b"abc\xe9"),
        ("shift_jis", b"abc\x81"),
        ("utf-16-le", b"a\0b\0c\0\0\xd8"),
        ("cp1252", b"ab\x81"),
    ],
)
@pytest.mark.parametrize("piece", [1, 2, 3, 100])
def test_the_offset_of_a_bad_byte_does_not_depend_on_the_pieces(
    tmp_path, monkeypatch, encoding, data, piece
):
    path = tmp_path / "a.txt"
    path.write_bytes(data)
    monkeypatch.setattr(sources, "PIECE", piece)
    with pytest.raises(UnicodeDecodeError) as whole:
        data.decode(encoding)
    with pytest.raises(TextError, match=rf"not {encoding} at byte offset {whole.value.start} "):
        read_texts([path], encoding=encoding)


def test_utf_16_without_its_mark_is_refused(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes("ab".encode("utf-16-le"))
    with pytest.raises(TextError, match=r"(?s)not utf-16 \(.*BOM\)\. .*  utf-16le    ab"):
        read_texts([path], encoding="utf-16")


def test_bytes_are_left_as_they_are(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(b"\xef\xbb\xbfa\r\nb\xff")
    assert read_texts([path], encoding="bytes") == "\ufeffa\r\nb\udcff"


def test_a_pattern_stands_for_the_files_that_match(tmp_path):
    for name in ("b/2.txt", "a/1.txt", "a/deep/3.txt", "a/4.md"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    assert read_texts([f"{tmp_path}/*/*.txt"]) == "a/1.txt\nb/2.txt"
    assert read_texts([f"{tmp_path}/**/*.txt"]) == "a/1.txt\na/deep/3.txt\nb/2.txt"
    (tmp_path / "x[1].txt").write_text("a file of that very name")
    assert read_texts([f"{tmp_path}/x[1].txt"]) == "a file of that very name"
    with pytest.raises(TextError, match=r"no file matches this pattern"):
        read_texts([f"{tmp_path}/*.doc"])


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no named pipes")
def test_a_pipe_is_read_once_and_kept(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    os.mkfifo(tmp_path / "pipe")
    with subprocess.Popen(["sh", "-c", f"echo abc > '{tmp_path}/pipe'"]):
        assert read_texts([tmp_path / "pipe"]) == "abc\n"
    (kept,) = (tmp_path / "cache/charlm/stdin").iterdir()
    assert read_texts([kept]) == "abc\n"


@pytest.mark.skipif(os.name != "posix", reason="has no devices")
def test_a_device_is_no_text():
    with pytest.raises(TextError, match="it is not a file"):
        read_texts(["/dev/zero"])
