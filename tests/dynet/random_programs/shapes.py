"""Lists, parts, reductions, sequences and images."""

from __future__ import annotations

import numpy as np

from tests.dynet.random_programs.catalogue import axis_of, clear, op, per_element, spread
from tests.dynet.random_programs.draft import Draft

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
        slices.append(
            d.rng.choice([f"{start}:{end}", f"{start}:", f":{end}", f"{start}:{end}:2", "::2", ":"])
        )
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
    x = d.any(lambda s, b, v: len(s) <= 3 and b > 1) or d.leaf((3, 2), 2)
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
    x = d.any(
        lambda s, b, v: name != "l2_norm" or bool(((v**2).sum(per_element(v, b)) > 0.1).all())
    )
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
    axes = sorted(
        d.rng.sample(range(len(dims)), d.rng.randint(0 if over_batch else 1, min(2, len(dims))))
    )
    if name == "std_dim" and not spread(d.values[x], (*axes, -1) if over_batch else tuple(axes)):
        return None
    order = f", {d.rng.randint(1, 3)}" if name == "moment_dim" else ""
    divisor = ", n=5" if name in ("mean_dim", "moment_dim") and d.flip(0.2) else ""
    return f"dy.{name}({x}, {axes}{order}, {over_batch}{divisor})"


@op("sum_batches", "mean_batches", "std_batches", "moment_batches")
def reduced_batches(d: Draft, name: str) -> str | None:
    x = d.any(
        lambda s, b, v: len(s) <= 3 and b > 1 and (name != "std_batches" or spread(v, (-1,), 0.05))
    )
    order = f", {d.rng.randint(1, 3)}" if name == "moment_batches" else ""
    if not x and name != "std_batches":
        x = d.leaf((3, 2), 2)
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
    height, width, channels, out = (
        d.rng.randint(2, 4),
        d.rng.randint(2, 4),
        d.rng.randint(1, 2),
        d.rng.randint(1, 2),
    )
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
    return (
        f"dy.maxpooling2d({x}, {size}, {stride}, is_valid={d.flip()})"
        if clear(d.values[x], 5e-4)
        else None
    )
