"""The declaration of one setting: its default, its rule and its description."""

from __future__ import annotations

from typing import Any

import attrs

from charlm.config import rules
from charlm.config.rules import Rule


def setting(default: Any, rule: Rule, doc: str) -> Any:
    """Return the field of a setting; a value that breaks the rule raises SettingError."""

    def convert(value: Any, field: attrs.Attribute[Any]) -> Any:
        return rules.checked(rule, field.name, value)

    return attrs.field(
        default=default,
        converter=attrs.Converter(convert, takes_field=True),
        metadata={"doc": doc, "rule": rule},
    )
