"""Random use of the recurrent builders: steps, sequences, branches, states set midway, minibatches, dropout."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import charlm.dynet as dy
from tests.dynet.random_programs.draft import Draft
from tests.dynet.random_programs.running import Program


@dataclass(frozen=True)
class Kind:
    """A way to make a builder.

    Args:
        carried: vectors that a layer carries.
        options: what follows the collection.
        dropout: how its rate is set; empty if it has none.
        starts_from_half: whether c alone makes an initial state.
        broadcasts: whether inputs and states may differ in batch size.
    """

    builder: str
    carried: int = 2
    options: str = ""
    dropout: str = ""
    starts_from_half: bool = True
    broadcasts: bool = True

    def there(self) -> bool:
        """Whether charlm has it."""
        try:
            sizes = f"1, 2, 2, dy.ParameterCollection(){self.options}"
            made = eval(f"dy.{self.builder}({sizes})", {"dy": dy})
        except (AttributeError, TypeError, NotImplementedError):
            return False
        return hasattr(made, self.dropout.split("(")[0]) if self.dropout else True


both = "set_dropouts(0.3, 0.4)"
KINDS = [
    Kind("SimpleRNNBuilder", 1),
    Kind("SimpleRNNBuilder", 1, dropout=both),
    Kind("GRUBuilder", 1),
    Kind("GRUBuilder", 1, dropout="set_dropout(0.3)"),
    Kind("LSTMBuilder"),
    Kind("VanillaLSTMBuilder", options=", forget_bias=0.3"),
    Kind("VanillaLSTMBuilder", options=", ln_lstm=True", starts_from_half=False),
    Kind("VanillaLSTMBuilder", dropout=both),
    Kind("CompactVanillaLSTMBuilder", broadcasts=False),
    Kind("CompactVanillaLSTMBuilder", dropout=both, broadcasts=False),
    Kind("CoupledLSTMBuilder"),
    Kind("CoupledLSTMBuilder", dropout="set_dropout(0.3)"),
    Kind("FastLSTMBuilder"),
    Kind("SparseLSTMBuilder", starts_from_half=False),
    Kind("SparseLSTMBuilder", options=", ln_lstm=True", starts_from_half=False),
    Kind("SparseLSTMBuilder", dropout=both, starts_from_half=False),
]
BIDIRECTIONAL = [
    "SimpleRNNBuilder", "GRUBuilder", "LSTMBuilder", "CompactVanillaLSTMBuilder", "CoupledLSTMBuilder"
]  # fmt: skip

# what no random program does, and why
LEFT_OUT = {
    "set_h, and set_s with half of the vectors, on an earlier state": (
        "DyNet takes the other half from the newest state, charlm from the state itself"
    ),
    "two hidden units with ln_lstm": (
        "layer normalisation turns any two numbers into 1 and -1, so gradients are only rounding errors"
    ),
    "partial gradients with constant parameters": (
        "DyNet computes none before the first trained input; charlm computes them for the whole sequence or not at all"
    ),
    "ln_lstm with only c as initial state": "DyNet's gradients are NaN if h is all zero",
    "SparseLSTMBuilder with only c as initial state": "DyNet reads a state that does not exist, and crashes",
    "CompactVanillaLSTMBuilder with different batch sizes": "DyNet raises an error or gives wrong gradients",
    "dropout with different batch sizes": "DyNet's masks have the batch size of the graph's first input",
}


class Recurrent:
    """A program with one builder."""

    def __init__(self, seed: int) -> None:
        kinds = [kind for kind in KINDS if kind.there()]
        d = self.d = Draft(seed)
        kind = self.kind = kinds[seed % len(kinds)]
        self.layers, self.inputs = d.rng.randint(1, 3), d.rng.randint(1, 3)
        self.hidden = d.rng.randint(3 if "ln_lstm" in kind.options else 2, 4)
        self.frozen = d.flip(0.1)
        self.batch = d.rng.choice([1, 1, 2, 3])
        self.last: str | None = None  # the state made last, where the program can name it
        self.states: list[str] = []
        self.outputs: list[str] = []

        d.line("pc = dy.ParameterCollection()")
        sizes = f"{self.layers}, {self.inputs}, {self.hidden}"
        d.line(f"b = dy.{kind.builder}({sizes}, pc{kind.options})")
        d.line(f"p = fill(pc, {d.rng.randrange(1000)})")
        if kind.dropout:
            d.line(f"b.{kind.dropout}")

    def vector(self, size: int) -> str:
        d = self.d
        uniform = self.kind.dropout or not self.kind.broadcasts
        return d.leaf((size,), self.batch if uniform or d.flip(0.8) else 1)

    def vectors(self, count: int) -> str:
        return f"[{', '.join(self.vector(self.hidden) for _ in range(count))}]"

    def sequence(self) -> str:
        count = self.d.rng.randint(1, 3)
        return f"[{', '.join(self.vector(self.inputs) for _ in range(count))}]"

    def state(self, code: str) -> None:
        self.last = self.d.let("s", code)
        self.states.append(self.last)

    def start(self) -> None:
        """Make the initial state, from nothing or from vectors; a frozen one at times."""
        update = ", update=False" if self.frozen else ""
        broadcasts = self.kind.broadcasts or self.batch == 1
        counts = [None, self.kind.carried]
        if self.kind.carried == 2 and self.kind.starts_from_half and broadcasts:
            counts.append(1)
        count = self.d.rng.choice(counts)
        given = "None" if count is None else self.vectors(count * self.layers)
        if count and broadcasts and not update and self.d.flip(0.2):
            arrays = [self.d.array(self.hidden) for _ in range(count * self.layers)]
            self.state(f"b.initial_state_from_raw_vectors([{', '.join(arrays)}])")
        else:
            self.state(f"b.initial_state({given}{update})")
        if count is None:
            self.state(f"{self.last}.add_input({self.vector(self.inputs)})")
            self.outputs.append(f"{self.last}.output()")

    def step(self) -> None:
        """Go on from any state."""
        d = self.d
        action: Callable[[], None] = d.rng.choice(
            [self.add, self.add, self.add_all, self.transduce, self.set]
        )
        action()

    def add(self) -> None:
        self.state(f"{self.d.rng.choice(self.states)}.add_input({self.vector(self.inputs)})")
        self.outputs.append(f"{self.last}.output()")

    def add_all(self) -> None:
        name = self.d.let("a", f"{self.d.rng.choice(self.states)}.add_inputs({self.sequence()})")
        self.last = f"{name}[-1]"
        self.states.append(self.last)
        self.outputs += [f"{name}[{i}].output()" for i in range(len(self.d.space[name]))]

    def transduce(self) -> None:
        name = self.d.let("y", f"{self.d.rng.choice(self.states)}.transduce({self.sequence()})")
        self.last = None
        self.outputs += [f"{name}[{i}]" for i in range(len(self.d.space[name]))]

    def set(self) -> None:
        """Replace what a state carries: all of it from any state, half of it from the last only."""
        whole = self.kind.carried * self.layers
        state, how, count = self.d.rng.choice(self.states), "set_s", whole
        if self.kind.carried == 1:
            how = self.d.rng.choice(["set_s", "set_h"])
        elif self.last and self.d.flip():
            state, count = self.last, self.layers
            how = self.d.rng.choice(["set_s", "set_h"])
        self.state(f"{state}.{how}({self.vectors(count)})")
        self.outputs.append(f"{self.last}.output()")

    def finish(self) -> Program:
        """Take gradients of a sum in which each output has a weight of its own."""
        d = self.d
        d.line("_terms = []")
        for output in self.outputs:
            weight = f"dy.inputTensor({d.array(self.hidden)})"
            d.line(f"_terms.append(dy.sum_batches(dy.dot_product({output}, {weight})))")
        d.line("loss = dy.esum(_terms)")
        d.line(f"loss.backward({'full=True' if self.frozen or d.flip() else ''})")
        return d.lines


def rnn(seed: int) -> Program:
    """Write a program for each kind of builder in turn; for one seed in six, a bidirectional one."""
    if hasattr(dy, "BiRNNBuilder") and seed % 6 == 5:
        return bidirectional(seed)
    program = Recurrent(seed)
    program.start()
    for _ in range(program.d.rng.randint(1, 5)):
        program.step()
    return program.finish()


def bidirectional(seed: int) -> Program:
    """Write a program in which a sequence is read both ways, and at times classified."""
    d = Draft(seed)
    builder = d.rng.choice([name for name in BIDIRECTIONAL if hasattr(dy, name)])
    layers, inputs, half = d.rng.randint(1, 2), d.rng.randint(1, 3), d.rng.randint(1, 2)
    batch, length = d.rng.choice([1, 2]), d.rng.randint(1, 4)
    how = d.rng.choice(["transduce", "add_inputs", "classes"])
    d.line("pc = dy.ParameterCollection()")
    d.line(f"b = dy.BiRNNBuilder({layers}, {inputs}, {2 * half}, pc, dy.{builder})")
    if how == "classes":
        d.line(f"c = dy.StandardSoftmaxBuilder({2 * half}, 3, pc, bias={d.flip(0.7)})")
    d.line(f"p = fill(pc, {d.rng.randrange(1000)})")
    sequence = f"[{', '.join(d.leaf((inputs,), batch) for _ in range(length))}]"
    d.line(f"y = b.{'add_inputs' if how == 'add_inputs' else 'transduce'}({sequence})")
    if how == "classes":
        d.line("z = [c.full_log_distribution(e) for e in y]")
        ids = [d.rng.randrange(3) for _ in range(batch)]
        nll = f"neg_log_softmax_batch(e, {ids})" if batch > 1 else f"neg_log_softmax(e, {ids[0]})"
        d.line(f"_terms = [dy.sum_batches(c.{nll}) for e in y]")
    else:
        d.line(f"_w = dy.inputTensor({d.array(half if how == 'add_inputs' else 2 * half)})")
        outputs = "y" if how == "transduce" else "[s.output() for pair in y for s in pair]"
        d.line(f"_terms = [dy.sum_batches(dy.dot_product(e, _w)) for e in {outputs}]")
    d.line("loss = dy.esum(_terms)")
    d.line(f"loss.backward({'full=True' if d.flip() else ''})")
    return d.lines
