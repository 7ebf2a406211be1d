"""The softmax in two steps: over classes of words, then over the words of a class."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from charlm.dynet import session
from charlm.dynet.parameters import ParameterCollection
from charlm.dynet.softmaxes import clusters
from charlm.dynet.softmaxes.base import AffineLayer, SoftmaxBuilder, drawn
from charlm.engine import ops
from charlm.engine.expression import Expression
from charlm.engine.ops.arguments import sizes, unsigned
from charlm.errors import ShapeError


class ClassFactoredSoftmaxBuilder(SoftmaxBuilder):
    """p(word | x) = p(class | x) p(word | class, x), both softmaxes of scores W x + b  (Goodman, 2001).

    A loss needs one score for each class and one for each word of the word's class, not one for each word.

    Args:
        input_dim: size of ``x``.
        cluster_file: a line ``CLASS WORD`` for each word; classes are numbered in the order of their first lines.
        dic: the words' numbers, 0 to n-1.
        pc: where the parameters are added, in a sub-collection of their own.
        bias: whether there is a b.

    Raises:
        ClusterFileError: the file cannot be read, or a line cannot be used; the message names it.
    """

    collection_name = "class-factored-softmax-builder"

    def __init__(
        self,
        input_dim: int,
        cluster_file: str | Path,
        dic: Mapping[str, int],
        pc: ParameterCollection,
        bias: bool = True,
    ) -> None:
        (size,) = sizes(input_dim, type(self).__name__)
        ids = clusters.word_ids(dic, type(self).__name__)
        classes: dict[str, list[int]] = {}
        for (name,), word in clusters.read(cluster_file, ids, word_at=1):
            classes.setdefault(name, []).append(word)
        super().__init__(pc)
        self._words = list(classes.values())
        self._word_count = len(ids)
        self._places = {w: (c, k) for c, ws in enumerate(self._words) for k, w in enumerate(ws)}
        self._classes = AffineLayer(self._collection, size, len(self._words), bias)
        self._within = [
            AffineLayer(self._collection, size, len(ws), bias) if len(ws) > 1 else None
            for ws in self._words
        ]

    def neg_log_softmax(self, x: Expression, c: int, update: bool = True) -> Expression:
        """Return -ln p(c | x): the loss of its class plus the loss of its place in the class."""
        classid, place = self._place(unsigned(c, "neg_log_softmax"))
        loss = ops.pickneglogsoftmax(self.class_logits(x, update), classid)
        if self._within[classid] is None:
            return loss
        return loss + ops.pickneglogsoftmax(self.subclass_logits(x, classid, update), place)

    def sample(self, x: Expression) -> int:
        """Return a word drawn from p(. | x) by the current random stream: the class, then the word."""
        classid = drawn(ops.softmax(self.class_logits(x)))
        words = self._words[classid]
        return words[drawn(ops.softmax(self.subclass_logits(x, classid))) if len(words) > 1 else 0]

    def full_logits(self, x: Expression, update: bool = True) -> Expression:
        """Return ln p(c | x) of every word c: these are logits too."""
        places = [self._place(word) for word in range(self._word_count)]
        distribution = self.class_log_distribution(x, update)
        words: dict[tuple[int, int], Expression] = {}
        for classid, scores in enumerate(self._within):
            of_class = ops.pick(distribution, classid)
            if scores is None:
                words[classid, 0] = of_class
                continue
            within = self.subclass_log_distribution(x, classid, update)
            for place in range(len(self._words[classid])):
                words[classid, place] = of_class + ops.pick(within, place)
        return ops.concatenate([words[place] for place in places])

    def class_log_distribution(self, x: Expression, update: bool = True) -> Expression:
        """Return ln p(class | x) of every class."""
        return ops.log_softmax(self.class_logits(x, update))

    def class_logits(self, x: Expression, update: bool = True) -> Expression:
        """Return the scores of the classes."""
        return self._classes.logits(x, update)

    def subclass_log_distribution(
        self, x: Expression, classid: int, update: bool = True
    ) -> Expression:
        """Return ln p(word | class, x) of every word of a class."""
        return ops.log_softmax(self.subclass_logits(x, classid, update))

    def subclass_logits(self, x: Expression, classid: int, update: bool = True) -> Expression:
        """Return the scores of a class's words, in the order of the file; a single word has the score 0."""
        number = unsigned(classid, "subclass_logits")
        if number >= len(self._within):
            raise ShapeError(
                f"subclass_logits: class {classid} does not exist; there are {len(self._within)} classes"
            )
        self._classes.nodes(update)  # they are made with the first other nodes, for DyNet's ids
        scores = self._within[number]
        return ops.fill(session.cg(), 1, 0.0) if scores is None else scores.logits(x, update)

    def _place(self, word: int) -> tuple[int, int]:
        """Return a word's class and its place in the class."""
        if word not in self._places:
            raise ShapeError(
                f"{type(self).__name__}: word {word} is in no class; there are {len(self._places)} words in the file"
            )
        return self._places[word]
