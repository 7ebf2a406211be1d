"""A collection without numbers, to count a builder's parameters before memory is allocated."""

from __future__ import annotations

import numpy as np

from charlm.engine.arrays import Shape
from charlm.engine.initializers import Initializer
from charlm.engine.parameters import Parameter, ParameterCollection
from charlm.engine.storage import Storage
from charlm.errors import ShapeError


class Sketch(ParameterCollection):
    """A collection whose parameters have shapes but no numbers, with a limit of ``most`` numbers.

    Example:
        >>> sketch = Sketch(5)
        >>> sketch.add_parameters((2, 2)).dims
        (2, 2)
        >>> sketch.add_subcollection().add_parameters((2,))
        Traceback (most recent call last):
        charlm.errors.ShapeError: it has more numbers than the file, 6 or more
    """

    def __init__(self, most: int) -> None:
        super().__init__()
        self.storage = _Room(most)

    def add_subcollection(self, name: str = "") -> ParameterCollection:
        """Return the collection itself, because names do not matter."""
        return self

    def add_parameters(
        self, dims: Shape, init: Initializer | None = None, name: str = ""
    ) -> Parameter:
        """Add a parameter without memory; ShapeError above the limit."""
        return Parameter("", dims, self.storage)


class _Room(Storage):
    """Counts numbers instead of storing them."""

    def __init__(self, most: int) -> None:
        super().__init__(np.float32)
        self._most = most

    def allocate(self, count: int) -> int:
        """Count more numbers; ShapeError above the limit."""
        offset, self.size = self.size, self.size + count
        if self.size > self._most:
            raise ShapeError(f"it has more numbers than the file, {self.size:,} or more")
        return offset
