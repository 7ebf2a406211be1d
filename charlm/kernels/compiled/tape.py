"""Whole tapes in one call: a check of every integer, forward, and backward.

Compiled code trusts its arguments, so ``take`` checks each node before it runs: arguments must come earlier and
have the sizes in the node's row, and an index must be below its bound.
"""

from __future__ import annotations

from charlm.kernels.compiled.addresses import integer_rows_at, integers_at, real_rows_at
from charlm.kernels.compiled.layout import *
from charlm.kernels.compiled.options import compiled
from charlm.kernels.compiled.tape_backward import backward
from charlm.kernels.compiled.tape_forward import forward
from charlm.kernels.tapes import (
    ALL_LIKE_FIRST,
    DAMAGED,
    DONE,
    EACH,
    LINK,
    MEMORY,
    NO_ROW,
    ROW,
    TOTAL,
    WIDTH,
)


@compiled()
def take(s, table, numbers, starts, values, slopes, code, fresh_numbers, fresh_integers):
    """Check the new nodes and give them places. The result is ``DONE`` if all are in order."""
    p, end, first_integer = s[USED_INTEGERS], s[INTEGER_COUNT], s[USED_INTEGERS]
    first = s[FRESH_NODE]
    if s[TAKEN] != first:  # a second call, after rows or memory were missing
        first_integer = starts[first]
    for k in range(s[TAKEN], s[NODES]):
        n = fresh_numbers[k - first]
        if n == NO_ROW:
            return ROW
        if n < 0 or n >= len(table):
            return DAMAGED
        count, extent = table[n, COUNT], table[n, EXTENT]
        if extent < count or p + extent > end:
            return DAMAGED
        rule, sizes = table[n, RULE], 0
        for j in range(count):
            a = fresh_integers[p - first_integer + j]
            if a < 0 or a >= k:
                return DAMAGED
            size = table[numbers[a], SIZE]
            sizes += size
            if rule == EACH and size != table[n, ARGUMENTS + j]:
                return DAMAGED
            if rule == ALL_LIKE_FIRST and size != table[n, ARGUMENTS]:
                return DAMAGED
            code[p + j] = a
        if rule == TOTAL and sizes != table[n, ARGUMENTS]:
            return DAMAGED
        for j in range(count, extent):
            index = fresh_integers[p - first_integer + j]
            if table[n, BOUND] >= 0 and not 0 <= index < table[n, BOUND]:
                return DAMAGED
            code[p + j] = index
        if table[n, CODE] > GIVEN:
            size = table[n, SIZE] + table[n, SAVED]
            if s[FREE] + size > s[END]:
                s[NEEDED] = size
                return MEMORY
            values[k] = s[FREE]
            s[FREE] += size
        numbers[k], starts[k], slopes[k] = n, p, s[ALL_SIZES]
        p += extent
        s[ALL_SIZES] += table[n, SIZE] + table[n, WORK]
        s[ALL_PRODUCTS] += table[n, PRODUCTS]
        s[TAKEN], s[USED_INTEGERS] = k + 1, p
    return DONE


def tape_forward(address):
    """Take the new nodes, evaluate, and return why it ends."""
    s = integers_at(address, (STATE_SIZE,))
    shape, nodes, integers = (s[ROW_COUNT], WIDTH), (s[NODES],), (s[INTEGER_COUNT],)
    table = integer_rows_at(s[ROWS], shape)
    numbers, starts = integers_at(s[NUMBERS], nodes), integers_at(s[STARTS], nodes)
    values, code = integers_at(s[VALUES], nodes), integers_at(s[INTEGERS], integers)
    if s[TAKEN] < s[NODES]:
        status = take(
            s,
            table,
            numbers,
            starts,
            values,
            integers_at(s[SLOPES], nodes),
            code,
            integers_at(s[FRESH_NUMBERS], nodes),
            integers_at(s[FRESH_INTEGERS], integers),
        )
        if status != DONE:
            return status
    return forward(s, table, real_rows_at(s[ROWS], shape), numbers, code, starts, values)


def tape_backward(address):
    """Begin or continue backward, and return why it ends."""
    s = integers_at(address, (STATE_SIZE,))
    nodes = (s[LAST] + 1,)
    return backward(
        s,
        integer_rows_at(s[ROWS], (s[ROW_COUNT], WIDTH)),
        integers_at(s[NUMBERS], nodes),
        integers_at(s[INTEGERS], (s[INTEGER_COUNT],)),
        integers_at(s[STARTS], nodes),
        integers_at(s[VALUES], nodes),
        integers_at(s[SLOPES], nodes),
        integers_at(s[GRADIENTS], nodes),
        integers_at(s[FLAGS], nodes),
        integers_at(s[HEADS], nodes),
        integer_rows_at(s[LINKS], (s[ALL_PRODUCTS], LINK)),
    )


ENTRIES = {f.__name__: f for f in (tape_backward, tape_forward)}
