"""The settings of a comparison: its models, how often each trains, and known scores to compare with."""

from __future__ import annotations

import attrs

from charlm.config import rules
from charlm.config.comparable import check_comparable, holds_out
from charlm.config.rules import shown
from charlm.config.schema import RunConfig
from charlm.config.setting import setting
from charlm.errors import SettingError


@attrs.frozen(kw_only=True)
class NamedModel:
    """One contender of a comparison, with its complete configuration."""

    name: str = setting(attrs.NOTHING, rules.folder_name, "the model's name in the results")
    config: RunConfig = attrs.field()


@attrs.frozen(kw_only=True)
class Reference:
    """A known score of the held-out text, such as the lowest that is possible. The results show it."""

    name: str = setting(attrs.NOTHING, rules.text, "what has this score")
    nll: float = setting(
        attrs.NOTHING, rules.number(least=0), "the score in nats per character of the text"
    )


@attrs.frozen(kw_only=True)
class ComparisonConfig:
    """Models that learn the same text for the same steps, over several seeds."""

    name: str = setting("comparison", rules.folder_name, "the comparison's name")
    base: RunConfig = attrs.field(default=RunConfig())
    models: tuple[NamedModel, ...]
    thresholds: tuple[float, ...] = setting(
        (10.0, 1.0),
        rules.ordered(rules.number(above=0), "below"),
        "losses to be reached, from high to low",
    )
    seeds: int = setting(
        5, rules.whole(1), "how many runs of each model, each with a seed of its own"
    )
    references: tuple[Reference, ...] = ()

    def __attrs_post_init__(self) -> None:
        if self.references and not holds_out(self.base):
            reason = (
                "these are scores of held-out text, and no text is held out; set base.data.val_frac"
            )
            raise SettingError(reason, "references")
        if len(self.models) < 2:
            raise SettingError(f"expected two models or more, got {len(self.models)}", "models")
        if self.base.train.steps is None and not holds_out(self.base):
            reason = (
                "expected a number: where nothing is held out, models are compared after the same "
                "number of steps"
            )
            raise SettingError(reason, "base", "train", "steps")
        names = [model.name for model in self.models]
        for index, model in enumerate(self.models):
            if model.name in names[:index]:
                reason = f"another model is named {shown(model.name)} too; give each its own name"
                raise SettingError(reason, "models", index, "config", "name")
            try:
                check_comparable(model.config, self.base)
            except SettingError as error:
                raise SettingError(error.reason, "models", index, "config", *error.path) from None
        for index, reference in enumerate(self.references):
            if reference.name in names:
                reason = (
                    f"{shown(reference.name)} is the name of a model or of another reference; "
                    "give each its own name"
                )
                raise SettingError(reason, "references", index, "name")
            names.append(reference.name)
