"""A prime and a stop text are what the same characters in a file would have been."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

import charlm
from charlm.config import ModelConfig, load_config
from charlm.errors import InputError, TextError
from charlm.lm.language_model import CharLM
from charlm.runs.directory import RunDirectory
from charlm.text.prompt import prepared, prompt_of
from charlm.text.reading import read_texts
from charlm.text.vocab import Vocab, byte_values
from charlm.training.loop import Training

LETTERS = "abe \n\té\u0301ﬁ…"


@given(st.text("ae\r\n\ufeff\u0301é ﬁ…"), st.sampled_from(["none", "NFC", "NFKC"]))
def test_a_prime_is_prepared_as_a_file_is(tmp_path_factory, text, form):
    file = tmp_path_factory.mktemp("text") / "text.txt"
    file.write_bytes(f"{text}x".encode())
    vocab = Vocab.from_alphabet(LETTERS, eos=False)
    assert prepared(f"{text}x", vocab, form) == read_texts([file], normalize=form)


@given(st.binary(min_size=1))
def test_bytes_are_left_as_they_are(data):
    text = data.decode("utf-8", "surrogateescape")
    vocab = Vocab.of_bytes(eos=False)
    assert prompt_of(text, text, vocab) == (text, text)
    one_by_one = "".join(bytes([b]).decode("utf-8", "surrogateescape") for b in data)
    assert byte_values(prepared(one_by_one, vocab, "none")).tobytes() == data
    assert prepared(one_by_one, vocab, "none") == text


def errors(prime, stop, vocab):
    with pytest.raises(TextError) as raised:
        prompt_of(prime, stop, vocab)
    return str(raised.value)


STREAM = Vocab.from_alphabet("ab c\n", eos=False)
LINES = Vocab.from_alphabet("ab c", eos=True)
RARE = Vocab.from_alphabet("ab c", eos=True, unknown=True)
BYTES = Vocab.of_bytes(eos=True)


def test_all_unknown_characters_of_a_prime_are_named():
    assert errors("aQ", "", STREAM).startswith(
        "the prime has a character that is not in the vocabulary, 'Q' (U+0051): leave it out, or"
    )
    said = errors("Q\u0301 a\u200fQ日", "", STREAM)
    assert "4 characters" in said
    assert "'Q' (U+0051), '\\u0301' (U+0301), '\\u200f' (U+200F), '日' (U+65E5)" in said
    assert "leave them out" in said
    many = errors("".join(map(chr, range(0x4E00, 0x4E00 + 5000))), "", STREAM)
    assert "5,000 characters" in many
    assert "and 4,800 more" in many
    assert all(repr(chr(point)) in many for point in range(0x4E00, 0x4E00 + 200))


def test_what_is_done_about_unknown_characters():
    def prime(text, vocab, unknown):
        return prompt_of(text, "", vocab, unknown=unknown).prime

    assert prime("aQ日b", STREAM, "skip") == "ab"
    assert prime("aQ日b", STREAM, "replace") == "a  b"
    assert prime("aQ", Vocab.from_alphabet("a?", eos=False), "replace") == "a?"
    with pytest.raises(TextError, match="knows neither"):
        prime("aQ", Vocab.from_alphabet("a", eos=False), "replace")
    # a model with <UNK> reads them, unless told otherwise
    assert prime("aQ\n", RARE, "skip") == "a"
    assert prime("aQ\n", RARE, "replace") == "aQ "
    with pytest.raises(TextError, match="2 characters"):
        prime("aQ日", RARE, "error")
    with pytest.raises(InputError, match="expected error, skip or replace"):
        prime("a", STREAM, "drop")


def test_a_stop_text_that_cannot_come_is_an_error():
    assert "the stop text has a character" in errors("", "aQ", STREAM)
    assert "would ever end there" in errors("a", "ab日本", LINES)
    assert "'Q'" in errors("Q", "Q", RARE)  # read as <UNK>, and never drawn
    assert "byte order mark alone" in errors("", "\ufeff", STREAM)
    assert prompt_of("Q", "ab", RARE).prime == "Q"
    assert prompt_of("a\n", "\n\n", STREAM) == ("a\n", "\n\n")


@pytest.mark.parametrize("vocab", [LINES, RARE, BYTES])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_a_line_end_is_no_character_of_a_model_of_lines(vocab, end):
    if end == "\r" and vocab is BYTES:
        return  # a byte like any other
    said = errors(f"a{end}", "", vocab)
    assert "the prime has a line end" in said
    assert said.endswith(": leave it out")
    assert "the stop text has a line end" in errors("", f"a{end}b", vocab)


CASES = [
    ({"normalize": "NFC"}, "cafe\u0301 ", "caf\u00e9 "),
    ({"normalize": "NFKC"}, "\ufb01", "fi"),
    ({}, "\ufeffcaf\u00e9\r\n", "caf\u00e9\n"),
    ({"encoding": "latin-1"}, "caf\u00e9\r", "caf\u00e9\n"),
    ({"encoding": "bytes"}, "caf\u00e9\r\n", "caf\u00e9\r\n"),
]


@pytest.mark.parametrize(("settings", "given_", "meant"), CASES)
def test_a_loaded_model_and_one_in_training_prepare_what_they_are_given(
    tmp_path, settings, given_, meant
):
    text = "caf\u00e9 fi\n" * 20
    encoding = settings.get("encoding", "utf-8").replace("bytes", "utf-8")
    (tmp_path / "text.txt").write_bytes(text.encode(encoding))
    small = ["model.hidden_dim=4", "model.embed_dim=4", "train.kernels=numpy", "train.steps=1"]
    overrides = [*small, *[f"data.{key}={value}" for key, value in settings.items()]]
    config = load_config("text", texts=[str(tmp_path / "text.txt")], overrides=overrides)
    training = Training(config, RunDirectory.create_named(tmp_path / "run"))
    list(training.events())
    for model in (training.model, charlm.load_model(tmp_path / "run")):
        assert model.prompt(given_, given_) == (meant, meant)
        drawn = model.sample(30, seed=1, prime=given_)
        assert drawn == model.sample(30, seed=1, prime=meant)
        stop = drawn[3:5]
        assert model.sample(30, seed=1, prime=given_, stop=stop) == drawn[: drawn.index(stop)]


def test_a_stop_text_is_found_in_the_spelling_of_the_model():
    model = CharLM(Vocab.from_alphabet("é", eos=False), ModelConfig(), normalize="NFC")
    assert model.sample(9, stop="e\u0301") == ""
    with pytest.raises(TextError, match="the stop text"):
        model.stream(9, stop="x")  # before anything is drawn
