"""A random program while it is written: charlm.dynet runs each line at once, so that the next can depend on numbers."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable

import numpy as np

import charlm.dynet as dy
from tests.dynet.random_programs.running import Program, namespace

LARGEST = 6.0  # what is larger is compared, but nothing is computed from it
MOST = 64  # numbers in a value that others are computed from

Dims = tuple[int, ...]


class Draft:
    """The lines so far and what they made."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.lines: Program = []
        self.dims: dict[
            str, tuple[Dims, int]
        ] = {}  # of expressions that others may be computed from
        self.values: dict[str, np.ndarray] = {}
        self._count: Counter[str] = Counter()
        dy.reset_random_seed(1)
        dy.renew_cg()
        self.space = namespace(dy)

    def line(self, code: str) -> None:
        self.lines.append(code)
        exec(code, self.space)

    def let(self, prefix: str, code: str) -> str:
        """Give the value of some code a new name."""
        name = f"{prefix}{self._count[prefix]}"
        self._count[prefix] += 1
        self.line(f"{name} = {code}")
        return name

    def node(self, code: str) -> str:
        """Name an expression; others may be computed from it if its numbers are moderate."""
        name = self.let("x", code)
        expression = self.space[name]
        value = expression.npvalue()
        if value.size <= MOST and np.isfinite(value).all() and abs(value).max() <= LARGEST:
            self.dims[name], self.values[name] = expression.dim(), value
        return name

    def array(self, *shape: int, low: float = -1.0, high: float = 1.0) -> str:
        """Code for an array of random numbers."""
        numbers = ", ".join(map(str, [self.rng.randrange(10000), *shape]))
        return f"array({numbers}{'' if (low, high) == (-1, 1) else f', low={low}, high={high}'})"

    def flip(self, probability: float = 0.5) -> bool:
        return self.rng.random() < probability

    def any(
        self, suits: Callable[[Dims, int, np.ndarray], bool] = lambda d, b, v: True
    ) -> str | None:
        """Return an expression that suits, more likely a late one; None if there is none."""
        found = [name for name in self.dims if suits(*self.dims[name], self.values[name])]
        if not found:
            return None
        return self.rng.choice(found[-5:] if self.flip() else found)

    def leaf(self, dims: Dims, batch: int = 1, low: float = -1.0, high: float = 1.0) -> str:
        """Make an input, a parameter or rows of a table with these sizes."""
        kind = self.rng.choice(["input", "input", "parameter", "lookup"])
        shape = (*dims, batch) if batch > 1 else dims
        if kind == "parameter" and batch == 1:
            name = self.let(
                "p", f"pc.parameters_from_numpy({self.array(*dims, low=low, high=high)})"
            )
            code = name if self.flip(0.8) else f"{name}.expr()"
            if code == name:
                self.dims[name], self.values[name] = (dims, 1), self.space[name].as_array()
                return name
            return self.node(code)
        if kind == "lookup" and len(dims) == 1:
            rows = self.array(4, *dims, low=low, high=high)
            table = self.let("t", f"pc.lookup_parameters_from_numpy({rows})")
            ids = [self.rng.randrange(4) for _ in range(batch)]
            update = "" if self.flip(0.8) else ", update=False"
            if batch > 1:
                return self.node(f"dy.lookup_batch({table}, {ids}{update})")
            return self.node(
                f"{table}[{ids[0]}]" if not update else f"dy.lookup({table}, {ids[0]}{update})"
            )
        batched = ", batched=True" if batch > 1 else ""
        return self.node(f"dy.inputTensor({self.array(*shape, low=low, high=high)}{batched})")

    def tensor(self, dims: Dims, batch: int = 1, low: float = -1.0, high: float = 1.0) -> str:
        """Return an expression of these sizes between these bounds: one that is there, or a new leaf."""
        ranged = (low, high) != (-1.0, 1.0)

        def suits(d: Dims, b: int, v: np.ndarray) -> bool:
            return d == dims and b == batch and not (ranged and (v.min() < low or v.max() > high))

        found = self.any(suits) if self.flip(0.6) else None
        return found or self.leaf(dims, batch, low, high)
