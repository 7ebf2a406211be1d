"""The settings that all models of a comparison must share, so that their losses can be compared.

A loss is in nats per symbol (or per line). With other symbols, or on another part of the text, it measures something
else, and a smaller number does not mean a better model.
"""

from __future__ import annotations

from operator import attrgetter
from typing import Any

from charlm.config.rules import shown
from charlm.errors import SettingError

SHARED = (
    *("data.text", "data.framing", "data.encoding", "data.normalize", "data.alphabet"),
    *("data.min_count", "data.val_frac", "data.test_frac", "data.val_file", "train.steps"),
)


def check_comparable(model: Any, base: Any) -> None:
    """Refuse a config that differs from the base in a shared setting.

    Raises:
        SettingError: at the first setting that differs; all of them are named.
    """
    differences = {
        key: f"is {shown(mine)} here and {shown(theirs)} in the base"
        for key in SHARED
        if (mine := attrgetter(key)(model)) != (theirs := attrgetter(key)(base))
    }
    if not differences:
        return
    (first, said), *others = differences.items()
    more = "".join(f", {key} {what}" for key, what in others)
    raise SettingError(
        f"{said}{more}; make them equal: the losses of a comparison can be compared only if all models "
        "predict the same symbols of the same text, for the same steps",
        *first.split("."),
    )
