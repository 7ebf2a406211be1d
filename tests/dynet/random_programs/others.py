"""Normalising, losses, the LSTM in pieces, what is drawn, inputs."""

from __future__ import annotations

import numpy as np

from tests.dynet.random_programs.catalogue import away, axis_of, op, spread, within
from tests.dynet.random_programs.draft import Draft

# ---- normalising


@op("softmax")
def softmax(d: Draft, name: str) -> str | None:
    x = d.any(lambda s, b, v: len(s) <= 2)
    axis = ", d=1" if x and len(d.dims[x][0]) == 2 and d.flip() else ""
    return x and f"dy.softmax({x}{axis})"


@op("log_softmax")
def log_softmax(d: Draft, name: str) -> str | None:
    if d.flip():
        x = d.any(lambda s, b, v: len(s) == 1 and b == 1 and s[0] > 1)
        return x and f"dy.log_softmax({x}, restrict=[0, {d.dims[x][0][0] - 1}])"
    x = d.any(lambda s, b, v: len(s) <= 2)
    return x and f"dy.log_softmax({x})"


def far_from_the_edge(x: np.ndarray) -> bool:
    """Whether no number of a vector is about to enter or leave the support of its projection."""
    ordered = np.sort(x)[::-1]
    support = 1 + np.arange(1, len(x) + 1) * ordered > np.cumsum(ordered)
    k = int(support.sum())
    return away(x, (ordered[:k].sum() - 1) / k, 0.02)


@op("sparsemax")
def sparsemax(d: Draft, name: str) -> str | None:
    x = d.any(lambda s, b, v: len(s) == 1 and b == 1 and far_from_the_edge(v))
    return x and f"dy.sparsemax({x})"


@op("constrained_softmax")
def bounded_softmax(d: Draft, name: str) -> str | None:
    x, y = d.tensor((4,)), d.tensor((4,), 1, 0.3, 0.9)
    return f"dy.constrained_softmax({x}, {y})"


@op("layer_norm")
def layer_norm(d: Draft, name: str) -> str | None:
    x = d.any(lambda s, b, v: len(s) == 1 and s[0] > 2 and spread(v, (0,), 0.2))
    return x and f"dy.layer_norm({x}, {d.tensor(d.dims[x][0])}, {d.tensor(d.dims[x][0])})"


@op("weight_norm")
def weight_norm(d: Draft, name: str) -> str | None:
    x = d.any(lambda s, b, v: b == 1 and (v**2).sum() > 0.1)
    return x and f"dy.weight_norm({x}, {d.tensor((1,))})"


# ---- losses


@op("binary_log_loss")
def binary(d: Draft, name: str) -> str | None:
    x = d.any(lambda s, b, v: b == 1 and within(0.1, 0.9)(s, b, v)) or d.leaf((2,), 1, 0.1, 0.9)
    return f"dy.binary_log_loss({x}, dy.nobackprop({d.tensor(d.dims[x][0], 1, 0.1, 0.9)}))"


@op("pairwise_rank_loss")
def ranked(d: Draft, name: str) -> str | None:
    batch = d.rng.randint(1, 2)
    x, y = d.tensor((1,), batch), d.tensor((1,), batch)
    margin = d.rng.choice([1.0, 0.3])
    return (
        f"dy.pairwise_rank_loss({x}, {y}, {margin})"
        if away(d.values[x] - d.values[y], margin)
        else None
    )


@op("poisson_loss")
def poisson(d: Draft, name: str) -> str | None:
    return f"dy.poisson_loss(dy.nobackprop({d.tensor((1,))}), {d.rng.randint(0, 5)})"


@op("pickneglogsoftmax", "pickneglogsoftmax_batch")
def log_loss(d: Draft, name: str) -> str | None:
    single = name == "pickneglogsoftmax"
    x = d.any(lambda s, b, v: (len(s) == 1 or s[1:] == (1,)) and (b == 1) == single)
    if not x:
        return None
    (size, *_), batch = d.dims[x]
    ids = [d.rng.randrange(size) for _ in range(batch)]
    return f"dy.{name}({x}, {ids[0] if single else ids})"


def no_kink(x: np.ndarray, right: int, margin: float) -> bool:
    return away(np.delete(margin - x[right] + x, right))


@op("hinge", "hinge_batch", "hinge_dim")
def hinges(d: Draft, name: str) -> str | None:
    margin = d.rng.choice([1.0, 0.3])
    if name == "hinge_dim":
        x = d.any(lambda s, b, v: len(s) == 2 and b == 1)
        if not x:
            return None
        axis = d.rng.randrange(2)
        lanes = d.values[x].T if axis == 0 else d.values[x]
    else:
        x = d.any(lambda s, b, v: len(s) == 1 and (b > 1) == (name == "hinge_batch"))
        if not x:
            return None
        lanes = d.values[x].reshape(len(d.values[x]), -1).T
    most = min(d.dims[x][0])  # for d=1 DyNet compares an index with the wrong size
    ids = [d.rng.randrange(most) for _ in lanes]
    if not all(no_kink(lane, i, margin) for lane, i in zip(lanes, ids, strict=True)):
        return None
    where = f", {axis}" if name == "hinge_dim" else ""
    return f"dy.{name}({x}, {ids[0] if name == 'hinge' else ids}{where}, m={margin})"


