"""The exact network: near the model's own numbers, the same however it is read, and honest about what it cannot do."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from charlm.compression.fixed_point import (
    ONE,
    SCORE_BITS,
    STATE_BITS,
    TABLE_BITS,
    WEIGHT_BITS,
    frequencies,
    logistic,
    tanh,
)
from charlm.compression.network import Network
from charlm.errors import InputError
from charlm.lm.evaluation import read
from tests.compression.conftest import made, vocab_of

CELLS = ["rnn", "gru", "lstm"]
SHAPES = {
    "one layer": {},
    "three layers": {"layers": 3, "hidden_dim": (12, 5, 8)},
    "tied": {"tied": True, "embed_dim": 8, "layers": 2, "hidden_dim": (12, 8)},
}


def bits(sums_TV, symbols):
    """Return the information of symbols, in bits, by the frequencies of the next one."""
    sizes_TV = np.diff(sums_TV, axis=1, prepend=0)
    return -np.log2(sizes_TV[np.arange(len(symbols)), symbols] / sums_TV[:, -1])


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize("kind", ["stream", "lines"])
def test_it_is_near_the_model(cell, shape, kind):
    vocab = vocab_of(kind)
    model = made(vocab, cell=cell, **shape)
    ids = np.random.default_rng(1).integers(0, len(vocab), 400)
    network = Network(model)
    found = bits(network.read(ids[:-1].tolist()), ids[1:])
    expected = read(model, ids, 1, warm_up=0) / np.log(2)
    likely = expected < 20  # beyond that, one frequency more decides
    assert likely.sum() > 390
    assert np.abs(found - expected)[likely].mean() < 0.01
    assert found.mean() == pytest.approx(expected.mean(), rel=2e-4)


def fractions(array, bits):
    """Return the numbers of an array, rounded to 2**-bits, as fractions in nested lists."""
    whole = np.rint(array.astype(float) * 2**bits).astype(int).astype(object)
    return np.vectorize(lambda n: Fraction(int(n), 2**bits), otypes=[object])(whole)


def place(table, sums, bits):
    """Look sums up; half of a place is rounded up."""
    last = len(table.values) - 1
    zero = Fraction(table.offset)
    found = [
        table.values[min(max(int(s * 2**bits + zero // 1 + Fraction(1, 2)), 0), last)] for s in sums
    ]
    return np.array([Fraction(float(value)) for value in found], object)


def counted_in_fractions(model, symbols):
    """Yield what ``Network.read`` returns, computed with Python's fractions alone: h and c in units of 2**-16."""
    w = {
        name: fractions(a, WEIGHT_BITS + STATE_BITS if a.ndim == 1 else WEIGHT_BITS)
        for name, a in model.arrays().items()
    }
    vectors = fractions(model.arrays()["embedding"], STATE_BITS) * ONE
    cell, layers = model.rnn.cell, range(model.config.layers)
    states = [[np.array([Fraction(0)] * size, object)] * 2 for size in model.config.hidden_dims]
    rounded = np.vectorize(round, otypes=[object])
    for symbol in symbols:
        x = vectors[symbol]
        for k in layers:
            p = [w[f"rnn.{k}.{role}"] for role in cell.roles]
            h, c = states[k]
            H = len(h)
            if cell.name == "rnn":
                h = place(tanh(), p[0] @ x / ONE + p[1] @ h / ONE + p[2], TABLE_BITS)
            elif cell.name == "lstm":
                a = p[0] @ x / ONE + p[1] @ h / ONE + p[2]
                a[H : 2 * H] += 1
                i, f, o = (place(logistic(), a[n * H : n * H + H], TABLE_BITS) for n in range(3))
                g = place(tanh(), a[3 * H :], TABLE_BITS)
                c = rounded(f * c + i * g)
                h = rounded(o * place(tanh(), [Fraction(n, ONE) for n in c], TABLE_BITS))
            else:
                z = place(logistic(), p[0] @ x / ONE + p[1] @ h / ONE + p[2], TABLE_BITS)
                r = place(logistic(), p[3] @ x / ONE + p[4] @ h / ONE + p[5], TABLE_BITS)
                new = p[6] @ x / ONE + p[7] @ rounded(r * h) / ONE + p[8]
                h = rounded(h + z * (place(tanh(), new, TABLE_BITS) - h))
            states[k] = [h, c]
            x = h
        scores = w.get("softmax.W", w["embedding"]) @ x / ONE + w["softmax.b"]
        yield np.cumsum(place(frequencies(), max(scores) - scores, SCORE_BITS)).tolist()


