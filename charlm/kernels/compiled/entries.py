"""What is kept as machine code, and called without numba."""

from charlm.kernels.compiled.tape import ENTRIES

__all__ = ["ENTRIES"]
