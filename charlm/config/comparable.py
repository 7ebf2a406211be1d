"""The settings that all models of a comparison must share, as far as settings tell it.

On held-out text, models are compared by their score of the same text, so they may have different symbols and budgets;
``charlm.comparison.comparable`` checks the texts. Where nothing is held out, only losses in training are left. A loss
is in nats per symbol (or per line). With other symbols, or on another part of the text, it measures something else,
and a smaller number does not mean a better model.
"""

from __future__ import annotations

from operator import attrgetter
from typing import Any

from charlm.config.rules import shown
from charlm.errors import SettingError

SHARED = (
    *(
        "data.text",
        "data.framing",
        "data.separator",
        "data.encoding",
        "data.normalize",
        "data.alphabet",
    ),
    *("data.min_count", "data.val_frac", "data.test_frac", "data.val_file", "train.steps"),
)

OF_HELD_OUT = (
    *("data.framing", "data.separator", "data.normalize", "data.val_frac", "data.test_frac"),
)
"""Those of models that are judged on held-out text."""


def holds_out(run: Any) -> bool:
    """Tell whether a run has text to score: a part of its own, or another."""
    return run.data.val_frac > 0 or run.data.val_file is not None


def check_comparable(model: Any, base: Any) -> None:
    """Refuse a config that differs from the base in a shared setting.

    Raises:
        SettingError: at the first setting that differs; all of them are named.
    """
    held_out = holds_out(model) and holds_out(base)
    differences = {
        key: f"is {shown(mine)} here and {shown(theirs)} in the base"
        for key in (OF_HELD_OUT if held_out else SHARED)
        if (mine := attrgetter(key)(model)) != (theirs := attrgetter(key)(base))
    }
    if not differences:
        return
    (first, said), *others = differences.items()
    more = "".join(f", {key} {what}" for key, what in others)
    why = (
        "the scores of models can be compared only if they are of the same held-out text"
        if held_out
        else "the losses of a comparison can be compared only if all models "
        "predict the same symbols of the same text, for the same steps"
    )
    raise SettingError(
        f"{said}{more}; make them equal: {why}",
        *first.split("."),
    )
