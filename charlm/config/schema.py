"""The settings of a run, with the tutorial's values as defaults.

Every setting has one description, which ``--print-config`` and ``--help`` show, and one rule, which the
constructors and the file loader apply. Files are read and written elsewhere.
"""

from __future__ import annotations

from pathlib import Path
from pkgutil import iter_modules
from typing import Any, Literal

import attrs

from charlm.config import rules
from charlm.config.frozen import check_frozen
from charlm.config.rules import shown
from charlm.config.setting import setting
from charlm.errors import SettingError

_FOLDER = Path(__file__).parents[1] / "engine" / "rnn" / "cells"
CELLS = tuple(sorted(file.name for file in iter_modules([str(_FOLDER)])))
"""A cell is named like its file. The files are listed, not imported, because they import numpy."""

KERNELS = ("auto", "numpy", "numba")
"""The kernels to compute with; ``auto`` decides between the others."""


def _only(settings: Any, name: str, key: str, *values: str) -> None:
    """Refuse a setting that has no effect, because ``key`` has none of the values."""
    value = getattr(settings, key)
    if getattr(settings, name) is not None and value not in values:
        raise SettingError(
            f"has no effect with {key} {value}; leave it out (null), or set {key} to {' or '.join(values)}",
            name,
        )


_FALLING = ("cosine", "step", "exponential", "plateau")
DECAY = {"adamw": 0.01, "muon": 0.05}
"""The usual weight decay of the trainers that have one."""
_PROBABILITY = rules.number(least=0, below=1)


@attrs.frozen(kw_only=True)
class ModelConfig:
    """The network: an embedding, recurrent layers, a softmax over the alphabet.

    >>> ModelConfig(layers=2, hidden_dim=64).hidden_dims
    (64, 64)
    """

    cell: str = setting(
        "rnn", rules.one_of(*CELLS), f"recurrent cell: {', '.join(CELLS[:-1])} or {CELLS[-1]}"
    )
    layers: int = setting(1, rules.whole(1, most=1000), "number of recurrent layers")
    embed_dim: int = setting(50, rules.whole(1), "size of each character's embedding")
    hidden_dim: int | tuple[int, ...] = setting(
        50,
        rules.one_or_list(rules.whole(1), "a whole number"),
        "size of each layer's hidden state; a list gives each layer its own",
    )
    tied: bool = setting(False, rules.flag, "use the embedding table as softmax weights too")
    layer_norm: bool = setting(False, rules.flag, "layer normalization of each layer's output")
    forget_bias: float | None = setting(
        None,
        rules.or_nothing(rules.number()),
        "bias added in the forget gate of lstm and norm_lstm; null = 1 there, 0 in other cells",
    )
    dropout: float = setting(0.0, _PROBABILITY, "dropout between layers and before the softmax")
    input_dropout: float = setting(0.0, _PROBABILITY, "dropout on the embeddings")
    output_dropout: float | None = setting(
        None,
        rules.or_nothing(_PROBABILITY),
        "dropout before the softmax only; null = the same as dropout",
    )
    recurrent_dropout: float = setting(0.0, _PROBABILITY, "dropout on the recurrent weights")
    variational: bool = setting(False, rules.flag, "use the same dropout masks at every position")

    def __attrs_post_init__(self) -> None:
        if isinstance(self.hidden_dim, tuple) and len(self.hidden_dim) != self.layers:
            sizes = len(self.hidden_dim)
            raise SettingError(
                f"expected one size for each layer (layers is {self.layers}), got {sizes}",
                "hidden_dim",
            )
        top = self.hidden_dims[-1]
        if self.tied and top != self.embed_dim:
            raise SettingError(
                f"one table needs one size, but embed_dim is {self.embed_dim} and the hidden_dim of the top "
                f"layer is {top}; make them equal, or set tied to false",
                "tied",
            )

    @property
    def hidden_dims(self) -> tuple[int, ...]:
        """The size of each layer's state, from the lowest layer up."""
        if isinstance(self.hidden_dim, int):
            return (self.hidden_dim,) * self.layers
        return self.hidden_dim

    @property
    def dropout_rates(self) -> tuple[float, ...]:
        """The probabilities below the lowest layer, between the layers, and above the top one."""
        top = self.dropout if self.output_dropout is None else self.output_dropout
        return (self.input_dropout, *(self.dropout,) * (self.layers - 1), top)


BYTES = "bytes"
"""No encoding: the symbols are the values of the bytes."""