# ---- the LSTM in pieces


@op(
    "vanilla_lstm_gates", "vanilla_lstm_gates_concat", "vanilla_lstm_gates_dropout",
    "vanilla_lstm_gates_dropout_concat",
)  # fmt: skip
def gates(d: Draft, name: str) -> str | None:
    size, batch = d.rng.randint(1, 3), d.rng.randint(1, 2)
    parts = [d.rng.randint(1, 2) for _ in range(2 if "concat" in name else 1)]
    x = [d.tensor((n,), batch) for n in parts]
    h, wx = d.tensor((size,), batch), d.tensor((4 * size, sum(parts)))
    wh, b = d.tensor((4 * size, size)), d.tensor((4 * size,))
    masks = "".join(f", dy.nobackprop({d.tensor((n,), batch)})" for n in (sum(parts), size))
    masks = masks if "dropout" in name else ""
    first = f"[{', '.join(x)}]" if "concat" in name else x[0]
    return f"dy.{name}({first}, {h}, {wx}, {wh}, {b}{masks})"


@op("vanilla_lstm_c", "vanilla_lstm_h")
def cells(d: Draft, name: str) -> str | None:
    size, batch = d.rng.randint(1, 3), d.rng.randint(1, 2)
    return f"dy.{name}({d.tensor((size,), batch)}, {d.tensor((4 * size,), batch)})"


# ---- what is drawn


@op("dropout", "dropout_batch", "block_dropout", "dropout_dim")
def dropped(d: Draft, name: str) -> str | None:
    x = d.any(lambda s, b, v: len(s) <= 3 and (b == 1 or name != "block_dropout"))
    axis = f", {axis_of(d, x)[0]}" if x and name == "dropout_dim" else ""
    return x and f"dy.{name}({x}{axis}, {d.rng.choice([0.0, 0.3, 0.6])})"


@op("noise")
def noisy(d: Draft, name: str) -> str | None:
    return f"dy.noise({d.any()}, 0.3)"


def sizes(d: Draft) -> str:
    dims = tuple(d.rng.randint(1, 3) for _ in range(d.rng.randint(1, 3)))
    return f"{dims}, batch_size={d.rng.randint(1, 3)}"


DRAWS = {
    "random_normal": "0.1, 0.6",
    "random_bernoulli": "0.4, 1.5",
    "random_uniform": "-1, 2",
    "random_gumbel": "",
}


@op(*DRAWS)
def drawn(d: Draft, name: str) -> str | None:
    dims, batch = sizes(d).split(", batch_size=")
    middle = f"{DRAWS[name]}, " if DRAWS[name] else ""
    return f"dy.{name}({dims}, {middle}batch_size={batch})"


# ---- inputs


@op("zeros", "zeroes", "ones")
def filled(d: Draft, name: str) -> str | None:
    return f"dy.{name}({sizes(d)})"


@op("constant")
def constant(d: Draft, name: str) -> str | None:
    dims, batch = sizes(d).split(", batch_size=")
    return f"dy.constant({dims}, 0.7, batch_size={batch})"


@op(
    "inputVector",
    "vecInput",
    "scalarInput",
    "inputTensorTranspose",
    "one_hot",
    "sparse_inputTensor",
    "inputTensor",
)
def given(d: Draft, name: str) -> str | None:
    n = d.rng.randint(1, 4)
    if name == "inputTensorTranspose":
        return f"dy.inputTensorTranspose({d.array(2 * n)}.tolist(), ({n}, 2))"
    if name == "one_hot":
        return f"dy.one_hot({n}, {d.rng.choice([n - 1, [0, n - 1]])})"
    if name == "sparse_inputTensor":
        default = d.rng.choice([0.0, 0.5])
        places = f"[[0, {n}], [1, 0]]"
        return f"dy.sparse_inputTensor({places}, {d.array(2)}, ({n + 1}, 2), defval={default})"
    if name == "inputTensor":
        return f"dy.inputTensor([{d.array(n, 2)}, {d.array(n, 2)}])"
    return f"dy.{name}({n if name != 'inputVector' else f'{d.array(n)}.tolist()'})"


@op("const_parameter", "lookup", "lookup_batch")
def stored(d: Draft, name: str) -> str | None:
    n = d.rng.randint(1, 4)
    if name == "const_parameter":
        return f"dy.const_parameter({d.let('p', f'pc.parameters_from_numpy({d.array(n, 2)})')})"
    table = d.let("t", f"pc.lookup_parameters_from_numpy({d.array(3, n)})")
    if name == "lookup" and d.flip(0.3):
        return f"{table} + {d.tensor((n, 1))}"
    return f"dy.{name}({table}, {d.rng.choice([1, 2]) if name == 'lookup' else [2, 0, 2]})"
