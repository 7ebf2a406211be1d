"""Conditions on the result of a comparison, such as ``bpc>2.2``, for scripts."""

from __future__ import annotations

import operator
import re
from collections.abc import Collection, Mapping

import attrs

from charlm.errors import InputError
from charlm.wording import short

METRICS = {
    "bpc": "bits per character of the held-out text",
    "bits_per_byte": "bits per byte of the held-out text in UTF-8",
    "loss": "the last loss in training, in nats; where no text is held out",
    "parameters": "the number of parameters",
    "seconds": "the time of a training",
}
_COMPARE = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}
_FORM = re.compile(
    r"(?:(?P<model>.+)\.)?(?P<metric>\w+)\s*(?P<sign>[<>]=?)\s*(?P<number>[^\s<>=]+)"
)


@attrs.frozen
class Condition:
    """A metric of a model, compared with a number.

    Attributes:
        text: as the user wrote it.
        model: its name; None for the best model.
        metric: a key of ``METRICS``.
        sign: ``<``, ``<=``, ``>`` or ``>=``.
        number: the number.

    Example:
        >>> condition = Condition.parse("lstm.bpc > 2.2")
        >>> condition.model, condition.metric, condition.sign, condition.number
        ('lstm', 'bpc', '>', 2.2)
        >>> condition.met({"lstm": {"bpc": 2.25}, "gru": {"bpc": 2.1}}, best="gru")
        'lstm.bpc > 2.2: lstm.bpc is 2.25'
        >>> Condition.parse("bpc>2.2").met({"lstm": {"bpc": 2.25}, "gru": {"bpc": 2.1}}, best="gru")
    """

    text: str
    model: str | None
    metric: str
    sign: str
    number: float

    @classmethod
    def parse(cls, text: str) -> Condition:
        """Read a condition.

        Raises:
            InputError: it has another form, or no such metric.
        """
        found = _FORM.fullmatch(text.strip())
        if found is None:
            raise InputError(
                f"{text!r} is not a condition: write a metric, one of < <= > >=, and a number, such as "
                "'bpc>2.2' or 'lstm.bpc>2.2', in quotes"
            )
        model, metric, sign, written = found.group("model", "metric", "sign", "number")
        if metric not in METRICS:
            raise InputError(
                f"{text!r}: there is no metric {metric!r}; the metrics are {', '.join(METRICS)}"
            )
        try:
            number = float(written)
        except ValueError:
            raise InputError(f"{text!r}: {written!r} is not a number") from None
        if number != number:
            raise InputError(f"{text!r}: nothing is greater or less than {written}; write a number")
        return cls(text, model, metric, sign, number)

    def check(self, models: Collection[str], metrics: Collection[str]) -> None:
        """Check, before anything is trained, that the comparison will have what this is about.

        Raises:
            InputError: there is no such model, or no such metric of it.
        """
        if self.model is not None and self.model not in models:
            raise InputError(
                f"{self.text!r}: there is no model {self.model!r}; the models are {', '.join(models)}"
            )
        if self.metric not in metrics:
            raise InputError(
                f"{self.text!r}: this comparison does not measure {self.metric} ({METRICS[self.metric]}), but "
                f"{', '.join(metrics)}"
            )

    def met(self, metrics: Mapping[str, Mapping[str, float]], best: str) -> str | None:
        """Return words on why the condition is true; None if it is false.

        It is true as well for a model without a result, because a script must not take that for success.

        Args:
            metrics: of each model that has a result.
            best: the best of them.
        """
        model = self.model or best
        if self.metric not in metrics.get(model, {}):
            return f"{self.text}: {model} has no result to compare"
        value = metrics[model][self.metric]
        true = _COMPARE[self.sign](value, self.number)
        return f"{self.text}: {model}.{self.metric} is {short(value, 6)}" if true else None
