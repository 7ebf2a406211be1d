"""The flat buffer: growth, and two buffers in turn so that graphs keep what they read."""

from __future__ import annotations

import gc

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from charlm.engine.storage import Storage


class Reader:
    """Something that reads, as a graph does."""


def filled(*numbers: float) -> Storage:
    storage = Storage(np.float32)
    storage.allocate(len(numbers))
    storage.writable()[...] = numbers
    return storage


def test_it_starts_empty_and_grows_by_zeros():
    storage = Storage(np.float64)
    assert storage.size == storage.values.size == storage.gradients.size == 0
    assert storage.allocate(3) == 0
    storage.writable()[...] = 1
    storage.gradients[...] = 2
    assert storage.allocate(2) == 3
    assert storage.values.tolist() == [1, 1, 1, 0, 0]
    assert storage.gradients.tolist() == [2, 2, 2, 0, 0]
    assert storage.values.dtype == storage.gradients.dtype == np.float64


def test_without_readers_it_writes_in_place():
    storage = filled(1, 2)
    before = storage.values
    storage.writable()[0] = 9
    assert before.tolist() == [9, 2]
    assert np.shares_memory(before, storage.values)


def test_what_was_read_stays():
    storage = filled(1, 2)
    reader = Reader()
    seen = storage.read(reader)
    for number in range(3, 6):
        storage.writable()[0] = number
        assert seen.tolist() == [1, 2]
        assert storage.values.tolist() == [number, 2]


def test_two_buffers_are_used_in_turn():
    storage = filled(1, 2)
    buffers = []
    for _ in range(6):
        reader = Reader()
        buffers.append(storage.read(reader))
        storage.writable()[0] += 1
        storage.forget(reader)
    assert storage.values.tolist() == [7, 2]
    for k, array in enumerate(buffers):
        assert np.shares_memory(array, buffers[k % 2])
    assert not np.shares_memory(buffers[0], buffers[1])


def test_a_reader_that_is_gone_or_forgets_frees_its_buffer():
    for end in ("gone", "forgets"):
        storage = filled(1, 2)
        reader = Reader()
        seen = storage.read(reader)
        if end == "gone":
            del reader
            gc.collect()
        else:
            storage.forget(reader)
        assert np.shares_memory(storage.writable(), seen)


def test_forgetting_what_never_read_is_nothing():
    storage = filled(1)
    storage.forget(Reader())
    assert storage.values.tolist() == [1]


def test_growth_leaves_readers_their_buffer():
    storage = filled(1, 2)
    reader = Reader()
    seen = storage.read(reader)
    storage.allocate(100)
    storage.writable()[:2] = 5
    assert seen.tolist() == [1, 2]
    assert storage.values[:2].tolist() == [5, 5]
    later = storage.read(reader)
    storage.writable()[:2] = 6
    assert later[:2].tolist() == [5, 5]
    assert seen.tolist() == [1, 2]
    assert storage.values[:2].tolist() == [6, 6]


class Model:
    """What a storage promises, with a copy for every reader."""

    def __init__(self) -> None:
        self.storage = Storage(np.float64)
        self.numbers: list[float] = []
        self.readers: list[tuple[Reader, np.ndarray, list[float]]] = []

    def allocate(self, count: int) -> None:
        assert self.storage.allocate(count) == len(self.numbers)
        self.numbers += [0.0] * count

    def write(self, number: int) -> None:
        if self.numbers:
            place = number % len(self.numbers)
            self.storage.writable()[place] = number
            self.numbers[place] = float(number)

    def read(self, _: int) -> None:
        reader = Reader()
        self.readers.append((reader, self.storage.read(reader), list(self.numbers)))

    def forget(self, number: int) -> None:
        if self.readers:
            reader, _, _ = self.readers.pop(number % len(self.readers))
            self.storage.forget(reader)


@given(
    st.lists(
        st.tuples(st.sampled_from(["allocate", "write", "read", "forget"]), st.integers(0, 9)),
        max_size=30,
    )
)
def test_readers_see_what_they_read_whatever_happens(actions):
    model = Model()
    for name, number in actions:
        getattr(model, name)(number)
        assert model.storage.values.tolist() == model.numbers
        for _, seen, remembered in model.readers:
            assert seen.tolist() == remembered
