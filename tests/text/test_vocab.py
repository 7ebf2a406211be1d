"""Characters to ids and back, and texts from files: what comes out, and what each error says."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from charlm.errors import TextError
from charlm.text.vocab import BYTES, EOS, UNK, Position, Vocab, code_points

TUTORIAL = "abcdefghijklmnopqrstuvwxyz "

any_text = st.text(st.characters(), max_size=50)  # lone surrogates too
some_text = st.text(st.characters(), min_size=1, max_size=50)


# --- Vocab ---


def test_the_tutorials_alphabet_has_28_symbols_with_eos_last():
    vocab = Vocab.from_alphabet(TUTORIAL, eos=True)
    assert len(vocab) == 28
    assert vocab.symbols == (*TUTORIAL, EOS)
    assert (vocab.index("a"), vocab.index(" "), vocab.index(EOS), vocab.eos) == (0, 26, 27, 27)


def test_an_alphabet_from_a_text_is_sorted_by_code_point():
    assert Vocab.from_text("héla\n!", eos=False).symbols == ("\n", "!", "a", "h", "l", "é")


def test_with_eos_a_text_gives_no_newline_because_eos_ends_its_lines():
    assert Vocab.from_text("b\na\n", eos=True).symbols == ("a", "b", EOS)


def test_a_vocabulary_knows_what_is_in_it():
    vocab = Vocab.from_alphabet("ab", eos=True)
    assert "a" in vocab
    assert EOS in vocab
    assert "c" not in vocab
    assert "ab" not in vocab
    assert EOS not in Vocab.from_alphabet("ab", eos=False)


def test_vocabularies_with_the_same_symbols_are_equal_and_none_can_be_changed():
    vocab = Vocab.from_alphabet("ab", eos=True)
    assert vocab == Vocab(("a", "b", EOS))
    assert hash(vocab) == hash(Vocab(("a", "b", EOS)))
    assert vocab != Vocab.from_alphabet("ba", eos=True)
    with pytest.raises(AttributeError):
        vocab.symbols = ("a",)


@given(some_text, st.booleans())
def test_decode_undoes_encode(text, eos):
    vocab = Vocab.from_alphabet("".join(dict.fromkeys(text)), eos)
    ids = vocab.encode(text)
    assert ids.shape == (len(text),)
    assert vocab.decode(ids) == text
    assert vocab.decode(ids.tolist()) == text
    assert [vocab.symbols[i] for i in ids] == list(text)
    assert [vocab.index(character) for character in text] == ids.tolist()


@given(some_text, st.booleans())
def test_from_list_undoes_to_list(text, eos):
    vocab = Vocab.from_alphabet("".join(dict.fromkeys(text)), eos)
    assert Vocab.from_list(vocab.to_list()) == vocab


@pytest.mark.parametrize(("size", "dtype"), [(1, "uint8"), (256, "uint8"), (257, "uint16")])
def test_ids_take_the_smallest_type_that_holds_them(size, dtype):
    text = "".join(map(chr, range(0x4E00, 0x4E00 + size)))
    ids = Vocab.from_text(text, eos=False).encode(text)
    assert ids.dtype == dtype
    assert ids.tolist() == list(range(size))


def test_an_empty_text_has_no_ids():
    vocab = Vocab.from_alphabet("a", eos=False)
    assert vocab.encode("").shape == (0,)
    assert vocab.decode([]) == ""


def test_eos_has_no_spelling_in_a_text():
    vocab = Vocab.from_alphabet("<EOS>", eos=True)
    assert vocab.encode("<EOS>").tolist() == [0, 1, 2, 3, 4]


def test_newlines_become_eos_where_lines_are_asked_for():
    vocab = Vocab.from_alphabet("ab", eos=True)
    assert vocab.encode("ab\n\nb", lines=True).tolist() == [0, 1, 2, 2, 1]


def test_lines_need_a_vocabulary_with_eos():
    with pytest.raises(TextError, match="has no <EOS>"):
        Vocab.from_alphabet("ab", eos=False).encode("ab\n", lines=True)


@given(any_text, some_text)
def test_the_first_unknown_character_is_named_with_its_place_and_the_remedy(known, rest):
    unknown = [character for character in rest if character not in known]
    if not unknown or not known:
        return
    vocab = Vocab.from_alphabet("".join(dict.fromkeys(known)), eos=False)
    text = known + rest
    offset = text.index(unknown[0])
    lines_before = text[:offset].split("\n")
    with pytest.raises(TextError) as raised:
        vocab.encode(text)
    said = str(raised.value)
    assert said.startswith(f"{unknown[0]!r} (U+{ord(unknown[0]):04X}) at ")
    assert f"line {len(lines_before)}, column {len(lines_before[-1]) + 1} " in said
    assert f"(offset {offset})" in said
    assert "alphabet" in said


@pytest.mark.parametrize("beyond", ["\U0010ffff", "\udcff", "~"])
def test_a_character_above_all_of_the_alphabet_is_unknown_not_a_crash(beyond):
    with pytest.raises(TextError, match="line 1, column 2"):
        Vocab.from_alphabet("a", eos=True).encode("a" + beyond)


@pytest.mark.parametrize("symbol", ["c", EOS, "ab", ""])
def test_an_unknown_symbol_has_no_index(symbol):
    with pytest.raises(TextError, match="not in the vocabulary"):
        Vocab.from_alphabet("ab", eos=False).index(symbol)


@pytest.mark.parametrize(
    ("ids", "said"),
    [
        ([0, 2], "id 2 at place 1 is <EOS>, which has no text"),
        ([3], "id 3 at place 0 is no symbol's"),
        ([0, 1, -1], "id -1 at place 2 is no symbol's"),
    ],
)
def test_ids_that_have_no_text_are_refused(ids, said):
    with pytest.raises(TextError, match=said):
        Vocab.from_alphabet("ab", eos=True).decode(ids)


@pytest.mark.parametrize(
    ("symbols", "said"),
    [
        ([], "empty"),
        ([EOS], "empty"),
        (["a", "b", "a"], r"'a' \(U\+0061\) at place 0 and again at place 2"),
        (["a", EOS, "b"], "'<EOS>' at place 1"),
        (["a", EOS, EOS], "'<EOS>' at place 1"),
        (["a", "bc"], "'bc' at place 1"),
        (["a", ""], "'' at place 1"),
        (["a", 1], "1 at place 1"),
        (["a", ["b"]], "place 1"),
        ("abc", "not as str"),
        (None, "not as NoneType"),
    ],
)
def test_what_is_no_vocabulary_is_refused(symbols, said):
    with pytest.raises(TextError, match=said):
        Vocab.from_list(symbols)


def test_a_character_twice_in_an_alphabet_is_refused():
    with pytest.raises(TextError, match="again at place 3"):
        Vocab.from_alphabet("abcb", eos=True)


def test_a_megabyte_is_encoded_by_arrays_not_by_characters():
    text = "to be or not to be\n" * 60_000
    vocab = Vocab.from_text(text, eos=False)
    ids = vocab.encode(text)
    line = ids[:19]
    assert np.array_equal(ids, np.tile(line, 60_000))
    assert vocab.decode(line) == "to be or not to be\n"


# --- unknown characters, bytes ---


@given(any_text, st.booleans())
def test_unknown_characters_become_one_symbol(text, eos):
    vocab = Vocab.from_alphabet("ab", eos=eos, unknown=True)
    assert vocab.symbols == ("a", "b", UNK, *[EOS] * eos)
    assert (vocab.unknown, vocab.eos) == (2, 3 if eos else None)
    assert vocab.decode(vocab.encode(text)) == "".join(c if c in "ab" else "\ufffd" for c in text)
    assert Vocab.from_list(vocab.to_list()) == vocab
    assert vocab.encode("<UNK>").tolist() == [2] * 5


@pytest.mark.parametrize("symbols", [("a", UNK, "b"), (UNK, "a"), ("a", EOS, UNK), (UNK,)])
def test_the_unknown_symbol_stands_behind_the_characters(symbols):
    with pytest.raises(TextError):
        Vocab(symbols)


@given(st.binary(max_size=40), st.booleans())
def test_bytes_come_back_as_they_were(data, eos):
    vocab = Vocab.from_list(Vocab.of_bytes(eos).to_list())
    assert vocab.is_bytes
    assert vocab.unit == "byte"
    text = vocab.decode(list(data))
    assert text == data.decode("utf-8", "surrogateescape")
    assert vocab.encode(text).tolist() == list(data)
    spell = vocab.speller()
    assert "".join(map(spell, data)) + spell.end() == text


@given(any_text)
def test_every_text_has_bytes(text):
    assert Vocab.of_bytes(eos=False).encode(text).dtype == np.uint8


def test_a_text_begins_after_an_end_or_a_newline():
    assert Vocab.from_alphabet("ab", eos=True).start == 2
    assert Vocab.from_alphabet("a\n", eos=False).start == 1
    assert Vocab.from_alphabet("ab", eos=False).start == 0
    assert Vocab.of_bytes(eos=False).start == 10
    assert BYTES[10] == "<0x0A>"


@given(any_text, any_text)
def test_a_position_behind_two_pieces_is_that_behind_the_whole(one, two):
    whole = Position().after(code_points(one + two))
    assert Position().after(code_points(one)).after(code_points(two)) == whole
    assert (whole.offset, whole.line) == (len(one + two), (one + two).count("\n") + 1)
