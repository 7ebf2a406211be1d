"""A child-sum tree LSTM (Tai et al., 2015), written out in expressions, tells odd sums from even ones."""

from __future__ import annotations

import random
from typing import Any

Tree = Any  # a leaf, or the list of its children
LEAVES = 6


def grow(rng: random.Random, depth: int) -> Tree:
    if depth == 0 or rng.random() < 0.25:
        return rng.randrange(LEAVES)
    return [grow(rng, depth - 1) for _ in range(rng.randint(1, 3))]


def label(tree: Tree) -> int:
    """Whether the leaves add up to an odd number."""
    return tree % 2 if isinstance(tree, int) else sum(map(label, tree)) % 2


class TreeLSTM:
    def __init__(self, dy: Any, size: int) -> None:
        self.dy = dy
        self.size = size
        self.model = dy.ParameterCollection()
        self.leaves = self.model.add_lookup_parameters((LEAVES, size))
        self.inputs = {g: self.model.add_parameters((size, size)) for g in "iouf"}
        self.hiddens = {g: self.model.add_parameters((size, size)) for g in "iouf"}
        self.biases = {
            g: self.model.add_parameters(size, init=1.0 if g == "f" else 0.0) for g in "iouf"
        }
        self.W = self.model.add_parameters((2, size))

    def gate(self, name: str, x: Any, h: Any) -> Any:
        terms = [self.biases[name], self.inputs[name], x]
        return self.dy.affine_transform(terms if h is None else [*terms, self.hiddens[name], h])

    def run(self, tree: Tree) -> tuple[Any, Any]:
        """The h and c of a tree's root."""
        dy = self.dy
        if isinstance(tree, int):
            x, children = self.leaves[tree], []
        else:
            x, children = dy.zeros(self.size), [self.run(child) for child in tree]
        h = dy.esum([h for h, _ in children]) if children else None
        i, o = (dy.logistic(self.gate(g, x, h)) for g in "io")
        c = dy.cmult(i, dy.tanh(self.gate("u", x, h)))
        for h_k, c_k in children:
            c = c + dy.cmult(dy.logistic(self.gate("f", x, h_k)), c_k)
        return dy.cmult(o, dy.tanh(c)), c


def losses(dy: Any, updates: int, scale: int = 1) -> list[float]:
    network = TreeLSTM(dy, 10 * scale)
    trainer = dy.AdagradTrainer(network.model, 0.05)
    trainer.set_clip_threshold(1.0)
    rng = random.Random(21)
    found = []
    for _ in range(updates):
        dy.renew_cg()
        trees = [grow(rng, 3) for _ in range(3)]
        terms = [dy.pickneglogsoftmax(network.W * network.run(t)[0], label(t)) for t in trees]
        loss = dy.average(terms)
        found.append(loss.value())
        loss.backward()
        trainer.update()
    return found
