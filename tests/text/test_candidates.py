"""A text in an unknown encoding: which ones are offered, and in which order."""

# ruff: noqa: RUF001  (letters that possible_encodings like others are what this is about)

from __future__ import annotations

import shutil
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from charlm.text.candidates import SHOWN, UNICODE, USUAL, possible_encodings

TEXTS = {
    "French": ("Où est la clé de la fenêtre ? demanda François à l'été.", "cp1252 macintosh cp850"),
    "Spanish": ("El niño comió una manzana por la mañana.", "cp1252"),
    "English": ("“It’s late,” she said — and left.", "cp1252"),
    "Polish": ("Chłopiec wracał późno i śpiewał cicho, aż zasnął.", "cp1250 iso-8859-2"),
    "Turkish": ("Eski ev nehrin kıyısında duruyordu; Ayşe suyu dinlerdi.", "cp1254"),
    "Latvian": ("Vecā māja stāvēja upes krastā, un bērni klausījās ūdenī.", "cp1257"),
    "Russian": ("Старый дом стоял на берегу реки.", "cp1251 koi8-r cp866 iso-8859-5"),
    "Ukrainian": ("Старий дім стояв на березі тихої річки.", "cp1251 koi8-u"),
    "Greek": ("Το παλιό σπίτι στεκόταν δίπλα στο ποτάμι.", "cp1253"),
    "Hebrew": ("הבית הישן עמד על גדת הנהר", "cp1255"),
    "Arabic": ("كان البيت القديم على ضفة النهر", "cp1256"),
    "Thai": ("บ้านเก่าตั้งอยู่ริมแม่น้ำ", "tis-620"),
    "Japanese": ("古い家は川のほとりに立っていて、水の音が聞こえた。", "shift_jis euc-jp"),
    "Chinese": ("老房子在河边，每天早上她打开窗户听水的声音。", "gb18030"),
    "traditional": ("老房子在河邊，每天早上她打開窗戶聽水的聲音。", "big5"),
    "Korean": ("오래된 집은 강가에 서 있었고 아이들은 물소리를 들었다.", "euc-kr"),
    "any": (
        "Старый дом. An old house, a 家.\n",
        "utf-16 utf-16le utf-16be utf-32 utf-32le utf-32be",
    ),
}
CASES = [(text, name) for text, names in TEXTS.values() for name in names.split()]


@pytest.mark.parametrize(("text", "encoding"), CASES)
@pytest.mark.parametrize("times", [1, 3])
@pytest.mark.parametrize("cut", [0, 7])
def test_the_right_one_is_offered_with_a_line_that_shows_it(text, encoding, times, cut):
    data = (text * times).encode(encoding)
    found = possible_encodings([data[:cut], data[cut:]]).candidates
    (place,) = [k for k, c in enumerate(found) if data.decode(c.encoding) == text * times]
    assert found[place].line.removesuffix("...") in text * times
    assert place == 0 or encoding in ("cp1254", "cp1257")  # as good as cp1250 to who knows no words


@given(st.binary(min_size=1, max_size=300), st.integers(1, 299))
def test_each_one_offered_decodes_all_of_it(data, cut):
    found = possible_encodings([data[:cut], data[cut:]])
    assert len(found.candidates) <= SHOWN
    for candidate in found.candidates:
        assert data.decode(candidate.encoding)
        assert candidate.line.isprintable()


def test_a_byte_far_behind_counts():
    """0x98 is the one byte that is no character of cp1251."""
    lines = [("Старый дом стоял на берегу реки.\n" * 100).encode("cp1251")] * 5
    assert possible_encodings(lines).candidates[0].encoding == "cp1251"
    assert "cp1251" not in [c.encoding for c in possible_encodings([*lines, b"\x98"]).candidates]


@pytest.mark.parametrize("cut", [1, 1000, 3001])
def test_a_text_that_is_damaged_in_some_places(cut):
    text = "Старый дом стоял на берегу реки.\n" * 100
    data = text.encode()
    assert possible_encodings([data[:cut], data[cut:]]).damaged is None
    assert possible_encodings([data[:cut], b"\xff" + data[cut:] + b"\xfe"]).damaged == "utf-8"
    assert possible_encodings([b"caf\xe9 " * 100]).damaged is None
    for encoding in ("utf-16", "utf-32"):
        found = possible_encodings([text.encode(encoding), b"\n"])
        assert (found.damaged, found.candidates) == (encoding, [])


def test_no_text_is_in_no_encoding():
    assert possible_encodings([bytes(range(256)) * 20, b"\xff"]).candidates == []


@pytest.mark.skipif(not shutil.which("iconv"), reason="iconv is not installed")
def test_iconv_knows_each_by_the_same_name():
    for encoding in (*USUAL, *UNICODE, "utf-16", "utf-32"):
        data = "a house\n".encode(encoding)
        command = ["iconv", "-f", encoding, "-t", "utf-8"]
        done = subprocess.run(command, input=data, capture_output=True, check=True)
        assert done.stdout.decode("utf-8-sig") == "a house\n"
