from __future__ import annotations
import numpy as np
from charlm.kernels.compiled.team import Team
from charlm.kernels.reference import Array
class Sizes: pass
NOTHING = np.zeros(0, np.float32)
def flat(a: Array | None) -> Array:
    return NOTHING if a is None else np.ascontiguousarray(a).reshape(-1)
def rows_together(T: int, B: int) -> int:
    return max(1, min(T, 64 // B))
def wanted_threads(team: Team, pairs: int, B: int) -> int:
    return 1 if B == 1 else min(team.threads, pairs)
