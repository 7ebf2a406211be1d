"""Run a program, which is a list of lines of Python, on charlm.dynet or on DyNet, and note all numbers it leaves.

A program sees the module as ``dy``, numpy as ``np``, and the functions ``array`` and ``fill``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from tests.dynet.programs import ids_of

RELATIVE, ABSOLUTE = 2e-4, 2e-5

Program = list[str]
Notes = dict[str, Any]


def array(seed: int, *shape: int, low: float = -1.0, high: float = 1.0) -> np.ndarray:
    """Numbers that stay the same for ever: numpy froze this generator."""
    return np.random.RandomState(seed).uniform(low, high, shape).round(3)


def fill(pc: Any, seed: int) -> list[Any]:
    """Give all parameters of a collection numbers, and return them."""
    found = pc.parameters_list()
    for i, p in enumerate(found):
        p.set_value(array(seed + i, *p.shape(), low=-0.7, high=0.7))
    return found


def namespace(dy: Any) -> dict[str, Any]:
    return {"dy": dy, "np": np, "array": array, "fill": fill}


def run(dy: Any, program: Program) -> Notes:
    """Return what each variable of the program holds at its end: ids, shapes, values, gradients.

    A line that fails is the last one, and its exception is noted.
    """
    dy.reset_random_seed(1)
    dy.renew_cg()
    space = namespace(dy)
    given, notes = set(space), {}
    for number, line in enumerate(program):
        try:
            exec(line, space)
        except Exception as error:
            notes[f"line {number}"] = kind_of(error)
            break
    for name, value in list(space.items()):
        if name not in given and not name.startswith("_"):
            notes.update(noted(name, value))
    return notes


def kind_of(error: Exception) -> str:
    """The builtin type of an exception: charlm's own are children of those that DyNet raises."""
    return next(t.__name__ for t in type(error).__mro__ if t.__module__ == "builtins")


def noted(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, (bool, int, float, str, np.ndarray)):
        yield name, value
    elif isinstance(value, (list, tuple)):
        for i, part in enumerate(value):
            yield from noted(f"{name}[{i}]", part)
    elif hasattr(value, "grad_as_array"):  # a parameter
        yield f"{name}.value", value.as_array()
        yield f"{name}.gradient", value.grad_as_array()
    elif hasattr(value, "add_input"):  # a state
        for part in ("output", "h", "s"):
            yield from noted(f"{name}.{part}", getattr(value, part)())
    elif hasattr(value, "npvalue"):
        for part in ("npvalue", "gradient"):
            try:
                found = getattr(value, part)()
            except Exception as error:
                found = kind_of(error)
            yield f"{name}.{part}", found
        yield name, [ids_of(value), *value.dim()]


@dataclass(frozen=True)
class Difference:
    """Where two runs differ; ``size`` is in units of what is tolerated."""

    name: str
    size: float
    ours: Any
    theirs: Any


def differences(ours: Notes, theirs: Notes) -> list[Difference]:
    """Return how far each number of one run is from the other's, also where it is not too far."""
    found = []
    for name in [*ours, *(name for name in theirs if name not in ours)]:
        a, b = ours.get(name), theirs.get(name)
        if isinstance(a, np.ndarray) and isinstance(b, str) and b == "RuntimeError":
            continue  # DyNet has none where a value shares its argument's memory: x[:] or reshape
        numbers = all(isinstance(v, (float, np.ndarray)) for v in (a, b))
        size = distance(a, b) if numbers else float("inf") * (listed(a) != listed(b) or 0)
        found.append(Difference(name, 0.0 if np.isnan(size) else size, a, b))
    return found


def listed(value: Any) -> Any:
    """A value in which tuples are lists, as they are once they were in a file."""
    if isinstance(value, (list, tuple)):
        return [listed(v) for v in value]
    return value.tolist() if isinstance(value, np.ndarray) else value


def distance(a: Any, b: Any) -> float:
    """Return the largest |a - b| / (ABSOLUTE + RELATIVE |b|)."""
    a, b = np.asarray(a, float), np.asarray(b, float)
    if a.shape != b.shape:
        return float("inf")
    same = (a == b) | (np.isnan(a) & np.isnan(b))
    with np.errstate(invalid="ignore"):
        each = np.where(same, 0.0, np.abs(a - b) / (ABSOLUTE + RELATIVE * np.abs(b)))
    return float(np.nan_to_num(each, nan=np.inf, posinf=np.inf).max(initial=0.0))
