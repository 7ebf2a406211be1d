"""Adding up the gradients of values, without an array more than it takes."""

from __future__ import annotations

from charlm.engine.arrays import Array, reduce_to, zeros_like


class Accumulator:
    """Gradients of numbered values; a first one is kept as it is, perhaps shared with others, and not written to."""

    def __init__(self) -> None:
        self.gradients: list[Array | None] = []
        self.owned = bytearray()  # 1: the array is this value's alone and may be added to in place

    def forget_gradients(self, count: int) -> None:
        """Start again, for so many values."""
        self.gradients = [None] * count
        self.owned = bytearray(count)

    def accumulate(self, number: int, dx: Array, value: Array) -> None:
        """Add to the gradient of a value, summed down to its shape."""
        if dx.shape != value.shape:
            dx = reduce_to(dx, value.shape)
        so_far = self.gradients[number]
        if so_far is None:
            self.gradients[number] = dx
        elif self.owned[number]:
            so_far += dx
        else:
            self.gradients[number] = so_far + dx
            self.owned[number] = 1

    def own_gradient(self, number: int, value: Array) -> Array:
        """Return the gradient of a value as an array of its own, zeros at first."""
        whole = self.gradients[number]
        if whole is None:
            whole = self.gradients[number] = zeros_like(value)
        elif not self.owned[number]:
            whole = self.gradients[number] = whole.copy()
        self.owned[number] = 1
        return whole
