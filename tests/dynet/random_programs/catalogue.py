"""For each of DyNet's operations, how a random program calls it: code for one call whose arguments suit, or None.

Arguments keep away from where a float32 result is not determined: ties and kinks (``clear``), poles, spreads near 0.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tests.dynet.random_programs.draft import Dims, Draft

Make = Callable[[Draft, str], "str | None"]
CATALOGUE: dict[str, Make] = {}

# what no random program does, and why
LEFT_OUT = {
    "the reflected operators": "1 + x, 2 * x and 1 - x raise TypeError in DyNet's wheel",
    "gradients of poisson_loss": "DyNet's leaves out what comes from above; the value is compared",
    "gradients of round, ceil and floor": "DyNet reads a flag that was never set; the values are compared",
    "the gradient of binary_log_loss by its second argument": "DyNet's is not the derivative; by the first it is compared",
    "the gradients of the masks of vanilla_lstm_gates_dropout": "DyNet gives none",
    "an index of hinge_dim with d=1 beyond the number of rows": "DyNet compares it with the wrong size and refuses",
    "logsumexp_dim with d=1 of more rows than columns": "DyNet leaves rows out of the sum",
    "beta of silu": "DyNet's gradient leaves it out; silu(x) is compared",
    "contract3d_1d without a bias": "DyNet adds to what the memory held; with a bias it is compared",
    "average of mixed batches": "DyNet's gradient is wrong; equal batches are compared",
    "batches of fold_rows, kmh_ngram and filter1d_narrow": "DyNet drops all but the first",
    "weightnoise_std": "DyNet then leaves out weights and inputs",
    "to_device": "DyNet gives zeros where nothing has to move",
}


def op(*names: str) -> Callable[[Make], Make]:
    def register(make: Make) -> Make:
        for name in names:
            assert name not in CATALOGUE, name
            CATALOGUE[name] = make
        return make

    return register


def clear(values: np.ndarray, gap: float = 2e-3) -> bool:
    """Whether all these numbers differ."""
    return values.size < 2 or float(np.diff(np.sort(values, axis=None)).min()) > gap


def away(values: np.ndarray, point: float = 0.0, gap: float = 2e-3) -> bool:
    return bool((abs(values - point) > gap).all())


def within(low: float, high: float) -> Callable[[Dims, int, np.ndarray], bool]:
    return lambda d, b, v: bool(v.min() >= low and v.max() <= high)


def spread(values: np.ndarray, axes: tuple[int, ...], least: float = 0.1) -> bool:
    return bool((values.std(axis=axes) > least).all())


def per_element(value: np.ndarray, batch: int) -> tuple[int, ...]:
    """The axes of a value but its batch."""
    return tuple(range(value.ndim - (batch > 1)))


def between(d: Draft, low: float, high: float) -> str:
    """An expression within bounds, made from another if there is none."""
    found = d.any(within(low, high)) if d.flip() else None
    if found:
        return found
    squashed = d.node(f"dy.logistic({d.any()})")
    return d.node(f"{squashed} * {round((high - low) * 0.9, 3)} + {round(low + (high - low) * 0.05, 3)}")


# ---- one argument


@op(
    "sin", "cos", "atan", "tanh", "asinh", "square", "erf", "cube", "logistic", "log_sigmoid", "silu", "nobackprop", "flip_gradient",
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
    return d.rng.choice([f"{x} + {c}", f"{x} - {c}", f"{x} * {c}", f"{x} / {c}", f"-{x}", f"{x}**2", f"{x}**3"])


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
    x = d.any(lambda s, b, v: len(s) == 2 and 1 < s[0] * s[1])
    if not x:
        return None
    (_, inner), batch = d.dims[x]
    dims = d.rng.choice([(inner,), (inner, d.rng.randint(1, 3))])
    return f"{x} * {d.tensor(dims, d.rng.choice([1, batch]) if batch > 1 else d.rng.choice([1, 2]))}"


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


# ---- lists


def several(d: Draft, same_batch: bool = False) -> list[str]:
    x = d.any() or d.leaf((2,))
    dims, batch = d.dims[x]
    batches = [batch] if same_batch else [1, batch]
    found = [x, *(d.tensor(dims, d.rng.choice(batches)) for _ in range(d.rng.randint(0, 2)))]
    d.rng.shuffle(found)
    return found


@op("esum", "logsumexp")
def of_a_list(d: Draft, name: str) -> str | None:
    return f"dy.{name}([{', '.join(several(d))}])"


@op("average")
def average(d: Draft, name: str) -> str | None:
    return f"dy.average([{', '.join(several(d, same_batch=True))}])"


@op("emax")
def largest_of_a_list(d: Draft, name: str) -> str | None:
    found = several(d, same_batch=True)
    values = np.stack([d.values[x].ravel() for x in found])
    if not all(clear(column) for column in values.T):
        return None
    return f"dy.emax([{', '.join(found)}])"


@op("concatenate", "concatenate_cols")
def joined(d: Draft, name: str) -> str | None:
    x = d.any(lambda s, b, v: len(s) <= 2)
    if not x:
        return None
    dims, batch = d.dims[x]
    axis = 1 if name == "concatenate_cols" else d.rng.randrange(len(dims) + (len(dims) < 2))
    full = [*dims, 1][: max(len(dims), axis + 1)]
    parts = [x]
    for _ in range(d.rng.randint(0, 2)):
        size = list(full)
        size[axis] = d.rng.randint(1, 2)
        while len(size) > 1 and size[-1] == 1:
            size.pop()
        parts.append(d.tensor(tuple(size), d.rng.choice([1, batch])))
    where = "" if name == "concatenate_cols" or (axis == 0 and d.flip()) else f", d={axis}"
    return f"dy.{name}([{', '.join(parts)}]{where})"


@op("concatenate_to_batch")
def to_a_batch(d: Draft, name: str) -> str | None:
    x = d.any(lambda s, b, v: b == 1)
    return x and f"dy.concatenate_to_batch([{x}, {d.tensor(d.dims[x][0], d.rng.randint(1, 2))}])"


# ---- parts


def axis_of(d: Draft, x: str) -> tuple[int, int]:
    """An axis of an expression and its size."""
    axis = d.rng.randrange(len(d.dims[x][0]))
    return axis, d.dims[x][0][axis]


@op("pick", "pick_batch")
def picked(d: Draft, name: str) -> str | None:
    x = d.any(lambda s, b, v: len(s) <= 3)
    if not x:
        return None
    axis, size = axis_of(d, x)
    batch = d.dims[x][1]
    if name == "pick":
        return f"dy.pick({x}, {d.rng.randrange(size)}, {axis})"
    count = batch if batch > 1 else d.rng.randint(1, 3)
    return f"dy.pick_batch({x}, {[d.rng.randrange(size) for _ in range(count)]}, {axis})"


@op("pick_range", "pickrange")
def ranges(d: Draft, name: str) -> str | None:
    x = d.any()
    axis, size = axis_of(d, x) if name == "pick_range" else (0, d.dims[x][0][0])
    start = d.rng.randrange(size)
    end = d.rng.randint(start + 1, size)
    return f"dy.{name}({x}, {start}, {end}{f', {axis}' if axis else ''})"


@op("index")
def indexed(d: Draft, name: str) -> str | None:
    x = d.any(lambda s, b, v: len(s) <= 3)
    if not x:
        return None
    dims, batch = d.dims[x]
    if d.flip(0.3):
        return f"{x}[{d.rng.randrange(-dims[0], dims[0])}]"
    slices = []
    for size in (*dims, batch)[: d.rng.randint(1, len(dims) + 1)]:
        start = d.rng.randrange(size)
        end = d.rng.randint(start + 1, size)
        slices.append(d.rng.choice([f"{start}:{end}", f"{start}:", f":{end}", f"{start}:{end}:2", "::2", ":"]))
    return f"{x}[{', '.join(slices)}]"


@op("strided_select")
def strided(d: Draft, name: str) -> str | None:
    x = d.any()
    dims, _ = d.dims[x]
    starts = [d.rng.randrange(n) for n in dims]
    ends = [d.rng.randint(s + 1, n) for s, n in zip(starts, dims, strict=True)]
    return f"dy.strided_select({x}, {[d.rng.randint(1, 2) for _ in dims]}, {starts}, {ends})"


@op("select_rows", "select_cols")
def selected(d: Draft, name: str) -> str | None:
    x = d.any(lambda s, b, v: len(s) == 2)
    if not x:
        return None
    size = d.dims[x][0][name == "select_cols"]
    return f"dy.{name}({x}, {[d.rng.randrange(size) for _ in range(d.rng.randint(1, 3))]})"


@op("pick_batch_elem", "pick_batch_elems")
def batch_elements(d: Draft, name: str) -> str | None:
    x = d.any(lambda s, b, v: b > 1)
    if not x:
        return None
    ids = [d.rng.randrange(d.dims[x][1]) for _ in range(d.rng.randint(1, 3))]
    return f"dy.{name}({x}, {ids if name == 'pick_batch_elems' else ids[0]})"


@op("reshape")
def reshaped(d: Draft, name: str) -> str | None:
    x = d.any()
    dims, batch = d.dims[x]
    size = int(np.prod(dims))
    sizes = [(size,), (size, 1), (1, size)] + [(n, size // n) for n in (2, 3) if size % n == 0]
    if batch > 1 and d.flip(0.3):
        return f"dy.reshape({x}, {(size * batch,)})"
    if d.flip(0.3) and size > 1 and batch == 1:
        return f"dy.reshape({x}, (1,), batch_size={size})"
    return f"dy.reshape({x}, {d.rng.choice(sizes)}{f', {batch}' if batch > 1 and d.flip() else ''})"


@op("transpose")
def transposed(d: Draft, name: str) -> str | None:
    x = d.any(lambda s, b, v: len(s) <= 3 and s != (1,))
    if not x:
        return None
    rank = len(d.dims[x][0])
    return f"dy.transpose({x}{f', {d.rng.sample(range(rank), rank)}' if rank == 3 else ''})"


@op("cumsum")
def running_sum(d: Draft, name: str) -> str | None:
    x = d.any(lambda s, b, v: len(s) <= 3)
    return x and f"dy.cumsum({x}, {axis_of(d, x)[0]})"


# ---- reductions


@op("sum_elems", "squared_norm", "l2_norm")
def reduced(d: Draft, name: str) -> str | None:
    x = d.any(lambda s, b, v: name != "l2_norm" or bool(((v**2).sum(per_element(v, b)) > 0.1).all()))
    return x and f"dy.{name}({x})"


@op("mean_elems", "std_elems", "moment_elems")
def moments(d: Draft, name: str) -> str | None:
    x = d.any(lambda s, b, v: len(s) <= 2 and (name != "std_elems" or spread(v, per_element(v, b))))
    order = f", {d.rng.randint(1, 3)}" if name == "moment_elems" else ""
    return x and f"dy.{name}({x}{order})"


@op("sum_dim", "mean_dim", "std_dim", "moment_dim")
def reduced_axes(d: Draft, name: str) -> str | None:
    x = d.any(lambda s, b, v: len(s) <= 3)
    if not x:
        return None
    dims, batch = d.dims[x]
    over_batch = batch > 1 and d.flip(0.3)
    axes = sorted(d.rng.sample(range(len(dims)), d.rng.randint(0 if over_batch else 1, min(2, len(dims)))))
    if name == "std_dim" and not spread(d.values[x], (*axes, -1) if over_batch else tuple(axes)):
        return None
    order = f", {d.rng.randint(1, 3)}" if name == "moment_dim" else ""
    divisor = ", n=5" if name in ("mean_dim", "moment_dim") and d.flip(0.2) else ""
    return f"dy.{name}({x}, {axes}{order}, {over_batch}{divisor})"


@op("sum_batches", "mean_batches", "std_batches", "moment_batches")
def reduced_batches(d: Draft, name: str) -> str | None:
    x = d.any(lambda s, b, v: len(s) <= 3 and b > 1 and (name != "std_batches" or spread(v, (-1,), 0.05)))
    order = f", {d.rng.randint(1, 3)}" if name == "moment_batches" else ""
    return x and f"dy.{name}({x}{order})"


@op("logsumexp_dim", "max_dim", "min_dim")
def reduced_axis(d: Draft, name: str) -> str | None:
    x = d.any(lambda s, b, v: len(s) <= (2 if name == "logsumexp_dim" else 3) and clear(v))
    if not x:
        return None
    axis, size = axis_of(d, x)
    if name == "logsumexp_dim" and axis == 1 and d.dims[x][0][0] > size:
        return None
    return f"dy.{name}({x}, {axis})"


@op("kmax_pooling")
def largest_few(d: Draft, name: str) -> str | None:
    x = d.any(lambda s, b, v: len(s) <= 2 and clear(v))
    if not x:
        return None
    axis, size = axis_of(d, x)
    return f"dy.kmax_pooling({x}, {d.rng.randint(1, size)}, {axis})"


# ---- sequences and images


@op("fold_rows", "kmh_ngram", "filter1d_narrow")
def over_columns(d: Draft, name: str) -> str | None:
    if name == "fold_rows":
        x = d.any(lambda s, b, v: len(s) <= 2 and s[0] % 2 == 0 and b == 1)
        return x and f"dy.fold_rows({x}, {d.rng.choice([2, d.dims[x][0][0]])})"
    x = d.any(lambda s, b, v: len(s) == 2 and s[1] > 1 and b == 1)
    if not x:
        return None
    rows, columns = d.dims[x][0]
    width = d.rng.randint(1, columns)
    if name == "kmh_ngram":
        return f"dy.kmh_ngram({x}, {width})"
    return f"dy.filter1d_narrow({x}, {d.leaf(d.rng.choice([(rows, width), (rows, width, 2)]))})"


@op("conv2d", "conv2d_bias")
def convolved(d: Draft, name: str) -> str | None:
    height, width, channels, out = (d.rng.randint(2, 4), d.rng.randint(2, 4), d.rng.randint(1, 2), d.rng.randint(1, 2))
    x = d.tensor((height, width, channels), d.rng.randint(1, 2))
    f = d.leaf((d.rng.randint(1, 2), d.rng.randint(1, 2), channels, out))
    bias = f", {d.tensor((out,))}" if name == "conv2d_bias" else ""
    stride = [d.rng.randint(1, 2), d.rng.randint(1, 2)]
    return f"dy.{name}({x}, {f}{bias}, {stride}, is_valid={d.flip()})"


@op("maxpooling2d")
def pooled(d: Draft, name: str) -> str | None:
    x = d.leaf((d.rng.randint(2, 4), d.rng.randint(2, 4), d.rng.randint(1, 2)), d.rng.randint(1, 2))
    size = [d.rng.randint(1, 2), d.rng.randint(1, 2)]
    stride = [d.rng.randint(1, 2), d.rng.randint(1, 2)]
    return f"dy.maxpooling2d({x}, {size}, {stride}, is_valid={d.flip()})" if clear(d.values[x], 5e-4) else None


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
    return f"dy.pairwise_rank_loss({x}, {y}, {margin})" if away(d.values[x] - d.values[y], margin) else None


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


DRAWS = {"random_normal": "0.1, 0.6", "random_bernoulli": "0.4, 1.5", "random_uniform": "-1, 2", "random_gumbel": ""}


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


@op("inputVector", "vecInput", "scalarInput", "inputTensorTranspose", "one_hot", "sparse_inputTensor", "inputTensor")
def given(d: Draft, name: str) -> str | None:
    n = d.rng.randint(1, 4)
    if name == "inputTensorTranspose":
        return f"dy.inputTensorTranspose({d.array(2 * n)}.tolist(), ({n}, 2))"
    if name == "one_hot":
        return f"dy.one_hot({n}, {d.rng.choice([n - 1, [0, n - 1]])})"
    if name == "sparse_inputTensor":
        return f"dy.sparse_inputTensor([[0, {n}], [1, 0]], {d.array(2)}, ({n + 1}, 2), defval={d.rng.choice([0.0, 0.5])})"
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
