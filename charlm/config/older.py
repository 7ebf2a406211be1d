"""Configs that an older charlm wrote: they are read as what they meant then.

Before there was ``data.shuffle``, lines were read one by one in the text's order, and ``data.batch_size`` had no
effect on them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from charlm.config.nodes import ConfigNode

LINE_BY_LINE = {"shuffle": False, "batch_size": 1}
COMPLETE = {"encoding", "normalize", "alphabet", "min_count", "val_frac", "test_frac", "val_file"}
"""Keys of the data section then: only charlm itself wrote all of them."""


def plain_of_today(data: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a stored config with what it leaves unsaid.

    >>> plain_of_today({"data": {"framing": "lines", "batch_size": 32}})
    {'data': {'framing': 'lines', 'batch_size': 1, 'shuffle': False}}
    """
    section = data.get("data") if isinstance(data, Mapping) else None
    if not isinstance(section, dict) or not _is_older(section, section.get("framing")):
        return data
    return {**data, "data": {**section, **LINE_BY_LINE}}


def file_of_today(root: ConfigNode) -> ConfigNode:
    """Return the tree of a file with what it leaves unsaid, if it is complete otherwise: then charlm wrote it."""
    section = root.child("data")
    if section is None or not isinstance(section.value, dict):
        return root
    framing = section.child("framing")
    if not (
        section.value.keys() >= COMPLETE and _is_older(section.value, framing and framing.value)
    ):
        return root
    return ConfigNode.of({"data": LINE_BY_LINE}, "an older charlm").over(root)


def _is_older(section: Mapping[str, Any], framing: object) -> bool:
    return framing == "lines" and "shuffle" not in section
