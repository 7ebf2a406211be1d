"""What a run has logged, as a list of dicts."""

from __future__ import annotations

from typing import Any

from charlm import display
from charlm.errors import import_extra
from charlm.wording import short

SHOWN = 20
"""The most rows that a notebook shows."""


class Rows(list[dict[str, Any]]):
    """A list of dicts, one for each row; a row may lack some names.

    Example:
        >>> rows = Rows([{"step": 1, "loss": 2.5}, {"step": 2, "held_out_nll": 2.25}])
        >>> rows[0]["loss"]
        2.5
    """

    def to_pandas(self) -> Any:
        """Return a pandas DataFrame; a value that a row lacks is NaN.

        Raises:
            MissingExtraError: pandas is not installed.
        """
        return import_extra("pandas", "to_pandas()").DataFrame(list(self))

    def _repr_html_(self) -> str:
        names = list(dict.fromkeys(name for row in self for name in row))
        rows = self[-SHOWN:]
        caption = f"the last {SHOWN} of {len(self):,} rows" if len(self) > SHOWN else ""
        cells = ([_shown(row.get(name, "")) for name in names] for row in rows)
        return display.table(cells, names, caption)


def _shown(value: Any) -> str:
    return short(value, 6) if isinstance(value, float) else str(value)
