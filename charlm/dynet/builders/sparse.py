"""DyNet's LSTM with masked weights."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from charlm.dynet.builders.lstm import VanillaLSTMBuilder
from charlm.engine import parameters as engine
from charlm.engine.expression import Expression, leaf
from charlm.engine.graph import ComputationGraph
from charlm.engine.initializers import Constant
from charlm.engine.ops import cmult
from charlm.engine.ops.arguments import real
from charlm.engine.ops.leaves import ParameterLeaf
from charlm.errors import ShapeError


class SparseLSTMBuilder(VanillaLSTMBuilder):
    """The vanilla LSTM with Wx * maskx and Wh * maskh as its weights.

    The masks are parameters without a gradient, 1 at first: the fourth and fifth of a layer. In files they are before
    the bias.
    """

    own = 5

    def add_layer(
        self, collection: engine.ParameterCollection, input_dim: int, hidden_dim: int
    ) -> list[engine.Parameter]:
        """Add the weights, the masks and the bias, in DyNet's order."""
        shapes = self.cell.shapes(input_dim, hidden_dim)
        wx, wh = [self.add_parameter(collection, "", shape) for shape in shapes[:2]]
        masks = [collection.add_parameters(shape, Constant(1.0)) for shape in shapes[:2]]
        b = self.add_parameter(collection, "", shapes[2])
        return [wx, wh, b, *masks, *self.add_norms(shapes)]

    def nodes(
        self, graph: ComputationGraph, layer: list[engine.Parameter], update: bool
    ) -> list[Expression]:
        """Return the products of the weights and their masks, the bias, the gains and the offsets."""
        wx, wh, b, mask_x, mask_h, *norms = layer
        products = []
        for weight, mask in ((wx, mask_x), (wh, mask_h)):
            constant = leaf(graph, ParameterLeaf(mask), False)
            products.append(cmult(leaf(graph, ParameterLeaf(weight), update), constant))
        return [*products, *super().nodes(graph, [b, *norms], update)]

    def set_sparsity(self, sparsity: float) -> None:
        """Mask this share, from 0 to 1, of the weights of all layers: those nearest to 0.

        A masked weight counts as 0, so a larger share keeps it masked. ValueError for a share that is not in [0, 1].
        """
        share = real(sparsity, "set_sparsity")
        if not 0 <= share <= 1:
            raise ShapeError(f"set_sparsity: a share is from 0 to 1, got {sparsity}")
        prune(
            [pair for layer in self.layers for pair in zip(layer[:2], layer[3:5], strict=True)],
            share,
        )


def prune(pairs: Sequence[tuple[engine.Parameter, engine.Parameter]], share: float) -> None:
    """Set the masks to 0 for this share of the weights, those with the smallest |weight * mask|, and to 1 for others.

    Args:
        pairs: weights and their masks; the share refers to all of them together.
        share: from 0 to 1; the count of weights is rounded down.

    Example:
        >>> from charlm.engine.initializers import Constant, FromArray
        >>> from charlm.engine.parameters import ParameterCollection
        >>> pc = ParameterCollection()
        >>> weight = pc.add_parameters((4,), FromArray(np.array([0.5, -0.1, -2.0, 0.2])))
        >>> mask = pc.add_parameters((4,), Constant(1.0))
        >>> prune([(weight, mask)], 0.5)
        >>> mask.value
        array([1., 0., 1., 0.], dtype=float32)
    """
    if not pairs:
        return
    sizes = [np.abs(weight.value * mask.value).ravel() for weight, mask in pairs]
    flat = np.concatenate(sizes)
    kept = np.ones_like(flat)
    kept[np.argsort(flat, kind="stable")[: int(share * flat.size)]] = 0
    ends = np.cumsum([len(part) for part in sizes])[:-1]
    for (_, mask), part in zip(pairs, np.split(kept, ends), strict=True):
        mask.write()[...] = part.reshape(mask.value.shape)
