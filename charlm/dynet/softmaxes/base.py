"""The base of DyNet's softmax builders, and the standard softmax."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

from charlm.dynet import session
from charlm.dynet.parameters import ParameterCollection, collection_of
from charlm.dynet.random import draw_index
from charlm.engine import ops
from charlm.engine.expression import Expression
from charlm.engine.ops.arguments import sizes, unsigned, unsigned_all
from charlm.errors import ShapeError


class SoftmaxBuilder(ABC):
    """A distribution over words 0 to n-1 given a vector ``x``, and its parameters.

    With ``update=False`` the parameters are constants without a gradient.
    """

    collection_name = ""

    def __init__(self, pc: ParameterCollection) -> None:
        own = collection_of(pc, type(self).__name__).add_subcollection(self.collection_name)
        self._collection = ParameterCollection.of(own)

    @abstractmethod
    def neg_log_softmax(self, x: Expression, c: int, update: bool = True) -> Expression:
        """Return -ln p(c | x)."""

    def neg_log_softmax_batch(
        self, x: Expression, c: Sequence[int], update: bool = True
    ) -> Expression:
        """Return -ln p(c | x) with one word for each batch element."""
        words = unsigned_all(c, "neg_log_softmax_batch")
        if isinstance(x, Expression) and len(words) != x.dim()[1]:
            raise ShapeError(
                f"neg_log_softmax_batch: a word for each of {x.dim()[1]} batch elements is needed, got {len(words)}"
            )
        losses = [
            self.neg_log_softmax(ops.pick_batch_elem(x, k), word, update)
            for k, word in enumerate(words)
        ]
        return ops.concatenate_to_batch(losses)

    @abstractmethod
    def sample(self, x: Expression) -> int:
        """Return a word drawn from p(. | x) by the current random stream."""

    def full_log_distribution(self, x: Expression, update: bool = True) -> Expression:
        """Return ln p(c | x) of every word c."""
        return ops.log_softmax(self.full_logits(x, update))

    @abstractmethod
    def full_logits(self, x: Expression, update: bool = True) -> Expression:
        """Return a vector whose softmax is p(. | x)."""

    def param_collection(self) -> ParameterCollection:
        """Return the builder's own sub-collection."""
        return self._collection


class AffineLayer:
    """W x + b: a score for each of n outcomes."""

    def __init__(
        self, collection: ParameterCollection, input_dim: int, outcomes: int, bias: bool
    ) -> None:
        shapes: list[tuple[int, ...]] = [(outcomes, input_dim), (outcomes,)]
        self._parameters = [
            collection.add_parameters(shape, None if len(shape) == 2 else 0.0)
            for shape in shapes[: 2 if bias else 1]
        ]

    def nodes(self, update: bool) -> list[Expression]:
        """Return the parameters' nodes in the current graph; they are made on first use."""
        return [p.leaf(bool(update)) for p in self._parameters]

    def logits(self, x: Expression, update: bool) -> Expression:
        """Return the scores."""
        W, *b = self.nodes(update)
        return ops.affine_transform([*b, W, x]) if b else ops.matmul(W, x)


def drawn(distribution: Expression) -> int:
    """Return an index drawn with these probabilities."""
    if distribution.dim()[1] != 1:
        raise ShapeError(
            f"sample: one vector is needed, got a batch of {distribution.dim()[1]}; sample from each element"
        )
    return draw_index(session.stream(), distribution.npvalue())


class StandardSoftmaxBuilder(SoftmaxBuilder):
    """softmax(W x + b).

    Args:
        input_dim: size of ``x``.
        num_classes: how many words.
        pc: where the parameters are added, in a sub-collection of their own.
        bias: whether there is a b.

    Example:
        >>> import charlm.dynet as dy
        >>> softmax = dy.StandardSoftmaxBuilder(3, 5, dy.ParameterCollection())
        >>> softmax.full_log_distribution(dy.vecInput(3)).dim()
        ((5,), 1)
    """

    collection_name = "standard-softmax-builder"

    def __init__(
        self, input_dim: int, num_classes: int, pc: ParameterCollection, bias: bool = True
    ) -> None:
        size, words = sizes((input_dim, num_classes), type(self).__name__)
        if not words:
            raise ShapeError(f"{type(self).__name__}: one class or more is needed, got 0")
        super().__init__(pc)
        self._scores = AffineLayer(self._collection, size, words, bias)

    def neg_log_softmax(self, x: Expression, c: int, update: bool = True) -> Expression:
        """Return -ln p(c | x)."""
        return ops.pickneglogsoftmax(self.full_logits(x, update), unsigned(c, "neg_log_softmax"))

    def neg_log_softmax_batch(
        self, x: Expression, c: Sequence[int], update: bool = True
    ) -> Expression:
        """Return -ln p(c | x) with one word for each batch element."""
        return ops.pickneglogsoftmax_batch(self.full_logits(x, update), c)

    def sample(self, x: Expression) -> int:
        """Return a word drawn from p(. | x) by the current random stream."""
        return drawn(ops.softmax(self.full_logits(x)))

    def full_logits(self, x: Expression, update: bool = True) -> Expression:
        """Return W x + b."""
        return self._scores.logits(x, update)
