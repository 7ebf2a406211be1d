"""Files as characters and back: the same bytes from every codec, and few characters that a model does not know."""

from __future__ import annotations

from encodings.aliases import aliases

import pytest
from hypothesis import given
from hypothesis import strategies as st

from charlm.compression.spelling import Alphabet
from charlm.config.rules import encoding
from charlm.errors import SettingError
from tests.compression.conftest import vocab_of


def accepted(name):
    try:
        return encoding(name) != "bytes"
    except SettingError:
        return False


CODECS = sorted({name.replace("_", "-") for name in aliases.values() if accepted(name)})


def spelled(data, codec="utf-8", kind="stream"):
    """Return the spelling that is taken, and the text."""
    alphabet = Alphabet(vocab_of(kind), codec)
    place, text = alphabet.spelled(data)
    assert alphabet.spellings[place].data(text) == data
    return alphabet.spellings[place], text


@given(
    st.sampled_from(CODECS),
    st.sampled_from(["stream", "lines", "unknown", "bytes"]),
    st.one_of(
        st.binary(max_size=40),
        st.text(max_size=40).map(lambda text: text.encode("utf-8", "replace")),
        st.text("ab\r\n\ufeffé水", max_size=40).map(lambda text: text.encode("utf-16")),
        st.lists(st.sampled_from([b"a", b"\r", b"\n", b"\r\n", b"\xe9"])).map(b"".join),
    ),
)
def test_every_codec_gives_the_same_bytes_again(codec, kind, data):
    spelled(data, codec, kind)


@pytest.mark.parametrize(
    ("data", "codec", "found"),
    [
        (b"abc\n", "utf-8", ("utf-8", "\n", "abc\n")),
        (b"ab\r\nc\r\n", "utf-8", ("utf-8", "\r\n", "ab\nc\n")),
        (b"ab\rc\r", "utf-8", ("utf-8", "\r", "ab\nc\n")),
        (b"a\r\nb\n", "utf-8", ("utf-8", "\n", "a\r\nb\n")),
        ("abé".encode(), "cp1252", ("utf-8", "\n", "abé")),
        ("a水b".encode("utf-16-be"), "utf-16", ("utf-16-be", "\n", "a水b")),
        ("a\nb".encode("utf-16-le"), "utf-16", ("utf-16-le", "\n", "a\nb")),
        (b"a\xff", "utf-8", ("utf-8", "\n", "a\udcff")),
    ],
)
def test_the_spelling_with_the_fewest_unknown_characters(data, codec, found):
    spelling, text = spelled(data, codec)
    assert (spelling.codec, spelling.line_end, text) == found


def test_a_byte_is_a_character_of_a_model_of_bytes():
    data = bytes(range(256)) + b"\r\n"
    assert spelled(data, "bytes", "bytes")[1].encode("latin-1") == data
