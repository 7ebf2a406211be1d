"""A training step does not depend on kernels, tables or plans."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from charlm.config import ModelConfig
from charlm.engine.expression import Expression
from charlm.engine.gradcheck import check_parameters
from charlm.engine.graph import ComputationGraph
from charlm.engine.ops import (
    affine_transform,
    esum,
    lookup_sequence,
    pickneglogsoftmax_batch,
    sequence_neg_log_softmax,
    sum_batches,
)
from charlm.engine.ops.leaves import lookup
from charlm.engine.random import NumpyStream
from charlm.engine.trainers import AdamTrainer
from charlm.errors import BadGradientError
from charlm.kernels import NUMPY, Kernels, namespace, select
from charlm.lm.evaluation import evaluate
from charlm.lm.language_model import CharLM
from charlm.lm.step import Gradient
from charlm.text.batch import Batch
from charlm.text.corpus import LineCorpus
from charlm.text.vocab import Vocab

Array = np.ndarray
Loss = Callable[[CharLM, ComputationGraph, Array, Array], Expression]
ALPHABET, T, B = "abcdefg", 6, 3
LETTERS = "abcdefghijklmnopqrstuvwxyz"
CELLS = ["rnn", "gru", "gru_after", "lstm", "coupled_lstm", "fast_lstm", "norm_lstm"]


def as_in_training(model: CharLM, graph: ComputationGraph, x: Array, y: Array) -> Expression:
    """The first layer multiplies the table, as there are more positions than symbols."""
    return model.loss(graph, x, y)[0]


def by_positions(model: CharLM, graph: ComputationGraph, x: Array, y: Array) -> Expression:
    """The first layer multiplies what is looked up."""
    h, _ = model.rnn.sequence(lookup_sequence(graph, model.embedding, x))
    return sequence_neg_log_softmax(h, *model.output_layer(graph), y)


def by_steps(model: CharLM, graph: ComputationGraph, x: Array, y: Array) -> Expression:
    """Step by step, as a program of DyNet's does it."""
    state = model.rnn.start(graph)
    w, b = model.output_layer(graph)
    losses = []
    for now, following in zip(x, y, strict=True):
        state = state.add_input(lookup(graph, model.embedding, now.tolist()))
        scores = affine_transform([b, w, state.output()])
        losses.append(pickneglogsoftmax_batch(scores, following.tolist()))
    return sum_batches(esum(losses))


def train(
    cell: str,
    dtype: type,
    steps: int,
    loss: Loss = as_in_training,
    kernels: Kernels = NUMPY,
) -> tuple[list[float], Array, list[Array]]:
    """Return the loss of every step, the last gradients, and the weights after the steps."""
    config = ModelConfig(cell=cell, layers=2, hidden_dim=[9, 7], embed_dim=5)
    model = CharLM(Vocab.from_alphabet(ALPHABET, eos=False), config, NumpyStream(1), dtype)
    trainer = AdamTrainer(model.collection, kernels=kernels)
    rng, losses = np.random.default_rng(2), []
    for _ in range(steps):
        ids = rng.integers(0, len(ALPHABET), (T + 1, B))
        graph = ComputationGraph(dtype, kernels=kernels)
        total = loss(model, graph, ids[:-1], ids[1:])
        losses.append(total.scalar_value())
        graph.backward(total.index, keep=False)
        graph.release()
        gradients = [model.collection.storage.gradients, model.embedding.gradient.ravel()]
        last = np.concatenate(gradients)
        trainer.update()
    return losses, last, list(model.arrays().values())


def compiled() -> Kernels:
    pytest.importorskip("numba", reason="the compiled kernels need numba, which is an extra")
    return select("numba", 2)


@pytest.fixture(
    params=[
        (by_positions, False),
        (by_steps, False),
        (as_in_training, True),
        (by_positions, True),
    ],
    ids=["positions", "steps", "compiled", "compiled positions"],
)
def other_way(request: pytest.FixtureRequest) -> dict[str, object]:
    loss, fast = request.param
    kernels = compiled() if fast else NUMPY
    return {"loss": loss, "kernels": kernels}


@pytest.mark.parametrize("cell", CELLS)
def test_one_step_in_float32(cell, other_way):
    (loss,), gradients, _ = train(cell, np.float32, 1)
    (other_loss,), others, _ = train(cell, np.float32, 1, **other_way)
    assert other_loss == pytest.approx(loss, rel=1e-5)
    np.testing.assert_allclose(others, gradients, rtol=0, atol=1e-5 * np.abs(gradients).max())


@pytest.mark.parametrize("cell", CELLS)
def test_200_steps_in_float64(cell, other_way):
    """The compiled kernels leave float64 to the plain ones: for them this says that they do."""
    losses, _, weights = train(cell, np.float64, 200)
    other_losses, _, others = train(cell, np.float64, 200, **other_way)
    assert losses[-1] < losses[0]
    np.testing.assert_allclose(other_losses, losses, rtol=1e-9)
    for a, b in zip(others, weights, strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-9)


