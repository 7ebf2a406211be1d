"""The random streams: DyNet's numbers from DyNet's seeds, and states that come back."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from charlm.dynet.random import BLOCK, DynetStream, draw_index
from charlm.engine.graph import ComputationGraph
from charlm.engine.initializers import Normal
from charlm.engine.ops import dropout, fill
from charlm.engine.parameters import ParameterCollection
from charlm.engine.random import NumpyStream

# What DyNet 2.1 draws after reset_random_seed(n), one after the other: add_parameters((2, 3)),
# add_parameters(4, init=NormalInitializer(0, 4)), dropout(ones(8), 0.3),
# random_uniform((3,), 2, 5) and random_gumbel((3,)).
DYNET = {
    1: (
        [
            [-0.18179571628570557, 0.48270684480667114, -1.0951945781707764],
            [1.0892773866653442, 0.947685718536377, -0.8147385716438293],
        ],
        [-0.8487724661827087, -1.1360795497894287, -0.40909335017204285, -1.612577199935913],
        [1, 1, 0, 0, 1, 1, 1, 1],
        [2.082162857055664, 3.6032419204711914, 4.011402606964111],
        [2.408320426940918, 0.13474540412425995, 0.245103120803833],
    ),
    42: (
        [
            [-0.27486884593963623, 0.9874655604362488, 0.5082732439041138],
            [0.6496931910514832, -0.6935596466064453, 0.6127722859382629],
        ],
        [3.177112579345703, 3.2364342212677, -0.3742493689060211, -2.376617431640625],
        [1, 1, 1, 1, 1, 1, 0, 0],
        [2.637017250061035, 2.002336263656616, 2.5454750061035156],
        [4.851210594177246, -0.5283085703849792, 0.7295910120010376],
    ),
}


@pytest.mark.parametrize("seed", DYNET)
def test_dynets_stream_gives_dynets_numbers(seed):
    glorot, normal, mask, uniform, gumbel = DYNET[seed]
    stream = DynetStream(seed)
    pc = ParameterCollection(stream=stream)
    assert pc.add_parameters((2, 3)).value.T.tolist() == glorot
    np.testing.assert_allclose(pc.add_parameters((4,), Normal(0, 4)).value, normal, rtol=1e-6)
    graph = ComputationGraph(stream=stream)
    kept = float(np.float32(1) / np.float32(0.7))
    assert dropout(fill(graph, 8, 1.0), 0.3).value() == pytest.approx(np.multiply(mask, kept))
    assert stream.uniform(2, 5, (3,), np.float32).tolist() == uniform
    np.testing.assert_allclose(stream.gumbel((3,), np.float32), gumbel, rtol=2e-6)


def test_seed_0_of_dynets_stream_is_drawn():
    first, second = (DynetStream(0).uniform(0, 1, (8,), np.float32) for _ in range(2))
    assert (first != second).any()


def test_dynets_uniform_numbers_stay_below_one():
    stream = DynetStream(1)
    state = stream.state()
    state["state"]["key"][0] = 0x12DD9BB3  # gives the word 2**32 - 1, which float32 rounds up
    stream.restore({**state, "state": {**state["state"], "pos": 0}})
    assert stream.uniform(0, 1, (1,), np.float32)[0] == np.nextafter(np.float32(1), np.float32(0))


STREAMS = pytest.mark.parametrize("kind", [NumpyStream, DynetStream])

DRAWS = {
    "uniform": lambda s, n: s.uniform(-2, 3, (n,), np.float32),
    "normal": lambda s, n: s.normal(1, 2, (n,), np.float32),
    "bernoulli": lambda s, n: s.bernoulli(0.3, 2, (n,), np.float32),
    "gumbel": lambda s, n: s.gumbel((n,), np.float32),
}


@STREAMS
@given(
    skipped=st.sampled_from([0, BLOCK - 4, BLOCK + 1]),
    before=st.lists(st.tuples(st.sampled_from(sorted(DRAWS)), st.integers(0, 5)), max_size=4),
    after=st.lists(st.tuples(st.sampled_from(sorted(DRAWS)), st.integers(0, 5)), max_size=4),
)
def test_a_state_comes_back_through_json(kind, skipped, before, after):
    stream = kind(3)
    stream.uniform(0, 1, (skipped,), np.float32)
    for name, count in before:
        DRAWS[name](stream, count)
    kept = json.loads(json.dumps(stream.state()))
    first = [DRAWS[name](stream, count).tolist() for name, count in after]
    for other in (stream, kind(99)):
        other.restore(kept)
        assert [DRAWS[name](other, count).tolist() for name, count in after] == first


@STREAMS
def test_a_seed_decides_the_numbers(kind):
    for draw in DRAWS.values():
        assert (draw(kind(1), 50) == draw(kind(1), 50)).all()
        assert (draw(kind(1), 50) != draw(kind(2), 50)).any()


@STREAMS
def test_draws_have_the_shape_and_number_type_asked_for(kind):
    for dtype in (np.float32, np.float64):
        for shape in ((0,), (), (3,), (2, 3, 4)):
            stream = kind(1)
            drawn = [
                stream.uniform(0, 1, shape, dtype),
                stream.normal(0, 1, shape, dtype),
                stream.bernoulli(0.5, 1, shape, dtype),
                stream.gumbel(shape, dtype),
            ]
            assert {x.shape for x in drawn} == {shape}
            assert {x.dtype for x in drawn} == {np.dtype(dtype)}


@STREAMS
def test_the_distributions_are_what_they_are_called(kind):
    stream, n = kind(5), 20_000
    uniform = stream.uniform(-2, 3, (n,), np.float64)
    assert -2 <= uniform.min() < -1.99
    assert 2.99 < uniform.max() < 3
    assert uniform.mean() == pytest.approx(0.5, abs=0.05)
    normal = stream.normal(1, 2, (n,), np.float64)
    assert normal.mean() == pytest.approx(1, abs=0.07)
    assert normal.std() == pytest.approx(2, abs=0.05)
    assert (np.abs(normal - 1) < 2).mean() == pytest.approx(0.6827, abs=0.02)
    mask = stream.bernoulli(0.3, 2.5, (n,), np.float64)
    assert set(mask.tolist()) == {0.0, 2.5}
    assert (mask > 0).mean() == pytest.approx(0.3, abs=0.02)
    gumbel = stream.gumbel((n,), np.float64)
    assert gumbel.mean() == pytest.approx(np.euler_gamma, abs=0.05)
    assert gumbel.var() == pytest.approx(np.pi**2 / 6, abs=0.12)


@STREAMS
@pytest.mark.parametrize("draw", ["uniform", "bernoulli", "gumbel"])
def test_two_draws_continue_one(kind, draw):
    whole, parts = kind(8), kind(8)
    expected = DRAWS[draw](whole, 7).tolist()
    assert DRAWS[draw](parts, 3).tolist() + DRAWS[draw](parts, 4).tolist() == expected
    assert (
        whole.uniform(0, 1, (2,), np.float32).tolist()
        == parts.uniform(0, 1, (2,), np.float32).tolist()
    )


class WordByWord:
    """DyNet's draws as libstdc++ makes them: float32, one word at a time."""

    def __init__(self, seed: int) -> None:
        self.twister = np.random.RandomState(seed)

    def word(self) -> int:
        return int(np.frombuffer(self.twister.bytes(4), "<u4")[0])

    def unit(self) -> np.float32:
        below_one = np.nextafter(np.float32(1), np.float32(0))
        return min(np.float32(self.word()) / np.float32(2**32), below_one)

    def uniform(self, n: int) -> list[float]:
        return [float(np.float32(float(self.unit()) * 5 - 2)) for _ in range(n)]

    def normal(self, n: int) -> list[np.float32]:
        """The polar method; the spare number of an odd count is dropped."""
        one, two = np.float32(1), np.float32(2)
        found: list[np.float32] = []
        while len(found) < n:
            x, y = two * self.unit() - one, two * self.unit() - one
            r2 = x * x + y * y
            if 0 < r2 <= 1:
                k = np.sqrt(-two * np.log(r2) / r2)
                found += [two * (y * k) + one, two * (x * k) + one]
        return found[:n]

    def bernoulli(self, n: int) -> list[float]:
        return [2.0 * ((self.word() + self.word() * 2.0**32) / 2.0**64 < 0.3) for _ in range(n)]

    def gumbel(self, n: int) -> list[np.float32]:
        tiny = np.float32(1e-20)
        return [-np.log(max(-np.log(max(self.unit(), tiny)), tiny)) for _ in range(n)]


