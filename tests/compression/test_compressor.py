"""Files come back as they were, and what is no such file is an error, never other bytes."""

from __future__ import annotations

from contextvars import copy_context
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from charlm import progress
from charlm.compression import compressor as module
from charlm.compression.compressor import Compressor
from charlm.compression.container import STORED, Container, digest_of
from charlm.errors import StoredError
from charlm.lm.evaluation import read
from tests.compression.conftest import ALPHABET, made, vocab_of
from tests.test_progress import Told

KINDS = ["stream", "lines", "unknown stream", "unknown lines", "bytes stream", "bytes lines"]


@cache
def compressor(cell="lstm", kind="stream", seed=0, **config):
    return Compressor(made(vocab_of(kind), seed, cell=cell, **config))


files = st.one_of(
    st.binary(max_size=120),
    st.text(ALPHABET, max_size=200).map(str.encode),
    st.text(max_size=80).map(lambda text: text.encode("utf-8", "replace")),
    st.text(f"{ALPHABET}é水🙂\r\0\ufeff", max_size=120).map(str.encode),
    st.text("ab\n", max_size=80).map(lambda text: text.replace("\n", "\r\n").encode()),
)


@settings(max_examples=200)
@given(st.sampled_from(["rnn", "gru", "lstm"]), st.sampled_from(KINDS), files)
def test_any_file_comes_back(cell, kind, data):
    compress = compressor(cell, kind)
    packed = compress.compress(data).data
    assert compress.decompress(packed) == data
    assert len(packed) <= len(data) + 24


@pytest.mark.parametrize(
    "config",
    [
        {"layers": 4, "hidden_dim": (5, 12, 3, 7)},
        {"tied": True, "embed_dim": 7, "hidden_dim": 7},
        {"hidden_dim": 1, "embed_dim": 1},
        {"forget_bias": -2.5, "layers": 2},
    ],
)
@pytest.mark.parametrize("kind", ["stream", "lines"])
def test_layers_of_any_number_and_size(config, kind):
    data = b"a bad cab, a big fig.\n" * 20 + "é\n".encode()
    compress = compressor("lstm", kind, **config)
    assert compress.decompress(compress.compress(data).data) == data


@pytest.mark.parametrize("kind", ["stream", "lines"])
def test_it_takes_what_the_model_says(kind):
    model = made(vocab_of(kind), cell="gru")
    text = "\n".join(model.sample(300, seed=k) for k in range(10))
    compressed = Compressor(model).compress(text.encode())
    ids = [model.vocab.start, *model.vocab.encode(text, lines=kind == "lines")]
    bits = read(model, np.array(ids), 1, warm_up=0).sum() / np.log(2)
    assert compressed.bits == pytest.approx(bits, rel=1e-3)
    assert 0 <= 8 * len(compressed.data) - compressed.bits < 8 * 24
    assert (compressed.characters, compressed.unknown) == (len(text), 0)


@pytest.mark.parametrize("kind", ["stream", "lines"])
def test_line_ends_cost_nothing(kind):
    text = "a bad cab\n\nbig fig\n" * 30
    compress = compressor("lstm", kind)
    plain, dos, mac = (
        len(compress.compress(text.replace("\n", end).encode()).data)
        for end in ("\n", "\r\n", "\r")
    )
    assert plain == dos == mac


def test_unknown_characters_become_cheap():
    compress = compressor()
    known = "a bad cab, a big fig. " * 20
    unknown = "かわのそばのすいしゃはながいことまわらなかった" * 20
    mixed = compress.compress((known + unknown).encode())
    assert mixed.unknown == len(unknown)
    alone = len(compress.compress(known.encode()).data)
    assert len(mixed.data) - alone < 0.4 * len(unknown.encode())


def test_an_empty_file():
    compress = compressor()
    packed = compress.compress(b"").data
    assert len(packed) < 24
    assert compress.decompress(packed) == b""


def test_what_does_not_become_smaller_is_stored_and_soon_known(monkeypatch):
    monkeypatch.setattr(module, "TRIED", 4 * module.PIECE)
    data = np.random.default_rng(0).bytes(200_000)
    told = Told()

    def work():
        progress.listen(told)
        return compressor().compress(data)

    compressed = copy_context().run(work)
    assert compressed.bits is None
    assert len(compressed.data) <= len(data) + 24
    assert compressor().decompress(compressed.data) == data
    ((what, _, done),) = told.tasks
    assert (what, done) == ("compressing", 4 * module.PIECE)


def test_progress_is_told_to_the_end():
    told = Told()
    data = b"a bad cab, " * 100

    def work():
        progress.listen(told)
        compressor().decompress(compressor().compress(data).data)

    copy_context().run(work)
    assert told.tasks == [("compressing", 1100, 1100), ("decompressing", 1100, 1100)]


SMALL = "a bad cab, é\r\n".encode()


@pytest.mark.parametrize("data", [SMALL, np.random.default_rng(0).bytes(20), b""])
def test_every_bit_counts(data):
    packed = compressor().compress(data).data
    for bit in range(8 * len(packed)):
        changed = bytearray(packed)
        changed[bit // 8] ^= 1 << bit % 8
        with pytest.raises(StoredError, match=r"damaged|not a compressed file|format version"):
            compressor().decompress(bytes(changed), "f")


@pytest.mark.parametrize("data", [SMALL, np.random.default_rng(0).bytes(20), b""])
def test_a_file_that_is_cut_or_longer(data):
    packed = compressor().compress(data).data
    for length in range(len(packed)):
        with pytest.raises(StoredError, match=r"^f: .*(damaged|not a compressed file)"):
            compressor().decompress(packed[:length], "f")
    for more in (b"\0", b"x", packed):
        with pytest.raises(StoredError, match="damaged"):
            compressor().decompress(packed + more, "f")


@given(st.data())
def test_a_forged_file_is_an_error_or_the_same(data):
    """The CRC of these is right: so what stands in them is decoded."""
    original = SMALL * 3
    honest = Container.unpack(compressor().compress(original).data, "f")
    changes = {
        "spelling": st.integers(0, STORED),
        "count": st.integers(0, 2**70),
        "payload": st.binary(max_size=40),
    }
    name = data.draw(st.sampled_from(sorted(changes)))
    fields = {**vars(honest), name: data.draw(changes[name])}
    try:
        found = compressor().decompress(Container(**fields).pack(), "f")
    except StoredError as error:
        found = str(error)
    assert found == original or "damaged" in found


def test_another_model_is_an_error():
    packed = compressor().compress(SMALL).data
    for other in (
        compressor(seed=1),
        compressor(forget_bias=0.5),
        compressor(kind="lines"),
        Compressor(made(vocab_of("stream"), cell="lstm"), "latin-1"),
    ):
        with pytest.raises(StoredError, match=r"f: another model compressed it: .* [0-9a-f]{12}, "):
            other.decompress(packed, "f")
    assert Compressor(made(vocab_of("stream"), cell="lstm")).decompress(packed) == SMALL


def test_a_newer_format_says_so():
    with pytest.raises(StoredError, match=r"format version 2; .*newer charlm"):
        compressor().decompress(b"CLM\2" + bytes(40), "f")


def test_a_result_that_would_differ_is_no_result():
    """As if the arithmetic of this machine were another."""
    packed = Container.unpack(compressor().compress(SMALL).data, "f")
    wrong = Container(**{**vars(packed), "original": digest_of(b"other")}).pack()
    with pytest.raises(StoredError, match="damaged"):
        compressor().decompress(wrong, "f")
