"""Array functions for the few computations that matter for speed; they know nothing of graphs.

``reference`` is plain numpy and defines what is right. ``Kernels`` is the set of functions an
engine runs on.
"""

from __future__ import annotations

from types import ModuleType
from typing import TypeAlias

from charlm.kernels import reference

Kernels: TypeAlias = ModuleType

NUMPY: Kernels = reference

__all__ = ["NUMPY", "Kernels", "reference"]
