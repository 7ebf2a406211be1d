"""Masking out the weights that matter least."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from charlm.engine.parameters import Parameter


def prune(pairs: Sequence[tuple[Parameter, Parameter]], share: float) -> None:
    """Set the masks of all weights to 1, and to 0 for this share of them with the smallest |weight * mask|.

    Args:
        pairs: weights and their masks; the share is of all of them together.
        share: from 0 to 1; a part of a weight is not counted.

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