def without_prepared_steps(kernels: Kernels) -> Kernels:
    functions = {name: f for name, f in vars(kernels).items() if not name.startswith("_")}
    return namespace("graphs", {**functions, "prepares_step": lambda *_: False})


def check_prepared_calls(
    kernels: Kernels,
    dtype: type,
    cell: str,
    sizes: list[int],
    shape: tuple[int, int],
    symbols: int,
    factor: float,
    begins: bool,
    filled: bool = False,
) -> None:
    """Compare three steps with those of a graph, to the last bit; ``filled``: not all targets count."""
    config = ModelConfig(cell=cell, layers=len(sizes), hidden_dim=sizes, embed_dim=6)
    vocab = Vocab.from_alphabet(LETTERS[:symbols], eos=False)
    model = CharLM(vocab, config, NumpyStream(1), dtype)
    found = []
    for model.kernels in (kernels, without_prepared_steps(kernels)):
        gradient, rng = Gradient(model), np.random.default_rng(2)
        state = None if begins else states(model, shape[1], rng)
        for _ in range(3):
            ids = rng.integers(0, symbols, (shape[0] + 1, shape[1]))
            counted = rng.random(shape) < 0.7 if filled else None
            loss, state = gradient(ids[:-1], ids[1:], state, factor, counted)
            arrays = [p.gradient.copy() for p in model.parameters().values()]
            model.collection.clear_gradients()
            parts = [part for layer in state for part in layer]
            found.append([np.float64(loss), model.embedding.touched.copy(), *arrays, *parts])
    for ours, theirs in zip(found[:3], found[3:], strict=True):
        for a, b in zip(ours, theirs, strict=True):
            np.testing.assert_array_equal(a, b)


SHAPES = {
    "sizes": st.lists(st.integers(1, 40), min_size=1, max_size=3),
    "shape": st.tuples(st.integers(1, 9), st.integers(1, 4)),
    "symbols": st.integers(2, 20),
    "factor": st.sampled_from([1.0, 0.3]),
    "begins": st.booleans(),
    "filled": st.booleans(),
}


@given(cell=st.sampled_from(["rnn", "gru", "gru_after", "lstm"]), **SHAPES)
@settings(deadline=None, max_examples=60)
def test_prepared_calls_make_the_numbers_of_a_graph(cell, **case):
    """Whichever of the two computes a step, a run that is resumed ends as it would have."""
    check_prepared_calls(compiled(), np.float32, cell, **case)


@given(cell=st.sampled_from(CELLS), dtype=st.sampled_from([np.float32, np.float64]), **SHAPES)
@settings(deadline=None, max_examples=60)
def test_so_do_those_of_plain_numpy(cell, dtype, **case):
    check_prepared_calls(NUMPY, dtype, cell, **case)


@pytest.mark.parametrize("cell", ["rnn", "gru", "gru_after", "lstm"])
def test_prepared_calls_make_them_on_several_threads(cell):
    check_prepared_calls(compiled(), np.float32, cell, [192, 160], (6, 16), 20, 0.3, False)
    check_prepared_calls(compiled(), np.float32, cell, [192, 160], (6, 16), 20, 0.3, False, True)


def lines_of(text: str) -> tuple[LineCorpus, list[Batch]]:
    """Return a corpus with all lines in one batch, and a batch of each line alone."""
    corpus = LineCorpus.from_text(text, ALPHABET, batch_size=9)
    alone = [corpus.train[k : k + 1].batch() for k in range(len(corpus.train))]
    return corpus, alone


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("fast", [False, True], ids=["numpy", "compiled"])
def test_lines_of_a_batch_are_learned_as_if_each_was_alone(cell, fast):
    """What fills up short lines counts nowhere: in the loss, the characters and the gradients."""
    dtype, tolerance = (np.float32, 2e-5) if fast else (np.float64, 1e-13)
    corpus, alone = lines_of("abcdefgabcdefg\nab\ngfe\na\nfeedbad\n")
    config = ModelConfig(cell=cell, layers=2, hidden_dim=[9, 7], embed_dim=5)
    model = CharLM(corpus.vocab, config, NumpyStream(1), dtype)
    model.kernels = compiled() if fast else NUMPY
    together = corpus.batch(0)
    assert together.characters == sum(batch.targets_TB.size for batch in alone)
    found = []
    for batches in ([together], alone):
        gradient = Gradient(model)
        losses = [gradient(b.inputs_TB, b.targets_TB, None, 0.2, b.counted_TB)[0] for b in batches]
        arrays = [p.gradient.copy() for p in model.parameters().values()]
        found.append([np.array(sum(losses)), *arrays])
        model.collection.clear_gradients()
    for ours, theirs in zip(*found, strict=True):
        scale = max(1.0, float(np.abs(theirs).max()))
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=tolerance * scale)
    score = evaluate(model, [together])
    assert score.characters == together.characters
    assert score.nll == pytest.approx(evaluate(model, alone).nll, rel=tolerance)


