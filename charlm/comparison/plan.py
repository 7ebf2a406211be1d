"""What a comparison consists of: its members, each a model with a seed and a complete configuration."""

from __future__ import annotations

import json
from hashlib import sha256

import attrs

from charlm import __version__
from charlm.config import RunConfig, to_dict

_FREE = {
    "data": ("text", "val_file"),
    "train": ("kernels", "threads", "log_every", "sample_every", "checkpoint_every"),
}
"""Settings that are no part of a member's identity: its digest covers the text itself, and the others change no
result beyond its last digits."""


@attrs.frozen(kw_only=True)
class Span:
    """The held-out text that all members of a comparison score: places in bytes of the whole text in UTF-8."""

    begin: int
    end: int


@attrs.frozen(kw_only=True)
class Member:
    """One training of a comparison.

    Attributes:
        name: of the model.
        seed: of the training; ``config`` has it too.
        config: the complete configuration.
        text_sha256: the digest of the text.
        held_out: the text to score at the end; None if nothing is held out.
        work: how much work it is, in steps, or in seconds if only time limits it.

    Example:
        >>> member = Member(name="srnn", seed=0, config=RunConfig(), text_sha256="", work=200)
        >>> longer = attrs.evolve(member, config=RunConfig(train=attrs.evolve(RunConfig().train, steps=300)))
        >>> member.id == longer.id, member.folder.startswith("srnn-seed0-")
        (False, True)
    """

    name: str
    seed: int
    config: RunConfig
    text_sha256: str
    held_out: Span | None = None
    work: float

    @property
    def id(self) -> str:
        """The digest of all that decides the result: the configuration, the text and the version of charlm."""
        settings = to_dict(self.config)
        del settings["name"]
        for section, names in _FREE.items():
            for name in names:
                del settings[section][name]
        made_from = [settings, self.text_sha256, __version__]
        return sha256(json.dumps(made_from, sort_keys=True).encode()).hexdigest()

    @property
    def folder(self) -> str:
        """The name of its run directory, in the folder of the comparison."""
        return f"{self.name}-seed{self.seed}-{self.id[:10]}"

    @property
    def result(self) -> str:
        """The name of the file of its result, in its run directory."""
        part = "" if self.held_out is None else f"-{self.held_out.begin}-{self.held_out.end}"
        return f"result{part}.json"