@given(
    seed=st.integers(1, 2**32 - 1),
    skipped=st.sampled_from([0, 1, BLOCK - 9, BLOCK - 2, BLOCK, BLOCK + 3]),
    draws=st.lists(st.tuples(st.sampled_from(sorted(DRAWS)), st.integers(0, 9)), max_size=8),
    looks=st.sets(st.integers(0, 7)),
)
def test_dynets_numbers_come_word_by_word_wherever_a_block_ends(seed, skipped, draws, looks):
    stream, one_by_one = DynetStream(seed), WordByWord(seed)
    stream.uniform(0, 1, (skipped,), np.float32)
    if skipped:
        one_by_one.twister.bytes(4 * skipped)
    for k, (name, count) in enumerate(draws):
        expected = getattr(one_by_one, name)(count)
        found = DRAWS[name](stream, count)
        np.testing.assert_allclose(found, expected, rtol=2e-6, atol=2e-6)
        if k in looks:  # asking for the state changes nothing, and it is the twister's own
            kept = stream.state()
            position = one_by_one.twister.get_state(legacy=False)["state"]
            assert kept["state"]["pos"] == position["pos"]
            assert kept["state"]["key"] == position["key"].tolist()


def test_an_index_is_where_the_number_falls():
    p = np.array([0.2, 0.7, 0.1])
    for seed in range(1, 30):
        number = DynetStream(seed).uniform(0, 1, (1,), np.float32)[0]
        assert draw_index(DynetStream(seed), p) == int(number >= 0.2) + int(number >= 0.9)
    assert draw_index(DynetStream(1), np.array([0.1, 0.2])) == 1  # a sum below 1: the last
    assert draw_index(DynetStream(1), np.array([0.0, 1.0, 0.0])) == 1


@pytest.mark.parametrize("draw", ["uniform", "normal", "bernoulli", "gumbel"])
def test_no_numbers_take_nothing_from_the_stream(draw):
    """A parameter of size 0 does not change what the next one starts from."""
    stream = DynetStream(7)
    arguments = {"uniform": (-1, 1), "normal": (0, 1), "bernoulli": (0.5, 1), "gumbel": ()}[draw]
    assert getattr(stream, draw)(*arguments, (0, 3), np.float32).shape == (0, 3)
    expected = DynetStream(7).uniform(-1, 1, (2,), np.float32)
    assert stream.uniform(-1, 1, (2,), np.float32).tolist() == expected.tolist()


@given(st.integers(0, 100), st.lists(st.tuples(st.booleans(), st.integers(0, 9)), max_size=6))
def test_skipped_numbers_leave_the_state_of_drawn_ones(seed, counts):
    drawn, skipped = NumpyStream(seed), NumpyStream(seed)
    for skips, count in counts:
        numbers = drawn.bernoulli(0.5, 1.0, (count,), np.float32)
        if skips:
            skipped.skip(count)
        else:
            assert np.array_equal(numbers, skipped.bernoulli(0.5, 1.0, (count,), np.float32))
        assert drawn.state() == skipped.state()
