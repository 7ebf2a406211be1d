"""Element by element, one argument or two; products and contractions."""

from __future__ import annotations

import numpy as np

from tests.dynet.random_programs.catalogue import away, between, clear, op
from tests.dynet.random_programs.draft import Dims, Draft

# ---- one argument


@op(
    "sin", "cos", "atan", "tanh", "asinh", "square", "erf", "cube", "logistic", "log_sigmoid", "silu", "nobackprop",
    "flip_gradient",
)  # fmt: skip
def anywhere(d: Draft, name: str) -> str | None:
    return f"dy.{name}({d.any()})"


@op("softsign")
def of_vectors(d: Draft, name: str) -> str | None:
    x = d.any(lambda s, b, v: len(s) == 1)
    return x and f"dy.{name}({x})"


DOMAINS = {
    "sinh": (-3, 3), "cosh": (-3, 3), "exp": (-4, 2), "tan": (-1.2, 1.2), "asin": (-0.9, 0.9), "acos": (-0.9, 0.9),
    "atanh": (-0.9, 0.9), "acosh": (1.2, 6), "sqrt": (0.05, 6), "log": (0.1, 6), "lgamma": (0.3, 6),
}  # fmt: skip


@op(*DOMAINS)
def in_its_domain(d: Draft, name: str) -> str | None:
    return f"dy.{name}({between(d, *DOMAINS[name])})"


@op("abs", "rectify", "elu", "selu")
def with_a_kink(d: Draft, name: str) -> str | None:
    x = d.any(lambda s, b, v: away(v))
    alpha = d.rng.choice(["", ", 0.5"]) if name == "elu" else ""
    return x and f"dy.{name}({x}{alpha})"


@op("scale_gradient")
def scaled(d: Draft, name: str) -> str | None:
    return f"dy.scale_gradient({d.any()}, {d.rng.choice([0.5, -2.0])})"


@op("round", "ceil", "floor")
def to_integers(d: Draft, name: str) -> str | None:
    x = d.any(lambda s, b, v: away(v * 2 - np.round(v * 2)))
    mode = d.rng.choice(["zero_gradient", "straight_through_gradient"])
    return x and f"dy.nobackprop(dy.{name}({x}, {mode!r}))"


@op("argmax")
def one_hot_of_the_largest(d: Draft, name: str) -> str | None:
    x = d.any(lambda s, b, v: len(s) == 1 and clear(v))
    mode = d.rng.choice(["zero_gradient", "straight_through_gradient"])
    return x and f"dy.argmax({x}, {mode!r})"


@op("operators")
def operators(d: Draft, name: str) -> str | None:
    x = d.any()
    c = round(d.rng.uniform(0.3, 2), 2)
    return d.rng.choice(
        [f"{x} + {c}", f"{x} - {c}", f"{x} * {c}", f"{x} / {c}", f"-{x}", f"{x}**2", f"{x}**3"]
    )


@op("pow")
def power(d: Draft, name: str) -> str | None:
    x, y = between(d, 0.2, 2), d.tensor((1,), 1)
    return f"dy.pow({x}, {y})" if d.flip() else f"{x}**{y}"


# ---- two arguments, broadcast


def broadcast(d: Draft, dims: Dims) -> Dims:
    """Sizes that broadcast to these, from the left."""
    small = [1 if d.flip(0.3) else n for n in dims]
    while len(small) > 1 and d.flip(0.3):
        small.pop()
    return tuple(small)


def pair(d: Draft) -> tuple[str, str]:
    """Two expressions, the second of which may be broadcast."""
    x = d.any() or d.leaf((2,))
    dims, batch = d.dims[x]
    small = broadcast(d, dims) if d.flip() else dims
    return x, d.tensor(small, d.rng.choice([1, batch]))


@op("cmult", "sum", "difference")
def broadcasting(d: Draft, name: str) -> str | None:
    x, y = pair(d) if d.flip() else pair(d)[::-1]
    return {"cmult": f"dy.cmult({x}, {y})", "sum": f"{x} + {y}", "difference": f"{x} - {y}"}[name]


