"""Working out a plan: which nodes of a segment can be evaluated together.

* Recurrent steps that continue each other are one sequence.
* Nodes of one kind at one depth, with arguments of one shape, are one node of a larger batch (Neubig,
  Goldberg and Dyer, 2017: on-the-fly operation batching). What they share, such as a weight matrix,
  is given once.

The result is the same but for the order in which float numbers are added.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from charlm.engine.arrays import Dim
from charlm.engine.op import Op, StateOp, StepOp
from charlm.engine.planned import Column, Outside, Picked, Pieces, Plan, Rows, Shaped, Source, Step
from charlm.engine.structure import Node


@dataclass(slots=True)
class Chain:
    """Recurrent steps, each from the states of the one before.

    Attributes:
        steps: the nodes' places.
        before: the chains, as bits, that its inputs depend on.
    """

    steps: list[int]
    before: int


def plan(nodes: Sequence[Node], ops: Sequence[Op]) -> Plan | None:
    """Return a plan for a segment, None if there is none that obeys all dependencies."""
    return _Planner(nodes, ops).plan()


class _Planner:
    def __init__(self, nodes: Sequence[Node], ops: Sequence[Op]) -> None:
        self.nodes = nodes
        self.ops = ops
        self.outer = [description for node in nodes for description in node.outer]
        self.chains: list[Chain] = []
        self.chain_of: dict[int, int] = {}  # steps and their states
        self.states_of: dict[int, list[int]] = defaultdict(list)
        self.totals: list[int] = []  # rows of each step's result
        self.after_draw: dict[int, int] = {}  # random numbers are drawn in the order of creation
        self.made = Plan()

    def plan(self) -> Plan | None:
        """Return the plan."""
        if any(node.empty for node in self.nodes) or any(0 in dim[0] for dim, *_ in self.outer):
            return None
        self._find_chains()
        levels = self._levels()
        if levels is None:
            return None
        for level in levels:
            groups: dict[object, list[int]] = defaultdict(list)
            for place in level:
                groups[self._signature(place)].append(place)
            for members in groups.values():
                self._emit(members)
        return self.made

    def _dim(self, place: int) -> Dim:
        return self.nodes[place].dim if place >= 0 else self.outer[-1 - place][0]

    def _trains(self, place: int) -> bool:
        return self.nodes[place].trains if place >= 0 else self.outer[-1 - place][1]

    def _is_parameter(self, place: int) -> bool:
        return self.nodes[place].is_parameter if place >= 0 else self.outer[-1 - place][2]

    # ---- chains

    def _find_chains(self) -> None:
        reach: list[int] = []  # the chains, as bits, that each node depends on
        last_draw: int | None = None
        for k, (node, op) in enumerate(zip(self.nodes, self.ops, strict=True)):
            found = _union(reach, node.args)
            if op.draws:
                if last_draw is not None:
                    self.after_draw[k] = last_draw
                    found |= reach[last_draw]
                last_draw = k
            if isinstance(op, StepOp) and self._one_batch(node, op):
                number = self._continued(k, op, reach)
                if number is None:
                    number = len(self.chains)
                    self.chains.append(Chain([k], found))
                else:
                    self.chains[number].steps.append(k)
                    self.chains[number].before |= _union(reach, node.args[:1])
                self.chain_of[k] = number
                found = 1 << number
            elif isinstance(op, StateOp) and node.args[0] in self.chain_of:
                self.chain_of[k] = self.chain_of[node.args[0]]
                self.states_of[node.args[0]].append(k)
            reach.append(found)

    def _one_batch(self, node: Node, op: StepOp) -> bool:
        """Whether nothing is broadcast: a sequence wants its input and states of one batch size."""
        batch = node.dim[0][1]
        if len(self._dim(node.args[0])[0]) > 1:
            return False
        return all(self._dim(p)[1] == batch for p in (node.args[0], *op.split(node.args)[1]))

    def _continued(self, k: int, op: StepOp, reach: Sequence[int]) -> int | None:
        """Return the chain that step ``k`` goes on with, if both can be computed in one go."""
        node = self.nodes[k]
        fixed, carried = op.split(node.args)
        if not carried or min(carried) < 0:
            return None
        parts = [self.ops[p] for p in carried]
        before = self.nodes[carried[0]].args[0] if self.nodes[carried[0]].args else -1
        if before not in self.chain_of or any(
            not isinstance(part, StateOp) or part.state != i or self.nodes[p].args != (before,)
            for i, (part, p) in enumerate(zip(parts, carried, strict=True))
        ):
            return None
        number = self.chain_of[before]
        last, x = self.nodes[before], node.args[0]
        first = self.chains[number].steps[0]
        if (
            self.chains[number].steps[-1] != before
            or not op.continues(self.ops[before])
            or op.split(self.nodes[first].args)[0] != fixed
            or last.dim != node.dim
            or self._dim(last.args[0]) != self._dim(x)
        ):
            return None
        depends = self._closure(reach[x] if x >= 0 else 0)
        return None if depends >> number & 1 else number

    def _closure(self, bits: int) -> int:
        """Return the chains that these chains depend on, themselves included."""
        found, todo = 0, bits
        while todo:
            low = todo & -todo
            found |= low
            todo = (todo | self.chains[low.bit_length() - 1].before) & ~found
        return found

    # ---- order

    def _unit(self, place: int) -> int:
        """Return the place that stands for what is computed together: of a chain, its first step."""
        number = self.chain_of.get(place)
        return place if number is None else self.chains[number].steps[0]

    def _levels(self) -> list[list[int]] | None:
        """Return the units by the length of the longest way to them; None if they wait for each other."""
        users: dict[int, list[int]] = defaultdict(list)
        waits: dict[int, int] = {}
        for k, node in enumerate(self.nodes):
            unit = self._unit(k)
            waits.setdefault(unit, 0)
            needed = {self._unit(p) for p in node.args if p >= 0}
            if k in self.after_draw:
                needed.add(self._unit(self.after_draw[k]))
            for other in needed - {unit}:
                users[other].append(unit)
                waits[unit] += 1
        levels = []
        ready = [unit for unit, count in waits.items() if not count]
        left = len(waits)
        while ready:
            ready.sort()
            levels.append(ready)
            left -= len(ready)
            after: list[int] = []
            for unit in ready:
                for user in users[unit]:
                    waits[user] -= 1
                    if not waits[user]:
                        after.append(user)
            ready = after
        return None if left else levels

    # ---- grouping

    def _signature(self, place: int) -> object:
        """Return what nodes of one level have in common that may be evaluated as one."""
        node, op = self.nodes[place], self.ops[place]
        dims = tuple([self._dim(p) for p in node.args])
        if isinstance(op, StepOp) and place in self.chain_of:
            steps = self.chains[self.chain_of[place]].steps
            fixed, _ = op.split(node.args)
            if any(self._dim(p)[1] > 1 for p in fixed):  # masks for one batch
                return place
            return op.kind, fixed, dims, node.dim, len(steps), self._trains_of(node)
        if not op.stacks or op.draws or any(d[1] not in (1, node.dim[1]) for d in dims):
            return place
        parameters = tuple([p if self._is_parameter(p) else None for p in node.args])
        return node.kind, dims, node.dim, parameters, self._trains_of(node)

    def _trains_of(self, node: Node) -> tuple[bool, ...]:
        return (node.trains, *[self._trains(p) for p in node.args])

    def _emit(self, members: list[int]) -> None:
        first = members[0]
        if first in self.chain_of:
            self._emit_chains(members)
            return
        op, columns = self.ops[first], self._columns(members)
        if isinstance(op, StateOp) and op.time is not None and columns[0][0] >= 0:
            for k in members:
                self._place_state(k)
            return
        dims = [self._dim(column[0]) for column in columns]
        batch = self.nodes[first].dim[1]
        fits = all(
            d[1] == (1 if len(set(c)) == 1 else batch) for c, d in zip(columns, dims, strict=True)
        )
        varies = not columns or any(len(set(column)) > 1 for column in columns)
        together = len(members) > 1 and fits and varies
        for group in [members] if together else [[k] for k in members]:
            self._emit_group(group, batch)

    def _columns(self, members: list[int]) -> list[tuple[int, ...]]:
        """Return, for each argument, its places for all members."""
        return list(zip(*[self.nodes[k].args for k in members], strict=True))

    def _emit_group(self, group: list[int], batch: int) -> None:
        """One step for one node, or for several equal ones."""
        first, number = group[0], len(self.made.steps)
        node, op = self.nodes[first], self.ops[first]
        needs = tuple([self._trains(p) for p in node.args])
        args = [
            self._source(column[0]) if len(set(column)) == 1 else self._stacked(column)
            for column in self._columns(group)
        ]
        if len(group) == 1 and (folded := op.folded(len(args))) is not None:
            whole = self._stacked(node.args)
            if isinstance(whole, Rows):
                op, args, needs = folded, [whole], (any(needs),)
        data = tuple([self.nodes[k].data_count - 1 for k in group]) if op.has_data else ()
        made = Step(None if data else op, type(op), data, batch, args, node.trains, needs)
        self._add(made, batch * len(group))
        for i, k in enumerate(group):
            rows = Rows(number, i * batch, (i + 1) * batch, all=len(group) == 1)
            self.made.places[k] = rows

    def _emit_chains(self, members: list[int]) -> None:
        """One recurrent sequence for chains of one length, their batches behind each other."""
        chains = [self.chains[self.chain_of[k]].steps for k in members]
        first, op = self.nodes[members[0]], self.ops[members[0]]
        assert isinstance(op, StepOp)
        number, length, (_, batch) = len(self.made.steps), len(chains[0]), first.dim[0]
        inputs = [self.nodes[chain[t]].args[0] for t in range(length) for chain in chains]
        fixed, carried = op.split(first.args)
        columns = [op.split(self.nodes[k].args)[1] for k in members]
        shape = (1, length, batch * len(chains), *self._dim(inputs[0])[0])
        args: list[Source] = [Shaped(self._stacked(inputs), shape)]
        args += [self._source(p) for p in fixed]
        args += [self._stacked(column) for column in zip(*columns, strict=True)]
        x_trains = any(self._trains(p) for p in inputs)
        needs = (x_trains, *[self._trains(p) for p in (*fixed, *carried)])
        sequence = op.sequence()
        made = Step(sequence, type(sequence), (), batch, args, first.trains or x_trains, needs)
        self._add(made, first.dim[1] * length * batch * len(chains))
        for m, chain in enumerate(chains):
            for t, k in enumerate(chain):
                self.made.places[k] = Column(number, t, m * batch, (m + 1) * batch)
                for state in self.states_of[k]:
                    part = self.ops[state]
                    assert isinstance(part, StateOp)
                    start = ((part.state * length + t) * len(chains) + m) * batch
                    self.made.places[state] = Rows(number, start, start + batch, flat=True)

    def _place_state(self, k: int) -> None:
        """A state of a sequence needs no step: it is some rows of the sequence's result."""
        node, op = self.nodes[k], self.ops[k]
        assert isinstance(op, StateOp)
        assert op.time is not None
        source = self.made.places[node.args[0]]
        assert isinstance(source, Rows)
        (_, batch, length), _ = self._dim(node.args[0])
        start = (op.state * length + op.time) * batch
        self.made.places[k] = Rows(source.step, start, start + batch, flat=True)

    def _add(self, step: Step, rows: int) -> None:
        self.made.add(step)
        self.totals.append(rows)

    # ---- sources

    def _source(self, place: int) -> Source:
        return (
            self.made.places[place]
            if place >= 0
            else Outside(-1 - place, -1 - place - len(self.outer))
        )

    def _stacked(self, places: Sequence[int]) -> Source:
        """Return where the values of these nodes are, one behind the other along the batch axis."""
        sources = [self._source(p) for p in places]
        rows = [source for source in sources if isinstance(source, Rows)]
        if len(rows) < len(sources) or len({(r.step, r.flat) for r in rows}) > 1:
            if len(sources) == 1:
                return sources[0]
            return Pieces(tuple(sources), tuple([self._dim(p)[1] for p in places]))
        first, last = rows[0], rows[-1]
        if all(a.stop == b.start for a, b in pairwise(rows)):
            everything = first.start == 0 and last.stop == self.totals[first.step]
            return Rows(first.step, first.start, last.stop, first.flat, everything)
        picked = np.concatenate([np.arange(r.start, r.stop) for r in rows])
        distinct = len(np.unique(picked)) == len(picked)
        return Picked(first.step, picked, first.flat, distinct)


def _union(reach: Sequence[int], places: Iterable[int]) -> int:
    found = 0
    for p in places:
        if p >= 0:
            found |= reach[p]
    return found
