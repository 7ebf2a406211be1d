"""Character-level RNN language models on a numpy autodiff engine of our own.

What the commands do, from Python:

    import charlm

    model = charlm.load("runs/srnn")          # the model of a run
    print(model.sample(prime="a quick "))

    training = charlm.Training(charlm.load_run("srnn"))
    for event in training.events():           # the training loop, as a generator of events
        print(event)

    comparison = charlm.Comparison(charlm.load_comparison("srnn-vs-lstm"))

``charlm.dynet`` is the DyNet interface, ``charlm.engine`` what lies under both.
"""

from __future__ import annotations

import importlib

__version__ = "0.1.0"

TYPE_CHECKING = False  # importing it takes longer than all else before Ctrl-C is handled
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
    """Import a public name when it is first used: `charlm --help` needs no numpy."""
    if name not in _HOME:
        raise AttributeError(f"module 'charlm' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    """Name the public names before they are used too: for ``dir``, ``help`` and completion."""
    return sorted({*globals(), *__all__})