@pytest.mark.parametrize("cell", ["rnn", "lstm", "norm_lstm"])
def test_the_gradient_of_a_filled_batch_against_differences(cell):
    corpus, _ = lines_of("abcd\nab\ng\n")
    config = ModelConfig(cell=cell, hidden_dim=4, embed_dim=3)
    model = CharLM(corpus.vocab, config, NumpyStream(1), np.float64)
    batch = corpus.batch(0)

    def loss(graph: ComputationGraph) -> Expression:
        how = {"counted_TB": batch.counted_TB, "train": True}
        return model.loss(graph, batch.inputs_TB, batch.targets_TB, **how)[0]

    assert check_parameters(model.collection, loss) < 1e-6


def states(model: CharLM, texts: int, rng: np.random.Generator) -> list[tuple[Array, ...]]:
    def drawn(size: int) -> Array:
        return rng.uniform(-1, 1, (texts, size)).astype(model.collection.dtype)

    count = model.rnn.cell.states
    return [tuple(drawn(size) for _ in range(count)) for size in model.config.hidden_dims]


def small_model(**config: object) -> CharLM:
    sizes = {"hidden_dim": 9, "embed_dim": 5}
    model = CharLM(Vocab.from_alphabet(ALPHABET, eos=False), ModelConfig(**{**sizes, **config}))
    model.kernels = compiled()
    return model


def test_gradients_of_several_batches_are_added():
    model = small_model()
    gradient = Gradient(model)
    ids = np.random.default_rng(3).integers(0, len(ALPHABET), (T + 1, B))
    gradient(ids[:-1], ids[1:], None)
    once = {name: p.gradient.copy() for name, p in model.parameters().items()}
    gradient(ids[:-1], ids[1:], None)
    for name, p in model.parameters().items():
        np.testing.assert_allclose(p.gradient, 2 * once[name], rtol=1e-5, atol=1e-7)


def test_a_loss_that_is_not_finite_leaves_gradients_alone():
    model = small_model()
    model.softmax_b.write()[0] = np.nan
    ids = np.zeros((T + 1, B), int)
    with pytest.raises(BadGradientError, match="the loss is nan"):
        Gradient(model)(ids[:-1], ids[1:], None)
    assert not any(p.has_gradient for p in model.parameters().values())


def test_values_that_moved_are_found():
    """A graph that is still alive keeps the values that it read; then the parameters' next ones lie elsewhere."""
    model = small_model()
    gradient, trainer = Gradient(model), AdamTrainer(model.collection, 0.1)
    ids = np.random.default_rng(4).integers(0, len(ALPHABET), (T + 1, B))
    losses = []
    for _ in range(5):
        graph = model.graph()
        expected, _ = model.loss(graph, ids[:-1], ids[1:])
        losses.append(expected.scalar_value())
        assert gradient(ids[:-1], ids[1:], None)[0] == pytest.approx(losses[-1], rel=1e-6)
        trainer.update()
    assert losses[-1] < losses[0]
    assert graph.alive


@pytest.mark.parametrize(
    "config", [{"tied": True, "embed_dim": 9}, {"layer_norm": True}, {"dropout": 0.1}], ids=str
)
def test_other_models_learn_through_a_graph(config):
    model = small_model(**config)
    ids = np.random.default_rng(5).integers(0, len(ALPHABET), (T + 1, B))
    Gradient(model)(ids[:-1], ids[1:], None)
    assert all(p.has_gradient for p in model.parameters().values())


def learned(sizes: list[int], steps: int = 20) -> Iterator[list[Array]]:
    """Yield a model's weights after each of some steps."""
    model = small_model(hidden_dim=sizes, layers=len(sizes), cell="lstm")
    gradient, trainer = Gradient(model), AdamTrainer(model.collection, 0.01)
    rng = np.random.default_rng(6)
    for _ in range(steps):
        ids = rng.integers(0, len(ALPHABET), (T + 1, B))
        gradient(ids[:-1], ids[1:], None)
        trainer.update()
        yield list(model.arrays().values())


def test_models_that_learn_beside_each_other_share_no_numbers():
    """In turns, of which a later one needs more memory, and on threads of their own."""
    small, large = [7], [40, 30]
    alone = [list(learned(sizes))[-1] for sizes in (small, large)]
    in_turns = list(zip(learned(small), learned(large), strict=True))[-1]
    with ThreadPoolExecutor(2) as threads:
        on_threads = list(threads.map(lambda sizes: list(learned(sizes, 20))[-1], (small, large)))
    for expected, *others in zip(alone, in_turns, on_threads, strict=True):
        for found in others:
            for a, b in zip(expected, found, strict=True):
                np.testing.assert_array_equal(a, b)


def test_calls_for_many_lengths_are_kept_as_there_is_room(monkeypatch):
    monkeypatch.setattr("charlm.lm.step.ROOM", 9 * 30)  # nine units times so many positions
    gradient = Gradient(small_model())
    for length in (4, 5, 6, 7, 8, 5, 6, 40, 4):
        ids = np.zeros((length + 1, 1), int)
        gradient(ids[:-1], ids[1:], None)
        gradient.model.collection.clear_gradients()
        kept = [calls.size for calls in gradient._steps.values()]
        assert sum(kept) <= 9 * 30 or len(kept) == 1
    assert len(kept) == 1