@attrs.frozen(kw_only=True)
class DataConfig:
    """The text, and how it becomes sequences of characters."""

    text: str | tuple[str, ...] = setting(
        "fox",
        rules.one_or_list(rules.path_or_name, "a bundled name or a path"),
        "a bundled text's name, a path (relative to this file), or a list of them",
    )
    framing: Literal["lines", "documents", "stream"] = setting(
        "lines",
        rules.one_of("lines", "documents", "stream"),
        "lines: each line is a text of its own; documents: each document is one (separator); stream: all is one text",
    )
    separator: str | None = setting(
        None,
        rules.or_nothing(rules.separator),
        "what separates documents: a line such as ---, '' for an empty line, or /PATTERN/; null = each file is one",
    )
    encoding: str = setting(
        "utf-8",
        rules.encoding,
        "encoding of the files: utf-8, another codec, or bytes (no decoding, 256 symbols)",
    )
    normalize: Literal["none", "NFC", "NFKC"] = setting(
        "none",
        rules.one_of("none", "NFC", "NFKC"),
        "Unicode normalization of the text: none, NFC or NFKC",
    )
    alphabet: str | None = setting(
        "abcdefghijklmnopqrstuvwxyz ",
        rules.alphabet,
        "characters of the vocabulary; null = those of the text",
    )
    min_count: int = setting(1, rules.whole(1), "characters that occur fewer times become <UNK>")
    val_frac: float = setting(
        0.0,
        rules.number(least=0, most=0.5),
        "fraction of the text that is held out for scoring, before the test part",
    )
    test_frac: float = setting(
        0.0,
        rules.number(least=0, most=0.4),
        "fraction of the text, at its end, that is kept for a final test",
    )
    val_file: str | None = setting(
        None,
        rules.or_nothing(rules.path_or_name),
        "a text to score instead of a held-out fraction of the text; null = none",
    )
    shuffle: bool = setting(
        True,
        rules.flag,
        "shuffle lines or documents before they are split into parts, and before each pass; false = keep their order",
    )
    batch_size: int = setting(
        32, rules.whole(1), "batch size: lines, or rows of text, that are read side by side"
    )
    seq_length: int = setting(
        64,
        rules.whole(1),
        "characters of each row in a batch: BPTT length (framing stream or documents)",
    )

    def __attrs_post_init__(self) -> None:
        if self.encoding == BYTES:
            for key, value in (("alphabet", None), ("normalize", "none"), ("min_count", 1)):
                if getattr(self, key) != value:
                    raise SettingError(
                        f"expected {shown(value)} with encoding {BYTES}, whose symbols are the 256 "
                        f"byte values; got {shown(getattr(self, key))}",
                        key,
                    )
        _only(self, "separator", "framing", "documents")
        if self.min_count > 1 and self.alphabet is not None:
            raise SettingError(
                "expected 1 with an alphabet; set data.alphabet to null to take the characters "
                f"that occur {self.min_count} times or more from the text",
                "min_count",
            )

    @property
    def texts(self) -> tuple[str, ...]:
        """The names or paths of the text, always as a tuple."""
        return (self.text,) if isinstance(self.text, str) else self.text