@op("cdiv")
def quotient(d: Draft, name: str) -> str | None:
    x = d.any()
    dims, batch = d.dims[x]
    return f"dy.cdiv({x}, {d.tensor(broadcast(d, dims), d.rng.choice([1, batch]), 0.4, 2.0)})"


@op("bmax", "bmin")
def larger_or_smaller(d: Draft, name: str) -> str | None:
    x = d.any()
    y = d.tensor(*d.dims[x])
    return f"dy.{name}({x}, {y})" if away(d.values[x] - d.values[y]) else None


@op("dot_product", "squared_distance")
def of_two_vectors(d: Draft, name: str) -> str | None:
    x = d.any()
    dims, batch = d.dims[x]
    return f"dy.{name}({x}, {d.tensor(dims, d.rng.choice([1, batch]))})"


@op("l1_distance", "huber_distance")
def distances(d: Draft, name: str) -> str | None:
    x = d.any(lambda s, b, v: b == 1)
    y = x and d.tensor(d.dims[x][0])
    if not y or not away(d.values[x] - d.values[y]):
        return None
    c = d.rng.choice(["", ", c=0.5"]) if name == "huber_distance" else ""
    return f"dy.{name}({x}, {y}{c})"


@op("trace_of_product")
def trace(d: Draft, name: str) -> str | None:
    x = d.any(lambda s, b, v: len(s) == 2 and b == 1)
    return x and f"dy.trace_of_product({x}, {d.tensor(d.dims[x][0])})"


@op("circ_conv", "circ_corr")
def circular(d: Draft, name: str) -> str | None:
    x = d.any(lambda s, b, v: len(s) == 1 and b == 1 and s[0] > 1)
    return x and f"dy.{name}({x}, {d.tensor(d.dims[x][0])})"


@op("colwise_add")
def to_columns(d: Draft, name: str) -> str | None:
    x = d.any(lambda s, b, v: len(s) == 2)
    if not x:
        return None
    (rows, _), batch = d.dims[x]
    return f"dy.colwise_add({x}, {d.tensor(d.rng.choice([(rows,), (rows, 1)]), d.rng.choice([1, batch]))})"


@op("product")
def matrix_product(d: Draft, name: str) -> str | None:
    x = d.any(lambda s, b, v: len(s) == 2 and s[0] * s[1] > 1)
    if not x:
        return None
    (_, inner), batch = d.dims[x]
    dims = d.rng.choice([(inner,), (inner, d.rng.randint(1, 3))])
    return f"{x} * {d.tensor(dims, batch if batch > 1 else d.rng.randint(1, 2))}"


@op("affine_transform")
def affine(d: Draft, name: str) -> str | None:
    rows, columns, batch = d.rng.randint(1, 4), d.rng.choice([0, 0, 1, 2]), d.rng.randint(1, 3)
    tail = (columns,) if columns else ()
    if columns and batch == 1 and d.flip():
        parts = [d.tensor((rows,))]  # a column that is added to all
    else:
        parts = [d.tensor((rows, *tail), d.rng.choice([1, batch]))]
    for _ in range(d.rng.randint(1, 2)):
        inner = d.rng.randint(1, 3)
        parts += [d.tensor((rows, inner)), d.tensor((inner, *tail), d.rng.choice([1, batch]))]
    return f"dy.affine_transform([{', '.join(parts)}])"


@op("logdet", "inverse")
def of_a_square_matrix(d: Draft, name: str) -> str | None:
    n = d.rng.randint(2, 3)
    return f"dy.{name}({d.node(f'{d.leaf((n, n))} + dy.inputTensor(np.eye({n}) * 3)')})"


@op("contract3d_1d_bias", "contract3d_1d_1d", "contract3d_1d_1d_bias")
def contraction(d: Draft, name: str) -> str | None:
    i, j, k = (d.rng.randint(1, 3) for _ in range(3))
    arguments = [d.tensor((i, j, k)), d.tensor((k,))]
    if "1d_1d" in name:
        arguments.append(d.tensor((j,)))
    if "bias" in name:
        arguments.append(d.tensor((i,) if "1d_1d" in name else (i, j)))
    return f"dy.{name}({', '.join(arguments)})"
