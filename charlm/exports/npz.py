"""Arrays of numpy. The weights have the names, shapes and formulas of a checkpoint."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import numpy as np

from charlm.exports.content import NAME, as_json, description, reader, weights
from charlm.exports.formats import Exported
from charlm.lm.model import Model


def export(model: Model) -> Exported:
    """Return a model of any cell as a file of ``numpy.savez``, which needs no pickle."""
    file = BytesIO()
    arrays: dict[str, Any] = {NAME: np.array(as_json(description(model))), **weights(model)}
    np.savez(file, **arrays)
    return Exported(file.getvalue(), {"_npz.py": reader("npz")})
