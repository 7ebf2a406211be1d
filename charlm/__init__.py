"""Character-level RNN language models on an automatic differentiation engine in numpy.

The commands have a Python API:

    import charlm

    model = charlm.load("runs/srnn")          # the model of a run
    print(model.sample(prime="a quick "))

    training = charlm.Training(charlm.load_run("srnn"))
    for event in training.events():           # the training loop, as a generator of events
        print(event)

    comparison = charlm.Comparison(charlm.load_comparison("srnn-vs-lstm"))

``charlm.dynet`` is DyNet's interface. Both use ``charlm.engine``.
"""

from __future__ import annotations

import importlib

__version__ = "0.1.0"

TYPE_CHECKING = False  # importing typing would delay the handling of Ctrl-C more than all else
if TYPE_CHECKING:
    from typing import Any

    from charlm.comparison.comparison import Comparison as Comparison
    from charlm.config import load_comparison as load_comparison
    from charlm.config import load_run as load_run
    from charlm.lm.language_model import CharLM as CharLM
    from charlm.lm.language_model import load as load
    from charlm.training.loop import Training as Training

_HOME = {
    "CharLM": "charlm.lm.language_model",
    "Comparison": "charlm.comparison.comparison",
    "Training": "charlm.training.loop",
    "load": "charlm.lm.language_model",
    "load_comparison": "charlm.config",
    "load_run": "charlm.config",
}
__all__ = ["CharLM", "Comparison", "Training", "load", "load_comparison", "load_run"]


def __getattr__(name: str) -> Any:
    """Import a public name on first use, so that `charlm --help` needs no numpy."""
    if name not in _HOME:
        raise AttributeError(f"module 'charlm' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    """Return the names, including public ones not used yet, for ``dir``, ``help`` and completion."""
    return sorted({*globals(), *__all__})
