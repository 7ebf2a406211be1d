"""A text that is read once has the symbols of one that is read as often as is needed."""

from __future__ import annotations

import attrs
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from charlm.config import DataConfig
from charlm.errors import TextError
from charlm.text import sources
from charlm.text.preparing import ids_of
from charlm.text.symbols import beginning, passing_text, symbols_of, text_of_points, written
from charlm.text.vocab import Vocab

SYMBOLS = 'aé😀 \\"\t'
TEXTS = st.text(SYMBOLS + "\r\n", min_size=1).filter(lambda text: text.strip())


@given(text=TEXTS, cut=st.integers(1, 9), eos=st.booleans(), of_bytes=st.booleans())
def test_symbols_are_those_of_a_text_that_is_read_whole(text, cut, eos, of_bytes, tmp_path_factory):
    file = tmp_path_factory.mktemp("text") / "text.txt"
    file.write_bytes(text.encode())
    data = DataConfig(
        text=str(file),
        framing="lines" if eos else "stream",
        alphabet=None if of_bytes else SYMBOLS + "\n" * (not eos),
    )
    data = attrs.evolve(data, encoding="bytes" if of_bytes else "utf-8")
    vocab = Vocab.of_bytes(eos) if of_bytes else Vocab.from_alphabet(data.alphabet, eos)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sources, "PIECE", cut)
        parts = list(symbols_of(passing_text(data), vocab))
    ids = np.concatenate([ids for _, ids in parts])
    assert ids.tolist() == ids_of(data, vocab).tolist()
    points = [points for points, _ in parts]
    shown = text_of_points(points, vocab)
    assert len(shown.encode() if of_bytes else shown) == len(ids)
    first, few = beginning(passing_text(data), vocab, 3)
    assert few.tolist() == ids[:3].tolist()
    assert first.tolist() == np.concatenate(points)[:3].tolist()


def test_all_characters_without_a_symbol_are_named_with_the_first_place():
    vocab = Vocab.from_alphabet("ab", eos=True)
    with pytest.raises(TextError) as error:
        vocab.encode("ab\naéb€é", lines=True)
    assert str(error.value).startswith(
        "'é' (U+00E9) at line 2, column 2 of the text (offset 4) and 1 more character, '€' (U+20AC), are not in"
    )
    with pytest.raises(TextError, match=r"and 200 more characters, .*, \.\.\., are not in"):
        vocab.encode("".join(map(chr, range(0x400, 0x400 + 201))))


@pytest.mark.parametrize("symbol", ["\n", "\t", "\x1b", "\u200f", "\\", "<0x0A>", "\ud800"])
def test_what_is_not_seen_is_escaped(symbol):
    assert written(symbol).isprintable()
    assert written(symbol) != symbol