@attrs.frozen(kw_only=True)
class TrainConfig:
    """How the parameters are trained, and what is reported."""

    trainer: Literal["sgd", "momentum", "adagrad", "rmsprop", "adam", "adamw", "muon"] = setting(
        "sgd",
        rules.one_of("sgd", "momentum", "adagrad", "rmsprop", "adam", "adamw", "muon"),
        "optimizer: sgd, momentum, adagrad, rmsprop, adam, adamw or muon",
    )
    learning_rate: float = setting(
        0.1, rules.number(above=0), "learning rate; 0.1 suits sgd, 0.001 to 0.003 suits adam"
    )
    weight_decay: float | None = setting(
        None,
        rules.or_nothing(rules.number(least=0)),
        "weight decay of adamw and muon, multiplied by the learning rate; null = 0.01 for adamw, 0.05 for muon",
    )
    matrix_factor: float | None = setting(
        None,
        rules.or_nothing(rules.number(above=0)),
        "with muon, the factor on the learning rate for the matrices of the recurrent layers; null = 4",
    )
    warmup: int = setting(
        0, rules.whole(0), "updates in which the learning rate rises to its full value"
    )
    schedule: Literal["constant", "cosine", "step", "exponential", "plateau"] = setting(
        "constant",
        rules.one_of("constant", *_FALLING),
        "how the learning rate falls: constant (not at all), cosine, step, exponential or plateau",
    )
    decay: float | None = setting(
        None,
        rules.or_nothing(rules.number(least=0, most=1)),
        "factor on the learning rate: at the end (cosine, exponential) or at each fall (step, plateau); null = 0.1",
    )
    decay_at: tuple[float, ...] | None = setting(
        None,
        rules.or_nothing(rules.ordered(rules.number(above=0, below=1), "above")),
        "when the learning rate falls with schedule step: fractions of the training; null = [0.5, 0.75]",
    )
    decay_patience: int | None = setting(
        None,
        rules.or_nothing(rules.whole(1)),
        "held-out scores without a new best before the learning rate falls with schedule plateau; null = 2",
    )
    schedule_from: str | tuple[float, ...] | None = setting(
        None,
        rules.or_nothing(rules.place),
        "where the schedule begins; here = where a run is resumed (kept as its step and seconds), null = at the start",
    )
    clip_norm: float = setting(
        5.0, rules.number(least=0), "a gradient of larger norm is scaled to this norm; 0 = never"
    )
    accumulate: int = setting(1, rules.whole(1), "batches whose mean gradient makes one update")
    average: float = setting(
        0.0,
        _PROBABILITY,
        "decay of the moving average of the weights, which is scored and sampled; 0 = no average",
    )
    freeze: tuple[str, ...] = setting(
        (),
        rules.parts,
        "parts of the network that do not change: embedding, rnn (all layers), layer1, layer2, ..., softmax",
    )
    steps: int | None = setting(
        200, rules.or_nothing(rules.whole(0)), "number of updates; null = no limit"
    )
    epochs: float | None = setting(
        None, rules.or_nothing(rules.number(above=0)), "passes over the text; null = no limit"
    )
    max_time: str | None = setting(
        None, rules.or_nothing(rules.duration), "time limit: 90s, 10m or 1h30m; null = no limit"
    )
    patience: int | None = setting(
        None,
        rules.or_nothing(rules.whole(1)),
        "end after this many held-out scores in a row without a new best; null = never",
    )
    log_every: int = setting(5, rules.whole(1), "steps between two reported losses")
    sample_every: int = setting(
        5, rules.whole(0), "steps between two samples, besides those with scores; 0 = no samples"
    )
    eval_every: int = setting(500, rules.whole(1), "steps between two held-out scores")
    eval_characters: int | None = setting(
        500_000, rules.or_nothing(rules.whole(1)), "held-out characters in each score; null = all"
    )
    checkpoint_every: int = setting(
        100, rules.whole(1), "steps between two checkpoints, which are at most ten minutes apart"
    )
    seed: int = setting(0, rules.whole(0), "random seed; the same seed gives the same run")
    kernels: Literal["auto", "numpy", "numba"] = setting(
        "auto",
        rules.one_of(*KERNELS),
        "backend: numba (compiled, fast), numpy, or auto, which takes numba where it saves time",
    )
    threads: int | None = setting(
        None, rules.or_nothing(rules.whole(1)), "CPU cores to use; null = what suits the work"
    )

    def __attrs_post_init__(self) -> None:
        if self.steps is None and self.epochs is None and self.max_time is None:
            raise SettingError(
                "expected a number, because epochs and max_time are null too; "
                "set one of the three, or the training never ends",
                "steps",
            )
        _only(self, "weight_decay", "trainer", *DECAY)
        _only(self, "matrix_factor", "trainer", "muon")
        _only(self, "decay", "schedule", *_FALLING)
        _only(self, "decay_at", "schedule", "step")
        _only(self, "decay_patience", "schedule", "plateau")
        if self.decay == 0 and self.schedule != "cosine":
            raise SettingError(
                f"with schedule {self.schedule}, a learning rate of 0 would end the training; "
                "expected a number above 0, or schedule cosine",
                "decay",
            )

    @property
    def rule(self) -> dict[str, float]:
        """The trainer's settings besides the learning rate."""
        rule = {}
        if self.trainer in DECAY:
            usual = DECAY[self.trainer]
            rule["weight_decay"] = usual if self.weight_decay is None else self.weight_decay
        if self.trainer == "muon":
            rule["matrix_factor"] = 4.0 if self.matrix_factor is None else self.matrix_factor
        return rule

    @property
    def schedule_start(self) -> tuple[float, float]:
        """The step and the seconds at which the schedule begins."""
        place = self.schedule_from
        return (place[0], place[1]) if isinstance(place, tuple) else (0, 0.0)

    @property
    def decay_share(self) -> float:
        """``decay``, or its default."""
        return 0.1 if self.decay is None else self.decay

    @property
    def decay_places(self) -> tuple[float, ...]:
        """``decay_at``, or its default."""
        return (0.5, 0.75) if self.decay_at is None else self.decay_at

    @property
    def decay_after(self) -> int:
        """``decay_patience``, or its default."""
        return 2 if self.decay_patience is None else self.decay_patience


@attrs.frozen(kw_only=True)
class RunConfig:
    """All of a run: ``RunConfig()`` is the tutorial's simple RNN on the fox sentence."""

    name: str = setting("srnn", rules.run_name, "the run's directory is runs/NAME")
    model: ModelConfig = attrs.field(default=ModelConfig(), metadata={"doc": "The network"})
    data: DataConfig = attrs.field(default=DataConfig(), metadata={"doc": "The text"})
    train: TrainConfig = attrs.field(default=TrainConfig(), metadata={"doc": "The training"})

    def __attrs_post_init__(self) -> None:
        check_frozen(self.model, self.train.freeze)


SECTIONS = ("model", "data", "train")