@pytest.mark.parametrize("cell", CELLS)
def test_it_is_what_fractions_give(cell):
    """To the last bit: no sum is rounded."""
    model = made(vocab_of("stream"), cell=cell, layers=2, hidden_dim=(5, 7), embed_dim=4)
    symbols = np.random.default_rng(3).integers(0, len(model.vocab), 25).tolist()
    found = Network(model).read(symbols)
    assert found.tolist() == list(counted_in_fractions(model, symbols))


@pytest.mark.parametrize("cell", CELLS)
def test_all_numbers_are_whole(cell):
    """So every sum is one of whole numbers of 2**-20, which float64 holds exactly up to 2**33."""
    network = Network(made(vocab_of("stream"), cell=cell, layers=2, hidden_dim=(5, 7)))
    network.read(np.random.default_rng(4).integers(0, 9, 50).tolist())
    values = [value for part in (network, *network.layers) for value in vars(part).values()]
    arrays = [value for value in values if isinstance(value, np.ndarray)]
    assert len(arrays) > 10
    for array in arrays:
        assert np.array_equal(array * 2.0**20, np.rint(array * 2.0**20))
    for layer in network.layers:
        states = [layer.h_H, getattr(layer, "c_H", layer.h_H)]
        assert all(np.array_equal(state, np.rint(state)) for state in states)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("kind", ["stream", "lines"])
def test_it_is_the_same_in_pieces_of_any_length_and_after_a_reset(cell, kind):
    network = Network(made(vocab_of(kind), cell=cell, layers=2))
    symbols = np.random.default_rng(2).integers(0, len(vocab_of(kind)), 100).tolist()
    whole = network.read(symbols)
    network.reset()
    pieces = [network.read(symbols[i:j]) for i, j in ((0, 1), (1, 2), (2, 50), (50, 50), (50, 100))]
    assert np.array_equal(whole, np.concatenate(pieces))


def test_a_memory_that_only_grows_stays_exact():
    """With gates wide open and a large input at every step, c comes to its bound of 2**16 times 1."""
    model = made(vocab_of("stream"), cell="lstm", hidden_dim=2)
    arrays = {name: np.zeros_like(a) for name, a in model.arrays().items()}
    arrays["rnn.0.b"][:] = 1000.0
    model.load_arrays(arrays)
    network = Network(model)
    network.read([0] * 3000)
    (layer,) = network.layers
    assert layer.c_H.tolist() == np.rint(layer.c_H).tolist()
    assert 2900 * 2**16 < layer.c_H[0] < 3000 * 2**16


@pytest.mark.parametrize("cell", ["norm_lstm", "coupled_lstm", "fast_lstm"])
def test_other_cells_say_which_can(cell):
    with pytest.raises(
        InputError, match=rf"cannot compress, .* the cell {cell}: .* gru, lstm, rnn"
    ):
        Network(made(vocab_of("stream"), cell=cell))


def test_layer_norm_says_so_too():
    with pytest.raises(InputError, match="cannot compress, because it has layer normalisation"):
        Network(made(vocab_of("stream"), cell="lstm", layer_norm=True))


@pytest.mark.parametrize("name", ["embedding", "rnn.0.Wh", "rnn.0.b", "softmax.W", "softmax.b"])
@pytest.mark.parametrize("size", [1e6, 3e38])
def test_weights_that_are_too_large_are_refused(name, size):
    model = made(vocab_of("stream"), cell="lstm")
    arrays = model.arrays()
    arrays[name].ravel()[3] = -size
    model.load_arrays(arrays)
    with pytest.raises(InputError) as refused:
        Network(model)
    assert f"too large to compress with: {name} has one of {size:.3g}, " in str(refused.value)


def test_a_forget_bias_that_is_too_large_is_refused():
    with pytest.raises(InputError, match="too large"):
        Network(made(vocab_of("stream"), cell="lstm", forget_bias=1e300))
