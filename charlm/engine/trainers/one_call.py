"""Compiled updates of a whole collection: one call for the norm, and one for the step."""

from __future__ import annotations

from array import array
from typing import TypeAlias

import numpy as np

from charlm.engine.arrays import Array
from charlm.engine.parameters import LookupParameter
from charlm.engine.storage import Storage
from charlm.kernels import Kernels
from charlm.kernels.reference.updates import MOMENTS, RULES, UPDATE
from charlm.kernels.tapes import ORIGIN, place

Parts: TypeAlias = list[tuple[int, int]]

_VALUES, _ALL_ROWS, _NORM, _SCALE, _SETTINGS = map(
    UPDATE.index, ("values", "all_rows", "norm", "scale", "first")
)


class OneCall:
    """The integers that describe a collection to compiled code; see ``kernels/reference/updates.py``.

    Args:
        kernels: those with the compiled code.
        integers: those that ``UPDATE`` names.
    """

    def __init__(self, kernels: Kernels, integers: list[int]) -> None:
        self._kernels = kernels
        self._integers = array("q", integers)
        self._reals = memoryview(self._integers).cast("B").cast("d")
        self._address = self._integers.buffer_info()[0]

    @classmethod
    def of(
        cls,
        kernels: Kernels,
        rule: str,
        storage: Storage,
        parts: tuple[Parts, Parts],
        moments: list[Array],
        tables: list[tuple[LookupParameter, list[Array]]],
    ) -> OneCall | None:
        """Return None if the numbers have another type or layout, or if threads make so large a collection faster.

        Args:
            kernels: the trainer's.
            rule: the name of the kernel that applies the rule.
            storage: the collection's.
            parts: those of the flat buffer that the norm includes, and those that are updated.
            moments: the running averages of the flat buffer.
            tables: the tables with their running averages.
        """
        arrays = [a for table, averages in tables for a in (table.value, table.gradient, *averages)]
        if (
            not hasattr(kernels, "update_step")
            or rule not in RULES
            or storage.dtype != np.float32
            or storage.size + sum(t.size for t, _ in tables) > kernels.update_at_most
            or not all(a.flags.c_contiguous and a.dtype == np.float32 for a in arrays)
        ):
            return None
        fields = {
            "origin": ORIGIN.__array_interface__["data"][0],
            "gradients": place(storage.gradients),
            "rule": RULES.index(rule),
            "parts": len(parts[0]),
            "updated_parts": len(parts[1]),
            "tables": len(tables),
            **dict(zip(("first_moment", "second_moment"), map(place, moments), strict=False)),
        }
        integers = [fields.get(key, 0) for key in UPDATE]
        integers += [edge for some in parts for part in some for edge in part]
        for table, averages in tables:
            marks: int = table.touched.__array_interface__["data"][0]
            places = place(table.value), place(table.gradient), marks
            integers += [table.rows, table.size // max(table.rows, 1), *places, table.updated]
            integers += [*map(place, averages), *[0] * (MOMENTS - len(averages))]
        return cls(kernels, integers)

    def norm(self, sparse: bool) -> float:
        """Return the norm of all gradients; with ``sparse``, tables count only their used rows."""
        self._integers[_ALL_ROWS] = not sparse
        self._kernels.update_norm(self._address)
        return self._reals[_NORM]

    def step(self, values: int, settings: tuple[float, ...], scale: float) -> None:
        """Update the parameters, and clear their gradients.

        Args:
            values: the address of the storage's values, open for writing.
            settings: the rule's numbers.
            scale: a factor for the gradients.
        """
        self._integers[_VALUES] = values
        reals = self._reals
        reals[_SCALE] = scale
        for k, setting in enumerate(settings, _SETTINGS):
            reals[k] = setting
        self._kernels.update_step(self._address)
