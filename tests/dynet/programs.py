"""DyNet programs as functions of the module they run on: charlm.dynet, or DyNet itself."""

from __future__ import annotations

import random
from itertools import pairwise
from typing import Any

import numpy as np

FOX = "a quick brown fox jumped over the lazy dog"
BUILDERS = (
    "SimpleRNNBuilder",
    "GRUBuilder",
    "LSTMBuilder",
    "CompactVanillaLSTMBuilder",
    "CoupledLSTMBuilder",
    "FastLSTMBuilder",
    "SparseLSTMBuilder",
    "LSTMBuilder+ln_lstm",
    "SparseLSTMBuilder+ln_lstm",
)
PRETZELS = "these pretzels are making me thirsty"
CHARACTERS = [*"abcdefghijklmnopqrstuvwxyz ", "<EOS>"]
CHAR2INT = {c: i for i, c in enumerate(CHARACTERS)}


def first_cells(dy: Any) -> dict[str, Any]:
    """The tutorial up to the character model: shapes and printed expressions."""
    dy.renew_cg()
    pc = dy.ParameterCollection()
    builder = dy.LSTMBuilder(2, 50, 10, pc)
    s0 = builder.initial_state()
    x1 = dy.vecInput(50)
    s1 = s0.add_input(x1)
    y1 = s1.output()
    shape = y1.npvalue().shape
    s2 = s1.add_input(x1)
    s2_h = s2.h()
    rnnbuilder = dy.SimpleRNNBuilder(2, 50, 10, pc)
    rs0 = rnnbuilder.initial_state()
    rs1 = rs0.add_input(x1)
    prints = [s2_h, s1.h(), s1.s(), rs1.h(), rs1.s()]
    s2 = s1.add_input(x1)
    s3 = s2.add_input(x1)
    s4 = s3.add_input(x1)
    s5 = s3.add_input(x1)
    assert s5.prev() == s3
    assert s4.prev() == s3
    s6 = s2.add_input(x1)
    prints += [s6.h(), s6.s()]
    states = rnnbuilder.initial_state().add_inputs([x1, x1, x1])
    prints += [[s.output() for s in states], [s.h() for s in states]]
    prints.append(rnnbuilder.initial_state().transduce([x1, x1, x1]))
    return {"shape": shape, "ids": [[ids_of(e) for e in p] for p in prints]}


def ids_of(expression: Any) -> Any:
    """The number before the slash; the graph's version after it differs from run to run."""
    if isinstance(expression, tuple):
        return [ids_of(e) for e in expression]
    return int(str(expression).split()[1].split("/")[0])


def kind_and_options(name: str) -> tuple[str, dict[str, bool]]:
    """Return the class and the arguments that a name like ``LSTMBuilder+ln_lstm`` stands for."""
    kind, _, option = name.partition("+")
    return kind, {option: True} if option else {}


class Tutorial:
    """The tutorial's character model."""

    def __init__(self, dy: Any, builder: str, layers: int = 1, size: int = 50) -> None:
        self.dy = dy
        self.layers = layers
        self.carried = 2 if "LSTM" in builder else 1
        self.pc = dy.ParameterCollection()
        kind, options = kind_and_options(builder)
        self.rnn = getattr(dy, kind)(layers, size, size, self.pc, **options)
        self.lookup = self.pc.add_lookup_parameters((len(CHARACTERS), size))
        self.r = self.pc.add_parameters((len(CHARACTERS), size))
        self.bias = self.pc.add_parameters(len(CHARACTERS))
        self.trainer = dy.SimpleSGDTrainer(self.pc)

    def probabilities(self, state: Any) -> Any:
        return self.dy.softmax(self.r * state.output() + self.bias)

    def loss(self, sentence: str) -> Any:
        dy = self.dy
        dy.renew_cg()
        symbols = [CHAR2INT[c] for c in ["<EOS>", *sentence, "<EOS>"]]
        state = self.rnn.initial_state()
        losses = []
        for now, after in pairwise(symbols):
            state = state.add_input(self.lookup[now])
            losses.append(-dy.log(dy.pick(self.probabilities(state), after)))
        return dy.esum(losses)

    def step(self, sentence: str) -> float:
        loss = self.loss(sentence)
        value = loss.value()
        loss.backward()
        self.trainer.update()
        return value

    def train(self, sentence: str, steps: int = 200) -> list[float]:
        return [self.step(sentence) for _ in range(steps)]

    def generate(self, rng: random.Random, limit: int = 400) -> str:
        self.dy.renew_cg()
        state = self.rnn.initial_state().add_input(self.lookup[CHAR2INT["<EOS>"]])
        text = ""
        while len(text) < limit:
            drawn = rng.choices(CHARACTERS, self.probabilities(state).vec_value())[0]
            if drawn == "<EOS>":
                break
            text += drawn
            state = state.add_input(self.lookup[CHAR2INT[drawn]])
        return text

    def gradients(self) -> list[np.ndarray]:
        tables = [self.lookup.grad_as_array()]
        return [p.grad_as_array() for p in self.pc.parameters_list()] + tables

    def fill(self, seed: int = 1) -> None:
        """Give the parameters numbers that depend on nothing but the seed."""
        rng = np.random.default_rng(seed)
        for p in self.pc.parameters_list():
            p.set_value(rng.uniform(-0.3, 0.3, p.shape()))
        self.lookup.init_from_array(rng.uniform(-0.5, 0.5, self.lookup.shape()))


def batched_loss(dy: Any, model: Tutorial) -> Any:
    """The same model on a minibatch of three, with the fused loss, a mask and an initial state."""
    dy.renew_cg()
    rng = np.random.default_rng(2)
    symbols = rng.integers(0, len(CHARACTERS), (7, 3)).tolist()
    mask = dy.inputTensor(rng.uniform(0, 1, 3), batched=True)
    size = model.r.shape()[1]
    vectors = model.layers * model.carried
    start = [dy.inputTensor(rng.uniform(-1, 1, (size, 3)), batched=True) for _ in range(vectors)]
    state = model.rnn.initial_state(start)
    losses = []
    for now, after in pairwise(symbols):
        state = state.add_input(dy.lookup_batch(model.lookup, now))
        scores = dy.affine_transform([model.bias, model.r, state.output()])
        losses.append(dy.cmult(dy.pickneglogsoftmax_batch(scores, after), mask))
    extra = dy.sum_elems(dy.concatenate([dy.tanh(state.output()), dy.logistic(state.output())]))
    return dy.sum_batches(dy.esum([*losses, extra]))
