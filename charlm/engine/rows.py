"""A row of integers for each signature in use, for compiled code; ``kernels/tapes.py`` has its columns."""

from __future__ import annotations

from itertools import count

import numpy as np

from charlm.engine.arrays import Array
from charlm.engine.op import Op, Reserved, Signature
from charlm.kernels.tapes import CODES, COLUMNS, EACH, MOST_ARGUMENTS, TOTAL, UNCHECKED, WIDTH, Form


class Rows:
    """Rows by number. A number is used again when its signature is gone.

    Attributes:
        table: the rows.
        reals: the same memory, as float64.
        address: the address of that memory.
        count: for how many rows there is room.
    """

    def __init__(self) -> None:
        self._set(np.zeros((256, WIDTH), np.int64))
        self._free: list[int] = []
        self._fresh = count()

    def _set(self, table: Array) -> None:
        self.table, self.reals = table, table.view(np.float64)
        self.address: int = table.__array_interface__["data"][0]
        self.count = len(table)

    def add(self, signature: Signature, op: Op) -> None:
        """Fill a row for a signature."""
        number = self._free.pop() if self._free else next(self._fresh)
        if number >= self.count:
            self._set(np.concatenate([self.table, np.zeros_like(self.table)]))
        form = _form(signature, op)
        fields = {
            "code": CODES.index(form.code),
            "count": signature.count,
            "extent": signature.extent,
            "bound": signature.index_limit,
            "size": signature.type.size,
            "saved": form.saved,
            "work": form.work,
            "products": form.products,
            "trains": signature.type.trains and not signature.type.empty,
            "rule": form.rule,
        }
        row = self.table[number]
        row[:] = 0
        row[: len(fields)] = [fields[name] for name in COLUMNS[: len(fields)]]
        for i, value in enumerate(form.numbers, len(fields)):
            (self.reals if isinstance(value, float) else self.table)[number, i] = value
        sizes = [t.size for t in signature.types]
        if form.rule == TOTAL:
            sizes = [sum(sizes)]
        row[len(COLUMNS) :] = (sizes + [0] * MOST_ARGUMENTS)[:MOST_ARGUMENTS]
        signature.row, signature.number = _Row(self._free, number), number


class _Row:
    """A row in use. Its number is free when the signature is gone."""

    __slots__ = ("_free", "_number")

    def __init__(self, free: list[int], number: int) -> None:
        self._free = free
        self._number = number

    def __del__(self) -> None:
        self._free.append(self._number)


def _form(signature: Signature, op: Op) -> Form:
    """Return the compiled form of an operation."""
    if isinstance(op, Reserved):
        return Form("nothing")
    types = (signature.type, *signature.types)
    if not any(t.empty for t in types):
        form = op.compiled(*types)
        few = signature.count <= MOST_ARGUMENTS or (form is not None and form.rule != EACH)
        if form is not None and few:
            return form
    return Form("python", rule=UNCHECKED)


ROWS = Rows()
